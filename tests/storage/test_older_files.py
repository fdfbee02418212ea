"""Files that an older version wrote are opened, converted in short steps, and read whole.

The files in ``older`` were written by the last version before the modules moved (schema 6): three traces with an agent,
a tool, a memory and an event each; one tool call failed.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.memory import Memory
from tests.helpers.pace import PATIENCE
from tests.helpers.stored import Run, names, run_sql
from voltagent.cli import main
from voltagent.core.clock import id_text
from voltagent.core.span import Phase
from voltagent.delivery.sender import Sender
from voltagent.records import load_traces
from voltagent.storage.file import OffLimitsError, StoreError
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.spool import Spool
from voltagent.storage.traces import digest
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.migrations import MIGRATIONS
from voltagent.storage.traces.store import Store

OLDER = Path(__file__).parent / "older"
OLD_SCHEMA = 6


def unpacked(name: str, path: Path) -> Path:
    with gzip.open(OLDER / name) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpacked("traces.db.gz", tmp_path / "traces.db")


def enlarge(path: Path, copies: int) -> None:
    """Give the first trace of an old store many more operations, as the old version would have stored them."""
    with closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(operations)") if row[1] not in ("key", "id")]
        taken = ", ".join(columns)
        connection.execute(
            f"INSERT INTO operations (id, {taken}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            f"WHERE i < {copies}) SELECT 'copy-' || i, {taken} FROM n, (SELECT * FROM operations WHERE kind = 'agent' "
            "ORDER BY key LIMIT 1)"
        )
        connection.commit()


def test_an_old_store_answers_every_new_question(old: Path) -> None:
    store = Store(old)
    found = store.traces()
    assert [(one.version, one.environment, one.models, one.tokens, one.cached_tokens) for one in found] == [
        (f"1.{number}", "staging", ("gpt-4",), 120, 40) for number in (2, 1, 0)
    ]
    assert [one.cost for one in found] == [0.01] * 3
    for conditions, expected in (
        ({"model": "gpt-4"}, ["1.2", "1.1", "1.0"]),
        ({"environment": "staging", "version": "1.1"}, ["1.1"]),
        ({"error_type": "LookupError"}, ["1.1"]),
        ({"tool": "look_up", "failed": True}, ["1.1"]),
        ({"metadata": (("try_number", "2"),)}, ["1.2"]),
        ({"metadata": (("shop.id", "7"), ("region", "eu"))}, ["1.2", "1.1", "1.0"]),
        ({"min_tokens": 121}, []),
    ):
        assert [one.version for one in store.traces(Filter(**conditions))] == expected, conditions  # type: ignore[arg-type]
    assert run_sql(old, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    store.close()


def test_records_and_commands_read_an_old_store(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *_ = load_traces(old)
    assert [one.name for one in first.walk()] == ["Support Agent", "look_up", "notes", "handover"]
    assert (first.cost, first.walk().__next__().model) == (0.01, "gpt-4")
    assert main(["traces", "--db", str(old), "--errors"]) == 0
    assert first.id[:8] not in capsys.readouterr().out, "nothing failed in it"


def test_a_writer_converts_an_old_store_between_its_batches(old: Path) -> None:
    enlarge(old, 1200)
    run = Run(old)
    sizes = []
    for number in range(5):
        run.trace(f"new-{number}")
        run.save()
        sizes.append(run_sql(old, "SELECT count(*) FROM calls")[0][0])
    assert sizes[0] <= 500, "a batch converts no more than one step"
    assert run_sql(old, "SELECT count(*) FROM conversion") == [(0,)]
    assert sizes[-1] == 1200 + 3 + 1, "agents, and the tool that failed"
    run.store.close()


def test_others_write_between_two_steps_of_a_conversion(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enlarge(old, 1200)
    steps = 0

    def convert(connection: sqlite3.Connection) -> bool:
        nonlocal steps
        steps += 1
        return digest.convert(connection)

    def is_converted(connection: sqlite3.Connection) -> bool:
        other = Run(old)  # a process that writes meanwhile: it waits for no more than one step
        other.trace("meanwhile")
        other.save()
        other.store.close()
        return digest.is_converted(connection)

    store = Store(old)
    monkeypatch.setattr(store.file, "schema", _with(store, convert, is_converted))
    assert names(store)[0] == "meanwhile"
    assert steps >= 3
    assert run_sql(old, "SELECT count(*) FROM conversion") == [(0,)]
    store.close()


def _with(store: Store, convert: object, is_converted: object) -> object:
    from dataclasses import replace

    return replace(store.file.schema, convert=convert, is_converted=is_converted)  # type: ignore[arg-type]


def test_an_interrupted_conversion_continues(old: Path) -> None:
    enlarge(old, 1200)
    writer = Run(old)
    writer.trace("first")
    writer.save()  # migrates, and converts one step
    writer.store.close()
    assert run_sql(old, "SELECT count(*) FROM conversion") != [(0,)]
    store = Store(old)
    assert len(store.traces(Filter(model="gpt-4"))) == 3
    assert run_sql(old, "SELECT count(*) FROM conversion") == [(0,)]
    store.close()


def test_a_converted_trace_takes_its_facts_with_it(old: Path) -> None:
    store = Store(old, max_traces=1)
    for _ in range(2):
        run = Run(old, max_traces=1)
        run.trace("last")
        run.save()
        run.store.close()
    for table in ("calls", "labels", "totals"):
        assert run_sql(old, f"SELECT count(*) FROM {table} WHERE trace_id NOT IN (SELECT id FROM traces)") == [(0,)]
    store.close()


def test_an_old_spool_is_sent(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    unpacked("spool-rest.db.gz", folder / "rest-abbca42f4cb0e240-22680-4a47e5df55ce.db")
    memory = Memory()
    url = "http://127.0.0.1:9"
    spool = Spool(folder, Destination.of("rest", url, url, "pk"))
    sender = Sender([memory], spools=[spool], flush_interval=0.01, timeout=PATIENCE)
    try:
        report = sender.flush(PATIENCE).result()
    finally:
        sender.shutdown(PATIENCE).result()
    assert (report.accepted, report.pending) == (27, 0)
    ended = [span for phase, span, _ in memory.accepted if phase is Phase.END and span.kind == "trace"]
    assert [span.trace.version for span in ended] == ["1.0", "1.1", "1.2"]
    assert all(len(id_text(span.id)) == 36 for span in ended)


# What cannot be used.


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def test_a_store_from_the_future_is_refused_and_left_alone(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_sql(old, "PRAGMA user_version = 999")
    before = contents(old)
    with pytest.raises(StoreError, match="written by a newer voltagent"):
        next(iter(load_traces(old)))
    for command in (["traces"], ["show"], ["export"], ["prune", "--all", "--yes"]):
        assert main([*command, "--db", str(old)]) == 1
        assert "written by a newer voltagent" in capsys.readouterr().err
    assert contents(old) == before


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_an_old_store_that_may_only_be_read_is_refused_and_left_alone(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sql(old, "PRAGMA journal_mode = DELETE")
    before = contents(old)
    connect = sqlite3.connect
    monkeypatch.setattr(  # root may write whatever the mode says, so the file is opened as for a user who may not
        sqlite3, "connect", lambda name, **more: connect(name.replace("mode=rw", "mode=ro"), **more)
    )
    with pytest.raises(OffLimitsError, match=rf"an older voltagent \(schema {OLD_SCHEMA}, .* read-only"):
        next(iter(load_traces(old)))
    assert contents(old) == before
