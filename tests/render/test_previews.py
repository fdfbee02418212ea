"""How an input begins: of a conversation, in whichever way a provider writes it, the last question of the user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.messages import ANSWERS, CONVERSATIONS, NONE, PARTS
from voltagent.render.messages import conversation_of
from voltagent.render.previews import beginning, json_preview, last_question, value_preview


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_question_is_found_in_every_form(name: str) -> None:
    question = "What is the weather in Rome?"
    assert last_question(CONVERSATIONS[name]) == question
    assert value_preview("llm", CONVERSATIONS[name]) == question
    assert json_preview(json.dumps(CONVERSATIONS[name]), 300) == question


@pytest.mark.parametrize("value", [*CONVERSATIONS.values(), *ANSWERS.values(), *PARTS.values(), *NONE])
def test_the_question_is_the_last_text_of_the_user_that_the_reading_view_shows(value: Any) -> None:
    found = conversation_of(value)
    spoken = [one for one in found.messages if one.side == "user"] if found is not None else []
    texts = ["\n".join(part.text for part in one.parts if part.type == "text") for one in spoken]
    media = [any(part.type == "media" for part in one.parts) for one in spoken]
    question = last_question(value)
    if not spoken:
        assert question is None
    elif texts[-1]:
        assert question is not None
        assert question.startswith(texts[-1])
    else:
        assert (question is not None) == any([*media, *texts])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}], "one"),
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two\nthree"}], "two\nthree"),
        ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}],
         "<audio/wav 3 B>"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                                       {"type": "text", "text": "What is this?"}]}],
         "What is this?\n<image/*> https://example.org/a.png"),
        ({"instructions": "Be brief.", "input": "Hello"}, "Hello"),
        ({"messages": [{"role": "system", "content": "Be brief."}]},
         'messages: [{"role":"system","content":"Be brief."}]'),
        ({"messages": [{"role": "user", "content": "one"}, {"cut": "3 more"}]},
         'messages: [{"role":"user","content":"one"},{"cut":"3 more"}]'),
        ({"prompt": "Hello"}, "Hello"),
        ({"prompt": ""}, ""),
        ({"method": "POST", "path": "/orders/7"}, "POST /orders/7"),
        ({"method": "POST", "path": 7}, "method: POST, path: 7"),
        ({"method": "POST", "path": "/", "host": "a"}, "method: POST, path: /, host: a"),
        ("Hello", "Hello"),
        ({"n": 1}, "n: 1"),
        ({"query": "Why?", "k": 2, "exact": True, "near": None}, "query: Why?, k: 2, exact: true, near: null"),
        ({"order": {"id": 7}, "tags": ["a"]}, 'order: {"id":7}, tags: ["a"]'),
        ({"say": 'a "b"\n\\c'}, 'a "b"\n\\c'),
        ([1, 2], "[1,2]"),
        ([{"a": "b", "n": 1}], '[{"a":"b","n":1}]'),
        ({}, None),
        (None, None),
    ],
    ids=repr,
)  # fmt: skip
def test_an_input_begins_with(value: Any, expected: str | None) -> None:
    assert value_preview("llm", value) == expected
    assert json_preview(json.dumps(value, separators=(",", ":")), 300) == expected


def test_the_inputs_of_tools_are_data() -> None:
    messages = {"messages": [{"role": "user", "content": "one"}]}
    assert value_preview("tool", messages) == 'messages: [{"role":"user","content":"one"}]'


def test_a_long_beginning_is_cut() -> None:
    assert value_preview("llm", [{"role": "user", "content": "x" * 200}]) == "x" * 120 + "…"
    assert value_preview("tool", {"a": 1, "text": "x" * 200}) == "a: 1, text: " + "x" * 104 + "…"
    assert json_preview('{"messages":[{"role":"user","content":"xxxx', 20) == 'messages: [{"role…'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,"text":"Hello the', "a: 1, text: Hello the…"),
        ('{"text":"Hello the', "Hello the…"),
        ('{"a":1,"text":"', "a: 1, text: …"),
        ('{"a":1,"te', "a: 1…"),
        ('{"a":1,"text":', "a: 1…"),
        ('{"a":"one","text"', "a: one…"),
        ('{"a":[1,2],', "a: [1,2]…"),
        ('{"a":1,"rows":[{"n":"x y', 'a: 1, rows: [{"n":"x y…'),
        ('{"a":1,"rows":[{"n":1}],"te', 'a: 1, rows: [{"n":1}]…'),
        ('{"a":1,"rows":[{"na', 'a: 1, rows: [{"na…'),
        ('{"a":1, "rows" : [{"na', "a: 1, rows: [{}]…"),
        ('{"a":1,"text":"one\\', "a: 1, text: one…"),
        ('{"a":1,"text":"one\\\\', "a: 1, text: one\\…"),
        ('{"a":1,"text":"one\\u00', "a: 1, text: one…"),
        ('{"a":1,"text":"say \\"no', 'a: 1, text: say "no…'),
        ('{"te', '{"te…'),
        ('{"a":', '{"a":…'),
        ('[1,2,"x', '[1,2,"x…'),
        ('"Hello', '"Hello…'),
        ('{"a":"\\ud83d', '{"a":"\\ud83d…'),
    ],
)
def test_a_beginning_that_was_cut_anywhere_is_read(text: str, expected: str) -> None:
    assert beginning(text, len(text) + 1) == expected


def truncated(value: Any) -> dict[str, Any]:
    return {"truncated": True, "type": type(value).__name__, "size": 5_400_000, "reason": "size", "value": value}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"t": truncated("lorem ipsum")}, "lorem ipsum…"),
        ({"n": 1, "t": truncated("lorem")}, "n: 1, t: lorem…"),
        ({"t": truncated("lorem"), "n": 1}, "t: lorem…, n: 1"),
        ({"rows": truncated(truncated([1, 2]))}, "rows: [1,2]"),
        (truncated({"a": 1, "b": "x"}), "a: 1, b: x"),
        ({"truncated": True, "value": 1}, "truncated: true, value: 1"),
    ],
)
def test_what_was_kept_of_a_truncated_value_is_shown(value: Any, expected: str) -> None:
    text = json.dumps(value, separators=(",", ":"))
    assert beginning(text, 300) == json_preview(text, 300) == value_preview("tool", value, 300) == expected


def test_what_was_kept_of_a_truncated_value_is_cut() -> None:
    whole = value_preview("tool", {"t": truncated("lorem " * 100)})
    fields = value_preview("tool", {"n": 1, "t": truncated("lorem " * 100)})
    assert whole is not None
    assert fields is not None
    assert whole.startswith("lorem lorem")
    assert fields.startswith("n: 1, t: lorem lorem")
    assert whole.count("…") == fields.count("…") == 1
    assert whole.endswith("…")
    assert fields.endswith("…")


def test_each_place_to_cut_is_read() -> None:
    value = {"user": "ada", "n": -1.5, "on": True, "q": 'é\n"\\', "in": {"a": [None, {}]}}
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for length in range(2, len(text)):
        shown = beginning(text[:length], length + 1)
        assert shown is not None
        assert shown.endswith("…")
        assert length < len('{"user":"') or not shown.startswith("{"), text[:length]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"user": "ada", "conversation": "c-1", "question": "Why?"}, "Why?"),
        ({"question": "Why?", "user": "ada", "k": 2}, "question: Why?, k: 2"),
        ({"user": "ada", "messages": [{"role": "user", "content": "one"}]}, "one"),
        ({"user": "ada"}, "ada"),
        ({"user": "ada", "name": "ada"}, "user: ada, name: ada"),
        ({"user": "adam", "q": "ada?"}, "user: adam, q: ada?"),
        ({"user": {"id": "ada"}, "q": "a"}, 'user: {"id":"ada"}, q: a'),
        (["ada"], '["ada"]'),
        ("ada", "ada"),
    ],
)
def test_what_stands_beside_it_is_left_out(value: Any, expected: str) -> None:
    assert json_preview(json.dumps(value, separators=(",", ":")), 300, ("ada", "c-1")) == expected


def test_what_is_searched_of_a_large_input_is_bounded() -> None:
    """Lists and trees show the inputs of many operations, and each of them may have a megabyte."""
    question = [{"role": "user", "content": "Why?"}]
    after = [{"role": "tool", "tool_call_id": "c", "content": "x"}]
    assert last_question({"messages": [*question, *(after * 499)]}) == "Why?"
    assert last_question({"messages": [*question, *(after * 500)]}) is None
    assert last_question({**{f"k{n}": {"a": 1} for n in range(400)}, "then": {"messages": question}}) == "Why?"
    rows = {f"k{n}": {"a": 1} for n in range(600)}
    assert last_question({**rows, "then": {"messages": question}}) is None
    assert last_question({**rows, "messages": question}) == "Why?", "the usual names come first"
    shown = value_preview("llm", {**rows, "then": {"messages": question}})
    assert shown is not None
    assert shown.startswith('k0: {"a":1}, ')
