"""What the user marked as secret: ``Annotated[str, Secret]`` and pydantic's own secret types."""

from __future__ import annotations

import re
import sys
from collections import ChainMap
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from voltagent.capture.nodes import Masked
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.introspection import bases, class_dict, has_base

# What stands in the record where a secret stood.
SECRET_TEXT: Final = "[redacted]"  # noqa: S105 - it is what stands there instead

# What an annotation keeps out of the record: all of the value, or what is under these keys, at any depth of it.
Hidden: TypeAlias = "Literal[True] | frozenset[str]"

NOTHING_HIDDEN: Final[frozenset[str]] = frozenset()


class Secret:
    """Marks a parameter, a field or a result as secret: ``def login(user: str, key: Annotated[str, Secret])``.

    Its value never leaves the process: the record says ``"[redacted]"`` in its place.
    """

    __slots__ = ()


_SECRET_WORD: Final = re.compile(r"\bSecret(Str|Bytes)?\b")
_NAME: Final = re.compile(r"[^\W\d][\w.]*")
_DEPTH: Final = 32
_NO_NAMES: Final[Mapping[str, Any]] = {}


def hide(value: object, hidden: Hidden) -> object:
    """Return what to record of a value whose annotation hides ``hidden``."""
    if hidden is True:
        return SECRET_TEXT
    return Masked(value, hidden) if hidden else value


def hidden_in(annotation: object, names: Mapping[str, Any] = _NO_NAMES) -> Hidden:
    """Return what may not be recorded of a value so annotated.

    All of it for ``Annotated[..., Secret]`` (the class or an instance of it), ``pydantic.SecretStr``, ``SecretBytes``
    and ``Secret``, and for anything built over one of them: unions, containers, ``NewType``, ``type`` aliases. The keys
    of a ``TypedDict`` that are annotated so, wherever it stands in the annotation.

    A text, as ``from __future__ import annotations`` leaves it, is not evaluated: it hides all if it says one of these
    words, and else what is behind those of its words that are among ``names``. What cannot be looked into hides all.
    """
    try:
        return _hidden(annotation, names, _DEPTH, set())
    except Exception as exc:  # an alias that cannot be evaluated, or any object in the place of a type
        pass_on_interrupt(exc)
        return True


def joined(found: Iterable[Hidden]) -> Hidden:
    """Return what several annotations of one value hide together."""
    keys: set[str] = set()
    for one in found:
        if one is True:
            return True
        keys |= one
    return frozenset(keys)


def names_of(kind: type) -> Mapping[str, Any]:
    """Return the names of the module that a class was written in."""
    return _module_names(class_dict(kind).get("__module__"))


def _module_names(name: object) -> Mapping[str, Any]:
    module = sys.modules.get(name) if type(name) is str else None
    return cast(Mapping[str, Any], module.__dict__) if type(module) is ModuleType else _NO_NAMES


def _hidden(annotation: object, names: Mapping[str, Any], depth: int, seen: set[int]) -> Hidden:
    """Return what an annotation hides: all of a value, some keys of it, or nothing."""
    if type(annotation) is str:
        return _hidden_by_text(annotation, names, depth, seen)
    if annotation is Secret or type(annotation) is Secret:
        return True
    if has_base(type(annotation), type):
        kind = cast(type, annotation)
        if _is_secret_type(kind):
            return True
        return _hidden_keys(kind, names, depth, seen) if "__required_keys__" in class_dict(kind) else NOTHING_HIDDEN
    if depth <= 0 or id(annotation) in seen:  # an alias may stand for something with itself in it
        return NOTHING_HIDDEN
    module = getattr(annotation, "__forward_module__", None)
    if module is not None:
        names = ChainMap(cast(Any, _module_names(module)), cast(Any, names))
    seen.add(id(annotation))
    found = joined([_hidden(part, names, depth - 1, seen) for part in _parts(annotation)])
    seen.discard(id(annotation))
    return found


def _hidden_by_text(annotation: str, names: Mapping[str, Any], depth: int, seen: set[int]) -> Hidden:
    """Return what an annotation in a string hides, by the names in it."""
    if _SECRET_WORD.search(annotation):
        return True
    if depth <= 0:
        return NOTHING_HIDDEN
    found = [_named(word, names) for word in _NAME.findall(annotation)]
    return joined([_hidden(one, names, depth - 1, seen) for one in found if one is not None and type(one) is not str])


def _named(word: str, names: Mapping[str, Any]) -> object:
    """Return what a name stands for, ``module.name`` too; ``None`` where that is not known."""
    first, *rest = word.split(".")
    found: object = names.get(first)
    for part in rest:
        if type(found) is ModuleType:
            found = vars(found).get(part)
        else:
            found = class_dict(cast(type, found)).get(part) if has_base(type(found), type) else None
    return found


def _hidden_keys(kind: type, names: Mapping[str, Any], depth: int, seen: set[int]) -> Hidden:
    """Return the secret keys of a TypedDict and of those within it, each visited once: they may name each other."""
    if id(kind) in seen:
        return NOTHING_HIDDEN
    seen.add(id(kind))
    inside = ChainMap(cast(Any, names_of(kind)), cast(Any, names))
    fields = cast("dict[str, object]", class_dict(kind).get("__annotations__", {}))
    keys: set[str] = set()
    for name, annotation in fields.items():
        found = _hidden(annotation, inside, depth - 1, seen)
        keys |= {name} if found is True else found
    return frozenset(keys)


def _is_secret_type(kind: type) -> bool:
    """Return whether a class is one of pydantic's own secret types. It is not imported for that: it takes 20 ms."""
    module = sys.modules.get("pydantic.types")  # if it is not loaded, no annotation can name one of its types
    secret_types = [vars(module).get(name) for name in ("SecretStr", "SecretBytes", "Secret")] if module else []
    return any(base is one for base in bases(kind) for one in secret_types)


def _parts(annotation: Any) -> tuple[object, ...]:
    """Return what an annotation is built from."""
    parts: tuple[object, ...] = get_args(annotation)
    about = ("__origin__", "__forward_arg__", "__supertype__", "__value__", "__bound__")
    more = [part for part in (getattr(annotation, name, None) for name in about) if part is not None]
    inner = [item for part in parts if type(part) is list for item in cast("list[object]", part)]
    constraints: tuple[object, ...] = getattr(annotation, "__constraints__", ())
    return (*parts, *more, *inner, *constraints)
