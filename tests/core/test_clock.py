"""Times as text: the same on every version of Python."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from voltagent.core.clock import parse_iso

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31T12:00:00Z", 0),
        ("20260131T120000Z", 0),
        ("20260131T1200", 0),
        ("20260131 12", 0),
        ("2026-W05-6T12:00:00+00:00", 0),
        ("2026W056t12z", 0),
        ("2026-01-31T13:30:00+0130", 0),
        ("20260131T133000+01:30:00", 0),
        ("2026-01-31T12+01", -3600),
        ("2026-01-31T12:00:00,25-00:00", 0.25),
        ("20260131T120000.123456789Z", 0.123456),
        ("2026-01-30T24:00", -43200),
        ("2026-W05T12", -5 * 86400),
        ("20260131", -43200),
    ],
)
def test_the_forms_of_iso_8601(text: str, seconds: float) -> None:
    assert parse_iso(text) == round((NOON.timestamp() + seconds) * 10**6) * 1000


@pytest.mark.parametrize(
    "text",
    [
        "", "12", "2026", "2026-01", "2026-031", "2026-0131", "202601-31", "2026-02-30", "2026-W54-1", "2026-W05-8",
        "2026-W056", "2026-01-31T", "2026-01-31T1", "2026-01-31T12:", "2026-01-31T120", "2026-01-31T12:0000",
        "2026-01-31T12:00.5", "2026-01-31T24:01", "2026-01-31T12:60", "2026-01-31T12:00+24:00", "2026-01-31T12+01:60",
        "2026-01-31T12:00 Z", "2026-01-31TT12:00", "\uff12026-01-31", "2026-01-31T12Z" + " " * 100,
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert parse_iso(text) is None


def test_a_local_time_that_this_machine_cannot_convert_is_none() -> None:
    assert [parse_iso(text, local=True) for text in ("0001-01-01", "9999-12-31T24:00", "9999-12-31T23:00")] == [
        None
    ] * 3
