"""The tokens and the cost of a trace are the same after OTLP, and the sum over its spans for receivers that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.helpers.sink import recording
from voltagent.capture.usage import summed
from voltagent.core.span import Span, SpanEvent
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.wire.otlp import decode
from voltagent.wire.otlp.profiles import PROFILES


def events() -> list[SpanEvent]:
    """An agent that has a tool with tokens, a retriever beside it, and an agent with tokens of its own in it."""
    with recording() as (recorder, sink):
        root = recorder.start_trace("root", None)
        bot = recorder.start(root, "agent", "bot", None)
        spans = [
            recorder.start(bot, "tool", "call", None),
            recorder.start(bot, "agent", "sub", None),
            recorder.start(root, "retriever", "search", None),
        ]
        for factor, span in enumerate(spans, 1):
            recorder.add(span, usage=usage(factor))
        for span in (*spans, bot, root):
            recorder.succeed(span, None)
    return sink.events


def usage(factor: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 100 * factor,
        "completion_tokens": 10 * factor,
        "total_tokens": 110 * factor,
        "cached_tokens": 20 * factor,
        "cache_write_tokens": 3 * factor,
        "reasoning_tokens": 2 * factor,
        "cost": 0.5 * factor,
    }


def received(profile: str) -> dict[str, Span]:
    spans = OpenSpans((profile,))
    messages = [message for message in map(spans.message, events()) if message is not None]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": messages}]}]}
    return {span.name: span for _, span, _ in decode.events_of(request).events}


@pytest.mark.parametrize("profile", ["genai", "openinference"])
def test_the_usage_of_every_operation_arrives_and_is_counted_once(profile: str) -> None:
    found = received(profile)
    for factor, name in enumerate(("call", "sub", "search"), 1):
        assert counts(found[name]) == usage(factor)
    assert summed(counts(span) for span in found.values()) == usage(6)


def test_the_platform_gets_the_sums_too() -> None:
    found = received("voltops")
    for factor, name in ((1, "bot"), (6, "root")):
        expected = usage(factor)
        del expected["cache_write_tokens"]  # it has no name there, and under ours a sum is not sent
        assert counts(found[name]) == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_loses_tokens_or_cost(profile: str) -> None:
    found = received(profile)
    kept = {"prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "cost"}
    assert {name: value for name, value in counts(found["call"]).items() if name in kept} == {
        name: value for name, value in usage(1).items() if name in kept
    }


def counts(span: Span) -> Mapping[str, Any]:
    return dict(span.usage or {})
