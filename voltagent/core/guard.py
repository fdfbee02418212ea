"""The guard that keeps this library's errors out of the program, and the logger of the package.

Interrupts pass through it: what a signal handler of the program raises while code of this library runs must reach the
program. It may be of any class: a time limit by ``SIGALRM`` is often a ``TimeoutError``, and that of celery an
``Exception`` too.
"""

from __future__ import annotations

import logging
import threading
from itertools import pairwise
from types import FrameType, TracebackType
from typing import Final

from voltagent.core import clock, introspection, stderr

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
        logger.log(level, message, *arguments, exc_info=exc_info)


def warn(message: str, *arguments: object, level: int = logging.WARNING) -> None:
    """Log a message about the user's program or settings.

    Without configured logging, it is written to stderr from level WARNING on, as Python does with warnings of loggers
    without a handler, unless ``VOLTAGENT_QUIET`` is set.
    """
    logger.log(level, message, *arguments)
    is_lost = level >= logging.WARNING and logger.handlers == [_silence] and not logging.root.handlers
    if is_lost and logging.lastResort is not None:
        stderr.write_line(message % arguments)


_traceback_of: Final = introspection.reader(BaseException, "__traceback__")
_VARIADIC: Final = 0x04  # the flag `CO_VARARGS` of a code object: importing it from `inspect` takes long


def is_interrupt(exc: BaseException) -> bool:
    """Whether a signal handler raised an exception.

    The traceback then shows the call of the handler. Python passes it the number of the signal and the interrupted
    frame, which is the one that the handler's own frame returns to. Handlers run in the main thread only.
    """
    if threading.get_ident() != threading.main_thread().ident:
        return False
    traceback = _traceback_of(exc)
    while traceback is not None:
        if _is_handler(traceback.tb_frame):
            return True
        traceback = traceback.tb_next
    return False


def _is_handler(frame: FrameType) -> bool:
    """Whether a frame was called with a number, followed by the frame that it returns to."""
    code, interrupted = frame.f_code, frame.f_back
    if interrupted is None or not (code.co_argcount or code.co_flags & _VARIADIC):
        return False
    values = frame.f_locals
    arguments = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & _VARIADIC:
        more = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        arguments += more if type(more) is tuple else ()
    return any(second is interrupted and type(first) is int for first, second in pairwise(arguments))


def pass_on_interrupt(exc: BaseException) -> None:
    """Raise an exception again if a signal handler raised it; do nothing about any other.

    For clauses that handle an expected error: a handler may raise that very class.
    """
    if is_interrupt(exc):
        raise exc


def is_ours(exc: BaseException) -> bool:
    """Whether an exception is an error of this library, as opposed to an interrupt such as Ctrl-C or a time limit.

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
