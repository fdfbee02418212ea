"""Signals whose default action ends a process: an attempt of the sender to write must not raise them in a program."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
from pathlib import Path

import pytest

from tests.helpers.program import run_program
from voltagent.core.process import sending

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

# Ends the connection in the middle of a request: first its own direction, so that writing fails by EPIPE.
SERVER = """
import os, signal, socket, struct, threading
from voltagent import VoltAgentSDK, tool
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind(("127.0.0.1", 0))
listener.listen()
def serve():
    while True:
        connection = listener.accept()[0]
        connection.recv(2048)
        connection.shutdown(socket.SHUT_WR)
        threading.Event().wait(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
threading.Thread(target=serve, daemon=True).start()
url = "http://127.0.0.1:%d" % listener.getsockname()[1]
@tool
def work(_): return os.urandom(400_000).hex()
"""


@pytest.mark.parametrize("where", ["the sender's thread", "the main thread"])
def test_a_server_that_goes_away_does_not_end_the_program(tmp_path: Path, where: str) -> None:
    code = """
    sdk = VoltAgentSDK(exporter="otlp", otlp_endpoint=url, quiet=True)
    if WHERE == "the main thread":
        def refuse(*_): raise RuntimeError("no thread")
        threading.Thread.start = refuse
    for _ in range(5): work(1)
    report = sdk.shutdown(timeout=3)
    print(report.recorded, signal.sigpending(), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    """
    ran = run_program(SERVER + f"WHERE = {where!r}\n" + textwrap.dedent(code), tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "20 set() set()\n")


def test_a_limit_of_files_does_not_end_the_program(tmp_path: Path) -> None:
    code = """
    import resource, signal
    from voltagent import VoltAgentSDK
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sdk = VoltAgentSDK(exporter="local", quiet=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    for _ in range(100): sdk.trace(agent_id="x", input="x" * 1000).success()
    report = sdk.shutdown()
    print(report.recorded == report.accepted + sum(report.dropped.values()))
    """
    ran = run_program(code, tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "True\n")


def test_a_signal_that_the_program_holds_itself_stays_its_own() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGPIPE)
        with sending.fatal_signals_held():
            pass
        assert signal.SIGPIPE in signal.sigpending()
        assert signal.sigwait([signal.SIGPIPE]) == signal.SIGPIPE
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
