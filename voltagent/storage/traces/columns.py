"""Decode the JSON text of columns.

Another program or a bad disk may have changed it. One unreadable value must not hide the others: it is shown as
damaged, with its raw content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json, to_json

from voltagent.capture.usage import summed
from voltagent.core.json_objects import merge_objects

Json: TypeAlias = Any  # a JSON value as the json module decodes it
_Stored: TypeAlias = "str | bytes | int | float | None"  # a string, unless another program changed it

DAMAGED: Final = "damaged"  # the key, or the string, that marks a damaged value
_SHOWN: Final = 200  # characters of the raw content to show
_NONE: Final = object()


def value(stored: _Stored) -> Json:
    """Decode an input or output; ``{"damaged": text}`` if it is not JSON."""
    found = None if stored is None else _parsed(stored)
    return _marked(stored) if found is _NONE else found


def error(stored: _Stored) -> Json:
    """Decode an error: a string, or an object with ``message``."""
    found = None if stored is None else _parsed(stored)
    return f"{DAMAGED}: {text(stored)[:_SHOWN]}" if found is _NONE else found


def tags(stored: _Stored) -> tuple[str, ...]:
    """Decode a list of strings."""
    if stored is None:
        return ()
    found = _parsed(stored)
    return tuple(map(str, cast("list[object]", found))) if isinstance(found, list) else (DAMAGED,)


def usage(stored: _Stored) -> dict[str, Json] | None:
    """Decode a usage: an object with counts and perhaps more."""
    return None if stored is None else _object(stored)


def summed_usage(stored: _Stored) -> dict[str, Json] | None:
    """Sum several usages, one per line; a damaged one counts as empty."""
    return None if stored is None else summed(map(_object, _lines(stored)))


def start(stored: object) -> int:
    """Return when something began, in nanoseconds since the epoch; 0 if the column holds no time."""
    return end(stored) or 0


def end(stored: object) -> int | None:
    """Return when something ended, in nanoseconds since the epoch; ``None`` if the column holds no time."""
    return stored if isinstance(stored, int) and _FIRST_NS <= stored <= _LAST_NS else None


_FIRST_NS: Final = -62_135_596_800 * 10**9  # the year 1
_LAST_NS: Final = 253_402_214_400 * 10**9  # the last day of the year 9999


def merged(parts: Iterable[_Stored]) -> dict[str, Json]:
    """Merge metadata: objects, one per line; later ones win."""
    return merge_objects((line for part in parts for line in _lines(part)), _object)


def plain(stored: _Stored) -> str | None:
    """Return a name, an id or another short text."""
    return stored if stored is None or isinstance(stored, str) else text(stored)


def name(stored: _Stored) -> str:
    """Return a text that each row has; an empty one if another program has taken it away."""
    return plain(stored) or ""


def score_value(kind: object, stored: _Stored) -> bool | float | str:
    """Return the value of a score; what is neither a number nor a text is shown as text."""
    if isinstance(stored, (int, float)):
        return bool(stored) if kind == "bool" else stored
    return text(stored)


def payload(stored: _Stored) -> bytes | None:
    """Return the JSON text of an input, output or error, to send it on."""
    if stored is None:
        return None
    return to_json(_marked(stored)) if _parsed(stored) is _NONE else text(stored).encode()


def payloads(stored: _Stored) -> tuple[bytes, ...]:
    """Return the JSON texts of metadata: objects, one per line."""
    return tuple(
        text(line).encode() if isinstance(_parsed(line), dict) else to_json(_marked(line)) for line in _lines(stored)
    )


def text(stored: _Stored) -> str:
    """Return the raw content as a string."""
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)


def _parsed(stored: _Stored) -> Any:
    try:
        return from_json(cast(str, stored))
    except (ValueError, TypeError):
        return _NONE


def _object(stored: _Stored) -> dict[str, Json]:
    found = _parsed(stored)
    return cast("dict[str, Json]", found) if isinstance(found, dict) else _marked(stored)


def _lines(stored: _Stored) -> Sequence[_Stored]:
    if stored is None:
        return ()
    # splitlines() would also split within JSON strings
    return stored.split("\n") if isinstance(stored, str) else (stored,)


def _marked(stored: _Stored) -> dict[str, Json]:
    return {DAMAGED: text(stored)[:_SHOWN]}
