"""The guard that keeps this library's errors out of the program, and the logger of the package.

Interrupts pass through it: what a signal handler or another thread of the program raises while code of this library
runs must reach the program. It may be of any class: a time limit by ``SIGALRM`` is often a ``TimeoutError``, and that
of celery an ``Exception`` too.
"""

# Values here are of any type: after `type(x) is tuple` pyright sees `tuple[Unknown, ...]`, which is of no use.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import gc
import logging
import opcode
import sys
import threading
from itertools import pairwise
from types import CellType, CodeType, FrameType, TracebackType
from typing import Any, Final

from voltagent.core import clock, introspection
from voltagent.core.process import stderr

logger = logging.getLogger("voltagent")
_silence = logging.NullHandler()  # delivery problems are not written to a program's stderr
logger.addHandler(_silence)

_QUIET_SECONDS = 60.0
_LONGEST_KIND = 512  # characters
_MOST_KINDS = 1024  # keys to remember; beyond that the oldest are forgotten
LAST_LOGGED: dict[str, float] = {}


def log_once(
    kind: str, level: int, message: str, *arguments: object, exc_info: BaseException | None = None, aloud: bool = False
) -> None:
    """Log a message at most once in 60 seconds per ``kind``, so as not to flood a program's log.

    ``aloud`` is for mistakes of the user, such as an invalid setting: without configured logging, they are written to
    stderr, as Python does with warnings of loggers without a handler.
    """
    now = clock.monotonic()
    kind = kind[:_LONGEST_KIND]
    last = LAST_LOGGED.get(kind)
    if last is not None and now - last < _QUIET_SECONDS:
        return
    if last is None and len(LAST_LOGGED) >= _MOST_KINDS:
        for oldest in tuple(LAST_LOGGED)[: _MOST_KINDS // 2]:
            LAST_LOGGED.pop(oldest, None)
    LAST_LOGGED.pop(kind, None)  # so that the order is that of the times
    LAST_LOGGED[kind] = now
    if aloud:
        warn(message, *arguments, level=level)
    else:
        log(level, message, *arguments, exc_info=exc_info)


def log(level: int, message: str, *arguments: object, exc_info: BaseException | None = None) -> None:
    """Log a message, and swallow what the program's handlers, filters or log record factory raise."""
    try:
        logger.log(level, message, *arguments, exc_info=exc_info, stacklevel=2)
    except BaseException as exc:
        if not is_ours(exc):
            raise


def warn(message: str, *arguments: object, level: int = logging.WARNING) -> None:
    """Log a message about the user's program or settings.

    Without configured logging, it is written to stderr from level WARNING on, as Python does with warnings of loggers
    without a handler, unless ``VOLTAGENT_QUIET`` is set.
    """
    log(level, message, *arguments)
    is_lost = level >= logging.WARNING and logger.handlers == [_silence] and not logging.root.handlers
    if is_lost and logging.lastResort is not None:
        stderr.write_line(message % arguments)


_traceback_of: Final = introspection.reader(BaseException, "__traceback__")
_cause_of: Final = introspection.reader(BaseException, "__cause__")
_arguments_of: Final = introspection.reader(BaseException, "args")
_VARIADIC: Final = 0x04  # the flag `CO_VARARGS` of a code object: importing it from `inspect` takes long

_OPTIMIZED: Final = 0x01  # the flag `CO_OPTIMIZED`, which all functions have
_CAN_WAIT: Final = 0x20 | 0x80 | 0x200  # `CO_GENERATOR`, `CO_COROUTINE`, `CO_ASYNC_GENERATOR`
_RESUME, _RETURN_GENERATOR, _YIELD_FROM = (
    opcode.opmap.get(name, -2) for name in ("RESUME", "RETURN_GENERATOR", "YIELD_FROM")
)
_EMPTY: Final = 6  # bytes of the code that `PyCode_NewEmpty` makes, at most

_CLIENTS: Final = frozenset(("httpx", "httpcore"))  # they wrap what a socket raises, a handler's `TimeoutError` too
_LIBRARIES: Final = frozenset(("voltagent", "wrapt", "pydantic", "pydantic_core", "h11", "anyio", "certifi", "idna"))
_OURS: Final = _LIBRARIES | _CLIENTS | sys.stdlib_module_names  # packages of the code that runs for this library

# Between which instructions Python looks for exceptions of other threads. These raise nothing of their own...
_QUIET: Final = frozenset(
    opcode.opmap[name]
    for name in ("RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "JUMP_FORWARD", "POP_TOP", "STORE_FAST", "LOAD_CONST",
                 "NOP", "POP_BLOCK", "ROT_TWO", "DUP_TOP", "POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE")
    if name in opcode.opmap
)  # fmt: skip
# ...and these may, but what a function written in C raises has arguments, or is a built-in. Not here: the calls with
# `*arguments`, as all those of functions of the program are.
_CALLS = frozenset(
    opcode.opmap[name]
    for name in ("CALL", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_METHOD", "PRECALL", "LOAD_FAST",
                 "POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_BACKWARD_IF_FALSE")
    if name in opcode.opmap
)  # fmt: skip
if sys.version_info < (3, 11):  # there, Python looks after any of them
    _CALLS = frozenset(opcode.opmap.values()) - {
        opcode.opmap[name]
        for name in ("RAISE_VARARGS", "RERAISE", "CALL_FUNCTION_EX", "WITH_EXCEPT_START", "YIELD_FROM")
    }
_RAISED_BARE: Final = (MemoryError, RecursionError, StopIteration, StopAsyncIteration, AssertionError)


def is_interrupt(exc: BaseException) -> bool:
    """Return whether a signal handler or another thread raised an exception (by ``PyThreadState_SetAsyncExc``)."""
    return _interrupt(exc) is not None


def _interrupt(exc: BaseException) -> BaseException | None:
    """Return the interrupt that an exception is, or that a client of HTTP wrapped in it."""
    found: BaseException | None = exc
    while found is not None:
        if _is_interrupt(found):
            return found
        found = _cause_of(found) if _package(type(found)) in _CLIENTS else None
    return None


def _is_interrupt(exc: BaseException) -> bool:
    """Return whether an exception was not raised by the code that it left.

    The traceback of what a signal handler raised shows the call of the handler. Python passes it the number of the
    signal and the interrupted frame, which is the one that the handler's own frame returns to. Handlers run in the main
    thread only. What another thread raised comes from between two instructions.
    """
    may_be_handled = threading.get_ident() == threading.main_thread().ident
    traceback = _traceback_of(exc)
    while traceback is not None:
        if may_be_handled and _is_handler(traceback.tb_frame):
            return True
        if traceback.tb_next is None:
            return _is_asynchronous(exc, traceback)
        traceback = traceback.tb_next
    return False


def _is_handler(frame: FrameType) -> bool:
    """Return whether a frame was called with a number, followed by the frame that it returns to."""
    code, interrupted = frame.f_code, frame.f_back
    if interrupted is None or not (code.co_argcount or code.co_flags & _VARIADIC):
        return False
    # `f_locals` would change what `locals()` has returned there. A frame that still runs has no referents
    values: list[Any] = gc.get_referents(frame)
    if values and values[0] is interrupted:
        del values[0]  # what it returns to: the arguments stand behind the code
    more: list[Any] = next((list(value) for value in values if type(value) is tuple), [])
    if any(_are_of_a_signal(pair, interrupted) for some in (values, more) for pair in pairwise(some)):
        return True
    kept = [content for value in values if type(value) is CellType for content in introspection.cell_contents(value)]
    return any(one is interrupted for one in kept) and any(type(one) is int for one in (*values, *kept))


def _are_of_a_signal(pair: tuple[object, object], interrupted: FrameType) -> bool:
    return pair[1] is interrupted and type(pair[0]) is int


def _is_asynchronous(exc: BaseException, innermost: TracebackType) -> bool:
    """Return whether an exception came from between two instructions: another thread raised its class."""
    frame, kind = innermost.tb_frame, type(exc)
    if _is_of_c(frame.f_code) or _is_thrown_in(frame.f_code, innermost.tb_lasti):
        return False
    code, at = frame.f_code.co_code, innermost.tb_lasti
    if at < 0 or code[at] in _QUIET:
        return not any(introspection.has_base(kind, base) for base in _RAISED_BARE[:2])
    where: Any = dict.get(frame.f_globals, "__name__")
    package = where.partition(".")[0] if type(where) is str else ""
    if code[at] not in _CALLS or package not in _OURS:
        return False
    origin = _package(kind)
    if origin != "builtins":
        return origin not in _OURS  # code that runs for this library does not raise others
    return not _arguments_of(exc) and not any(introspection.has_base(kind, base) for base in _RAISED_BARE)


def _is_of_c(code: CodeType) -> bool:
    """Return whether a code object only names a place in a traceback, as of Cython and mypyc: nothing of it has run."""
    return not code.co_consts and not code.co_flags & _OPTIMIZED and len(code.co_code) <= _EMPTY


def _is_thrown_in(code: CodeType, at: int) -> bool:
    """Return whether ``throw`` of a generator or coroutine may have raised here: where it waits, or before it began.

    Nothing is thrown into a generator expression: only the call that it is an argument of has it.
    """
    if not code.co_flags & _CAN_WAIT or code.co_name == "<genexpr>":
        return False
    text = code.co_code
    if at < 0:
        return True  # not begun, before Python 3.11
    if text[at] == _RESUME:
        return bool(text[at + 1] & 3)  # not the one at the start of a function
    before, after = text[at - 2] if at else -1, text[at + 2] if at + 2 < len(text) else -1
    return before == _RETURN_GENERATOR or after == _YIELD_FROM


def _package(kind: type) -> str:
    module, _, rest = introspection.full_name(kind).partition(".")
    return module if rest else "builtins"


def pass_on_interrupt(exc: BaseException) -> None:
    """Raise an exception again if it is an interrupt (see :func:`is_interrupt`); do nothing about any other.

    For clauses that handle an expected error: a handler may raise that very class.
    """
    found = _interrupt(exc)
    if found is not None:
        raise found


def is_ours(exc: BaseException) -> bool:
    """Return whether an exception is an error of this library, and not an interrupt such as Ctrl-C or a time limit.

    pydantic_core reports its own errors by a ``PanicException``, which is not an ``Exception``.
    """
    is_error = isinstance(exc, Exception) or type(exc).__module__ == "pyo3_runtime"
    return is_error and not is_interrupt(exc)


class Guard:
    """Swallows an ``Exception`` of this library and logs it at most once a minute, so that the program continues.

    This library's tests set ``strict``, so that the guard hides no error.
    """

    __slots__ = ()
    strict = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> bool:
        if exc is None or not is_ours(exc) or Guard.strict:
            return False
        self.swallowed(exc)
        return True

    @staticmethod
    def swallowed(exc: BaseException) -> None:
        """Report an error caught without a ``with``, which would be too slow there; reraise it if it is not ours."""
        if Guard.strict or not is_ours(exc):
            raise exc
        log_once(
            f"internal:{type(exc).__qualname__}",
            logging.ERROR,
            "failed to record something (%s); the program is not affected",
            type(exc).__qualname__,
            exc_info=exc,
        )


guard = Guard()
