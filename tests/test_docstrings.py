"""Every public name says what it does, which arguments it takes, and which errors it raises."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from types import FunctionType
from typing import Any, Final

import pydantic
import pytest

from voltagent.records import OperationRecord, TraceRecord

MODULES: Final = (
    "voltagent", "voltagent.client", "voltagent.decorators", "voltagent.errors", "voltagent.handles",
    "voltagent.opentelemetry", "voltagent.propagation", "voltagent.records", "voltagent.sdk", "voltagent.testing",
    "voltagent.types",
)  # fmt: skip


def public_names() -> dict[str, Any]:
    """Name -> class or function, for all names that the public modules list."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if (inspect.isclass(thing) or inspect.isroutine(thing)) and thing not in found.values():
                found[f"{module.__name__}.{name}"] = thing
    return found


def members(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """The public methods and properties that our classes give a class."""
    for base in (one for one in kind.__mro__ if one.__module__.startswith("voltagent")):
        for name, value in vars(base).items():
            inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if isinstance(inner, FunctionType) and not name.startswith("_"):
                yield name, inner


def functions() -> dict[str, FunctionType]:
    """Name -> function, for functions and methods."""
    found: dict[str, FunctionType] = {}
    for name, thing in public_names().items():
        if isinstance(thing, FunctionType):
            found[name] = thing
        elif inspect.isclass(thing):
            found.update({f"{name}.{method}": function for method, function in members(thing)})
    return {
        name: function for number, (name, function) in enumerate(found.items()) if _is_first(function, number, found)
    }


def _is_first(function: FunctionType, number: int, found: dict[str, FunctionType]) -> bool:
    return function not in list(found.values())[:number]


FUNCTIONS: Final = functions()
NAMES: Final = public_names()
# They follow their name: they answer to Python's own protocols, or take what the other name of the same function takes.
PROTOCOL: Final = frozenset(("send", "throw", "close"))

# Parameters of classes that the program does not call itself, and the message of an exception.
MADE_BY_US: Final = frozenset(("span", "message", "settings", "future", "stats", "then", "events", "spans"))


def parameters(function: Any) -> list[str]:
    """The names of the parameters of a function, without the receiver."""
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls", "_")]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_public_name_says_what_it_is(name: str) -> None:
    check_summary(NAMES[name].__doc__)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_says_what_it_does_takes_and_raises(name: str) -> None:
    function = FUNCTIONS[name]
    text = inspect.cleandoc(function.__doc__ or "")
    check_summary(text)
    if name.rpartition(".")[2] in PROTOCOL:
        return
    taken = parameters(function)
    if len(taken) > 1:
        assert [one for one in taken if not re.search(rf"(?<!\w){one}(?!\w)", text)] == [], "parameters not described"
    assert [one for one in described(text) if one not in taken] == [], "parameters that do not exist"
    assertion = ("AssertionError",) if text.startswith("Assert ") else ()
    assert [one for one in raised(function) if one not in text and one not in assertion] == [], "errors not described"


def test_classes_describe_what_they_are_made_of() -> None:
    for name, thing in NAMES.items():
        own = vars(thing).get("__init__") if inspect.isclass(thing) else None
        if not isinstance(own, FunctionType) or issubclass(
            thing, pydantic.BaseModel | Enum | TraceRecord | OperationRecord
        ):
            continue
        text = f"{thing.__doc__} {own.__doc__}"
        missing = [one for one in parameters(own) if one not in MADE_BY_US and one not in text]
        assert not missing, (name, missing)


def test_earlier_names_of_public_classes_still_work() -> None:
    handles = importlib.import_module("voltagent.handles")
    earlier = {"Event": "CustomEvent"}
    earlier |= {f"New{kind}": f"{kind}Handle" for kind in ("Agent", "Event", "Memory", "Retriever", "Tool", "Trace")}
    for old, new in earlier.items():
        assert getattr(handles, old) is getattr(handles, new)
        assert old in handles.__all__


def check_summary(text: str | None) -> None:
    """A docstring begins with a sentence of its own."""
    assert text, "no docstring"
    first = inspect.cleandoc(text).split("\n\n")[0]
    assert first[0].isupper() or first[0] in ":`"
    assert first.rstrip().endswith((".", ":")), first


def described(text: str) -> list[str]:
    """The names in the section of the arguments."""
    section = re.search(r"^Args:\n(.*?)(?:\n\S|\Z)", text, re.DOTALL | re.MULTILINE)
    if section is None:
        return []
    lines = re.findall(r"^    (\*{0,2}\w[\w, ]*):", section[1], re.MULTILINE)
    return [name.strip().lstrip("*") for line in lines for name in line.split(",")]


def raised(function: FunctionType) -> list[str]:
    """The errors for the caller that the body of a function raises itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [one.exc for one in ast.walk(tree) if isinstance(one, ast.Raise) and isinstance(one.exc, ast.Call)]
    return [one.func.id for one in calls if isinstance(one.func, ast.Name) and one.func.id.endswith("Error")]
