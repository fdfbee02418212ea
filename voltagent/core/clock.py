"""The only reader of time and randomness, so that tests can replace both."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from itertools import count
from types import ModuleType

# A separate generator, because a program that seeds the global one must not make ids repeat.
randomness = random.Random()  # noqa: S311 - ids need to be unique, not secret


def _own_time() -> ModuleType:
    """Return a module ``time`` of our own, with functions that no other module has.

    freezegun stops the clocks of a program wherever it finds the usual functions, also in modules of others, and a test
    may replace them while this package is imported. Time limits and waiting must go on all the same.
    """
    spec = BuiltinImporter.find_spec("time")
    if spec is None:
        return time
    own = module_from_spec(spec)
    BuiltinImporter.exec_module(own)
    return own


_time = _own_time()

# Since the epoch; may be set back or forward at any time, or be stopped: what is recorded shows the program's own date
nanoseconds = time.time_ns
monotonic: Callable[[], float] = _time.monotonic
monotonic_ns: Callable[[], int] = _time.monotonic_ns  # for elapsed time
# processor time of this thread: does not run while others have their turn
thread_seconds: Callable[[], float] = _time.thread_time


# What 64 bits can express, and a year less: time passes
_LAST_NS = 2**63 - 366 * 86_400 * 10**9
_FIRST_NS = -_LAST_NS


def offset_ns() -> int:
    """Return the offset from :func:`monotonic_ns` to nanoseconds since the epoch, by the current system clock.

    If that shows a time that no destination can express, as a test may set it, the nearest one counts.
    """
    now = nanoseconds()
    if not _FIRST_NS < now < _LAST_NS:
        now = _LAST_NS if now > 0 else _FIRST_NS
    return now - monotonic_ns()


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# The ids of a process count upwards from a random one in their first eight digits, which people see: so they follow
# each other in an index of a store, which then has few pages to write. The last sixteen, which OTLP keeps of an
# operation, differ by the golden ratio of 2**64, which is odd, so that none comes twice.
_STEP = (1 << 96) + 0x9E3779B97F4A7C15


def _ids() -> Callable[[], int]:
    return count(randomness.getrandbits(127), _STEP).__next__


# Returns a new identifier; :func:`id_text` formats it in the form of a version 4 UUID (RFC 9562, section 5.4). Not a
# Python function, because each operation calls it.
new_id: Callable[[], int] = _ids()


def new_trace_id() -> int:
    """Return a new identifier whose last sixteen digits are random.

    Backends choose the traces to keep by them, and expect it (W3C Trace Context Level 2, "Random Trace ID Flag").
    """
    return new_id() ^ randomness.getrandbits(64)


def _after_fork() -> None:
    """In a forked child: with the parent's state it would repeat its ids."""
    global new_id  # noqa: PLW0603 - read at each operation, in as few steps as there are
    randomness.seed()
    new_id = _ids()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def id_text(identifier: int | str) -> str:
    """Return an identifier as text: a generated one as a UUID, one chosen by the user unchanged."""
    if isinstance(identifier, str):
        return identifier
    # By its bytes, with a dash behind every two, of which three are left out: twice as fast as to format the number.
    text = (identifier & _UUID4_KEEP | _UUID4_SET).to_bytes(16, "big").hex("-", 2)
    return f"{text[:4]}{text[5:29]}{text[30:34]}{text[35:]}"


_UUID4_KEEP = (1 << 128) - 1 - (0xF << 76) - (0x3 << 62)
_UUID4_SET = (0x4 << 76) | (0x2 << 62)


def iso_text(nanoseconds_since_epoch: int) -> str:
    """Format a time as ISO 8601 in UTC with microseconds, such as ``2026-01-31T12:00:00.000001+00:00``."""
    moment = _EPOCH + timedelta(microseconds=nanoseconds_since_epoch // 1000)
    return moment.isoformat(timespec="microseconds")


def parse_iso(text: str, *, local: bool = False, fold: int = 0) -> int | None:
    """Parse an ISO 8601 string to nanoseconds since the epoch; ``None`` if it is invalid or 64 bits cannot express it.

    A string without a zone means UTC, or with ``local`` the time zone of this machine. Of a local time that a clock set
    back shows twice, ``fold=1`` means the second one.
    """
    parts = _ISO.fullmatch(text) if len(text) <= _LONGEST_TIME else None
    if parts is None:
        return None
    try:
        moment, offset = _moment(parts), _offset(parts)
        if offset is None and local:
            # not by `astimezone`: before Python 3.13, it is an hour off where a clock set forward left a time out
            seconds = int(moment.replace(microsecond=0, fold=fold).timestamp())
            found = timedelta(seconds=seconds, microseconds=moment.microsecond)
        else:
            found = moment.replace(tzinfo=timezone.utc) - _EPOCH - (offset or timedelta())
    except (ValueError, OverflowError, OSError):  # no such time, or none that this machine can convert
        return None
    nanoseconds_since_epoch = found // timedelta(microseconds=1) * 1000
    return nanoseconds_since_epoch if abs(nanoseconds_since_epoch) < 2**63 else None


_LONGEST_TIME = 64  # characters
# Not by `fromisoformat`, which reads other forms in each version of Python
_ISO = re.compile(
    r"(?P<year>[0-9]{4})(?P<dash>-?)(?:(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
    r"|W(?P<week>[0-9]{2})(?:(?P=dash)(?P<weekday>[0-9]))?)"
    r"(?:[^0-9](?P<hour>[0-9]{2})(?:(?P<colon>:?)(?P<minute>[0-9]{2})(?:(?P=colon)(?P<second>[0-9]{2}))?)?"
    r"(?:[.,](?P<fraction>[0-9]{1,64}))?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2})(?::?(?P<seconds>[0-9]{2}))?)?)?)?",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)


def _moment(parts: re.Match[str]) -> datetime:
    """Return the date and time of a matched text without its zone; raises ``ValueError`` if there is none such."""
    if parts["week"] is not None:
        day = datetime.fromisocalendar(int(parts["year"]), int(parts["week"]), int(parts["weekday"] or 1))
    else:
        day = datetime(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if parts["fraction"] is not None and parts["second"] is None:
        raise ValueError
    microsecond = int(f"{parts['fraction'] or '':0<6}"[:6])
    if (hour, minute, second, microsecond) == (24, 0, 0, 0):  # the end of that day
        return day + _DAY
    return day.replace(hour=hour, minute=minute, second=second, microsecond=microsecond)


def _offset(parts: re.Match[str]) -> timedelta | None:
    """Return by how much a matched text is ahead of UTC; ``None`` if it names no zone."""
    if parts["sign"] is None:
        return None if parts["zone"] is None else timedelta()
    hours, minutes, seconds = (int(parts[name] or 0) for name in ("hours", "minutes", "seconds"))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if offset >= _DAY or minutes > 59 or seconds > 59:
        raise ValueError
    return -offset if parts["sign"] == "-" else offset
