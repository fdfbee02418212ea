"""OTLP read back: what our own profiles say of a run is that run again, and strangers' spans make sense."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as some
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic_core import from_json

from tests.helpers.rich_trace import rich_events, spans
from tests.helpers.sink import recording
from tests.helpers.trees import Tree, differences, tree
from voltagent.core import trace_ids as ids
from voltagent.core.span import SpanEvent
from voltagent.handles import open_trace
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp import decode, protobuf, protobuf_decode
from voltagent.wire.otlp.encode import ENCODINGS, OtlpMessage, resource_message

# a busy machine may take its time
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT, CHILD, GRANDCHILD = "b7ad6b7169203331", "00f067aa0ba902b7", "53995c3f42cd8ad8"
OURS = "0af76519-16cd-43dd-8448-eb211c80319c"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "traces.db")


def sent(messages: Sequence[OtlpMessage], encoding: str = "http/json", service: str = "voltagent") -> Any:
    """The request that messages make, as the server reads it."""
    form = ENCODINGS[encoding]
    resource = resource_message({"service.name": service})
    body = form.request([form.span(message) for message in messages], resource, {"name": "voltagent"})
    return from_json(body) if encoding == "http/json" else protobuf_decode.trace_request(body)


def put(store: Store, *requests: Any) -> None:
    for request in requests:
        read = decode.events_of(request)
        assert not read.rejected, read.problem
        assert store.append(read.events) == {}


def recorded(tmp_path: Path, events: list[SpanEvent]) -> Tree:
    store = Store(tmp_path / "recorded.db")
    store.append(events)
    return tree(store)


# Our own.

TOKENS = {"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235}
# What a profile cannot say: docs/viewer.md has the same list in words.
USAGE = {
    "voltops": {**TOKENS, "cached_tokens": 100, "reasoning_tokens": 20, "cost": 0.0125, "input_cost": 0.01,
                "output_cost": 0.0025, "audio_seconds": 3},
    "genai": {**TOKENS, "cached_tokens": 100, "reasoning_tokens": 20, "cost": 0.0125, "audio_seconds": 3},
    "openinference": {**TOKENS, "cached_tokens": 100, "reasoning_tokens": 20, "input_cost": 0.01,
                      "output_cost": 0.0025, "cost": 0.0125, "audio_seconds": 3},
    "langfuse": {**TOKENS, "cached_tokens": 100, "reasoning_tokens": 20, "input_cost": 0.01, "output_cost": 0.0025,
                 "cost": 0.0125, "audio_seconds": 3},
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["http/json", "http/protobuf"])
@pytest.mark.parametrize("profile", list(USAGE))
def test_a_run_is_the_same_run_again_but_for_what_the_profile_cannot_say(
    tmp_path: Path, store: Store, profile: str, encoding: str
) -> None:
    events = rich_events()
    put(store, sent(spans(events, profile), encoding))
    lost = differences(recorded(tmp_path, events), tree(store))
    assert lost.pop("Support Agent.usage")[1] == USAGE[profile]
    lost.pop("support-v1.usage")  # its own, which also other profiles do not send if the agents have it
    written, read = lost.pop("dictionary.error")
    assert {name: value for name, value in written.items() if name != "name"} == read, "all but the class's full name"
    if profile == "genai":
        found, read = (pair["result"] for pair in lost.pop("kb-search.output"))
        assert read == [found[0], {"content": found[1]}], "documents that are texts beside others"
    assert lost == {}


def test_profiles_together_say_what_each_says(tmp_path: Path, store: Store) -> None:
    events = rich_events()
    put(store, sent(spans(events, "voltops", "openinference", "langfuse")))
    lost = differences(recorded(tmp_path, events), tree(store))
    assert set(lost) == {"support-v1.usage", "Support Agent.usage", "dictionary.error"}


def test_requests_may_come_twice_and_in_any_order_and_children_before_their_parents(
    tmp_path: Path, store: Store
) -> None:
    messages = spans(rich_events(), "voltops")
    put(store, *(sent([message]) for message in messages), *(sent([message]) for message in messages))
    other = Store(tmp_path / "other.db")
    put(other, *(sent([message]) for message in reversed(messages)))
    whole = Store(tmp_path / "whole.db")
    put(whole, sent(messages))
    assert tree(store) == tree(whole)
    assert tree(other) == tree(whole)


@pytest.mark.parametrize("together", [True, False], ids=["in one request", "in two requests"])
@pytest.mark.parametrize("identifier", [None, "my own id"])
def test_a_custom_event_that_was_ended_later_is_one_event(store: Store, together: bool, identifier: str | None) -> None:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "bot"}, {})
        tool = trace.add_tool(name="t")
        given = {} if identifier is None else {"id": identifier}
        event = tool.add_event(name="job", type="custom", input={"n": 1}, **given)
        event.success(output={"done": True})
        tool.success()
        trace.end()
    messages = spans(sink.events, "voltops")
    put(store, *([sent(messages)] if together else [sent([message]) for message in messages]))
    events = [one for one in store.operations(trace.id) if one.kind == "custom"]
    assert [(one.name, one.status, one.output) for one in events] == [("job", "completed", {"done": True})]
    assert events[0].parent_id == ids.span_id(tool.id)


def test_a_trace_that_continues_another_process_keeps_its_own_id(tmp_path: Path, store: Store) -> None:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "bot", "parent": f"00-{TRACE}-{ROOT}-01"}, {})
        trace.add_tool(name="t").success()
        trace.end()
    put(store, sent(spans(sink.events, "genai"), "http/protobuf"))
    assert differences(recorded(tmp_path, sink.events), tree(store)) == {}
    assert store.traces(Filter())[0].parent_trace_id == OURS


# Strangers.


def span(
    identifier: str, parent: str | None, name: str, about: dict[str, Any] | None = None, **more: Any
) -> OtlpMessage:
    return {
        "traceId": TRACE,
        "spanId": identifier,
        **({} if parent is None else {"parentSpanId": parent}),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": "1900000000000000000",
        "endTimeUnixNano": "1900000001000000000",
        "attributes": [{"key": key, "value": _value(value)} for key, value in (about or {}).items()],
        **more,
    }


def _value(value: Any) -> OtlpMessage:
    kinds = {str: "stringValue", bool: "boolValue", float: "doubleValue"}
    return {"intValue": str(value)} if type(value) is int else {kinds[type(value)]: value}


def test_a_program_that_knows_nothing_of_agents(store: Store) -> None:
    put(
        store,
        sent(
            [
                span(CHILD, ROOT, "SELECT items", {"db.system": "postgresql", "db.rows": 3}),
                span(ROOT, None, "GET /cart", {"http.route": "/cart"}, status={"code": 2, "message": "too slow"}),
            ],
            service="shop",
        ),
    )
    found = tree(store)
    trace = found["trace"]
    assert (trace["id"], trace["name"], trace["agent_id"]) == (OURS, "GET /cart", "GET /cart")
    assert (trace["status"], trace["error"]) == ("error", "too slow")
    assert trace["metadata"] == {"service_name": "shop", "http.route": "/cart"}
    operation = found[CHILD]
    assert (operation["kind"], operation["name"], operation["parent_id"]) == ("span", "SELECT items", None)
    assert operation["metadata"] == {"db.system": "postgresql", "db.rows": 3}
    assert (operation["start_ns"], operation["end_ns"]) == (1900000000000000000, 1900000001000000000)
    assert operation["status"] == "completed"


def test_a_trace_is_named_after_its_first_operation_until_its_first_span_is_there(store: Store) -> None:
    put(store, sent([span(GRANDCHILD, CHILD, "inner", flags=0x100)], service="shop"))
    (trace,) = store.traces(Filter())
    assert (trace.id, trace.agent_id, trace.name, trace.status) == (OURS, "shop", "inner", "running"), (
        "its parent comes"
    )
    put(store, sent([span(CHILD, ROOT, "outer")], service="shop"), sent([span(ROOT, None, "GET /")], service="shop"))
    found = tree(store)
    assert (found["trace"]["name"], found["trace"]["status"]) == ("GET /", "completed")
    assert found[GRANDCHILD]["parent_id"] == CHILD


def test_a_trace_under_a_remote_parent_is_complete_when_its_own_spans_have_ended(store: Store) -> None:
    put(store, sent([span(GRANDCHILD, CHILD, "inner", flags=0x100)]))
    assert store.traces(Filter())[0].status == "running"
    late = {"startTimeUnixNano": "1899999999000000000", "endTimeUnixNano": "1900000002000000000", "flags": 0x301}
    put(store, sent([span(CHILD, ROOT, "serve", **late)]))
    (trace,) = store.traces(Filter())
    assert (trace.name, trace.status, trace.foreign) == ("serve", "completed", True)
    assert (trace.start_ns, trace.end_ns) == (1_899_999_999 * 10**9, 1_900_000_002 * 10**9)
    put(store, sent([span("f" * 16, ROOT, "again", flags=0x301, status={"code": 2})]))
    assert [(one.name, one.status) for one in store.traces(Filter())] == [("serve", "error")]


@pytest.mark.parametrize("flags", [{}, {"flags": 0x300}, {"flags": 1}])
def test_where_nothing_says_that_a_parent_comes_the_trace_is_complete(store: Store, flags: dict[str, int]) -> None:
    put(store, sent([span(CHILD, ROOT, "work", **flags)]))
    (trace,) = store.traces(Filter())
    assert (trace.name, trace.status, trace.foreign) == ("work", "completed", True)
    put(store, sent([span(ROOT, None, "GET /")]))
    (trace,) = store.traces(Filter())
    assert (trace.name, trace.status, trace.foreign) == ("GET /", "completed", False)


def test_the_environment_of_the_resource_is_that_of_the_trace(store: Store) -> None:
    request = sent([span(ROOT, None, "GET /")])
    resource = request["resourceSpans"][0]["resource"]["attributes"]
    resource.append({"key": "deployment.environment.name", "value": {"stringValue": "prod"}})
    put(store, request)
    assert [one.environment for one in store.traces(Filter(environment="prod"))] == ["prod"]


def test_an_agent_that_is_the_first_span_is_a_trace_and_an_agent_in_it(store: Store) -> None:
    put(
        store,
        sent(
            [
                span(
                    CHILD, ROOT, "chat gpt-4",
                    {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4", "gen_ai.system": "openai",
                     "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5, "gen_ai.response.id": "r-1"},
                ),
                span(
                    ROOT, None, "invoke_agent Helper",
                    {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Helper", "user.id": "u-1",
                     "gen_ai.conversation.id": "c-1"},
                ),
            ]
        ),
    )  # fmt: skip
    found = tree(store)
    assert (found["trace"]["name"], found["trace"]["user_id"], found["trace"]["conversation_id"]) == (
        "Helper", "u-1", "c-1",
    )  # fmt: skip
    assert (found[ROOT]["kind"], found[ROOT]["name"], found[ROOT]["parent_id"]) == ("agent", "Helper", None)
    model = found[CHILD]
    assert (model["kind"], model["name"], model["parent_id"], model["agent_id"]) == (
        "llm", "chat gpt-4", ROOT, "Helper",
    )  # fmt: skip
    assert model["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert model["metadata"] == {
        "model_parameters": {"model": "gpt-4", "provider": "openai"},
        "response_id": "r-1",
    }


def test_openinference_of_another_library(store: Store) -> None:
    put(
        store,
        sent(
            [
                span(ROOT, None, "chain", {"openinference.span.kind": "CHAIN", "input.value": "hello",
                                           "input.mime_type": "text/plain"}),
                span(CHILD, ROOT, "search", {"openinference.span.kind": "RETRIEVER",
                                             "retrieval.documents.0.document.content": "a",
                                             "retrieval.documents.0.document.score": 0.5,
                                             "retrieval.documents.1.document.content": "b"}),
                span(GRANDCHILD, ROOT, "ChatOpenAI", {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4",
                                                      "llm.token_count.total": 9,
                                                      "llm.input_messages.0.message.content": "hi"}),
            ]
        ),
    )  # fmt: skip
    found = tree(store)
    assert found["trace"]["input"] == {"result": "hello"}
    assert found[CHILD]["output"] == {"result": [{"content": "a", "score": 0.5}, {"content": "b"}]}
    assert found[GRANDCHILD]["input"] == {"messages": [{"content": "hi"}]}
    assert found[GRANDCHILD]["usage"] == {"total_tokens": 9}


def test_an_object_that_is_a_value_keeps_its_keys(store: Store) -> None:
    numbered = {"kvlistValue": {"values": [{"key": "2024", "value": {"intValue": "5"}}]}}
    one = span(ROOT, None, "ChatOpenAI", {"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "x"})
    one["attributes"] += [
        {"key": "llm.input_messages.0.message.content", "value": numbered},
        {"key": "llm.input_messages.1.message.content", "value": {"kvlistValue": {"values": []}}},
    ]
    put(store, sent([one]))
    ((text,),) = store.rows("SELECT input FROM operations UNION SELECT input FROM traces WHERE input IS NOT NULL")
    assert json.loads(text) == {"messages": [{"role": "x", "content": {"2024": 5}}, {"content": {}}]}


def test_the_platforms_own_framework(store: Store) -> None:
    common = {
        "entity.id": "writer",
        "entity.type": "agent",
        "entity.name": "Writer",
        "user.id": "u",
        "operation.id": "o",
    }
    put(
        store,
        sent(
            [
                span(CHILD, ROOT, "tool.execution:search", {**common, "span.type": "tool", "tool.name": "search",
                                                            "input": '{"q":1}', "tool.parameters": "{}"}, kind=3),
                span(GRANDCHILD, ROOT, "llm:generateText", {**common, "span.type": "llm", "llm.model": "gpt-4",
                                                            "llm.usage.prompt_tokens": 3,
                                                            "llm.usage.completion_tokens": 4, "llm.stream": False}),
                span(ROOT, None, "Writer", {**common, "agent.state": "completed", "input": "hello", "output": "bye",
                                            "usage.total_tokens": 7, "ai.model.name": "gpt-4"}),
            ]
        ),
    )  # fmt: skip
    found = tree(store)
    trace, search, model = found["trace"], found[CHILD], found[GRANDCHILD]
    assert (trace["name"], trace["agent_id"], trace["user_id"]) == ("Writer", "writer", "u")
    assert (trace["input"], trace["output"], trace["usage"]) == (
        {"result": "hello"}, {"result": "bye"}, {"total_tokens": 7},
    )  # fmt: skip
    assert (search["kind"], search["name"], search["input"]) == ("tool", "search", {"q": 1})
    assert (model["kind"], model["name"]) == ("llm", "llm:generateText")
    assert model["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert model["metadata"] == {"model_parameters": {"model": "gpt-4"}, "stream": False}
    assert {operation["agent_id"] for operation in (search, model)} == {"writer"}


def test_numbers_that_json_lacks_are_texts(store: Store) -> None:
    put(store, sent([span(ROOT, None, "x", {"input.value": '{"a": NaN, "b": -Infinity, "c": 1.10}'})]))
    ((text,),) = store.rows("SELECT input FROM traces")
    assert json.loads(text, parse_constant=pytest.fail) == {"a": "NaN", "b": "-Infinity", "c": 1.1}


def test_a_count_that_no_number_holds_costs_nothing_else(store: Store) -> None:
    details = '{"input":%s,"output":1.5,"reasoning":2}' % ("9" * 400)
    counts = {"langfuse.observation.type": "agent", "langfuse.observation.usage_details": details}
    put(store, sent([span(ROOT, None, "Bot", counts), span(CHILD, ROOT, "look")]))
    (trace,) = store.traces(Filter())
    assert trace.operations == 2
    assert trace.usage == {"completion_tokens": 1.5, "reasoning_tokens": 2}


def test_an_exception_is_its_type_message_and_stack(store: Store) -> None:
    event = span("", None, "exception", {"exception.type": "ValueError", "exception.message": "bad",
                                         "exception.stacktrace": "Traceback…"})  # fmt: skip
    other = {"timeUnixNano": "1900000000000000000", "name": "retry", "attributes": []}
    put(store, sent([span(ROOT, None, "x", status={"code": 2}, events=[other, event_of(event)])]))
    trace = tree(store)["trace"]
    assert trace["error"] == {"message": "bad", "type": "ValueError", "stack": "Traceback…"}
    assert trace["metadata"]["events"] == [
        {"name": "retry", "time": "2030-03-17T17:46:40.000000+00:00", "attributes": {}}
    ]


def event_of(message: OtlpMessage) -> OtlpMessage:
    return {"timeUnixNano": "1900000000000000000", "name": message["name"], "attributes": message["attributes"]}


def test_every_kind_of_value_arrives_in_both_encodings(store: Store) -> None:
    """The bytes are the official library's."""
    request = ExportTraceServiceRequest()
    one = request.resource_spans.add().scope_spans.add().spans.add()
    one.trace_id, one.span_id, one.name = bytes.fromhex(TRACE), bytes.fromhex(ROOT), "x"
    one.start_time_unix_nano = one.end_time_unix_nano = 1900000000000000000
    values = {
        name: one.attributes.add(key=name).value for name in ("text", "flag", "int", "float", "raw", "list", "map")
    }
    values["text"].string_value = "ä📦"
    values["flag"].bool_value = True
    values["int"].int_value = -5
    values["float"].double_value = 0.5
    values["raw"].bytes_value = b"\0\xff"
    values["list"].array_value.values.add().int_value = 2**40
    values["map"].kvlist_value.values.add(key="inner").value.string_value = "deep"
    one.links.add(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(CHILD))
    one.dropped_attributes_count = 3  # not in our tables
    put(store, protobuf_decode.trace_request(request.SerializeToString()))
    assert tree(store)["trace"]["metadata"] == {
        "text": "ä📦", "flag": True, "int": -5, "float": 0.5, "raw": "AP8=", "list": [2**40], "map": {"inner": "deep"},
        "links": [{"traceId": TRACE, "spanId": CHILD}],
    }  # fmt: skip


# Hostile.


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"traceId": "00"}, "traceId must be 32 hex digits"),
        ({"traceId": "0" * 32}, "not all of them zero"),
        ({"spanId": 5}, "spanId must be 16 hex digits"),
        ({"parentSpanId": "xyz"}, "parentSpanId must be 16 hex digits"),
        ({"status": 7}, "status must be an object"),
    ],
)
def test_a_span_that_is_none_is_rejected_alone(changed: OtlpMessage, problem: str) -> None:
    read = decode.events_of(sent([span(ROOT, None, "good")]))
    message = {**span(CHILD, ROOT, "bad"), **changed}
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [span(ROOT, None, "good"), message]}]}]}
    both = decode.events_of(request)
    assert (len(both.events), both.rejected) == (len(read.events), 1)
    assert problem in both.problem


@pytest.mark.parametrize(
    "request_", [None, [], {"resourceSpans": {}}, {"resourceSpans": [1]}, {"resourceSpans": ["x"]}]
)
def test_a_request_that_is_none_is_an_error(request_: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        decode.events_of(request_)


VALID = protobuf.delimited(
    1, protobuf.delimited(2, protobuf.delimited(2, ENCODINGS["http/protobuf"].span(span(ROOT, None, "x", {"a": 1}))))
)


@patient
@given(some.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(content: bytes) -> None:
    _read_or_refused(content)


@patient
@given(some.integers(0, len(VALID) - 1), some.binary(min_size=1, max_size=4), some.integers(0, 3))
def test_a_spoilt_request_is_a_message_or_an_error(place: int, patch: bytes, cut: int) -> None:
    _read_or_refused(VALID[:place] + patch + VALID[place + cut :])


def _read_or_refused(content: bytes) -> None:
    try:
        message = protobuf_decode.trace_request(content)
        read = decode.events_of(message)
    except ValueError:
        return
    assert json.dumps(message)
    assert read.rejected >= 0


def test_a_message_that_nests_for_ever_is_refused() -> None:
    value = b""
    for _ in range(5_000):
        value = protobuf.delimited(5, protobuf.delimited(1, value))
    attribute = protobuf.delimited(1, b"a") + protobuf.delimited(2, value)
    request = protobuf.delimited(1, protobuf.delimited(2, protobuf.delimited(2, protobuf.delimited(9, attribute))))
    with pytest.raises(ValueError, match="nests deeper than 100"):
        protobuf_decode.trace_request(request)


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
           "events", "links", "status", "flags")  # fmt: skip
_WORDS = ("gen_ai.usage.input_tokens", "gen_ai.input.messages", "input.value", "metadata", "tag.tags", "error.type",
          "voltagent.id", "voltagent.trace.id", "voltagent.event.type", "langfuse.observation.usage_details",
          "gen_ai.retrieval.documents", "gen_ai.system_instructions", "retrieval.documents.0.document.id",
          "usage.prompt_tokens", "usage.completion_tokens", "span.type", "voltagent.metadata")  # fmt: skip


@patient
@given(
    some.dictionaries(some.sampled_from(_FIELDS), _JSON, max_size=4),
    some.dictionaries(some.sampled_from(_WORDS), _JSON, max_size=6),
)
def test_any_json_is_stored_or_refused(fields: dict[str, Any], about: dict[str, Any]) -> None:
    attributes = [{"key": key, "value": _any(value)} for key, value in about.items()]
    message = {**span(ROOT, None, "x"), "attributes": attributes, **fields}
    read = decode.events_of({"resourceSpans": [{"scopeSpans": [{"spans": [message]}]}]})
    for _, one, _ in read.events:
        assert isinstance(one.name, str)
        for payload in (one.input, one.output, one.metadata):
            assert payload is None or isinstance(from_json(payload), dict)


def _any(value: Any) -> OtlpMessage:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _any(item)} for key, item in value.items()]}}
    return {} if value is None else _value(value)
