"""SDKs with equal settings share one worker; counts, flush and shutdown are each one's own."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.internals import sender_of
from tests.helpers.memory import DOWN, REJECTED, Memory, Recording, conserved, on_disk_only, waiting
from tests.helpers.pace import PATIENCE, until
from voltagent import VoltAgentSDK
from voltagent.core import context
from voltagent.core.span import COMPLETED, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender, Workers
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.storage.file import StoreError
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.segment import SpoolFile
from voltagent.storage.spool.spool import Spool


def keep(path: str, value: object) -> object:
    return value


def workers(sdk: VoltAgentSDK) -> Any:
    return sender_of(sdk).workers


@pytest.fixture
def local(tmp_path: Path) -> Callable[..., VoltAgentSDK]:
    made: list[VoltAgentSDK] = []

    def make(**options: Any) -> VoltAgentSDK:
        made.append(VoltAgentSDK(exporter="local", local_path=tmp_path / "store.db", **options))
        return made[-1]

    return make


def record(sdk: VoltAgentSDK, number: int = 1) -> None:
    for _ in range(number):
        with sdk.trace(agent_id="a") as trace:
            trace.add_tool(name="t").success()


def test_equal_settings_share_and_others_do_not(local: Callable[..., VoltAgentSDK]) -> None:
    one = local(redact=["name"], sample_rate=0.5)
    assert workers(local(redact=["name"])) is workers(one)
    assert workers(local(redact=["other"])) is not workers(one)
    assert workers(local(redact=["name"], flush_interval=1.0)) is not workers(one)
    by_function = local(redact=keep)
    assert workers(local(redact=keep)) is workers(by_function)
    assert workers(local(redact=lambda path, value: value)) is not workers(by_function)
    exporter = Memory()
    assert workers(VoltAgentSDK(exporter=exporter)) is workers(VoltAgentSDK(exporter=exporter))
    assert workers(VoltAgentSDK(exporter=Memory())) is not workers(VoltAgentSDK(exporter=exporter))


def test_counts_flush_and_shutdown_are_each_ones_own(local: Callable[..., VoltAgentSDK]) -> None:
    one, two = local(), local()
    record(one, 3)
    record(two, 5)
    assert (one.stats().recorded, two.stats().recorded) == (12, 20)
    assert (one.flush().accepted, conserved(two.stats()).recorded) == (12, 20)
    assert one.shutdown().pending == 0
    record(two)
    assert (two.flush().accepted, one.stats().accepted) == (24, 12)
    assert two.shutdown().accepted == 24


def test_what_one_leaves_open_is_its_own_to_end() -> None:
    memory = Memory()
    shared = Workers([memory], flush_interval=30.0)
    one, two = Sender(workers=shared), Sender(workers=shared)
    Recording(one).tool(Recording(one).trace("one"))
    root = Recording(two).trace("two")
    assert conserved(one.shutdown().result()).accepted == 4
    assert root is not None
    assert root.end_ns is None
    Recording(two).end(root)
    assert conserved(two.shutdown().result()).accepted == 2
    assert memory.closed == 1


def test_a_thread_that_is_left_by_all_comes_back_for_the_next(local: Callable[..., VoltAgentSDK]) -> None:
    for _ in range(3):
        sdk = local()
        record(sdk)
        assert sdk.shutdown().accepted == 4


def test_sdks_that_are_made_and_dropped_cost_no_thread_and_no_memory(tmp_path: Path) -> None:
    def request(**options: Any) -> None:
        sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "store.db", **options)
        record(sdk)

    def senders() -> int:
        return sum(thread.name == "voltagent-local" for thread in threading.enumerate())

    before, active = senders(), len(context.ACTIVE)
    for _ in range(100):
        request()
    assert senders() <= before + 1
    assert len(context.ACTIVE) <= active + 1
    for _ in range(5):
        request(redact=lambda path, value: value)
    gc.collect()
    until(lambda: senders() <= before + 1)


class Hanging(Memory):
    """Leaves the events of traces unanswered until they are let through."""

    def __init__(self) -> None:
        super().__init__(lambda event: Outcome(Verdict.IN_FLIGHT))
        self.landed: list[tuple[SpanEvent, Outcome]] = []

    def let_through(self) -> None:
        self.answer = lambda event: ACCEPTED
        self.landed = [(event, ACCEPTED) for batch in self.batches for event in batch]

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        landed, self.landed = self.landed, []
        return landed

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        return []


def test_an_answer_that_comes_after_a_shutdown_costs_the_others_nothing() -> None:
    hanging = Hanging()
    shared = Workers([hanging], flush_interval=0.01)
    one, two = Sender(workers=shared), Sender(workers=shared)
    Recording(one).trace("one")
    Recording(two).trace("two")
    until(lambda: len(hanging.batches) == 2 or sum(map(len, hanging.batches)) == 2)
    report = conserved(one.shutdown(0.05).result())
    assert (report.pending, dict(report.dropped)) == (0, {"shutdown_timeout": 2})
    until(lambda: one.accounts[0].is_finished)  # the report may come a moment before
    hanging.let_through()
    until(lambda: conserved(two.stats()).accepted == 1)
    assert one.stats() == report
    assert conserved(two.shutdown().result()).accepted == 2


def begin(sender: Sender, identifier: str = "same") -> Span:
    """The start of a trace with an id that others use as well."""
    span = Span(TraceInfo(identifier, "a", None), None, TRACE, "a", b"{}", identifier=identifier)
    assert sender.put((Phase.START, span, None), 2)
    return span


def finish(sender: Sender, span: Span) -> None:
    span.status, span.end_ns = COMPLETED, span.start_ns + 1
    sender.put((Phase.END, span, None), 0)


def counts(sender: Sender) -> tuple[int, int, int]:
    report = conserved(sender.stats())
    return report.recorded, report.accepted, report.pending


def two(exporter: Any, **options: Any) -> tuple[Sender, Sender]:
    shared = Workers([exporter], **{"flush_interval": 30.0, "retry_delay": 0.001, **options})
    return Sender(workers=shared), Sender(workers=shared)


@pytest.mark.parametrize("how", ["id", "parent"])
def test_one_trace_of_two_sdks_is_counted_by_each_for_itself(local: Callable[..., VoltAgentSDK], how: str) -> None:
    same: dict[str, Any] = {"id": {"id": "same"}, "parent": {"parent": f"00-{'4b' * 16}-{'0f' * 8}-01"}}[how]
    one, another = local(), local()
    with one.trace(agent_id="a", **same):
        before = conserved(one.flush())
        with another.trace(agent_id="b", **same) as trace:
            trace.add_tool(name="t").success()
        assert conserved(another.flush()).pending == 0
        assert another.stats().accepted == 4
        assert conserved(one.stats()).pending + one.stats().accepted == before.recorded
    assert conserved(one.flush()).pending == 0
    assert one.stats().accepted == 2
    assert another.stats().accepted == 4


def test_what_an_sdk_lost_that_ended_during_an_outage_is_counted_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    is_down = threading.Event()
    is_down.set()
    one, another = two(Memory(lambda event: DOWN if is_down.is_set() else ACCEPTED, name="outage"))
    Recording(one).whole()
    Recording(another).whole()
    with caplog.at_level(logging.INFO, "voltagent"):
        assert another.flush(0.1).result().pending == 4
        assert conserved(one.shutdown(0.1).result()).dropped == {"shutdown_timeout": 4}
        is_down.clear()
        assert another.flush().result().accepted == 4
        until(lambda: "outage recovered, 4 events lost" in caplog.text)
    another.shutdown()


def test_what_waits_or_is_refused_of_one_trace_is_counted_by_each_for_itself() -> None:
    memory = Memory(lambda event: ACCEPTED if event[1].trace.agent_id == "a" else REJECTED)
    one, another = two(memory)
    first, second = begin(one), begin(another)
    second.trace.agent_id = "b"
    assert (counts(one), counts(another)) == ((1, 0, 1), (1, 0, 1))
    one.flush().result()
    another.flush().result()
    assert (counts(one), counts(another)) == ((1, 1, 0), (1, 0, 0))
    finish(one, first)
    finish(another, second)
    assert conserved(another.flush().result()).pending == 0
    assert conserved(one.flush().result()).pending == 0
    assert sum(another.stats().dropped.values()) == 2


def test_a_shutdown_leaves_the_events_of_other_sdks_in_the_same_trace() -> None:
    hanging = Hanging()
    one, another = two(hanging)
    first, second = begin(one), begin(another)
    one.flush(0.0)
    until(lambda: hanging.batches)
    assert (counts(one), counts(another)) == ((1, 0, 1), (1, 0, 1))
    finish(one, first)
    finish(another, second)
    report = conserved(one.shutdown(0.05).result())
    assert (report.recorded, report.pending, dict(report.dropped)) == (2, 0, {"shutdown_timeout": 2})
    until(lambda: one.accounts[0].is_finished)
    hanging.let_through()
    another.flush()
    until(lambda: counts(another) == (2, 2, 0))
    assert conserved(one.stats()) == report
    assert conserved(another.shutdown().result()).accepted == 2


def test_in_a_spool_too_one_trace_of_two_sdks_is_counted_by_each_for_itself(tmp_path: Path) -> None:
    memory = Memory(lambda event: DOWN)
    spool = Spool(tmp_path, Destination.of("rest", "http://here", "http://here", "pk"))
    one, another = two(memory, spools=[spool], queue_events=64)  # of which half may wait in memory, too
    for number in range(40):
        for sender in (one, another):
            finish(sender, begin(sender, f"same {number}"))
        one.flush(0.0)
        until(lambda: not waiting(one) and not waiting(another))
    assert (counts(one), counts(another)) == ((80, 0, 80), (80, 0, 80))
    assert on_disk_only(one) > 100
    memory.answer = lambda event: ACCEPTED
    conserved(one.flush().result())
    assert conserved(another.flush().result()).pending == 0
    assert conserved(one.flush().result()).pending == 0
    assert one.stats().accepted + another.stats().accepted == 160
    one.shutdown().result()
    another.shutdown().result()


def test_what_a_full_disk_does_not_take_of_one_is_lost_and_counted_as_it_is_shut_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(lambda event: DOWN)
    spool = Spool(tmp_path, Destination.of("rest", "http://here", "http://here", "pk"))
    one, another = two(memory, spools=[spool], queue_events=64)
    for number in range(40):
        finish(another, begin(another, f"another's {number}"))
        another.flush(0.0)
        until(lambda: not waiting(another))
    assert on_disk_only(one) > 0  # so that what is newer may not be sent before it

    def full(*_: object) -> None:
        raise StoreError("no space left", temporary=True)

    with monkeypatch.context() as patched:
        patched.setattr(SpoolFile, "write", full)
        finish(one, begin(one, "one's"))
        report = conserved(one.shutdown(0.1).result())
    assert (report.recorded, report.pending, report.dropped) == (2, 0, {"shutdown_timeout": 2})
    memory.answer = lambda event: ACCEPTED
    assert conserved(another.flush().result()).accepted == 80
    assert conserved(another.shutdown().result()).pending == 0


def test_an_sdk_that_is_made_soon_after_the_last_one_shut_down_has_a_thread_at_once() -> None:
    memory = Memory()
    shared = Workers((memory,), flush_interval=0.01)
    for number in range(1, 4):
        sender = Sender(workers=shared)
        Recording(sender).whole()
        until(lambda expected=number * 4: len(memory.accepted) == expected)
        assert conserved(sender.shutdown().result()).accepted == 4


def test_an_sdk_that_is_made_while_the_last_one_shuts_down_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    shared = Workers([Memory()], flush_interval=0.01)
    one, made = Sender(workers=shared), list[Sender]()

    def make(record: logging.LogRecord) -> bool:
        if "done:" in record.getMessage() and not made:
            made.append(Sender(workers=shared))
            Recording(made[0]).whole()
        return True

    caplog.set_level(logging.DEBUG, "voltagent")
    caplog.handler.addFilter(make)
    Recording(one).whole()
    assert conserved(one.shutdown().result(PATIENCE)).accepted == 4
    until(lambda: made and conserved(made[0].stats()).accepted == 4)
    assert conserved(made[0].shutdown().result(PATIENCE)).accepted == 4


def test_sdks_that_are_made_and_shut_down_by_many_threads_lose_nothing() -> None:
    shared = Workers([Memory()], flush_interval=0.01)
    reports: list[Report] = []

    def make() -> None:
        for _ in range(250):
            sender = Sender(workers=shared)
            Recording(sender).whole()
            reports.append(conserved(sender.shutdown(5.0).result(PATIENCE)))

    threads = [threading.Thread(target=make) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for action in (threading.Thread.start, threading.Thread.join):
            list(map(action, threads))
    finally:
        sys.setswitchinterval(before)
    assert len(reports) == 1000
    assert {(report.accepted, report.pending) for report in reports} == {(4, 0)}
