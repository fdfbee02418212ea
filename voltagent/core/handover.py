"""Hand work over to another thread or process, with what is current here.

Within a process the current span itself is handed over. A pickle cannot hold it, nor the SDK or its keys, so there it
becomes a trace context: plain values that identify the operation, and the settings of the destination. In the other
process a stand-in for the operation is current, and what is recorded below it belongs to the same trace.
"""

from __future__ import annotations

import contextvars
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import Context
from types import FrameType
from typing import Any, Final, NamedTuple

from voltagent.core import context
from voltagent.core.context import CURRENT, INCOMING, INERT, PROPAGATED, Propagated, nearest_open, set_current
from voltagent.core.guard import guard
from voltagent.core.open_operations import (
    INHERITED,
    MAIN,
    Inherited,
    forget_inherited,
    frames_of,
    note,
    place_in_program,
)
from voltagent.core.span import TRACE, Remote, Span, StandIn, TraceInfo


class ParentRecord(NamedTuple):
    """The operation that work was handed over in, by plain values that any pickle can hold."""

    trace_id: int | str
    trace_agent_id: str
    trace_start_ns: int
    user_id: str | None
    conversation_id: str | None
    remote: Remote | None
    id: int | str
    kind: str
    name: str
    agent_id: str


class PortableContext(NamedTuple):
    """What another process needs to record under the operation that is current here."""

    parent: ParentRecord | None
    records: bool  # False: nothing is to be recorded, because it is suppressed or sampled out here
    incoming: Remote | None
    propagated: Propagated | None
    destination: Mapping[str, Any] | None  # how the other process makes an SDK, if it has none; without keys


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
        given: Any = None
        try:
            while True:
                item = run(step, given)
                try:
                    given, step = (yield item), inner.send
                except BaseException as exc:
                    given, step = exc, inner.throw
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
        given: Any = None
        own: Moment = self
        try:
            while True:
                before = own.enter()
                try:
                    item = await step(given)
                    own = Moment.now()
                finally:
                    self.leave(before)
                try:
                    given, step = (yield item), inner.asend
                except BaseException as exc:
                    given, step = exc, inner.athrow
        except StopAsyncIteration:
            return

    def _copy(self) -> Context:
        """Return the context in which the work runs: a copy, as one context cannot be entered twice."""
        if self._context is not None:
            return self._context.copy()
        copied = contextvars.copy_context()  # in another process: the variables of the program are those found there
        copied.run(self.enter)
        return copied

    def trace_context(self) -> PortableContext:
        """Return this moment as plain values."""
        span = nearest_open(self._span)
        recorder = context.recorder_here() if span is None else span.trace.recorder
        alive = recorder is not None and recorder.alive
        destination = recorder.destination if recorder is not None and alive else None
        records = span is None or (span.recording and alive and _is_sampled(span.trace))
        parent = describe_parent(span) if span is not None and records else None
        if span is not None and parent is not None:
            span.trace.is_spread = True
        return PortableContext(parent, records, self._incoming, self._propagated, destination)

    def __reduce__(self) -> tuple[Any, ...]:
        with guard:
            return _restored, (self.trace_context(),)
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


def _is_sampled(trace: TraceInfo) -> bool:
    return trace.tail_buffer is None or trace.tail_buffer.kept


def describe_parent(span: Span) -> ParentRecord:
    """Return what another process has to know of a span to record below it."""
    trace, root = span.trace, span.root
    return ParentRecord(
        trace.id, trace.agent_id, root.start_ns, trace.user_id, trace.conversation_id, trace.remote,
        span.id, span.kind, span.name, span.agent_id,
    )  # fmt: skip


_adopt: Callable[[Mapping[str, Any] | None], Any] | None = None


def on_adoption(find_recorder: Callable[[Mapping[str, Any] | None], Any]) -> None:
    """Set what finds the recorder for work from another process: the live one, or one made from these settings."""
    global _adopt  # noqa: PLW0603 - one hook for the process, set once by the package
    _adopt = find_recorder


class _AdoptedTrace(TraceInfo):
    """A trace of another process. Its recorder is looked for when something is recorded, not before."""

    __slots__ = ("_destination", "_found")

    def __init__(self, parent: ParentRecord, destination: Mapping[str, Any] | None) -> None:
        self._destination = destination
        self._found: Any = None
        super().__init__(parent.trace_id, parent.trace_agent_id, None)
        self.user_id, self.conversation_id = parent.user_id, parent.conversation_id
        self.remote = parent.remote

    @property
    def recorder(self) -> Any:
        found = self._found
        if found is None or (not found.alive and context.ACTIVE):
            found = self._found = None if _adopt is None else _adopt(self._destination)
        return found

    @recorder.setter
    def recorder(self, _: object) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Does nothing: the trace does not choose its recorder."""


def _restored(given: PortableContext) -> Moment:
    """Return the moment that another process handed over, with a stand-in for its operation."""
    span: Span | None = None
    if not given.records:
        span = INERT
    elif given.parent is not None:
        span = _stand_in(given.parent, given.destination)
    if given.destination is not None:
        context.expect_recorder(given.destination)
    return Moment(span, given.incoming, given.propagated)


def _stand_in(parent: ParentRecord, destination: Mapping[str, Any] | None) -> Span:
    """Make a span that stands for one of another process: children may be recorded below it, itself never is."""
    trace = _AdoptedTrace(parent, destination)
    root = StandIn(trace, None, TRACE, parent.trace_agent_id, None, identifier=parent.trace_id)
    root.start_ns = parent.trace_start_ns
    if parent.kind == TRACE:
        return root
    span = StandIn(trace, root, parent.kind, parent.name, None, identifier=parent.id)
    span.agent_id = parent.agent_id
    return span


# Modules whose processes serve many callers. One that is forked inherits what is current in the caller that happened to
# need it, and would record the work of all later ones under that.
_POOLS: Final = frozenset(
    (
        "concurrent.futures.process",
        "multiprocessing.pool",
        "billiard.pool",
        "loky.process_executor",
        "joblib.externals.loky.process_executor",
    )
)
_MOST_FRAMES: Final = 50


def _after_fork() -> None:
    """Start with nothing current in the worker of a pool, which was forked inside an operation."""
    if CURRENT.get() is not None or INCOMING.get() is not None or PROPAGATED.get() is not None:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to see who forks  # pyright: ignore
        for _ in range(_MOST_FRAMES):
            if frame is None:
                break
            if frame.f_globals.get("__name__") in _POOLS:
                _start_empty(frame)
                break
            frame = frame.f_back


def _start_empty(frame: FrameType) -> None:
    """Start a worker with nothing current, and note where the program called its pool, for its first task."""
    span = context.current_span()
    Moment(None, None, None).enter()
    if span is not None and span.recording:
        pool = str(frame.f_globals.get("__name__"))
        made = any(one.f_code.co_name == "__init__" for one in frames_of(frame) if one.f_globals is frame.f_globals)
        INHERITED[:] = [Inherited(span, place_in_program(frame), pool, is_new=made)]


def _after_fork_in_parent() -> None:
    span = CURRENT.get()
    if span is not None and span.recording:
        span.trace.is_spread = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork, after_in_parent=_after_fork_in_parent)
