"""Times as text, the same on every version of Python; and ids."""

from __future__ import annotations

import math
import os
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from tests.helpers.program import run_program
from voltagent.core import clock, trace_ids
from voltagent.core.clock import id_text, parse_iso

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


def new_ids() -> list[int]:
    return [clock.new_id() for _ in range(1000)]


def test_ids_are_uuids_in_order() -> None:
    ids = [*map(id_text, new_ids())]
    assert ids == sorted(ids)
    assert {UUID(text).version for text in ids} == {4}


def test_ids_differ_in_what_is_shown_and_in_what_otlp_keeps() -> None:
    ids = new_ids()
    assert len({id_text(id)[:8] for id in ids}) == len({trace_ids.span_id(id) for id in ids}) == 1000


@pytest.mark.parametrize("digits", [14, 15, 16])
def test_the_digits_by_which_backends_choose_traces_are_spread_evenly(digits: int) -> None:
    # also of traces that all have as many operations; of 16 digits two bits are fixed
    ids = []
    for _ in range(4000):
        ids.append(clock.new_trace_id())
        for _ in range(88):
            clock.new_id()
    shares = [int(trace_ids.trace_id(id)[-digits:], 16) / 16**digits % 0.25 for id in ids]
    for share in (0.05, 0.1, 0.2):  # in each stretch of them, within six standard deviations
        for first in range(0, 4000, 1000):
            kept = sum(place < share for place in shares[first : first + 1000])
            assert kept == pytest.approx(4000 * share, abs=6 * math.sqrt(4000 * share * (1 - 4 * share)))


def test_ids_of_traces_follow_each_other_and_those_of_operations() -> None:
    ids = [id_text(new()) for _ in range(500) for new in (clock.new_trace_id, clock.new_id)]
    assert ids == sorted(ids)
    assert len({id[:8] for id in ids}) == 1000


def test_after_four_thousand_million_ids_they_still_differ() -> None:
    first = clock.new_id()
    step = clock.new_id() - first
    late = count(first + (1 << 32) * step, step)
    ids = [first, *(next(late) for _ in range(3))]
    assert len({id_text(id) for id in ids}) == len({trace_ids.span_id(id) for id in ids}) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_ids_of_a_forked_child_are_others(tmp_path: Path) -> None:
    done = run_program(
        """
        import os
        from voltagent.core import clock

        child = os.fork()
        os.write(1, b"%d %d " % (clock.new_id() >> 64, clock.randomness.getrandbits(64)))
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        """,
        tmp_path,
    )
    assert len(set(done.stdout.split())) == 4, done.stderr
