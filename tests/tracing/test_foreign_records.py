"""A foreign span and the client that takes its record over end in two threads, or are interrupted, at any bytecode."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span as ForeignSpan, use_span

from tests.helpers.bytecode_steps import Between
from tests.helpers.sink import ListSink, recording
from voltagent.core.context import CURRENT
from voltagent.core.span import Phase, Span
from voltagent.instrumentation.requests import RequestPlan, around_request
from voltagent.opentelemetry import SpanProcessor

_RECORDS = ("tracing/foreign_records.py", "tracing/foreign_spans.py")
_FILES = (*_RECORDS, "instrumentation/requests.py")
_PLAN = RequestPlan("chat", "test")
_BODY: dict[str, Any] = {"model": "gpt", "messages": []}


class _Case:
    """An open foreign span of a model call, and an instrumented client that makes that call."""

    def __init__(self, sink: ListSink, theirs: ForeignSpan) -> None:
        self.sink = sink
        self.end = theirs.end
        self._theirs = theirs
        self._request = around_request(lambda _args, _kwargs: (_PLAN, _BODY, False))
        self._begun: Span | None = None

    def request(self) -> None:
        """Make the call inside the foreign span."""
        with use_span(self._theirs, end_on_exit=False, record_exception=False, set_status_on_exception=False):
            self._request(str, None, ("client",), {})

    def begin(self) -> None:
        """Begin the call; :meth:`finish` ends it."""
        self._begun = _PLAN.begin(self.sink.only, None, (), _BODY)

    def finish(self) -> None:
        assert self._begun is not None
        _PLAN.succeed(self._begun, False, "client")

    @property
    def has_taken_over(self) -> bool:
        return self._begun is self.sink.operations[0]

    @property
    def ends(self) -> list[str]:
        return sorted(
            f"{'call' if span.parent else 'trace'} {span.output and span.output.decode()}"
            for phase, span, _ in self.sink.events
            if phase is Phase.END and span.name == "their call"
        )


@contextmanager
def case() -> Generator[_Case]:
    processor = SpanProcessor()
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(processor)  # type: ignore[arg-type]
    before = CURRENT.get()
    with recording() as (_, sink):
        theirs = provider.get_tracer("test").start_span("their call", attributes={"openinference.span.kind": "LLM"})
        yield _Case(sink, theirs)
        CURRENT.set(before)  # what an interrupt has left current
    processor.shutdown()


def between(action: str, call: str, then: str, at: int) -> tuple[int, list[str]]:
    """Do one thing between two bytecodes of another, then a third; return the number of bytecodes, and what ended."""
    with case() as one:
        steps = Between(_FILES, at, getattr(one, action))
        steps.run(getattr(one, call))
        if steps.place and then:
            getattr(one, then)()
            assert ('call {"result":"client"}' in one.ends) is one.has_taken_over, at
        return steps.count, one.ends if steps.place else []


@pytest.mark.parametrize(
    ("action", "call", "then"), [("end", "request", ""), ("request", "end", ""), ("begin", "end", "finish")]
)
def test_call_and_trace_end_once_wherever_the_other_thread_ends_or_makes_the_request(
    action: str, call: str, then: str
) -> None:
    between(action, call, then, 0)  # which imports things
    number, _ = between(action, call, then, 0)
    found = {at: ends for at in range(1, number + 1) if (ends := between(action, call, then, at)[1])}
    assert len(found) > number / 2  # Python 3.13.0 does not report every bytecode
    by_client = ['call {"result":"client"}', 'trace {"result":"client"}']
    wanted = (by_client, ["call None", "trace None"])  # the first of them has recorded it
    assert {at: ends for at, ends in found.items() if ends not in wanted} == {}


def interrupted(call: Callable[[_Case], None], at: int) -> tuple[int, bool, _Case]:
    """Interrupt a call before one bytecode; return the number of them, and whether the interrupt has arrived."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    arrived = False
    with case() as one:
        steps = Between(_RECORDS, at, interrupt)
        try:
            steps.run(lambda: call(one))
        except KeyboardInterrupt:
            arrived = True
        return steps.count, arrived, one


def test_a_request_that_is_interrupted_anywhere_leaves_no_open_trace() -> None:
    interrupted(_Case.request, 0)  # which imports things
    number = interrupted(_Case.request, 0)[0]
    for at in range(1, number + 1):
        _, arrived, one = interrupted(_Case.request, at)
        one.end()
        assert arrived or sys.version_info[:2] == (3, 13), at
        assert [end.split()[0] for end in one.ends] == ["call", "trace"], at
