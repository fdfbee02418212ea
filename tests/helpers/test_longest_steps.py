"""What counts as a step: what keeps other threads from running, and not what keeps this process from running."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time

import pytest

from tests.helpers.longest_steps import measured
from tests.helpers.pace import hold, hold_processor


def _work(seconds: float, size: int) -> float:
    """Use the processor in calls of some size, each in one step; return how long the longest took."""
    longest, numbers, ends = 0.0, range(size), time.thread_time() + seconds
    began = time.thread_time()
    while began < ends:
        sum(numbers)
        now = time.thread_time()
        longest, began = max(longest, now - began), now
    return longest


@pytest.mark.parametrize("size", [300_000, 1_000_000])
def test_a_long_call_is_a_step(size: int) -> None:
    with measured() as step:
        _work(0.02, 1000)
        took = _work(0.001, size)
        _work(0.02, 1000)
    assert 0.8 * took - 0.0005 < step.seconds < 1.2 * took + 0.0005


def test_a_busy_machine_makes_no_step_of_many_short_calls() -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        with measured() as step:
            _work(0.2, 1000)
    finally:
        for one in busy:
            one.kill()
            one.wait()
    hold_processor(step.seconds, 0.002)


def test_what_lets_other_threads_run_is_no_step() -> None:
    with measured() as step:
        began = time.thread_time()
        hashlib.sha256(bytes(1 << 25)).digest()
        took = time.thread_time() - began
    hold(step.seconds, took / 2)
