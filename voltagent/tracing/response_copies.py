"""Recognise a copy of a model's response that has neither its id nor its usage object, by its numbers.

Frameworks copy responses into objects of their own, and leave out some numbers, the id or the full name of the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from voltagent.capture.results import Response

# What an operation counted: usage, id and model of the response, and whether it is the sum of others in the same list.
Counted: TypeAlias = tuple[Mapping[str, Any], str | None, str | None, bool]

_COMPARED: Final = (
    "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"
)  # fmt: skip
_OF_FRAMEWORKS: Final = ("run-", "lc_run-")  # how ids begin that LangChain makes for responses without one
_PROVIDER_ENDS: Final = ("/", ".", ":")
_VERSION: Final = re.compile(r"[-@:](?:latest|v?\d[\d.:@-]*)")


def numbers_of(usage: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the tokens of the prompt and of the answer, each ``None`` if it is unknown."""
    return usage.get("prompt_tokens"), usage.get("completion_tokens")


def take_original(response: Response, originals: Mapping[tuple[Any, Any], list[Counted]]) -> bool:
    """Take away what a response may be a copy of, by its numbers; return whether there was any."""
    prompt, completion = numbers_of(response.usage)
    near = ((prompt, completion), (prompt, None), (None, completion), (None, None))
    for some in originals.values() if None in near[0] else [originals[one] for one in near if one in originals]:
        for place, original in enumerate(some):
            if _may_be_copy(response, original):
                del some[place]
                return True
    return False


def _may_be_copy(response: Response, original: Counted) -> bool:
    """Return whether a response may be what an operation counted: the numbers that both have are equal.

    Two ids, or the names of two models, are those of two responses. An answer is no copy of an embedding.
    """
    usage, identifier, model, _ = original
    if response.usage.get("completion_tokens") and "completion_tokens" not in usage:
        return False
    shared = [name for name in _COMPARED if name in usage and name in response.usage]
    if not shared or any(usage[name] != response.usage[name] for name in shared):
        return False
    if model is not None and response.model is not None and not _is_same_model(model, response.model):
        return False
    ids = [one for one in (identifier, response.id) if one is not None and not one.startswith(_OF_FRAMEWORKS)]
    return len(ids) < 2 or ids[0] == ids[1]


def _is_same_model(one: str, other: str) -> bool:
    """Return whether two names are of one model: but for a provider before it, a date or a version behind it.

    One may have the provider, and the other the date: of `openai/gpt-5-mini`, `gpt-5-mini-2026-01-15` answers.
    """
    return _is_version(one, other) or _is_version(other, one)


def _is_version(long: str, short: str) -> bool:
    """Return whether a name is another one with a provider or a version, or with a version instead of a provider."""
    before, found, after = long.partition(short)
    if found and before[-1:] in ("", *_PROVIDER_ENDS):
        return not after or _VERSION.fullmatch(after) is not None
    bare = (short[at + 1 :] for at, character in enumerate(short) if character in _PROVIDER_ENDS)
    names = (name for name in bare if name[:1].isalpha() and long.startswith(name))
    return any(_VERSION.fullmatch(long, len(name)) is not None for name in names)
