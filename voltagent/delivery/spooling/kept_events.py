"""Which events a spool keeps, where, and whose they are: what the parts of its storage share.

An event is counted at one place at any time, and moves to the next in a few plain stores without a call in between, as
in :mod:`voltagent.delivery.account`: an interrupt leaves it at the one or at the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import repeat
from weakref import WeakKeyDictionary

from voltagent.core.span import TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.waiting_trace import REMEMBERED, WaitingTrace
from voltagent.storage.spool.segment import EventPosition, SpoolFile


class KeptEvents:
    """Used under the lock of the buffer. ``first`` is the account to which events of dead processes belong."""

    def __init__(self, buffer: Buffer, accounts: list[Account]) -> None:
        self._buffer = buffer
        self._accounts = accounts
        self.first = accounts[0] if accounts else Account()
        # by id(event), for those in the buffer, and on their way there
        self.places: dict[int, EventPosition] = {}
        self.settled: list[EventPosition] = []  # to be deleted
        self.is_stale = False  # some of these are behind what was read last, and would be read
        self.loaded: list[SpanEvent] = []  # on their way from the disk to the buffer
        # by trace, for events that are on the disk only, and not the first account's
        self.owners: dict[int | str, Account] = {}
        # of each, while it is in use here
        self.account_by_trace: WeakKeyDictionary[TraceInfo, Account] = WeakKeyDictionary()
        self.open: OrderedDict[Span, None] = OrderedDict()  # as the buffer's `open`, for those it never saw

    def owner(self, trace: TraceInfo) -> Account:
        """Return whose the events of a trace are that are on the disk only.

        Their place in a file would not do: two SDKs that use the same ids get one span back from the decoder, and when
        an event is settled, its account is that of the trace of its span.
        """
        return self.account_by_trace.get(trace) or self.owners.get(trace.id, self.first)

    def _holder(self, account: Account) -> Account:
        """Return an account that counts events on the disk: another one, if several SDKs share the id of a trace."""
        if account.on_disk:
            return account
        others = (*self._accounts, self.first, *self.owners.values(), *self.account_by_trace.values())
        return next((one for one in others if one.on_disk), account)

    # From a queue to the disk.

    def drop_on_way(self, account: Account, lost: Sequence[SpanEvent], left: Sequence[SpanEvent], reason: str) -> None:
        """Count some of those on their way as dropped; those that are ``left`` take the place of all."""
        number, buffer = len(lost), self._buffer
        for event in lost:
            buffer.losses.note(event, reason)
        # no call from here on
        account.recorded += number
        account.outcomes[reason] += number
        account.on_way[:] = left
        for event in lost:
            _, span, _ = event
            if (trace := buffer.traces.get(span.trace.id)) is not None:
                buffer.lose_end(trace, event, reason)

    def place(self, events: Sequence[SpanEvent], places: Sequence[EventPosition]) -> None:
        """Note where those on their way are about to be written; without places, that they were not."""
        for event, place in zip(events, places, strict=False):
            self.places[id(event)] = place
        for event in events[len(places) :]:
            self.places.pop(id(event), None)

    def leave_on_disk(self, account: Account) -> None:
        """Leave those on their way on the disk only, and remember what is needed to end their spans."""
        while account.on_way:
            event = account.on_way[0]
            phase, span, _ = event
            self.account_by_trace[span.trace] = account
            if account is not self.first:
                self.owners[span.trace.id] = account
            if phase is Phase.START:
                self.open[span] = None
                if len(self.open) > REMEMBERED:
                    self.open.popitem(last=False)
            elif phase is Phase.END:
                self.open.pop(span, None)
            key = id(event)
            file, seq = self.places[key]
            read_to = file.read_to if file.unread > 0 else seq - 1  # all before it is in memory, or was
            # no call from here on
            file.read_to = read_to
            file.unread += 1
            account.on_disk += 1
            del self.places[key], account.on_way[0]

    def put_back(self, account: Account) -> None:
        """Let those that an interrupt or a failure left on their way wait where they came from, or went.

        What the disk may have of those that go back to their queue is to be deleted.
        """
        while self.loaded:
            self.take_loaded()
        for key in list(map(id, account.on_way)):
            place = self.places.get(key)
            if place is not None:
                # no call from here on
                self.is_stale = True
                self.settled += (place,)
                del self.places[key]
        # in one call, which no interrupt divides: each is in one of the two
        account.waiting.extendleft(map(account.on_way.pop, repeat(-1, len(account.on_way))))

    # From the disk to the buffer.

    def load(self, event: SpanEvent, place: EventPosition) -> None:
        """Let an event that was read wait in the buffer, for the SDK that recorded it."""
        _, span, _ = event
        account = self.account_by_trace[span.trace] = self.owner(span.trace)
        (file, seq), key, holder = place, id(event), self._holder(account)
        number = min(1, holder.on_disk)
        # no call from here on
        file.read_to = seq
        file.unread -= 1
        holder.on_disk -= number
        account.on_disk += 1
        self.places[key] = place
        self.loaded += (event,)
        self.take_loaded()

    def take_loaded(self) -> None:
        """Let an event that was read wait in the buffer; it is not on its way any more."""
        phase, span, _ = self.loaded[0]
        self._buffer.take_first(self.loaded, 1, self.owner(span.trace), inherited=True)
        self.open.pop(span, None)
        if phase is Phase.END and span.kind == TRACE:
            self.owners.pop(span.trace.id, None)

    def drop_unread(
        self, reason: str, number: int, account: Account, file: SpoolFile, damaged: Sequence[EventPosition] = ()
    ) -> None:
        """Count events of a file as dropped that were on the disk only; a damaged one is read and to be deleted."""
        read_to = damaged[0].seq if damaged else file.read_to
        while number > 0:
            holder = self._holder(account)
            part = min(number, holder.on_disk)
            lost = part or number
            # no call from here on
            file.read_to = read_to
            self.settled += damaged
            file.unread -= lost
            holder.on_disk -= part
            holder.recorded += lost
            holder.outcomes[reason] += lost
            number -= lost

    def count_unread(self, number: int, file: SpoolFile) -> None:
        """Count events of dead processes that were not known to be in a file."""
        first = self.first
        # no call from here on
        file.unread += number
        first.on_disk += number

    def adopt(self, file: SpoolFile, files: list[SpoolFile]) -> None:
        """Count the events of a dead process's file, which is one of ``files`` from now on."""
        first, number = self.first, file.unread
        # no call from here on
        first.on_disk += number
        files += (file,)

    def count_lost(self, number: int) -> None:
        """Count events of dead processes as dropped that are not there."""
        if number > 0:
            self.first.recorded += number
            self.first.outcomes["serialize_error"] += number

    # What goes.

    def collect(self) -> None:
        """Note what has been settled, so that it is deleted from the disk."""
        done = self._buffer.done
        number = len(done)
        # in one call, which no interrupt divides
        self.settled.extend(filter(None, map(self.places.pop, map(id, done), repeat(None))))
        del done[:number]

    def hand_over(self) -> int:
        """Leave all that is on the disk to the next process, and give up the rest; return how much that is."""
        buffer, lost = self._buffer, 0
        for trace in list(buffer.traces.values()):
            lost += self._hand_over_trace(trace)
            buffer.remove(trace)
        buffer.ready.clear()
        buffer.unsent.clear()
        buffer.held.clear()
        buffer.size = 0
        self.owners.clear()
        self.account_by_trace.clear()
        return lost

    def _hand_over_trace(self, trace: WaitingTrace) -> int:
        """:meth:`hand_over`, for one trace."""
        buffer, parked = self._buffer, trace.parked or {}
        for span, events in list(parked.items()):
            account, number = trace.account_of(span), len(events)
            # no call from here on
            account.parked -= number
            trace.events[:0] = events
            del parked[span]
        at = 0
        while at < len(trace.events):
            event = trace.events[at]
            account, key = trace.account_of(event[1]), id(event)
            if key not in self.places:
                at += 1
                continue
            # no call from here on
            buffer.count -= 1
            account.recorded -= 1
            account.on_disk += 1
            del self.places[key], trace.events[at]
        return buffer.drop_events(trace, "shutdown_timeout")


def trace_key(identifier: int | str) -> bytes:
    """Return the trace's id for the disk: distinguishes a string from a number."""
    return b"#%x" % identifier if isinstance(identifier, int) else b"=" + identifier.encode("utf-8", "surrogatepass")


def trace_of(key: bytes) -> int | str:
    """Return the id of the trace with that key."""
    return int(key[1:], 16) if key[:1] == b"#" else key[1:].decode("utf-8", "surrogatepass")
