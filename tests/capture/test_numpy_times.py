"""Dates and durations of numpy, pandas and other libraries, in every unit, and what is a date by its class only."""

from __future__ import annotations

import json
import sys
from abc import ABC
from datetime import datetime, time, timedelta, tzinfo
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from voltagent.capture.snapshot import Snapshot

np: Any = pytest.importorskip("numpy")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("2026-01-31T12:00:00.000000001", "ns", b'"2026-01-31T12:00:00.000000001"'),
        ("2026-01-31T12:00:00", "us", b'"2026-01-31T12:00:00.000000"'),
        ("2026-01-31", "D", b'"2026-01-31"'),
        ("12000-01-01", "D", b'"12000-01-01"'),
        ("2026-01", "M", b'"2026-01"'),
        ("NaT", "ns", b"null"),
    ],
)
def test_a_numpy_date_is_an_iso_string(value: str, unit: str, text: bytes) -> None:
    assert Snapshot().encode(np.datetime64(value, unit)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1500, "ms", b'"PT1.5S"'),
        (-90, "m", b'"-PT1H30M"'),
        (1, "ns", b'"PT0.000000001S"'),
        (3, "Y", b'"P3Y"'),
        (-14, "M", b'"-P14M"'),
        ("NaT", "s", b"null"),
    ],
)
def test_a_numpy_duration_is_an_iso_string(value: Any, unit: str, text: bytes) -> None:
    assert Snapshot().encode(np.timedelta64(value, unit)) == text


def test_a_datetime_that_is_no_time_is_null() -> None:
    kind = type("NaTType", (datetime,), {})
    assert Snapshot().encode({"at": kind(1, 1, 1)}) == b'{"at":null}'


def test_times_of_pandas_are_iso_strings_or_null() -> None:
    pd = pytest.importorskip("pandas")
    values = [
        pd.NaT,
        pd.Timestamp("2026-01-31T12:00:00.5"),
        pd.Timestamp("2026-01-31", tz="UTC"),
        pd.Timedelta(-90, "min"),
    ]
    times = b'[null,"2026-01-31T12:00:00.500000","2026-01-31T00:00:00+00:00","-PT1H30M"]'
    assert Snapshot().encode(values) == times
    assert Snapshot().encode({"at": pd.NaT, "of": pd.Series([pd.NaT])[0]}) == b'{"at":null,"of":null}'


def test_times_of_pandas_keep_their_nanoseconds() -> None:
    pd = pytest.importorskip("pandas")
    precise = "2026-01-31T12:00:00.123456789"
    values = [pd.Timestamp(precise), pd.Timestamp(precise, tz="UTC"), pd.Timedelta(1, "ns"), pd.Timedelta(-1, "ns")]
    times = f'["{precise}","{precise}+00:00","PT0.000000001S","-PT0.000000001S"]'
    assert Snapshot().encode(values) == times.encode()
    assert Snapshot().encode(pd.Timedelta.max).startswith(b'"PT9223372036.854775807S')


class Own(tzinfo):
    """A zone of the program: its code is not called."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise AssertionError("called")


class Abstract(ABC):
    """Says what a zone has to have, and has no code."""


class Derived(ZoneInfo, Abstract):
    """A zone whose offset Python computes, as those of pendulum."""


Derived.__annotations__  # who looks at these gives a class an attribute that it has no code for


def of_library(module: str, offset: object) -> tzinfo:
    """A zone whose offset the code of a library computes, or fails to."""

    def utcoffset(*_: object) -> Any:
        if isinstance(offset, Exception):
            raise offset
        return offset

    zone: tzinfo = type("tz", (tzinfo,), {"__module__": module, "utcoffset": utcoffset})()
    return zone


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        (Derived("America/New_York"), "-05:00"),
        (of_library("dateutil.tz.tz", timedelta(hours=1)), "+01:00"),
        (of_library("pytz", timedelta(minutes=330)), "+05:30"),
        (of_library("pytz", None), ""),
        (of_library("pytz", ValueError()), "[pytz.tz]"),
        (of_library("mine", timedelta(0)), "[mine.tz]"),
        (Own(), f"[{__name__}.Own]"),
    ],
)
def test_a_zone_of_a_known_library_gives_the_offset(zone: tzinfo, offset: str) -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=zone)
    assert Snapshot().encode(moment) == f'"2026-01-31T12:00:00{offset}"'.encode()


def test_of_a_date_that_comes_twice_each_has_its_offset() -> None:
    zone = Derived("America/New_York")
    twice = [datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=zone) for fold in (0, 1)]
    assert Snapshot().encode(twice) == b'["2026-11-01T01:30:00-04:00","2026-11-01T01:30:00-05:00"]'
    assert Snapshot().encode(time(1, 30, tzinfo=zone)) == b'"01:30:00"'


def test_no_zone_runs_code_of_the_user() -> None:
    dateutil = pytest.importorskip("dateutil.tz")
    calls: list[object] = []

    class Watched(dateutil.tzlocal):  # type: ignore[misc] # of any type, as it may be missing
        def _isdst(self, moment: object) -> bool:
            calls.append(moment)
            return False

    class Looked(ZoneInfo):
        def __getattribute__(self, name: str) -> Any:
            calls.append(name)
            return super().__getattribute__(name)

    zones = [Watched(), Looked("Europe/Berlin")]
    calls.clear()
    for zone in zones:
        assert Snapshot().encode(datetime(2026, 1, 31, tzinfo=zone)).endswith(f'{type(zone).__name__}]"'.encode())
    assert calls == []


def test_times_of_pandas_beyond_those_of_python_are_right_or_null() -> None:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    assert Snapshot().encode(pandas.Timestamp(numpy.datetime64("20000-01-01", "s"))) == b"null"
    assert Snapshot().encode(pandas.Timestamp(numpy.datetime64("-0100-01-01", "s"))) == b"null"
    assert Snapshot().encode(pandas.Timedelta(numpy.timedelta64(2**62, "s"))) == b'"PT4611686018427387904S"'
    assert Snapshot().encode(pandas.Timedelta(numpy.timedelta64(90, "s"))) == b'"PT1M30S"'


def test_real_zones_of_libraries() -> None:
    dateutil = pytest.importorskip("dateutil.tz")
    moment = datetime(2026, 7, 31, 12)
    zones = [dateutil.tzutc(), dateutil.tzoffset(None, -19800), dateutil.gettz("Europe/Berlin")]
    ends = ["+00:00", "-05:30", "+02:00"]
    for zone, offset in zip(zones, ends, strict=True):
        assert Snapshot().encode(moment.replace(tzinfo=zone)) == f'"2026-07-31T12:00:00{offset}"'.encode()


def test_what_stands_for_a_missing_value_in_pandas_is_null() -> None:
    pd = pytest.importorskip("pandas")
    assert Snapshot().encode({"a": pd.NA, "b": [pd.NA, pd.NaT]}) == b'{"a":null,"b":[null,null]}'
    assert Snapshot().encode({pd.NaT: 1, pd.NA: 2}).startswith(b'{"None":1,"None (')


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [
        ("2026", "Y", "2026"),
        ("2026-01", "M", "2026-01"),
        ("2026Q1", "Q", "2026Q1"),
        ("2026-01-31", "D", "2026-01-31"),
        ("2026-01-31", "W", "2026-01-26/2026-02-01"),
        ("2026-01-31 12:00", "h", "2026-01-31 12:00"),
        ("2026-01-31 12:00:00.123456789", "ns", "2026-01-31 12:00:00.123456789"),
    ],
)
def test_a_period_of_pandas_is_what_pandas_writes(text: str, unit: str, shown: str) -> None:
    pd = pytest.importorskip("pandas")
    period = pd.Period(text, unit)
    assert Snapshot().encode({"at": period, period: 1}) == f'{{"at":"{shown}","{shown}":1}}'.encode()


def test_an_interval_of_pandas_has_its_two_ends() -> None:
    pd = pytest.importorskip("pandas")
    days = pd.Interval(pd.Timestamp("2026-01-31"), pd.Timestamp("2026-02-01"), closed="left")
    assert Snapshot().encode([pd.Interval(0, 5), days]) == (
        b'[{"left":0,"right":5,"closed":"right"},'
        b'{"left":"2026-01-31T00:00:00","right":"2026-02-01T00:00:00","closed":"left"}]'
    )


def test_an_index_of_pandas_has_its_shape_and_no_data() -> None:
    pd = pytest.importorskip("pandas")
    for index in (pd.date_range("2026", periods=3), pd.period_range("2026", periods=3, freq="M"), pd.RangeIndex(3)):
        found = json.loads(Snapshot().encode(index))
        assert (found["shape"], found["dtype"]) == ([3], str(index.dtype))


def test_a_subclass_of_a_library_type_is_not_read_by_its_own_methods() -> None:
    pd = pytest.importorskip("pandas")

    class Loud(pd.Period):  # type: ignore[misc]
        def __str__(self) -> str:
            raise AssertionError("called")

    assert Snapshot().encode(Loud("2026", "Y")).endswith(b'Loud"')


def test_a_relative_difference_has_what_it_changes() -> None:
    relativedelta = pytest.importorskip("dateutil.relativedelta").relativedelta
    assert Snapshot().encode(relativedelta(months=1, days=-2, hour=0)) == b'{"months":1,"days":-2,"hour":0}'


def test_times_of_whenever_are_iso_strings() -> None:
    whenever = pytest.importorskip("whenever")
    values = [
        whenever.Instant.from_utc(2026, 7, 1, 12, nanosecond=5),
        whenever.ZonedDateTime(2026, 7, 1, 12, tz="Europe/Berlin"),
        whenever.Date(2026, 7, 1),
        whenever.TimeDelta(hours=-1),
    ]
    assert Snapshot().encode(values) == (
        b'["2026-07-01T12:00:00.000000005Z","2026-07-01T12:00:00+02:00[Europe/Berlin]","2026-07-01","-PT1H"]'
    )


def test_only_the_classes_of_a_library_itself_are_read_by_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Instant:
        def __str__(self) -> str:
            return "2026-07-01T12:00:00Z"

    class Later(Instant):
        """A subclass, which may have a method of the program."""

    library = ModuleType("whenever")
    monkeypatch.setitem(sys.modules, "whenever", library)
    assert Snapshot().encode(Instant()).endswith(b'Instant"')
    library.__dict__["Instant"] = Instant
    assert Snapshot().encode([Instant(), {Instant(): 1}]) == b'["2026-07-01T12:00:00Z",{"2026-07-01T12:00:00Z":1}]'
    assert Snapshot().encode(Later()).endswith(b'Later"')
