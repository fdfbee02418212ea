"""Threads that go on recording hold up neither a flush nor the end of the process."""

from __future__ import annotations

import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.pace import hold
from tests.helpers.program import run_program
from voltagent import VoltAgentSDK, tool
from voltagent.records import load_traces


@tool
def work(value: object) -> object:
    return value


@pytest.mark.parametrize("pause", [0.0, 0.0005])
def test_a_flush_waits_for_what_was_recorded_before_it_only(tmp_path: Path, pause: float) -> None:
    over = threading.Event()

    def record() -> None:
        while not over.is_set():
            for _ in range(10):
                work(1)
            time.sleep(pause)

    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db")
    threads = [threading.Thread(target=record) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        while sdk.stats().recorded < 1000:
            time.sleep(0.001)
        before = sdk.stats().recorded
        began = time.monotonic()
        report = sdk.flush(timeout=60)
        hold(time.monotonic() - began, 20.0, "a flush")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert report.accepted + sum(report.dropped.values()) >= before
    report = sdk.shutdown()
    assert (report.pending, report.recorded) == (0, report.accepted + sum(report.dropped.values()))


@pytest.mark.parametrize("late", [False, True])
def test_what_a_program_did_not_end_is_stored_at_its_end(tmp_path: Path, late: bool) -> None:
    code = """
    from voltagent import VoltAgentSDK
    sdk = VoltAgentSDK(exporter="local")
    traces = [sdk.trace(agent_id="left open") for _ in range(3)]
    tools = [trace.add_tool(name="left open") for trace in traces]
    if LATE: sdk.flush()
    sdk.trace(agent_id="ended").success()
    """
    ran = run_program(f"LATE = {late}\n" + textwrap.dedent(code), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    [store] = tmp_path.rglob("*.db")
    found = Counter((trace.status, len(trace.children)) for trace in load_traces(store))
    assert found == {("cancelled", 1): 3, ("completed", 0): 1}


@pytest.mark.parametrize("pause", [0.0002, 0.001])
def test_a_process_ends_although_daemon_threads_record(tmp_path: Path, pause: float) -> None:
    code = f"""
    import atexit, os, threading, time
    began = []
    atexit.register(lambda: print(time.monotonic() - began[0] < 3.0))  # the last hook: those of before come later
    from voltagent import VoltAgentSDK, tool
    @tool
    def work(n): return n
    sdk = VoltAgentSDK(exporter="local", quiet=True)
    def record():
        while True:
            work(1)
            time.sleep({pause})
    for _ in range(3): threading.Thread(target=record, daemon=True).start()
    while sdk.stats().recorded < 500: time.sleep(0.01)
    began.append(time.monotonic())
    """
    ran = run_program(textwrap.dedent(code), tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "True\n", "")
