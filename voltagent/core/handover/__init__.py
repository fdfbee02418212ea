"""Hand work over to another thread or process, with what is current here.

Within a process the current span itself is handed over; to another one, what :mod:`.portable_context` makes of it.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import Context
from typing import Any

from voltagent.core import context
from voltagent.core.context import CURRENT, INCOMING, PROPAGATED, Propagated, set_current
from voltagent.core.guard import guard
from voltagent.core.handover import forked_workers
from voltagent.core.handover.portable_context import PortableContext, describe_context, stand_in_for
from voltagent.core.open_operations import INHERITED, MAIN, forget_inherited, note
from voltagent.core.span import Remote, Span


class Moment:
    """What is current when work is handed over."""

    __slots__ = ("_context", "_incoming", "_propagated", "_span")

    def __init__(
        self,
        span: Span | None,
        incoming: Remote | None,
        propagated: Propagated | None,
        whole: Context | None = None,
    ) -> None:
        self._span = span
        self._incoming = incoming
        self._propagated = propagated
        self._context = whole  # for `bind`: all variables of the program, too

    @classmethod
    def now(cls, *, whole: bool = False) -> Moment:
        """Return this moment; ``whole`` also keeps the variables of the program."""
        copied = contextvars.copy_context() if whole else None
        return cls(context.current_span(), INCOMING.get(), PROPAGATED.get(), copied)

    @property
    def span(self) -> Span | None:
        """The operation that was current."""
        return self._span

    @property
    def is_empty(self) -> bool:
        """Whether nothing was current."""
        return self._span is None and self._incoming is None and self._propagated is None

    def enter(self) -> tuple[Span | None, Remote | None, Propagated | None]:
        """Make current what was current then; gives what has to be restored."""
        before = CURRENT.get(), INCOMING.get(), PROPAGATED.get()
        set_current(self._span)
        if self._span is not None:
            note(self._span)
        if INHERITED:
            forget_inherited(is_empty=self.is_empty)
        INCOMING.set(self._incoming)
        PROPAGATED.set(self._propagated)
        return before

    @staticmethod
    def leave(before: tuple[Span | None, Remote | None, Propagated | None]) -> None:
        """Restore what :meth:`enter` gave."""
        set_current(before[0])
        INCOMING.set(before[1])
        PROPAGATED.set(before[2])

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function in a copy of the context of that moment."""
        return self._copy().run(function, *args, **kwargs)

    def generate(
        self, function: Callable[..., Generator[Any, Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Generator[Any, Any, Any]:
        """Run a generator function, each step of it in one copy of the context of that moment."""
        run = self._copy().run
        inner: Generator[Any, Any, Any] = run(function, *args, **kwargs)
        step: Callable[[Any], Any] = inner.send
        sent: Any = None
        try:
            while True:
                item = run(step, sent)
                try:
                    sent, step = (yield item), inner.send
                except BaseException as exc:
                    sent, step = exc, inner.throw
        except StopIteration as stop:
            return stop.value

    async def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a coroutine function. Only our variables are set: the others are those of the task that awaits it."""
        before = self.enter()
        try:
            return await function(*args, **kwargs)
        finally:
            if CURRENT.get() is self._span:  # a coroutine may be closed anywhere, such as in another context
                self.leave(before)

    async def generate_async(
        self, function: Callable[..., AsyncGenerator[Any, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AsyncGenerator[Any, Any]:
        """Run an async generator function; between its steps nothing of ours is current in its consumer."""
        inner = function(*args, **kwargs)
        step: Any = inner.asend
        sent: Any = None
        own: Moment = self
        try:
            while True:
                before = own.enter()
                try:
                    item = await step(sent)
                    own = Moment.now()
                finally:
                    self.leave(before)
                try:
                    sent, step = (yield item), inner.asend
                except BaseException as exc:
                    sent, step = exc, inner.athrow
        except StopAsyncIteration:
            return

    def _copy(self) -> Context:
        """Return the context in which the work runs: a copy, as one context cannot be entered twice."""
        if self._context is not None:
            return self._context.copy()
        copied = contextvars.copy_context()  # in another process: the variables of the program are those found there
        copied.run(self.enter)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        with guard:
            return _restored, (describe_context(self._span, self._incoming, self._propagated),)
        return Moment, (None, None, None)


class Work:
    """A function, to be called with what was current when it was handed over."""

    __slots__ = ("function", "moment")

    def __init__(self, function: Callable[..., Any], moment: Moment) -> None:
        self.function = function
        self.moment = moment

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = self.moment.enter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.moment.leave(before)

    def __reduce__(self) -> tuple[Any, ...]:
        return Work, (self.function, self.moment)


class Activation:
    """Makes a moment current where it is unpickled: at the start of a process, which has no task of ours to wrap."""

    __slots__ = ("_moment",)

    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def __reduce__(self) -> tuple[Any, ...]:
        return _activate, (self._moment,)


def _activate(moment: Moment) -> None:
    moment.enter()
    MAIN.parent = 0  # all that this process does was handed over


def _restored(portable: PortableContext) -> Moment:
    """Return the moment that another process handed over, with a stand-in for its operation."""
    if portable.destination is not None:
        context.expect_recorder(portable.destination)
    return Moment(stand_in_for(portable), portable.incoming, portable.propagated)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        after_in_child=forked_workers.after_fork_in_child, after_in_parent=forked_workers.after_fork_in_parent
    )
