"""How a process is recognised that may be ended at any moment, without an exit hook."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from voltagent.core.process.exit_hook import is_worker_process


def _answer() -> bool:
    return is_worker_process()


def test_a_program_is_no_worker() -> None:
    assert not is_worker_process()


def test_a_child_of_multiprocessing_is_one() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_answer)


@pytest.mark.parametrize(("mode", "expected"), [(1, True), (0, False), (None, False)])
def test_a_process_of_ray_is_one_if_it_runs_tasks(
    mode: int | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("ray._private.worker")
    module.__dict__["global_worker"] = SimpleNamespace(mode=mode)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert is_worker_process() is expected


def test_another_version_of_ray_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray._private.worker", ModuleType("ray._private.worker"))
    assert not is_worker_process()


def test_a_process_of_rq_is_one_while_it_runs_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def main_work_horse() -> list[bool]:
        found = [is_worker_process()]
        beside = threading.Thread(target=lambda: found.append(is_worker_process()))
        beside.start()
        beside.join()
        return found

    assert main_work_horse() == [False, False]
    monkeypatch.setitem(sys.modules, "rq", ModuleType("rq"))
    assert main_work_horse() == [True, True]
    assert not is_worker_process()


@pytest.mark.parametrize("name", ["multiprocess.process", "billiard.process"])
def test_a_process_that_another_package_started_is_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    starter = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, starter)
    starter.__dict__["current_process"] = type("_MainProcess", (), {})
    assert not is_worker_process()
    starter.__dict__["current_process"] = type("ForkProcess", (), {})
    assert is_worker_process()
