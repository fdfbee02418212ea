"""What a tool does and takes is computed once, at decoration, without running code of the program.

A recorder over a list shows the facts of a span, which records do not have.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest

from tests.helpers.sink import recording
from voltagent import tool
from voltagent.core.span import is_shared


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    city: str


def facts(function: Any) -> dict[str, Any]:
    with recording() as (_, sink):
        decorated = tool(function)
        for _ in range(2):
            decorated.__wrapped__
            decorated(**dict.fromkeys(function.__code__.co_varnames[: function.__code__.co_argcount]))
    first, second = sink.operations
    assert first.facts is second.facts, "computed once"
    assert is_shared(first.facts)
    return dict(first.facts or {})


def schema(function: Any) -> Any:
    return json.loads(facts(function)["tool_parameters"])


def test_the_description_is_the_docstring_up_to_its_sections() -> None:
    def weather(city: str) -> None:
        """Say how the weather is.

        In any city.

        Args:
            city: where
        """

    assert facts(weather)["tool_description"] == "Say how the weather is.\n\nIn any city."


EXPECTED = {
    "a": {"type": "string"},
    "b": {"type": "array", "items": {"type": "integer"}},
    "c": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "d": {"type": "object", "additionalProperties": {"type": "number"}},
    "e": {"enum": ["x", 1]},
    "f": {"type": "boolean"},
    "g": {},
    "h": {"type": "string", "format": "date-time"},
    "i": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
}


def test_annotations_that_are_strings_are_parsed_and_never_evaluated() -> None:
    def work(
        a: str,
        b: Sequence[int],
        c: str | None,
        d: Mapping[str, float],
        e: Literal["x", 1],
        f: Annotated[bool, print("never")],
        g: Any,
        h: datetime,
        i: int | str | None,
        j: Undefined[print("never")] = None,  # type: ignore[name-defined] # noqa: F821
        k="default",
    ) -> None: ...

    found = schema(work)
    assert {name: found["properties"][name] for name in EXPECTED} == EXPECTED
    assert found["properties"]["j"] == found["properties"]["k"] == {}
    assert found["required"] == list("abcdefghi")
    assert "default" not in json.dumps(found)


def test_annotations_that_are_objects_give_the_same() -> None:
    def work(a, b, c, d, e, f, g, h, i) -> None: ...  # type: ignore[no-untyped-def]

    kinds = (str, Sequence[int], str | None, Mapping[str, float], Literal["x", 1], Annotated[bool, 1], Any, datetime,
             int | str | None)  # fmt: skip
    work.__annotations__ = dict(zip(EXPECTED, kinds, strict=True))
    assert schema(work)["properties"] == EXPECTED


def test_enums_records_and_recursion() -> None:
    def work(a, b, c) -> None: ...  # type: ignore[no-untyped-def]

    deep: Any = int
    for _ in range(50):
        deep = list[deep]
    work.__annotations__ = {"a": Colour, "b": Place, "c": deep}
    found = schema(work)["properties"]
    assert found["a"] == {"enum": ["red", "blue"]}
    assert found["b"] == {"type": "object"}
    assert found["c"]["type"] == "array"


def test_methods_and_variadic_parameters() -> None:
    class Desk:
        @tool
        def find(self, name: str, *more: int, exact: bool = False, **rest: Any) -> None: ...

    with recording() as (_, sink):
        Desk().find("x")
    found = json.loads((sink.only.facts or {})["tool_parameters"])
    assert found == {"type": "object", "properties": {"name": {"type": "string"}, "exact": {"type": "boolean"}},
                     "additionalProperties": True, "required": ["name"]}  # fmt: skip


@pytest.mark.parametrize("kind", [len, print])
def test_built_in_functions_are_tools_too(kind: Any) -> None:
    with recording() as (_, sink):
        tool(kind)("x")
    assert sink.only.kind == "tool"
