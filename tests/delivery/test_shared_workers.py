"""SDKs with equal settings share one worker; counts, flush and shutdown are each one's own."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.internals import sender_of
from tests.helpers.memory import Memory, Recording, conserved
from tests.helpers.pace import until
from voltagent import VoltAgentSDK
from voltagent.core import context
from voltagent.core.span import SpanEvent
from voltagent.delivery.sender import Sender, Workers
from voltagent.exporters import ACCEPTED, Outcome, Verdict


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
    until(lambda: one.queues[0].account.is_finished)  # the report may come a moment before
    hanging.let_through()
    until(lambda: conserved(two.stats()).accepted == 1)
    assert one.stats() == report
    assert conserved(two.shutdown().result()).accepted == 2
