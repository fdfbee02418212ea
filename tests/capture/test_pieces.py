"""Large JSON texts decoded and encoded in pieces: the same values, and no call that holds the interpreter for long."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pydantic_core import to_json

from tests.helpers.longest_steps import measured
from tests.helpers.pace import hold_processor
from voltagent.capture import long_text, pieces
from voltagent.core.text import replace_surrogates
from voltagent.processors.redaction import Redactor

M = 240_000
# fmt: off
LARGE: dict[str, Any] = {
    "ones": {"result": [1] * (M // 2)},
    "small dictionaries": {"result": [{"a": 1}] * (M // 8), "more": {"x": [1, 2]}},
    "strings": [["abc"] * (M // 6), "end"],
    "strings with marks": ['},{ "," ],[ \\ "'] * (M // 24),
    "keys": {f"key{number}": number for number in range(M // 16)},
    "a tree": [[[[f"{a}{b}{c}" for c in range(20)] for b in range(20)] for a in range(20)] for _ in range(12)],
    "mixed": [1, "a", {"b": [None, True]}, [[]], {}, -1.5e10, "é\n"] * (M // 50),
    "secrets": {"rows": [{"password": f"x{number}y"} for number in range(M // 24)]},
    "one long string": {"text": "word " * (M // 5), "n": [1]},
    "lists of lists": [[[]] * 300] * (M // 900),
    "lists that end in every piece": [[[number, "é]"], [[], "\n"], [{}] * (number % 90)] for number in range(M // 160)],
    "empty": {"a": [], "b": {}, "c": "x" * 70_000},
}
# fmt: on


@pytest.mark.parametrize("name", LARGE)
def test_a_large_text_is_decoded_and_encoded_to_the_same(name: str) -> None:
    value = LARGE[name]
    text = to_json(value)
    decoded = pieces.decode(text)
    assert decoded == json.loads(text)
    assert pieces.encode(decoded, len(text)) == text


@pytest.mark.parametrize(
    "text", [b"[" + b"1," * 40_000, b"[" + b"1," * 40_000 + b"]]", b'{"a":[' + b"1," * 40_000 + b"}", b"[" * 70_000]
)
def test_what_is_not_json_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        pieces.decode(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["},{", "],[", '","', "\\"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(values, st.integers(1, 40))
def test_any_value_is_decoded_and_encoded_to_the_same(value: Any, times: int) -> None:
    many = [value] * times
    text = to_json([many, {"a": many}, "x" * (1 << 16)])
    decoded = pieces.decode(text)
    assert decoded == json.loads(text)
    assert pieces.encode(decoded, len(text)) == text


def _longest_call(work: Any) -> float:
    """The longest processor time of one call of C code, which does not let another thread run."""
    before, began, longest = "", 0.0, 0.0

    def traced(_: Any, event: str, __: Any) -> None:
        nonlocal before, began, longest
        if event.startswith("c_") and before == "c_call":  # a call in which Python code runs lets other threads run
            longest = max(longest, time.thread_time() - began)
        before, began = event, time.thread_time()

    sys.setprofile(traced)
    try:
        work()
    finally:
        sys.setprofile(None)
    return longest


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_no_call_of_redaction_holds_the_interpreter_for_more_than_5_ms(name: str) -> None:
    redactor = Redactor(patterns=["(?!)"])  # has every payload decoded
    text = to_json(LARGE[name])
    redactor.apply(to_json({"password": "compiles the patterns"}))
    hold_processor(_longest_call(lambda: redactor.apply(text, "output")), 0.005, "one call")


@pytest.mark.parametrize("name", LARGE)
def test_a_value_is_released_whole(name: str) -> None:
    value = pieces.decode(to_json(LARGE[name]))
    pieces.release(value)
    assert not value


NESTED: dict[str, Any] = {
    "lists": [[] for _ in range(120_000)],
    "pairs": [["a", 1] for _ in range(60_000)],
    "texts": [f"text {number}" for number in range(60_000)],
    "lists of lists": [[[] for _ in range(300)] for _ in range(500)],
    "dictionaries": [{"a": {}} for _ in range(50_000)],
    "names": {f"name{number}": [] for number in range(40_000)},
    "JSON": [f"[{'{},' * 66}{number}]" for number in range(4_500)],
}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["chunk", "text", "alone"])
@pytest.mark.parametrize("name", NESTED)
def test_nothing_that_redaction_makes_of_a_large_output_is_freed_in_one_step(name: str, where: str) -> None:
    value = NESTED[name]
    text = to_json(
        {"result": [value, value] if where == "chunk" else [to_json(value).decode(), "password=hunter22xy1"]}
    )
    if where == "alone":
        text = to_json({"a": value, "password": "hunter22xy1"})
    _hold_steps(text)


def _hold_steps(text: bytes | str) -> None:
    """No step of the redaction of a payload, or of a text, takes 5 ms."""
    redactor = Redactor()
    redactor.apply(to_json({"result": ["password=hunter22xy1", "a"]}), "output")
    gc.collect()
    gc.disable()  # a collection takes as long as there are objects in this process
    try:
        with measured() as step:
            if isinstance(text, str):
                redactor.text(text)
            else:
                redactor.apply(text, "output")
    finally:
        gc.enable()
    hold_processor(step.seconds, 0.005, step.where)


_SECRETS = [f"password=Xq7ab{number}Zp9" for number in range(24_000)]
_OF_A_RESOURCE = {"kind": "Secret", "data": {f"k{number}": f"Zm9vYmFy{number}" for number in range(80_000)}}
EVERYWHERE: dict[str, Any] = {
    "strings": _SECRETS,
    "keys": [{secret: 1} for secret in _SECRETS],
    "JSON strings": [f'{{"password":"{secret}","a":[1]}}' for secret in _SECRETS[:14_000]],
    "JSON keys": [f'{{"{secret}":1}}' for secret in _SECRETS[:18_000]],
    "chunks": [f"{secret}\n password=" for secret in _SECRETS],
    "one text": ["\n".join(_SECRETS)],
    "names of their own": [{f"{n}_{k}_password": f"Xq7ab{k}Zp9" for k in range(8)} for n in range(4_500)],
    "names inside of names": [{f"a{n}": {f"b{n}": [f"text {n}"]}} for n in range(20_000)],
    "a secret of Kubernetes": [_OF_A_RESOURCE, 1],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERYWHERE)
def test_secrets_everywhere_are_hidden_and_freed_in_short_steps(name: str) -> None:
    _hold_steps(to_json({"result": EVERYWHERE[name]}))


LONG: dict[str, Callable[[], str]] = {
    "lines": lambda: "\n".join(f"password=Xq7ab{number}Zp9" for number in range(320_000)),
    "JSON": lambda: json.dumps([{"password": f"Xq7ab{number}Zp9", "a": [1]} for number in range(180_000)]),
    "a list": lambda: json.dumps([*["some text here"] * 400_000, "password=hunter22xy1"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_a_text_of_8_megabytes_is_redacted_in_short_steps(name: str) -> None:
    _hold_steps(LONG[name]())


def test_a_comma_behind_the_last_item_is_no_json() -> None:
    inner = b",".join([b"[-1.5,]"] * 20_000)
    with pytest.raises(ValueError):
        pieces.decode(b'{"a":[' + inner + b"]}")


@pytest.mark.parametrize("unit", ["a", "\\", '"', "é", "😀", "\x01", "a\\", "😀\\", "\\ud83d", "},{ ", '","'])
def test_a_long_string_is_decoded_and_encoded_to_the_same_wherever_it_is_divided(unit: str) -> None:
    for before in range(0, 13, 3):
        value = "x" * before + unit * 40_000
        for text in (to_json(value), json.dumps(value).encode()):
            assert pieces.decode(text) == value
        assert json.loads(pieces.encode([value, {value: value}, {"a": value, "b": 1}], 10**6))[2]["a"] == value


@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
@pytest.mark.parametrize("name", LARGE)
def test_spaces_between_items_change_nothing(name: str, indent: Any) -> None:
    value = LARGE[name]
    assert pieces.decode(b" \n" + json.dumps(value, indent=indent).encode() + b"\n ") == value


PARTS = ["a", "é", "\U0001f600", "\x01", '"', "\\", "\n", "\\u", "\ud83d", "\\\\", "ud83d"]


@given(st.lists(st.sampled_from(PARTS), max_size=60), st.booleans())
def test_a_string_is_decoded_in_pieces_that_tear_nothing(parts: list[str], is_ascii: bool) -> None:
    text = replace_surrogates("".join(parts))
    written = json.dumps([text], ensure_ascii=is_ascii).encode()
    with small_pieces(16):
        assert pieces.decode(written) == [text]
        assert pieces.decode(written[1:-1]) == text
        assert pieces.decode(b"{%b:{%b:1}}" % (written[1:-1], written[1:-1])) == {text: {text: 1}}


@given(values, st.sampled_from([None, 1, "\t"]))
def test_spaces_between_the_items_do_no_harm(value: Any, indent: int | str | None) -> None:
    with small_pieces(16):
        assert pieces.decode(json.dumps(value, indent=indent).encode()) == json.loads(json.dumps(value))


@given(values)
def test_a_value_of_unknown_size_is_encoded_as_any(value: Any) -> None:
    with small_pieces(16):
        assert pieces.encode_any(value) == to_json(value)


@contextmanager
def small_pieces(size: int) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", size)
        patch.setattr(pieces, "LARGE", size)
        patch.setattr(long_text, "WINDOW", size)
        yield


MEBI = 1 << 20
STRINGS = [
    "\x01" * (MEBI // 6),
    '"\\' * (MEBI // 4),
    "\U0001f600" * (MEBI // 4),
    "é" * (MEBI // 2),
    "\ud800" * (MEBI // 6),
]


AROUND: list[Callable[[str], Any]] = [
    lambda s: s,
    lambda s: {"result": s},
    lambda s: [1, s, {s: [s[:9]]}],
    lambda s: {"a": {"b": s}},
    lambda s: {"messages": [{"role": "user", "content": [{"type": "text", "text": s}]}]},
    lambda s: [1, [1, [1, {"n": 1, "s": [s]}]]],
]


@pytest.mark.parametrize("string", STRINGS, ids=["control", "quotes", "emoji", "letters", "surrogates"])
@pytest.mark.parametrize("around", AROUND)
def test_no_step_is_larger_than_a_piece(
    string: str, around: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def measured(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(value: Any, **options: Any) -> Any:
            result = function(value, **options)
            sizes.append(len(value if isinstance(value, bytes) else result))
            return result

        return call

    monkeypatch.setattr(pieces, "from_json", measured(pieces.from_json))
    monkeypatch.setattr(pieces, "encoded", measured(pieces.encoded))
    monkeypatch.setattr(long_text, "to_json", measured(long_text.to_json))
    value = around(string)
    text = pieces.encode_any(value)
    assert pieces.decode(text) == around(replace_surrogates(string))
    assert max(sizes) <= 6 * 65_536


def test_keys_that_are_not_strings_hide_no_error_about_a_value() -> None:
    with pytest.raises(ValueError, match="serialize"):
        pieces.encode_any({1: object()})
    assert pieces.encode_any({1: "\ud800"}) == '{"1":"\ufffd"}'.encode()
