"""Values as text to read: line breaks, messages, media, and how much is shown."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from tests.browser.messages import CONVERSATIONS
from voltagent.render.reading import joined_pieces, readable

PICTURE = base64.b64encode(random.Random(1).randbytes(8192)).decode()


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("one\ntwo\r\nthree", ["one", "two", "three"]),
        ({"result": "one\ntwo"}, ["one", "two"]),
        ({"q": "short", "n": 7, "none": None, "flag": True}, ["q: short", "n: 7", "none: null", "flag: true"]),
        ({"text": "a\nb", "x": 1}, ["text:", "  a", "  b", "x: 1"]),
        ({"deep": {"code": "if x:\n\treturn"}}, ["deep:", "  code:", "    if x:", "        return"]),
        (["a", {"b": "c\nd"}], ["- a", "- b:", "    c", "    d"]),
        ({"city": {"type": "string"}, "tags": ["a"]}, ["city:", "  type: string", "tags:", "  - a"]),
        ({"message": "", "code": 7}, ['message: ""', "code: 7"]),
        ({}, ["{}"]),
        ([], ["[]"]),
        (None, ["null"]),
        ("\x1b[31mred\x07", ["\\x1b[31mred\\x07"]),
        (f"data:image/png;base64,{PICTURE}", ["<image/png 8 KB>"]),
        ({"file": PICTURE}, ["file: <base64 8 KB>"]),
        ("a" * 300, ["a" * 300]),
        ("word " * 80, ["word " * 80]),
    ],
)
def test_values_are_text_with_their_line_breaks(value: Any, lines: list[str]) -> None:
    assert readable(value) == lines


def test_messages_are_shown_by_role_with_calls_and_results() -> None:
    assert readable(CONVERSATIONS["OpenAI chat"]) == [
        "system:",
        "  You are a weather service.",
        "user:",
        "  What is the weather in Rome?",
        "assistant:",
        "  -> weather city: Rome",
        "  <- sunny, 24 degrees",
        "model: gpt",
    ]


def test_media_in_messages_is_type_and_size() -> None:
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}]
    assert readable([{"role": "user", "content": content}]) == ["user:", "  <image/png 8 KB>"]


def test_what_is_left_out_is_counted() -> None:
    text = "\n".join(map(str, range(100)))
    assert readable(text, 3) == ["0", "1", "2", "... 97 more lines"]
    assert len(readable(text, None)) == 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"result": ["You", " can", " return", " it", "."]}, "You can return it."),
        ({"result": ["Both ", "in\n", "voice"]}, "Both in\nvoice"),
        (["# A", "\n", "b"], "# A\nb"),
        ({"result": ["All", "about", "tools"]}, None),  # no spaces between them: words, perhaps, and no text
        ({"result": ["今天", "天气", "很好", "，", "出门", "吧", "。"]}, "今天天气很好，出门吧。"),  # noqa: RUF001
        ({"result": ["東京", "の", "デ", "ータ"]}, "東京のデータ"),
        ({"result": ["ส", "วั", "สดี", "ครับ"]}, None),  # each could be a word
        ({"result": ["สวัสด", "ีครับ"]}, "สวัสดีครับ"),  # no word begins with a vowel sign
        ({"result": ["北京", "上海"]}, None),
        ({"result": ["第一份文件。", "第二份文件。"]}, None),
        ({"result": [".env", ".git"]}, None),
        ({"result": ["One document. "]}, None),
        ({"result": ["a ", 1]}, None),
        ({"result": [" a", "b "]}, None),
        ({"result": ["a ", "b"], "return": 1}, None),
        ({"answer": ["a ", "b"]}, None),
        ({"result": {"truncated": True, "value": ["a ", "b"]}}, None),
        ("a ", None),
        (None, None),
    ],
)
def test_the_pieces_of_a_streamed_text_are_joined(value: Any, text: str | None) -> None:
    assert joined_pieces(value) == (value if text is None else {"result": text})


def test_numbers_in_a_list_are_one_line() -> None:
    assert readable({"embedding": [0.1, -2, 3e-05], "n": 1}) == ["embedding: [0.1, -2, 3e-05]", "n: 1"]
    assert readable([[1, 2], [3, 4]]) == ["- [1, 2]", "- [3, 4]"]
    assert readable([1, True]) == ["- 1", "- true"]
    assert readable({"embedding": list(range(20))}) == [
        "embedding:",
        "  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,",
        "   16, 17, 18, 19]",
    ]
