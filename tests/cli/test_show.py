"""``voltagent show`` and ``traces``: values as text, one step, depth, folding, the pager, orders and filters."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from tests.helpers.stored import Run
from voltagent import VoltAgentSDK, inject
from voltagent.cli import main, pager
from voltagent.cli.terminal import Style, columns
from voltagent.cli.traces import table
from voltagent.cli.tree import lines
from voltagent.core.span import AGENT, ERROR, LLM, TOOL
from voltagent.records.started import started_traces
from voltagent.storage.traces.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Path:
    run = Run(tmp_path / "traces.db")
    recorder = run.recorder
    root = recorder.start_trace("desk", b'{"question":"one\\ntwo"}', b'{"plan":"pro"}', identifier="t1", user_id="ada")
    bot = recorder.start(root, AGENT, "Bot", b'{"messages":[{"role":"user","content":"Hello\\nthere"}]}')
    for number in range(7):
        page = recorder.start(bot, TOOL, "fetch_page", b'{"n":%d}' % number)
        recorder.start(page, TOOL, "inner", b"{}")
        recorder.end(page, ERROR if number < 2 else "completed", b'{"message":"late"}' if number < 2 else None)
    call = recorder.start(bot, LLM, "chat", b'{"prompt":"' + b"line\\n" * 60 + b'"}')
    call.model = "gpt-4o"
    recorder.add(call, usage={"prompt_tokens": 90, "completion_tokens": 10, "cached_tokens": 40, "cost": 0.5})
    recorder.succeed(call, b'{"result":"x"}')
    recorder.succeed(bot, b"{}")
    recorder.succeed(root, b'{"answer":42}')
    cheap = recorder.start_trace("cheap", b"{}", identifier="t2")
    recorder.succeed(cheap, b"{}")
    run.save()
    run.store.close()
    return run.store.path


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(one) for one in arguments]) == 0
    return capsys.readouterr().out


def test_the_pieces_that_a_model_streamed_are_one_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.recorder.start_trace("desk", b"{}", identifier="t1")
    for kind, name in ((LLM, "stream"), (TOOL, "names")):
        run.recorder.succeed(run.recorder.start(root, kind, name, b"{}"), b'{"result":["You"," can"," wait."]}')
    run.recorder.succeed(root, b'{"result":["You"," can"," wait."]}')
    run.save()
    out = printed(capsys, "show", "t1", "-v", "--db", run.store.path)
    assert out.count("  output\n    You can wait.\n") == 2, "of the trace and of the model, not of the tool"
    assert "    - You\n    -  can\n" in out


def test_a_trace_names_the_one_that_it_is_part_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VoltAgentSDK(local_path=tmp_path / "traces.db") as sdk, sdk.trace(agent_id="caller") as caller:
        with sdk.trace(agent_id="called"):
            pass
    shown = printed(capsys, "show", "called", "--db", tmp_path / "traces.db")
    assert shown.splitlines()[1].endswith(f"  part of {caller.id}")
    assert "part of" not in printed(capsys, "show", "caller", "--db", tmp_path / "traces.db")


def test_the_traces_that_a_trace_started_stand_where_it_started_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "traces.db"
    with VoltAgentSDK(local_path=db) as sdk, sdk.trace(agent_id="caller") as caller:
        with caller.add_tool(name="ask"):
            sdk.trace(agent_id="service", parent=inject(dict[str, str]())).end(status="error")
        with sdk.trace(agent_id="nested", parent=inject(dict[str, str]())):
            pass
        for _ in range(5):
            with caller.add_tool(name="many"):
                sdk.trace(agent_id="hidden", parent=inject(dict[str, str]())).end()
    out = printed(capsys, "show", caller.id, "--db", db)
    line = out.splitlines()[3]
    assert re.sub(r"[\d.]+ [mµ]s", "", line).startswith("│  └─ trace service    error  ")
    assert [one.split("  ")[0] for one in out.splitlines()[4:6]] == ["├─ trace nested", "├─ tool many"]
    service_id = line.split()[-1]
    assert printed(capsys, "show", service_id, "--db", db).splitlines()[1].endswith(f"  part of {caller.id}")
    depth = printed(capsys, "show", caller.id, "--depth", "1", "--db", db).splitlines()
    assert depth[-1] == "... 6 deeper operations are not shown"


def test_what_is_left_out_of_very_many_started_traces_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "traces.db")
    root = run.recorder.start_trace("caller", b"{}", identifier="t1")
    for _ in range(501):
        run.recorder.succeed(run.recorder.start_trace("item", b"{}", above=root), b"{}")
    run.recorder.succeed(root, b"{}")
    run.save()
    *_, last = printed(capsys, "show", "t1", "--db", run.store.path).splitlines()
    assert last == "... of the traces that it started, only the first 500 are shown"


def test_what_a_folded_operation_started_is_folded_with_it(tmp_path: Path) -> None:
    db = tmp_path / "traces.db"
    with VoltAgentSDK(local_path=db) as sdk, sdk.trace(agent_id="caller") as caller:
        for _ in range(5):
            with caller.add_tool(name="many"):
                sdk.trace(agent_id="hidden", parent=inject(dict[str, str]())).end()
    with Store(db) as store:
        trace = store.trace(caller.id)
        assert trace is not None
        style = Style(is_terminal=True)
        shown = list(lines(trace, store.operations(caller.id), style, started=started_traces(store, caller.id)))
    assert len(shown) == 3
    assert "many × 5" in shown[2]  # noqa: RUF001


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        (["--agent", "dsek"], "; did you mean --agent 'desk'?"),
        (["--agent", "desk", "--tool", "fetch_pagee"], "; did you mean --tool 'fetch_page'?"),
        (["--error-type", "TimeoutErorr"], ""),  # none like it occurred
        (["--agent", "cheap", "--errors"], ""),
    ],
)
@pytest.mark.parametrize("command", ["traces", "export"])
def test_the_nearest_value_of_a_filter_is_suggested(
    db: Path, capsys: pytest.CaptureFixture[str], command: str, filters: list[str], meant: str
) -> None:
    assert main([command, *filters, "--db", str(db)]) == 1
    assert capsys.readouterr().err == f"voltagent: no trace matches the filters in {db}{meant}\n"


@pytest.mark.parametrize(("given", "meant"), [("bot", "Bot"), ("dsek", "desk"), ("cheep", "cheap"), ("zzz", None)])
def test_the_nearest_name_of_an_agent_is_suggested(
    db: Path, capsys: pytest.CaptureFixture[str], given: str, meant: str | None
) -> None:
    assert main(["show", given, "--db", str(db)]) == 1
    err = capsys.readouterr().err
    assert (f"; did you mean {meant!r}? `voltagent traces` lists the traces" in err) == (meant is not None)
    assert "`voltagent traces` lists the traces" in err


def test_values_stand_below_the_tree_as_text(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "t1", "-v", "--db", db)
    tree, _, below = out.partition("\n\n")
    assert "fetch_page" in tree
    assert "7, 2 failed" not in tree
    assert "  input\n    question:\n      one\n      two\n" in below
    assert "  input\n    user:\n      Hello\n      there\n" in below
    assert "    ... 22 more lines\n" in below
    assert "  output\n    answer: 42\n" in below
    assert "... " not in printed(capsys, "show", "t1", "-v", "--lines", "0", "--db", db)


def test_of_a_long_stack_the_last_lines_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "traces.db")
    stack = "\\n".join(
        ["Traceback (most recent call last):", *(f"  line {number}" for number in range(60)), "ValueError: no"]
    )
    root = run.recorder.start_trace("desk", b"{}", identifier="t1")
    run.recorder.end(root, ERROR, b'{"message":"no","stack":"%s"}' % stack.encode())
    run.save()
    out = printed(capsys, "show", "t1", "-v", "--lines", "3", "--db", run.store.path)
    assert out.endswith("  stack\n    ... 59 lines before\n      line 58\n      line 59\n    ValueError: no\n")
    assert "Traceback" in printed(capsys, "show", "t1", "-v", "--lines", "0", "--db", run.store.path)


def test_one_step_is_shown_in_full(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "t1", "chat", "--db", db)
    assert out.startswith("llm chat")
    assert "gpt-4o  100 tokens (40 cached), $0.5" in out.splitlines()[0]
    assert out.count("line") == 60
    step = json.loads(printed(capsys, "show", "t1", "chat", "--json", "--db", db))
    assert (step["model"], step["tokens"], step["cached_tokens"], step["cost"]) == ("gpt-4o", 100, 40, 0.5)
    assert printed(capsys, "show", "t1", step["id"][:10], "--db", db) == out
    assert main(["show", "t1", "fetch_page", "--db", str(db)]) == 1
    assert "7 operations match 'fetch_page'" in capsys.readouterr().err
    assert main(["show", "t1", "nothing", "--db", str(db)]) == 1
    assert "no operation of the trace t1" in capsys.readouterr().err


def test_the_depth_is_limited(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "t1", "--depth", "1", "--db", db).splitlines()
    assert len(out) == 4
    assert out[-1] == "... 15 deeper operations are not shown"
    assert "inner" not in printed(capsys, "show", "t1", "--depth", "2", "-v", "--db", db)


def test_equal_siblings_fold_on_a_terminal_only(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(db)
    trace = store.trace("t1")
    assert trace is not None
    operations = store.operations("t1")
    folded = list(lines(trace, operations, Style(is_terminal=True)))
    assert [line for line in folded if "fetch_page × 7, 2 failed" in line]  # noqa: RUF001
    assert not [line for line in folded if "inner" in line]
    assert [line for line in folded if "llm chat" in line]
    for shown in (lines(trace, operations, Style()), lines(trace, operations, Style(is_terminal=True), verbose=True)):
        assert sum("─ tool fetch_page" in line for line in shown) == 7
    four = [one for one in operations if one.name != "fetch_page"] + [
        one for one in operations if one.name == "fetch_page"
    ][:4]
    assert sum("fetch_page" in line for line in lines(trace, four, Style(is_terminal=True))) == 4
    store.close()


def test_a_list_is_sorted_filtered_and_fits(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "traces", "--sort", "cost", "--db", db).splitlines()
    assert out[0].split() == "ID START NAME STATUS DURATION MODEL TOKENS CACHED COST OPS ERRORS".split()
    assert out[1].split()[0] == "t1"
    assert "gpt-4o" in out[1]
    assert all(columns(line) <= 80 for line in out)
    for options, expected in (
        (("--sort", "agent"), ["t2", "t1"]),
        (("--sort", "tokens", "--limit", "1"), ["t1"]),
        (("--meta", "plan=pro"), ["t1"]),
        (("--model", "gpt-4o", "--tool", "fetch_page"), []),  # not the same operation
        (("--tool", "fetch_page", "--errors"), ["t1"]),
        (("--min-cost", "0.4"), ["t1"]),
        (("--since", "1h"), ["t2", "t1"]),
        (("--error-type", "late"), ["t1"]),
    ):
        status = main(["traces", "--json", "--db", str(db), *options])
        found = json.loads(capsys.readouterr().out) if status == 0 else []
        assert [one["id"] for one in found] == expected, options
    for wrong in (("--meta", "plan"), ("--score", ">"), ("--sort", "beauty"), ("--min-cost", "-1")):
        with pytest.raises(SystemExit) as caught:
            main(["traces", "--db", str(db), *wrong])
        assert caught.value.code == 2


def test_wide_lists_leave_out_what_matters_least(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    root = run.recorder.start_trace("a long name of an agent", b"{}", tags=("tag",) * 3, user_id="a-user-with-an-id")
    call = run.recorder.start(root, LLM, "chat", b"{}")
    call.model = "a-model-with-a-long-name-2026-01-31"
    run.recorder.add(call, usage={"prompt_tokens": 1_234_567, "completion_tokens": 1, "cached_tokens": 987_654,
                                  "cost": 12.5})  # fmt: skip
    run.recorder.succeed(call, None)
    run.recorder.succeed(root, None)
    run.save()
    for width in (80, 0, 120):
        head, row = table(run.store.traces(), Style(width=width))
        assert columns(row) <= (width or 80)
        assert {"MODEL", "TOKENS", "COST"} <= set(head.split())
        assert ("TAGS" in head) == (width == 120)
        assert "a long name of " in row
    run.store.close()


def test_a_cost_has_all_its_digits_and_no_exponent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "t.db")
    for identifier, cost in (("small", 8.25e-05), ("sum", 0.1 + 0.2)):
        root = run.recorder.start_trace("desk", b"{}", identifier=identifier)
        run.recorder.add(root, usage={"prompt_tokens": 1, "cost": cost})
        run.recorder.succeed(root, None)
    run.save()
    run.store.close()
    assert "    cost: 0.0000825\n" in printed(capsys, "show", "small", "-v", "--db", run.store.path)
    assert "    cost: 0.3\n" in printed(capsys, "show", "sum", "-v", "--db", run.store.path)


def test_an_error_is_printed_without_what_says_nothing_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "t.db")
    root = run.recorder.start_trace("desk", b"{}", identifier="t")
    run.recorder.end(root, ERROR, b'{"message":"","type":"Late","name":"Late","code":7}')
    run.save()
    run.store.close()
    assert "  error\n    type: Late\n    code: 7\n" in printed(capsys, "show", "t", "-v", "--db", run.store.path)


def test_several_traces_are_exported_by_filters(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documents = json.loads(printed(capsys, "export", "--limit", "5", "--sort", "agent", "--db", db))
    assert [one["trace"]["id"] for one in documents] == ["t2", "t1"]
    one = json.loads(printed(capsys, "export", "--errors", "--db", db))
    assert (one["trace"]["id"], one["trace"]["models"], one["trace"]["cost"]) == ("t1", ["gpt-4o"], 0.5)
    spans = json.loads(printed(capsys, "export", "--limit", "5", "--format", "otlp", "--db", db))
    assert len(spans["resourceSpans"]) == 2
    page = printed(capsys, "export", "--limit", "5", "--format", "html", "--db", db)
    assert all(text in page for text in ('"t1"', '"t2"', "Hello\\nthere"))  # the data of the page, as JSON
    assert main(["export", "t1", "--errors", "--db", str(db)]) == 2
    assert "not both" in capsys.readouterr().err
    assert main(["export", "--user", "nobody", "--db", str(db)]) == 1


def test_long_output_goes_through_the_pager_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    monkeypatch.setenv(
        "VOLTAGENT_PAGER", f"{sys.executable} -c \"import sys; open({str(kept)!r}, 'w').write(sys.stdin.read())\""
    )
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: True, raising=False)
    pager.write([str(number) for number in range(5)])
    assert not kept.exists()
    pager.write([str(number) for number in range(50)], paged=False)
    assert not kept.exists()
    pager.write([str(number) for number in range(50)])
    assert kept.read_text().splitlines() == [str(number) for number in range(50)]
    monkeypatch.setenv("VOLTAGENT_PAGER", "cat")
    kept.unlink()
    pager.write([str(number) for number in range(50)])
    assert not kept.exists()
    capsys.readouterr()


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A store with one trace and one step, which were judged."""
    db = tmp_path / "scored.db"
    with VoltAgentSDK(exporter="local", local_path=db) as sdk:
        trace = sdk.trace({"agentId": "bot"})
        step = trace.add_tool({"name": "look"})
        step.success("x")
        trace.end()
        trace.score("quality", 0.5, comment="so so")
        trace.score("thumbs", True)
        step.score("verdict", "good", comment="checked\ntwice")
    return db


def test_json_has_the_scores_of_a_trace_and_of_its_operations(scored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(printed(capsys, "show", "--json", "--db", scored))
    assert [(one["name"], one["value"], one["comment"]) for one in whole["scores"]] == [
        ("quality", 0.5, "so so"), ("thumbs", True, None), ("verdict", "good", "checked\ntwice"),
    ]  # fmt: skip
    look = json.loads(printed(capsys, "show", whole["id"], "look", "--json", "--db", scored))
    assert [one["name"] for one in look["scores"]] == ["verdict"]


def test_scores_are_printed_with_what_they_judge(scored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "show", "--db", scored).splitlines()
    assert out[2] == "scores  quality 0.5 (so so)  thumbs up"
    assert out[3].endswith("  verdict good")
    verbose = printed(capsys, "show", "-v", "--db", scored)
    assert "  scores\n    quality 0.5 (so so)\n    thumbs up\n" in verbose
    look = printed(
        capsys, "show", json.loads(printed(capsys, "show", "--json", "--db", scored))["id"], "look", "--db", scored
    )
    assert "  scores\n    verdict good (checked\n    twice)\n" in look
    assert "quality" not in look


def test_a_tree_on_a_terminal_shows_how_inputs_begin(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(db)
    trace = store.trace("t1")
    assert trace is not None
    operations = store.operations("t1")
    store.close()
    shown = list(lines(trace, operations, Style(is_terminal=True, width=90)))
    assert [line for line in shown if "agent Bot" in line and line.endswith("  Hello there")]
    (call,) = [line for line in shown if "llm chat" in line]
    assert "  line line line" in call
    assert columns(call) <= 90
    piped = printed(capsys, "show", "t1", "--db", db)
    assert "Hello" not in piped
    assert "line line" not in piped
