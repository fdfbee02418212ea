"""What a destination is: one protocol, and the answers it gives.

An exporter is handed events in order and says for each what became of it. It knows nothing of queues, retries, forks
or exits: those are the sender's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from voltagent.core.span import SpanEvent


class Verdict(Enum):
    """The answer of a destination to one event."""

    __hash__ = object.__hash__  # in C: each member is one object

    ACCEPTED = "accepted"
    REFUSED = "refused"  # it refused this event for good: `reason` counts it
    RETRY = "retry"  # it refused this event for now: counts against `max_retries`
    UNAVAILABLE = "unavailable"  # it could not be reached, or is down: waits, not counted
    IN_FLIGHT = "in_flight"  # its request still waits for an answer; `late` gives the outcome
    UNTRIED = "untried"  # not sent, because something it depends on was not accepted: try again after that
    WITH_END = "with_end"  # it has no form of its own on this wire: it counts as the end of its span does


@dataclass(frozen=True, slots=True)
class Outcome:
    """A destination's answer to one event."""

    verdict: Verdict
    reason: str = ""  # the drop reason of a REFUSED event: "rejected", "auth", "too_large", "serialize_error"
    detail: str = ""  # for the log: escaped and cut server text, no payload
    retry_after: float | None = None  # seconds the destination requested


ACCEPTED = Outcome(Verdict.ACCEPTED)


class Exporter(Protocol):
    """A destination. All methods are called from one thread, the sender's, or from an exiting thread after it."""

    @property
    def name(self) -> str:
        """What it is called in statistics and in the log."""
        ...

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Send the events, those of one trace in their order; one outcome per event, in the order of the batch.

        ``deadline`` is on :func:`voltagent.core.clock.monotonic`; what is not sent by then is UNTRIED. Does not raise.
        """
        ...

    def forget(self, trace_id: int | str) -> None:
        """Forget a trace that has ended and whose events are all settled: drop ids that the server chose."""
        ...

    def after_fork(self) -> None:
        """In a forked child: let go of inherited sockets and files without using them."""
        ...

    def close(self) -> None:
        """Release sockets and files; the next ``export`` opens them again."""
        ...


@runtime_checkable
class Announcing(Protocol):
    """An exporter that lets other processes see that this one records, before anything is sent."""

    def announce(self) -> None:
        """Show that something was recorded here. Called when the sender's thread starts; does not raise."""
        ...


@runtime_checkable
class Trailing(Protocol):
    """An exporter that leaves a request waiting for its answer, and goes on with others."""

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """The outcomes that have come since for events that were IN_FLIGHT. Does not wait."""
        ...

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """The events of the batch under way that are settled by now, with their outcomes. From any thread."""
        ...


@runtime_checkable
class Interruptible(Protocol):
    """An exporter whose ``export`` another thread can end sooner, and that shows its progress."""

    last_answer: float  # on `clock.monotonic`

    def set_deadline(self, deadline: float) -> None:
        """End an ``export`` that is under way by ``deadline``."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An exporter that can pass on what another process must know to continue a trace."""

    def memory(self, trace_id: int | str) -> bytes | None:
        """What is known of a trace that is under way, without secrets; ``None`` where that is nothing."""
        ...

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Know this of a trace; what makes no sense is ignored."""
        ...
