"""Token usage: what callers give, and what an agent's result carries, in one spelling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MemberDescriptorType
from typing import Any, Final, cast

from pydantic_core import from_json

from voltagent.capture import options
from voltagent.capture.snapshot import Snapshot
from voltagent.core import introspection
from voltagent.errors import ValidationError

__all__ = ["checked", "from_result", "is_count", "summed"]

# The spellings that model providers use -> ours.
_SPELLINGS: Final[Mapping[str, str]] = {
    "promptTokens": "prompt_tokens",
    "completionTokens": "completion_tokens",
    "totalTokens": "total_tokens",
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "inputTokens": "prompt_tokens",
    "outputTokens": "completion_tokens",
}
_LARGEST: Final = 16_384  # bytes of all further values
_MOST: Final = 1024  # of them that are looked at
_snapshot: Final = Snapshot()
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
_COUNTS: Final = (*_SPELLINGS, *_TOKENS)


def checked(usage: object) -> dict[str, Any] | None:
    """The usage a caller gave (mapping or model) as a dict of our own.

    Raises:
        ValidationError: it is neither, or a token count is no number.
    """
    if usage is None:
        return None
    given = options.fields_of("usage", usage)
    if given is None:
        raise ValidationError(f"usage must be a mapping or a TokenUsage, not {introspection.short_name(type(usage))}")
    result: dict[str, Any] = {}
    more: dict[str, Any] = {}
    # counts first, so that none is lost among very many other things
    for key in (*(name for name in _COUNTS if name in given), *islice(given, _MOST)):
        value = given[key]
        if type(key) is not str:
            continue
        name = _SPELLINGS.get(key, key)
        if name in _TOKENS and value is not None:
            result[name] = _counted(key, value)
        elif value is not None:
            more[name] = value
    # what else is in it is any object of the user's: a snapshot of it is kept, as of everything
    return result | (from_json(_snapshot.encode_object(more, _LARGEST)) if more else {})


def _counted(key: str, value: object) -> int | float:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    raise ValidationError(f"usage[{key!r}] must be a number of tokens, not {_shown(value)}")


def _shown(value: object) -> str:
    return str(value) if type(value) is float else type(value).__name__


def from_result(result: object) -> dict[str, Any] | None:
    """The usage in an agent's result, where it has the usual shape, else ``None``. Never runs code of the result's."""
    usage = _stored(result, "usage")
    if usage is None:
        return None
    found: dict[str, Any] = {}
    for name in (*_TOKENS, "input_tokens", "output_tokens"):
        value = _stored(usage, name)
        if type(value) is int:
            found.setdefault(_SPELLINGS.get(name, name), value)
    if found and "total_tokens" not in found and len(found) == 2:  # both halves are known
        found["total_tokens"] = found["prompt_tokens"] + found["completion_tokens"]
    return found or None


def summed(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The sum of several usages: every count by itself, everything else left out; ``None`` where there is none."""
    total: dict[str, Any] | None = None
    for usage in usages:
        total = {} if total is None else total
        for name, count in usage.items():
            if is_count(count):
                total[name] = total.get(name, 0) + count
    return total


def is_count(value: object) -> bool:
    """Whether it is a number that can be added up: neither NaN nor beyond 64 bits, which an ``int`` of JSON may be."""
    return type(value) in (int, float) and -_MOST_COUNTED <= cast("float", value) <= _MOST_COUNTED


_MOST_COUNTED: Final = 2**63


def _stored(holder: object, name: str) -> object:
    """A dict's value, or an attribute that is stored in the object: properties are not run."""
    if type(holder) is dict:
        return cast("dict[str, object]", holder).get(name)
    for owner in introspection.bases(type(holder)):
        slot = introspection.class_dict(owner).get(name)
        if type(slot) is MemberDescriptorType:
            try:
                return slot.__get__(holder)
            except AttributeError:
                return None
    try:
        fields = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return None
    return cast("dict[str, object]", fields).get(name) if type(fields) is dict else None
