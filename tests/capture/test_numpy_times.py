"""Dates and durations of numpy and pandas in every unit, and what is a date by its class only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
