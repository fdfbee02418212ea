"""Filters, orders, figures, comparison and scores of the viewer's API: each figure leads to what is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_core import to_json

from tests.helpers.local_server import serving
from tests.helpers.stored import Run
from voltagent.core import clock
from voltagent.core.span import AGENT, COMPLETED, ERROR, LLM, TOOL, Span
from voltagent.records.calls import SORTS
from voltagent.storage.traces.filters import ORDERS

HOUR = 3600 * 10**6  # µs
FIRST = 1_780_000_000_000_000  # µs


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "traces.db")
    for number in range(6):
        add(run, number)
    run.save()
    yield run
    run.store.close()


@pytest.fixture
def client(run: Run) -> Iterator[httpx.Client]:
    with serving(run.store) as url, httpx.Client(base_url=url) as client:
        yield client


def add(run: Run, number: int) -> Span:
    """Trace ``number``: one hour after the one before; odd ones have a tool call that failed."""
    recorder = run.recorder
    root = recorder.start_trace(
        f"bot-{number % 2}", b'{"question":"why?"}', b'{"environment":"%s","customer":{"plan":"p%d"}}'
        % (b"prod" if number < 4 else b"test", number % 3),
        (f"tag-{number % 2}",), identifier=f"t{number}", user_id=f"u{number % 3}", conversation_id=f"c{number // 2}",
        version=f"v{number // 3}",
    )  # fmt: skip
    root.start_ns = (FIRST + number * HOUR) * 1000
    bot = recorder.start(root, AGENT, "Bot", b"{}", facts={"instructions": f"Be brief. {number // 5}"})
    llm = recorder.start(bot, LLM, "chat", b'{"n":%d}' % number)
    llm.model = f"model-{number % 2}"
    recorder.add(llm, usage={"prompt_tokens": 10 * number, "completion_tokens": 1, "cached_tokens": number,
                             "cost": number / 100})  # fmt: skip
    recorder.succeed(llm, b'{"result":"x"}')
    tool = recorder.start(bot, TOOL, "search", b"{}", b'{"shard":%d}' % (number % 2))
    if number % 2:
        recorder.end(tool, ERROR, b'{"message":"late","type":"TimeoutError"}')
    else:
        recorder.end(tool, COMPLETED)
    for span in (tool, llm):
        span.start_ns = root.start_ns + 1000
        span.end_ns = span.start_ns + (number + 1) * 1_000_000
    recorder.succeed(bot, b"{}")
    bot.end_ns = root.start_ns + (number + 1) * 2_000_000
    bot.start_ns = root.start_ns
    recorder.succeed(root, b'{"answer":42}')
    root.end_ns = root.start_ns + (number + 1) * 2_000_000
    return root


def ids(client: httpx.Client, **parameters: Any) -> str:
    answer = client.get("/api/traces", params=parameters)
    assert answer.status_code == 200, answer.text
    return "".join(trace["id"].removeprefix("t") for trace in answer.json()["traces"])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"errors": 1}, "531"),
        ({"model": "model-1"}, "531"),
        ({"tool": "search"}, "543210"),
        ({"tool": "search", "failed": 1}, "531"),
        ({"tool": "search", "failed": 0, "model": ""}, "420"),
        ({"kind": "llm", "failed": 1}, ""),
        ({"error_type": "TimeoutError"}, "531"),
        ({"version": "v1"}, "543"),
        ({"environment": "test"}, "54"),
        ({"min_tokens": 31}, "543"),
        ({"max_tokens": 1}, "0"),
        ({"min_cost": 0.04}, "54"),
        ({"metadata": "customer.plan:p1"}, "41"),
        ({"metadata": "shard:1", "metadata.2": "customer.plan:p2"}, "5"),
        ({"metadata": "shard:7"}, ""),
        ({"min_ms": 9}, "54"),
        ({"since": FIRST + 3 * HOUR, "until": FIRST + 5 * HOUR}, "43"),
        ({"since": "2026-05-28T20:26:41Z"}, "54321"),
        ({"since": "90s"}, ""),
        ({"called_since": FIRST + 5 * HOUR, "kind": "tool"}, "5"),
        ({"min_errors": 1, "user": "u1"}, "1"),
        ({"sort": "cost", "limit": 2}, "54"),
        ({"sort": "duration", "order": "asc", "limit": 3}, "012"),
        ({"sort": "errors"}, "531420"),
        ({"sort": "agent", "order": "asc"}, "024135"),
        ({"sort": "model"}, "531420"),
        ({"sort": "environment", "order": "asc"}, "012345"),
    ],
)
def test_a_list_is_filtered_and_sorted(client: httpx.Client, parameters: dict[str, Any], expected: str) -> None:
    assert ids(client, **parameters) == expected


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_order_has_pages_that_join(client: httpx.Client, sort: str, order: str) -> None:
    whole = ids(client, sort=sort, order=order)
    found, last = "", {}
    while True:
        page = ids(client, sort=sort, order=order, limit=2, **last)
        if not page:
            break
        found += page
        last = {"before": f"t{page[-1]}"}
    assert found == whole
    assert sorted(whole) == sorted("012345")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sort": "beauty"}, "sort must be one of"),
        ({"order": "up"}, "order must be one of"),
        ({"metadata": "no colon"}, "metadata must be key:value"),
        ({"score": ">3"}, "score must be"),
        ({"score": "a>b"}, "score must be"),
        ({"min_cost": "much"}, "min_cost must be a number"),
        ({"failed": 2}, "failed must be 0 or 1"),
        ({"since": "soon"}, "since must be a number"),
        ({"called_since": "2026-99-01"}, "called_since must be a number"),
    ],
)
def test_what_is_not_valid_is_named(client: httpx.Client, parameters: dict[str, Any], message: str) -> None:
    answer = client.get("/api/traces", params=parameters)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)


def test_a_line_has_models_tokens_cost_version_and_environment(client: httpx.Client) -> None:
    (line,) = client.get("/api/traces", params={"version": "v1", "user": "u2"}).json()["traces"]
    assert {name: line[name] for name in ("models", "tokens", "cached", "cost", "version", "environment")} == {
        "models": ["model-1"], "tokens": 51, "cached": 5, "cost": 0.05, "version": "v1", "environment": "test",
    }  # fmt: skip


def test_a_histogram_counts_traces_and_errors_over_time(client: httpx.Client) -> None:
    answer = client.get("/api/histogram", params={"buckets": 6, "since": FIRST, "until": FIRST + 6 * HOUR}).json()
    assert (answer["traces"], answer["errors"]) == ([1] * 6, [0, 1] * 3)
    assert answer["buckets"] == [FIRST + number * HOUR for number in range(6)]
    assert answer["width"] == HOUR
    answer = client.get("/api/histogram", params={"buckets": 2, "version": "v1"}).json()
    assert (sum(answer["traces"]), answer["since"]) == (3, FIRST + 3 * HOUR)


GROUPS = {
    "agent": ["Bot"], "tool": ["search"], "model": ["model-0", "model-1"], "user": ["u0", "u1", "u2"],
    "conversation": ["c0", "c1", "c2"], "tag": ["tag-0", "tag-1"], "version": ["v0", "v1"],
    "environment": ["prod", "test"], "metadata:customer.plan": ["p0", "p1", "p2"], "metadata:shard": ["0", "1"],
}  # fmt: skip


def calls(client: httpx.Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/calls", params={"limit": 500, **parameters})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["calls"]
    return found


@pytest.mark.parametrize("by", GROUPS)
def test_every_figure_leads_to_what_it_counts(client: httpx.Client, by: str) -> None:
    about = {"by": by, "buckets": 6, "since": FIRST, "until": FIRST + 6 * HOUR, "sort": "name", "order": "asc"}
    answer = client.get("/api/metrics", params=about).json()
    assert [group["name"] for group in answer["groups"]] == GROUPS[by]
    listed = calls if answer["unit"] == "calls" else ids
    assert (answer["unit"] == "calls") == (by in ("agent", "tool", "model"))
    for group in answer["groups"]:
        assert len(listed(client, **group["filter"])) == group["total"]["calls"]
        assert len(listed(client, **group["filter"], **answer["error_filter"])) == group["total"]["errors"]
        for place, number in enumerate(group["calls"]):
            start = answer["buckets"][place]
            times = dict(zip(answer["time_filter"], (start, start + answer["width"]), strict=True))
            assert len(listed(client, **{**group["filter"], **times})) == number
        for one in group["error_types"]:
            assert [call["error_type"] for call in calls(client, **one["filter"])] == [one["type"]] * one["count"]
    totals = answer["totals"]
    assert (totals["traces"], totals["calls"], totals["tokens"]["total"]) == (6, 6, 156)
    assert totals["cost"] == pytest.approx(0.15)
    assert len(listed(client, **totals["filter"])) == 6
    (failures,) = answer["error_types"]
    assert (failures["type"], failures["count"], len(calls(client, **failures["filter"]))) == ("TimeoutError", 3, 3)


ADDRESSES: list[dict[str, Any]] = [
    {"model": "model-1"}, {"kind": "tool", "failed": 1}, {"tool": "search"}, {"name": "chat"}, {"user": "u1"},
    {"error_type": "TimeoutError"}, {"called_since": FIRST + 2 * HOUR, "kind": "llm"}, {"tag": "tag-1"},
    {"metadata": "customer.plan:p1"}, {"metadata": "shard:1", "metadata.2": "customer.plan:p2"}, {"version": "v1"},
    {"with.model": "model-0", "environment": "prod"}, {"score": "thumbs"}, {"errors": 1, "min_tokens": 5},
    {"called_by": "Bot", "kind": "tool"}, {"tool": "search", "with.model": "model-1", "with.kind": "llm"},
    {"user": "u1", "with.user": "u1", "with.with.user": "u1"}, {"metadata": "shard:1", "with.metadata": "shard:1"},
]  # fmt: skip


@pytest.mark.parametrize("by", [*GROUPS, "day"])
def test_every_figure_leads_to_what_it_counts_under_any_filter(run: Run, client: httpx.Client, by: str) -> None:
    """A filter on an operation chooses traces, and a link keeps it beside a condition of the same name."""
    for number in (1, 2):
        assert post(client, trace=f"t{number}", name="thumbs", value=number == 1).status_code == 200
    for filters in ADDRESSES:
        about = {"by": by, "buckets": 3, "since": FIRST + HOUR, "until": FIRST + 5 * HOUR, **filters}
        answer = client.get("/api/metrics", params=about).json()
        listed = calls if answer["unit"] == "calls" else ids
        for group in answer["groups"]:
            assert len(listed(client, **group["filter"])) == group["total"]["calls"], (filters, group["name"])
            failed = listed(client, **{**group["filter"], **answer["error_filter"]})
            assert len(failed) == group["total"]["errors"], (filters, group["name"])
            for one in group["error_types"]:
                assert len(calls(client, **one["filter"])) == one["count"], (filters, one)
        if answer["groups"]:
            number = sum(group["total"]["calls"] for group in answer["groups"])
            assert number == len(listed(client, **answer["totals"]["filter"])) or by in ("tag", "metadata:shard")
        for one in answer["error_types"]:
            assert len(calls(client, **one["filter"])) == one["count"], filters
        for score in answer["scores"]:
            assert len(ids(client, **score["filter"])) == score["count"], filters
            assert [len(ids(client, **one["filter"])) for one in score["values"]] == [
                one["count"] for one in score["values"]
            ], filters


def test_filters_of_one_name_are_all_kept(client: httpx.Client) -> None:
    """Those with equally many prefixes are about one operation, all others about any."""
    filters = {"tool": "search", "with.model": "model-1", "with.kind": "llm", "metadata": "shard:1",
               "with.metadata": "customer.plan:p2"}  # fmt: skip
    answer = client.get("/api/metrics", params={"by": "metadata:customer.plan", **filters}).json()
    (group,) = answer["groups"]
    assert group["filter"] == {
        "metadata": "customer.plan:p2", "with.metadata": "shard:1", "with.with.metadata": "customer.plan:p2",
        "with.tool": "search", "with.with.kind": "llm", "with.with.model": "model-1",
    }  # fmt: skip
    assert ids(client, **group["filter"]) == "5"
    assert client.get("/api/traces", params={f"{'with.' * 9}user": "u1"}).status_code == 400


def test_calls_are_narrowed_by_their_own_agent(run: Run, client: httpx.Client) -> None:
    """The agent of a trace, or another one in it, is not meant."""
    root = run.recorder.start_trace("bot-0", b"{}", identifier="t9")
    outer = run.recorder.start(root, AGENT, "Bot", b"{}")
    inner = run.recorder.start(outer, AGENT, "Helper", b"{}")
    for parent, name in ((root, "first"), (outer, "second"), (inner, "third")):
        run.recorder.succeed(run.recorder.start(parent, TOOL, name, b"{}"), b"{}")
    for span in (inner, outer, root):
        run.recorder.succeed(span, b"{}")
    run.save()
    for agent, names in (("Helper", ["third"]), ("bot-0", ["Bot", "first"]), ("nobody", [])):
        found = calls(client, called_by=agent, user="")
        assert sorted(one["name"] for one in found if one["trace"] == "t9") == names
        assert {one["agent"] for one in found} <= {agent}
    assert ids(client, called_by="Helper", tool="third") == "9"
    assert ids(client, called_by="Helper", tool="second") == "", "one operation must be both"
    assert len(calls(client, agent="Helper")) == 5, "all of the traces of an agent"


def test_metrics_of_all_time_count_what_began_long_after_its_trace(run: Run, client: httpx.Client) -> None:
    root = run.recorder.start_trace("bot-0", b"{}", identifier="t9")
    root.start_ns = (FIRST + 6 * HOUR) * 1000
    late, early = (run.recorder.start(root, TOOL, name, b"{}") for name in ("late", "early"))
    late.start_ns, early.start_ns = root.start_ns + 30 * HOUR * 1000, (FIRST - 3 * HOUR) * 1000 + 7
    for span in (late, early, root):
        run.recorder.succeed(span, b"{}")
    run.save()
    answer = client.get("/api/metrics", params={"by": "tool", "buckets": 7}).json()
    assert {group["name"]: group["total"]["calls"] for group in answer["groups"]} == {
        "search": 6, "late": 1, "early": 1,
    }  # fmt: skip
    for group in answer["groups"]:
        for place, number in enumerate(group["calls"]):
            start = answer["buckets"][place]
            times = dict(zip(answer["time_filter"], (start, start + answer["width"]), strict=True))
            assert len(calls(client, **{**group["filter"], **times})) == number


def test_conditions_may_be_met_by_several_operations_of_a_trace(client: httpx.Client) -> None:
    assert ids(client, tool="search", failed=1) == "531"
    assert ids(client, model="model-1", **{"with.tool": "search", "with.failed": 1}) == "531"
    assert ids(client, model="model-0", **{"with.tool": "search", "with.failed": 1}) == ""
    assert ids(client, tag="tag-1", **{"with.tag": "tag-0"}) == ""
    assert [one["trace"] for one in calls(client, kind="llm", **{"with.error_type": "TimeoutError"})] == [
        "t5",
        "t3",
        "t1",
    ]
    assert client.get("/api/traces", params={"with.status": "odd"}).status_code == 400


def test_calls_of_all_traces_are_listed(client: httpx.Client) -> None:
    late, *_ = calls(client, tool="search", failed=1)
    assert {name: value for name, value in late.items() if name not in ("id", "start")} == {
        "trace": "t5", "kind": "tool", "name": "search", "status": "error", "agent": "Bot", "trace_agent": "bot-1",
        "duration": 6000.0, "error": "TimeoutError: late", "error_type": "TimeoutError",
    }  # fmt: skip
    assert late["start"] == FIRST + 5 * HOUR + 1
    (chat,) = calls(client, kind="llm", version="v1", user="u2")
    assert (chat["model"], chat["tokens"], chat["cached"], chat["cost"]) == ("model-1", 51, 5, 0.05)
    assert chat["preview"] == "n: 5"
    assert len(calls(client)) == 18
    assert [one["trace"] for one in calls(client, environment="test", kind="tool")] == ["t5", "t4"]


@pytest.mark.parametrize("filters", [{}, {"kind": "tool"}, {"counted": 1}, {"model": "model-1"}])
def test_every_order_of_calls_has_pages_that_join(client: httpx.Client, filters: dict[str, Any]) -> None:
    number = 18 if not filters else 6 if "model" not in filters else 3
    for sort, order in product(SORTS, ("asc", "desc")):
        whole = [one["id"] for one in calls(client, sort=sort, order=order, **filters)]
        assert len(set(whole)) == len(whole) == number
        pages = (
            calls(client, sort=sort, order=order, limit=5, offset=offset, **filters) for offset in range(0, number, 5)
        )
        assert [one["id"] for page in pages for one in page] == whole, sort


def test_calls_are_sorted_with_those_that_lack_the_value_last(client: httpx.Client) -> None:
    for order, costs in (("desc", [0.05, 0.04, 0.03]), ("asc", [0, 0.01, 0.02])):
        found = calls(client, sort="cost", order=order, kind="llm")
        assert [one["cost"] for one in found][:3] == costs
    found = calls(client, sort="cost", order="asc")
    assert ["cost" in one for one in found] == sorted(("cost" in one for one in found), reverse=True)
    assert [one["duration"] for one in calls(client, sort="duration", kind="tool", limit=2)] == [6000, 5000]


def test_calls_that_name_no_model_are_a_group_too(run: Run, client: httpx.Client) -> None:
    root = run.recorder.start_trace("bot-9", b"{}", identifier="t9")
    nameless = run.recorder.start(root, LLM, "nameless", b"{}")
    run.recorder.add(nameless, usage={"total_tokens": 3})
    run.recorder.succeed(nameless, b"{}")
    run.recorder.succeed(root, b"{}")
    run.save()
    groups = client.get("/api/metrics", params={"by": "model"}).json()["groups"]
    (unknown,) = [group for group in groups if group["name"] == "unknown"]
    assert [one["name"] for one in calls(client, **unknown["filter"])] == ["nameless"]


@pytest.mark.parametrize(("parameters", "message"), [({"sort": "beauty"}, "sort must be"), ({"counted": 2}, "counted")])
def test_a_list_of_calls_that_is_not_valid_is_named(
    client: httpx.Client, parameters: dict[str, Any], message: str
) -> None:
    answer = client.get("/api/calls", params=parameters)
    assert (answer.status_code, answer.json()["error"].startswith(message)) == (400, True)


def test_metrics_by_day_cost_and_filter(client: httpx.Client) -> None:
    answer = client.get("/api/metrics", params={"by": "day", "model": "model-1"}).json()
    assert sum(group["total"]["calls"] for group in answer["groups"]) == 3
    assert sum(group["total"]["cost"] for group in answer["groups"]) == pytest.approx(0.09)
    assert sum(len(ids(client, **group["filter"])) for group in answer["groups"]) == 3
    answer = client.get("/api/metrics", params={"by": "user", "sort": "cost"}).json()
    assert [group["name"] for group in answer["groups"]] == ["u2", "u1", "u0"]
    assert answer["groups"][0]["total"]["error_rate"] == 0.5


def test_conversations_and_users_are_listed(client: httpx.Client) -> None:
    answer = client.get("/api/conversations", params={"sort": "cost", "limit": 2}).json()
    assert [(one["id"], one["traces"], one["errors"], one["tokens"]) for one in answer["conversations"]] == [
        ("c2", 2, 1, 92), ("c1", 2, 1, 52),
    ]  # fmt: skip
    assert answer["more"] is True
    assert answer["conversations"][0] | {"cost": 0} == {
        "id": "c2", "traces": 2, "errors": 1, "first": FIRST + 4 * HOUR, "last": FIRST + 5 * HOUR, "tokens": 92,
        "cost": 0, "users": ["u1", "u2"], "agents": ["bot-0", "bot-1"], "input": "why?",
    }  # fmt: skip
    users = client.get("/api/users", params={"environment": "prod", "sort": "id", "order": "asc"}).json()["users"]
    assert [(one["id"], one["traces"], one["conversations"]) for one in users] == [
        ("u0", 2, 2), ("u1", 1, 1), ("u2", 1, 1),
    ]  # fmt: skip
    rest = client.get("/api/users", params={"limit": 2, "offset": 2, "sort": "id", "order": "asc"}).json()
    assert ([one["id"] for one in rest["users"]], rest["more"]) == (["u2"], False)


def test_a_comparison_lists_the_facts_that_differ(client: httpx.Client) -> None:
    answer = client.get("/api/compare", params={"left": "t4", "right": "t5"}).json()
    facts = {one["name"]: (one["left"], one["right"]) for one in answer["facts"] if one["differs"]}
    assert facts["models"] == (["model-0"], ["model-1"])
    assert facts["prompt"] == ("Be brief. 0", "Be brief. 1")
    assert facts["tokens"] == (41, 51)
    assert "version" not in facts
    assert answer["parts"] == ["input", "instructions", "model", "output"]
    left, right = ({len(hashes): hashes for hashes in answer["hashes"][side].values()}[4] for side in ("left", "right"))
    assert len(answer["hashes"]["left"]) == len(answer["hashes"]["right"]) == 3
    assert left != right or answer["hashes"]["left"] != answer["hashes"]["right"]
    assert client.get("/api/compare", params={"left": "t4", "right": "nothing"}).status_code == 404


def test_long_facts_that_differ_at_their_end_differ(run: Run, client: httpx.Client) -> None:
    for name in ("one", "two"):
        root = run.recorder.start_trace("bot", b'{"text":"%s"}' % (b"x" * 5000 + name.encode()), identifier=name)
        facts = {"instructions": "Be brief. " * 500 + name}
        run.recorder.succeed(run.recorder.start(root, AGENT, "Bot", b"{}", facts=facts), b"{}")
        run.recorder.succeed(root, b"{}")
    run.save()
    facts = client.get("/api/compare", params={"left": "one", "right": "two"}).json()["facts"]
    differing = {one["name"]: one for one in facts if one["differs"] and one["name"] != "duration"}
    assert {*differing} == {"prompt", "input"}
    for name, at_end in (("prompt", "Be brief. "), ("input", "x" * 10)):
        for side, word in (("left", "one"), ("right", "two")):
            text = differing[name][side]
            assert text.startswith("…")
            assert text.endswith(at_end + word)
            assert len(text) < 110


def test_a_long_fact_is_shown_around_the_first_difference(run: Run, client: httpx.Client) -> None:
    texts = (
        f"{'Be brief. ' * 900}Then ask {name}, {rest}" for name, rest in (("one", "and so on " * 900), ("two", ""))
    )
    for name, text in zip(("one", "two"), texts, strict=True):
        root = run.recorder.start_trace("bot", b"{}", identifier=name)
        run.recorder.succeed(run.recorder.start(root, AGENT, "Bot", b"{}", facts={"instructions": text}), b"{}")
        run.recorder.succeed(root, b"{}")
    run.save()
    left, right, differs = _facts(client)["prompt"]
    assert differs
    assert re.fullmatch(r"…(Be brief\. ){2,8}Then ask one, (and so on )+.{0,9}…", str(left))
    assert re.fullmatch(r"…(Be brief\. ){2,8}Then ask two, ", str(right))
    assert len(str(left)) == 302


def test_texts_are_compared_without_the_json_around_them(run: Run, client: httpx.Client) -> None:
    for name, answer in (("one", b'{"result":"in **2** days\\n"}'), ("two", b"result: today, at: 9")):
        root = run.recorder.start_trace("bot", b'{"question":"When, %s?"}' % name.encode(), identifier=name)
        run.recorder.succeed(root, answer)
    run.save()
    facts = {
        one["name"]: (one["left"], one["right"])
        for one in client.get("/api/compare", params={"left": "one", "right": "two"}).json()["facts"]
    }
    assert facts["input"] == ("When, one?", "When, two?")
    assert facts["output"] == ("in **2** days\n", "result: today, at: 9")


def test_fields_that_read_alike_are_compared_as_json(run: Run, client: httpx.Client) -> None:
    for name, answer in (("one", b'{"n":1,"at":"9"}'), ("two", b'{"n":"1","at":"9"}')):
        run.recorder.succeed(run.recorder.start_trace("bot", b"{}", identifier=name), answer)
    run.save()
    assert _facts(client)["output"] == ('{"n":1,"at":"9"}', '{"n":"1","at":"9"}', True)


def test_messages_are_compared_by_the_last_text(run: Run, client: httpx.Client) -> None:
    _compared_conversations(run, [("Be brief.", "Rome?", "Sunny."), ("Be brief.", "Oslo?", "Rainy.")])
    facts = _facts(client)
    assert facts["input"] == ("Rome?", "Oslo?", True)
    assert facts["output"] == ("Sunny.", "Rainy.", True)


def test_messages_that_end_alike_are_compared_as_a_whole(run: Run, client: httpx.Client) -> None:
    _compared_conversations(run, [("Be brief.", "Rome?", "Sunny."), ("Be kind.", "Rome?", "Sunny.")])
    facts = _facts(client)
    first, second = (f"system:\n  Be {mood}.\nuser:\n  Rome?" for mood in ("brief", "kind"))
    assert facts["input"] == (first, second, True)
    assert facts["output"] == ("Sunny.", "Sunny.", False)


def test_a_call_after_the_same_text_is_a_difference(run: Run, client: httpx.Client) -> None:
    for name, city in (("one", "Rome"), ("two", "Oslo")):
        call = {"id": "1", "function": {"name": "weather", "arguments": {"city": city}}}
        answer = {"role": "assistant", "content": "Let me look.", "tool_calls": [call]}
        run.recorder.succeed(run.recorder.start_trace("bot", b"{}", identifier=name), to_json(answer))
    run.save()
    texts = [f"assistant:\n  Let me look.\n  -> weather city: {city}" for city in ("Rome", "Oslo")]
    assert _facts(client)["output"] == (*texts, True)


def _compared_conversations(run: Run, spoken: list[tuple[str, str, str]]) -> None:
    for name, (system, question, answer) in zip(("one", "two"), spoken, strict=True):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        root = run.recorder.start_trace("bot", to_json({"messages": messages}), identifier=name)
        run.recorder.succeed(root, to_json({"role": "assistant", "content": answer}))
    run.save()


def _facts(client: httpx.Client) -> dict[str, tuple[object, object, bool]]:
    facts = client.get("/api/compare", params={"left": "one", "right": "two"}).json()["facts"]
    return {one["name"]: (one["left"], one["right"], one["differs"]) for one in facts}


def test_operations_that_used_another_model_differ(client: httpx.Client) -> None:
    """The model may have been recorded by itself, without a place in the metadata."""
    parts = client.get("/api/compare", params={"left": "t0", "right": "t1"}).json()["parts"]
    models = {
        number: {hashes[parts.index("model")] for hashes in _hashes(client, f"t{number}").values()}
        for number in range(3)
    }
    assert len(models[0]) == 2, "the model call, and operations without a model"
    assert models[0] == models[2] != models[1]


def _hashes(client: httpx.Client, trace_id: str) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = client.get(f"/api/traces/{trace_id}/hashes").json()["hashes"]
    return found


def test_the_usual_is_that_of_earlier_successful_runs(client: httpx.Client) -> None:
    answer = client.get("/api/traces/t4/baseline").json()
    assert (answer["runs"], answer["last_success"], answer["duration"]) == (2, "t2", 4000)
    operations = client.get("/api/traces/t4").json()
    names = {row[0]: row[3] for row in operations["operations"]}
    assert {names[id]: (step["median"], step["count"]) for id, step in answer["steps"].items()} == {
        "Bot": (4000, 2), "chat": (2000, 2), "search": (2000, 2),
    }  # fmt: skip
    assert client.get("/api/traces/t1/baseline").json()["last_success"] is None, "none of its agent succeeded"
    assert client.get("/api/traces/t0/baseline").json()["last_success"] == "t4", "no earlier one: the newest"
    assert client.get("/api/traces/x/baseline").status_code == 404


def test_the_usual_time_of_equal_siblings_is_that_of_all_of_them(run: Run, client: httpx.Client) -> None:
    """From the first start to the last end, by the id of the first; whatever their number was."""

    def record(name: str, count: int, gap: int) -> None:
        root = run.recorder.start_trace("loop", b"{}", identifier=name)
        for number in reversed(range(count)):
            page = run.recorder.start(root, TOOL, "page", b"{}")
            run.recorder.succeed(page, b"{}")
            page.start_ns = root.start_ns + number * gap * 1000
            page.end_ns = page.start_ns + 1000
        other = run.recorder.start(root, TOOL, "other", b"{}")
        run.recorder.succeed(other, b"{}")
        run.recorder.succeed(root, b"{}")

    for name, count, gap in (("l1", 5, 10), ("l2", 3, 10), ("l3", 9, 10), ("l4", 6, 10)):
        record(name, count, gap)
        run.save()
    answer = client.get("/api/traces/l4/baseline").json()
    first = client.get("/api/traces/l4").json()["operations"][0][0]
    assert answer["loops"] == {first: {"median": 41, "count": 3}}


# Scores.


def post(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/api/scores", json=body)


def test_a_score_is_given_replaced_shown_filtered_plotted_and_removed(client: httpx.Client) -> None:
    operation = client.get("/api/traces/t5").json()["operations"][0][0]
    assert post(client, trace="t5", name="thumbs", value=True).status_code == 200
    given = post(client, trace="t5", operation=operation, name="quality", value=0.25, comment="thin").json()
    assert (given["operation"], given["value"], given["comment"]) == (operation, 0.25, "thin")
    assert post(client, trace="t5", name="thumbs", value=False).status_code == 200
    assert post(client, trace="t4", name="note", value="read this").status_code == 200
    (line,) = client.get("/api/traces", params={"score": "thumbs"}).json()["traces"]
    assert {(one["name"], one["value"]) for one in line["scores"]} == {("thumbs", False), ("quality", 0.25)}
    for condition, expected in (
        ("thumbs:false", "5"), ("thumbs:true", ""), ("quality<0.5", "5"), ("quality>=0.5", ""), ("note", "4"),
        ("note:read this", "4"),
    ):  # fmt: skip
        assert ids(client, score=condition) == expected, condition
    trace = client.get("/api/traces/t5").json()
    assert trace["operations"][0][trace["columns"].index("scores")][0]["name"] == "quality"
    assert [one["name"] for one in trace["trace"]["scores"]] == ["thumbs"], "those of its operations are theirs"
    scores = {one["name"]: one for one in client.get("/api/metrics", params={"by": "agent"}).json()["scores"]}
    assert (scores["quality"]["mean"], scores["quality"]["count"]) == (0.25, 1)
    assert scores["thumbs"]["values"][0] | {"filter": None} == {"value": "false", "count": 1, "filter": None}
    assert ids(client, **scores["thumbs"]["values"][0]["filter"]) == "5"
    assert post(client, trace="t5", name="thumbs", value=None).json()["removed"] is True
    assert ids(client, score="thumbs") == ""


def test_a_score_that_a_program_recorded_is_stored_and_replayed(run: Run, client: httpx.Client) -> None:
    root = add(run, 6)
    run.save()
    from voltagent.tracing.scores import checked_score, record_score

    record_score(run.recorder, root, checked_score("exact", True, "as expected"))
    run.save()
    assert ids(client, score="exact:true") == "6"
    *_, (phase, span, fields) = run.store.events("t6")
    assert (phase.value, clock.id_text(span.id), (fields or {})["value"]) == ("score", "t6", True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "value": 1}, 400),
        ({"trace": "nothing", "name": "x", "value": 1}, 404),
        ({"trace": "t1", "operation": "nothing", "name": "x", "value": 1}, 404),
        ({"trace": "t1", "name": "", "value": 1}, 400),
        ({"trace": "t1", "name": "x", "value": [1]}, 400),
        ({"trace": "t1", "name": "x" * 101, "value": 1}, 400),
        ({"trace": 7, "name": "x", "value": 1}, 400),
        ({"trace": "t1", "name": "x", "value": 1, "colour": "red"}, 400),
        ({"trace": "t1", "name": "x", "value": "y" * 20_000}, 413),
    ],
)
def test_a_score_that_is_not_valid_is_refused(client: httpx.Client, body: dict[str, Any], status: int) -> None:
    answer = client.post("/api/scores", json=body)
    assert answer.status_code == status, answer.text
    assert client.get("/api/facets").json()["scores"] == []


def test_only_the_page_itself_may_give_a_score(client: httpx.Client) -> None:
    body = {"trace": "t1", "name": "x", "value": 1}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        assert client.post("/api/scores", json=body, headers=headers).status_code == 403
    assert client.post("/api/scores", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/api/scores", content=b"no", headers={"Content-Type": "application/json"}).status_code == 400
    assert client.get("/api/scores").status_code == 405
