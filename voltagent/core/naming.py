"""Names: their spelling in the API, and the nearest known name for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

_MUCH_ALIKE: Final = 0.8


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar known name; ``None`` if none is similar.

    A name that begins with another character has to be more similar: few misspell the first one.
    """
    from difflib import get_close_matches  # imported here, as only mistakes need it

    names = list(known)
    alike = get_close_matches(name, [one for one in names if one[:1].lower() == name[:1].lower()], n=1)
    return next(iter(get_close_matches(name, names, n=1, cutoff=_MUCH_ALIKE) or alike), None)


def snake_to_camel(snake_str: str) -> str:
    """Convert ``prompt_tokens`` to ``promptTokens``; a string without underscores stays as it is."""
    first, *rest = snake_str.split("_")
    return first + "".join(word.capitalize() for word in rest)


def convert_metadata_to_camel_case(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a copy of ``metadata`` with camelCase keys, through nested dicts (but not into lists).

    ``None`` yields ``None``. A key that is not a string stays as it is.
    """
    if not metadata:
        return metadata
    return {_camel_key(key): _camel_value(value) for key, value in metadata.items()}


def _camel_key(key: object) -> Any:
    return snake_to_camel(key) if isinstance(key, str) else key


def _camel_value(value: Any) -> Any:
    return convert_metadata_to_camel_case(cast(dict[str, Any], value)) if isinstance(value, dict) else value
