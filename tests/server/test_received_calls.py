"""Model, tokens, cached tokens and cost of calls, agents and traces are shown wherever they came from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.helpers.local_server import serving
from tests.render.test_notebook import Shown
from voltagent import VoltAgentSDK, agent, llm
from voltagent.cli import main, tail
from voltagent.cli.board import Board
from voltagent.cli.terminal import Style
from voltagent.records import load_traces
from voltagent.records.feed import Feed
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

KEYS = {"public_key": "pk_test", "secret_key": "sk_test_0123456789"}
FIRST = {"prompt_tokens": 100, "completion_tokens": 35, "total_tokens": 135, "cached_tokens": 64, "cost": 0.5}
SECOND = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cached_tokens": 4, "cost": 0.25}
CALL, AGENT, TRACE = "135 tokens (64 cached), $0.50", "135 tokens (64 cached), $0.50", "150 tokens (68 cached), $0.75"
PROFILES = [
    {"exporter": "rest"},
    *({"exporter": "otlp", "profiles": [one]} for one in ("voltops", "genai", "openinference", "langfuse")),
]


def run_program(sdk: VoltAgentSDK) -> None:
    with sdk.trace(agent_id="desk") as trace:
        with trace.add_agent(name="clerk") as clerk:
            clerk.add_llm(name="ask", model="gpt-5-mini", input={"messages": []}).success("Hello", usage=FIRST)
        trace.add_llm(name="beside", model="gpt-5-nano").success("Bye", usage=SECOND)


@pytest.mark.parametrize("options", PROFILES, ids=lambda one: "-".join((one["exporter"], *one.get("profiles", ()))))
def test_what_was_received_is_shown(
    options: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "traces.db")
    feed, board = Feed(store.path), Board(store, Filter())
    with serving(store) as url:
        with VoltAgentSDK(base_url=url, **KEYS, **options) as sdk:  # type: ignore[arg-type]
            run_program(sdk)
        (listed,) = httpx.get(f"{url}/api/traces").json()["traces"]
        whole = httpx.get(f"{url}/api/traces/{listed['id']}").json()
    assert (listed["tokens"], listed["cached"], listed["cost"]) == (150, 68, 0.75)
    assert listed["models"] == ["gpt-5-mini", "gpt-5-nano"]
    rows = [dict(zip(whole["columns"], one, strict=True)) for one in whole["operations"]]
    page = {one["name"].rpartition(" ")[2]: (one["model"], one["tokens"], one["cached"], one["cost"]) for one in rows}
    assert sorted(page.values(), key=str) == [
        ("gpt-5-mini", 135, 64, 0.5),
        ("gpt-5-nano", 15, 4, 0.25),
        (None, 135, 64, 0.5),
    ]

    db = ["--db", str(store.path)]
    assert main(["traces", *db]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    for word in ("gpt-5-mini", "150", "68", "$0.75"):
        assert word in line
    for command in (["show"], ["show", "--for-agent"]):
        assert main([*command, *db]) == 0
        shown = capsys.readouterr().out
        call, agent = (next(row for row in shown.splitlines() if word in row) for word in ("gpt-5-mini  135", "clerk"))
        assert CALL in call
        assert AGENT in agent
        assert TRACE in shown
    assert main(["export", listed["id"], *db]) == 0
    exported = {one["name"]: one for one in json.loads(capsys.readouterr().out)["operations"] if one["model"]}
    assert {(one["model"], one["cost"]) for one in exported.values()} == {("gpt-5-mini", 0.5), ("gpt-5-nano", 0.25)}
    (trace,) = load_traces(store.path)
    assert trace.usage is not None
    assert (trace.usage["total_tokens"], trace.usage["cached_tokens"], trace.cost) == (150, 68, 0.75)
    assert {(one.model, one.cost) for one in trace.find("llm")} == {("gpt-5-mini", 0.5), ("gpt-5-nano", 0.25)}
    (clerk,) = trace.find("agent", "clerk")
    assert (clerk.usage or {})["cached_tokens"] == 64
    cell = Shown(trace._repr_html_())  # pyright: ignore[reportPrivateUsage]
    assert (cell.top["tokens"], cell.top["cached"], cell.top["cost"]) == (150, 68, 0.75)
    assert {(row["model"], row["tokens"], row["cached"], row["cost"]) for row in cell.rows} == {*page.values()}
    assert {*tailed(board, feed)} == {CALL, AGENT, TRACE, "15 tokens (4 cached), $0.25", "gpt-5-mini", "gpt-5-nano"}


@pytest.mark.parametrize("options", PROFILES, ids=lambda one: "-".join((one["exporter"], *one.get("profiles", ()))))
@pytest.mark.parametrize("is_late", [False, True])
def test_agents_in_an_agent_that_opened_its_trace_count_once(
    options: dict[str, object], is_late: bool, tmp_path: Path
) -> None:
    store = Store(tmp_path / "traces.db")
    with serving(store) as url, VoltAgentSDK(base_url=url, auto_flush=False, **KEYS, **options) as sdk:  # type: ignore[arg-type]

        @llm(model="gpt-5-mini")
        def ask() -> dict[str, object]:
            return {"text": "Hello", "usage": dict(FIRST)}

        @agent
        def clerk() -> None:
            ask()

        @agent
        def desk() -> None:
            ask()
            clerk()
            if is_late:
                sdk.flush()

        desk()
    (trace,) = load_traces(store.path)
    assert (trace.usage or {})["total_tokens"] == 270
    (desk_record,) = trace.children
    assert [one.name.rpartition(" ")[2] for one in desk_record.children] == ["ask", "clerk"]
    assert [(one.usage or {})["total_tokens"] for one in trace.walk()] == [135] * 4


def tailed(board: Board, feed: Feed) -> list[str]:
    """What `tail` writes of models, tokens and cost when the traces have ended."""
    lines = "\n".join(tail.entries(board, board.take(feed.look()), Style(width=200)))
    feed.close()
    board.close()
    return re.findall(r"gpt-5-\w+|\d+ tokens \(\d+ cached\), \$[\d.]+", lines)
