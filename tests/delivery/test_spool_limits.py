"""The spool where it could do harm: files that are not its to touch, a full disk, large events, what was cut off."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.test_spool import empty, fill, folder, make, model_server, port, rest
from tests.helpers.memory import Recording, conserved, on_disk_only, waiting
from tests.helpers.pace import PATIENCE, until
from tests.helpers.spools import events_in
from voltagent import settings
from voltagent.core.span import SpanEvent
from voltagent.delivery.sender import Sender, Workers
from voltagent.delivery.spooling.events import SpoolEvents
from voltagent.storage.file import StoreError
from voltagent.storage.spool import segment
from voltagent.storage.spool.destination import Destination, destinations
from voltagent.storage.spool.spool import Spool

__all__ = ["folder", "port"]  # fixtures

MIB = 2**20


def large(number: int, size: int = 300_000) -> bytes:
    return b'{"x":"%s"}' % (b"%06d" % number * (size // 6))


def in_memory(sender: Sender) -> int:
    """Bytes of payload that wait in memory."""
    worker: Any = sender.workers[0]
    spans = [entry[1] if isinstance(entry, tuple) else entry for entry in list(sender.accounts[0].waiting)]
    return worker.buffer.size + sum(len(span.input or b"") for span in spans)


@contextmanager
def changed(path: Path, statement: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
        yield connection


# Files of others.


def test_a_newer_voltagents_file_stays_for_it(folder: Path, port: int, caplog: pytest.LogCaptureFixture) -> None:
    fill(folder, port, 3)
    (path,) = folder.glob("*.db")
    with changed(path, "PRAGMA user_version = 99"):
        pass
    with model_server(port) as model:
        sender = make(rest(port), folder)
        Recording(sender).whole()
        report = empty(sender)
        assert (report.accepted, report.dropped) == (4, {})
    assert "newer voltagent" in caplog.text
    assert events_in(folder) == 12, "as it was"
    with changed(path, "PRAGMA user_version = 1"), model_server(port) as model:
        assert empty(make(rest(port), folder)).accepted == 12
        model.check(3)


def test_a_file_that_is_locked_for_now_is_read_later(folder: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.storage.file.file.PATIENCE", 0.05)
    fill(folder, port, 3)
    (path,) = folder.glob("*.db")
    with model_server(port):
        sender = make(rest(port), folder)
        with changed(path, "PRAGMA locking_mode = EXCLUSIVE") as other:
            other.execute("BEGIN EXCLUSIVE")
            assert conserved(sender.flush().result()).recorded == 0
            other.execute("COMMIT")
        sender.workers[0].storage.look_due = 0.0  # type: ignore[attr-defined] # what takes 30 seconds
        assert empty(sender).accepted == 12


def test_what_an_ended_sdk_left_is_read_later_though_the_file_is_locked_as_memory_gets_empty(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(folder, Destination.of("rest", "http://here", "http://here", "pk"))
    workers = Workers([rest(port)], spools=[spool], flush_interval=0.05, retry_delay=0.001, queue_events=200)
    ended, other = Sender(workers=workers), Sender(workers=workers)
    (worker,) = workers.workers
    for _ in range(40):
        Recording(ended).whole()
        until(lambda: not waiting(ended))
    assert on_disk_only(ended) > 0
    ended.shutdown(0.1).result()
    read, failed = SpoolEvents.read, list[int]()

    def fails_at_first(events: SpoolEvents) -> bool:
        if worker.buffer.count or not failed:
            failed.extend([1] if not worker.buffer.count else [])
            return False
        return read(events)

    monkeypatch.setattr(SpoolEvents, "read", fails_at_first)
    with model_server(port):
        until(lambda: conserved(ended.stats()).accepted == 160)
        other.shutdown(5).result()


@pytest.mark.parametrize("name", ["rest", "otlp"])
def test_no_secret_of_an_address_is_on_disk(name: str) -> None:
    def at(url: str) -> Destination:
        given = {"exporter": name, "public_key": "pk", "secret_key": "sk", "base_url": url, "otlp_endpoint": url}
        return destinations(settings.load(given))[name]

    plain = at("http://here/v1")
    secret = at("http://me:canary@here/v1?token=canary")
    assert secret.url == plain.url == "http://here/v1"
    assert len({plain.key, secret.key, at("http://me:other@here/v1").key}) == 3


# Memory.


def test_large_events_on_disk_come_back_as_memory_allows(folder: Path, port: int) -> None:
    fill(folder, port, 100, large(1))
    sender = make(rest(port), folder, queue_bytes=8 * MIB)
    sender.flush(0)
    worker: Any = sender.workers[0]
    until(lambda: on_disk_only(sender) and worker.buffer.count)
    for _ in range(20):
        sender.flush(0)  # each time it wakes, it may read more
        until(lambda: not worker.loop.is_requested)
        assert in_memory(sender) < 16 * MIB
    with model_server(port) as model:
        assert empty(sender).accepted == 400
        model.check(100)


def test_a_full_disk_costs_no_more_memory_than_the_queue_may_have(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make(rest(port), folder, queue_events=2000, queue_bytes=8 * MIB)
    recording = Recording(sender)
    while not on_disk_only(sender):
        recording.trace()
        if waiting(sender) > 100:
            until(lambda: not waiting(sender))
    until(lambda: not waiting(sender))

    def full(*_: object) -> None:
        raise StoreError("no space left", temporary=True)

    monkeypatch.setattr(segment.SpoolFile, "write", full)
    refused = 0
    for number in range(200):
        refused += recording.trace("large", large(number)) is None
        assert in_memory(sender) < 12 * MIB
    assert refused > 100
    report = conserved(sender.shutdown(PATIENCE).result())
    assert report.pending == events_in(folder), "what the disk did not take is lost"
    assert report.dropped["shutdown_timeout"] > 0


def test_what_is_not_safe_keeps_nothing_behind_it_from_the_disk(folder: Path, port: int) -> None:
    def process(event: SpanEvent) -> SpanEvent | None:
        # not by the name of the operation, which is lost with the start: the end may come later
        return None if event[1].trace.agent_id.startswith("private") else event

    sender = make(rest(port), folder, queue_events=8000, flush_interval=30.0, process=process)
    recording = Recording(sender)
    for number in range(1060):
        recording.whole(f"t{number}")
    sender.flush(0)
    until(lambda: on_disk_only(sender) and not waiting(sender))
    for number in range(900):
        recording.whole(f"private {number}")
    recording.whole()
    report = conserved(sender.shutdown(PATIENCE).result())
    assert (report.pending, report.dropped, events_in(folder)) == (4244, {"serialize_error": 3600}, 4244)
    assert events_in(folder) == 4244


# Damage.


def cut_off(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def break_index(path: Path) -> None:
    """Overwrite the index that SQLite counts by."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'events_trace'"
        page, size = connection.execute(query).fetchone()[0], connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("damage", [cut_off, break_index])
def test_a_damaged_file_is_lost_as_a_whole_and_every_event_is_counted(
    folder: Path, port: int, damage: Callable[[Path], None]
) -> None:
    fill(folder, port, 100, b'{"x":"%s"}' % (b"x" * 300))
    (path,) = folder.glob("*.db")
    damage(path)
    with model_server(port) as model:
        sender = make(rest(port), folder)
        Recording(sender).whole()
        report = empty(sender)
    assert (report.recorded, report.accepted, report.pending) == (404, 4, 0)
    assert report.dropped == {"serialize_error": 400}
    assert len(model.histories) == 1, "what is recorded later is sent"


def test_a_file_that_is_replaced_meanwhile_is_given_up(folder: Path, port: int) -> None:
    sender = make(rest(port), folder, queue_events=200)
    recording = Recording(sender)
    while not on_disk_only(sender):
        recording.whole()
        until(lambda: not waiting(sender))
    (path,) = folder.glob("*.db")
    path.unlink()
    path.write_bytes(b"this is no database" * 1000)
    with model_server(port):
        report = conserved(sender.flush().result())
        assert report.pending == 0
        assert report.dropped["serialize_error"] > 0
        recording.whole()
        assert empty(sender).accepted == report.accepted + 4


# What is open.


def test_what_is_open_at_the_end_ends_on_disk(folder: Path, port: int) -> None:
    sender = make(rest(port), folder, queue_events=200)
    recording = Recording(sender)
    for number in range(300):
        recording.tool(recording.trace(f"t{number}"))
        if number % 20 == 0:
            until(lambda: not waiting(sender))
    ended = recording.trace("ended")
    recording.end(recording.tool(ended))
    recording.end(ended)
    report = conserved(sender.shutdown(5).result())
    assert (report.recorded, report.pending, report.dropped) == (1204, 1204, {})
    with model_server(port) as model:
        report = empty(make(rest(port), folder))
        assert (report.accepted, report.pending, report.dropped) == (1204, 0, {})
        model.check(301)


# What is left.


def test_what_a_killed_process_had_half_made_or_half_deleted_goes(folder: Path, port: int) -> None:
    fill(folder, port, 1)
    (path,) = folder.glob("*.db")
    path.unlink()
    for name in (f"{path.name}.lock", f"{path.name}-wal", f"{path.name}-shm"):
        (folder / name).touch()
    (folder / "mine.db.lock").touch()
    sender = make(rest(port), folder)
    Recording(sender).whole()
    until(lambda: events_in(folder))
    with model_server(port):
        assert empty(sender).accepted == 4
    assert [one.name for one in folder.iterdir()] == ["mine.db.lock"], "what is not ours stays"


def test_a_system_without_locks_is_not_littered(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("voltagent.storage.file_lock.lock_now", none)
    with model_server(port):
        sender = make(rest(port), folder)
        for _ in range(3):
            Recording(sender).whole()
            until(lambda: not waiting(sender))
        assert empty(sender).accepted == 12
    assert list(folder.iterdir()) == []
    assert "has no locks" in caplog.text


def test_a_damaged_name_of_a_trace_does_not_keep_the_others_from_making_space(folder: Path, port: int) -> None:
    sender = make(rest(port), folder, 6 * MIB)
    recording = Recording(sender)
    for number in range(30):
        if number == 10:
            with changed(next(folder.glob("*.db")), "UPDATE events SET trace = x'23ff' WHERE seq <= 4"):
                pass
        recording.end(recording.trace(f"t{number}", large(number)))
        until(lambda: not waiting(sender))
    assert conserved(sender.stats()).dropped["queue_full"] > 4
    sender.shutdown(1).result()
