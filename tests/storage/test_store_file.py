"""The local store's file: retention, modes, schemas, damage, and several processes at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pace import PATIENCE, hold
from tests.helpers.stored import Run, names, run_sql
from voltagent.core import clock
from voltagent.core.span import TOOL
from voltagent.storage.file import Schema, StoreError, upgrade
from voltagent.storage.traces import store as store_module
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.migrations import APPLICATION_ID, MIGRATIONS
from voltagent.storage.traces.store import Store

ROOT = Path(__file__).parents[2]


# Retention.


def test_the_traces_that_came_first_go_first(path: Path) -> None:
    run = Run(path, max_traces=3)
    for number in range(5):
        span = run.trace(f"t{number}")
        run.recorder.start(span, TOOL, "t", b"{}")
    run.save()
    assert names(run.store) == ["t4", "t3", "t2"]
    assert run_sql(path, "SELECT count(*) FROM operations") == [(3,)]
    run.store.close()


def test_a_trace_that_goes_on_after_it_was_pruned_is_kept_as_the_newest_to_come(path: Path) -> None:
    run = Run(path, max_traces=2)
    old = run.trace("old", ended=False)
    run.save()
    run.trace("a")
    run.trace("b")
    run.save()
    assert names(run.store) == ["b", "a"]
    run.recorder.start(old, TOOL, "t", b"{}")
    run.save()
    assert names(run.store) == ["b", "old"]
    run.recorder.update(old, {"user_id": "u"})
    run.recorder.succeed(old, b'{"o":1}')
    run.save()
    (trace,) = run.store.traces(Filter(agent="old"))
    assert (trace.status, trace.operations, trace.user_id) == ("completed", 1, "u")
    run.store.close()


def test_the_file_stays_within_its_size(path: Path) -> None:
    limit = 1_600_000
    run = Run(path, max_bytes=limit)
    payload = b'{"p":"%s"}' % (b"x" * 8000)
    for number in range(60):
        root = run.trace(f"t{number}", input=payload)
        for _ in range(9):
            run.recorder.start(root, TOOL, "t", payload)
        run.save()
        assert path.stat().st_size <= limit + 160_000  # and one batch
    kept = names(run.store)
    assert kept == [f"t{number}" for number in range(59, 59 - len(kept), -1)]
    assert 5 <= len(kept) < 30
    run.store.close()

    smaller = Run(path, max_bytes=limit // 3)
    for _ in range(3):
        smaller.trace("last")
        smaller.save()
    smaller.store.close()
    assert path.stat().st_size <= limit // 3 + 160_000
    assert names(smaller.store)[0] == "last"
    smaller.store.close()


def test_operations_of_a_long_trace_share_the_pages_of_its_indexes(path: Path) -> None:
    run = Run(path)
    root = run.trace(ended=False)
    for _ in range(2):
        for _ in range(2_000):
            run.recorder.succeed(run.recorder.start(root, TOOL, "t", b"{}"), b"{}")
        run.save()
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(40):
        run.recorder.succeed(run.recorder.start(root, TOOL, "t", b"{}"), b"{}")
    run.save()
    ((_, pages, _),) = run_sql(path, "PRAGMA wal_checkpoint")
    assert isinstance(pages, int)
    assert pages <= 16  # 31 with random ids: most of one index
    run.store.close()


def test_traces_of_a_batch_share_the_pages_of_indexes(path: Path) -> None:
    run = Run(path)
    for number in (2_000, 2_000, 40):
        for _ in range(number):
            run.trace(user_id="u")
        if number == 40:
            run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        run.save()
    ((_, pages, _),) = run_sql(path, "PRAGMA wal_checkpoint")
    assert isinstance(pages, int)
    assert pages <= 16  # 20 with random ids: all of one index
    run.store.close()


def test_a_batch_never_prunes_for_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PRUNED_ROWS", 10)
    run = Run(path, max_traces=1)
    old = run.trace("old")
    for _ in range(25):
        run.recorder.start(old, TOOL, "t", b"{}")
    run.save()
    left = []
    for number in range(4):
        run.trace(f"t{number}")
        run.save()
        left.append([trace.operations for trace in run.store.traces(Filter(agent="old"))])
    assert left == [[15], [5], [], []]
    assert names(run.store)[0] == "t3"
    run.store.close()


# The file itself.


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_files_are_for_their_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        run = Run(path)
        run.trace()
        run.save()
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"traces.db": 0o600, "traces.db-wal": 0o600, "traces.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    run.store.close()


def test_nothing_is_opened_before_it_is_used(path: Path) -> None:
    store = Store(path)
    with pytest.raises(StoreError, match="there is no store at"):
        store.traces()
    store.close()
    assert not path.parent.exists()


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    run = Run(folder / "t.db")
    run.trace()
    run.save()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    run.store.close()


def test_an_older_file_is_brought_up_to_date_with_its_rows(
    path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.trace("kept")
    run.save()
    run.store.close()
    step = ("ALTER TABLE traces ADD COLUMN colour TEXT DEFAULT 'red'", "CREATE INDEX colours ON traces (colour)")
    monkeypatch.setattr(run.store.file, "schema", Schema("store", APPLICATION_ID, (*MIGRATIONS, step)))
    assert names(run.store) == ["kept"]
    run.store.close()
    assert run_sql(path, "SELECT colour FROM traces") == [("red",)]
    assert run_sql(path, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    assert run_sql(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.trace("kept")
    run.save()
    run.store.close()
    with monkeypatch.context() as patch:
        steps = (*MIGRATIONS, ("CREATE TABLE half (x)", "nonsense"))
        patch.setattr(run.store.file, "schema", Schema("store", APPLICATION_ID, steps))
        with pytest.raises(StoreError, match="syntax error"):
            run.store.traces()
    assert names(run.store) == ["kept"]
    run.store.close()
    assert run_sql(path, "SELECT * FROM sqlite_master WHERE name = 'half'") == []


def test_a_newer_file_is_refused_and_left_alone(path: Path, run: Run) -> None:
    run.trace()
    run.save()
    run.store.close()
    run_sql(path, "PRAGMA user_version = 999")
    before = path.read_bytes()
    run.trace()
    with pytest.raises(StoreError, match=r"written by a newer voltagent \(schema 999, this one knows \d+\)") as caught:
        run.save()
    assert not caught.value.temporary
    assert path.read_bytes() == before


def test_a_file_that_another_brings_to_a_newer_schema_meanwhile_keeps_its_number(
    path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.trace("kept")
    run.save()
    run.store.close()
    run_sql(path, f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
    migrate = upgrade.migrate

    def late(connection: sqlite3.Connection, schema: Schema) -> None:
        run_sql(path, "PRAGMA user_version = 999")  # between the look at the number and the lock
        migrate(connection, schema)

    monkeypatch.setattr(upgrade, "migrate", late)
    assert names(run.store) == ["kept"]
    run.store.close()
    assert run_sql(path, "PRAGMA user_version") == [(999,)]


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    run_sql(path, "CREATE TABLE customers (name)")
    before = path.read_bytes()
    run = Run(path)
    run.trace()
    with pytest.raises(StoreError, match="not one of voltagent's"):
        run.save()
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["app.db"]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 100)
    run = Run(path)
    run.trace()
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used: file is not a database") as caught:
        run.save()
    assert not caught.value.temporary
    assert path.read_text() == "These are my notes. " * 100


def test_a_damaged_file_is_an_error_and_a_new_one_heals_it(path: Path, run: Run) -> None:
    for _ in range(50):
        run.trace(input=b'{"x":"%s"}' % (b"x" * 1000))
    run.save()
    run.store.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xa5" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    run.trace("new")
    events = list(run.log.events)
    with pytest.raises(StoreError, match="malformed") as caught:
        run.save()
    assert not caught.value.temporary
    path.unlink()
    run.store.append(events)
    assert names(run.store) == ["new"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
@pytest.mark.parametrize("how", ["deleted", "replaced", "folder deleted"])
def test_a_file_that_goes_away_while_open_is_made_anew(path: Path, run: Run, how: str) -> None:
    run.trace("before")
    run.save()
    if how == "replaced":
        other = Run(path.with_name("other.db"))
        other.trace("other")
        other.save()
        other.store.close()
        other.store.path.rename(path)
    elif how == "deleted":
        path.unlink()
    else:
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
    run.trace("after")
    run.save()
    assert names(run.store) == (["after", "other"] if how == "replaced" else ["after"])
    run.store.close()
    assert names(run.store)[0] == "after"


def test_a_full_disk_is_an_error_that_may_pass(path: Path, run: Run) -> None:
    run.trace()
    run.save()
    connection = run.store.file.connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    events = [run.trace(input=b'{"x":"%s"}' % (b"x" * 10_000)) for _ in range(20)] and run.log.events
    with pytest.raises(StoreError, match="full") as caught:
        run.store.append(events)
    assert caught.value.temporary
    run.store.append(events)  # opened again, without the limit
    assert len(names(run.store)) == 21


def test_a_lock_held_by_another_is_waited_for_until_the_deadline(path: Path, run: Run) -> None:
    run.trace("first")
    run.save()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    run.trace("second")
    events = list(run.log.events)
    began = clock.monotonic()
    with pytest.raises(StoreError, match="locked") as caught:
        run.store.append(events, began + 0.3)
    assert caught.value.temporary
    took = clock.monotonic() - began
    assert took >= 0.3
    assert names(run.store) == ["first"]  # readers do not wait

    releases = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    releases.start()
    run.store.append(events, clock.monotonic() + PATIENCE)
    releases.join()
    other.close()
    assert names(run.store) == ["second", "first"]
    hold(took, 2, "giving up")


READER = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.helpers.stored import Run, names
run = Run(Path(sys.argv[1]))
os.setuid(65534)
print(names(run.store))
run.trace()
try:
    run.save()
except Exception as exc:
    print(type(exc).__name__, exc.temporary)
"""


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else")
def test_a_store_that_one_may_only_read_is_read() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        run = Run(Path(folder, "traces.db"))
        run.trace("kept")
        run.save()
        run.store.close()
        run.store.path.chmod(0o644)
        reader = python(READER.format(root=str(ROOT)), str(run.store.path))
        assert reader.communicate()[0] == "['kept']\nOffLimitsError False\n"
        assert [file.name for file in Path(folder).iterdir()] == ["traces.db"]


# Several processes.

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.helpers.stored import Run
run = Run(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    root = run.trace(f"{{sys.argv[2]}}-{{number}}")
    for _ in range(5):
        run.recorder.succeed(run.recorder.start(root, "tool", "t", b"{{}}"), b"{{}}")
    assert run.save() == {{}}
run.store.close()
"""


def python(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options)  # type: ignore[call-overload,no-any-return]


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writers = [python(WRITER.format(root=str(ROOT)), str(path), str(number)) for number in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:  # they find no file, and all make it
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    reader = Store(path)
    seen = 0
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            found = len(reader.traces(limit=1000))
            assert found >= seen
            seen = found
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    stored = reader.traces(limit=1000)
    assert sorted(trace.agent_id for trace in stored) == sorted(f"{w}-{n}" for w in range(4) for n in range(40))
    assert {trace.operations for trace in stored} == {5}
    reader.close()


@pytest.mark.parametrize("question", ["PRAGMA user_version", "sqlite_master", "BEGIN"])
def test_a_file_that_another_process_makes_while_it_is_looked_at_is_no_strange_one(
    question: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = Run(path), Run(path)
    run.trace("ours")
    other.trace("theirs")
    connect, made = sqlite3.connect, list[bool]()

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)

        def about_to_run(statement: str) -> None:
            if question in statement and not made:
                made.append(True)
                assert other.save() == {}

        connection.set_trace_callback(about_to_run)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    assert run.save() == {}
    assert made
    assert sorted(names(run.store)) == ["ours", "theirs"]
    run.store.close()
    other.store.close()


FORKER = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.helpers.stored import Run
run, path = Run(Path(sys.argv[1])), Path(sys.argv[1])
stop = threading.Event()
def write():
    number = 0
    while not stop.is_set() or number < 50:
        run.trace("parent"); run.save(); number += 1
thread = threading.Thread(target=write); thread.start()
children = []
for number in range(10):
    child = os.fork()
    if child == 0:
        run.log.events = []
        for _ in range(5):
            run.trace("child"); run.save()
        run.store.close() if number % 2 else None
        os._exit(0) if number % 3 else sys.exit(0)   # with and without Python's own end
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
stop.set(); thread.join()
run.store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_in_the_middle_of_writing_harms_neither_side(path: Path) -> None:
    process = python(FORKER.format(root=str(ROOT)), str(path))
    try:
        process.communicate(timeout=2 * PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    store = Store(path)
    found = [trace.agent_id for trace in store.traces(limit=100_000)]
    assert found.count("child") == 50
    assert found.count("parent") >= 50
    store.close()
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_killed_writer_leaves_a_file_that_works(path: Path) -> None:
    writer = python(WRITER.format(root=str(ROOT)).replace("range(40)", "range(10**9)"), str(path), "w")
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    store = Store(path)
    while not path.exists() or len(names(store)) < 3:
        time.sleep(0.005)
    writer.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    writer.communicate()
    run = Run(path)
    run.trace("after")
    run.save()
    stored = store.traces(limit=100_000)
    assert stored[0].agent_id == "after"
    assert {trace.operations for trace in stored[1:]} == {5}  # whole batches or nothing
    run.store.close()
    store.close()
