"""Where what waits is kept: in memory, or (in :mod:`voltagent.delivery.spooling.storage`) on disk first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from voltagent.core.span import Span, SpanEvent
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.counts import Account
from voltagent.delivery.eviction import drop_waiting

_CHUNK: Final = 128  # entries that are moved at a time, so that no caller waits long for the lock


class Storage(Protocol):
    """What a worker needs of it; called on the thread that sends, except for :meth:`pending`."""

    survives: bool  # what is not sent is there for the next process

    def accept(self, patience: float = -1) -> None:
        """Take what the queues hold, and let it wait in the buffer as far as there is space for it.

        ``patience`` is how many seconds to wait for another thread that is doing so (default: until it is done).
        """
        ...

    def load(self) -> bool:
        """Fill the buffer with what is kept elsewhere, dead processes' events included; whether there was something."""
        ...

    def sending(self) -> AbstractContextManager[object]:
        """Return what to hold while a batch is sent."""
        ...

    def settled(self, batch: Sequence[SpanEvent]) -> None:
        """Forget what is done with; ``batch`` was sent just now."""
        ...

    def pending(self, account: Account | None = None) -> int:
        """Events (of one account) that are neither in a queue nor in the buffer."""
        ...

    def next_write(self) -> float:
        """Return when :meth:`accept` is due at the latest if something waits."""
        ...

    def open_spans(self) -> list[Span]:
        """Return what was started here and has not ended, children first."""
        ...

    def account_of(self, span: Span) -> Account | None:
        """Return the account that a span belongs to."""
        ...

    def has_leftovers(self) -> bool:
        """Return whether other processes may have left something."""
        ...

    def close(self, accounts: list[Account]) -> int:
        """Give up what waits, or leave it to the next process; how many events are lost.

        ``accounts`` are those whose queues are looked at once more.
        """
        ...

    def after_fork(self) -> None:
        """In a forked child: what is kept is the parent's."""
        ...


class MemoryStorage:
    """Keeps everything in the buffer; what is not sent at the end is lost."""

    survives = False

    def __init__(self, accounts: list[Account], buffer: Buffer) -> None:
        self._accounts = accounts
        self._buffer = buffer

    def accept(self, patience: float = -1) -> None:
        """Move everything into the buffer."""
        del patience
        self._accept(self._accounts)

    def _accept(self, accounts: list[Account]) -> None:
        buffer = self._buffer
        for account in list(accounts):
            while account.waiting or account.refused:
                with buffer.lock:
                    buffer.take_waiting(account, _CHUNK)

    def load(self) -> bool:
        """Nothing is kept elsewhere."""
        return False

    def sending(self) -> AbstractContextManager[object]:
        """Nothing to do meanwhile."""
        return nullcontext()

    def settled(self, batch: Sequence[SpanEvent]) -> None:
        """Nothing to delete."""

    def pending(self, account: Account | None = None) -> int:
        """None: all is in the queues or in the buffer."""
        del account
        return 0

    def next_write(self) -> float:
        """Never."""
        return float("inf")

    def open_spans(self) -> list[Span]:
        """Return those in the buffer."""
        return list(reversed(self._buffer.open))

    def account_of(self, span: Span) -> Account | None:
        """Return what the buffer knows."""
        return self._buffer.account_of(span)

    def has_leftovers(self) -> bool:
        """Return false: nothing outlives its process."""
        return False

    def close(self, accounts: list[Account]) -> int:
        """Drop what waits."""
        self._accept(accounts)
        with self._buffer.lock:
            return drop_waiting(self._buffer, "shutdown_timeout")

    def after_fork(self) -> None:
        """The buffer is empty already."""
