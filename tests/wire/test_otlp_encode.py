"""OTLP trace messages: golden files by profile, and our bytes against the official library's.

``python -m tests.wire.test_otlp_encode`` writes the golden files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings, strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OfficialSpan

from tests.helpers.internals import recorder_of, span_of
from tests.helpers.rich_trace import rich_events, spans
from tests.helpers.sink import recording
from voltagent.core import trace_ids as ids
from voltagent.core.clock import id_text
from voltagent.core.span import Remote, SpanEvent
from voltagent.exporters.otlp_spans import Late, OpenSpans
from voltagent.handles import open_trace
from voltagent.wire.otlp import protobuf
from voltagent.wire.otlp.attributes import WORDS
from voltagent.wire.otlp.encode import ENCODINGS, OtlpMessage, resource_message, trimmed
from voltagent.wire.otlp.profiles import PROFILES, plans

GOLDEN = Path(__file__).parent / "golden"
CHOICES = [("voltops",), ("genai",), ("openinference",), ("langfuse",), ("voltops", "openinference")]
RESOURCE = resource_message({"service.name": "shop", "environment": "test"})
SCOPE = {"name": "voltagent"}
JSON, PROTOBUF = ENCODINGS["http/json"], ENCODINGS["http/protobuf"]


def attributes(message: OtlpMessage) -> dict[str, Any]:
    """Attribute -> value; a list as a list, numbers in JSON's text form."""
    found = {}
    for attribute in message["attributes"]:
        assert attribute["key"] not in found, "each attribute once"
        (value,) = attribute["value"].values()
        found[attribute["key"]] = [v["stringValue"] for v in value["values"]] if isinstance(value, dict) else value
    return found


def as_request(messages: list[OtlpMessage]) -> Any:
    return json.loads(JSON.request([JSON.span(message) for message in messages], RESOURCE, SCOPE))


def official(request: Any) -> ExportTraceServiceRequest:
    """The official message of a JSON request; its library wants ids in base64 where OTLP has hex."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: _base64(v) if k in ("traceId", "spanId", "parentSpanId") else walk(v) for k, v in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return json_format.ParseDict(walk(request), ExportTraceServiceRequest())


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


# Golden files.


@pytest.mark.parametrize("profiles", CHOICES, ids="+".join)
def test_a_rich_trace_is_reported_as_the_golden_file_has_it(profiles: tuple[str, ...]) -> None:
    expected = json.loads((GOLDEN / f"{'+'.join(profiles)}.json").read_text(encoding="utf-8"))
    assert as_request(spans(rich_events(), *profiles)) == expected


def write_golden_files() -> None:
    for profiles in CHOICES:
        text = json.dumps(as_request(spans(rich_events(), *profiles)), indent=1, ensure_ascii=False) + "\n"
        (GOLDEN / f"{'+'.join(profiles)}.json").write_text(text, encoding="utf-8")


# Both encodings, officially.


@pytest.mark.parametrize("profiles", CHOICES, ids="+".join)
def test_protobuf_is_byte_for_byte_what_the_official_library_makes_of_our_json(profiles: tuple[str, ...]) -> None:
    messages = spans(rich_events(), *profiles)
    ours = PROTOBUF.request([PROTOBUF.span(message) for message in messages], RESOURCE, SCOPE)
    theirs = official(as_request(messages))
    assert ExportTraceServiceRequest.FromString(ours) == theirs
    assert ours == theirs.SerializeToString(deterministic=True)
    read = theirs.resource_spans[0].scope_spans[0].spans
    assert len(read) == len(messages) == 11
    assert {len(span.trace_id) for span in read} == {16}
    assert {len(span.span_id) for span in read} == {8}


def test_an_empty_request_is_legal_in_both() -> None:
    assert official(json.loads(JSON.request([], RESOURCE, SCOPE))) == ExportTraceServiceRequest.FromString(
        PROTOBUF.request([], RESOURCE, SCOPE)
    )


TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.fixed_dictionaries({"stringValue": TEXT})
    | st.fixed_dictionaries({"boolValue": st.booleans()})
    | st.fixed_dictionaries({"intValue": st.integers(-(2**63), 2**63 - 1).map(str)})
    | st.fixed_dictionaries({"doubleValue": st.floats(allow_nan=False, allow_infinity=False)}),
    lambda inner: st.fixed_dictionaries({"arrayValue": st.fixed_dictionaries({"values": st.lists(inner, min_size=1)})}),
    max_leaves=5,
)
NAME = st.text(st.characters(codec="utf-8"), min_size=1)
ATTRIBUTES = st.lists(st.builds(lambda key, value: {"key": key, "value": value}, NAME, VALUES), max_size=4)
MOMENT = st.integers(1, 2**64 - 1).map(str)


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


MESSAGES = st.fixed_dictionaries(
    {"traceId": hexadecimal(32), "spanId": hexadecimal(16), "parentSpanId": hexadecimal(16), "name": NAME,
     "kind": st.sampled_from((1, 3)), "startTimeUnixNano": MOMENT, "endTimeUnixNano": MOMENT, "attributes": ATTRIBUTES,
     "events": st.lists(st.fixed_dictionaries(
         {"timeUnixNano": MOMENT, "name": NAME, "attributes": ATTRIBUTES}), max_size=2),
     "status": st.fixed_dictionaries({"message": NAME, "code": st.sampled_from((1, 2))}),
     "flags": st.integers(1, 2**32 - 1)},
)  # fmt: skip


def in_order(message: OtlpMessage) -> OtlpMessage:
    """Fields in the order of their numbers, as the encoder wants them."""
    message["events"] = [{name: event[name] for name in protobuf.EVENT} for event in message["events"]]
    message["status"] = {name: message["status"][name] for name in ("message", "code")}
    return {name: message[name] for name in protobuf.SPAN if name in message}


@settings(max_examples=150, deadline=None)
@given(MESSAGES.map(in_order))
def test_any_message_is_encoded_as_the_official_library_does(message: OtlpMessage) -> None:
    expected = official({"resourceSpans": [{"scopeSpans": [{"spans": [message]}]}]})
    span = expected.resource_spans[0].scope_spans[0].spans[0]
    ours = PROTOBUF.span(message)
    assert OfficialSpan.FromString(ours) == span
    assert ours == span.SerializeToString(deterministic=True)
    assert json.loads(JSON.span(message)) == message


@given(st.integers(-(2**63), 2**64 - 1))
def test_numbers_of_any_size_are_read_back(number: int) -> None:
    assert list(protobuf.fields_of(protobuf.varint(8) + protobuf.varint(number))) == [(1, number % 2**64)]


# Answers.


@given(st.integers(0, 2**63 - 1), TEXT)
def test_partial_success_is_read_in_both_encodings(count: int, message: str) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    answer.partial_success.error_message = message
    assert PROTOBUF.rejected(answer.SerializeToString()) == (count, message)
    assert JSON.rejected(json_format.MessageToJson(answer).encode()) == (count, message)
    snake = json_format.MessageToJson(answer, preserving_proto_field_name=True)
    assert JSON.rejected(snake.encode()) == (count, message)


@given(st.binary(max_size=60))
def test_any_answer_is_read_or_ignored(body: bytes) -> None:
    for encoding in (JSON, PROTOBUF):
        count, message = encoding.rejected(body)
        assert count >= 0
        assert isinstance(message, str)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b"{}", b'{"partialSuccess":null}', b'{"partialSuccess":7}', b"<html>", b"\xff" * 20,
     b'{"partialSuccess":{"rejectedSpans":-1}}', b'{"partialSuccess":{"rejectedSpans":"many","errorMessage":5}}',
     b'{"partialSuccess":{"rejectedSpans":true}}'],
)  # fmt: skip
def test_answers_that_say_nothing(body: bytes) -> None:
    assert JSON.rejected(body)[0] in (0, 1)
    assert JSON.rejected(body)[1] == ""
    assert PROTOBUF.rejected(body) == (0, "")


def test_a_small_number_of_rejected_spans_may_be_a_number_or_a_text() -> None:
    assert JSON.rejected(b'{"partialSuccess":{"rejectedSpans":3}}') == (3, "")
    assert JSON.rejected(b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"full"}}') == (3, "full")


# Ids.


@given(st.integers(0, 2**128 - 1))
def test_one_id_serves_both_wires(identifier: int) -> None:
    digits = id_text(identifier).replace("-", "")
    assert ids.trace_id(identifier) == ids.trace_id(id_text(identifier)) == digits
    assert ids.span_id(identifier) == ids.span_id(id_text(identifier).upper()) == digits[16:]
    assert not ids.is_hashed(identifier)


@given(st.text() | st.uuids(version=1).map(str))
def test_any_id_gives_legal_ones(identifier: str) -> None:
    trace, span = ids.trace_id(identifier), ids.span_id(identifier)
    assert len(trace) == 32
    assert len(span) == 16
    assert int(trace, 16) > 0
    assert int(span, 16) > 0
    assert (trace, span) == (ids.trace_id(identifier), ids.span_id(identifier))


def test_ids_that_are_no_random_uuids_are_hashed() -> None:
    assert ids.trace_id("order 17") == "0bcc920e3938c1b86e3483fc9888c6d6"
    assert ids.span_id("order 17") == "0bcc920e3938c1b8"
    first, second = "5b1a8f3e-c6c1-11f0-8de9-0242ac120002", "5b1a9190-c6c1-11f0-8de9-0242ac120002"
    assert ids.trace_id(first) == first.replace("-", "")
    assert ids.span_id(first) != ids.span_id(second), "ids of version 1 end with the machine's number"
    for zeros in ("0" * 32, "00000000-0000-0000-0000-000000000000"):
        assert ids.is_hashed(zeros)
        assert ids.trace_id(zeros) != "0" * 32
    assert ids.trace_id("0af7651916cd43dd8448eb211c80319c") == "0af7651916cd43dd8448eb211c80319c"


def test_an_id_that_was_hashed_is_kept_as_an_attribute() -> None:
    with recording() as (recorder, sink):
        with open_trace(recorder, {"agent_id": "a", "id": "order 17"}, {}) as trace:
            trace.add_event(name="e", type="custom", id="event 1")
    event, root = spans(sink.events, "genai")
    assert attributes(root)["voltagent.trace.id"] == "order 17"
    assert attributes(event)["voltagent.trace.id"] == "order 17"
    assert attributes(event)["voltagent.id"] == "event 1"
    assert event["parentSpanId"] == root["spanId"] == ids.span_id("order 17")


# Single questions.


def events_of(body: Any, **options: Any) -> list[SpanEvent]:
    with recording() as (recorder, sink):
        trace = open_trace(recorder, {"agent_id": "a", **options}, {})
        body(trace)
    return sink.events


def test_large_numbers_are_texts_and_no_value_is_bytes() -> None:
    usage = {"prompt_tokens": 2**53, "completion_tokens": 2**53 + 1, "total_tokens": 10**400, "cost": float("inf")}
    (root,) = spans(events_of(lambda trace: trace.end(usage=usage)), "voltops")
    found = {a["key"]: a["value"] for a in root["attributes"]}
    assert found["usage.prompt_tokens"] == {"intValue": str(2**53)}
    assert found["usage.completion_tokens"] == {"stringValue": str(2**53 + 1)}
    assert found["usage.total_tokens"] == {"stringValue": str(10**400)}
    assert found["usage.cost"] == {"stringValue": "Infinity"}
    assert OfficialSpan.FromString(PROTOBUF.span(root)).attributes
    assert b"bytesValue" not in JSON.span(root)


def test_half_a_surrogate_pair_is_replaced_in_names_and_values() -> None:
    (root,) = spans(events_of(lambda trace: trace.end(), user_id="u\ud800", tags=["\udfff"]), "openinference")
    assert attributes(root)["user.id"] == "u\ufffd"
    assert attributes(root)["tag.tags"] == ["\ufffd"]
    assert json.loads(JSON.span(root))["name"] == OfficialSpan.FromString(PROTOBUF.span(root)).name


def test_a_usage_with_objects_in_it_is_reported_without_them() -> None:
    (root,) = spans(events_of(lambda trace: trace.end(usage={"mine": object(), "x": "\ud800"})), "genai")
    assert json.loads(attributes(root)["voltagent.usage.other"]) == {"mine": "object", "x": "\ufffd"}


def test_clocks_that_went_back_and_odd_times_give_legal_moments() -> None:
    def body(trace: Any) -> None:
        trace.add_event(name="e", type="c", start_time="1960-01-01T00:00:00Z", end_time="2262-01-01T00:00:00Z")
        span_of(trace).start_ns += 10**12
        trace.end()

    event, root = spans(events_of(body), "genai")
    assert event["startTimeUnixNano"] == "0"
    assert event["endTimeUnixNano"] == str(9_214_646_400 * 10**9)
    assert root["startTimeUnixNano"] == root["endTimeUnixNano"]


def test_under_a_remote_parent_a_trace_continues_that_trace() -> None:
    remote = Remote("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True, "a=1")

    def body(trace: Any) -> None:
        span_of(trace).trace.remote = remote
        trace.add_tool(name="t", input={}).success()
        trace.end()

    events = events_of(body)
    tool, root = spans(events, "genai")
    assert tool["traceId"] == root["traceId"] == remote.trace_id
    assert root["parentSpanId"] == remote.span_id
    assert root["flags"] == 0x301
    assert "flags" not in tool
    assert tool["parentSpanId"] == root["spanId"]
    assert tool["traceState"] == root["traceState"] == "a=1"
    assert attributes(root)["voltagent.trace.id"] == id_text(events[0][1].id)
    remote = remote._replace(random=True)
    assert spans(events_of(body), "genai")[1]["flags"] == 0x303


def test_a_custom_event_that_is_ended_later_gets_a_second_span_below_the_first() -> None:
    def body(trace: Any) -> None:
        event = trace.add_event(name="approval", type="agent", input={"q": 1})
        event.success(output={"granted": True})
        trace.end()

    first, second, _ = spans(events_of(body), "voltops")
    assert first["startTimeUnixNano"] == first["endTimeUnixNano"] == second["startTimeUnixNano"]
    assert second["endTimeUnixNano"] > second["startTimeUnixNano"]
    assert second["parentSpanId"] == first["spanId"] != second["spanId"]
    assert first["name"] == second["name"] == "approval", "its own type may be called as ours are"
    assert "output" not in attributes(first)
    assert attributes(second)["output"] == '{"granted":true}'


def test_a_custom_event_says_what_it_was_given() -> None:
    def body(trace: Any) -> None:
        tool = trace.add_tool(name="t", input={})
        trace.add_event(
            name="e",
            type="audit",
            parent_event_id=tool.id,
            status="error",
            status_message={"message": "no", "code": 7},
            level="WARNING",
            output={"o": 1},
            version="3",
            tags=["x"],
        )
        trace.add_event(name="f", type="audit", status="running", status_message="at it")

    events = events_of(body)
    failed, running = spans(events, "genai")
    found = attributes(failed)
    assert failed["parentSpanId"] == ids.span_id(events[1][1].id)
    assert failed["status"] == {"message": "no", "code": 2}
    assert found["voltagent.event.type"] == "audit"
    assert found["voltagent.level"] == "WARNING"
    assert found["voltagent.output"] == '{"o":1}'
    assert found["voltagent.version"] == "3"
    assert found["voltagent.tags"] == ["x"]
    assert found["voltagent.error.code"] == "7"
    assert "status" not in running
    assert attributes(running)["voltagent.status_message"] == "at it"


def test_updates_are_reported_by_the_end() -> None:
    def body(trace: Any) -> None:
        trace.update(metadata={"a": 1, "b": 1}, user_id="u1", tags=["t2"], usage={"prompt_tokens": 5})
        trace.update(metadata={"b": 2}, user_id="u2", level="DEBUG", version="9", input={"i": 2})
        tool = trace.add_tool(name="t", input={})
        tool.update(output={"o": 1}, metadata={"c": 3})
        tool.success(metadata={"c": 4})
        trace.record(tags=["t3"], metadata={"d": 1})
        trace.end()

    tool, root = (attributes(m) for m in spans(events_of(body, tags=["t1"], metadata={"a": 0}), "openinference"))
    assert json.loads(root["metadata"]) == {"a": 1, "b": 2, "d": 1}
    assert root["user.id"] == tool["user.id"] == "u2"
    assert root["tag.tags"] == ["t2", "t3"]
    assert root["input.value"] == '{"i":2}'
    assert root["llm.token_count.prompt"] == "5"
    assert (root["voltagent.level"], root["voltagent.version"]) == ("DEBUG", "9")
    assert tool["output.value"] == '{"o":1}'
    assert json.loads(tool["metadata"]) == {"c": 4}


def test_an_update_after_the_end_was_sent_is_late_and_one_before_is_not() -> None:
    def end_and_update(trace: Any) -> None:
        trace.end()
        recorder_of(trace).update(span_of(trace), {"level": "DEBUG"})

    events = events_of(end_and_update)
    assert [phase.value for phase, _, _ in events] == ["start", "end", "update"]
    open_spans = OpenSpans(("genai",))
    for event in events[:2]:
        open_spans.message(event)
    open_spans.message(events[2])  # nothing was sent yet: a retry will carry it
    open_spans.sent(events[1])
    with pytest.raises(Late):
        open_spans.message(events[2])


def test_a_retry_says_the_same_and_a_forgotten_trace_leaves_nothing() -> None:
    events = rich_events()
    open_spans = OpenSpans(("genai",))
    first = [open_spans.message(event) for event in events]
    ends = [number for number, (phase, _, _) in enumerate(events) if phase.value == "end"]
    assert [open_spans.message(events[n]) for n in ends] == [first[n] for n in ends]
    assert open_spans.memory(events[0][1].trace.id) is not None
    open_spans.forget(events[0][1].trace.id)
    assert open_spans.memory(events[0][1].trace.id) is None


def test_usage_is_counted_once_by_those_who_add_up_and_shown_whole_to_those_who_do_not() -> None:
    agents = {profile: spans(rich_events(), profile) for profile in PROFILES}
    for profile, name in (
        ("genai", "gen_ai.usage.input_tokens"),
        ("openinference", "llm.token_count.prompt"),
        ("langfuse", "langfuse.observation.usage_details"),
        ("openinference", "llm.cost.total"),
        ("genai", "voltagent.usage.cost"),
    ):
        assert sum(name in attributes(message) for message in agents[profile]) == 1, (profile, name)
    assert sum("usage.prompt_tokens" in attributes(message) for message in agents["voltops"]) == 2
    alone = events_of(lambda trace: trace.end(usage={"input_tokens": 3, "totalCost": 0.5}))
    assert attributes(spans(alone, "genai")[0])["gen_ai.usage.input_tokens"] == "3"
    assert attributes(spans(alone, "openinference")[0])["llm.cost.total"] == 0.5


PAYLOADS = ("Päckchen", "Morgen.", "Parcels take 2 days.", "Köln", "Be brief.", "written after")


@pytest.mark.parametrize("profiles", CHOICES, ids="+".join)
def test_no_payload_is_carried_more_often_than_its_profiles_name_it(profiles: tuple[str, ...]) -> None:
    for message in spans(rich_events(), *profiles):
        found = attributes(message)
        for payload in PAYLOADS:
            carriers = [name for name, value in found.items() if payload in str(value)]
            allowed = len(profiles) + any(name.startswith("retrieval.documents.") for name in found)
            assert len(carriers) <= allowed, carriers
            own = [name for name in carriers if name.startswith("voltagent.")]
            assert not own or carriers == own, "our own name is the last resort"


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_recorded_is_lost_in_any_profile(profile: str) -> None:
    text = json.dumps([attributes(message) for message in spans(rich_events(), profile)], ensure_ascii=False)
    for fact in (*PAYLOADS, "u-1", "c-9", "vip", "queue", "2026.11", "gpt-4", "DEBUG", "audio_seconds", "file is gone",
                 "404", "lookup", "0.0125", "read", "custom", "pg", "call_1"):  # fmt: skip
        assert fact in text, fact


def test_the_words_of_all_profiles_exist() -> None:
    for choice in CHOICES:
        for plan in plans(choice).values():
            names = [name for name, _ in plan.words]
            assert len(names) == len(set(names))
            assert not set(names) & set(plan.constants)
            assert all(word in WORDS.values() for _, word in plan.words)


def test_a_span_that_is_too_large_says_how_large_it_was() -> None:
    events = events_of(lambda trace: trace.end(output={"o": "ä" * 5000}), input={"i": "short"})
    (root,) = spans(events, "genai")
    small = attributes(trimmed(root))
    assert json.loads(small["gen_ai.output.messages"])["truncated"] is True
    assert json.loads(small["gen_ai.output.messages"])["size"] > 5_000
    assert small["gen_ai.input.messages"] == attributes(root)["gen_ai.input.messages"]


@pytest.mark.parametrize(
    ("output", "documents", "rest"),
    [
        ({"result": ["a", {"id": 1}]}, '[{"content":"a"},{"id":1}]', None),
        ({"hits": [1], "total": 9}, "[1]", '{"hits":[1],"total":9}'),
        ({"result": "none"}, None, '{"result":"none"}'),
        ({"result": []}, None, '{"result":[]}'),
        (None, None, None),
    ],
)
def test_documents_of_a_search(output: Any, documents: str | None, rest: str | None) -> None:
    events = events_of(lambda trace: trace.add_retriever(name="r", input={"k": 1}).success(output=output))
    (search,) = (attributes(message) for message in spans(events, "genai"))
    assert search.get("gen_ai.retrieval.documents") == documents
    assert search.get("voltagent.output") == rest
    assert "gen_ai.retrieval.query.text" not in search


def test_an_exception_becomes_an_event_with_its_stack() -> None:
    from voltagent.capture.exceptions.formatting import format_event

    def body(trace: Any) -> None:
        with pytest.raises(KeyError), trace.add_tool(name="t", input={}):
            raise KeyError("missing") from OSError("disk")

    events = events_of(body)
    for event in events:
        format_event(event)
    (tool,) = spans(events, "genai")
    (event,) = tool["events"]
    found = attributes(event)
    assert found["exception.type"] == attributes(tool)["error.type"] == "KeyError"
    assert "disk" in found["exception.stacktrace"]
    assert json.loads(attributes(tool)["voltagent.error"])["cause"]["message"] == "disk"
    assert tool["status"]["code"] == 2


def test_floats_keep_their_bits() -> None:
    (root,) = spans(events_of(lambda trace: trace.end(usage={"cost": 0.1 + 0.2})), "voltops")
    value = next(a.value for a in OfficialSpan.FromString(PROTOBUF.span(root)).attributes if a.key == "usage.cost")
    assert struct.pack("<d", value.double_value) == struct.pack("<d", 0.1 + 0.2)


if __name__ == "__main__":
    write_golden_files()
