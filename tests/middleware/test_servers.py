"""Servers that end by the signal that stops them, without an exit hook."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.helpers.examples import environment
from tests.helpers.pace import PATIENCE
from tests.helpers.server import Server, answer, reset

pytestmark = [
    pytest.mark.slow,  # a server in a process of its own
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]

PROGRAM = """
import socket, sys
import uvicorn
import voltagent

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

listener = socket.socket(fileno=int(sys.argv[1]))
server = uvicorn.Server(uvicorn.Config(voltagent.ASGIMiddleware(application), log_level="error"))
server.run(sockets=[listener])
"""


def serve(folder: Path, url: str, times: int) -> int:
    """Start uvicorn, make requests, and return how it ended at SIGTERM."""
    keys = {"VOLTAGENT_BASE_URL": url, "VOLTAGENT_PUBLIC_KEY": "pk", "VOLTAGENT_SECRET_KEY": "sk"}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        number = listener.fileno()
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(number)], pass_fds=[number], env=environment(folder / "x.db", **keys)
        )
        try:
            for place in range(times):
                address = f"http://127.0.0.1:{listener.getsockname()[1]}/page-{place}"
                assert httpx.get(address, timeout=PATIENCE, trust_env=False).status_code == 200
            program.send_signal(signal.SIGTERM)
            return program.wait(PATIENCE)
        finally:
            program.kill()
            program.wait(PATIENCE)


def test_what_uvicorn_recorded_is_sent_before_it_ends_by_the_signal(tmp_path: Path) -> None:
    with Server() as server:
        status = serve(tmp_path, server.url, 3)
    assert status in (0, -signal.SIGTERM)  # older ones return
    assert [request.line for request in server.requests].count("POST /history") == 3


@pytest.mark.parametrize("reply", [answer(503), reset])
def test_a_backend_that_takes_nothing_does_not_hold_uvicorn(tmp_path: Path, reply: bytes) -> None:
    with Server(reply) as server:
        assert serve(tmp_path, server.url, 1) in (0, -signal.SIGTERM)
