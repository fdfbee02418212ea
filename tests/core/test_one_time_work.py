"""What is done once in a process may be interrupted, forked in the middle of, or impossible."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator

import pytest

from voltagent.core import context
from voltagent.core.guard import Guard
from voltagent.core.process import one_time_work
from voltagent.sdk import automatic

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture(autouse=True)
def unread_environment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    before = list(context.ACTIVE)
    context.ACTIVE[:] = [context.ENVIRONMENT]
    monkeypatch.setattr(Guard, "strict", False)
    yield
    context.ACTIVE[:] = before


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has several threads
def test_a_fork_waits_for_the_work_of_another_thread() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        threading.Event().wait(0.05)
        ended.set()

    thread = threading.Thread(target=lambda: one_time_work.in_one_piece(work))
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if ended.is_set() else 1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_waits_for_the_last_of_two_threads_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_time_work, "FORK_SECONDS", 0.0)
    begun, may_end = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def work(number: int) -> None:
        one_time_work.in_one_piece(lambda: (begun[number].set(), may_end[number].wait()))

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread, event in zip(threads, begun, strict=True):
        thread.start()
        event.wait()
    may_end[0].set()
    threads[0].join()
    child = os.fork()
    if child == 0:
        os._exit(1 if context.ENVIRONMENT in context.ACTIVE else 0)
    may_end[1].set()
    threads[1].join()
    assert os.waitpid(child, 0)[1] == 0


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_is_forked_in_the_middle_of_it_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_time_work, "FORK_SECONDS", 0.0)
    begun, may_end = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: one_time_work.in_one_piece(lambda: (begun.set(), may_end.wait())))
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        os._exit(1 if context.default_recorder() or context.ENVIRONMENT in context.ACTIVE else 0)
    assert os.waitpid(child, 0)[1] == 0
    may_end.set()
    thread.join()


@posix
def test_a_fork_below_it_does_not_wait_for_itself() -> None:
    def work() -> int:
        child = os.fork()
        if child == 0:
            os._exit(0 if context.ENVIRONMENT in context.ACTIVE else 1)
        return os.waitpid(child, 0)[1]

    assert one_time_work.in_one_piece(lambda: one_time_work.in_one_piece(work)) == 0


def test_the_call_after_an_interrupted_first_one_tries_again() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        automatic.make_once(interrupted)
    assert [context.ENVIRONMENT] == context.ACTIVE
    assert automatic.make_once(lambda: None) is None
    assert context.ACTIVE == []


def test_an_exit_hook_does_not_raise_where_nothing_can_be_imported() -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'voltagent.sdk'")

    context.on_first_use(missing)
    try:
        context.load_at_exit()
    finally:
        context.on_first_use(automatic.from_environment)
    assert context.ACTIVE[:1] == [context.ENVIRONMENT]
