"""Programs and tests that stop or replace the clocks of Python, as freezegun and mocks do."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.helpers.pace import hold
from tests.helpers.program import run_program
from tests.helpers.server import unused_port

STOP = """
import sys, time
_usual = {getattr(time, name): name for name in ("monotonic", "monotonic_ns", "time", "time_ns")}
_stopped = {name: (lambda now: lambda: now)(function() + 10**9) for function, name in _usual.items()}
def stop_clocks():
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "threading") != "threading":
            for key, value in list(vars(module).items()):
                if type(value) is type(len) and value in _usual: setattr(module, key, _stopped[_usual[value]])
"""
WORK = """
import voltagent
@voltagent.agent
def work(value): return value
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_program_whose_clocks_stand_still_ends_in_time(tmp_path: Path, when: str) -> None:
    stop = "stop_clocks()\n"
    code = STOP + (stop if when == "before" else "") + WORK + stop + "work(1)\nprint('done')\n"
    url = f"http://127.0.0.1:{unused_port()}"
    ends = "import atexit, time\nbegan, real = time.perf_counter(), time.perf_counter\n"
    ends += "atexit.register(lambda: print(real() - began))\n"  # it is called after ours
    done = run_program(
        ends + code, tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_PUBLIC_KEY="pk", VOLTAGENT_SECRET_KEY="sk"
    )
    first, took = done.stdout.split()
    assert (done.returncode, first) == (0, "done")
    hold(float(took), 6.0, "the end of the program")


def test_what_is_recorded_while_the_clocks_stand_still_is_sent_without_a_flush(tmp_path: Path) -> None:
    code = """
    sdk = voltagent.VoltAgentSDK(exporter="local")
    work(0)
    sdk.flush()
    stop_clocks()
    for value in range(5): work(value)
    until = time.perf_counter() + 25
    while sdk.stats().pending and time.perf_counter() < until: time.sleep(0.02)
    report = sdk.stats()
    print(report.recorded == report.accepted > 4)
    """
    done = run_program(STOP + WORK + textwrap.dedent(code), tmp_path)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_clocks_that_are_replaced_during_the_import_are_not_kept(tmp_path: Path) -> None:
    code = """
    from unittest import mock
    with mock.patch("time.monotonic", return_value=1.0), mock.patch("time.thread_time"):
        import voltagent
        sdk = voltagent.VoltAgentSDK(exporter="local")
    @voltagent.agent
    def work(value): return value
    for value in range(5): work(value)
    report = sdk.flush()
    print(report.recorded == report.accepted > 4)
    """
    done = run_program(textwrap.dedent(code), tmp_path)
    assert (done.stdout, done.stderr) == ("True\n", "")
