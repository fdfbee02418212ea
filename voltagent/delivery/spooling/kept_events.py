"""Which events a spool keeps, where, and whose they are: what the parts of its storage share."""

from __future__ import annotations

from collections import Counter, OrderedDict
from weakref import WeakKeyDictionary

from voltagent.core.span import Span, TraceInfo
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.storage.spool.segment import EventPosition


class KeptEvents:
    """Used under the lock of the buffer. ``first`` is the account to which events of dead processes belong."""

    def __init__(self, buffer: Buffer, first: Account) -> None:
        self._buffer = buffer
        self.first = first
        self.places: dict[int, EventPosition] = {}  # by id(event), for those in the buffer
        self.settled: list[EventPosition] = []  # to be deleted
        self.between: Counter[Account] = Counter()  # events on their way from a queue to the buffer
        self.unread: Counter[Account] = Counter()  # events that are on the disk only
        self.owners: dict[int | str, Account] = {}  # by trace, for those of them that are not the first account's
        self.account_by_trace: WeakKeyDictionary[TraceInfo, Account] = (
            WeakKeyDictionary()
        )  # of each, while it is in use here
        self.open: OrderedDict[Span, None] = OrderedDict()  # as the buffer's `open`, for those it never saw
        self.handed_over: Counter[Account] = Counter()  # events that are left to the next process

    def owner(self, trace: TraceInfo) -> Account:
        """Return whose the events of a trace are that are on the disk only."""
        return self.account_by_trace.get(trace) or self.owners.get(trace.id, self.first)

    def leave_disk(self, number: int, account: Account) -> None:
        """Subtract events that are no longer on the disk only.

        If several SDKs share the id of a trace, some may be another SDK's.
        """
        for other in (account, *self.unread):
            part = max(0, min(number, self.unread[other]))
            self.unread[other] -= part
            number -= part
        self.unread[account] -= number

    def drop_unread(self, reason: str, number: int, account: Account) -> None:
        """Count events as dropped that are on the disk only."""
        self.leave_disk(number, account)
        self.count_dropped(reason, number, account)

    def count_dropped(self, reason: str, number: int, account: Account) -> None:
        """Count events that never came to the buffer."""
        if number > 0:
            account.recorded += number
            account.dropped[reason] += number
            self._buffer.dropped += number


def trace_key(identifier: int | str) -> bytes:
    """Return the trace's id for the disk: distinguishes a string from a number."""
    return b"#%x" % identifier if isinstance(identifier, int) else b"=" + identifier.encode("utf-8", "surrogatepass")


def trace_of(key: bytes) -> int | str:
    """Return the id of the trace with that key."""
    return int(key[1:], 16) if key[:1] == b"#" else key[1:].decode("utf-8", "surrogatepass")
