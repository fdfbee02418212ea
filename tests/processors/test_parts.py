"""Payloads with very many collections are decoded a part at a time: with the same result, and few objects at once."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pydantic_core import to_json

from tests.processors.corpus import hide_first, keep_first, second
from voltagent.capture import pieces
from voltagent.processors import parts
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.found import Found

SECRET = "password=hunter22xy"
# A mark as one would be if the payload did not hold its first character, and texts that belong together.
MARKS = ["\ue000s1", "\ue000k0", "\ue001j0", "\x00", "\\ue000", "[redacted]"]
ARGUMENTS = ["mysql", "-p", "-psecret9", "--password", "-u", "bob:hunter22x", "hunter2Zx9", "see hunter2Zx9 there"]
SPLIT = ["ghp_a1B2", "a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2 and", "token=abc", "pw=x"]
CORPUS = [text for text, _ in (*hide_first.HIDE, *second.HIDE)] + [*keep_first.KEEP, *second.KEEP]
COLUMNS = ["id", "user", "password", "token", "pin", "count", "alarm_code"]
KEYS = ["a", "b", "password", "token", "rawHeaders", "headers", "key", "name", "value", "cookies", "type", "result"]
LONG_KEYS = [
    "password=hunter2Zx9 is",
    "password=hunter3Zx9 is",
    "x" * 20 + " y",
    "[redacted] ",
    "password=[redacted] is",
]

simple = st.none() | st.booleans() | st.integers() | st.sampled_from([1.5, "", "a", *MARKS, *ARGUMENTS, *SPLIT])
leaves = simple | st.sampled_from(CORPUS)
columns = st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3)
keys = st.sampled_from([*KEYS, *LONG_KEYS]) | st.text(max_size=3)


def _repeated(what: tuple[Any, int]) -> list[Any]:
    return [what[0]] * what[1]


def _rows(names: list[str], rows: list[list[Any]]) -> list[list[Any]]:
    return [list(names), *(row[: len(names)] for row in rows)]


def _table(names: list[str], rows: list[list[Any]], are_fields: bool) -> dict[str, Any]:
    names_first = {"fields": [{"name": name} for name in names]} if are_fields else {"columns": names}
    return {**names_first, "rows": [row[: len(names)] for row in rows]}


def _inside(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=7)
    return (
        lists
        | st.dictionaries(keys, inner, max_size=7)
        | st.lists(st.tuples(keys, inner), max_size=4)  # pairs
        | st.builds(_rows, columns, st.lists(st.lists(inner, min_size=3, max_size=3), max_size=4))
        | st.builds(_table, columns, st.lists(st.lists(inner, min_size=3, max_size=3), max_size=4), st.booleans())
        | st.lists(st.fixed_dictionaries({"name": keys, "value": inner}), max_size=4)
        | st.tuples(inner, st.integers(2, 9)).map(_repeated)
        | st.builds(json.dumps, lists, indent=st.sampled_from([None, 1]), ensure_ascii=st.booleans())
    )


payloads = st.recursive(leaves, _inside, max_leaves=40)


def redacted(text: bytes, path: str, most: int, piece: int, large: int) -> tuple[bytes, list[str], int]:
    found = Found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "MOST", most)
        patch.setattr(pieces, "PIECE", piece)
        patch.setattr(pieces, "LARGE", large)
        result = Redactor().apply(text, path, found)
    # a text of a stream that is nothing but a mark of redaction counts once for each time it is looked at
    return result, list(found.secrets), 0 if path == "output" else found.count


@settings(deadline=None)
@given(payloads, st.sampled_from([16, 64, 256, 2048]), st.booleans(), st.integers(1, 30))
def test_a_payload_in_parts_is_redacted_to_the_same(value: Any, piece: int, is_stream: bool, times: int) -> None:
    many = [value] * times
    text, path = to_json({"result": many} if is_stream else [many, value]), "output" if is_stream else "input"
    assert redacted(text, path, -1, piece, 2 * piece) == redacted(text, path, 1 << 30, piece, 2 * piece)


def _filled(one: Callable[[int], Any], size: int = 300_000) -> list[Any]:
    return [one(number) for number in range(size * 1000 // len(to_json([one(number) for number in range(1000)])))]


def _mixed(number: int) -> dict[str, Any]:
    return {"a": [number], "password": f"x{number}"}


def _key_and_list(number: int) -> tuple[str, list[int]]:
    return f"k{number}", [number]


def _row(number: int) -> list[Any]:
    return [number, f"hunt{number}er"]


KINDS: dict[str, Callable[[], Any]] = {
    "lists": lambda: [*_filled(lambda _: []), SECRET],
    "nested lists": lambda: [*_filled(lambda _: [[[[[[]]]]]]), SECRET],
    "lists with texts": lambda: _filled(lambda n: [f"pw=x{n}y"]),
    "texts": lambda: _filled(lambda n: f"pw=x{n}y"),
    "texts with two": lambda: _filled(lambda n: f"pw=x{n}y pw=z{n}y"),
    "dictionaries of lists": lambda: [*_filled(_mixed), SECRET],
    "one dictionary of lists": lambda: dict(_filled(_key_and_list)) | {"password": "hunter22"},
    "keys": lambda: _filled(lambda n: {f"pw=hunter{n}xy": 1}),
    "pairs": lambda: _filled(lambda n: ["password", [f"hunter{n}"]]),
    "table": lambda: {"columns": ["id", "password"], "rows": _filled(_row)},
    "table with fields": lambda: {"fields": [{"name": "id"}, {"name": "password"}], "data": _filled(_row)},
    "rows": lambda: [["id", "password"], *_filled(_row)],
    "rows of numbers": lambda: [["id", "password"], *_filled(lambda n: [n, 1_000_000 + n])],
    "rows of three": lambda: [["id", "password", "age"], *_filled(lambda n: [n, f"hunt{n}er", 7], 500_000)],
    "inner table": lambda: {"a": [{"header": ["id", "password"], "values": _filled(_row)}]},
    "JSON of a table": lambda: json.dumps({"columns": ["id", "password"], "rows": _filled(_row)}),
    "a secret of lists": lambda: {"password": _filled(lambda _: [])},
    "JSON": lambda: json.dumps([*_filled(lambda _: []), SECRET]),
    "many JSON texts": lambda: _filled(lambda n: json.dumps([[], [], [], {"password": f"x{n}"}, f"pw=x{n}y"])),
    "JSON texts of lists": lambda: _filled(lambda n: json.dumps([[]] * 80 + [f"pw=x{n}y"])),
    "stream of lists": lambda: {"result": _filled(lambda n: [["a", [f"pw=x{n}y"]]])},
    "clean stream": lambda: {"result": _filled(lambda n: [["a", []]])},
}


@pytest.mark.parametrize("name", KINDS)
def test_few_objects_are_decoded_at_the_same_time(name: str) -> None:
    text, redactor, most = to_json(KINDS[name]()), Redactor(), 0
    path = "output" if "stream" in name else "input"
    redactor.apply(to_json({"result": [SECRET, "-u a:b", ["a", "b"]]}), path)  # compiles patterns
    gc.collect()
    before = len(gc.get_objects())

    def counted(phase: str, details: dict[str, int]) -> None:
        nonlocal most
        if phase == "stop" and details["generation"] > 0:
            most = max(most, len(gc.get_objects()) - before)

    gc.callbacks.append(counted)
    try:
        redactor.apply(text, path)
    finally:
        gc.callbacks.remove(counted)
    assert most < 30_000  # of which a collection takes a millisecond; there are up to 100,000 in such a payload


TABLES = [name for name in KINDS if "table" in name or "rows" in name]


@pytest.mark.parametrize("name", TABLES)
def test_all_rows_of_a_large_table_are_hidden(name: str) -> None:
    value = KINDS[name]()
    text = Redactor().apply(to_json(value)).decode()
    assert text.count("[redacted]") > parts.MOST // 2
    assert "hunt" not in text
    assert "1000017" not in text


MANY_LISTS = [[number] for number in range(20_000)]  # with them, small collections are decoded a part at a time
INSTANCES = [{"attributes": {"length": 8, "result": "hunter22"}}, {"attributes": {"result": "tulip-99"}}]


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "Secret", "data": {"url": "hunter22", "other": "tulip-99"}},
        {"kind": "Secret", "stringData": {"url": "hunter22"}, "data": {"url": "tulip-99"}},
        {"type": "random_password", "values": {"result": "hunter22"}},
        {"type": "random_password", "instances": INSTANCES},
        {"type": "random_password", "instances": INSTANCES * 100},
        {"setting": "smtp_password", "newValue": ["hunter22"], "oldValue": ["tulip-99"]},
    ],
)
def test_secrets_of_resources_are_found_in_parts(value: dict[str, Any]) -> None:
    for many in ({**value, "pad": MANY_LISTS}, {"a": value, "pad": MANY_LISTS}, [value, MANY_LISTS]):
        recorded: Any = json.loads(Redactor().apply(to_json(many)))
        text = json.dumps(recorded)
        assert "hunter22" not in text
        assert "tulip-99" not in text
        assert (recorded[1] if type(many) is list else recorded["pad"]) == MANY_LISTS


SAY_NOTHING = [
    {"type": {"a": 1}, "name": "note", "value": "x"},
    {"type": [1], "name": "field", "value": "x"},
    {"kind": {"a": 1}, "data": {"a": "x"}},
    {"type": ["x"], "instances": [{"attributes": {"result": "x"}}]},
    {"op": "add", "path": ["a"], "value": {"a": 1}},
    {"op": "add", "path": "/spec/imagePullSecrets/0", "value": {"name": "regcred"}},
    {"type": "password", "title": "x", "value": {"minLength": 8}},
]
REDACT_LINES = """
import sys
from voltagent.processors.redaction import Redactor
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(Redactor().apply(line.rstrip()) + b"\\n")
"""


def test_types_that_are_collections_say_nothing_where_bytes_are_never_compared_with_texts() -> None:
    values: list[Any] = [{**value, "pad": MANY_LISTS, "password": "hunter22"} for value in SAY_NOTHING]
    lines = b"".join(to_json(value) + b"\n" for value in values)
    command = [sys.executable, "-bb", "-c", REDACT_LINES]
    recorded = subprocess.run(command, input=lines, capture_output=True, check=True, timeout=120).stdout
    assert [*map(json.loads, recorded.splitlines())] == [{**value, "password": "[redacted]"} for value in values]
