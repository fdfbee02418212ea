"""What several processes may put into one folder of the spool together, and how much of it is known to be lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.delivery.test_spool import empty, files_with_a_log, fill, folder, make, model_server, port, rest
from tests.helpers.memory import Recording, conserved, waiting
from tests.helpers.pace import PATIENCE, until, within
from tests.helpers.spools import events_in
from voltagent.storage.file_lock import FileLock
from voltagent.storage.spool import spool
from voltagent.storage.spool.destination import Destination

pytestmark = pytest.mark.slow  # programs that start, end and are killed

__all__ = ["folder", "port"]  # fixtures

MIB = 2**20
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def record_much(folder: Path, port: int, size: int, traces: int, bound: int) -> None:
    """What a process of its own does: record for a destination that is down, more than its share of the folder."""
    pytest.MonkeyPatch().setattr(spool, "TURN_SECONDS", PATIENCE)  # who stands still for longer breaks the bound
    sender = make(rest(port), folder, bound)
    recording = Recording(sender)
    for number in range(traces):
        recording.end(recording.trace(f"{os.getpid()} {number}", b'{"x":"%s"}' % (b"x" * size)))
        if number % 5 == 0:
            until(lambda: not waiting(sender))
    os.kill(os.getpid(), signal.SIGKILL)


def bytes_in(folder: Path) -> int:
    """The size of all files, read until two readings agree, as files come and go meanwhile."""
    while True:
        looks = [sorted((entry.name, entry.stat().st_size) for entry in _entries(folder)) for _ in range(2)]
        if looks[0] == looks[1]:
            return sum(size for _, size in looks[0])


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    found = []
    for entry in os.scandir(folder):
        try:
            entry.stat()
        except FileNotFoundError:
            continue
        found.append(entry)
    return found


@posix
@pytest.mark.parametrize(("size", "bound"), [(4_000, 2 * MIB), (40_000, 8 * MIB)])
def test_several_processes_keep_one_bound(folder: Path, port: int, size: int, bound: int) -> None:
    traces = 2 * bound // 4 // (size + 1000)
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [
        context.Process(target=record_much, args=(folder, port, size, traces, bound)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    most = 0
    while any(process.is_alive() for process in processes):
        most = max(most, bytes_in(folder))
    most = max(most, bytes_in(folder))
    assert [process.exitcode for process in processes] == [-signal.SIGKILL] * 4
    assert bound // 2 < most <= bound * 5 // 4, "a batch of each, a sixteenth of the bound, may come on top"
    with model_server(port) as model:
        report = empty(make(rest(port), folder))
    assert (report.pending, report.dropped) == (0, {})
    assert report.accepted == report.recorded > 0
    assert not model.complaints
    assert list(folder.iterdir()) == []


@posix
def test_a_process_that_stands_still_in_its_turn_is_not_waited_for(folder: Path, port: int) -> None:
    folder.mkdir()
    turn = FileLock.acquire(folder / "turn")
    assert turn is not None
    sender = make(rest(port), folder)
    Recording(sender).whole()
    until(lambda: events_in(folder) == 4)
    turn.release()  # as it is when its process is killed: the file stays
    sender.shutdown(1).result()
    with model_server(port):
        assert empty(make(rest(port), folder)).accepted == 4
    assert list(folder.iterdir()) == []


@posix
def test_it_is_waited_for_once_and_not_with_each_batch(folder: Path) -> None:
    folder.mkdir()
    turn = FileLock.acquire(folder / "turn")
    assert turn is not None
    waiting = spool.Spool(folder, Destination.of("rest", "http://here", "http://here", "pk"))
    with within(3 * spool.TURN_SECONDS, "six batches"):
        for _ in range(6):
            assert not waiting.in_turn(lambda: waiting.is_alone)
    turn.release()
    assert waiting.in_turn(lambda: waiting.is_alone)
    waiting.close()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.66])
def test_what_was_in_a_torn_log_is_counted(folder: Path, port: int, kept: float) -> None:
    for name, content in files_with_a_log(folder, port).items():  # as a power cut would have left them
        if not name.endswith("-shm"):
            (folder / name).write_bytes(content[: int(len(content) * kept)] if name.endswith("-wal") else content)
    with model_server(port) as model:
        report = empty(make(rest(port), folder))
    assert report.dropped == {"serialize_error": 200 - report.accepted}
    assert report.accepted > 0 or kept < 0.1
    assert not model.complaints
    assert list(folder.iterdir()) == []


def test_nothing_is_missed_of_a_file_that_was_partly_sent(folder: Path, port: int) -> None:
    sender = make(rest(port), folder)
    recording = Recording(sender)
    with model_server(port):
        roots = [recording.trace(f"t{number}") for number in range(20)]
        sender.flush().result()
    for root in roots:
        recording.end(root)
    assert sender.shutdown(1).result().pending == 20
    with model_server(port):
        report = empty(make(rest(port), folder))
    assert (report.accepted, report.dropped) == (20, {})


def test_all_that_was_in_a_file_that_is_none_any_more_is_counted(folder: Path, port: int) -> None:
    fill(folder, port, 5)
    (path,) = folder.glob("*.db")
    path.write_bytes(b"this is no database" * 1000)
    assert empty(make(rest(port), folder)).dropped == {"serialize_error": 20}


@posix
def test_out_of_its_turn_no_process_fills_what_another_may_be_filling(folder: Path, port: int) -> None:
    folder.mkdir()
    turn = FileLock.acquire(folder / "turn")
    assert turn is not None
    (folder / "others").write_bytes(bytes(MIB))
    sender = make(rest(port), folder, 2 * MIB)
    Recording(sender).whole("large", 1)
    until(lambda: events_in(folder) == 4)
    (folder / "others").write_bytes(bytes(MIB * 7 // 4))
    Recording(sender).whole()
    until(lambda: not waiting(sender) and not sender.accounts[0].on_way)
    assert (events_in(folder), conserved(sender.stats()).pending) == (4, 8)
    turn.release(delete=True)
    sender.shutdown(1).result()
