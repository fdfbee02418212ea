"""The local store is current while a program runs: what was recorded half a second ago is there, also after SIGTERM."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.examples import environment
from tests.helpers.pace import hold, until
from voltagent.records import TraceRecord, load_traces

PROGRAM = """
import sys, time
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK()
print("ready", flush=True)
number = 0
while True:
    sdk.trace(name=f"{time.time():.6f}").end()
    time.sleep(0.01)
"""


def traces(store: Path) -> list[TraceRecord]:
    return list(load_traces(store, order="oldest"))


def start(store: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment(store), stdout=subprocess.PIPE)


def test_records_are_in_the_store_within_half_a_second(tmp_path: Path) -> None:
    store = tmp_path / "traces.db"
    program = start(store)
    try:
        until(lambda: store.exists() and traces(store))
        ages = []
        for _ in range(5):
            time.sleep(0.13)  # not in step with the writes
            ages.append(time.time() - float(traces(store)[-1].agent_id))
        hold(min(ages), 0.5, "the newest record")  # that a record was written at all while the program runs
        hold(sorted(ages)[2], 0.6, "the newest record")  # half a second, and the time of looking
    finally:
        program.kill()
        program.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_sigterm_without_a_handler_loses_half_a_second_at_most(tmp_path: Path) -> None:
    store = tmp_path / "traces.db"
    program = start(store)
    until(lambda: store.exists() and len(traces(store)) > 30)
    killed = time.time()
    program.send_signal(signal.SIGTERM)
    assert program.wait(10) == -signal.SIGTERM  # no handler was installed
    program.communicate()
    hold(killed - float(traces(store)[-1].agent_id), 0.5, "the loss")
