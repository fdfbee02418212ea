"""The JSON forms of dates, times and durations: ISO 8601, of the standard library, pandas and numpy.

Each reads by the methods of the type itself, whatever a subclass has in their place.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal
from types import GetSetDescriptorType
from typing import Any, Final, cast

import pydantic_core

from voltagent.core import introspection
from voltagent.core.context import run_callback

_CLOCK_FIELDS: Final = ("hour", "minute", "second", "microsecond")
_read_date: Final = [introspection.reader(datetime, name) for name in ("year", "month", "day", *_CLOCK_FIELDS)]
_read_date_zone: Final = introspection.reader(datetime, "tzinfo")
_read_date_fold: Final = introspection.reader(datetime, "fold")
_read_time: Final = [introspection.reader(time, name) for name in _CLOCK_FIELDS]
_read_time_zone: Final = introspection.reader(time, "tzinfo")
_read_time_fold: Final = introspection.reader(time, "fold")
_read_duration: Final = [introspection.reader(timedelta, name) for name in ("days", "seconds", "microseconds")]
_NOT_TIMES: Final = ("NaTType", "NaT")


def datetime_form(value: datetime) -> str | None:
    """ISO 8601. Only time zones of Python and of known libraries compute an offset; others are named after it.

    ``None`` for the "not a time" of pandas, which is a `datetime` by its class only: its fields are all at their least.
    """
    return _date_and_time(value, "")


def _date_and_time(value: datetime, more_digits: str) -> str | None:
    """Return a date with ``more_digits`` of its second than Python counts."""
    if introspection.short_name(type(value)) in _NOT_TIMES:
        return None
    # not by `*`: what another thread raises at such a call would be taken for an error of the function
    year, month, day, hour, minute, second, fraction = [read(value) for read in _read_date]
    plain = datetime(year, month, day, hour, minute, second, fraction, fold=_read_date_fold(value))
    text = plain.isoformat(timespec="microseconds") + more_digits if more_digits else plain.isoformat()
    return text + _offset(plain, _read_date_zone(value))


def time_form(value: time) -> str:
    hour, minute, second, fraction = [read(value) for read in _read_time]
    plain = time(hour, minute, second, fraction, fold=_read_time_fold(value))
    return plain.isoformat() + _offset(plain, _read_time_zone(value))


# By the first name of the module whose class computes the offset: none of these runs code of the user for it.
_ZONE_LIBRARIES: Final = frozenset(
    ("datetime", "zoneinfo", "pydantic_core", "dateutil", "pytz", "pendulum", "bson", "psycopg2", "isodate", "iso8601",
     "dateparser")
)  # fmt: skip


# What a class may hold without changing how an offset is computed.
_NO_CODE: Final = frozenset(
    ("__module__", "__doc__", "__dict__", "__weakref__", "__slots__", "__static_attributes__", "__firstlineno__",
     "__abstractmethods__", "_abc_impl", "_weak_cache", "__annotations__", "__annotations_cache__")
)  # fmt: skip


def _is_known_zone(kind: type) -> bool:
    """Return whether the offset of a class of zones is computed by Python or a known library."""
    return all(
        introspection.full_name(base).partition(".")[0] in _ZONE_LIBRARIES
        or _NO_CODE.issuperset(introspection.class_dict(base))
        for base in introspection.bases(kind)
        if base is not object
    )


_known_zones: Final = introspection.PerType(_is_known_zone)


def _offset(plain: datetime | time, zone: object) -> str:
    """Return the offset from UTC as it follows a time; nothing without one, the class of an unknown zone."""
    if zone is None:
        return ""
    unknown = f"[{introspection.full_name(type(zone))}]"
    if not _known_zones.of(type(zone)):
        return unknown
    text = run_callback(_with_zone, plain, cast(tzinfo, zone), on_error=lambda _: "")
    return text[len(plain.isoformat()) :] if text else unknown


def _with_zone(plain: datetime | time, zone: tzinfo) -> str:
    return plain.replace(tzinfo=zone).isoformat()


def duration_form(value: timedelta) -> str:
    plain = timedelta(*[read(value) for read in _read_duration])
    return pydantic_core.to_json(plain).decode()[1:-1]


# The units of numpy's durations with a fixed length, in seconds.
_SECONDS: Final[Mapping[str, Decimal]] = {
    unit: Decimal(cast(str, length))
    for unit, length in {
        "W": 604_800,
        "D": 86_400,
        "h": 3600,
        "m": 60,
        "s": 1,
        "ms": "1e-3",
        "us": "1e-6",
        "ns": "1e-9",
        "ps": "1e-12",
        "fs": "1e-15",
        "as": "1e-18",
    }.items()
}


def duration_in(number: int, unit: str) -> object:
    """Return an ISO 8601 duration of a number of numpy's units; the bare number if this is no such unit."""
    if unit not in _SECONDS:
        return f"{'-' if number < 0 else ''}P{abs(number)}{unit}" if unit in ("Y", "M") else number
    seconds = number * _SECONDS[unit]
    if abs(seconds) < 10**13 and seconds * 10**6 % 1 == 0:
        return duration_form(timedelta(microseconds=int(seconds * 10**6)))
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds):f}S"


_PANDAS_UNITS: Final = {7: "s", 8: "ms", 9: "us", 10: "ns"}  # by pandas' numbers


def pandas_timestamp(value: Any) -> str | None:
    """Return a time of pandas with its nanoseconds; ``None`` for a year that its base class cannot hold."""
    year = _of_pandas("Timestamp", "year", value)
    if year is not None and year != _read_date[0](value):  # beyond what a `datetime` can hold: it has stand-ins there
        return None
    nanoseconds = _of_pandas("Timestamp", "nanosecond", value)
    return _date_and_time(value, f"{nanoseconds:03d}" if nanoseconds else "")


def pandas_duration(value: Any) -> object:
    """Return a duration of pandas in its own unit, which reaches further than that of its base class."""
    number = _of_pandas("Timedelta", "_value", value)
    unit = _of_pandas("Timedelta", "_creso", value)
    name = None if unit is None else _PANDAS_UNITS.get(unit)
    return duration_form(value) if number is None or name is None else duration_in(number, name)


def _of_pandas(kind: str, name: str, value: Any) -> int | None:
    """Return a number that a class of pandas, which is written in C, keeps; ``None`` if this version does not."""
    found = introspection.class_value(cast(type, introspection.loaded("pandas", kind)), name)
    number = found.__get__(value) if type(found) is GetSetDescriptorType else None
    return number if type(number) is int else None
