"""Spans of other instrumentations, by the real OpenTelemetry SDK, in our tree: parents, kinds, ends and tokens.

A recorder over a list stands where the order of start, update and end, the ids of a
span, or a recorder with options is what is tested; the test kit reads the rest.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
    use_span,
)

import voltagent
from tests.helpers.sink import ListSink, loads, recording
from tests.helpers.trees import names_of
from voltagent import agent, llm, tool, trace
from voltagent.core.guard import Guard
from voltagent.core.span import Phase, Span
from voltagent.core.trace_ids import context_of
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.instrumentation import requests
from voltagent.opentelemetry import SpanProcessor
from voltagent.testing import Run, record
from voltagent.tracing import foreign_records, foreign_spans

CALL = {"openinference.span.kind": "LLM", "llm.model_name": "gpt"}
USED = {"llm.token_count.prompt": 11, "llm.token_count.completion": 7, "llm.token_count.total": 18}


@pytest.fixture
def processor() -> Iterator[SpanProcessor]:
    processor = SpanProcessor()
    yield processor
    processor.shutdown()


@pytest.fixture
def tracer(processor: SpanProcessor) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)  # type: ignore[arg-type]
    return provider.get_tracer("test")


@tool
def ours() -> str:
    return "done"


def ended(sink: ListSink, name: str) -> Span:
    (span,) = [span for phase, span, _ in sink.events if phase is Phase.END and span.name == name and span.parent]
    return span


def metadata(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in (span.metadata, *span.more_metadata):
        found |= loads(text) or {}
    return found


def test_spans_and_operations_nest_in_the_order_in_which_they_are_entered(tracer: Tracer) -> None:
    @tool
    def outer() -> None:
        with tracer.start_as_current_span("their tool", attributes={"openinference.span.kind": "TOOL"}):
            ours()
            with tracer.start_as_current_span("deep"):
                ours()
        ours()

    with recording() as (_, sink):
        outer()
    assert sink.tree() == [["outer", ["outer", ["their tool", ["ours"], ["deep", ["ours"]]], ["ours"]]]]
    assert [phase for phase, _, name in sink.phases if name == "deep"] == ["start", "end"]


def test_a_span_outside_any_trace_opens_one_with_its_trace_id(tracer: Tracer) -> None:
    with recording() as (_, sink):
        with tracer.start_as_current_span("chat", attributes={**CALL, "session.id": "c-1", "user.id": "u-1"}) as theirs:
            pass
        with tracer.start_as_current_span("plain"):
            ours()
    assert sink.tree() == [["chat", ["chat"]], ["plain", ["ours"]]]
    root, call = sink.spans[:2]
    assert (root.trace.user_id, root.trace.conversation_id) == ("u-1", "c-1")
    context = theirs.get_span_context()
    assert context_of(call)[:2] == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert [phase for phase, _, _ in sink.phases] == ["start", "start", "end", "end", "start", "start", "end", "end"]


def test_what_is_set_after_the_start_arrives(tracer: Tracer) -> None:
    with record() as run, tracer.start_as_current_span("later") as span:
        span.set_attributes({**CALL, **USED, "input.value": '{"q": 1}', "output.value": "hi", "custom": "kept"})
        span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
    call = run.operation()
    assert (call.kind, call.model, call.status) == ("llm", "gpt", "completed")
    assert call.usage == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    assert (call.input, call.output) == ({"q": 1}, {"result": "hi"})
    assert {key: call.metadata[key] for key in ("custom", "finish_reason")} == {
        "custom": "kept",
        "finish_reason": "stop",
    }


def test_an_input_that_comes_after_a_known_start_is_an_update(tracer: Tracer) -> None:
    with recording() as (_, sink), tracer.start_as_current_span("call", attributes=CALL) as span:
        span.set_attributes({"input.value": "question", "user.id": "u"})
    updates = [(span.kind, dict(fields or {})) for phase, span, fields in sink.events if phase is Phase.UPDATE]
    assert updates == [("llm", {"input": b'{"result":"question"}'}),
                       ("trace", {"input": b'{"result":"question"}', "user_id": "u"})]  # fmt: skip


def test_failures_are_recorded(tracer: Tracer) -> None:
    with record() as run:
        with pytest.raises(ValueError, match="wrong"), tracer.start_as_current_span("fails", attributes=CALL):
            raise ValueError("wrong")
        with tracer.start_as_current_span("reported", attributes=CALL) as span:
            span.set_status(Status(StatusCode.ERROR, "no"))
    failed, reported = run.operation("fails"), run.operation("reported")
    assert failed.status == reported.status == "error"
    assert (failed.error["type"], failed.error["message"]) == ("ValueError", "wrong")
    assert reported.error == "no"


def test_explicit_parents_hold_in_threads_and_out_of_order(tracer: Tracer) -> None:
    with record() as run:
        first = tracer.start_span("first", attributes={"openinference.span.kind": "AGENT"})
        second = tracer.start_span("second", context=set_span_in_context(first), attributes=CALL)
        thread = threading.Thread(
            target=lambda: tracer.start_span("third", context=set_span_in_context(first), attributes=CALL).end()
        )
        thread.start()
        thread.join()
        first.end()
        second.end()
        tracer.start_span("late", context=set_span_in_context(first), attributes=CALL).end()
    assert names_of(run) == [["first", ["first", ["second"], ["third"], ["late"]]]]


def test_concurrent_tasks_keep_their_own_current_span(tracer: Tracer) -> None:
    @tool
    async def step(name: str) -> None:
        await asyncio.sleep(0)

    async def work(name: str) -> None:
        with tracer.start_as_current_span(name, attributes={"openinference.span.kind": "CHAIN"}):
            await asyncio.sleep(0)
            await step(name)

    @agent
    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    with record() as run:
        asyncio.run(both())
    assert names_of(run) == [["both", ["both", ["a", ["step"]], ["b", ["step"]]]]]


def test_nothing_stays_current_after_the_span(tracer: Tracer) -> None:
    with record() as run:
        with tracer.start_as_current_span("theirs", attributes={"openinference.span.kind": "TOOL"}):
            ours()
        ours()
        assert not voltagent.current()
    assert names_of(run) == [["theirs", ["theirs", ["ours"]]], ["ours", ["ours"]]]


def test_handles_and_generators_see_the_foreign_span(tracer: Tracer) -> None:
    @tool
    def items() -> Iterator[int]:
        yield 1

    with record() as run, tracer.start_as_current_span("theirs", attributes=CALL):
        assert voltagent.current().name == "theirs"
        voltagent.current().add_tool(name="by hand").success()
        assert list(items()) == [1]
    assert names_of(run) == [["theirs", ["theirs", ["by hand"], ["items"]]]]


def test_a_span_of_another_process_is_continued(tracer: Tracer) -> None:
    remote = SpanContext(0xAB, 0xCD, is_remote=True, trace_flags=TraceFlags(1))
    with recording() as (_, sink):
        tracer.start_span("served", context=set_span_in_context(NonRecordingSpan(remote)), attributes=CALL).end()
    root = sink.spans[0]
    assert root.trace.remote is not None
    assert root.trace.remote[:2] == (f"{0xAB:032x}", f"{0xCD:016x}")


def test_nothing_is_recorded_while_suppressed_without_an_sdk_or_after_shutdown(
    tracer: Tracer, processor: SpanProcessor
) -> None:
    with tracer.start_as_current_span("nobody", attributes=CALL):
        pass
    with recording() as (_, sink):
        with voltagent.suppress(), tracer.start_as_current_span("suppressed", attributes=CALL):
            ours()
        still_open = tracer.start_span("open", attributes=CALL)
        processor.shutdown()
        tracer.start_span("after", attributes=CALL).end()
        still_open.end()
        ours()
    assert sink.tree() == [["open", ["open"]], ["ours", ["ours"]]]
    assert ended(sink, "open").status == "completed"


def test_capture_switched_off_keeps_content_out(tracer: Tracer) -> None:
    secret = {**CALL, "input.value": "s3cret", "output.value": "s3cret", "gen_ai.completion": "s3cret",
              "llm.input_messages.0.message.content": "s3cret", "gen_ai.prompt": "s3cret",
              "anything": "s3cret"}  # fmt: skip
    with recording(capture_input=False, capture_output=False) as (_, sink):
        with tracer.start_as_current_span("call", attributes=secret) as span:
            span.add_event("gen_ai.user.message", {"content": "s3cret"})
            span.record_exception(ValueError("s3cret"))
            span.set_status(Status(StatusCode.ERROR, "s3cret"))
    call = sink.only
    written = [call.input, call.output, call.metadata, *call.more_metadata, call.error]
    assert not [text for text in written if isinstance(text, bytes) and b"s3cret" in text]
    assert loads(call.error) == {"type": "ValueError"}  # type: ignore[arg-type]


# Tokens.


def total(run: Run) -> Any:
    return (run.trace.usage or {}).get("total_tokens")


def answer(identifier: str = "r-1") -> dict[str, Any]:
    return {"id": identifier, "model": "gpt", "choices": [{"message": {"role": "assistant", "content": "hi"}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"gen_ai.response.id": "r-1"}, {"output.value": json.dumps(answer())}])
def test_a_call_that_our_callers_return_as_well_counts_once(tracer: Tracer, more: dict[str, str]) -> None:
    @llm
    def ask() -> Any:
        with tracer.start_as_current_span("call", attributes=CALL) as span:
            span.set_attributes({**USED, **more})
            return answer()

    @tool
    def through() -> Any:
        return ask()

    @agent
    def assistant() -> Any:
        return through()

    with record() as run:
        trace(assistant)()
    assert total(run) == 18
    assert [call.name for call in run.find() if call.usage] == ["assistant", "call"]


def test_a_call_of_ours_inside_their_span_counts_once(tracer: Tracer) -> None:
    @llm
    def ask() -> Any:
        return answer()

    with record() as run, tracer.start_as_current_span("call", attributes={**CALL, **USED}):
        ask()
    assert total(run) == 18
    assert [call.name for call in run.find() if call.usage] == ["ask"]


def test_sums_that_frameworks_repeat_count_once(tracer: Tracer) -> None:
    with record() as run:
        with tracer.start_as_current_span("run", attributes={"openinference.span.kind": "CHAIN", **USED}):
            with tracer.start_as_current_span("step", attributes={"gen_ai.operation.name": "invoke_agent", **USED}):
                for number in range(2):
                    used = {"gen_ai.usage.input_tokens": 5 + number, "gen_ai.usage.output_tokens": 3 + number}
                    tracer.start_span("call", attributes={"gen_ai.operation.name": "chat", **used}).end()
    agent_run = run.operation("step")
    assert agent_run.usage is not None
    assert agent_run.usage["total_tokens"] == total(run) == 18


def test_a_client_that_is_instrumented_takes_the_record_over(tracer: Tracer) -> None:
    with recording() as (_, sink), tracer.start_as_current_span("call", attributes=CALL):
        span = sink.only
        assert foreign_records.take_over(span, object())
        assert not foreign_records.take_over(span, object())
        assert not foreign_records.take_over(None, object())


# As a processor.


def test_flush_sends_and_says_whether_all_was_sent(tmp_path: Path) -> None:
    with voltagent.VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db") as sdk:
        processor = SpanProcessor(sdk)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)  # type: ignore[arg-type]
        provider.get_tracer("x").start_span("call", attributes=CALL).end()
        assert provider.force_flush()
        assert sdk.stats().accepted == 4
        provider.shutdown()
    assert SpanProcessor().force_flush()


def test_spans_of_our_own_threads_are_left_alone(tracer: Tracer) -> None:
    with recording() as (_, sink):
        thread = threading.Thread(target=lambda: tracer.start_span("POST").end(), name="voltagent-otlp-request")
        thread.start()
        thread.join()
    assert sink.events == []


def test_the_oldest_of_very_many_is_forgotten(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_spans, "MOST_ENDED", 2)
    monkeypatch.setattr(foreign_spans, "MOST_OPEN", 2)
    with recording() as (_, sink):
        spans = [tracer.start_span(str(number), attributes=CALL) for number in range(4)]
        for span in spans:
            span.end()
    assert {span.name for phase, span, _ in sink.events if phase is Phase.END} == {"2", "3"}


def test_nothing_of_opentelemetry_is_imported() -> None:
    here = [str(Path(voltagent.__file__).parents[1]), *(path for path in sys.path if path.endswith("site-packages"))]
    code = (
        f"import sys; sys.path[:0] = {here!r}; import voltagent; from voltagent.opentelemetry import SpanProcessor\n"
        "from voltagent import tool\n"
        "with voltagent.VoltAgentSDK(exporter='none') as sdk:\n"
        "    SpanProcessor(sdk); tool(lambda: None)()\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_only_numbers_of_a_foreign_usage_are_recorded(tracer: Tracer) -> None:
    """What else is beside them has no limit, and is not redacted."""
    given = {"input": 5, "output": 10, "note": "x" * 100, "more": {"a": 1}, "flag": True}
    attributes = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(given)}
    with record() as run, tracer.start_as_current_span("call") as span:
        span.set_attributes(attributes)
    assert run.operation("call").usage == {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15}


def test_an_agent_with_a_count_that_is_not_a_number_ends(tracer: Tracer) -> None:
    used = json.dumps({"input": "many", "output": 10})
    with record() as run, tracer.start_as_current_span("bot") as span:
        span.set_attributes({"langfuse.observation.type": "agent", "langfuse.observation.usage_details": used})
    assert run.operation("bot").status == "completed"
    assert run.operation("bot").usage == {"completion_tokens": 10}


@pytest.mark.parametrize("late", [False, True])
def test_a_trace_keeps_its_metadata_with_capture_switched_off(tracer: Tracer, late: bool) -> None:
    with recording(capture_input=False) as (_, sink), tracer.start_as_current_span("run") as span:
        if late:
            ours()
        span.set_attributes({"metadata": '{"plan": "gold"}', "other": "s3cret"})
    (root,) = [span for phase, span, _ in sink.events if phase is Phase.END and span.parent is None]
    assert metadata(root) == {"plan": "gold"}


# Beside clients that are instrumented.


def test_a_record_that_a_client_took_over_ends_with_the_client_and_its_trace_with_it(tracer: Tracer) -> None:
    with recording() as (recorder, sink):
        theirs = tracer.start_span("call", attributes={"openinference.span.kind": "LLM"})
        with use_span(theirs):
            span = voltagent.core.context.current_span()
        assert span is not None
        assert foreign_records.take_over(span, object())
        theirs.end()  # the answer is a stream that the client still reads
        assert [phase for phase, _, _ in sink.phases] == ["start", "start"]
        recorder.succeed(span, b'{"result":"hi"}')
        foreign_records.leave(span)
    assert [(phase, name) for phase, _, name in sink.phases[2:]] == [("end", "call"), ("end", "call")]
    assert ended(sink, "call").output == b'{"result":"hi"}'


def test_a_span_that_is_made_after_a_call_which_is_recorded_already_is_left_out(tracer: Tracer) -> None:
    @llm
    def ask() -> Any:
        return answer("r-7")

    @agent
    def assistant() -> None:
        ask()
        for identifier in ("r-7", "r-8"):
            span = tracer.start_span("call")
            span.set_attributes({**CALL, **USED, "gen_ai.response.id": identifier})
            span.end()

    with record() as run:
        trace(assistant)()
    assert [call.name for call in run.find("llm")] == ["ask", "call"]
    assert total(run) == 36


def test_a_response_that_a_cache_gives_again_is_a_call_of_its_own(tracer: Tracer) -> None:
    @agent
    def assistant() -> None:
        for number in range(3):
            span = tracer.start_span(f"call {number}")
            span.set_attributes({**CALL, **USED, "gen_ai.response.id": "r-9"})
            span.end()

    with record() as run:
        trace(assistant)()
    assert [call.name for call in run.find("llm")] == ["call 0", "call 1", "call 2"]
    assert total(run) == 18


def test_the_end_of_a_request_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Span) -> None:
        raise LookupError

    monkeypatch.setattr(requests, "leave", fail)
    monkeypatch.setattr(Guard, "strict", False)
    plan = requests.RequestPlan("chat", "openai")
    with recording() as (recorder, sink):
        root = recorder.start_trace("bot", b"{}")
        plan.succeed(recorder.start(root, "llm", "one", None), False, "x")
        plan.fail(recorder.start(root, "llm", "two", None), False, ValueError("x"))
    assert [ended(sink, name).status for name in ("one", "two")] == ["completed", "error"]


# Kinds.

# The kinds of OpenInference, and ours.
KINDS = {
    "LLM": "llm",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retriever",
    "CHAIN": "span",
}


@pytest.mark.parametrize("theirs", KINDS)
@pytest.mark.parametrize("late", [False, True], ids=["at the start", "after the start"])
def test_every_kind_of_openinference_is_one_of_ours(theirs: str, late: bool, tracer: Tracer) -> None:
    kind = {"openinference.span.kind": theirs}
    with record() as run, tracer.start_as_current_span("outer"):
        with tracer.start_as_current_span("inner", attributes={} if late else kind) as span:
            span.set_attributes(kind)
    assert run.operation("inner").kind == KINDS[theirs]


@pytest.mark.parametrize("theirs", [name for name, ours in KINDS.items() if ours != "span"])
def test_a_foreign_kind_leaves_by_openinference_as_it_came(theirs: str, tracer: Tracer) -> None:
    exporter = OpenSpans(("openinference",))
    with recording() as (_, sink):
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner") as span:
            span.set_attribute("openinference.span.kind", theirs)
        sent = [message for message in map(exporter.message, sink.events) if message is not None]
    (inner,) = [message for message in sent if message["name"] == "inner"]
    values = {one["key"]: one["value"].get("stringValue") for one in inner["attributes"]}
    assert values["openinference.span.kind"] == theirs
