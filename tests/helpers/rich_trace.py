"""One rich trace with fixed ids and times: everything that a run can contain, for the tests of the wires."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.helpers.internals import span_of
from tests.helpers.sink import recording
from voltagent.core import clock
from voltagent.core.span import SpanEvent
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.handles import Agent, open_trace
from voltagent.tracing.recorder import Recorder
from voltagent.wire.otlp.encode import OtlpMessage

START = 1_900_000_000_000_000_000  # ns; in March 2030
STEP = 1_000_001


@contextmanager
def fixed_clock() -> Iterator[None]:
    """Ids count upwards (spread over all digits), and every look at the time takes a millisecond and a nanosecond."""
    before = clock.new_id, clock.new_trace_id, clock.monotonic_ns, clock.offset_ns
    ids, moments = count(1), count(START, STEP)
    clock.new_id = clock.new_trace_id = lambda: next(ids) * 0x0123_4567_89AB_CDEF_0011_2233_4455_6677 % (1 << 128)
    clock.monotonic_ns = lambda: next(moments)  # type: ignore[assignment]
    clock.offset_ns = lambda: 0
    try:
        yield
    finally:
        clock.new_id, clock.new_trace_id, clock.monotonic_ns, clock.offset_ns = before


def rich_events() -> list[SpanEvent]:
    with fixed_clock(), recording() as (recorder, sink):
        run(recorder)
    return sink.events


def run(recorder: Recorder) -> None:
    trace = open_trace(
        recorder,
        {
            "agent_id": "support-v1",
            "input": {"question": "Wo ist mein Päckchen? 📦"},
            "user_id": "u-1",
            "tags": ["support", "vip"],
            "metadata": {"channel": "web", "environment": "test"},
            "version": "2026.11",
        },
        {},
    )
    trace.update(conversation_id="c-9", metadata={"queue": 7})
    agent = trace.add_agent(
        name="Support Agent",
        input={"question": "Wo ist mein Päckchen? 📦"},
        instructions="Be brief.",
        model_parameters={
            "model": "gpt-4",
            "provider": "openai",
            "temperature": 0.5,
            "max_tokens": 200,
            "stop": "END",
            "seed": 2**60,
        },
    )
    _operations(agent)
    trace.add_event(name="handover:offered", type="custom", input={"to": "human"}, level="DEBUG")
    late = agent.add_tool(name="audit", input={})
    usage = {
        "prompt_tokens": 150,
        "completion_tokens": 85,
        "total_tokens": 235,
        "prompt_tokens_details": {"cached_tokens": 100},
        "reasoning_tokens": 20,
        "cost": 0.0125,
        "input_cost": 0.01,
        "output_cost": 0.0025,
        "audio_seconds": 3,
    }
    agent.success(output={"answer": "Morgen."}, usage=usage)
    trace.end(output={"answer": "Morgen."}, usage=usage)
    late.success(output="written after the end of the trace")


def _operations(agent: Agent) -> None:
    search = agent.add_retriever(name="kb-search", input={"query": "parcel", "k": 2}, metadata={"vector_store": "pg"})
    documents = [
        {"id": "d1", "content": "Parcels take 2 days.", "score": 0.9, "source": "faq"},
        "Customs may open parcels.",
    ]
    search.success(output={"result": documents})
    agent.add_memory(name="profile", operation="read", input={"key": "u-1"}).success(output=None)
    agent.add_memory(name="profile", input={"key": "u-1", "value": {"parcel": 2**70}}).success(output={"ok": True})
    agent.add_tool(
        name="tracking", input={"id": "P-1"}, metadata={"tool_call_id": "call_1", "description": "Finds parcels."}
    ).success(output={"where": "Köln"})
    sub = agent.add_agent(name="Translator", input={"text": "tomorrow"})
    sub.add_tool(name="dictionary", input={"word": "tomorrow"}).error(
        {
            "message": "no such word",
            "type": "LookupError",
            "name": "LookupError",
            "code": 404,
            "stack": "Traceback (most recent call last):\n  …\nLookupError: no such word\n",
            "cause": {"message": "file is gone", "type": "OSError", "name": "OSError"},
        },
        stage="lookup",
    )
    sub.error("gave up")
    slow = agent.add_tool(name="slow", input={})
    recorder = span_of(slow).trace.recorder
    recorder.end(span_of(slow), "cancelled")


def spans(events: list[SpanEvent], *profiles: str) -> list[OtlpMessage]:
    """The OTLP spans of events, in the JSON form, in their order."""
    open_spans = OpenSpans(profiles)
    return [message for message in map(open_spans.message, events) if message is not None]
