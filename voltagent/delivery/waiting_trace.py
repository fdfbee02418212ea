"""The events of one trace that wait to be sent, and the starts that were lost, without which others are not sent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from voltagent.core.span import TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.account import TAKEN, Account

# limit for remembered losses and open spans; beyond it, the oldest is forgotten
REMEMBERED: Final = 50_000
# A lost start also drops its end and its children, which would be orphans, if the user loses nothing by it. If the
# destination itself refused the start, they are sent all the same: one bad event costs one event.
_CASCADING: Final = frozenset(("queue_full", "auth", "shutdown_timeout", "fork"))
UNMARKED: Final = 1 << 62  # more events than there are
OVERHEAD: Final = 400  # bytes that an event costs beside its payload, roughly


@dataclass(slots=True)
class Tries:
    """How often one event failed."""

    refusals: int = 0
    absences: int = 0
    accepted_before: int = -1


class WaitingTrace:
    """The events of one trace, in their order."""

    __slots__ = ("account", "events", "held", "id", "in_flight", "is_in_batch", "lost", "newer", "open", "others",
                 "parked", "size", "tries")  # fmt: skip

    def __init__(self, identifier: int | str, account: Account) -> None:
        self.id = identifier
        self.account = account  # of the SDK that was the first to record something of it
        self.others: dict[TraceInfo, Account] | None = None  # of further SDKs, which use the same id
        self.events: list[SpanEvent] = []  # a list: an empty deque takes 600 bytes, and there is one per open trace
        self.size = 0  # of these, about
        self.newer = UNMARKED  # or how many came since the last mark, if not all before it are known to be settled
        self.open = 0  # spans that were started here and have not ended
        self.is_in_batch = False
        self.in_flight = 0  # events whose requests still wait for an answer: the others wait for them
        self.held = False  # waits for its backoff
        self.parked: dict[Span, list[SpanEvent]] | None = None  # by the span whose end brings them along
        self.lost: str | None = None  # why its start was lost, and with it all that waits
        self.tries: dict[int, Tries] | None = None  # by id(event), for those that failed

    def account_of(self, span: Span) -> Account:
        """Return the account of one of its spans."""
        return self.account if self.others is None else self.others.get(span.trace, self.account)

    def is_of(self, account: Account) -> bool:
        """Return whether an account has, or had, events of it."""
        return account is self.account or (self.others is not None and account in self.others.values())

    def has_older(self) -> bool:
        """Return whether an event that was here when the last mark was set is not settled.

        Those go first: no batch has older and newer ones of the same trace.
        """
        if self.newer >= UNMARKED:
            return False
        return len(self.events) > self.newer or self.is_in_batch or self.in_flight > 0

    def park(self, batch: list[Any], number: int) -> None:
        """Let an event of a batch wait for the outcome of the one that brings it along: the end of its span.

        Its place in the batch is emptied in the same step.
        """
        event: SpanEvent = batch[number]
        phase, span, _ = event
        if self.tries is not None:
            self.tries.pop(id(event), None)
        if self.parked is None:
            self.parked = {}
        account, brought = self.account_of(span), self.parked_for(event)
        # an end that is not sent by itself waits for that of its trace, with what is parked for it
        waiting = self.parked.setdefault(span.root if phase is Phase.END else span, [])
        added = (*brought, event)
        # no call from here on
        brought[:] = ()
        waiting += added
        account.parked += 1
        batch[number] = None

    def parked_for(self, event: SpanEvent) -> list[SpanEvent]:
        """Return the events that have the outcome of this one, which they were not sent without."""
        phase, span, _ = event
        return [] if phase is not Phase.END or not self.parked else self.parked.get(span, [])


class LostStarts:
    """Remembers lost starts, with the reason."""

    __slots__ = ("reasons",)

    def __init__(self) -> None:
        self.reasons: OrderedDict[int | str, str] = OrderedDict()  # by the id of the trace or the operation

    def fate(self, span: Span) -> str | None:
        """Return why nothing of a span can be recorded any more; ``None`` if it can."""
        lost = self.reasons
        reason = lost.get(span.trace.id) or lost.get(span.id)
        if reason is None and span.parent is not None:
            reason = lost.get(span.parent.id)
        return reason

    def note(self, event: SpanEvent, reason: str) -> None:
        """Note that an event is about to be lost: if it is a start, what depends on it is not recorded any more."""
        phase, span, fields = event
        if phase is not Phase.END and fields is None and (reason in _CASCADING or span.kind == TRACE):
            self.remember(span.id, reason)

    def remember(self, identifier: int | str, reason: str) -> None:
        """Note a lost trace or operation by its id."""
        self.reasons[identifier] = reason
        if len(self.reasons) > REMEMBERED:
            self.reasons.popitem(last=False)


def take_entry(entry: Span | SpanEvent, account: Account) -> tuple[tuple[SpanEvent, ...], int]:
    """Return the events that an entry of a queue stands for, and their size.

    A span stands for its start, and for its end if that joined it; no end does so later.
    """
    if isinstance(entry, tuple):
        event, end = entry, None
        phase, span, fields = event
    else:
        phase, span, fields = event = (Phase.START, entry, None)
        span.queued = span.queued or TAKEN  # in one line, as where ends join
        end = (Phase.END, span, None) if span.queued is account else None
    events: tuple[SpanEvent, ...] = (event,) if end is None else (event, end)
    if fields is not None or span.metadata is not None or span.more_metadata:
        return events, sum(map(size_of, events))
    size = OVERHEAD + len((span.output if phase is Phase.END else span.input) or b"")
    return events, size if end is None else size + OVERHEAD + len(span.output or b"")


def size_of(event: SpanEvent) -> int:
    """Return what an event costs to keep, in bytes, about."""
    phase, span, fields = event
    if phase is Phase.END:
        size = len(span.output or b"")
        for more in span.more_metadata:
            size += len(more)
        return size + OVERHEAD
    if fields is not None:
        return OVERHEAD + sum(len(value) for value in fields.values() if isinstance(value, bytes))
    return len(span.input or b"") + len(span.metadata or b"") + OVERHEAD
