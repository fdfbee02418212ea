"""The feed: what another process writes into a store is reported once, in order, and with its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.pace import hold_processor
from tests.helpers.stored import Run, run_sql
from voltagent.core.span import AGENT, COMPLETED, ERROR, TOOL, Span
from voltagent.records.feed import Change, Feed, News
from voltagent.storage.file import File, Schema, StoreError
from voltagent.storage.traces.migrations import APPLICATION_ID, MIGRATIONS
from voltagent.storage.traces.store import Store


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "traces.db")
    yield run
    run.store.close()


@pytest.fixture
def feed(run: Run) -> Iterator[Feed]:
    feed = Feed(run.store.path)
    yield feed
    feed.close()


def reported(news: News) -> list[tuple[str, bool, bool]]:
    """(name, began, ended) of traces, then of operations."""
    changes: list[Change[object]] = [*news.traces, *news.operations]  # type: ignore[list-item]
    return [(change.record.name, change.began, change.ended) for change in changes]  # type: ignore[attr-defined]


def start(run: Run, parent: Span, name: str = "search", kind: str = TOOL) -> Span:
    return run.recorder.start(parent, kind, name, b"{}")


def test_what_begins_and_what_ends_is_reported_once(run: Run, feed: Feed) -> None:
    root = run.trace("bot", ended=False)
    run.save()
    assert reported(feed.look()) == [("bot", True, False)]
    search = start(run, root)
    run.save()
    news = feed.look()
    assert reported(news) == [("search", True, False)]
    assert news.trace_ids == [news.operations[0].record.trace_id]
    run.recorder.end(search, ERROR, b'{"message":"gone"}')
    run.save()
    (change,) = feed.look().operations
    assert (change.began, change.ended) == (False, True)
    assert (change.record.status, change.record.error) == ("error", {"message": "gone"})
    run.recorder.succeed(root, b"{}")
    run.save()
    assert reported(feed.look()) == [("bot", False, True)]
    assert feed.look() == News()


def test_what_came_and_went_between_two_looks_began_and_ended(run: Run, feed: Feed) -> None:
    root = run.trace("bot", ended=False)
    run.recorder.end(start(run, root), COMPLETED, output=b"{}")
    run.recorder.succeed(root, b"{}")
    run.save()
    assert reported(feed.look()) == [("bot", True, True), ("search", True, True)]


def test_new_records_come_as_they_arrived_and_ends_after_them(run: Run, feed: Feed) -> None:
    root = run.trace("bot", ended=False)
    outer = start(run, root, "outer", AGENT)
    run.save()
    feed.look()
    inner = start(run, outer, "inner")
    run.save()
    start(run, outer, "last")
    run.recorder.end(inner, COMPLETED, output=b"{}")
    run.recorder.end(outer, COMPLETED, output=b"{}")
    run.save()
    assert reported(feed.look()) == [("inner", True, True), ("last", True, False), ("outer", False, True)]


def test_a_parent_comes_before_its_child_also_where_the_child_was_written_first(run: Run, feed: Feed) -> None:
    root = run.trace("bot", ended=False)
    outer = start(run, root, "outer", AGENT)
    inner = start(run, outer, "inner")
    run.recorder.end(inner, COMPLETED, output=b"{}")
    run.recorder.end(outer, COMPLETED, output=b"{}")
    run.save()
    assert [name for name, _, _ in reported(feed.look())] == ["bot", "outer", "inner"]


def test_a_change_that_is_neither_is_reported_as_such(run: Run, feed: Feed) -> None:
    root = run.trace("bot", ended=False)
    run.save()
    feed.look()
    run.recorder.add(root, metadata={"seen": True})
    run.recorder.update(root, {"metadata": b'{"seen":true}'})
    run.save()
    assert feed.look() == News(changed=True)
    assert feed.look() == News()


def test_the_past_is_reported_on_request_and_what_ran_before_ends(run: Run) -> None:
    root = run.trace("bot", ended=False)
    run.save()
    later, all_of_it = Feed(run.store.path), Feed(run.store.path, past=True)
    assert reported(later.look()) == []
    assert reported(all_of_it.look()) == [("bot", True, False)]
    run.recorder.succeed(root, b"{}")
    run.save()
    assert reported(later.look()) == reported(all_of_it.look()) == [("bot", False, True)]
    later.close()
    all_of_it.close()


def test_many_at_once_come_in_several_looks(run: Run, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.records.feed.AT_ONCE", 10)
    names = [f"bot-{number}" for number in range(25)]
    for name in names:
        run.trace(name, ended=False)
    run.save()
    looks = [reported(feed.look()) for _ in range(4)]
    assert [len(look) for look in looks] == [10, 10, 5, 0]
    assert [name for look in looks for name, _, _ in look] == names
    for trace in run.store.traces(limit=100):
        run_sql(run.store.path, "UPDATE traces SET status = 'completed' WHERE id = ?", (trace.id,))
    assert sorted(reported(feed.look())) == sorted((name, False, True) for name in names)


def test_a_store_may_come_later_go_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "later" / "traces.db"
    feed = Feed(path)
    assert feed.look() == News()
    assert not path.parent.exists(), "looking makes no file"
    for name in ("first", "second", "third"):
        run = Run(path)
        run.trace(name)
        run.save()
        run.store.close()
        if name == "second":  # put into place of the file that is open
            path.replace(tmp_path / "put aside")
            run.trace("instead")
            run.save()
            run.store.close()
            name = "instead"
        assert reported(feed.look()) == [(name, True, True)]
        if name == "first":
            path.unlink()
            assert feed.look() == News()
        else:
            path.unlink()
    feed.close()


def test_keys_that_are_given_out_again_are_reported(run: Run, feed: Feed) -> None:
    for number in range(5):
        run.trace(f"bot-{number}")
    run.save()
    assert len(feed.look().traces) == 5
    run_sql(run.store.path, "DELETE FROM traces")
    assert feed.look() == News(changed=True)
    run.trace("again")
    run.save()
    assert reported(feed.look()) == [("again", True, True)]


def test_nothing_is_lost_by_a_look_that_fails(run: Run, feed: Feed) -> None:
    run.trace("bot")
    run.save()
    run_sql(run.store.path, "ALTER TABLE operations RENAME TO elsewhere")
    with pytest.raises(StoreError):
        feed.look()
    run_sql(run.store.path, "ALTER TABLE elsewhere RENAME TO operations")
    assert reported(feed.look()) == [("bot", True, True)]


_WRITER = """
import sys
from pathlib import Path
from tests.helpers.stored import Run
run = Run(Path(sys.argv[1]))
for line in sys.stdin:
    what, _, name = line.strip().partition(" ")
    if what == "begin":
        root = run.trace(name, ended=False)
        for number in range(100):
            operation = run.recorder.start(root, "tool", f"{name}-{number}", b"{}")
            run.recorder.end(operation, "completed", output=b"{}") if number % 2 else None
    elif what == "end":
        run.recorder.succeed(root, b"{}")
    run.save()
    print(flush=True)
"""


def test_another_process_writes_while_we_look(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    feed = Feed(path)
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    ) as writer:  # fmt: skip
        assert writer.stdin is not None
        assert writer.stdout is not None

        def send(command: str) -> News:
            writer.stdin.write(f"{command}\n")  # type: ignore[union-attr]
            writer.stdin.flush()  # type: ignore[union-attr]
            writer.stdout.readline()  # type: ignore[union-attr]
            return feed.look()

        news = send("begin one")
        assert reported(news)[0] == ("one", True, False)
        assert [(change.began, change.ended) for change in news.operations] == [(True, False), (True, True)] * 50
        assert reported(send("end one")) == [("one", False, True)]
        assert send("nothing") == News(), "an empty batch is no change"
        writer.stdin.close()
        assert writer.wait() == 0
    feed.close()


def test_a_look_costs_as_much_as_there_is_news(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    import time

    for _ in range(200):
        root = run.trace("bot", ended=False)
        for _ in range(50):
            run.recorder.end(start(run, root), COMPLETED, output=b"{}")
        run.recorder.succeed(root, b"{}")
    run.save()
    feed = Feed(run.store.path)
    began = time.perf_counter()
    for _ in range(100):
        assert not feed.look().changed
    idle = (time.perf_counter() - began) / 100
    times = []
    for _ in range(20):
        run.trace("bot")
        run.save()
        began = time.perf_counter()
        assert len(feed.look().traces) == 1
        times.append(time.perf_counter() - began)
    with capsys.disabled():
        print(f"\nfeed: a look without news {idle * 1e6:.0f} us, with one trace {min(times) * 1e6:.0f} us")
    feed.close()
    hold_processor(idle, 0.005)
    hold_processor(min(times), 0.02)


def test_a_file_that_is_not_a_store_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no store at all\n" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt"):
        Feed(path)


def test_a_store_of_an_older_schema_is_looked_at(run: Run) -> None:
    old = File(run.store.path, Schema("store", APPLICATION_ID, MIGRATIONS[:2]))
    columns, values = "id, agent_id, name, status, start_ns, end_ns", "'t', 'bot', 'bot', 'completed', 1, 2"
    row = f"INSERT INTO traces ({columns}) VALUES ({values})"
    old.use(lambda connection: connection.execute(row), create=True)
    old.close()
    feed = Feed(run.store.path, past=True)
    assert reported(feed.look()) == [("bot", True, True)]
    feed.close()
    assert Store(run.store.path).extent()[1] == len(MIGRATIONS)
