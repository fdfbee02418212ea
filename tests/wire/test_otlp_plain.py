"""Spans without anything unusual take a short way to protobuf: it must give the same bytes as the long one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pydantic_core import to_json

from voltagent.core.span import COMPLETED, OPERATION_KINDS, TRACE, SharedFacts, Span, TraceInfo
from voltagent.wire.otlp import protobuf
from voltagent.wire.otlp.encode import span_message
from voltagent.wire.otlp.plain import PlainSpans
from voltagent.wire.otlp.profiles import PROFILES, plans
from voltagent.wire.otlp.span_view import Facts

NAMES = st.text(st.characters(codec=None), max_size=12)
PAYLOADS = st.none() | st.dictionaries(
    st.sampled_from(["query", "messages", "input", "result", "tools", "é"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=200),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
).map(to_json)
FACTS: st.SearchStrategy[Any] = st.sampled_from(
    [None, SharedFacts(tool_description="Add"), SharedFacts(tool_description="é", tool_parameters='{"type":"object"}')]
)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    trace = TraceInfo(draw(st.integers(0, 2**128 - 1)), draw(NAMES), None)
    trace.user_id = draw(st.none() | NAMES)
    trace.conversation_id = draw(st.none() | NAMES)
    parent = Span(trace, None, TRACE, draw(NAMES), identifier=trace.id)
    kind = draw(st.sampled_from([TRACE, *OPERATION_KINDS]))
    span = parent
    if kind != TRACE:
        span = Span(trace, parent, kind, draw(NAMES), operation=draw(st.sampled_from([None, "read", "write"])))
        span.facts = draw(FACTS)
    span.input, span.output = draw(PAYLOADS), draw(PAYLOADS)
    span.status, span.end_ns = COMPLETED, span.start_ns + draw(st.integers(0, 2**40))
    return span


@pytest.mark.parametrize("profiles", [*((name,) for name in PROFILES), tuple(PROFILES)])
def test_the_short_way_gives_the_bytes_of_the_long_one(profiles: tuple[str, ...]) -> None:
    known = plans(profiles)
    plain = PlainSpans(known)

    @settings(max_examples=20)
    @given(st.lists(spans(), min_size=1, max_size=3))
    def same(found: list[Span]) -> None:
        for span in (*found, *found):  # the second time with the template of the first
            facts = Facts(span)
            long = protobuf.encoded(span_message(facts, known[facts.kind]), protobuf.SPAN)
            assert plain.encoded(span) == long

    same()


def unusual() -> list[tuple[str, object]]:
    return [
        ("status", "error"), ("end_ns", None), ("metadata", b"{}"), ("more_metadata", (b"{}",)), ("tags", ("a",)),
        ("more_tags", ("a",)), ("usage", {"total_tokens": 1}), ("error", b'"x"'), ("model", "m"),
        ("facts", {"instructions": "x"}), ("kind", "custom"), ("id", "own id"), ("start_ns", -1),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), unusual())
def test_what_is_unusual_takes_the_long_way(name: str, value: object) -> None:
    trace = TraceInfo(1, "a", None)
    span = Span(trace, Span(trace, None, TRACE, "a", identifier=1), "tool", "t")
    span.status, span.end_ns = COMPLETED, span.start_ns
    plain = PlainSpans(plans(("genai",)))
    assert plain.encoded(span) is not None
    setattr(span, name, value)
    assert plain.encoded(span) is None


@pytest.mark.parametrize("name", ["parent_trace_id", "completion_start", "version", "level", "remote"])
def test_so_does_what_is_unusual_in_its_trace(name: str) -> None:
    trace = TraceInfo(1, "a", None)
    span = Span(trace, None, TRACE, "a", identifier=1)
    span.status, span.end_ns = COMPLETED, span.start_ns
    setattr(trace, name, "x")
    assert PlainSpans(plans(("genai",))).encoded(span) is None
