"""A destination in memory, whose answers a test scripts, and the events to send to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from tests.helpers.pace import PATIENCE
from voltagent.core.span import COMPLETED, TOOL, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.destination_state import State
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender
from voltagent.delivery.spooling.storage import SpoolStorage
from voltagent.exporters import ACCEPTED, Outcome, Verdict

START, END = Phase.START, Phase.END
RETRY = Outcome(Verdict.RETRY, detail="not now")
DOWN = Outcome(Verdict.UNAVAILABLE, detail="down")
UNTRIED = Outcome(Verdict.UNTRIED)
REJECTED = Outcome(Verdict.REFUSED, "rejected", "bad")
WRONG_KEY = Outcome(Verdict.REFUSED, "auth", "who are you")

Answer = Callable[[SpanEvent], Outcome]


class Nowhere:
    """Takes everything and keeps nothing."""

    name = "nowhere"

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        return [ACCEPTED] * len(batch)

    def forget(self, trace_id: int | str) -> None: ...

    def after_fork(self) -> None: ...

    def close(self) -> None: ...


class Memory:
    """Keeps what it accepts. ``answer`` decides on each event; ``gate`` holds back ``export`` while it is closed."""

    def __init__(self, answer: Answer | None = None, name: str = "memory") -> None:
        self.name = name
        self.answer: Answer = answer or (lambda event: ACCEPTED)
        self.is_in_order = True  # what is in a trace waits for what came before, as on the REST wire
        self.batches: list[list[SpanEvent]] = []
        self.accepted: list[SpanEvent] = []
        self.forgotten: list[int | str] = []
        self.closed = self.forks = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        self.entered.set()
        self.gate.wait(PATIENCE)
        self.batches.append(list(batch))
        outcomes: list[Outcome] = []
        stuck: set[int | str] = set()  # traces of which an event was not settled: the rest of them is not tried
        for event in batch:
            trace_id = event[1].trace.id
            outcome = UNTRIED if trace_id in stuck and self.is_in_order else self.answer(event)
            creates = event[0] is START and event[1].parent is None
            is_settled = outcome.verdict in (Verdict.ACCEPTED, Verdict.REFUSED, Verdict.WITH_END)
            if not is_settled or (creates and outcome.verdict is Verdict.REFUSED):
                stuck.add(trace_id)
            outcomes.append(outcome)
        self.accepted += [e for e, outcome in zip(batch, outcomes, strict=True) if outcome is ACCEPTED]
        return outcomes

    def forget(self, trace_id: int | str) -> None:
        self.forgotten.append(trace_id)

    def after_fork(self) -> None:
        self.forks += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def words(self) -> list[str]:
        """``start name`` or ``end name`` of what was accepted, in order."""
        return [word(event) for event in self.accepted]


def word(event: SpanEvent) -> str:
    return f"{event[0].value} {event[1].name}"


def make_sender(*exporters: Any, probe_seconds: float = 0.01, auth_seconds: float = 30.0, **options: Any) -> Sender:
    """A sender that waits only milliseconds where the real one waits seconds."""
    sender = Sender(exporters, **{"flush_interval": 30.0, "retry_delay": 0.001, "timeout": PATIENCE, **options})
    for worker in sender.workers:
        worker.dispatcher.options = replace(
            worker.dispatcher.options, probe_seconds=probe_seconds, auth_seconds=auth_seconds
        )
    return sender


class Recording:
    """Puts events as a recorder would: a refused start has no children and no end."""

    numbers: Iterator[int] = count(1)

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    def trace(self, name: str = "trace", payload: bytes = b"{}") -> Span | None:
        identifier = next(self.numbers)
        trace = TraceInfo(identifier, name, None)
        return self.put(START, Span(trace, None, TRACE, name, payload, identifier=identifier))

    def tool(self, parent: Span | None, name: str = "tool", payload: bytes = b"{}", kind: str = TOOL) -> Span | None:
        return None if parent is None else self.put(START, Span(parent.trace, parent, kind, name, payload))

    def end(self, span: Span | None, output: bytes = b"{}") -> None:
        if span is not None and span.end_ns is None:
            span.status, span.end_ns, span.output = COMPLETED, span.start_ns + 1, output
            self.put(END, span)

    def put(self, phase: Phase, span: Span) -> Span | None:
        return span if self.sender.put((phase, span, None), len(span.input or b"")) else None

    def whole(self, name: str = "trace", tools: int = 1) -> Span | None:
        """A trace with tools in it, all ended."""
        root = self.trace(name)
        for number in range(tools):
            self.end(self.tool(root, f"{name}.{number}"))
        self.end(root)
        return root


def conserved(report: Report) -> Report:
    """Law 3."""
    assert report.recorded == report.accepted + sum(report.dropped.values()) + report.pending, report
    return report


def waiting(sender: Sender) -> int:
    """Entries that the workers have not looked at."""
    return sum(len(account.waiting) for account in sender.accounts)


def is_down(sender: Sender) -> bool:
    """Whether the first destination is known to be down, or is being probed."""
    return sender.workers[0].dispatcher.state.current in (State.DOWN, State.PROBING)


def on_disk_only(sender: Sender) -> int:
    """Events that are in the spool, and not in memory."""
    storage = sender.workers[0].storage
    assert isinstance(storage, SpoolStorage)
    return storage.spool.unread
