"""How many Python functions the sender's thread calls for one trace with two operations: what an event costs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.server import Server

PROGRAM = """
import sys, threading, time, json
counts = [0]
on = [False, 0]
def count(frame, event, argument):
    if event == "call" and on[0] and threading.get_ident() == on[1]:
        counts[0] += 1
threading.setprofile(count)
import voltagent
@voltagent.tool
def work(x): return {"y": x}
sdk = voltagent.VoltAgentSDK(**json.loads(sys.argv[1]))
def six():
    with sdk.trace(agent_id="a", input={"q": 1}):
        work(1)
        work(2)
    sdk.flush()
    time.sleep(0.02)
six(); six()
on[1] = sdk._sender.workers[0].loop.owner.ident
found = []
for _ in range(100):  # the least counts: on a busy machine the loop may look once more, each time as long as that lasts
    counts[0] = 0
    on[0] = True
    six()
    on[0] = False
    found.append(counts[0])
    if counts[0] <= int(sys.argv[2]):
        break
print(min(found))
sdk.shutdown()
"""
LIMITS = {"local": 120, "rest": 220, "otlp": 250, "spool": 300}


@pytest.mark.parametrize("destination", LIMITS)
def test_six_events_take_few_calls(destination: str, tmp_path: Path) -> None:
    with Server() as server:
        rest = {"exporter": "rest", "base_url": server.url, "public_key": "pk", "secret_key": "sk"}
        options = {
            "local": {"exporter": "local", "local_path": str(tmp_path / "store.db")},
            "rest": rest,
            "otlp": {"exporter": "otlp", "otlp_endpoint": f"{server.url}/v1/traces"},
            "spool": {**rest, "spool": str(tmp_path / "spool")},
        }[destination]
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(options), str(LIMITS[destination])],
            env={**os.environ, "VOLTAGENT_QUIET": "1"}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    assert int(ran.stdout) <= LIMITS[destination]
