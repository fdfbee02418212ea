"""The models and helpers of `voltagent.types`: what they take, what they keep, and what they do not give away."""

from __future__ import annotations

import copy
import json
import pickle
import string
from typing import Any

import pydantic
import pytest
from hypothesis import given, strategies as st

import voltagent.errors
from voltagent import types
from voltagent.types import (
    AgentSuccessOptions,
    ErrorOptions,
    EventLevel,
    EventStatus,
    History,
    TimelineEvent,
    TokenUsage,
    TraceOptions,
    TraceStatus,
    UpdateHistoryRequest,
    VoltAgentConfig,
    convert_metadata_to_camel_case,
    snake_to_camel,
)

SECRET = "sk_live_1f0c5d7e9a"
EXPORTED = [getattr(types, name) for name in types.__all__]
MODELS = list(
    dict.fromkeys(each for each in EXPORTED if isinstance(each, type) and issubclass(each, pydantic.BaseModel))
)


def config(**more: Any) -> VoltAgentConfig:
    return VoltAgentConfig(**{"base_url": "https://x", "public_key": "pk", "secret_key": SECRET, **more})


@pytest.mark.parametrize(
    ("snake", "camel"),
    [("prompt_tokens", "promptTokens"), ("model", "model"), ("alreadyCamel", "alreadyCamel"), ("a_b_c", "aBC"),
     ("user_ID", "userId"), ("_private", "Private"), ("trailing_", "trailing"), ("", "")],
)  # fmt: skip
def test_snake_to_camel(snake: str, camel: str) -> None:
    assert snake_to_camel(snake) == camel


@given(st.text(alphabet=string.ascii_lowercase + "_", max_size=30))
def test_camel_case_has_no_underscore_and_stays_camel_case(text: str) -> None:
    once = snake_to_camel(text)
    assert "_" not in once
    assert snake_to_camel(once) == once


def test_metadata_keys_change_through_nested_dicts_and_nothing_else_does() -> None:
    metadata = {"vector_store": {"index_name": "snake_value"}, "top_k": [{"kept_key": 1}], 7: {"in_here": None}}
    before = copy.deepcopy(metadata)
    assert convert_metadata_to_camel_case(metadata) == {  # type: ignore[arg-type]
        "vectorStore": {"indexName": "snake_value"}, "topK": [{"kept_key": 1}], 7: {"inHere": None},
    }  # fmt: skip
    assert metadata == before
    assert convert_metadata_to_camel_case(None) is None
    assert convert_metadata_to_camel_case({}) == {}


def test_enums_are_their_texts() -> None:
    assert [EventStatus("cancelled"), EventLevel("WARNING"), TraceStatus("working")] == [
        "cancelled",
        "WARNING",
        "working",
    ]
    assert json.dumps([EventStatus.RUNNING, EventLevel.DEBUG, TraceStatus.ERROR]) == '["running", "DEBUG", "error"]'


@pytest.mark.parametrize("model", MODELS)
def test_every_model_keeps_what_it_does_not_know(model: type[pydantic.BaseModel]) -> None:
    required = {
        field.alias or name: "text"
        for name, field in model.model_fields.items()
        if field.is_required() and name not in {"event", "status"}
    }
    if "event" in model.model_fields:
        required["event"] = {"name": "n", "type": "t"}  # type: ignore[assignment]
    if model is types.Event:
        required["status"] = "running"
    made = model(**required, added_later={"by": "the server"})
    assert made.added_later == {"by": "the server"}  # type: ignore[attr-defined]
    assert made.model_dump()["added_later"] == {"by": "the server"}


def test_trace_options_take_both_spellings() -> None:
    snake = TraceOptions(agent_id="a", user_id="u", conversation_id="c", start_time="s", completion_start_time="f")
    camel = TraceOptions(agentId="a", userId="u", conversationId="c", startTime="s", completionStartTime="f")  # type: ignore[call-arg]
    assert snake == camel
    assert (snake.agentId, snake.userId, snake.conversationId) == ("a", "u", "c")
    with pytest.raises(pydantic.ValidationError, match="agent_id"):
        TraceOptions()  # type: ignore[call-arg]


def test_values_are_read_as_in_the_older_package() -> None:
    assert TimelineEvent(name="n", type="t").status is EventStatus.RUNNING
    assert AgentSuccessOptions(usage={"prompt_tokens": "3", "cached": 1}).usage == TokenUsage(prompt_tokens=3, cached=1)  # type: ignore[arg-type, call-arg]
    assert History(id="1", agent_id="a", status="error").status is TraceStatus.ERROR  # type: ignore[arg-type]
    exc = ValueError("x")
    assert ErrorOptions(status_message=exc).status_message is exc
    for wrong in ({"output": "text"}, {"status": "done"}, {"level": "info"}, {"tags": "one"}, {"id": 5}):
        with pytest.raises(pydantic.ValidationError, match=next(iter(wrong))):
            UpdateHistoryRequest(**{"id": "1", **wrong})


def test_exceptions_are_the_ones_of_the_library() -> None:
    for name in ("APIError", "TimeoutError", "ValidationError", "VoltAgentError"):
        assert getattr(types, name) is getattr(voltagent.errors, name)
    error = types.APIError("no", status_code=404, response_data={"message": "no"})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.status_code, again.response_data) == ("no", 404, {"message": "no"})


class TestConfig:
    def test_deerrors(self) -> None:
        made = config()
        assert (made.timeout, made.headers, made.auto_flush, made.flush_interval) == (30, None, True, 5)
        assert (made.max_retries, made.retry_delay) == (3, 1.0)

    @pytest.mark.parametrize(
        ("given", "read"), [(5.0, 5), ("7", 7), (True, 1), (0.25, 0.25), ("0.5", 0.5)]
    )  # what 0.1.1 takes gives an int as there; fractions are taken too, as by VoltAgentSDK
    def test_flush_interval(self, given: Any, read: float) -> None:
        assert config(flush_interval=given).flush_interval == read
        assert type(config(flush_interval=given).flush_interval) is type(read)

    @pytest.mark.parametrize(
        "wrong",
        [{"flush_interval": "often"}, {"flush_interval": float("nan")}, {"flush_interval": float("inf")},
         {"timeout": "x"}, {"max_retries": 1.5}, {"base_url": None}, {"headers": {"a": 1}}, {"auto_flush": "perhaps"}],
    )  # fmt: skip
    def test_wrong_values_are_refused_by_name(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(pydantic.ValidationError, match=next(iter(wrong))):
            config(**wrong)

    def test_the_secret_reads_as_text(self) -> None:
        secret = config().secret_key
        assert isinstance(secret, str)
        assert secret == SECRET
        assert f"{secret}" == str(secret) == SECRET
        assert {"x-secret-key": secret}["x-secret-key"].encode() == SECRET.encode()

    def test_the_secret_is_in_no_repr_dump_or_pickle(self) -> None:
        plain = VoltAgentConfig.model_construct(base_url="b", public_key="p", secret_key=SECRET)
        changed = config(secret_key="another")
        changed.secret_key = SECRET
        for made in (config(), plain, changed, config().model_copy(update={"secret_key": SECRET})):
            shown = [repr(made), str(made), repr([made]), f"{made}", str(made.model_dump()), made.model_dump_json()]
            shown += [json.dumps(made.model_dump(mode="json")), repr(list(made.__rich_repr__()))]
            shown += [repr(pickle.dumps(made, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
            assert not [text for text in shown if SECRET in text]
            assert repr(made).count("[redacted]") == 1
        assert SECRET not in repr(vars(config())) + repr(config().secret_key) + repr(pickle.dumps(config().secret_key))

    def test_copies_keep_the_secret(self) -> None:
        made = config(headers={"a": "b"})
        for copied in (copy.copy(made), copy.deepcopy(made), made.model_copy(), made.model_copy(deep=True)):
            assert copied == made
            assert copied.secret_key == SECRET
        assert copy.copy(made.secret_key) == copy.deepcopy([made.secret_key])[0] == SECRET

    def test_a_dump_read_back_says_that_the_key_is_missing(self) -> None:
        with pytest.raises(pydantic.ValidationError, match="dumps do not contain the secret key"):
            VoltAgentConfig(**config().model_dump())
        loaded = pickle.loads(pickle.dumps(config(timeout=7, more=1)))
        assert (loaded.timeout, loaded.more, loaded.secret_key) == (7, 1, "[redacted]")

    @pytest.mark.parametrize(
        "wrong",
        [{"base_url": None}, {"secret_key": [SECRET]}, {"secret_key": SECRET.encode() + b"\xff"}, {"timeout": SECRET}],
    )
    def test_errors_show_no_input(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(pydantic.ValidationError) as caught:
            config(**wrong)
        with pytest.raises(pydantic.ValidationError) as missing:
            VoltAgentConfig(secret_key=SECRET)  # type: ignore[call-arg]
        for error in (caught.value, missing.value):
            assert SECRET not in str(error) + repr(error) + repr(error.errors()) + error.json()
            assert error.__context__ is None
        assert [line["loc"] for line in missing.value.errors()] == [("base_url",), ("public_key",)]
        assert {line["type"] for line in missing.value.errors()} == {"missing"}


def test_no_version_of_pydantic_warns_of_a_field() -> None:
    """Before 2.10, one that begins with `model_` is warned of, which costs a program with `-W error` the import."""
    models = [one for one in vars(types).values() if isinstance(one, type) and issubclass(one, pydantic.BaseModel)]
    named = [one for one in models if any(name.startswith("model_") for name in one.model_fields)]
    assert named
    assert all(one.model_config.get("protected_namespaces") == () for one in named)
