"""What is written to stderr at the end never changes the exit status of the program, and never waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.program import run_program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices")

STREAMS = {
    "closed": "os.close(2)",
    "a full disk": "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)",
    "without a reader": "r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w)",
    "that would end the program": (
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL); r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w)"
    ),
    "that is not read": (
        "r, w = os.pipe(); os.set_blocking(w, False); os.write(w, bytes(1 << 20))\n"
        "os.set_blocking(w, True); os.dup2(w, 2)"
    ),
    "a file of the program": "sys.stderr = open('/dev/full', 'w')",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stderr_that_cannot_be_written_changes_nothing(tmp_path: Path, stream: str) -> None:
    code = f"""
import os, signal
from voltagent import VoltAgentSDK
sdk = VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk_1", secret_key="sk_1_secret")
sdk.trace(agent_id="x").success()
faulthandler.cancel_dump_traceback_later()
{STREAMS[stream]}
print("ok")
"""
    ran = run_program(code, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ok\n", "")


def test_a_stderr_that_can_be_written_names_what_was_lost(tmp_path: Path) -> None:
    code = """
from voltagent import VoltAgentSDK
sys.stderr.write("first ")  # which the stream still has
sdk = VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk_1", secret_key="sk_1_secret")
sdk.trace(agent_id="x").success()
"""
    ran = run_program(code, tmp_path)
    assert ran.returncode == 0
    assert ran.stderr.startswith("first voltagent: 2 of 2 events to http://127.0.0.1:9 were lost: no connection")
