"""Code of the program that runs on a thread of the sender, or inside a lock of it, may use the SDK: nothing waits."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.helpers.memory import Memory, Recording, conserved, make_sender
from tests.helpers.pace import PATIENCE, hold
from voltagent import VoltAgentSDK, tool
from voltagent.core.guard import logger
from voltagent.core.process import sending
from voltagent.delivery.report import Report


@tool
def work(value: object) -> object:
    return value


async def _awaited(sdk: VoltAgentSDK) -> Report:
    return await sdk.flush()


CALLS: dict[str, Callable[[VoltAgentSDK], object]] = {
    "flush": lambda sdk: sdk.flush(),
    "awaited flush": lambda sdk: asyncio.run(_awaited(sdk)),
    "shutdown": lambda sdk: sdk.shutdown(),
    "shutdown with a time": lambda sdk: sdk.shutdown(timeout=20),
    "end of the block": lambda sdk: sdk.__exit__(None, None, None),
}


class OnceOnAThread:
    """Makes a call the first time that another thread comes by, and notes how long it took."""

    def __init__(self, call: Callable[[VoltAgentSDK], object]) -> None:
        self.call = call
        self.sdk: VoltAgentSDK | None = None
        self.took: list[float] = []

    def __call__(self) -> None:
        if self.sdk is not None and not self.took and threading.current_thread() is not threading.main_thread():
            self.took.append(PATIENCE)  # if it does not return
            began = time.monotonic()
            self.call(self.sdk)
            self.took[0] = time.monotonic() - began

    def redact(self, path: str, value: object) -> object:
        self()
        return value

    def answer(self, _: httpx.Request) -> httpx.Response:
        self()
        return httpx.Response(200, json={})

    def check(self, sdk: VoltAgentSDK, *, recorded: int = 4) -> None:
        """What was recorded arrives, and no call on the sender's thread has waited."""
        self.sdk = sdk
        work("a")
        report = sdk.shutdown()
        assert (report.recorded, report.accepted, report.pending) == (recorded, recorded, 0)
        hold(max(self.took), 0.5, "a call on the thread of the sender")


@pytest.mark.parametrize("call", CALLS)
def test_a_function_that_redacts_may_use_the_sdk(call: str, tmp_path: Path) -> None:
    once = OnceOnAThread(CALLS[call])
    once.check(VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db", redact=once.redact))


class Records(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        work(record.getMessage())


def test_what_a_log_handler_records_of_our_own_lines_does_not_go_round(tmp_path: Path) -> None:
    """Each batch has a line at debug level, so a handler that recorded it made a batch more, for as long as 30 s."""
    handler, level = Records(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db")
        work("a")
        began = time.monotonic()
        sdk.flush()
        report = sdk.shutdown()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert (report.recorded, report.accepted) == (4, 4)
    hold(time.monotonic() - began, 2.0, "a shutdown")


@pytest.mark.parametrize("call", CALLS)
def test_a_transport_may_use_the_sdk(call: str) -> None:
    once = OnceOnAThread(CALLS[call])
    once.check(
        VoltAgentSDK(exporter="rest", public_key="p", secret_key="s", transport=httpx.MockTransport(once.answer))
    )


def test_a_function_that_redacts_for_two_destinations_does_not_wait_for_the_other(tmp_path: Path) -> None:
    once = OnceOnAThread(CALLS["flush"])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    sdk = VoltAgentSDK(
        exporter="local,rest",
        local_path=tmp_path / "traces.db",
        public_key="p",
        secret_key="s",
        transport=transport,
        redact=once.redact,
    )
    once.check(sdk, recorded=8)


@pytest.mark.parametrize("call", ["flush", "shutdown"])
def test_a_finalizer_that_comes_while_this_thread_holds_the_buffer_does_not_wait(call: str) -> None:
    took: list[float] = []

    class Sends:
        def __init__(self) -> None:
            self.myself = self

        def __del__(self) -> None:
            began = time.monotonic()
            getattr(sender, call)(timeout=20).result()
            took.append(time.monotonic() - began)

    sender = make_sender(Memory())
    Recording(sender).whole()
    Sends()
    with sender.workers[0].buffer.lock:  # as in `stats`
        gc.collect()
    hold(max(took), 0.5, "a finalizer")
    assert conserved(sender.shutdown().result()).accepted == 4


def test_each_greenlet_counts_as_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by ``gevent.monkey.patch_all()`` after this package was imported: greenlets share the thread of the system."""
    greenlet = [1]
    monkeypatch.setattr(threading, "get_ident", lambda: greenlet[0])

    def work() -> None:
        assert sending.is_sending()
        greenlet[0] = 2
        assert not sending.is_sending()
        greenlet[0] = 1

    sending.send_here(work)
    assert not sending.is_sending()
