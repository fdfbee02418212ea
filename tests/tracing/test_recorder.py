"""The recorder sets the fields of a new operation itself, to save a call: they are those of any other span."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.sink import ListSink
from voltagent.core.span import AGENT, TOOL, Span, SpanTemplate
from voltagent.tracing.recorder import Recorder


def fields(span: Span) -> dict[str, Any]:
    names = [name for name in Span.__slots__ if name not in ("id", "start_ns", "__weakref__")]
    return {name: getattr(span, name) for name in names}


@pytest.mark.parametrize("kind", [AGENT, TOOL])
def test_a_started_operation_has_the_fields_of_a_span(kind: str) -> None:
    recorder = Recorder(ListSink())
    parent = recorder.start(recorder.start_trace("app", None), kind, "outer", None)
    about: dict[str, Any] = {"operation": "read", "tags": ("a",), "facts": {"version": "2"}}

    started = recorder.start_from(parent, SpanTemplate(TOOL, "inner", **about), b'{"a":1}', b'{"b":2}')

    assert fields(started) == fields(Span(parent.trace, parent, TOOL, "inner", b'{"a":1}', b'{"b":2}', **about))
    assert started.id != parent.id
    assert started.start_ns >= parent.start_ns
