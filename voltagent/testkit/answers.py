"""From a recorded operation back to what the call returned, yielded or raised."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter
from pydantic_core import to_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.span import LLM
from voltagent.records import OperationRecord
from voltagent.testkit.formats import RESPONSES
from voltagent.testkit.replayed_response import response_of

REFUSED: Final = "cannot be replayed"
_BASE64: Final = ConfigDict(val_json_bytes="base64")  # as bytes are recorded
_TYPE_NAME: Final = re.compile(
    r"(?:(?:function|class|module) )?[A-Za-z_]\w{0,200}(?:\.(?:[A-Za-z_]\w{0,200}|<\w{1,200}>))+"
)
# Built-in types have no module in their name. Only a whole result is taken for one: {"type": "object"} is common data.
_BARE_TYPES: Final = frozenset(("object", "map", "filter", "zip", "enumerate", "reversed", "generator", "coroutine",
                                "async_generator", "list_iterator", "tuple_iterator", "dict_keyiterator"))  # fmt: skip
_NO_ADAPTER: Final = (Any, None, object)
_MAPPINGS: Final = (dict, Mapping, MutableMapping)


class ReplayedError(Exception):
    """A recorded exception whose type cannot be imported here.

    ``type`` is the name of the recorded type, ``code`` its code or ``None``.
    """

    def __init__(self, message: str, type: str, code: object = None) -> None:
        super().__init__(message)
        self.type = type
        self.code = code


def return_type(function: Any) -> Any:
    """Return the return annotation of a function, ``None`` if it has none or it cannot be resolved."""
    try:
        return get_type_hints(getattr(function, "__func__", function), include_extras=True).get("return")
    except Exception:  # an annotation may name anything
        return None


def result_of(recorded: OperationRecord, annotation: Any) -> Any:
    """Return what a call returned, through its return annotation."""
    output = recorded.output
    # a model's response is recorded as its text, its tool calls, and its facts
    rebuilt = response_of(recorded) if recorded.kind == LLM else None
    if rebuilt is not None and _takes_mappings(annotation):
        return rebuilt
    responses = (make(recorded) for make in RESPONSES) if recorded.kind == LLM else ()
    inner = output["result"] if type(output) is dict and set(output) == {"result"} else output
    if type(inner) is dict:  # a mapping is recorded as it is: one in {"result": ...} was there before
        return next((value for one in (output, *responses) for value in _validated(one, annotation)), output)
    # {"result": 5} is what 5 is recorded as, and {"result": 5}: the annotation decides
    return next((value for one in (inner, *responses, output) for value in _validated(one, annotation)), inner)


def _takes_mappings(annotation: Any) -> bool:
    """Return whether an annotation leaves the form of a response open: there is none, or it is that of a mapping."""
    return any(annotation is one for one in _NO_ADAPTER) or (get_origin(annotation) or annotation) in _MAPPINGS


def items_of(recorded: OperationRecord, annotation: Any) -> tuple[list[Any], Any]:
    """Return what a generator yielded, and what it returned."""
    output: Any = recorded.output
    arguments = get_args(annotation)
    found = output.get("result", output) if type(output) is dict else output
    items = found if type(found) is list else [found]
    returned = output.get("return") if type(output) is dict else None
    return (
        [_typed(item, arguments[0] if arguments else None) for item in items],
        _typed(returned, arguments[2] if len(arguments) == 3 else None),
    )


def _typed(value: Any, annotation: Any) -> Any:
    return next(_validated(value, annotation), value)


def _validated(value: Any, annotation: Any) -> Iterator[Any]:
    """Yield a value of the annotated type, if pydantic can make one of this JSON value."""
    if any(annotation is one for one in _NO_ADAPTER):
        yield value
        return
    try:
        found = _adapter(annotation).validate_json(to_json(value))
    except Exception:  # no type that pydantic knows, or a value that does not fit it
        return
    yield found


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=_BASE64)
    except PydanticUserError:  # a type with a configuration of its own takes no other
        return TypeAdapter(annotation)


def exception_of(error: Any) -> BaseException:
    """Return the recorded exception, of the same type if that can be imported."""
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": error}
    message, code = str(fields.get("message") or ""), fields.get("code")
    name = str(fields.get("name") or fields.get("type") or "Exception")
    kind = _exception_type(name)
    if kind is None:
        return ReplayedError(message, name, code)
    inside = fields.get("errors")
    exception = _make_group(kind, message, inside) if type(inside) is list and inside else _make(kind, message)
    if code is not None:
        try:
            setattr(exception, "errno" if isinstance(exception, OSError) else "code", code)
        except Exception:  # a type that takes no attributes
            pass
    return exception


def _make_group(kind: type[BaseException], message: str, inside: list[Any]) -> BaseException:
    """Return an exception group with its exceptions; its recorded message ends with how many there are."""
    try:
        return kind(message.rpartition(" (")[0], [exception_of(one) for one in inside])
    except Exception:  # not a group, or a constructor of its own
        return ReplayedError(message, kind.__qualname__)


def _make(kind: type[BaseException], message: str) -> BaseException:
    """Return an exception with this message, without running an ``__init__`` that expects other arguments."""
    text: Any = message
    if issubclass(kind, KeyError):  # its message is the key as code
        try:
            text = ast.literal_eval(message)
        except (ValueError, SyntaxError):
            pass
    try:
        exception = kind.__new__(kind, text)
        exception.args = (text,)
        return exception
    except Exception:  # a group, or a `__new__` of its own
        return ReplayedError(message, kind.__qualname__)


def _exception_type(name: str) -> type[BaseException] | None:
    """Return the class with this name, wherever the module's name ends; ``None`` if it cannot be imported."""
    module, _, qualified = name.rpartition(".")
    parts = [qualified]
    while True:
        found = _attribute(module or "builtins", parts)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
        if not module:
            return None
        module, _, last = module.rpartition(".")
        parts.insert(0, last)


def _attribute(module: str, names: list[str]) -> Any:
    """Return what a module has under a dotted name, importing it if needed; ``None`` if that fails."""
    try:
        found: Any = sys.modules.get(module) or import_module(module)
        for name in names:
            found = getattr(found, name)
        return found
    except Exception:  # no such module, or one that cannot be imported here
        return None


# replayed


def refusal(recorded: OperationRecord, annotation: Any) -> str | None:
    """Why a recorded call cannot be answered, naming the value; ``None`` if it can."""
    if recorded.status == "running":
        return "it had not ended when it was recorded"
    if recorded.status in ("error", "cancelled"):
        return None
    if recorded.output is None:
        return "its output was not recorded (capture_output is off)"
    gap = next(_gaps("output", recorded.output, text_expected=_is_plain(annotation)), None)
    return None if gap is None else " ".join(gap)


def _is_plain(annotation: Any) -> bool:
    """Return whether an annotation has JSON types only, so that text in the result was text."""
    if annotation in (str, int, float, bool, type(None), ..., None):
        return annotation is not None
    arguments = get_args(annotation)
    return bool(arguments) and get_origin(annotation) is not Literal and all(map(_is_plain, arguments))


def _gaps(path: str, value: Any, *, text_expected: bool) -> Iterator[tuple[str, str]]:
    """Yield the places in a recorded value that cannot be restored, each with the reason."""
    waiting: list[tuple[str, Any]] = [(path, value)]
    while waiting:
        where, one = waiting.pop()
        if type(one) is dict:
            if one.get("truncated") is True and "type" in one and "reason" in one:
                yield where, f"was cut when it was recorded (reason: {one['reason']}, type: {one['type']})"
            elif type(one.get("error")) is str and one["error"].startswith("not readable"):
                yield where, f"could not be recorded ({one['error']})"
            elif set(one) == {"type", "shape", "dtype"}:
                yield where, f"was recorded as its type and shape ({one['type']})"
            elif "damaged" in one:
                yield where, "is damaged in the store"
            waiting += [(f"{where}.{name}", inner) for name, inner in one.items()]
        elif type(one) is list:
            waiting += [(f"{where}.{number}", inner) for number, inner in enumerate(one)]
        elif type(one) is str:
            if SECRET_TEXT in one or "[redaction failed]" in one:
                yield where, "was redacted"
            elif not text_expected and (_is_type_name(one) or (where == "output.result" and one in _BARE_TYPES)):
                yield where, f"was recorded as the name of its type ({one})"


def _is_type_name(text: str) -> bool:
    """Return whether a string is what stands for an object that was not recorded."""
    if not _TYPE_NAME.fullmatch(text):
        return False
    if " " in text or "<" in text:
        return True
    parts = text.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:length]))
        if module is not None:
            found: Any = module
            for name in parts[length:]:
                found = getattr(found, name, None)
            return isinstance(found, type)
    return False
