"""Names: their spelling in the API, and the nearest known one for one that was misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, or ``None`` where none is like it."""
    from difflib import get_close_matches  # for mistakes only: a program without any does not pay for it

    return next(iter(get_close_matches(name, list(known), n=1)), None)


def snake_to_camel(snake_str: str) -> str:
    """``prompt_tokens`` becomes ``promptTokens``; text without an underscore stays as it is."""
    first, *rest = snake_str.split("_")
    return first + "".join(word.capitalize() for word in rest)


def convert_metadata_to_camel_case(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """A copy of ``metadata`` with camelCase keys, through nested dicts (but not into lists).

    Gives ``None`` for ``None``. A key that is not text stays as it is.
    """
    if not metadata:
        return metadata
    return {_camel_key(key): _camel_value(value) for key, value in metadata.items()}


def _camel_key(key: object) -> Any:
    return snake_to_camel(key) if isinstance(key, str) else key


def _camel_value(value: Any) -> Any:
    return convert_metadata_to_camel_case(cast(dict[str, Any], value)) if isinstance(value, dict) else value
