"""Records: what was recorded comes back as typed, read-only objects."""

from __future__ import annotations

import copy
import dataclasses
import gc
import json
import pickle
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from tests.helpers.stored import Run, run_sql
from tests.helpers.witnessed import run as run_program
from voltagent import VoltAgentSDK
from voltagent.core.span import AGENT, LLM, TOOL
from voltagent.errors import ValidationError, VoltAgentError
from voltagent.records import OperationRecord, RecordNotFoundError, TraceRecord, load_trace, load_traces
from voltagent.storage.file import StoreError
from voltagent.storage.traces.migrations import MIGRATIONS


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("records") / "traces.db"
    sdk = VoltAgentSDK(exporter="local", local_path=path)
    run_program(sdk)
    sdk.shutdown()
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "traces.db")
    yield run
    run.store.close()


def agents(path: Path, **conditions: object) -> list[str]:
    return [trace.agent_id for trace in load_traces(path, **conditions)]  # type: ignore[arg-type]


def test_a_trace_comes_back_whole(shop: Path):
    (trace,) = load_traces(shop)
    assert isinstance(trace, TraceRecord)
    assert (trace.agent_id, trace.status, trace.user_id, trace.conversation_id) == ("shop", "completed", "u-1", "c-9")
    assert (trace.input, trace.output, trace.tags) == ({"q": "Wo?"}, {"text": "TOMORROW"}, ("vip",))
    assert trace.usage is not None
    assert trace.usage["total_tokens"] == 235
    assert trace.start.tzinfo is timezone.utc
    assert trace.duration is not None
    assert trace.duration >= 0


def test_a_trace_knows_the_trace_that_it_was_started_in_or_continues(tmp_path: Path):
    other = "0af7651916cd43dd8448eb211c80319c"
    with VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db") as sdk:
        with sdk.trace(agent_id="outer") as outer, sdk.trace(agent_id="inner"):
            pass
        with sdk.trace(agent_id="continued", parent=f"00-{other}-b7ad6b7169203331-01"):
            pass
    parents = {trace.agent_id: trace.parent_trace_id for trace in load_traces(tmp_path / "traces.db")}
    assert parents == {"outer": None, "inner": outer.id, "continued": str(UUID(other))}


def test_operations_know_their_place(shop: Path):
    (trace,) = load_traces(str(shop))
    names = ["Support", "kb-search", "profile", "tracking", "refund", "Translator"]
    assert [one.name for one in trace.walk()] == names
    (support,) = trace.children
    assert support.parent is None
    assert all(one.parent is support for one in support.children)
    assert [one.name for one in support.walk()] == names[1:]
    assert support.model == "gpt-4"
    assert support.trace_id == trace.id


def test_find_takes_any_condition(shop: Path):
    (trace,) = load_traces(shop)
    assert [one.name for one in trace.find(kind="tool")] == ["tracking", "refund"]
    assert [one.name for one in trace.find(status="error")] == ["refund"]
    assert [one.name for one in trace.find("tool", "tracking", "completed")] == ["tracking"]
    assert trace.find(name="none") == []


def test_the_tree_is_text_without_times(shop: Path):
    (trace,) = load_traces(shop)
    assert trace.tree() == (
        "trace shop  235 tokens\n"
        "└─ agent Support  235 tokens\n"
        "   ├─ retriever kb-search\n"
        "   ├─ memory profile\n"
        "   ├─ tool tracking\n"
        "   ├─ tool refund  error  PermissionError: not allowed to refund\n"
        "   └─ agent Translator"
    )
    assert " µs" in trace.tree(times=True) or " ms" in trace.tree(times=True)


def test_records_are_frozen_and_mappings_read_only(shop: Path):
    (trace,) = load_traces(shop)
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.status = "error"  # type: ignore[misc]
    with pytest.raises(TypeError):
        trace.usage["total_tokens"] = 1  # type: ignore[index]
    assert trace == load_trace(trace.id, shop)
    assert hash(trace) == hash(load_trace(trace.id, shop))


def test_records_can_be_copied_pickled_and_written_as_json(shop: Path):
    (trace,) = load_traces(shop)
    for again in (copy.deepcopy(trace), pickle.loads(pickle.dumps(trace))):
        assert again == trace
        assert again.tree() == trace.tree()
        assert all(one.parent is again.children[0] for one in again.children[0].children)
        with pytest.raises(TypeError, match="read-only"):
            again.metadata["a"] = 1  # type: ignore[index]
    assert json.loads(json.dumps(trace.usage)) == trace.usage


@pytest.mark.parametrize("change", ["clear", "popitem", "update", "pop", "setdefault", "__ior__", "__delitem__"])
def test_no_method_of_a_mapping_changes_it(shop: Path, change: str):
    (trace,) = load_traces(shop)
    with pytest.raises(TypeError, match="read-only"):
        getattr(trace.usage, change)({} if change in ("update", "__ior__") else "total_tokens")


def test_an_iterator_that_is_not_used_leaves_no_connection(shop: Path):
    opened = load_traces(shop)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del opened
        gc.collect()


def test_a_model_call_has_model_usage_and_cost(saved: Run):
    root = saved.trace(ended=False)
    call = saved.recorder.start(root, LLM, "chat", b"{}", b'{"model":"m-1"}')
    saved.recorder.add(call, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.25})
    saved.recorder.succeed(call, b"{}")
    saved.recorder.succeed(root, b"{}")
    saved.save()
    (trace,) = load_traces(saved.store.path)
    (found,) = trace.find(kind="llm")
    assert (found.model, found.cost, trace.cost) == ("m-1", 0.25, 0.25)
    assert found.usage is not None
    assert found.usage["total_tokens"] == 5


def test_filters(saved: Run):
    saved.trace("plain", user_id="u-1", conversation_id="c-1", metadata=b'{"build":7,"env":"test"}', tags=("vip",))
    failing = saved.trace("failing", ended=False, input=b'{"q":"refund"}')
    tool = saved.recorder.start(failing, TOOL, "refund", b"{}")
    saved.recorder.end(tool, "error", b'"no"')
    saved.recorder.succeed(failing, b"{}")
    inner = saved.trace("outer", ended=False)
    saved.recorder.succeed(saved.recorder.start(inner, AGENT, "inner", b"{}"), b"{}")
    saved.save()
    path = saved.store.path
    assert agents(path) == ["outer", "failing", "plain"]
    assert agents(path, order="oldest") == ["plain", "failing", "outer"]
    assert agents(path, order="oldest", limit=1) == ["plain"]
    assert agents(path, limit=0) == []
    assert agents(path, agent_id="inner") == ["outer"]
    assert agents(path, errors=True) == ["failing"]
    assert agents(path, errors=False) == ["outer", "plain"]
    assert agents(path, status="running") == ["outer"]
    assert agents(path, user_id="u-1") == agents(path, conversation_id="c-1") == agents(path, tag="vip") == ["plain"]
    assert agents(path, text="refund") == ["failing"]
    assert agents(path, metadata={"build": 7}) == ["plain"]
    assert agents(path, metadata={"build": 7, "env": "prod"}) == []
    assert agents(path, metadata={"build": 7}, limit=1) == ["plain"]
    now = datetime.now(timezone.utc)
    assert agents(path, since=now - timedelta(minutes=1)) == ["outer", "failing", "plain"]
    assert agents(path, until=(now - timedelta(minutes=1)).isoformat()) == []


def test_running_operations_have_no_duration(saved: Run):
    root = saved.trace(ended=False)
    saved.recorder.start(root, TOOL, "slow", b"{}")
    saved.save()
    (trace,) = load_traces(saved.store.path)
    assert (trace.status, trace.duration, trace.children[0].duration) == ("running", None, None)
    assert "tool slow  running" in trace.tree()


def test_a_prefix_is_enough(saved: Run):
    saved.trace("one", identifier="abc-1")
    saved.trace("two", identifier="abd-1")
    saved.save()
    path = saved.store.path
    assert load_trace("abc", path).agent_id == "one"
    with pytest.raises(StoreError, match="several traces begin with 'ab'"):
        load_trace("ab", path)
    with pytest.raises(RecordNotFoundError, match="'zzz'"):
        load_trace("zzz", path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": "up"}, "order must be"),
        ({"status": "nonsense"}, "status must be one of running, completed, error, cancelled, got 'nonsense'"),
        ({"limit": -1}, "limit must be"),
        ({"limit": 10**30}, "limit must be at most"),
        ({"since": "yesterday"}, "since must be"),
        ({"until": 5}, "until must be"),
        ({"agent_id": 5}, "agent_id must be a string, got int"),
        ({"user_id": ["u"]}, "user_id must be a string, got list"),
        ({"tag": {"a"}}, "tag must be a string, got set"),
        ({"text": 5}, "text must be a string, got int"),
        ({"errors": "no"}, "errors must be True, False or None, got str"),
        ({"metadata": ["a"]}, "metadata must be a mapping of keys to values, got list"),
        ({"status": ["error"]}, "status must be one of .*, got list"),
    ],
)
def test_wrong_arguments_raise_at_the_call(shop: Path, arguments: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        load_traces(shop, **arguments)  # type: ignore[arg-type]


def test_a_path_that_is_none_is_refused() -> None:
    for load in (load_traces, lambda path: load_trace("a", path)):
        with pytest.raises(ValidationError, match="path must be the file of a store, got int"):
            load(5)  # type: ignore[arg-type, operator]


def test_a_missing_store_is_an_error_at_the_call_and_makes_none(tmp_path: Path):
    with pytest.raises(StoreError, match="there is no store"):
        load_traces(tmp_path / "none.db")
    with pytest.raises(StoreError, match="there is no store"):
        load_trace("a", tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_the_default_is_the_store_that_the_settings_name(shop: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", str(shop))
    assert [trace.agent_id for trace in load_traces()] == ["shop"]


def test_a_store_from_the_future_is_refused_and_stays_as_it_is(saved: Run):
    saved.trace()
    saved.save()
    saved.store.close()
    run_sql(saved.store.path, "PRAGMA user_version = 999")
    before = saved.store.path.read_bytes()
    with pytest.raises(VoltAgentError, match="newer voltagent"):
        load_traces(saved.store.path)
    assert saved.store.path.read_bytes() == before


@pytest.mark.parametrize("schema", range(1, len(MIGRATIONS)))
def test_an_old_store_that_is_read_only_is_refused_clearly(saved: Run, monkeypatch: pytest.MonkeyPatch, schema: int):
    saved.trace()
    saved.save()
    saved.store.close()
    run_sql(saved.store.path, "PRAGMA journal_mode = DELETE")
    run_sql(saved.store.path, f"PRAGMA user_version = {schema}")
    before = saved.store.path.read_bytes()
    connect = sqlite3.connect

    def read_only(address: str, **options: object) -> sqlite3.Connection:  # as for a user who may not write the file
        return connect(address.replace("mode=rw", "mode=ro"), **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(VoltAgentError, match=rf"older voltagent \(schema {schema}, .*read-only"):
        load_traces(saved.store.path)
    assert saved.store.path.read_bytes() == before


def test_damaged_rows_are_marked_and_cost_nothing_else(saved: Run):
    root = saved.trace("hurt", ended=False)
    first = saved.recorder.start(root, TOOL, "first", b"{}")
    saved.recorder.succeed(first, b'{"ok":1}')
    second = saved.recorder.start(first, TOOL, "second", b"{}")
    saved.recorder.succeed(second, b"{}")
    saved.recorder.succeed(root, b"{}")
    saved.save()
    with closing(sqlite3.connect(saved.store.path, isolation_level=None)) as connection:
        connection.execute("UPDATE operations SET output = 'no json', usage = '[' WHERE name = 'first'")
        connection.execute(
            "UPDATE operations SET parent_id = (SELECT id FROM operations WHERE name = 'second') WHERE name = 'first'"
        )
    (trace,) = load_traces(saved.store.path)
    assert [one.name for one in trace.walk()] == ["first", "second"]  # each is the other's parent: both have a place
    assert trace.find(name="first")[0].output == {"damaged": "no json"}
    assert len(trace.tree().splitlines()) == 3


def test_reading_while_another_connection_writes(saved: Run):
    saved.trace("one")
    saved.save()
    reading = load_traces(saved.store.path)
    saved.trace("two")
    saved.save()
    assert [trace.agent_id for trace in reading] == ["one"]  # what matched at the call
    assert agents(saved.store.path) == ["two", "one"]


def test_a_deep_trace_is_walked_and_drawn(saved: Run):
    span = root = saved.trace(ended=False)
    for number in range(2000):
        span = saved.recorder.start(span, TOOL, f"t{number}", b"{}")
    saved.recorder.succeed(root, b"{}")
    saved.save()
    (trace,) = load_traces(saved.store.path)
    assert sum(1 for _ in trace.walk()) == 2000
    assert len(trace.tree().splitlines()) == 2001
    assert isinstance(trace.find(name="t1999")[0].parent, OperationRecord)
