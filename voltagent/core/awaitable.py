"""One API for sync and async code: results that are usable at once and awaitable too.

Awaiting a new handle yields the same handle *without* ``__await__``, so that ``while isawaitable(x): x = await x``
ends. Ending calls return a :class:`Receipt`; awaiting it never suspends. A :class:`Pending` is the result of ``flush``
and ``shutdown``, the only calls that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, NoReturn, TypeVar

from voltagent.core.guard import pass_on_interrupt

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Ready(Coroutine[Any, Any, T_co]):
    """An awaitable whose result exists already: awaiting it never suspends, even in a cancelled task.

    It implements the coroutine protocol, so ``asyncio.run(x)`` and ``create_task(x)`` accept it, but it is not a
    coroutine object that must be awaited.
    """

    __slots__ = ()

    def _result(self) -> T_co:
        raise NotImplementedError

    def __await__(self) -> Generator[Any, Any, T_co]:
        yield from ()  # makes this a generator, because __await__ must return an iterator
        return self._result()

    def send(self, _: Any) -> NoReturn:
        """Finish at once with the result (PEP 492)."""
        raise StopIteration(self._result())

    def throw(self, kind: Any, value: object = None, traceback: TracebackType | None = None) -> NoReturn:
        """Raise the given exception: there is nothing left to run."""
        raise _thrown(kind, value, traceback)

    def close(self) -> None:
        """Do nothing."""


class Done(Ready[T_co]):
    """A value that is awaitable, because voltagent 0.1.1 returned a coroutine here."""

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    def _result(self) -> T_co:
        return self._value


class Receipt(Ready[None]):
    """The result of ``success``, ``error``, ``end`` and ``update``: the event is queued; awaiting is optional."""

    __slots__ = ()

    def _result(self) -> None:
        return None

    def __repr__(self) -> str:
        return "<voltagent receipt: queued>"


RECEIPT: Final = Receipt()


def _thrown(kind: Any, value: object, traceback: TracebackType | None) -> BaseException:
    exc = kind if isinstance(kind, BaseException) else value if isinstance(value, BaseException) else kind()
    return exc.with_traceback(traceback) if traceback is not None else exc


class Pending(Coroutine[Any, Any, T]):
    """A result on which the sender is still working.

    Unless an asyncio loop runs in this thread, the call that returned it has already waited. Otherwise, ``await`` it.
    """

    __slots__ = ("_future", "_steps")

    def __init__(self, future: Future[T]) -> None:
        self._future = future
        self._steps: Generator[Any, Any, T] | None = None

    def done(self) -> bool:
        """Return whether the result is available."""
        return self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result, at most ``timeout`` seconds; raises ``TimeoutError`` after that."""
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, Any, T]:
        if self._future.done():
            return self._future.result()
        # shielded, because a cancelled waiter must not cancel the sending for which others wait
        return (yield from asyncio.shield(asyncio.wrap_future(self._future)).__await__())

    def send(self, value: Any) -> Any:
        """Run one step of awaiting (PEP 492)."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, kind: Any, value: object = None, traceback: TracebackType | None = None) -> Any:
        """Pass an exception, such as a cancellation, to the waiting coroutine."""
        exc = _thrown(kind, value, traceback)
        if self._steps is None:
            raise exc
        return self._steps.throw(exc)

    def close(self) -> None:
        """Stop waiting; the sender continues."""
        if self._steps is not None:
            self._steps.close()

    def __repr__(self) -> str:
        return repr(self._future.result()) if self.done() else "<voltagent pending: await it>"


def loop_is_running() -> bool:
    """Return whether an asyncio loop runs in this thread, which must not be blocked then."""
    try:
        asyncio.get_running_loop()
    except RuntimeError as exc:
        pass_on_interrupt(exc)
        return False
    return True
