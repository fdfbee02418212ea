"""Secrets that are split over events whose text a stream passes on, as servers send it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_core import to_json

from tests.helpers.pace import hold
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.found import Found

redactor = Redactor()
TOKEN = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
TEXTS = ["The key", " is ", "ghp_a1B2", "c3D4e5F6", "g7H8i9J0", "k1L2m3N4o5P6q7R8", " and", " more"]


def _openai(text: str) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}}], "usage": None}


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def _events(texts: list[str]) -> str:
    first = ": ping\n\n" + f"data: {json.dumps({'choices': [{'delta': {'role': 'assistant'}}]})}\n\n"
    return first + "".join(f"data: {json.dumps(_openai(one))}\n\n" for one in texts) + "data: [DONE]\n\n"


FORMS: dict[str, Callable[[list[str]], list[str]]] = {
    "events": lambda texts: [f"data: {json.dumps({'delta': one})}\n\n" for one in texts],
    "events with names": lambda texts: [
        f"event: delta\r\ndata: {json.dumps({'type': 'x', 'delta': {'text': one}})}\r\n\r\n" for one in texts
    ],
    "events without spaces": lambda texts: [
        f"data:{json.dumps({'delta': one}, separators=(',', ':'))}\n\n" for one in texts
    ],
    "events of a chat": lambda texts: _events(texts).splitlines(keepends=True),
    "lines of events": lambda texts: _events(texts).splitlines(),
    "events with the lines between them": lambda texts: ["", *_events(texts).splitlines()],
    "several events at once": lambda texts: _cut(_events(texts), 400),
    "what a network passes on": lambda texts: _cut(_events(texts), 37),
    "characters": lambda texts: list(_events(texts)),
    "one chunk": lambda texts: [_events(texts), "\n"],
    "one chunk alone": lambda texts: [_events(texts)],
    "JSON lines": lambda texts: [json.dumps({"delta": one}) + "\n" for one in texts],
    "JSON lines without ends": lambda texts: [
        json.dumps({"message": {"content": one}, "done": False}) for one in texts
    ],
    "numbered strings": lambda texts: [f"0:{json.dumps(one)}\n" for one in texts],
    "numbered strings between other events": lambda texts: [
        'f:{"messageId":"m1"}\n',
        *(f"0:{json.dumps(one)}\n" for one in texts),
        'd:{"finishReason":"stop"}\n',
    ],
    "numbered strings as a network passes them on": lambda texts: _cut(
        "".join(f"0:{json.dumps(x)}\n" for x in texts), 23
    ),
    "compact JSON lines": lambda texts: [to_json({"delta": one}).decode() + "\n" for one in texts],
}


def _read_texts(recorded: list[str]) -> str:
    """What the events say together."""
    joint = "" if any("\n" in one for one in recorded) else "\n"
    found: list[str] = []
    for line in joint.join(recorded).splitlines():
        text = line.removeprefix("data:").strip()
        if text.startswith("0:"):
            found.append(json.loads(text[2:]))
        if text.startswith("{"):
            event = json.loads(text)
            delta = event["choices"][0]["delta"] if "choices" in event else event.get("delta", event.get("message"))
            found.append(delta if isinstance(delta, str) else delta.get("text", delta.get("content", "")))
    return "".join(found)


@pytest.mark.parametrize("name", FORMS)
def test_a_secret_split_over_events_is_found(name: str) -> None:
    chunks = FORMS[name](TEXTS)
    recorded = json.loads(redactor.apply(to_json({"result": chunks}), "output"))["result"]
    assert len(recorded) == len(chunks)
    assert _read_texts(recorded) == "The key is [redacted] and more"


def test_a_secret_split_over_the_events_of_a_whole_text_is_found() -> None:
    for text in (_events(TEXTS), "".join(f"0:{json.dumps(one)}\n" for one in TEXTS)):
        recorded = json.loads(redactor.apply(to_json({"result": text}), "output"))["result"]
        assert _read_texts([recorded]) == "The key is [redacted] and more"


@pytest.mark.parametrize("name", FORMS)
def test_a_redacted_argument_split_over_events_is_found(name: str) -> None:
    found = Found()
    redactor.apply(to_json({"password": "four tulips of Zk"}), "input", found)
    chunks = FORMS[name](["You sent ", "four tu", "lips of", " Zk", ", which is wrong"])
    recorded = json.loads(redactor.apply(to_json({"result": chunks}), "output", found))["result"]
    assert _read_texts(recorded) == "You sent [redacted], which is wrong"
    assert found.count == 2


@pytest.mark.parametrize("name", FORMS)
def test_events_without_a_secret_stay_as_they_are(name: str) -> None:
    text = to_json({"result": FORMS[name](["The key", " to it is pati", "ence, ", 'named "he"', " 1.0"])})
    assert redactor.apply(text, "output") is text


@pytest.mark.parametrize("name", ["events", "what a network passes on", "JSON lines without ends"])
def test_a_secret_over_any_two_of_very_many_events_is_found(name: str) -> None:
    words = ["word "] * 2500
    for place in (1, 1919, 1920, 2047, 2048, 2499):
        texts = [*words[:place], "ghp_a1B2c3D4e5F6g7", "H8i9J0k1L2m3N4o5P6q7R8 ", *words[place:]]
        recorded = json.loads(redactor.apply(to_json({"result": FORMS[name](texts)}), "output"))["result"]
        assert _read_texts(recorded).count("[redacted] ") == 1
        assert _read_texts(recorded).count("word ") == 2500


def test_many_secrets_that_are_split_over_many_events_take_time_in_proportion() -> None:
    few, many = (
        to_json({"result": FORMS["events"](["ghp_a1B2", "a1B2a1B2a1B2a1B2 "] * count)}) for count in (250, 2000)
    )
    growth = min(_seconds(many) / _seconds(few) for _ in range(4))
    hold(growth, 16, "8 times the events, as a multiple,")


def _seconds(text: bytes) -> float:
    started = time.thread_time()
    assert b"ghp_" not in redactor.apply(text, "output")
    return time.thread_time() - started


@pytest.mark.parametrize(
    "chunks",
    [
        ["data: {", '"delta": "ghp_a1B2c3D4"', "}\n", "data: {no JSON}\n"],
        ["data: {}\n", "data: []\n"],
        ['{"a": 1}'],
        ["", ""],
        ["data: " + "{" * 3000 + "}" * 3000 + "\n"] * 3,
    ],
)
def test_what_only_resembles_events_stays(chunks: list[str]) -> None:
    text = to_json({"result": chunks})
    assert redactor.apply(text, "output") is text


def test_events_that_end_without_one_of_the_strings_that_change_are_recorded() -> None:
    chunks = ['data: {"d": ""}\n\n', '0:{"d": ""}\n\n', '{"d": "token"}\n\n', '0:"token\\u0084c"\n']
    text = to_json({"result": chunks})
    assert json.loads(redactor.apply(text, "output")) == {"result": chunks}
