"""The REST wire read back: what we send is the run again, and what older clients send is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings, strategies as some
from pydantic_core import from_json

from tests.helpers.rich_trace import rich_events
from tests.helpers.trees import differences, tree
from voltagent import ValidationError
from voltagent.core.clock import iso_text
from voltagent.core.kinds import EXTENDED
from voltagent.core.span import Phase, SpanEvent
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import Known
from voltagent.storage.traces.store import Store
from voltagent.wire.rest import decode
from voltagent.wire.rest.encode import RestRequest, request

# a busy machine may take its time
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW = "2026-01-31T12:00:00+00:00"
MISSING = {"id": "made-here", "start_time": NOW}
TRACE = Known("t-1", "t-1", "bot", "trace", "bot", None, "running")
TOOL = Known("o-1", "t-1", "bot", "tool", "search", None, "running")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "traces.db")


def read(sent: RestRequest, agent_id: str = "support-v1") -> list[SpanEvent]:
    body = from_json(sent.body)
    if sent.path == "/history":
        return decode.trace_created(body, MISSING)[1]
    if sent.path == "/history-events":
        return decode.event_created(body, MISSING, agent_id)[1]
    identifier = unquote(sent.path.rpartition("/")[2])
    return decode.trace_updated(Known(identifier, identifier, agent_id, "trace", agent_id, None, "running"), body)


def test_a_run_is_the_same_run_again_but_for_what_the_wire_cannot_say(tmp_path: Path, store: Store) -> None:
    events = rich_events()
    recorded = Store(tmp_path / "recorded.db")
    recorded.append(events)
    for event in events:
        store.append(read(request(event)))
    lost = differences(tree(recorded), tree(store))
    for name, (before, after) in list(lost.items()):
        if name.endswith("_ns"):  # the wire has microseconds
            assert before // 1000 == after // 1000
            del lost[name]
        elif name.endswith(".metadata"):  # and keys in camelCase
            assert [key.replace("_", "").lower() for key in before] == [key.lower() for key in after]
            del lost[name]
    assert lost == {"profile.output": (None, {})}, "and it says nothing as an empty object"


def test_every_request_may_come_twice(tmp_path: Path, store: Store) -> None:
    once = Store(tmp_path / "once.db")
    for event in rich_events():
        once.append(read(request(event)))
        store.append(read(request(event)))
        store.append(read(request(event)))
    assert differences(tree(once), tree(store)) == {}


# Other clients' wire.


def start(**more: Any) -> dict[str, Any]:
    return {
        "history_id": "t-1",
        "event_type": "tool",
        "event_name": "tool:start",
        "start_time": NOW,
        "status": "running",
        "metadata": {"displayName": "search", "id": "search", "agentId": "bot", "k": 1},
        **more,
    }


def created(body: dict[str, Any]) -> SpanEvent:
    _, (event,) = decode.event_created(body, MISSING)
    return event


def test_the_server_chooses_the_id_where_none_is_given() -> None:
    assert decode.trace_created({"agent_id": "bot", "id": None}, MISSING)[0] == "made-here"
    assert decode.event_created(start(), MISSING)[0] == "made-here"
    assert decode.event_created(start(id="own"), MISSING)[0] == "own"


def test_camel_case_and_snake_case_are_one() -> None:
    camel = {"agentId": "bot", "user_id": "u", "conversationId": "c", "startTime": NOW, "completion_start_time": NOW}
    _, ((_, span, _),) = decode.trace_created(camel, {"id": "x"})
    trace = span.trace
    assert (trace.agent_id, trace.user_id, trace.conversation_id, trace.completion_start) == ("bot", "u", "c", NOW)
    assert iso_text(span.start_ns) == "2026-01-31T12:00:00.000000+00:00"


@pytest.mark.parametrize("fraction", ["5", "500", "5000001", "500000000"])
def test_a_time_may_have_any_number_of_digits(fraction: str) -> None:
    body = {"agent_id": "bot", "startTime": f"2026-01-31T12:00:00.{fraction}Z"}
    _, ((_, span, _),) = decode.trace_created(body, {"id": "x"})
    assert iso_text(span.start_ns) == "2026-01-31T12:00:00.500000+00:00"


def test_a_trace_created_when_it_is_over_is_over(store: Store) -> None:
    body = {"agent_id": "bot", "status": "completed", "end_time": NOW, "output": "done", "usage": {"totalTokens": 3}}
    store.append(decode.trace_created(body, MISSING)[1])
    trace = tree(store)["trace"]
    assert (trace["status"], trace["output"], trace["usage"]) == ("completed", {"result": "done"}, {"total_tokens": 3})
    assert trace["end_ns"] == trace["start_ns"]


@pytest.mark.parametrize("name", ["endTime", "end_time"])
def test_either_spelling_ends_a_trace(store: Store, name: str) -> None:
    store.append(decode.trace_created({"agent_id": "bot", "id": "t-1"}, MISSING)[1])
    store.append(decode.trace_updated(TRACE, {"status": "completed", name: "2026-01-31T12:00:01Z"}))
    trace = tree(store)["trace"]
    assert (trace["status"], trace["end_ns"] - trace["start_ns"]) == ("completed", 10**9)


def test_the_error_of_a_trace_comes_out_of_its_metadata(store: Store) -> None:
    store.append(decode.trace_created({"agent_id": "bot", "id": "t-1"}, MISSING)[1])
    metadata = {"agentId": "bot", "error": "boom", "cancelled": True, "k": 1}
    store.append(decode.trace_updated(TRACE, {"status": "error", "metadata": metadata}))
    trace = tree(store)["trace"]
    assert (trace["status"], trace["error"], trace["metadata"]) == ("cancelled", "boom", {"k": 1})


def test_an_end_without_its_own_times_ends_when_it_was_sent(store: Store) -> None:
    """0.1.1 sends the time of the end as its start."""
    store.append([created(start(id="o-1"))])
    end = start(event_name="tool:success", parent_event_id="o-1", status="completed", output={"n": 1},
                start_time="2026-01-31T12:00:02Z")  # fmt: skip
    store.append([created(end)])
    (operation,) = store.operations("t-1")
    assert (operation.id, operation.status, operation.output) == ("o-1", "completed", {"n": 1})
    assert operation.end_ns is not None
    assert operation.end_ns - operation.start_ns == 2 * 10**9
    assert operation.metadata == {"k": 1}


def test_an_end_may_come_before_its_start(store: Store) -> None:
    end = start(event_name="tool:error", parent_event_id="o-1", status="error", status_message="no")
    store.append([created(end)])
    (operation,) = store.operations("t-1")
    assert (operation.name, operation.status, operation.error) == ("search", "error", "no")


def test_an_event_of_an_unknown_trace_makes_one_that_its_create_fills_in(store: Store) -> None:
    store.append([created(start())])
    (trace,) = store.traces(Filter())
    assert (trace.id, trace.agent_id, trace.name, trace.status) == ("t-1", "bot", "search", "running")
    store.append(decode.trace_created({"agent_id": "real", "id": "t-1", "userId": "u"}, MISSING)[1])
    (trace,) = store.traces(Filter())
    assert (trace.name, trace.user_id, trace.operations) == ("real", "u", 1)


def test_errors_of_memories_go_by_their_short_name_too(store: Store) -> None:
    body = start(id="o-1", event_type="memory", event_name="memory:read_start")
    store.append([created(body)])
    store.append(
        [created({**body, "id": "x", "event_name": "memory:error", "parent_event_id": "o-1", "status": "error"})]
    )
    (operation,) = store.operations("t-1")
    assert (operation.operation, operation.status) == ("read", "error")


def test_a_custom_event_is_a_moment_whatever_its_parent_is(store: Store) -> None:
    body = start(id="e-1", event_type="custom", event_name="payment:success", parent_event_id="o-1", level="DEBUG",
                 metadata={"usage": {"a": 1}})  # fmt: skip
    store.append([created(body)])
    (operation,) = store.operations("t-1")
    assert (operation.name, operation.kind, operation.parent_id) == ("payment:success", "custom", "o-1")
    assert (operation.status, operation.end_ns, operation.level) == ("completed", None, "DEBUG")
    assert operation.metadata == {"usage": {"a": 1}}


@pytest.mark.parametrize("kind", ["llm", *EXTENDED])
def test_an_event_of_a_known_kind_that_has_ended_is_an_operation_with_model_and_usage(store: Store, kind: str) -> None:
    usage = {"promptTokens": 3, "completionTokens": 4, "totalTokens": 7}
    body = start(id="e-1", event_type=kind, event_name="mine", parent_event_id="o-1", status="completed", level="DEBUG",
                 end_time="2026-01-01T00:00:05Z", input={"a": 1}, output={"b": 2},
                 metadata={"usage": usage, "modelParameters": {"model": "m-1"}, "mine": True})  # fmt: skip
    store.append([created(body)])
    (operation,) = store.operations("t-1")
    assert (operation.name, operation.kind, operation.parent_id) == ("mine", kind, "o-1")
    assert (operation.status, operation.model, operation.tokens, operation.level) == ("completed", "m-1", 7, "DEBUG")
    assert (operation.input, operation.output, operation.metadata["mine"]) == ({"a": 1}, {"b": 2}, True)
    assert "usage" not in operation.metadata
    assert operation.end_ns is not None


def test_an_update_of_an_operation_changes_what_it_names(store: Store) -> None:
    store.append([created(start(id="o-1", input={"q": 1}))])
    body = {"output": [1], "metadata": {"agentId": "bot", "more": 2, "usage": {"promptTokens": 4}}, "tags": ["x"]}
    store.append(decode.event_updated(TOOL, body))
    (operation,) = store.operations("t-1")
    assert (operation.input, operation.output, operation.tags) == ({"q": 1}, {"result": [1]}, ("x",))
    assert (operation.metadata, operation.usage) == ({"k": 1, "more": 2}, {"prompt_tokens": 4})
    assert decode.event_updated(TOOL, {}) == []


# Mistakes.


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "agent_id is missing"),
        ({"agent_id": 5}, "agent_id must be a string, got a number"),
        ({"agent_id": "a", "metadata": []}, "metadata must be an object, got a list"),
        ({"agent_id": "a", "tags": ["x", 1]}, "tags must be a list of strings"),
        ({"agent_id": "a", "startTime": "yesterday"}, "start_time must be a time in ISO 8601"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        decode.trace_created(body, MISSING)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"history_id": None}, "history_id is missing"),
        ({"event_name": ""}, "event_name is missing"),
        ({"event_name": "tool:success", "status": "great"}, "status must be one of"),
    ],
)
def test_a_wrong_field_of_an_event_is_named(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        decode.event_created(start(**changed), MISSING)


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ("id", "agent_id", "startTime", "end_time", "status", "input", "output", "usage", "metadata", "tags", "level",
           "status_message", "parent_event_id", "version")  # fmt: skip
_NAMES = ("tool:start", "agent:start", "agent:success", "memory:write_error", "own")


@patient
@given(some.dictionaries(some.sampled_from(_FIELDS), _JSON, max_size=5), some.sampled_from(_NAMES))
def test_any_json_is_events_or_a_mistake(fields: dict[str, Any], name: str) -> None:
    for make in (
        lambda: decode.trace_created({"agent_id": "a", **fields}, MISSING)[1],
        lambda: decode.trace_updated(TRACE, fields),
        lambda: decode.event_created(start(event_name=name, **fields), MISSING)[1],
        lambda: decode.event_updated(TOOL, fields),
    ):
        try:
            events = make()
        except ValidationError:
            continue
        assert all(isinstance(phase, Phase) for phase, _, _ in events)
