"""A value that a bad disk or another program damaged is shown as damaged, and takes nothing else away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.local_server import serving
from tests.helpers.stored import Run, run_sql
from voltagent.cli import main
from voltagent.cli.board import Board
from voltagent.cli.tail import entries
from voltagent.cli.terminal import Style
from voltagent.core import clock
from voltagent.core.span import AGENT, Span
from voltagent.records.feed import Feed
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

COLUMNS = ("input", "output", "error", "usage", "tags", "metadata", "update_metadata", "end_metadata")
DAMAGE = {
    "cut": '\'{"a": "b\'',
    "of another kind": "'7'",
    "no text": "x'00ff80'",
    "no UTF-8": "CAST(x'7b22c3' AS TEXT)",
    "a number": "5",
    "several lines": "'{' || char(10) || '[1]'",
}
PLACES = [(table, column) for table in ("traces", "operations") for column in COLUMNS]


def trace_of(run: Run, agent: str) -> Span:
    root = run.trace(agent, ended=False, tags=("one",), conversation_id="talk")
    step = run.recorder.start(root, AGENT, f"{agent} step", b'{"q":1}', b'{"model":"m"}', tags=("two",))
    run.recorder.add(step, usage={"total_tokens": 3})
    run.recorder.succeed(step, b'{"result":2}')
    run.recorder.succeed(root, b'{"result":2}')
    return root


@pytest.fixture(params=DAMAGE.values(), ids=DAMAGE)
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    """A store with a trace for every column that can be damaged, and one that is sound; the ids of all."""
    run = Run(tmp_path / "traces.db")
    ids = [clock.id_text(trace_of(run, f"{table} {column}").id) for table, column in PLACES]
    ids.append(clock.id_text(trace_of(run, "sound").id))
    run.save()
    run.store.close()
    for (table, column), trace_id in zip(PLACES, ids, strict=False):
        key = "id" if table == "traces" else "trace_id"
        run_sql(run.store.path, f"UPDATE {table} SET {column} = {request.param} WHERE {key} = ?", (trace_id,))
    return run.store.path, ids


def test_the_server_shows_all_that_is_sound(damaged: tuple[Path, list[str]]) -> None:
    path, ids = damaged
    with serving(Store(path)) as url, httpx.Client(base_url=url) as client:

        def get(path: str) -> Any:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        assert {trace["id"] for trace in get("/api/traces")["traces"]} == set(ids)
        assert len(get("/api/traces?tag=one")["traces"]) == len(ids) - 1
        assert len(get("/api/traces?tag=two")["traces"]) == len(ids) - 1
        get("/api/traces?text=nothing")
        assert {"one", "two"} & set(get("/api/facets")["tags"]) == {"one"}
        assert len(get("/api/conversations/talk")["traces"]) == len(ids)
        for by in ("agent", "model"):
            groups = get(f"/api/metrics?by={by}")["groups"]
            assert sum(group["total"]["calls"] for group in groups) == len(ids)
        for trace_id in ids:
            (operation,) = get(f"/api/traces/{trace_id}")["operations"]
            get(f"/api/traces/{trace_id}/operations/{operation[0]}")
            for what in ("hashes", "matches?text=x", "export"):
                get(f"/api/traces/{trace_id}/{what}")


def test_what_is_damaged_says_so(damaged: tuple[Path, list[str]]) -> None:
    path, ids = damaged
    store = Store(path)
    for (table, column), trace_id in zip(PLACES, ids, strict=False):
        trace = store.trace(trace_id)
        assert trace is not None
        record: Any = trace if table == "traces" else store.operations(trace_id)[0]
        shown = json.dumps(getattr(record, "metadata" if "metadata" in column else column))
        assert "damaged" in shown or shown in ("7", "5"), (table, column, shown)
    store.close()


def test_the_terminal_shows_all_that_is_sound(
    damaged: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, ids = damaged
    assert main(["traces", "--db", str(path), "--limit", "99"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(ids)
    for trace_id in ids:
        for command in (["show", trace_id, "-v"], ["show", trace_id, "--json"]):
            assert main([*command, "--db", str(path)]) == 0
        for form in ("json", "otlp", "html"):
            target = ["--format", form, "-o", str(tmp_path / "out")]
            assert main(["export", trace_id, *target, "--db", str(path)]) == 0
            if form != "html":
                json.loads((tmp_path / "out").read_text())
    capsys.readouterr()
    feed, board = Feed(path, past=True), Board(Store(path), Filter())
    assert len(list(entries(board, board.take(feed.look()), Style()))) == 2 * len(ids)
    feed.close()
    board.close()


@pytest.mark.parametrize("exporter", ["rest", "otlp"])
def test_what_is_damaged_is_pushed_as_damaged(
    damaged: tuple[Path, list[str]], exporter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ids = damaged
    other = Store(tmp_path / "other.db")
    with serving(other) as url:
        monkeypatch.setenv("VOLTAGENT_BASE_URL", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        assert main(["push", "--exporter", exporter, "--db", str(path)]) == 0
    assert {trace.id for trace in other.traces()} == set(ids)
    other.close()
