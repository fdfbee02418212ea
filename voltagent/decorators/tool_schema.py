"""Description and parameters of a tool, for people and backends, computed once at decoration.

The description is the docstring up to its first section; the parameters are a JSON schema built from the signature. A
string annotation is parsed, never evaluated, and no code of the program runs. Defaults are omitted, as they may be
secret.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterable, Mapping
from enum import Enum
from inspect import Parameter
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, cast, get_args, get_origin

from pydantic_core import to_json

from voltagent.capture.injected import is_injected_by_annotation
from voltagent.core import introspection
from voltagent.core.span import SharedFacts, SpanFacts
from voltagent.decorators.inspection import function_below

_LONGEST: Final = 4096  # characters of a description
_LARGEST: Final = 16_384  # bytes of a schema
_DEPTH: Final = 8
_SECTIONS: Final = ("args:", "arguments:", "parameters:", "params:", "returns:", "yields:", "raises:", ":param",
                    ":return", "@param", "example:", "examples:", "note:", "notes:")  # fmt: skip
_NAMES: Final[Mapping[str, str]] = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null", "NoneType": "null",
    "bytes": "string", "Decimal": "number", "dict": "object", "Dict": "object", "Mapping": "object",
    "MutableMapping": "object", "list": "array", "List": "array", "Sequence": "array", "Iterable": "array",
    "tuple": "array", "Tuple": "array", "set": "array", "Set": "array", "frozenset": "array", "datetime": "string",
    "date": "string", "time": "string", "UUID": "string", "Path": "string",
}  # fmt: skip
_FORMATS: Final[Mapping[str, str]] = {"datetime": "date-time", "date": "date", "time": "time", "UUID": "uuid"}
# Attributes of data classes, pydantic models and `TypedDict`s.
_OF_RECORDS: Final = ("__dataclass_fields__", "__pydantic_fields__", "__total__")
_Schema = dict[str, Any]


def tool_facts(function: Any, parameters: Iterable[Parameter] | None, namespace: Mapping[str, Any]) -> SpanFacts | None:
    """Return the facts that every call of a tool records; ``None`` if there are none.

    Args:
        function: the tool.
        parameters: the parameters that a caller fills; ``None`` if they are unknown.
        namespace: the names that string annotations may use.
    """
    found: dict[str, Any] = {}
    text = _description(function)
    if text:
        found["tool_description"] = text
    if parameters is not None:
        schema = to_json(_schema_of(parameters, namespace))
        if len(schema) <= _LARGEST:
            found["tool_parameters"] = schema.decode()
    return cast("SpanFacts", SharedFacts(found)) if found else None


def _description(function: Any) -> str | None:
    """Return the docstring of a function up to its sections for arguments and results."""
    below = function_below(function)
    text: object = None if below is None else below.__doc__
    if type(text) is not str:
        return None
    lines: list[str] = []
    for line in inspect.cleandoc(text[: 4 * _LONGEST]).splitlines():
        if line.strip().lower().startswith(_SECTIONS):
            break
        lines.append(line)
    return "\n".join(lines).strip()[:_LONGEST] or None


def _schema_of(parameters: Iterable[Parameter], namespace: Mapping[str, Any]) -> _Schema:
    """Return the JSON schema of parameters, read from their annotations and defaults."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    schema: _Schema = {"type": "object", "properties": properties}
    for one in parameters:
        if one.kind is Parameter.VAR_POSITIONAL or is_injected_by_annotation(one.annotation, namespace):
            continue
        if one.kind is Parameter.VAR_KEYWORD:
            schema["additionalProperties"] = True
            continue
        properties[one.name] = {} if one.annotation is Parameter.empty else _schema(_form(one.annotation))
        if one.default is Parameter.empty:
            required.append(one.name)
    return {**schema, "required": required} if required else schema


class _Form(NamedTuple):
    """The name and arguments of an annotation; for a ``Literal``, its values."""

    name: str
    arguments: tuple[Any, ...] = ()


_UNKNOWN: Final = _Form("")


def _form(annotation: Any) -> _Form:
    """Return the form of an annotation, which may be an object or a string."""
    if type(annotation) is str:
        return _parsed(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _Form("Literal", arguments)
    if origin in (Union, types.UnionType):
        return _Form("Union", tuple(map(_form, arguments)))
    if origin is Annotated:
        return _form(arguments[0])
    kind: Any = type(None) if annotation is None else annotation if origin is None else origin
    return _of_class(kind, arguments) if introspection.has_base(cast("type[object]", type(kind)), type) else _UNKNOWN


def _of_class(kind: type, arguments: tuple[Any, ...]) -> _Form:
    """Describe an annotation that is a class: an enumeration, a record, or its name with the type arguments."""
    if introspection.has_base(kind, Enum):
        members: Any = introspection.class_value(kind, "_value2member_map_")
        values = tuple(cast("dict[object, object]", members)) if members else ()
        return _Form("Literal", values)
    if any(introspection.class_value(kind, name) is not None for name in _OF_RECORDS):
        return _Form("dict")
    return _Form(introspection.short_name(kind), tuple(_form(one) for one in arguments if one is not ...))


def _parsed(annotation: str) -> _Form:
    try:
        return _of_node(ast.parse(annotation[:_LONGEST].strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _UNKNOWN


def _of_node(node: ast.expr) -> _Form:
    """Return the form of a string annotation, from its syntax tree."""
    if isinstance(node, ast.Constant):
        return _form(node.value) if node.value is None or type(node.value) is str else _UNKNOWN
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = (_of_node(node.left), _of_node(node.right))
        return _Form(
            "Union", tuple(one for side in sides for one in (side.arguments if side.name == "Union" else [side]))
        )
    if not isinstance(node, ast.Subscript):
        return _Form(_last_name(node))
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return _of_subscript(_last_name(node.value), arguments)


def _of_subscript(name: str, nodes: list[ast.expr]) -> _Form:
    """Describe an annotation that is a string such as ``Literal[…]`` or ``Optional[…]``, from its syntax tree."""
    if name == "Literal":
        return _Form(name, tuple(one.value if isinstance(one, ast.Constant) else ... for one in nodes))
    found = tuple(_of_node(one) for one in nodes if not (isinstance(one, ast.Constant) and one.value is ...))
    if name == "Optional":
        return _Form("Union", (*found, _Form("None")))
    return found[0] if name == "Annotated" else _Form(name, found)


def _last_name(node: ast.expr) -> str:
    """Return ``Sequence`` for ``typing.Sequence``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _schema(form: _Form, depth: int = _DEPTH) -> _Schema:
    """Return the schema of an annotation; an empty one, which allows anything, if it is unknown."""
    if form.name == "Literal":
        plain = all(type(value) in (str, int, bool, type(None)) for value in form.arguments)
        return {"enum": list(form.arguments)} if plain else {}
    inner = [_schema(one, depth - 1) for one in form.arguments] if depth > 0 else []
    if form.name == "Union":
        return {} if not all(inner) else {"anyOf": inner} if len(inner) > 1 else inner[0] if inner else {}
    kind = _NAMES.get(form.name)
    if kind is None:
        return {}
    more = {"format": _FORMATS[form.name]} if form.name in _FORMATS else _inside(kind, inner)
    return {"type": kind, **more}


def _inside(kind: str, inner: list[_Schema]) -> _Schema:
    """Return the schema for the content of a list or mapping."""
    if kind == "array" and inner:
        return {"items": inner[0]} if all(one == inner[0] for one in inner) else {"prefixItems": inner}
    return {"additionalProperties": inner[1]} if kind == "object" and len(inner) == 2 and inner[1] else {}
