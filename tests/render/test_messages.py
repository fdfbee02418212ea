"""Messages are recognised in whichever way a provider writes them, as the viewer's page recognises them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.browser.messages import ANSWERS, CONVERSATIONS, NONE
from voltagent.render.messages import Conversation, conversation_of


def read(value: Any) -> Conversation:
    conversation = conversation_of(value)
    assert conversation is not None
    return conversation


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_read_in_every_form(name: str) -> None:
    messages = read(CONVERSATIONS[name]).messages
    sides = [one.side for one in messages]
    assert sides[:2] == (["system", "user"] if "system" in sides else ["user", "assistant"])
    if "system" in sides:
        assert messages[0].parts[0].text == "You are a weather service."
    assert "What is the weather in Rome?" in [part.text for one in messages for part in one.parts]
    (call,) = [part for one in messages for part in one.parts if part.type == "call"]
    assert (call.name, call.value) == ("weather", {"city": "Rome"})
    assert call.result is not None
    assert call.result.value == "sunny, 24 degrees"
    assert not [part for one in messages for part in one.parts if part.type == "result"]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read(name: str) -> None:
    (message,) = read(ANSWERS[name]).messages
    assert (message.side, [part.text for part in message.parts]) == ("assistant", ["Sunny."])


@pytest.mark.parametrize("value", NONE, ids=repr)
def test_what_is_not_a_conversation_is_left_alone(value: Any) -> None:
    assert conversation_of(value) is None


def test_media_is_a_type_and_a_size_without_its_content() -> None:
    picture = "data:image/png;base64," + base64.b64encode(b"x" * 8192).decode()
    content = [
        {"type": "image_url", "image_url": {"url": picture}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
    ]
    parts = read([{"role": "user", "content": content}]).messages[0].parts
    assert [(part.type, part.mime, part.size, part.url, part.name) for part in parts] == [
        ("media", "image/png", 8192, None, None),
        ("media", "audio/wav", 3, None, None),
        ("media", "image/*", None, "https://example.org/a.png", None),
        ("media", "application/pdf", 3, None, "a.pdf"),
    ]


def test_reasoning_and_failed_results_are_marked() -> None:
    messages = read(
        [
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "x", "is_error": True, "content": "no"}],
            },
        ]
    ).messages
    assert [part.type for part in messages[0].parts] == ["reasoning", "text"]
    assert (messages[1].parts[0].type, messages[1].parts[0].failed) == ("result", True)


_SEALED: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "", "signature": "EqQB"},
    {"type": "redacted_thinking", "data": "EmwK"},
    {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    {"type": "reasoning", "data": "EmwK"},
    {"reasoningContent": {"redactedContent": "QUJD"}},
]


@pytest.mark.parametrize("block", _SEALED, ids=json.dumps)
def test_of_encrypted_reasoning_words_say_so(block: dict[str, Any]) -> None:
    (part,) = read([{"role": "assistant", "content": [block]}]).messages[0].parts
    assert (part.type, part.text) == ("reasoning", "(encrypted or left out by the provider)")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s"}},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
    ],
    ids=json.dumps,
)
def test_reasoning_is_found_behind_what_is_empty_and_inside_objects(block: dict[str, Any]) -> None:
    (part,) = read([{"role": "assistant", "content": [block]}]).messages[0].parts
    assert (part.type, part.text) == ("reasoning", "hm")


_NAMES = (
    "role content type text parts tool_calls function id messages lc kwargs data choices candidates message system "
    "input source audio name functionCall config"
).split()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "text", "tool"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_no_value_breaks_the_reader(value: Any) -> None:
    conversation_of(value)
    conversation_of(json.dumps(value))
