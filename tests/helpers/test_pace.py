"""A bound that the machine broke is tried again, one that the code breaks stays broken."""

from __future__ import annotations

import time

import pytest

from tests.helpers.pace import ATTEMPTS, TooSlow, hold, slowness, within

counted: dict[str, int] = {}


@pytest.fixture
def fresh() -> list[int]:
    return []


def test_a_busy_moment_passes(fresh: list[int]) -> None:
    counted["busy"] = counted.get("busy", 0) + 1
    fresh.append(1)
    assert fresh == [1], "fixtures are made anew"
    hold(2.0 if counted["busy"] < 3 else 0.5, 1.0)
    assert counted["busy"] == 3


@pytest.mark.xfail(raises=TooSlow, strict=True)
def test_what_is_always_too_slow_fails() -> None:
    counted["slow"] = counted.get("slow", 0) + 1
    with within(0.001):
        time.sleep(0.002)


@pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
def test_any_other_failure_is_not_tried_again() -> None:
    counted["broken"] = counted.get("broken", 0) + 1
    1 / (counted["broken"] - 1)


def test_a_machine_is_at_least_as_slow_as_itself() -> None:
    assert 1.0 <= slowness() < 1000.0
    assert ATTEMPTS > 1
