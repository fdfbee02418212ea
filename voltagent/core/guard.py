"""The guard that keeps this library's errors out of the program, and the logger of the package."""

from __future__ import annotations

import logging
from types import TracebackType

from voltagent.core import clock, stderr

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


def is_ours(exc: BaseException) -> bool:
    """Whether an exception is an error of this library, as opposed to an interrupt such as Ctrl-C.

    pydantic_core reports its own errors by a ``PanicException``, which is not an ``Exception``.
    """
    return isinstance(exc, Exception) or type(exc).__module__ == "pyo3_runtime"


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
