"""Which answers are tried again, when, and how often: a table, and properties."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from voltagent.delivery.settlement import backoff, gives_up
from voltagent.exporters import Verdict
from voltagent.exporters.http_status import outcome_of, retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("statuses", "verdict", "reason"),
    [
        ((200, 201, 202, 204, 299), Verdict.ACCEPTED, ""),
        ((502, 503, 504), Verdict.UNAVAILABLE, ""),
        ((408, 425, 429, 500), Verdict.RETRY, ""),
        ((401, 403), Verdict.REFUSED, "auth"),
        ((413,), Verdict.REFUSED, "too_large"),
        ((301, 302, 307, 308, 400, 404, 405, 409, 410, 415, 422, 501, 505, 999), Verdict.REFUSED, "rejected"),
    ],
)
def test_the_table(statuses: tuple[int, ...], verdict: Verdict, reason: str) -> None:
    for status in statuses:
        outcome = outcome_of(status, "said", 2.0)
        assert (outcome.verdict, outcome.reason) == (verdict, reason), status
        assert outcome.retry_after == (2.0 if verdict in (Verdict.RETRY, Verdict.UNAVAILABLE) else None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 90, 300.0),
        (format_datetime(datetime.fromtimestamp(NOW + 60, timezone.utc), usegmt=True), 60.0),
        (format_datetime(datetime.fromtimestamp(NOW - 60, timezone.utc), usegmt=True), 0.0),
        (format_datetime(datetime.fromtimestamp(NOW + 9000, timezone.utc), usegmt=True), 300.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri Jan 15 08:00:30 2027", 30.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("١٢", None),
        ("1e3", None),
        ("9" * 5000, None),
        ("Fri, 99 Jan 2027 08:00:30 GMT", None),
        ("Fri, 15 Jan 99999 08:00:30 GMT", None),
    ],
)
def test_retry_after_in_its_forms(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


@given(st.text(max_size=120))
def test_junk_in_retry_after_is_ignored(text: str) -> None:
    seconds = retry_after(text, NOW)
    assert seconds is None or 0.0 <= seconds <= 300.0


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 1, exclude_max=True))
def test_backoff_is_bounded(failures: int, first: float, chance: float) -> None:
    assert 0.0 <= backoff(failures, first, chance) <= 30.0


def test_backoff_doubles_up_to_thirty_seconds() -> None:
    assert [backoff(n, 1.0, 1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert [backoff(n, 1.0, 0.5) for n in (1, 2)] == [0.5, 1.0]


def test_refusals_count_and_absences_weigh_a_tenth() -> None:
    assert [gives_up(refusals, 0, 3) for refusals in (1, 2, 3, 4)] == [False, False, False, True]
    assert [gives_up(0, absences, 3) for absences in (4, 40, 41)] == [False, False, True]
    assert gives_up(1, 0, 0)
