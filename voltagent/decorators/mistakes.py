"""Mistakes that a decorator can detect: each is reported once per place, without a cost for later calls.

Two are detected at decoration: the same decorator twice, and a decorator below ours that registers the function without
ours, as those of routes and tools do. One is detected from a result: a plain function that returns a coroutine or a
generator, whose work happens after the call.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any, Final, cast

from voltagent.core.guard import guard
from voltagent.core.hints import caller_frame, code_place, give_hint
from voltagent.decorators.inspection import function_below

_LONGEST: Final = 60  # characters of a decorator's source in a hint
_MOST_LINES: Final = 60  # lines from a decorator to its function

# Types of results whose work happens after the call, by identity, with their names.
LAZY_TYPES: Final[dict[int, str]] = {
    id(CoroutineType): "a coroutine",
    id(GeneratorType): "a generator",
    id(AsyncGeneratorType): "an async generator",
}
_INSTEAD: Final = {
    "a coroutine": "make it `async def` and await inside",
    "a generator": "make it a generator with `yield from`",
    "an async generator": "make it an async generator with `async for` and `yield`",
}


def report_lazy_result(kind: str, name: str, code: CodeType | None, result: object) -> None:
    """Report a plain function whose result works lazily, so that only its creation is recorded."""
    what = LAZY_TYPES[id(type(result))]
    give_hint(
        "returns-lazily",
        code_place(code) if code is not None else name,
        f"the {kind} {name!r} returns {what}, so only the call that creates it is recorded, not its work",
        f"{_INSTEAD[what]}, or decorate the function that makes it",
    )


def report_same_decorator(kind: str, target: Any) -> None:
    """Report that a function already has this decorator: each call is recorded twice."""
    inner = target
    while True:
        is_ours = getattr(cast("type[object]", type(inner)), "_voltagent_decorated", False)
        if is_ours and getattr(inner, "_self_again", ("",))[0] == kind:
            break
        if not is_ours and type(inner) not in (classmethod, staticmethod):
            return
        inner = inner.__wrapped__ if is_ours else inner.__func__
    function = function_below(inner)
    give_hint(
        "same-decorator-twice",
        code_place(function.__code__) if function is not None else "?",
        f"@{kind} decorates {getattr(target, '__name__', 'a function')!r} twice, so each call is recorded twice",
        f"remove one @{kind}",
    )


def report_kept_function(kind: str, target: FunctionType, references: int) -> None:
    """Report a decorator below ours that registers the undecorated function, whose calls are therefore not recorded.

    Args:
        kind: our decorator.
        target: the function to decorate.
        references: the number of references to it beyond those of a new function.
    """
    with guard:
        cells = (cell for cell in target.__closure__ or ())
        own = sum(_content(cell) is target for cell in cells) + sum(one is target for one in vars(target).values())
        frame = caller_frame()
        if references <= own or frame is None:
            return
        below = _decorators_below(kind, target, frame)
        if below:
            shown = _shortened(next(filter(_is_call, below), below[0]))
            give_hint(
                "decorator-above-registration",
                code_place(target.__code__),
                f"@{shown} below @{kind} keeps the function as it is without @{kind}, so its calls are not recorded",
                f"put @{kind} below it, directly above def",
            )


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _decorators_below(kind: str, target: FunctionType, frame: FrameType) -> list[ast.expr]:
    """Return the decorators between ours and the function, from its source; none if that is unavailable."""
    original: Any = inspect.unwrap(target)
    code: CodeType | None = getattr(original, "__code__", None)
    if code is None or code.co_filename != frame.f_code.co_filename:  # not where it is decorated, so not by an @
        return []
    decorators = _decorators_at(code, frame.f_globals)
    for place, one in enumerate(decorators):
        # Before Python 3.11, the frame's line is that of the function; then the name must suffice.
        is_here = one.lineno <= frame.f_lineno - code.co_firstlineno + 1 <= (one.end_lineno or one.lineno)
        if is_here or (sys.version_info < (3, 11) and _name(one) == kind):
            return decorators[place + 1 :]
    return []


def _decorators_at(code: CodeType, names: dict[str, Any]) -> list[ast.expr]:
    """Return the decorators of a function from its source; lines count from that of the first decorator."""
    lines: list[str] = []
    for number in range(code.co_firstlineno, code.co_firstlineno + _MOST_LINES):
        line = linecache.getline(code.co_filename, number, names)
        text = line.lstrip()
        if not line or not (lines or text.startswith("@")):
            return []
        if text.startswith(("def ", "async def ")):
            found = _parsed(lines, line[: len(line) - len(text)])
            if found:
                return found
        lines.append(line)
    return []


def _parsed(lines: list[str], indentation: str) -> list[ast.expr]:
    """Return the decorators in lines of source code; none if the lines are not the start of a function."""
    source = "".join(lines).removeprefix(indentation).replace(f"\n{indentation}@", "\n@")
    try:
        (definition,) = ast.parse(f"{source}def _(): pass").body
    except (SyntaxError, ValueError):  # a line inside a string that looks like the function
        return []
    return definition.decorator_list if isinstance(definition, ast.FunctionDef) else []


def _name(decorator: ast.expr) -> str:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_call(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call)


def _shortened(decorator: ast.expr) -> str:
    text = ast.unparse(decorator)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def extra_references(target: object, usual: int) -> int:
    """Return the number of references beyond the usual ones at a decoration; 0 without reference counts."""
    count = getattr(sys, "getrefcount", None)
    return 0 if count is None else count(target) - usual
