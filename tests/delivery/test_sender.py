"""The sender next to a destination in memory: batches, order, retries, a full queue, flush, shutdown, counts."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any
from weakref import ref

import pytest
from hypothesis import example, given, settings, strategies as st

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import (
    DOWN,
    REJECTED,
    RETRY,
    START,
    WRONG_KEY,
    Memory,
    Recording,
    conserved,
    is_down,
    make_sender,
    waiting,
    word,
)
from tests.helpers.pace import PATIENCE, hold, hold_processor, until
from voltagent.core import guard
from voltagent.core.span import CANCELLED, TOOL, Phase, Span, SpanEvent
from voltagent.delivery.destination_state import State
from voltagent.delivery.processing import Processing
from voltagent.delivery.report import Report
from voltagent.delivery.shutdown import Shutdown
from voltagent.delivery.storage import MemoryStorage
from voltagent.exporters import ACCEPTED, Outcome, Verdict


@pytest.fixture
def memory() -> Memory:
    return Memory()


def check_order(memory: Memory) -> None:
    """Law 5: a trace before what is in it, a start before its children and its end, a trace's end after its tools'."""
    seen: set[int | str] = set()
    ended: set[int | str] = set()
    for phase, span, _ in memory.accepted:
        assert span.trace.id not in ended
        if phase is Phase.START:
            assert span.parent is None or span.parent.id in seen
            seen.add(span.id)
        else:
            assert span.id in seen
            if span.parent is None:
                ended.add(span.id)


# When it sends.


def test_nothing_runs_before_the_first_record(memory: Memory) -> None:
    before = set(threading.enumerate())
    sender = make_sender(memory)
    assert sender.flush().result().recorded == 0
    assert sender.stats() == sender.shutdown().result()
    assert set(threading.enumerate()) <= before
    assert memory.batches == []


def test_what_waits_is_sent_after_the_interval(memory: Memory) -> None:
    sender = make_sender(memory, flush_interval=0.02)
    Recording(sender).whole()
    assert memory.entered.wait(PATIENCE)
    sender.shutdown().result()
    assert memory.words == ["start trace", "start trace.0", "end trace.0", "end trace"]


def test_the_number_of_events_starts_nothing(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    recording = Recording(sender)
    root = recording.trace()
    for _ in range(1000):
        recording.end(recording.tool(root))
    recording.end(root)
    assert not memory.entered.wait(0.05)
    sender.flush().result()
    assert [len(batch) for batch in memory.batches[:3]] == [512, 512, 512]
    sender.shutdown().result()


def test_a_heavy_batch_does_not_wait(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    recording = Recording(sender)
    root = recording.trace()
    for _ in range(5):
        recording.tool(root, payload=b'{"x":"%b"}' % (b"x" * 2**20))
    assert memory.entered.wait(PATIENCE)
    sender.shutdown().result()
    weights = [sum(len(span.input) for phase, span, _ in batch if phase is START) for batch in memory.batches]
    assert max(weights) <= 4 * 2**20 < sum(weights)


def test_the_sender_gives_way_while_the_program_goes_on_recording(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False, queue_events=400, queue_bytes=2**20)
    recording, (worker,) = Recording(sender), sender.workers
    storage = MemoryStorage(worker.accounts, worker.buffer, worker.dispatcher.options, Processing(None))
    root = recording.trace()
    assert storage.is_due()
    assert not storage.is_due(), "nothing was recorded since"
    recording.end(recording.tool(root))
    assert storage.is_due()
    tool = recording.tool(root)
    assert storage.is_due()
    recording.end(tool)
    assert storage.is_due(), "an end that waits in the entry of its start counts, too"
    recording.tool(root, payload=b"x" * 2**18)
    assert not storage.is_due(), "a quarter of the queue's bytes"
    sender.flush().result()
    for _ in range(100):
        recording.end(recording.tool(root))
    assert not storage.is_due(), "a quarter of its events"
    sender.flush().result()
    memory.gate.clear()
    recording.tool(root)
    storage = MemoryStorage(worker.accounts, worker.buffer, worker.dispatcher.options, Processing(None))
    waits = sender.flush()
    recording.tool(root)
    assert not storage.is_due(), "a caller waits"
    memory.gate.set()
    waits.result()
    recording.tool(root)
    assert storage.is_due()
    sender.shutdown().result()


def test_the_sender_gives_way_while_it_takes_in_a_burst(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    recording, (worker,) = Recording(sender), sender.workers
    (account,) = worker.accounts
    left: list[int] = []

    class Recorded(MemoryStorage):
        def give_way(self) -> None:
            if not left:
                recording.end(recording.tool(root))
            if self.is_due():
                left.append(len(account.waiting))

    storage = Recorded(worker.accounts, worker.buffer, worker.dispatcher.options, Processing(None))
    root = recording.trace()
    for _ in range(300):
        recording.end(recording.tool(root))
    storage.accept()
    assert left == [174], "after 128 of 301 entries, as something is recorded just then; nothing is after the next 128"
    assert len(account.waiting) == 1, "what was recorded meanwhile is for the next time"
    recording.end(root)
    assert conserved(sender.shutdown().result()).accepted == 604


def test_without_auto_flush_only_a_flush_sends(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False, flush_interval=0.001)
    recording = Recording(sender)
    recording.whole("one")
    assert not memory.entered.wait(0.05)
    assert sender.stats().pending == 4
    assert conserved(sender.flush().result()).accepted == 4
    sender.shutdown().result()


def test_a_flush_without_patience_sends_all_the_same(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    for _ in range(20):
        Recording(sender).whole()
        sender.flush(0)
    assert conserved(sender.flush().result()).accepted == 80
    memory.entered.clear()
    Recording(sender).whole()
    assert sender.flush(0).result().recorded == 84
    assert memory.entered.wait(PATIENCE)
    sender.shutdown().result()


def test_a_burst_is_sent_in_batches(memory: Memory) -> None:
    sender = make_sender(memory)
    recording = Recording(sender)
    for _ in range(2500):
        recording.whole()
    report = sender.flush().result()
    assert (report.recorded, report.accepted, report.pending) == (10_000, 10_000, 0)
    assert max(map(len, memory.batches)) == 512
    check_order(memory)
    sender.shutdown().result()


def test_traces_share_a_batch(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    recording = Recording(sender)
    memory.gate.clear()
    recording.whole("first")
    first = sender.flush()
    assert memory.entered.wait(PATIENCE)
    huge = recording.trace("huge")
    for _ in range(2000):
        recording.tool(huge)
    recording.whole("small")
    memory.gate.set()
    first.result()
    sender.flush().result()
    assert "end small" in [word(event) for event in memory.batches[1]]
    check_order(memory)
    sender.shutdown().result()


def sizes_of(memory: Memory, recording: Recording) -> list[int]:
    """The batches in which a trace of 3,002 events is sent, after `flush`."""
    memory.batches.clear()
    recording.whole(tools=1500)
    recording.sender.flush().result()
    return [len(batch) for batch in memory.batches]


def test_a_batch_has_at_most_512_events(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    assert max(sizes_of(memory, Recording(sender))) == 512
    sender.shutdown().result()


def test_the_local_store_gets_more_at_once_as_long_as_that_is_quick() -> None:
    memory = Memory(name="local")
    sender = make_sender(memory, auto_flush=False)
    recording = Recording(sender)
    found = sizes_of(memory, recording)
    for _ in range(100):  # a batch may be slow on a busy machine
        if max(found) <= 512:
            found = sizes_of(memory, recording)
    assert 512 < max(found) <= 2048
    recording.whole(tools=1500)
    memory.batches.clear()
    sender.shutdown().result()  # little time is left: it gets what can be written in it
    assert max(len(batch) for batch in memory.batches) <= 512
    check_order(memory)


def test_after_a_slow_batch_the_local_store_gets_no_more_than_others() -> None:
    memory = Memory(name="local")
    sender = make_sender(memory, auto_flush=False)
    until_then: list[float] = []

    def slowly(event: SpanEvent) -> Outcome:
        until_then.append(time.monotonic() + 0.11)
        while time.monotonic() < until_then[0]:
            pass
        return ACCEPTED

    recording = Recording(sender)
    for _ in range(3):
        sizes_of(memory, recording)
    memory.answer = slowly
    _, second, *_ = sizes_of(memory, recording)
    assert second <= 512
    sender.shutdown().result()


def test_an_idle_worker_sleeps_without_a_limit(memory: Memory) -> None:
    sender = make_sender(memory, flush_interval=0.01)
    Recording(sender).whole()
    sender.flush().result()
    assert sender.workers[0].loop.wake_time(time.monotonic(), []) == float("inf")
    sender.shutdown().result()


def test_what_is_sent_on_request_only_costs_nothing_while_it_waits(memory: Memory) -> None:
    sender = make_sender(memory, auto_flush=False)
    loop = sender.workers[0].loop
    usual, looks, many = loop.wake_time, count(), threading.Event()

    def counted(now: float, stops: list[Shutdown]) -> float:
        if next(looks) > 50:
            many.set()
        return usual(now, stops)

    loop.wake_time = counted  # type: ignore[method-assign]
    recording = Recording(sender)
    root = recording.trace()
    assert not many.wait(0.3)
    for _ in range(70):
        recording.end(recording.tool(root, payload=b"x" * 2**16))
    until(lambda: memory.accepted)  # 4 MiB do not wait
    assert conserved(sender.shutdown().result()).pending == 0


# Answers and retries.


def test_an_event_that_is_refused_costs_one_event(memory: Memory) -> None:
    memory.answer = lambda event: REJECTED if word(event) == "start trace.1" else ACCEPTED
    sender = make_sender(memory)
    Recording(sender).whole(tools=3)
    report = conserved(sender.flush().result())
    assert (report.accepted, dict(report.dropped)) == (7, {"rejected": 1})
    assert "end trace.1" in memory.words
    sender.shutdown().result()


def test_a_trace_that_is_refused_takes_all_that_is_in_it(memory: Memory) -> None:
    memory.answer = lambda event: REJECTED if word(event) == "start bad" else ACCEPTED
    sender = make_sender(memory)
    recording = Recording(sender)
    bad = recording.trace("bad")
    recording.end(recording.tool(bad))
    recording.whole("good")
    assert dict(conserved(sender.flush().result()).dropped) == {"rejected": 3}
    recording.tool(bad)
    recording.end(bad)
    assert dict(conserved(sender.flush().result()).dropped) == {"rejected": 5}
    assert len(memory.accepted) == 4
    sender.shutdown().result()


def test_an_event_is_tried_again_before_those_behind_it(memory: Memory) -> None:
    failures = iter([RETRY, RETRY, RETRY])
    memory.answer = lambda event: next(failures, ACCEPTED)
    sender = make_sender(memory)
    Recording(sender).whole(tools=5)
    report = conserved(sender.flush().result())
    assert (report.accepted, report.dropped) == (12, {})
    check_order(memory)
    sender.shutdown().result()


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_an_event_is_given_up_after_max_retries(memory: Memory, max_retries: int) -> None:
    tried: list[SpanEvent] = []

    def answer(event: SpanEvent) -> Outcome:
        if word(event) != "end trace.0":
            return ACCEPTED
        tried.append(event)
        return RETRY

    memory.answer = answer
    sender = make_sender(memory, max_retries=max_retries)
    Recording(sender).whole(tools=2)
    report = conserved(sender.flush().result())
    assert dict(report.dropped) == {"retries_exhausted": 1}
    assert len(tried) == max_retries + 1
    assert len({id(event) for event in tried}) == 1
    sender.shutdown().result()


def test_events_wait_while_the_destination_is_down(memory: Memory) -> None:
    sizes: list[int] = []

    def answer(event: SpanEvent) -> Outcome:
        sizes.append(len(memory.batches[-1]))
        return DOWN if len(sizes) <= 20 else ACCEPTED

    memory.answer = answer
    sender = make_sender(memory, max_retries=0)
    recording = Recording(sender)
    for _ in range(5):
        recording.whole()
    report = conserved(sender.flush().result())
    assert (report.accepted, report.dropped) == (20, {})
    sizes = [len(batch) for batch in memory.batches]
    assert sizes[0] == 20, "the first batch does not know yet"
    assert sizes[1] == 1, "then one event asks for all"
    check_order(memory)
    sender.shutdown().result()


def test_probes_are_some_time_apart() -> None:
    memory = Memory(lambda event: DOWN)
    sender = make_sender(memory, probe_seconds=30.0)
    Recording(sender).whole()
    sender.flush(0)
    until(lambda: is_down(sender))
    report = conserved(sender.flush(0.3).result())
    assert (report.pending, len(memory.batches)) == (4, 1)
    sender.shutdown(0).result()


def test_an_event_that_brings_its_server_down_each_time_is_given_up(memory: Memory) -> None:
    memory.answer = lambda event: DOWN if word(event) == "start poison" else ACCEPTED
    sender = make_sender(memory, max_retries=0, probe_seconds=0.0)
    recording = Recording(sender)
    recording.trace("poison")
    stop = time.monotonic() + PATIENCE
    while not sender.stats().dropped and time.monotonic() < stop:
        recording.whole("good")
        sender.flush(0.01).result()
    assert set(sender.stats().dropped) == {"retries_exhausted"}
    sender.shutdown().result()


def test_retry_after_is_kept_to(memory: Memory) -> None:
    waits = iter([Outcome(Verdict.RETRY, retry_after=0.2)])
    memory.answer = lambda event: next(waits, ACCEPTED)
    sender = make_sender(memory)
    Recording(sender).trace()
    began = time.monotonic()
    assert sender.flush().result().accepted == 1
    assert time.monotonic() - began >= 0.2
    sender.shutdown().result()


def test_a_refused_key_drops_until_the_next_probe_and_heals(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    memory.answer = lambda event: WRONG_KEY if len(memory.batches) == 1 else ACCEPTED
    sender = make_sender(memory, auth_seconds=PATIENCE)
    recording = Recording(sender)
    root = recording.trace("before")
    recording.whole("before")
    with caplog.at_level(logging.INFO, "voltagent"):
        assert dict(conserved(sender.flush().result()).dropped) == {"auth": 5}
        recording.whole("meanwhile")
        assert dict(conserved(sender.flush().result()).dropped) == {"auth": 9}
        worker = sender.workers[0]
        worker.dispatcher.state.until = 0.0  # what comes after the next probe is due is sent again
        worker.loop.signal.release()
        until(lambda: worker.dispatcher.state.current is State.PROBING)
        recording.end(root)
        recording.whole("after")
        report = conserved(sender.flush().result())
    assert (dict(report.dropped), report.accepted) == ({"auth": 10}, 4)
    assert memory.words[0] == "start after"
    lines = [record.getMessage() for record in caplog.records]
    assert sum("secret_key" in line for line in lines) == 1
    assert sum("recovered" in line and "lost" in line for line in lines) == 1
    sender.shutdown().result()


def test_an_exporter_that_raises_is_a_destination_that_says_no(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.Guard, "strict", False)
    errors = iter([ValueError("bug")])

    def answer(event: SpanEvent) -> Outcome:
        for exc in errors:
            raise exc
        return ACCEPTED

    memory.answer = answer
    sender = make_sender(memory)
    Recording(sender).whole()
    assert conserved(sender.flush().result()).accepted == 4
    sender.shutdown().result()


def test_what_cannot_be_made_safe_is_not_sent(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.Guard, "strict", False)

    def process(event: SpanEvent) -> SpanEvent | None:
        if word(event) == "end trace.0":
            raise ValueError("redaction failed")
        return None if word(event) == "start trace.1" else event

    sender = make_sender(memory, process=process)
    Recording(sender).whole(tools=2)
    report = conserved(sender.flush().result())
    assert dict(report.dropped) == {"serialize_error": 2}
    assert not {"end trace.0", "start trace.1"} & set(memory.words)
    sender.shutdown().result()


def test_what_is_not_safe_is_counted_once_whatever_is_raised_behind_it(memory: Memory) -> None:
    class Interrupted(BaseException):
        pass

    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raised.append(record.getMessage())
            raise Interrupted

    raised: list[str] = []
    sender = make_sender(memory, process=lambda event: None if word(event) == "start trace.0" else event)
    guard.logger.addHandler(handler := Raising())
    try:
        Recording(sender).whole(tools=2)
        report = conserved(sender.flush().result())
    finally:
        guard.logger.removeHandler(handler)
    assert raised
    assert (report.accepted, dict(report.dropped), report.pending) == (5, {"serialize_error": 1}, 0)
    assert sender.workers[0].buffer.traces == {}
    sender.shutdown().result()


def test_what_is_not_safe_ends_no_trace_that_is_being_sent(memory: Memory) -> None:
    memory.answer = lambda event: Outcome(Verdict.WITH_END) if event[0] is START else ACCEPTED  # as OTLP does
    sender = make_sender(memory, process=lambda event: None if event[0] is Phase.UPDATE else event)
    recording = Recording(sender)
    root = recording.trace()
    sender.flush().result()
    assert root is not None
    sender.put((Phase.UPDATE, root, {"tags": "private"}), 0)
    recording.end(root)
    report = conserved(sender.flush().result())
    assert (report.accepted, dict(report.dropped)) == (2, {"serialize_error": 1})
    assert sender.workers[0].buffer.traces == {}
    sender.shutdown().result()


def test_an_update_that_is_not_safe_takes_nothing_from_its_operation(memory: Memory) -> None:
    sender = make_sender(memory, process=lambda event: None if event[0] is Phase.UPDATE else event)
    recording = Recording(sender)
    root = recording.trace("chat", b'{"question":1}')
    assert root is not None
    sender.put((Phase.UPDATE, root, {"tags": "private"}), 0)
    recording.end(root)
    sender.shutdown().result()
    assert (root.name, root.input) == ("chat", b'{"question":1}')


def test_traces_of_which_nothing_is_safe_leave_no_trace_in_memory(memory: Memory) -> None:
    sender = make_sender(memory, process=lambda event: None)
    for _ in range(10):
        Recording(sender).whole()
        sender.flush().result()
    buffer = sender.workers[0].buffer
    assert buffer.traces == {}
    assert dict(conserved(sender.shutdown().result()).dropped) == {"serialize_error": 40}


def test_a_trace_that_is_too_large_for_a_batch_still_counts_as_unsent(memory: Memory) -> None:
    memory.answer = lambda event: DOWN
    sender = make_sender(memory, probe_seconds=30.0)
    recording = Recording(sender)
    large = b'{"x":"%b"}' % (b"x" * 3 * 2**20)
    roots = [recording.trace(f"t{number}", large) for number in range(3)]
    sender.flush(0.2).result()
    buffer = sender.workers[0].buffer
    assert [len(batch) for batch in memory.batches] == [1]
    assert list(buffer.unsent) == [root.id for root in roots[1:] if root is not None]
    assert not any(trace.is_in_batch for trace in buffer.traces.values())
    sender.shutdown(0).result()


def test_the_log_is_bounded(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    memory.answer = lambda event: [DOWN, RETRY, REJECTED][len(memory.batches) % 3]
    sender = make_sender(memory, max_retries=0)
    with caplog.at_level(logging.INFO, "voltagent"):
        for _ in range(50):
            Recording(sender).whole()
            sender.flush(0.05).result()
    assert len(caplog.records) <= 4
    sender.shutdown(0.1).result()


# A full queue.


def stalled(memory: Memory, **options: Any) -> tuple[Any, Recording]:
    """A sender whose thread is inside a request that does not end."""
    memory.gate.clear()
    sender = make_sender(memory, **options)
    recording = Recording(sender)
    recording.whole("first")
    sender.flush()
    assert memory.entered.wait(PATIENCE)
    return sender, recording


def test_a_full_queue_loses_the_oldest_traces_of_which_nothing_was_sent(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=400)
    for number in range(300):
        recording.whole(f"t{number}")
    assert conserved(sender.stats()).pending <= 400
    memory.gate.set()
    report = conserved(sender.flush().result())
    assert set(report.dropped) == {"queue_full"}
    assert report.dropped["queue_full"] % 4 == 0, "whole traces"
    kept = {event[1].trace.agent_id for event in memory.accepted}
    assert kept == {"first", *(f"t{number}" for number in range(300 - len(kept) + 1, 300))}, "the newest"
    check_order(memory)
    sender.shutdown().result()


def test_a_signal_handler_that_records_while_space_is_made_breaks_no_count(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=40)
    for number in range(20):
        recording.whole(f"t{number}")
    places = set()
    for at in range(1, 9):
        for _ in range(8):  # a call that finds space has none of these places
            step = BetweenSignals(("delivery/eviction",), at, lambda: recording.whole("in the handler"))
            step.run(lambda: recording.whole("outside"))
            places.add(step.place)
            conserved(sender.stats())
    assert len(places) > 2
    memory.gate.set()
    report = conserved(sender.shutdown().result())
    assert (report.pending, report.accepted) == (0, len(memory.accepted))
    assert list(report.dropped) == ["queue_full"]


def test_what_a_full_queue_refuses_is_not_kept(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=100)
    root = recording.trace("only")
    assert root is not None
    refused: list[ref[Span]] = []

    def offer(parent: Span) -> None:
        span = Span(parent.trace, parent, TOOL, "t", b"{}")
        if not sender.put((START, span, None), 2):
            refused.append(ref(span))

    while len(refused) < 100:
        offer(root)
    assert [one for one in refused if one() is not None] == []
    assert conserved(sender.stats()).dropped == {"queue_full": 100}
    memory.gate.set()
    assert conserved(sender.shutdown().result()).dropped == {"queue_full": 100}


def test_what_is_refused_while_the_counts_are_read_settles_nothing_else(memory: Memory) -> None:
    """A closed SDK refuses on any thread, without the lock of the worker that looks whether all is settled."""
    sender, recording = stalled(memory)
    (account,) = sender.accounts
    number = account.pending
    sender.shutdown()

    def refuse() -> None:
        for _ in range(number):
            recording.trace("late")

    for at in range(1, 20):
        found: list[object] = []
        step = BetweenSignals(("delivery/account",), at, refuse)
        step.run(lambda: found.append(account.pending))
        assert found == [number], step.place
        step = BetweenSignals(("delivery/account",), at, refuse)
        step.run(lambda: found.append(account.is_settled()))
        assert found == [number, False], step.place
    assert conserved(sender.stats()).dropped["shutdown_timeout"] >= number
    memory.gate.set()
    assert conserved(sender.shutdown().result()).accepted == number


def test_a_full_queue_refuses_new_operations_and_takes_all_ends(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=300)
    root = recording.trace("only")
    tools = [recording.tool(root, f"t{n}") for n in range(500)]
    taken = [tool for tool in tools if tool is not None]
    assert 250 < len(taken) < 300
    assert tools[: len(taken)] == taken, "the first ones"
    for tool in taken:
        recording.end(tool)
    recording.end(root)
    memory.gate.set()
    report = conserved(sender.flush().result())
    assert dict(report.dropped) == {"queue_full": 500 - len(taken)}
    assert report.accepted == 4 + 2 + 2 * len(taken)
    assert recording.tool(recording.trace("later")) is not None, "there is room again"
    sender.shutdown().result()


def test_a_trace_that_was_dropped_leaves_no_orphans(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=100)
    lost = recording.trace("lost")
    recording.tool(lost)
    for _ in range(60):
        recording.whole()
    late = recording.tool(lost, "late")
    recording.end(late)
    recording.end(lost)
    memory.gate.set()
    conserved(sender.flush().result())
    assert "lost" not in {event[1].trace.agent_id for event in memory.accepted}
    check_order(memory)
    sender.shutdown().result()


def test_the_queue_is_bounded_in_bytes_too(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_bytes=2**20)
    big = b'{"x":"%b"}' % (b"x" * 100_000)
    root = recording.trace("big")
    taken = [recording.tool(root, payload=big) is not None for _ in range(30)]
    assert 8 <= sum(taken) <= 11
    memory.gate.set()
    conserved(sender.flush().result())
    sender.shutdown().result()


def test_a_call_is_quick_while_the_queue_is_full(memory: Memory) -> None:
    sender, recording = stalled(memory, queue_events=5_000)
    times = []
    for number in range(4_000):
        began = time.perf_counter()
        recording.whole(f"t{number}")
        times.append((time.perf_counter() - began) / 4)
    times.sort()
    hold_processor(times[len(times) * 99 // 100], 0.000_5, "a call")  # the benchmark holds 100 µs
    memory.gate.set()
    conserved(sender.flush().result())
    sender.shutdown().result()


def test_many_threads_and_a_full_queue_add_up(memory: Memory) -> None:
    sender, _ = stalled(memory, queue_events=500)

    def record() -> None:
        for _ in range(200):
            Recording(sender).whole(tools=2)

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    conserved(sender.stats())
    memory.gate.set()
    report = conserved(sender.flush().result())
    assert report.pending == 0
    assert report.accepted == len(memory.accepted)
    check_order(memory)
    sender.shutdown().result()


def test_many_threads_lose_nothing(memory: Memory) -> None:
    sender = make_sender(memory)

    def record() -> None:
        for _ in range(300):
            Recording(sender).whole(tools=2)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for job in [pool.submit(record) for _ in range(16)]:
            job.result()
    report = sender.flush().result()
    assert (report.recorded, report.accepted) == (16 * 300 * 6, 16 * 300 * 6)
    check_order(memory)
    sender.shutdown().result()


def test_a_put_inside_any_line_of_ours_does_not_lock_up(memory: Memory) -> None:
    """As a signal handler or ``__del__`` would: records while this thread holds the locks."""
    sender, recording = stalled(memory, queue_events=20)
    with sender.workers[0].buffer.lock:
        for _ in range(20):
            recording.whole()
        assert sender.stats().recorded >= 4
    memory.gate.set()
    conserved(sender.flush().result())
    sender.shutdown().result()


# Flush and shutdown.


def test_flush_returns_by_its_deadline_with_the_counts(memory: Memory) -> None:
    sender, _ = stalled(memory)
    began = time.monotonic()
    report = conserved(sender.flush(0.1).result())
    took = time.monotonic() - began
    assert took >= 0.1
    hold(took, 0.3, "a flush of 0.1 s")
    assert (report.recorded, report.pending) == (4, 4)
    memory.gate.set()
    assert conserved(sender.flush().result()).accepted == 4
    sender.shutdown().result()


def test_flush_from_many_threads(memory: Memory) -> None:
    sender = make_sender(memory)

    def work() -> bool:
        Recording(sender).whole()
        return sender.flush().result(PATIENCE).accepted >= 4

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert all(job.result() for job in [pool.submit(work) for _ in range(60)])
    assert sender.stats().accepted == 240
    sender.shutdown().result()


def test_flush_in_a_running_loop_is_in_time_while_the_destination_hangs(memory: Memory) -> None:
    sender, _ = stalled(memory)

    async def main() -> tuple[float, int]:
        began = time.monotonic()
        report = await asyncio.wrap_future(sender.flush(0.1))
        return time.monotonic() - began, report.pending

    took, pending = asyncio.run(main())
    assert took >= 0.1
    hold(took, 0.4, "a flush of 0.1 s")
    assert pending == 4
    memory.gate.set()
    sender.shutdown().result()


def test_a_flush_that_is_cancelled_harms_no_other(memory: Memory) -> None:
    sender, _ = stalled(memory)
    assert sender.flush().cancel()
    memory.gate.set()
    assert sender.flush().result().accepted == 4
    sender.shutdown().result()


def test_shutdown_ends_what_is_open_children_first(memory: Memory) -> None:
    sender = make_sender(memory)
    recording = Recording(sender)
    root = recording.trace()
    agent = recording.tool(root, "agent")
    recording.tool(agent, "inner")
    recording.end(recording.tool(agent, "done"))
    report = conserved(sender.shutdown().result())
    assert (report.recorded, report.accepted) == (8, 8)
    assert memory.words[-3:] == ["end inner", "end agent", "end trace"]
    for _, span, _ in memory.accepted[-3:]:
        assert (span.status, span.more_metadata) == (CANCELLED, (b'{"unfinished":true}',))
        assert span.end_ns is not None
    assert memory.closed == 1


def test_after_shutdown_nothing_is_taken_and_all_is_counted(memory: Memory) -> None:
    before = set(threading.enumerate())
    sender = make_sender(memory)
    recording = Recording(sender)
    recording.whole()
    sender.shutdown().result()
    assert recording.trace() is None
    assert dict(conserved(sender.flush().result()).dropped) == {"shutdown_timeout": 1}
    assert sender.shutdown().result().pending == 0
    until(lambda: set(threading.enumerate()) <= before)


def test_shutdown_gives_up_at_its_deadline() -> None:
    memory = Memory(lambda event: DOWN)
    sender = make_sender(memory)
    Recording(sender).whole()
    began = time.monotonic()
    conserved(sender.shutdown(0.2).result())
    took = time.monotonic() - began
    assert took >= 0.2
    hold(took, 0.5, "a shutdown of 0.2 s")
    report = conserved(sender.flush(1).result())
    assert dict(report.dropped) == {"shutdown_timeout": 4}


def test_many_senders_come_and_go() -> None:
    before = set(threading.enumerate())
    for _ in range(50):
        memory = Memory()
        sender = make_sender(memory)
        Recording(sender).whole()
        assert sender.shutdown().result().accepted == 4
    until(lambda: set(threading.enumerate()) <= before)


def test_without_threads_a_flush_sends_itself(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sender = make_sender(memory)
    recording = Recording(sender)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)  # as the interpreter does when it has no more
        for _ in range(400):
            recording.whole()
        assert sender.stats().pending == 1600
        report = conserved(sender.flush().result())
        assert (report.accepted, report.pending) == (1600, 0)
        open_one = recording.trace()
        assert sender.flush().result().accepted == 1601
        assert open_one is not None
        assert open_one.end_ns is None, "a flush ends nothing"
    recording.end(open_one)
    assert sender.shutdown().result().accepted == 1602
    check_order(memory)


# Several destinations.


def test_one_that_is_down_does_not_hold_up_the_others() -> None:
    good, down = Memory(name="good"), Memory(lambda event: DOWN, name="down")
    sender = make_sender(good, down, queue_events=1000)
    recording = Recording(sender)

    def reports() -> list[Report]:
        return [conserved(report) for report in sender.stats().destinations.values()]

    root = recording.trace("long")
    for _ in range(800):
        recording.whole()
        if good.accepted or waiting(sender) > 500:
            sender.flush()
            until(lambda: not reports()[0].pending)
    recording.end(root)
    sender.flush(0)
    until(lambda: not reports()[0].pending)
    conserved(sender.flush(0.3).result())
    assert reports()[0].accepted == reports()[0].recorded == 800 * 4 + 2
    assert reports()[1].accepted == 0
    assert reports()[1].dropped["queue_full"] > 0
    check_order(good)
    sender.shutdown(0).result()


def test_each_destination_is_reported_of_unfinished_spans_once() -> None:
    one, two = Memory(name="one"), Memory(name="two")
    sender = make_sender(one, two)
    recording = Recording(sender)
    recording.tool(recording.trace())
    report = conserved(sender.shutdown().result())
    assert report.accepted == report.recorded == 8
    assert one.words == two.words == ["start trace", "start tool", "end tool", "end trace"]


# What it remembers.


def test_what_is_over_is_forgotten(memory: Memory) -> None:
    sender = make_sender(memory)
    recording = Recording(sender)
    roots = [recording.whole() for _ in range(50)]
    open_one = recording.trace()
    sender.flush().result()
    buffer = sender.workers[0].buffer
    assert memory.forgotten == [root.id for root in roots if root is not None]
    assert open_one is not None
    assert list(buffer.traces) == [open_one.id]
    recording.end(open_one)
    late = recording.tool(open_one, "late")
    sender.flush().result()
    recording.end(late)
    report = conserved(sender.flush().result())
    assert report.accepted == report.recorded
    assert (len(buffer.traces), len(buffer.open), len(buffer.ready), len(buffer.unsent)) == (0, 0, 0, 0)
    sender.shutdown().result()


def test_a_trace_whose_last_end_is_lost_is_forgotten(memory: Memory) -> None:
    sender = make_sender(memory, auth_seconds=0.0)
    recording = Recording(sender)
    root = recording.trace()
    sender.flush().result()
    memory.answer = lambda event: WRONG_KEY
    lost = recording.tool(root)
    sender.flush().result()
    memory.answer = lambda event: ACCEPTED
    recording.end(root)
    sender.flush().result()
    recording.end(lost)
    assert dict(conserved(sender.flush().result()).dropped) == {"auth": 2}
    assert sender.workers[0].buffer.traces == {}
    sender.shutdown().result()


def test_what_waits_for_an_end_is_lost_with_its_trace(memory: Memory) -> None:
    waits = Outcome(Verdict.WITH_END)
    memory.answer = lambda event: REJECTED if word(event) == "end trace" else waits if event[0] is START else ACCEPTED
    sender = make_sender(memory)
    recording = Recording(sender)
    root = recording.trace()
    recording.end(root)
    tool = recording.tool(root)
    sender.flush().result()
    recording.end(tool)
    report = conserved(sender.flush().result())
    assert (report.pending, dict(report.dropped)) == (0, {"rejected": 4})
    sender.shutdown().result()


def test_what_waited_for_an_end_is_not_kept_when_that_has_come(memory: Memory) -> None:
    memory.answer = lambda event: Outcome(Verdict.WITH_END) if event[0] is START else ACCEPTED
    sender = make_sender(memory)
    recording = Recording(sender)
    root = recording.trace()
    for _ in range(3):
        tools = [recording.tool(root) for _ in range(5)]
        sender.flush().result()
        for tool in tools:
            recording.end(tool)
        sender.flush().result()
    [trace] = sender.workers[0].buffer.traces.values()
    assert list(trace.parked or ()) == [root]
    recording.end(root)
    assert conserved(sender.shutdown().result()).accepted == 32


def test_a_full_queue_drops_no_trace_that_waits_for_an_end(memory: Memory) -> None:
    untried, waits = Outcome(Verdict.UNTRIED), Outcome(Verdict.WITH_END)
    memory.answer = lambda event: waits if event[1].name == "tool" else untried
    memory.is_in_order = False
    sender = make_sender(memory, queue_events=4, flush_interval=30.0)
    recording = Recording(sender)
    root = recording.trace()
    recording.tool(root)
    recording.end(root)
    sender.flush(0.2).result()
    others = [recording.trace("other") for _ in range(4)]
    memory.answer = lambda event: ACCEPTED
    for other in others:
        recording.end(other)
    report = conserved(sender.shutdown().result())
    assert set(report.dropped) == {"queue_full"}
    assert {word(event) for event in memory.accepted} >= {"start trace", "end trace", "end tool"}


def test_handles_that_are_never_ended_do_not_fill_the_memory(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.delivery.buffer.REMEMBERED", 100)
    sender = make_sender(memory)
    recording = Recording(sender)
    for _ in range(500):
        recording.trace("leak")
    sender.flush().result()
    buffer = sender.workers[0].buffer
    assert len(buffer.open) == 100
    assert len(buffer.traces) == 100
    assert conserved(sender.shutdown().result()).accepted == 600


def test_what_waits_for_an_end_that_never_comes_does_not_fill_the_memory(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voltagent.delivery.buffer.REMEMBERED", 100)
    memory.answer = lambda event: Outcome(Verdict.WITH_END) if event[0] is START else ACCEPTED
    sender = make_sender(memory)
    recording = Recording(sender)
    root = recording.trace()
    recording.tool(root)
    recording.end(root)
    for _ in range(10):
        for _ in range(50):
            recording.tool(root)
        sender.flush().result()
    [trace] = sender.workers[0].buffer.traces.values()
    assert sum(map(len, (trace.parked or {}).values())) == 100
    assert dict(conserved(sender.stats()).dropped) == {"rejected": 401}
    assert conserved(sender.shutdown().result()).accepted == 202


# Any order.

STEPS = st.lists(
    st.tuples(st.sampled_from(["trace", "tool", "end", "flush"]), st.integers(0, 30)), min_size=1, max_size=60
)
ANSWERS = st.lists(
    st.sampled_from([ACCEPTED, ACCEPTED, ACCEPTED, RETRY, DOWN, REJECTED, WRONG_KEY]), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS, ANSWERS, st.integers(5, 60))
def test_whatever_is_recorded_and_answered_the_counts_add_up(
    steps: list[tuple[str, int]], answers: list[Outcome], space: int
) -> None:
    script: Iterator[Outcome] = iter(answers)
    memory = Memory(lambda event: next(script, ACCEPTED))
    sender = make_sender(
        memory, queue_events=space, probe_seconds=0.0, auth_seconds=0.0, retry_delay=0.0, max_retries=1
    )
    recording = Recording(sender)
    spans: list[Any] = []
    for step, number in steps:
        chosen = spans[number % len(spans)] if spans else None
        if step == "trace":
            spans.append(recording.trace())
        elif step == "tool":
            spans.append(recording.tool(chosen))
        elif step == "end":
            recording.end(chosen)
        else:
            conserved(sender.flush(PATIENCE).result())
    report = conserved(sender.shutdown(PATIENCE).result())
    assert report.pending == 0
    assert report.accepted == len(memory.accepted)
    keys = [(phase, span.id) for phase, span, _ in memory.accepted]
    assert len(keys) == len(set(keys)), "each once"


CHANGES = st.lists(
    st.tuples(st.sampled_from(["trace", "tool", "update", "score", "end", "flush"]), st.integers(0, 3)), max_size=30
)


@settings(max_examples=40, deadline=None)
@example([("trace", 0), ("update", 0), ("end", 0)])
@example([("trace", 0), ("tool", 0), ("score", 1), ("end", 1)])
@given(CHANGES)
def test_the_events_of_a_trace_arrive_in_the_order_in_which_they_were_recorded(steps: list[tuple[str, int]]) -> None:
    memory = Memory()
    sender = make_sender(memory)
    recording = Recording(sender)
    spans: list[Span] = []
    recorded: list[tuple[Phase, int | str, int | str]] = []

    def note(phase: Phase, span: Span | None) -> None:
        assert span is not None
        recorded.append((phase, span.trace.id, span.id))
        if phase is Phase.START:
            spans.append(span)

    for step, number in steps:
        chosen = spans[number % len(spans)] if spans else None
        if step == "flush":
            sender.flush(PATIENCE).result()
        elif step == "trace":
            note(Phase.START, recording.trace())
        elif chosen is None or chosen.end_ns is not None:
            continue
        elif step == "tool":
            note(Phase.START, recording.tool(chosen))
        elif step == "end":
            recording.end(chosen)
            note(Phase.END, chosen)
        else:
            sender.put((Phase(step), chosen, {"tags": "late"}), 0)
            note(Phase(step), chosen)
    sender.flush(PATIENCE).result()
    accepted = [(phase, span.trace.id, span.id) for phase, span, _ in memory.accepted]
    sender.shutdown(PATIENCE).result()
    by_trace = [sorted(events, key=lambda event: str(event[1])) for events in (recorded, accepted)]  # a stable sort
    assert by_trace[0] == by_trace[1]
