"""What the user marked as secret: ``Annotated[str, Secret]`` and pydantic's own secret types."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from voltagent._peek import bases, has_base

__all__ = ["SECRET_TEXT", "Secret", "is_secret_annotation", "names_a_secret"]

# What stands in the record where a secret stood.
SECRET_TEXT: Final = "[redacted]"  # noqa: S105 - it is what stands there instead


class Secret:
    """Marks a parameter or a field as secret: ``def login(user: str, key: Annotated[str, Secret])``.

    Its value never leaves the process: the record says ``"[redacted]"`` in its place.
    """

    __slots__ = ()


_SECRET_WORD: Final = re.compile(r"\bSecret(Str|Bytes)?\b")
_NAME: Final = re.compile(r"[^\W\d][\w.]*")


def is_secret_annotation(annotation: object) -> bool:
    """Whether a parameter so annotated may not be recorded.

    True for ``Annotated[..., Secret]`` (the class or an instance of it), ``pydantic.SecretStr``, ``SecretBytes`` and
    ``Secret``, and for anything built over one of them: unions, containers, ``NewType``, ``type`` aliases. An
    annotation that is still text, because its names could not be resolved, is secret if it says one of these names.
    """
    return _is_secret(annotation, 8)


def names_a_secret(annotation: str, names: Mapping[str, Any]) -> bool:
    """:func:`is_secret_annotation` for the text of an annotation, given the ``names`` of the module it stands in.

    The text is not evaluated: its names are looked up, one by one.
    """
    if _SECRET_WORD.search(annotation):
        return True
    words = _NAME.findall(annotation)
    return any(is_secret_annotation(names[word]) for word in words if type(names.get(word, "")) is not str)


def _is_secret(annotation: object, depth: int) -> bool:
    if type(annotation) is str:
        return _SECRET_WORD.search(annotation) is not None
    if annotation is Secret or type(annotation) is Secret:
        return True
    if has_base(type(annotation), type) and _is_secret_type(cast(type, annotation)):
        return True
    if depth <= 0:
        return False
    return any(_is_secret(part, depth - 1) for part in _parts(annotation))


def _is_secret_type(kind: type) -> bool:
    """Whether a class is one of pydantic's own secret types. It is not imported for that: it takes 20 ms."""
    module = sys.modules.get("pydantic.types")  # where it was not loaded yet, nobody can name one of its types
    secret_types = [vars(module).get(name) for name in ("SecretStr", "SecretBytes", "Secret")] if module else []
    return any(base is one for base in bases(kind) for one in secret_types)


def _parts(annotation: object) -> tuple[object, ...]:
    """What an annotation is built from."""
    parts: tuple[object, ...] = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    forward = getattr(annotation, "__forward_arg__", None)
    below = getattr(annotation, "__supertype__", None) or getattr(annotation, "__value__", None)
    more = [part for part in (origin, forward, below) if part is not None]
    inner = [item for part in parts if isinstance(part, list) for item in part]  # pyright: ignore
    return (*parts, *more, *inner)
