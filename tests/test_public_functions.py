"""What a program sees of a public function without calling it, or by calling it wrong: its hints, and its own name."""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final

import httpx
import pytest

from tests.test_docstrings import NAMES, PROTOCOL, members
from voltagent import VoltAgentSDK, trace
from voltagent.core.late_import import LateModule
from voltagent.handles import Handle
from voltagent.handles.keywords import OperationKeywords
from voltagent.testing import Run
from voltagent.types import History

FUNCTIONS: Final[dict[str, Any]] = {name: thing for name, thing in NAMES.items() if isinstance(thing, FunctionType)}
CLASSES: Final[dict[str, type]] = {name: thing for name, thing in NAMES.items() if inspect.isclass(thing)}
PROPERTIES: Final = {
    f"{name}.{method}"
    for name, kind in CLASSES.items()
    for method, _ in members(kind)
    if isinstance(inspect.getattr_static(kind, method), property)
}
METHODS: Final[dict[str, Any]] = {
    f"{name}.{method}": function for name, kind in CLASSES.items() for method, function in members(kind)
} | {f"{name}()": vars(kind)["__init__"] for name, kind in CLASSES.items() if "__init__" in vars(kind)}


def overloads() -> Iterator[tuple[str, Any]]:
    """The overloads of public functions, as far as this Python keeps them."""
    if sys.version_info >= (3, 11):
        for name, function in FUNCTIONS.items():
            for number, one in enumerate(typing.get_overloads(function)):
                yield f"{name} {number}", one


HINTED: Final[dict[str, Any]] = {**FUNCTIONS, **CLASSES, **METHODS, **dict(overloads())}


@pytest.mark.parametrize("name", sorted(HINTED))
def test_the_hints_of_what_is_public_can_be_evaluated(name: str) -> None:
    hints = typing.get_type_hints(HINTED[name], include_extras=True)
    assert not [one for one in hints.values() if isinstance(one, LateModule)]


def test_they_are_the_classes_themselves() -> None:
    hints = typing.get_type_hints(VoltAgentSDK.__init__)
    assert hints["transport"] == httpx.BaseTransport | None
    assert typing.get_args(typing.get_type_hints(VoltAgentSDK.update_trace)["return"]) == (History,)
    assert typing.get_args(typing.get_type_hints(Handle.add_tool)["keywords"]) == (OperationKeywords,)
    assert inspect.signature(VoltAgentSDK.get_trace, eval_str=True).parameters["trace_id"].annotation is str


def test_nothing_is_imported_before_they_are_evaluated() -> None:
    code = """
        import sys, typing, voltagent
        late = {"httpx", "pydantic", "voltagent.types", "voltagent.processors.redaction"}
        assert not late & set(sys.modules), late & set(sys.modules)
        from voltagent.handles import Handle
        from voltagent.decorators.options import DecoratorOptions
        assert not late & set(sys.modules), late & set(sys.modules)
        print(typing.get_type_hints(DecoratorOptions)["redact"])
    """
    line = [sys.executable, "-c", inspect.cleandoc(code)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert "voltagent.processors.redaction.Redactor" in done.stdout


def test_a_public_function_has_the_name_that_programs_call_it_by() -> None:
    """Python's own error for a misspelt keyword shows this name, and not one that is of no use outside."""
    public = {"", *(kind.__name__ for kind in CLASSES.values())}
    wrong: dict[str, str] = {}
    for name, function in (FUNCTIONS | METHODS).items():
        called = "__init__" if name.endswith("()") else name.rpartition(".")[2]
        owner, _, own = function.__qualname__.rpartition(".")
        is_called = called not in PROTOCOL and name not in PROPERTIES
        if is_called and (owner not in public or own != called):
            wrong[name] = function.__qualname__
    assert wrong == {}


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("record", "Handle.record()"),
        ("success", "Handle.success()"),
        ("error", "Handle.error()"),
        ("score", "Handle.score()"),
        ("as_current", "Handle.as_current()"),
    ],
)
def test_a_misspelt_keyword_is_an_error_of_the_method_that_was_called(
    call: str, named: str, voltagent_run: Run
) -> None:
    @trace
    def work() -> None:
        misspelt = functools.partial(getattr(tool, call), metdata={})
        with pytest.raises(TypeError) as caught:
            misspelt()
        assert str(caught.value).startswith(f"{named} got an unexpected keyword argument 'metdata'")

    with VoltAgentSDK(exporter="none") as sdk:
        tool = sdk.trace(agent_id="a").add_tool(name="t")
        work()
