"""The current span of a context, and the recorder to use if there is none."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from weakref import WeakSet

from voltagent.core import hints
from voltagent.core.guard import guard, is_ours, log_once, pass_on_interrupt
from voltagent.core.kept_contexts import KEPT_CONTEXTS, drop_contexts, stop_watching_collections, watch_collections
from voltagent.core.process import exit_hook, one_time_work
from voltagent.core.protocols import SpanRecorder
from voltagent.core.span import TRACE, Remote, Span, TraceInfo

R = TypeVar("R")


class _InertSpan(Span):
    """A span under which nothing is recorded: recording is off, suppressed, refused or sampled out."""

    __slots__ = ()

    @property
    def recording(self) -> bool:
        return False


INERT: Final[Span] = _InertSpan(TraceInfo("", "", None), None, TRACE, "", None, identifier="")
INERT.end_ns = 0  # it has ended, so that nothing changes it


def inert(recorder: SpanRecorder, remote: Remote) -> Span:
    """Return a span like :data:`INERT` for a trace left out together with its parent, which requests pass on."""
    trace = TraceInfo("", "", recorder)
    trace.remote = remote
    span = _InertSpan(trace, None, TRACE, "", None, identifier="")
    span.end_ns = 0
    return span


# The innermost entered span of this context, even after its end; INERT if nothing may be recorded.
CURRENT: Final[ContextVar[Span | None]] = ContextVar("voltagent_current", default=None)

# Spans whose block was left while another span was current, or in another context: by a thread, a task, a coroutine
# closed elsewhere.
_left: Final[WeakSet[Span]] = WeakSet()


def enter(span: Span) -> Token[Span | None]:
    """Make a span current; :func:`restore` takes the token."""
    if KEPT_CONTEXTS:
        drop_contexts()
    return CURRENT.set(span)


def restore(span: Span, token: Token[Span | None]) -> bool:
    """Restore the span that was current before a block; return whether the span was current in the block's own context.

    In another context, what is current there stays, unless it is this span.
    """
    is_current = CURRENT.get() is span
    if KEPT_CONTEXTS:
        drop_contexts()
    try:
        CURRENT.reset(token)
    except ValueError as exc:  # in another context
        pass_on_interrupt(exc)
        if is_current:
            CURRENT.set(None if token.old_value is Token.MISSING else token.old_value)
        return False
    return is_current


def leave(span: Span, token: Token[Span | None]) -> None:
    """End a block: restore what was current before; a span that ends elsewhere takes no more calls in its block."""
    if not restore(span, token):
        leave_elsewhere(span)


def leave_elsewhere(span: Span) -> None:
    """Note that the block of a span was left where it is not current: after its end it takes no more calls."""
    _left.add(span)


def current_span() -> Span | None:
    """Return the span under which a call is recorded here."""
    return nearest_open(CURRENT.get())


class Beside(Protocol):
    """Another tracer in this process, whose current span may be below ours."""

    def newest(self, current: Span | None) -> Span | None:
        """Return the innermost span here, given the innermost span of this library."""
        ...


# The other tracers whose spans are recorded here. If it is empty, a decorated call skips the search.
BESIDE: Final[list[Beside]] = []


def nearest_open(span: Span | None, *, beside: bool = True) -> Span | None:
    """Return the span if it accepts calls, else the nearest enclosing one that does, else ``None``.

    Inside its block, a span accepts calls even after its end, unless the block was left elsewhere or its SDK was shut
    down. ``beside`` includes the spans of other tracers.
    """
    found = span
    while found is not None and found.end_ns is not None and found.recording:
        recorder = found.trace.recorder
        if found not in _left and (recorder is None or recorder.alive):
            break
        found = found.parent
    for other in BESIDE if beside else ():
        found = other.newest(found)
    return found


# The span of the other process that sent the request being served; a new trace continues it.
INCOMING: Final[ContextVar[Remote | None]] = ContextVar("voltagent_incoming", default=None)


class Propagated(NamedTuple):
    """Values that :func:`voltagent.propagated` sets for the traces started in its block."""

    user_id: str | None = None
    conversation_id: str | None = None
    tags: tuple[str, ...] = ()


PROPAGATED: Final[ContextVar[Propagated | None]] = ContextVar("voltagent_propagated", default=None)

if sys.version_info >= (3, 12):
    set_current = CURRENT.set
else:

    def set_current(span: Span | None) -> None:
        """Make a span current in this context."""
        if KEPT_CONTEXTS:
            drop_contexts()
        CURRENT.set(span)


def run_callback(function: Callable[..., R], *arguments: Any, on_error: Callable[[BaseException], R]) -> R:
    """Call a function of the user with recording off, and return its result.

    If it raises, ``SystemExit`` included, the result is that of ``on_error``. Only interrupts propagate: neither a
    Ctrl-C by the user nor what a signal handler of the program raises may be swallowed.
    """
    before = CURRENT.get()
    try:
        set_current(INERT)
        return function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        pass_on_interrupt(exc)
        return on_error(exc)
    finally:
        CURRENT.set(before)


# The live recorders, newest first, followed by ENVIRONMENT until the environment was read. An empty list means that a
# decorated call has nothing to record: wrapt tests this very list in C, which makes "off" nearly free.
ENVIRONMENT: Final = "the environment was not read yet"
ACTIVE: Final[list[Any]] = [ENVIRONMENT]

# In ACTIVE for a while after the last recorder was shut down, so that later calls can be reported.
SHUT_DOWN: Final = "the last recorder was shut down"
_LATE_CALLS: Final = 100  # calls to look at; after that, decorated calls cost as little as with recording off
_late_calls: Final[dict[str, int]] = {"left": 0}

# The recorders of the test kit, the newest last: while there is one, it takes the place of every other recorder.
CAPTURES: Final[list[Any]] = []
CAPTURE: Final[ContextVar[Any]] = ContextVar("voltagent_capture", default=None)  # that of this context

# The open replays, the newest last: they answer decorated calls from a recording.
REPLAYS: Final[list[Any]] = []
REPLAY: Final[ContextVar[Any]] = ContextVar("voltagent_replay", default=None)  # that of this context

_load_from_environment: Callable[[], object] | None = None


def on_first_use(ask: Callable[[], object]) -> None:
    """Set the hook for a decorated call that finds no live recorder; it may make one."""
    global _load_from_environment  # noqa: PLW0603 - one hook for the process, set once by the package
    _load_from_environment = ask


def redirected(recorder: Any) -> Any:
    """Return the recorder to use instead of this one: itself, unless a test captures what is recorded."""
    return capture() if CAPTURES else recorder


def capture() -> Any:
    """Return the open capture of this context; a thread without one, such as one of a pool, has the newest."""
    return _innermost(CAPTURE.get(), CAPTURES)


def replay() -> Any:
    """Return the open replay of this context, else the newest."""
    return _innermost(REPLAY.get(), REPLAYS)


def _innermost(own: Any, opened: list[Any]) -> Any:
    # work that was started inside a block may run on after its end
    return own if own in opened else opened[-1]


_instrument: Callable[..., object] | None = None


def on_instrument(install: Callable[..., object]) -> None:
    """Set the function that patches other packages; it is in a package above those that call it."""
    global _instrument  # noqa: PLW0603 - one hook for the process, set once by the package
    _instrument = install


def instrument(names: tuple[str, ...]) -> None:
    """Patch other packages, as a setting requires; no names patch nothing."""
    if names and _instrument is not None:
        _instrument(*names)


_exit_hooks: Final[list[Callable[[], None]]] = []


def record_at_exit() -> None:
    """Make the recorder of the environment at exit, unless a decorated call has: later finalizers cannot.

    They can neither import modules nor start threads.
    """
    if not _exit_hooks:
        _exit_hooks.append(load_at_exit)
        exit_hook.call_at_exit(load_at_exit)


def load_at_exit() -> None:
    if ACTIVE and ACTIVE[0] is ENVIRONMENT:
        with guard:  # nothing can be imported any more, perhaps
            _load()


def _load() -> None:
    """Make a recorder from the environment, or wait for it; not below that work itself, as in a finalizer."""
    if _load_from_environment is not None and not one_time_work.is_running_here():
        try:
            one_time_work.do_once(_load_from_environment)
        except BaseException as exc:
            if is_ours(exc) and not exit_hook.began():
                _report_failed_start(exc)
            raise


def _report_failed_start(exc: BaseException) -> None:
    """Report that no recorder can be made; the next call tries again only if that may help."""
    log_once("start", logging.ERROR, "nothing is recorded, as the SDK could not be made: %r", exc, aloud=True)
    if not isinstance(exc, (ImportError, OSError)):  # for a moment, no file may be opened, or no module found
        environment_was_read()


def default_recorder() -> Any:
    """Return the newest live recorder, else one from the environment if that names a destination, else ``None``."""
    first = ACTIVE[0] if ACTIVE else None
    return _make_or_report(first) if type(first) is str else first


def _make_or_report(first: str) -> Any:
    """Make a recorder from the environment, or report a call after the last shutdown; a recorder, if there is one."""
    if first is ENVIRONMENT:
        _load()
    if ACTIVE and ACTIVE[0] is SHUT_DOWN:
        _report_late_call()
    return _first()


def recorder_here() -> Any:
    """Return the recorder in use, without reading the environment; ``None`` if there is none yet."""
    return capture() if CAPTURES else _first()


def _first() -> Any:
    first = ACTIVE[0] if ACTIVE else None
    return None if type(first) is str else first


_switched_off: Final[list[bool]] = []


def switch_off() -> None:
    """Keep recording off, by the program's or the environment's choice, which no later setting or parent overrides."""
    _switched_off.append(True)
    environment_was_read()
    deactivate(SHUT_DOWN)


one_time_work.after_broken_fork(switch_off)

_handed_over: Final[list[Mapping[str, Any]]] = []


def handed_over_destination() -> Mapping[str, Any] | None:
    """Return how to make an SDK that records where the process does that handed work over; ``None`` if none did."""
    return _handed_over[0] if _handed_over else None


def expect_recorder(destination: Mapping[str, Any]) -> None:
    """Make the next decorated call look for a recorder, because work of another process names a destination."""
    _handed_over[:] = [destination]
    deactivate(SHUT_DOWN)
    if not (ACTIVE or _switched_off):
        ACTIVE.append(ENVIRONMENT)


def activate(recorder: object) -> None:
    """Make a recorder live, and the default until a newer one is made or it is shut down."""
    watch_collections()
    ACTIVE.insert(0, recorder)
    deactivate(SHUT_DOWN)
    _deactivate_abandoned()


def deactivate(recorder: object) -> None:
    """Stop using a recorder."""
    if recorder in ACTIVE:
        ACTIVE.remove(recorder)
    if recorder in _abandoned:
        _abandoned.remove(recorder)


# Live recorders whose SDK object was freed without a shutdown.
_abandoned: Final[list[Any]] = []


def abandon(recorder: object) -> None:
    """Keep a recorder whose SDK object was freed without a shutdown live only while there is no other.

    So ``VoltAgentSDK()`` records without being kept in a variable, and one made per request leaks nothing.
    """
    if recorder in ACTIVE:
        _abandoned.append(recorder)
        _deactivate_abandoned()


def _deactivate_abandoned() -> None:
    while _abandoned and sum(one not in (ENVIRONMENT, SHUT_DOWN) for one in ACTIVE) > 1:
        deactivate(_abandoned.pop(0))


def shut_down(recorder: object) -> None:
    """Stop using a recorder that its user shut down. If it was the last one, later calls are reported."""
    deactivate(recorder)
    if ACTIVE in ([], [ENVIRONMENT]):
        _late_calls["left"] = _LATE_CALLS
        ACTIVE.append(SHUT_DOWN)
        stop_watching_collections()


def _report_late_call() -> None:
    """Report a call that is not recorded because the SDK was shut down; stop checking after some of them."""
    _late_calls["left"] -= 1
    if _late_calls["left"] <= 0:
        deactivate(SHUT_DOWN)
    hints.report_late_call("this call")


def environment_was_read() -> None:
    """Note that the environment was read: from now on, nothing is recorded without a live recorder."""
    deactivate(ENVIRONMENT)


@contextmanager
def suppress() -> Generator[None]:
    """Record nothing inside this block: decorated functions only run, and ``current()`` returns an inert handle."""
    before = CURRENT.get()
    try:
        set_current(INERT)
        yield
    finally:
        CURRENT.set(before)
