"""The only reader of time and randomness, so that tests can replace both."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial

# A separate generator, because a program that seeds the global one must not make ids repeat.
randomness = random.Random()  # noqa: S311 - ids need to be unique, not secret
if hasattr(os, "register_at_fork"):  # a child with the parent's state would repeat its ids
    os.register_at_fork(after_in_child=randomness.seed)

nanoseconds = time.time_ns  # since the epoch; may be set back or forward at any time
monotonic = time.monotonic
monotonic_ns = time.monotonic_ns  # for elapsed time
thread_seconds = time.thread_time  # processor time of this thread: does not run while others have their turn


def offset_ns() -> int:
    """Return the offset from :func:`monotonic_ns` to nanoseconds since the epoch, by the current system clock."""
    return nanoseconds() - monotonic_ns()


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Returns a new 128-bit identifier; :func:`id_text` formats it as a version 4 UUID (RFC 9562, section 5.4). Not a Python
# function, because each operation calls it.
new_id: Callable[[], int] = partial(randomness.getrandbits, 128)


def id_text(identifier: int | str) -> str:
    """Return an identifier as text: a generated one as a UUID, one chosen by the user unchanged."""
    if isinstance(identifier, str):
        return identifier
    digits = f"{identifier & _UUID4_KEEP | _UUID4_SET:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


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
    if len(text) > _LONGEST_TIME:
        return None
    try:
        plain = _OFFSET.sub(_with_minutes, text.upper().replace("Z", "+00:00"))
        moment = datetime.fromisoformat(_FRACTION.sub(_microseconds, plain))
    except ValueError:
        return None
    if moment.tzinfo is not None:
        found = moment - _EPOCH
    elif local:
        # not by `astimezone`: before Python 3.13 it is an hour off for a local time that a clock set forward left out
        seconds = int(moment.replace(microsecond=0, fold=fold).timestamp())
        found = timedelta(seconds=seconds, microseconds=moment.microsecond)
    else:
        found = moment.replace(tzinfo=timezone.utc) - _EPOCH
    nanoseconds_since_epoch = found // timedelta(microseconds=1) * 1000
    return nanoseconds_since_epoch if abs(nanoseconds_since_epoch) < 2**63 else None


_LONGEST_TIME = 64  # characters
_FRACTION = re.compile(r"[.,]([0-9]+)")
# Python 3.10 parses only offsets with a colon and minutes
_OFFSET = re.compile(r"(:[0-9]{2}(?:[.,][0-9]{1,64})?[+-][0-9]{2})([0-9]{2})?\Z")


def _with_minutes(offset: re.Match[str]) -> str:
    return f"{offset[1]}:{offset[2] or '00'}"


def _microseconds(fraction: re.Match[str]) -> str:
    return f".{fraction[1][:6]:0<6}"  # Python 3.10 parses only three or six digits
