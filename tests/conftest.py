"""What every test starts from: our own errors show, and neither the user's environment nor home is touched."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings

from tests.helpers.pace import ATTEMPTS, PATIENCE, TooSlow
from voltagent.capture import budget, writer
from voltagent.core import context, guard, hints
from voltagent.core.process import stderr
from voltagent.delivery.sender import Sender
from voltagent.tracing.recorder import Recorder

# A shell's background job is started deaf to Ctrl-C, and so would be the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that pauses is not the error of a test: no deadline. The same examples in every run, so that one who changes
# something else meets no failure by chance; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("suite"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# what a program of the user's, or a machine behind a proxy, may have set, and what changes how we behave or print
_FOREIGN = ("VOLTAGENT_", "OTEL_", "PYTHONWARNINGS", "SSL_CERT_", "NO_COLOR", "FORCE_COLOR")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def strict_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Our own errors raise in the tests; a test of the guard itself switches this off."""
    monkeypatch.setattr(guard.Guard, "strict", True)
    guard.LAST_LOGGED.clear()
    monkeypatch.setattr(hints, "GIVEN", {})
    monkeypatch.setattr(hints, "UNSAVED", [])
    yield
    guard.LAST_LOGGED.clear()
    stderr.set_quiet(False)


@pytest.fixture(autouse=True)
def no_trace_of_ended_threads() -> None:
    """From Python 3.12 on, all code is slow once a thread has ended while it was traced, until tracing is set again."""
    sys.settrace(sys.gettrace())


@pytest.fixture(autouse=True)
def no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot cuts what takes long by the clock on the wall: a pause of the machine would change the recording."""
    for name in ("SECONDS", "INPUT_SECONDS", "LEAST_SECONDS"):
        monkeypatch.setattr(budget, name, PATIENCE)
    monkeypatch.setattr(writer, "FUTILE_SECONDS", PATIENCE)


@pytest.fixture
def time_limit(no_time_limit: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of that very limit."""
    monkeypatch.setattr(budget, "SECONDS", 0.020)
    monkeypatch.setattr(budget, "INPUT_SECONDS", 0.012)
    monkeypatch.setattr(budget, "LEAST_SECONDS", 0.003)
    monkeypatch.setattr(writer, "FUTILE_SECONDS", 0.002)


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """A handler that a test adds to the library's log (with ``VOLTAGENT_DEBUG``, say) does not stay."""
    before, level = list(guard.logger.handlers), guard.logger.level
    yield
    guard.logger.handlers[:] = before
    guard.logger.setLevel(level)


@pytest.fixture(autouse=True)
def nothing_is_live() -> Iterator[None]:
    """Every test starts as a fresh process does: no recorder, the environment not read.

    An SDK that a test leaves running would send what is unsent to the server of a later test that gets the same port.
    """
    before = list(context.ACTIVE)
    context.ACTIVE[:] = [context.ENVIRONMENT]
    yield
    left = [one.flush for one in context.ACTIVE if isinstance(one, Recorder) and one not in before]
    context.ACTIVE[:] = before
    for flush in left:
        sender = getattr(flush, "__self__", None)
        if isinstance(sender, Sender):
            sender.shutdown(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    report.too_slow = call.excinfo is not None and call.excinfo.errisinstance(TooSlow)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test; one that was only too slow anew, fixtures and all, as the machine may have been busy."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    attempt = 1
    while attempt < ATTEMPTS and any(report.too_slow for report in reports):
        time.sleep(attempt / 4)  # a busy moment passes
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        attempt += 1
    for report in reports:
        report.attempts = attempt
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Which tests were too slow at first: one that is named here in every run has a bound that the code breaks."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    again = {report.nodeid: report.attempts for report in reports if getattr(report, "attempts", 1) > 1}
    for name, attempts in sorted(again.items()):
        terminalreporter.write_line(f"too slow at first, run {attempts} times: {name}")
