"""Where what waits is kept: in memory, or (in :mod:`voltagent.delivery.spooling.storage`) on disk first.

Both forms are called on the thread that sends, except for ``pending``. If the storage ``survives``, what is not sent is
there for the next process, and it has further methods for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from voltagent.core.process import exit_hook
from voltagent.core.process.one_time_work import pause
from voltagent.core.span import Span, SpanEvent
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.eviction import drop_waiting
from voltagent.delivery.options import WorkerOptions

if TYPE_CHECKING:
    from voltagent.delivery.processing import Processing
    from voltagent.delivery.spooling.storage import SpoolStorage

Storage: TypeAlias = "MemoryStorage | SpoolStorage"

_CHUNK: Final = 128  # entries that are moved at a time, so that no caller waits long for the lock
_GROUP: Final = 32  # events between two pauses: a thread of the program waits for the interpreter no longer than these
_PAUSE: Final = 50e-6  # seconds; after it the sender asks for the interpreter, which a busy program gives up after 5 ms
_SHARE: Final = 4  # there are no pauses once this part of the queue is in use


class MemoryStorage:
    """Keeps everything in the buffer; what is not sent at the end is lost."""

    survives: Literal[False] = False

    def __init__(self, accounts: list[Account], buffer: Buffer, options: WorkerOptions, processing: Processing) -> None:
        self.accounts = accounts
        self._buffer = buffer
        self._processing = processing
        self._most_bytes, self._most_events = options.queue_bytes // _SHARE, options.queue_events // _SHARE
        self._seen = -1  # events that waited at the last look whether to give way, in the queues or here

    def accept(self, accounts: list[Account] | None = None) -> bool:
        """Take what the queues hold (of some accounts) into the buffer, giving way to a program that records.

        This is done in pieces, so that the lock is never held for long. What comes meanwhile is for the next time.
        """
        buffer = self._buffer
        for account in list(self.accounts if accounts is None else accounts):
            left = len(account.waiting)
            has_more = left > 0
            while has_more:
                with buffer.lock:
                    buffer.take_first(account.waiting, min(left, _CHUNK), account)
                left -= _CHUNK
                has_more = left > 0
                if has_more:
                    self.give_way()
        return True

    def make_safe(self, batch: list[Any], *, gives_way: bool) -> list[SpanEvent | None]:
        """Return the events of a batch as they may leave the process; ``None`` for those that cannot be made so."""
        found: list[SpanEvent | None] = []
        self._seen = -1  # nothing can be recorded before the first pause, as this thread has the interpreter
        number = _GROUP if gives_way else len(batch)
        for first in range(0, len(batch), number):
            if first:
                self.give_way()
            found += self._processing(batch[first : first + number])
        return found

    def give_way(self) -> None:
        """Let the program have the interpreter while it still records: a burst ends before much of it is sent."""
        if self.is_due():
            pause(_PAUSE)

    def is_due(self) -> bool:
        """Return whether to give way: the program has recorded something since the last time, and does not wait.

        Nor is it ending, and it has not used a quarter of the queue.
        """
        if exit_hook.began():
            return False
        events, size = self._buffer.count, self._buffer.size
        for account in self.accounts:
            if account.futures or account.shutdown is not None:
                return False
            events += account.waiting_events()
            size += account.bytes
        seen, self._seen = self._seen, events
        return events > seen and events < self._most_events and size < self._most_bytes

    def open_spans(self) -> list[tuple[Span, Account | None]]:
        """Return what was started here and has not ended, children first, with its account, if that is known."""
        return [(span, self._buffer.account_of(span)) for span in list(reversed(self._buffer.open))]

    def give_up(self, account: Account) -> int:
        """Give up what one account has, as others go on; return how many events are lost."""
        return self.close([account], account)

    def close(self, accounts: list[Account], only: Account | None = None) -> int:
        """Give up what waits (of one account), also in the queues of these; return how many events are lost."""
        self.accept(accounts)
        with self._buffer.lock:
            return drop_waiting(self._buffer, "shutdown_timeout", only)
