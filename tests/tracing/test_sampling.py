"""Sampling by whole trace, and the traces that are kept because something in them failed.

A recorder over a list has the sampling of each test, which the test kit does not have, and shows which events come out.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.server import Server
from tests.helpers.sink import ListSink, recording
from voltagent import VoltAgentSDK, agent, current, tool, trace
from voltagent.core import clock
from voltagent.core.span import Phase, Remote
from voltagent.errors import ValidationError
from voltagent.handles import TraceHandle, open_trace
from voltagent.propagation import extract, inject
from voltagent.storage.traces.store import Store
from voltagent.tracing import sampling as _sampling
from voltagent.tracing.sampling import Sampling

PARENT = Remote("1" * 32, "2" * 16)


@tool
def leaf(fails: bool = False) -> str:
    if fails:
        raise ValueError("leaf")
    return "done"


@agent
def branch(fails: bool = False) -> str:
    try:
        return leaf(fails)
    finally:
        leaf()


def run(fails: bool) -> None:
    try:
        branch(fails)
    except ValueError:
        pass


def buffered() -> Any:
    return recording(sampling=Sampling(0.0, keep_errors=True))


# Which are chosen.


def test_the_rate_is_about_the_share_of_whole_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "randomness", random.Random(7))
    with recording(sampling=Sampling(0.25)) as (recorder, sink):
        for _ in range(400):
            branch()
    traces = [span for span in sink.spans if span.parent is None]
    assert 70 < len(traces) < 130
    assert recorder.sampling.traces == 400 - len(traces)
    assert len(sink.events) == 8 * len(traces)


def test_a_function_decides_by_the_facts() -> None:
    seen: list[dict[str, Any]] = []

    def choose(facts: dict[str, Any]) -> bool:
        seen.append(facts)
        leaf()  # records nothing, and is not a trace to sample
        return bool(facts["user_id"] == "ada")

    @trace(agent_id="a", user_id=lambda args: args["user"], tags=["t"], metadata={"k": {"n": 1}})
    def turn(user: str) -> bool:
        return bool(current())

    with recording(sampling=Sampling(0.0, choose), common={"environment": "test"}) as (recorder, _):
        assert [turn("ada"), turn("bob")] == [True, False]
        assert bool(open_trace(recorder, {"agent_id": "a", "user_id": "ada"}, {}))
    assert seen[0] == {
        "agent_id": "a",
        "user_id": "ada",
        "conversation_id": None,
        "version": None,
        "tags": ["t"],
        "metadata": {"environment": "test", "k": {"n": 1}},
    }
    assert len(seen) == 3


@pytest.mark.parametrize(("given", "recorded"), [(0, False), (1, True), (0.0, False), (1.0, True), (True, True)])
def test_a_function_may_give_a_rate(given: float, recorded: bool) -> None:
    with recording(sampling=Sampling(0.5, lambda facts: given)):
        assert trace(lambda: bool(current()))() is recorded


@pytest.mark.parametrize("given", ["yes", None, 2, -0.1, float("nan"), ValueError("x"), SystemExit(3)])
def test_a_function_that_gives_nonsense_or_fails_costs_no_trace(given: Any, caplog: pytest.LogCaptureFixture) -> None:
    def choose(facts: dict[str, Any]) -> Any:
        if isinstance(given, BaseException):
            raise given
        return given

    with recording(sampling=Sampling(0.0, choose)):
        assert trace(lambda: bool(current()))()
        assert trace(lambda: bool(current()))()
    reported = [record.getMessage() for record in caplog.records if "sampler" in record.getMessage()]
    assert len(reported) == 1
    assert reported[0].endswith("; recording the trace")


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("sampled", [False, True])
def test_the_decision_of_a_parent_elsewhere_counts(rate: float, sampled: bool) -> None:
    with recording(sampling=Sampling(rate)) as (recorder, sink):
        handle = open_trace(recorder, {"agent_id": "a", "parent": PARENT._replace(sampled=sampled)}, {})
    assert bool(handle) is sampled
    assert (len(sink.events), recorder.sampling.traces) == (int(sampled), int(not sampled))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_the_decision_of_a_parent_elsewhere_need_not_count(rate: float) -> None:
    with recording(sampling=Sampling(rate, follow_parent=False)) as (recorder, sink):
        handle = open_trace(recorder, {"agent_id": "a", "parent": PARENT._replace(sampled=False)}, {})
    assert bool(handle) is bool(rate)
    assert sink.spans == [] or sink.spans[0].trace.remote == PARENT._replace(sampled=False)


def test_what_a_parent_elsewhere_leaves_out_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with recording() as (recorder, _), caplog.at_level(logging.INFO, "voltagent"):
        for _ in range(3):
            open_trace(recorder, {"agent_id": "a", "parent": PARENT._replace(sampled=False)}, {})
    (reported,) = [record.getMessage() for record in caplog.records if "follow_parent=False" in record.getMessage()]
    assert reported.startswith("a trace is left out")


LEFT_OUT = f"00-{'1' * 32}-{'2' * 16}-00"


def test_requests_from_what_a_caller_leaves_out_hand_the_caller_on() -> None:
    seen: list[dict[str, str]] = []

    @voltagent.tool
    def asks() -> None:
        seen.append(voltagent.inject({}))

    @voltagent.retriever
    def streams() -> Iterator[int]:
        asks()
        yield 1

    @voltagent.agent
    async def waits() -> None:
        asks()

    @voltagent.trace(parent=LEFT_OUT)
    def decorated() -> None:
        asks()
        assert list(streams()) == [1]
        asyncio.run(waits())

    @voltagent.trace(parent=lambda args: args["headers"])
    def decorated_stream(headers: dict[str, str]) -> Iterator[int]:
        asks()
        yield from streams()

    with recording() as (recorder, sink):
        decorated()
        assert list(decorated_stream({"traceparent": LEFT_OUT, "tracestate": "a=1"})) == [1]
        with open_trace(recorder, {"agent_id": "a", "parent": LEFT_OUT}, {}) as trace:
            asks()
            with trace.add_agent(name="n") as agent, agent.add_tool(name="t"):
                asks()
                with open_trace(recorder, {"agent_id": "inner"}, {}) as inner:
                    asks()
            assert not any(map(bool, (trace, agent, inner, voltagent.current(), voltagent.current_trace())))
            trace.update(user_id="u")
            agent.success("x")
            agent.record(metadata={"a": 1})
            trace.add_event(name="e", type="t")
            with pytest.raises(ZeroDivisionError), trace.add_tool(name="t"):
                raise ZeroDivisionError
            with voltagent.suppress():
                asks()
        assert voltagent.inject({}) == {}
        assert sink.events == []
    assert seen.pop() == {}, "nothing is said where all is suppressed"
    assert [headers["traceparent"] for headers in seen] == [LEFT_OUT] * 8
    assert [headers.get("tracestate") for headers in seen[3:5]] == ["a=1"] * 2


def test_the_sdk_takes_it() -> None:
    for follows in (None, True, False):
        with Server() as server, voltagent.VoltAgentSDK(base_url=server.url, follow_parent=follows) as sdk:
            sdk.trace(agent_id="a", parent=f"00-{'1' * 32}-{'2' * 16}-00").end()
            report = sdk.flush()
        assert (report.recorded, report.sampled_out) == ((2, 0) if follows is False else (0, 1))


def test_a_trace_within_a_trace_goes_with_it() -> None:
    answers = iter([1.0])
    with recording(sampling=Sampling(0.0, lambda facts: next(answers))) as (_, sink):
        trace(lambda: trace(lambda: None)())()
    assert len(sink.spans) == 2


# Errors that are kept.


def test_a_trace_that_fails_is_recorded_as_if_it_had_been_chosen() -> None:
    with recording() as (_, plain):
        run(fails=True)
    with buffered() as (recorder, sink):
        run(fails=True)
        run(fails=False)
    assert sink.phases == plain.phases
    assert len(sink.phases) == 8
    assert (recorder.sampling.traces, recorder.sampling.events) == (1, 8)


def test_a_failure_that_was_caught_counts_and_a_cancellation_does_not() -> None:
    with buffered() as (recorder, sink):
        with open_trace(recorder, {"agent_id": "caught"}, {}) as caught:
            caught.add_tool(name="t").error("no")
            assert len(sink.events) == 3
            late = caught.add_tool(name="late")
        late.success()
        open_trace(recorder, {"agent_id": "cancelled"}, {}).end(status="cancelled")
        open_trace(recorder, {"agent_id": "told"}, {}).update(status="error")
    assert [name for _, _, name in sink.phases] == ["caught", "t", "t", "late", "caught", "late", "told", "told"]
    assert (recorder.sampling.traces, recorder.sampling.events) == (1, 2)


def test_what_comes_after_the_end_of_a_trace_that_was_left_out_is_left_out() -> None:
    with buffered() as (recorder, sink):
        handle = open_trace(recorder, {"agent_id": "a"}, {})
        late = handle.add_tool(name="late")
        handle.end()
        late.error("too late")
        assert not handle.add_tool(name="later")
    assert sink.events == []
    assert (recorder.sampling.traces, recorder.sampling.events) == (1, 5)


def test_the_context_that_goes_out_says_that_it_is_not_recorded() -> None:
    with buffered() as (recorder, _), open_trace(recorder, {"agent_id": "a"}, {}) as handle:
        before = extract(inject({}))
        handle.add_tool(name="t").error("no")
        after = extract(inject({}))
    assert before is not None
    assert after is not None
    assert (before.sampled, after.sampled) == (False, True)


def test_a_trace_that_is_held_back_stays_small() -> None:
    with buffered() as (recorder, sink):
        with open_trace(recorder, {"agent_id": "many"}, {}) as many:
            taken = [bool(many.add_tool(name="t")) for _ in range(1100)]
            many.error("no")
        with open_trace(recorder, {"agent_id": "large"}, {}) as large:
            fits = [large.add_tool(name="t", input={"text": "x" * 100_000}) for _ in range(20)]
            for handle in filter(None, fits):
                handle.success(output={"text": "y" * 50_000})
            large.error("no")
    assert taken == [True] * 999 + [False] * 101
    assert sum(map(bool, fits)) == 10
    of_large = [event for event in sink.events if event[1].trace.agent_id == "large"]
    assert sum(len(span.output or b"") for phase, span, _ in of_large if phase is Phase.END) < 100_000
    assert b'"truncated":true' in (of_large[-2][1].output or b"")


def test_a_bounded_number_of_traces_is_held_back_and_those_that_are_forgotten_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_sampling, "MOST_TRACES", 3)

    def start() -> TraceHandle:
        return open_trace(recorder, {"agent_id": "a"}, {})

    with buffered() as (recorder, sink):
        held = [start() for _ in range(4)]
        assert [bool(handle) for handle in held] == [True, True, True, False]
        held[0].error("no")
        held[1].end()
        held += [start(), start(), start()]
        assert [bool(handle) for handle in held[4:]] == [True, True, False]
        del held[2:]
        gc.collect()
        assert start()
    assert len(sink.events) == 2


def test_threads_lose_nothing_and_repeat_nothing() -> None:
    together = threading.Barrier(4)

    def work(handle: TraceHandle, fails: bool) -> None:
        together.wait()
        for number in range(100):
            step = handle.add_tool(name="t")
            if fails and number == 50:
                step.error("no")
            else:
                step.success()

    with buffered() as (recorder, sink):
        handle = open_trace(recorder, {"agent_id": "a"}, {})
        threads = [threading.Thread(target=work, args=(handle, number == 0)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        handle.end()
    assert len(sink.events) == 2 + 4 * 200
    assert len({(phase, span.id) for phase, span, _ in sink.events}) == len(sink.events)
    started = set()
    for phase, span, _ in sink.events:
        assert phase is Phase.START or span.id in started
        started.add(span.id)


# The reports.


def test_the_report_says_what_was_left_out_and_still_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with VoltAgentSDK(exporter="local", local_path=path, sample_rate=0, keep_errors=True) as sdk:
        run(fails=True)
        run(fails=False)
        open_at_the_end = sdk.trace(agent_id="open")
        report = sdk.shutdown()
        assert (report.sampled_out, report.sampled_out_events) == (2, 9)
        assert (report.recorded, report.accepted, report.pending, dict(report.dropped)) == (8, 8, 0, {})
        assert sdk.stats() == report.result()
        open_at_the_end.error("too late")
        assert sdk.stats().recorded == 8
    store = Store(path)
    try:
        assert [found.status for found in store.traces()] == ["error"]
    finally:
        store.close()


def test_without_keeping_nothing_is_made_of_what_is_left_out(tmp_path: Path) -> None:
    with VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db", sample_rate=0) as sdk:
        assert not sdk.trace(agent_id="a")
    assert sdk.stats() == voltagent.Report(sampled_out=1)


@pytest.mark.parametrize(("option", "value"), [("sampler", 0.5), ("keep_errors", "yes")])
def test_wrong_arguments_are_named(option: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"{option} must be"):
        VoltAgentSDK(exporter="none", **{option: value})


def test_a_sink_that_refuses_what_was_kept_is_no_harm() -> None:
    with buffered() as (_, sink):
        assert isinstance(sink, ListSink)
        sink.full = True
        run(fails=True)
    assert {phase for phase, _, _ in sink.phases} == {"end"}
