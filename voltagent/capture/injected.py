"""Objects that frameworks inject into the calls of functions: run contexts, requests, run managers, placeholders.

Like ``self`` they are no input of the user's, and they refer to all that a framework has. They are known by the class
of the value (top-level package and name, which stay when a library moves its modules), or by the annotation of the
parameter, as some of them are plain dictionaries. Nothing is imported, and no code of theirs runs.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

from voltagent.capture.stored_fields import is_kind_of, name_in_package
from voltagent.core import introspection
from voltagent.core.guard import pass_on_interrupt

_RUNS: Final = tuple(f"{prefix}{name}" for prefix in ("", "Async") for name in (
    *(f"CallbackManagerFor{run}" for run in ("ChainRun", "ChainGroup", "LLMRun", "RetrieverRun", "ToolRun")),
    "ParentRunManager",
))  # fmt: skip
_MANAGERS: Final = ("BaseRunManager", "RunManager", "AsyncRunManager", "BaseCallbackManager", "CallbackManager",
                    "AsyncCallbackManager")  # fmt: skip
# What clients of models put in place of an argument that is not given.
_PLACEHOLDERS: Final = tuple((package, name) for package in ("openai", "anthropic") for name in ("Omit", "NotGiven"))

# Package and name of a class; a class derived from it is injected as well.
_INJECTED: Final = (
    ("pydantic_ai", "RunContext"),
    ("agents", "RunContextWrapper"),
    ("agents", "ToolContext"),
    ("langchain_core", "RunnableConfig"),
    *(("langchain_core", name) for name in (*_RUNS, *_MANAGERS)),
    ("langgraph", "ToolRuntime"),
    ("langchain", "ToolRuntime"),
    ("langgraph", "Runtime"),
    ("mcp", "Context"),
    ("mcp", "RequestContext"),
    ("fastmcp", "Context"),
    ("google", "ReadonlyContext"),  # of the Agent Development Kit: tool contexts, too
    ("strands", "ToolContext"),
    ("workflows", "Context"),  # of LlamaIndex
    ("llama_index", "Context"),
    ("click", "Context"),
    ("starlette", "HTTPConnection"),  # requests and web sockets, FastAPI's included
    ("starlette", "Request"),
    ("starlette", "WebSocket"),
    ("fastapi", "Request"),
    ("fastapi", "WebSocket"),
    ("flask", "Request"),
    ("werkzeug", "Request"),
    ("werkzeug", "LocalProxy"),  # what `flask.request` is
    ("django", "HttpRequest"),
    ("aiohttp", "BaseRequest"),
    ("flask_sock", "Server"),
    ("simple_websocket", "Base"),
    ("celery", "Task"),
    ("celery", "PromiseProxy"),  # the type behind the name of a task in a module
    *_PLACEHOLDERS,
)
# In `Annotated`: what a framework fills in.
_MARKERS: Final = (
    ("langgraph", "InjectedState"),
    ("langgraph", "InjectedStore"),
    ("langchain_core", "InjectedToolArg"),
)
# Names that say enough by themselves, where an annotation is a text whose names are not imported at run time.
_DISTINCT: Final = frozenset(("RunContext", "RunContextWrapper", "RunnableConfig", "ToolRuntime", "InjectedState",
                              "InjectedStore", "InjectedToolArg", *_RUNS))  # fmt: skip
_NAME: Final = re.compile(r"[^\W\d][\w.]*")
_AROUND: Final = frozenset(("Optional", "Union", "Annotated", "None"))
# types that are not examined further
_PLAIN: Final = frozenset(map(id, (str, int, float, bool, type(None), dict, list, tuple, bytes)))


def is_injected_class(kind: type) -> bool:
    """Return whether a framework injects objects of a class."""
    return is_kind_of(kind, _INJECTED)


_BY_TYPE: Final = introspection.PerType(is_injected_class)


def is_injected(value: object) -> bool:
    """Return whether a framework injects objects of this class. Found out once for each class."""
    kind = type(value)
    return id(kind) not in _PLAIN and _BY_TYPE.of(kind)


def is_placeholder(value: object) -> bool:
    """Return whether a value stands for an argument that was not given, so that it is left out wherever it is."""
    kind = type(value)
    return id(kind) not in _PLAIN and _IS_PLACEHOLDER.of(kind)


_IS_PLACEHOLDER: Final = introspection.PerType(lambda kind: is_kind_of(kind, _PLACEHOLDERS))


def without_injected(named: dict[str, Any]) -> dict[str, Any]:
    """Return the values without those that are injected; the dict itself if there are none."""
    if any(map(is_injected, named.values())):
        return {name: value for name, value in named.items() if not is_injected(value)}
    return named


def is_injected_by_annotation(annotation: object, names: Mapping[str, Any]) -> bool:
    """Return whether the annotation of a parameter says that a framework fills it in, alone or with ``None``.

    ``names`` are those that an annotation which is a text may use.
    """
    try:
        return _says_so(annotation, names)
    except Exception as exc:  # an annotation may be any object
        pass_on_interrupt(exc)
        return False


def _says_so(annotation: Any, names: Mapping[str, Any]) -> bool:
    """Return whether an annotation names an injected class: as a string, in a union, or as a mark of ``Annotated``."""
    if type(annotation) is str:
        return _text_says_so(annotation, names)
    origin = get_origin(annotation)
    if origin is Annotated:
        first, *marks = get_args(annotation)
        return any(_is_class(mark, _MARKERS) for mark in marks) or _says_so(first, names)
    if origin in (Union, types.UnionType):
        members = [one for one in get_args(annotation) if one is not type(None)]
        return bool(members) and all(_says_so(one, names) for one in members)
    return _is_class(annotation if origin is None else origin, _INJECTED)


def _is_class(value: object, known: tuple[tuple[str, str], ...]) -> bool:
    kind: Any = value if introspection.has_base(type(value), type) else type(value)
    # A `TypedDict` has no bases but `dict`.
    return is_kind_of(kind, known) or name_in_package(kind) in known


def _text_says_so(annotation: str, names: Mapping[str, Any]) -> bool:
    words = [word for word in _NAME.findall(annotation) if word.rpartition(".")[2] not in _AROUND]
    if "Annotated" in annotation and any(_word_is(word, names, _MARKERS) for word in words[1:]):
        return True
    return bool(words) and _word_is(words[0], names, _INJECTED) and not _has_other_members(annotation, words[0])


def _has_other_members(annotation: str, word: str) -> bool:
    """Return whether a union, written with bars, has another member than ``None``."""
    opening, closing = annotation.find("["), annotation.rfind("]")
    outside = annotation[:opening] + annotation[closing + 1 :] if 0 <= opening < closing else annotation
    return any(part.strip() not in ("None", word, "Optional", "typing.Optional") for part in outside.split("|"))


def _word_is(word: str, names: Mapping[str, Any], known: tuple[tuple[str, str], ...]) -> bool:
    """Return whether a dotted name stands for one of the known classes; a name that is not defined counts by itself."""
    first, *rest = word.split(".")
    found: object = names.get(first)
    for part in rest:
        found = cast("Any", vars(found).get(part)) if type(found) is types.ModuleType else None
    if found is None:
        return word.rpartition(".")[2] in _DISTINCT
    return _is_class(found, known) or _is_class(get_origin(found) or found, known)
