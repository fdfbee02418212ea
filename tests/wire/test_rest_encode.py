"""The REST history wire, byte by byte: what each event of a span becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from voltagent.core.span import (
    AGENT,
    CANCELLED,
    COMPLETED,
    ERROR,
    MEMORY,
    RETRIEVER,
    TOOL,
    TRACE,
    Phase,
    Span,
    TraceInfo,
)
from voltagent.wire.rest import encode

TRACE_ID = 0x11111111_2222_4333_8444_555555555555
TRACE_TEXT = "11111111-2222-4333-8444-555555555555"
NOON = 1_798_804_800_000_000_000  # 2027-01-01T12:00:00Z
NOON_TEXT = "2027-01-01T12:00:00.000000+00:00"
LATER_TEXT = "2027-01-01T12:00:01.500000+00:00"


def root(**fields: Any) -> Span:
    return with_fields(Span(trace(), None, TRACE, "support", None, identifier=TRACE_ID), fields)


def trace(**fields: Any) -> TraceInfo:
    made = TraceInfo(TRACE_ID, "support", None)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def span(kind: str = TOOL, name: str = "weather", parent: Span | None = None, **fields: Any) -> Span:
    parent = parent or root()
    return with_fields(Span(parent.trace, parent, kind, name, None, identifier=f"{name}-id"), fields)


def with_fields(made: Span, fields: dict[str, Any]) -> Span:
    made.start_ns = NOON
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def ended(made: Span, status: str = COMPLETED, **fields: Any) -> Span:
    return with_fields(made, {"status": status, "end_ns": NOON + 1_500_000_000, **fields})


def body(phase: Phase, made: Span, fields: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode.request((phase, made, fields)).body)
    return found


# Traces.


def test_a_trace_with_nothing_but_its_agent() -> None:
    assert encode.request((Phase.START, root(), None)) == (
        "POST",
        "/history",
        b'{"id":"%b","agent_id":"support","startTime":"%b","status":"working","metadata":{"agentId":"support"}}'
        % (TRACE_TEXT.encode(), NOON_TEXT.encode()),
    )


def test_a_trace_with_everything() -> None:
    about = trace(
        user_id="u",
        conversation_id="c",
        version="1",
        level="INFO",
        completion_start=LATER_TEXT,
        parent_trace_id="above",
    )
    made = with_fields(
        Span(about, None, TRACE, "support", b'{"snake_key": 1}', b'{"is_x":{"a_b":[{"c_d":1}]}}', identifier=TRACE_ID),
        {"tags": ("t", "ü")},
    )
    assert body(Phase.START, made) == {
        "id": TRACE_TEXT,
        "agent_id": "support",
        "userId": "u",
        "conversationId": "c",
        "startTime": NOON_TEXT,
        "completionStartTime": LATER_TEXT,
        "status": "working",
        "input": {"snake_key": 1},
        "tags": ["t", "ü"],
        "metadata": {"agentId": "support", "isX": {"aB": [{"c_d": 1}]}, "parentTraceId": "above"},
        "version": "1",
        "level": "INFO",
    }


def test_the_end_of_a_trace() -> None:
    made = ended(root(), output=b'{"o":1}', usage={"prompt_tokens": 1, "total_tokens": 3, "my_own": 2})
    assert encode.request((Phase.END, made, None)) == (
        "PATCH",
        f"/history/{TRACE_TEXT}",
        b'{"endTime":"%b","end_time":"%b","status":"completed","output":{"o":1},'
        b'"usage":{"promptTokens":1,"totalTokens":3,"myOwn":2}}' % (LATER_TEXT.encode(), LATER_TEXT.encode()),
    )


def test_a_trace_that_failed_and_one_that_was_cancelled() -> None:
    failed = ended(root(metadata=b'{"a_b":1}'), ERROR, error=b'{"message":"boom"}', more_metadata=(b'{"c_d":2}',))
    assert body(Phase.END, failed)["status"] == "error"
    assert body(Phase.END, failed)["metadata"] == {"agentId": "support", "aB": 1, "cD": 2, "error": {"message": "boom"}}
    cancelled = ended(root(), CANCELLED, more_metadata=(b'{"unfinished":true}',), more_tags=("late",), tags=("early",))
    assert body(Phase.END, cancelled)["status"] == "error"
    assert body(Phase.END, cancelled)["metadata"] == {"agentId": "support", "unfinished": True, "cancelled": True}
    assert body(Phase.END, cancelled)["tags"] == ["early", "late"]


# Operations.


def test_the_start_of_a_tool_is_sent_whole() -> None:
    assert encode.request((Phase.START, span(input=b'{"city": "Bern"}'), None)) == (
        "POST",
        "/history-events",
        b'{"id":"weather-id","history_id":"%b","event_type":"tool","event_name":"tool:start","start_time":"%b",'
        b'"end_time":null,"status":"running","status_message":null,"level":"INFO","version":null,'
        b'"parent_event_id":null,"tags":null,"metadata":{"displayName":"weather","id":"weather","agentId":"support"},'
        b'"input":{"city": "Bern"},"output":null}' % (TRACE_TEXT.encode(), NOON_TEXT.encode()),
    )


@pytest.mark.parametrize(
    ("kind", "operation", "names"),
    [
        (AGENT, None, ("agent:start", "agent:success", "agent:error")),
        (TOOL, None, ("tool:start", "tool:success", "tool:error")),
        (RETRIEVER, None, ("retriever:start", "retriever:success", "retriever:error")),
        (MEMORY, "write", ("memory:write_start", "memory:write_success", "memory:write_error")),
        (MEMORY, "read", ("memory:read_start", "memory:read_success", "memory:read_error")),
    ],
)
def test_event_names(kind: str, operation: str | None, names: tuple[str, str, str]) -> None:
    made = span(kind, operation=operation)
    assert body(Phase.START, made)["event_name"] == names[0]
    assert body(Phase.END, ended(made))["event_name"] == names[1]
    assert body(Phase.END, ended(made, ERROR))["event_name"] == names[2]
    assert body(Phase.END, ended(made, CANCELLED))["event_name"] == names[2]
    assert {body(phase, made)["event_type"] for phase in (Phase.START, Phase.END)} == {kind}


def test_an_agent_under_an_agent() -> None:
    outer = span(AGENT, "outer", facts={"instructions": "Help."}, metadata=b'{"model_parameters":{"max_tokens":5}}')
    inner = span(AGENT, "inner", outer)
    assert body(Phase.START, outer)["metadata"] == {
        "displayName": "outer",
        "id": "outer",
        "agentId": "support",
        "instructions": "Help.",
        "modelParameters": {"maxTokens": 5},
    }
    assert body(Phase.START, outer)["parent_event_id"] is None
    start = body(Phase.START, inner)
    assert (start["parent_event_id"], start["metadata"]["agentId"]) == ("outer-id", "outer")
    assert start["metadata"]["instructions"] is None, "as the older package sent it"
    assert start["input"] == {}


def test_success_is_a_child_of_its_start_and_adds_to_its_metadata() -> None:
    made = ended(
        span(AGENT, "a", metadata=b'{"x_y":1,"z":1}', input=b'{"q":1}'),
        output=b'{"result": [1,  2]}',
        usage={"prompt_tokens": 150},
        more_metadata=(b'{"z":2,"c_d":3}', b'{"z":3}'),
        more_tags=("t",),
    )
    found = body(Phase.END, made)
    assert found["parent_event_id"] == "a-id"
    assert found["id"] not in ("a-id", TRACE_TEXT)
    assert (found["start_time"], found["end_time"], found["status"]) == (NOON_TEXT, LATER_TEXT, "completed")
    assert found["metadata"] == {
        "displayName": "a", "id": "a", "agentId": "support", "instructions": None,
        "xY": 1, "z": 3, "cD": 3, "usage": {"promptTokens": 150},
    }  # fmt: skip
    assert (found["input"], found["output"], found["tags"]) == (None, {"result": [1, 2]}, ["t"])
    assert b'{"result": [1,  2]}' in encode.request((Phase.END, made, None)).body, "payloads are not written anew"
    assert body(Phase.END, ended(span()))["output"] == {}


@pytest.mark.parametrize("error", [b'"text"', b'{"message":"m","type":"T","stack":"s"}'])
def test_an_error(error: bytes) -> None:
    found = body(Phase.END, ended(span(), ERROR, error=error, more_metadata=(b'{"stage":"policy_check"}',)))
    assert (found["status"], found["level"], found["output"]) == ("error", "ERROR", None)
    assert found["status_message"] == json.loads(error)
    assert found["metadata"]["stage"] == "policy_check"


def test_a_cancelled_operation() -> None:
    found = body(Phase.END, ended(span(), CANCELLED))
    assert (found["event_name"], found["status"], found["level"]) == ("tool:error", "cancelled", "WARNING")


# Custom events, updates.


def test_a_custom_event() -> None:
    facts = {"status": "completed", "level": "DEBUG", "parent_event_id": "p", "output": b"{}", "version": "2",
             "end_time": LATER_TEXT, "start_time": "2027-01-01T12:00:00Z", "status_message": b'"fine"'}  # fmt: skip
    found = body(Phase.POINT, span("deploy", "x:y", facts=facts, input=b'{"a_b":1}', metadata=b'{"a_b":1}'))
    assert found == {
        "id": "x:y-id", "history_id": TRACE_TEXT, "event_type": "deploy", "event_name": "x:y",
        "start_time": "2027-01-01T12:00:00Z", "end_time": LATER_TEXT, "status": "completed", "status_message": "fine",
        "level": "DEBUG", "version": "2", "parent_event_id": "p", "tags": None, "metadata": {"aB": 1},
        "input": {"a_b": 1}, "output": {},
    }  # fmt: skip
    assert body(Phase.POINT, span("deploy", "x:y"))["status"] == "running", "the older package's default"
    assert body(Phase.END, ended(span("deploy", "x:y")))["event_name"] == "deploy:success"


def test_updates() -> None:
    fields = {"status": "working", "metadata": b'{"half_way":true}', "user_id": "u", "usage": b'{"total_tokens":1}'}
    request = encode.request((Phase.UPDATE, root(), fields))
    assert request[:2] == ("PATCH", f"/history/{TRACE_TEXT}")
    assert json.loads(request.body) == {
        "status": "working", "metadata": {"halfWay": True}, "userId": "u", "usage": {"totalTokens": 1}
    }  # fmt: skip
    assert body(Phase.UPDATE, root(), {"end_time": LATER_TEXT}) == {"endTime": LATER_TEXT, "end_time": LATER_TEXT}
    request = encode.request((Phase.UPDATE, span(), {"status_message": b'"m"', "level": "DEBUG", "user_id": "u"}))
    assert request == ("PATCH", "/history-events/weather-id", b'{"status_message":"m","level":"DEBUG"}')


# Ids.


def test_ids_the_server_chose_are_used_where_an_object_is_named() -> None:
    chosen = {TRACE_ID: "T", "outer-id": "O", "inner-id": "I"}
    outer = span(AGENT, "outer")
    inner = span(TOOL, "inner", outer)

    def ids(identifier: int | str) -> str:
        return chosen[identifier]

    start = json.loads(encode.request((Phase.START, inner, None), ids).body)
    assert (start["id"], start["history_id"], start["parent_event_id"]) == ("inner-id", "T", "O")
    end = json.loads(encode.request((Phase.END, ended(inner), None), ids).body)
    assert (end["history_id"], end["parent_event_id"]) == ("T", "I")
    assert encode.request((Phase.END, ended(root()), None), ids).path == "/history/T"
    assert encode.request((Phase.UPDATE, inner, {"level": "INFO"}), ids).path == "/history-events/I"


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        ("?x=1#y", "%3Fx%3D1%23y"),
        ("ü ", "%C3%BC%20"),
        ("%2F", "%252F"),
        ("a.b", "a.b"),
    ],
)
def test_an_id_is_one_segment_of_a_path(identifier: str, segment: str) -> None:
    assert encode.request((Phase.END, ended(root(id=identifier)), None)).path == f"/history/{segment}"


CHARACTERS = st.characters(exclude_categories=["Cs"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(CHARACTERS, max_size=8), JSON, max_size=4)


@given(
    OBJECTS,
    OBJECTS,
    OBJECTS,
    st.text(CHARACTERS),
    st.sampled_from([COMPLETED, ERROR, CANCELLED]),
)
def test_any_payload_gives_json_twice_the_same(
    given_input: dict[str, Any], output: dict[str, Any], metadata: dict[str, Any], name: str, status: str
) -> None:
    made = span(TOOL, name or "n", input=json.dumps(given_input).encode(), metadata=json.dumps(metadata).encode())
    start = encode.request((Phase.START, made, None))
    assert json.loads(start.body)["input"] == given_input
    ended(made, status, output=json.dumps(output).encode(), more_metadata=(json.dumps(metadata).encode(),))
    end = encode.request((Phase.END, made, None))
    assert json.loads(end.body)["output"] == output
    assert encode.request((Phase.START, made, None)) == start
    assert encode.request((Phase.END, made, None)) == end
