"""The filters that the commands have in common."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voltagent import VoltAgentSDK
from voltagent.cli import main


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with VoltAgentSDK(local_path=path) as sdk:
        with sdk.trace(agent_id="search") as trace:
            trace.add_tool(name="fetch").success("page")
            trace.add_llm(name="call", model="m_1").success("answer")
        with sdk.trace(agent_id="fails") as trace:
            trace.add_tool(name="fetch-all").error("no answer")
            trace.add_llm(name="call", model="mx1").success("answer")
    return path


@pytest.mark.parametrize(
    ("arguments", "agents"),
    [
        (("--tool", "fetch"), {"search"}),
        (("--model", "m_1"), {"search"}),
        (("--model", "mx1"), {"fails"}),
        (("--errors",), {"fails"}),
        (("--since", "1h"), {"search", "fails"}),
        (("--since", "2001-01-01T00:00:00Z", "--min-ms", "0"), {"search", "fails"}),
        (("--until", "1w"), set()),
        (("--min-ms", "600000"), set()),
    ],
)
def test_traces_are_chosen(
    db: Path, arguments: tuple[str, ...], agents: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = main(["traces", "--db", str(db), "--json", *arguments])
    out = capsys.readouterr().out
    assert ({one["agent_id"] for one in json.loads(out)} if found == 0 else set()) == agents


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--until", "7x"), ("--min-ms", "-1"), ("--min-ms", "x")])
def test_values_that_do_not_fit_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["traces", *arguments])
    assert arguments[1] in capsys.readouterr().err
