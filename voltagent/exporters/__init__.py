"""The protocol of a destination, and the outcomes that it returns.

An exporter takes events in order and returns an outcome for each. Queues, retries, forks and exits are the sender's
concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from voltagent.core.span import SpanEvent


class Verdict(Enum):
    """A destination's verdict on one event."""

    __hash__ = object.__hash__  # implemented in C: each member is one object

    ACCEPTED = "accepted"
    REFUSED = "refused"  # refused permanently; counted under `reason`
    RETRY = "retry"  # refused for now; counts against `max_retries`
    UNAVAILABLE = "unavailable"  # the destination is unreachable or down; the event waits, uncounted
    IN_FLIGHT = "in_flight"  # the request has no answer yet; `late` returns the outcome
    UNTRIED = "untried"  # not sent, because an event it depends on was not accepted; retry after that one
    WITH_END = "with_end"  # not sent by itself on this wire; it has the outcome of its span's end


@dataclass(frozen=True, slots=True)
class Outcome:
    """A destination's answer to one event."""

    verdict: Verdict
    reason: str = ""  # the drop reason of a REFUSED event: "rejected", "auth", "too_large", "serialize_error"
    detail: str = ""  # for the log: server text, escaped and truncated, without payloads
    retry_after: float | None = None  # seconds the destination requested


ACCEPTED = Outcome(Verdict.ACCEPTED)
UNTRIED = Outcome(Verdict.UNTRIED)
IN_FLIGHT = Outcome(Verdict.IN_FLIGHT)
SETTLED = (Verdict.ACCEPTED, Verdict.REFUSED)  # after which nothing more is done for an event


class Exporter(Protocol):
    """A destination. Its methods are called from the sender's thread, or after that from an exiting thread."""

    @property
    def name(self) -> str:
        """Its name in statistics and in the log."""
        ...

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Send the events, those of one trace in order; return one outcome per event, in the order of the batch.

        ``deadline`` is on :func:`voltagent.core.clock.monotonic`; unsent events are UNTRIED after it. A shutdown may
        bring it forward: :func:`voltagent.core.deadline.ends_by` says until when to wait. Does not raise.
        """
        ...

    def forget(self, trace_id: int | str) -> None:
        """Forget an ended trace whose events are all settled, with the ids that the server chose."""
        ...

    def after_fork(self) -> None:
        """In a forked child: drop inherited sockets and files without using them."""
        ...

    def close(self) -> None:
        """Release sockets and files; the next ``export`` opens them again."""
        ...


@runtime_checkable
class Announcing(Protocol):
    """An exporter that has something to do before anything is sent, such as to show that this process records."""

    def announce(self) -> None:
        """Show that this process records, and open what the first batch needs. May be called again; does not raise.

        Called when the sender's thread starts, and before that where a process may end right after its first call.
        """
        ...


@runtime_checkable
class Trailing(Protocol):
    """An exporter that leaves a request unanswered for a while and continues with others."""

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes that have arrived for events that were IN_FLIGHT. Does not wait."""
        ...

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events of the current batch, with their outcomes. Thread-safe."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An exporter that can pass on what another process must know to continue a trace."""

    def memory(self, trace_id: int | str) -> bytes | None:
        """Return the state of an open trace, without secrets; ``None`` if there is none."""
        ...

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Restore the state of a trace; invalid state is ignored."""
        ...
