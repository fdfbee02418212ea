"""Normalise token usage to one spelling, whether a model provider, a framework or the caller counted.

The keys are ``prompt_tokens`` (all input tokens, cached ones included), ``completion_tokens`` (reasoning included),
``total_tokens``, ``cached_tokens``, ``cache_write_tokens``, ``reasoning_tokens`` and ``cost``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from gc import get_referents
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.option_values import as_mapping
from voltagent.capture.snapshot import Snapshot
from voltagent.capture.stored_fields import as_number, fields_of, stored_in
from voltagent.core import introspection
from voltagent.core.guard import log_once
from voltagent.core.naming import nearest
from voltagent.errors import ValidationError

# How providers, frameworks and other conventions spell a count -> our key.
TOKEN_SPELLINGS: Final[Mapping[str, str]] = {
    spelling: key
    for key, spellings in {
        "prompt_tokens": (
            "prompt_tokens promptTokens input_tokens inputTokens prompt_token_count promptTokenCount prompt_eval_count "
            "input_token_count inputTokenCount"
        ),
        "completion_tokens": (
            "completion_tokens completionTokens output_tokens outputTokens candidates_token_count "
            "candidatesTokenCount eval_count output_token_count outputTokenCount"
        ),
        "total_tokens": "total_tokens totalTokens total_token_count totalTokenCount",
        "cached_tokens": (
            "cached_tokens cachedTokens cache_read_input_tokens cacheReadInputTokens cache_read_tokens "
            "cached_content_token_count cachedContentTokenCount cached_prompt_tokens cached_input_tokens "
            "cachedInputTokens cacheReadInputTokenCount prompt_cache_hit_tokens"
        ),
        "cache_write_tokens": (
            "cache_write_tokens cacheWriteTokens cache_creation_input_tokens cacheWriteInputTokens "
            "cacheWriteInputTokenCount "
            "cache_creation_tokens cache_written_tokens"
        ),
        "reasoning_tokens": (
            "reasoning_tokens reasoningTokens thoughts_token_count thoughtsTokenCount output_reasoning_tokens "
            "reasoning_output_tokens"
        ),
    }.items()
    for spelling in spellings.split()
}
_SPELLINGS: Final[Mapping[str, str]] = {**TOKEN_SPELLINGS, "cost": "cost"}
# What Langfuse calls the counts of a call. Read only of a usage that a caller names as such: a result may have an
# `input` that is something else.
_SHORT: Final = {"input": "prompt_tokens", "output": "completion_tokens", "total": "total_tokens"}
_COSTS: Final = ("cost", "total_cost", "totalCost", "total_cost_usd", "cost_usd")
# The objects with details that some nest in their usage -> what is in them.
_IN_PROMPT: Final = {
    "cached_tokens": "cached_tokens",
    "cache_read": "cached_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_creation_tokens": "cache_write_tokens",
    "cache_creation": "cache_write_tokens",
}
_IN_COMPLETION: Final = {
    "reasoning_tokens": "reasoning_tokens",
    "thinking_tokens": "reasoning_tokens",
    "reasoning": "reasoning_tokens",
}
_DETAILS: Final[Mapping[str, Mapping[str, str]]] = {
    "prompt_tokens_details": _IN_PROMPT,
    "input_tokens_details": _IN_PROMPT,
    "input_token_details": _IN_PROMPT,
    "promptTokensDetails": {"cachedTokens": "cached_tokens", "cached_tokens": "cached_tokens"},
    "inputTokensDetails": {"cachedTokens": "cached_tokens"},
    "completion_tokens_details": _IN_COMPLETION,
    "output_tokens_details": _IN_COMPLETION,
    "output_token_details": _IN_COMPLETION,
    "completionTokensDetails": {"reasoningTokens": "reasoning_tokens", "reasoning_tokens": "reasoning_tokens"},
    "outputTokensDetails": {"reasoningTokens": "reasoning_tokens"},
    "details": {"reasoning_tokens": "reasoning_tokens"},
    "cost": {"total_cost": "cost"},  # Perplexity
}
# What a provider does not include in the number that it calls input or output.
_BESIDE: Final = (
    ("input_tokens", ("cache_read_input_tokens", "cache_creation_input_tokens")),  # Anthropic
    ("inputTokens", ("cacheReadInputTokens", "cacheWriteInputTokens")),  # Bedrock
    ("inputTokens", ("cacheReadInputTokenCount", "cacheWriteInputTokenCount")),  # Amazon's Nova
    ("prompt_token_count", ("tool_use_prompt_token_count",)),  # Google
    ("promptTokenCount", ("toolUsePromptTokenCount",)),
    ("candidates_token_count", ("thoughts_token_count",)),
    ("candidatesTokenCount", ("thoughtsTokenCount",)),
)
_COST_NAMES: Final = frozenset(_COSTS)
_LARGEST: Final = 16_384  # bytes of all further values
_MOST: Final = 1024  # of them that are read
_READ: Final = (*_SPELLINGS, *_DETAILS, *(name for name in _COSTS if name not in _SPELLINGS))
_MOST_KNOWN: Final = 256  # combinations of names that are remembered, and names in one
_MOST_COUNTED: Final = 2**63
_LONGEST_COUNT: Final = 24  # characters of a number in a string
_LEAST_COUNTED: Final = -_MOST_COUNTED  # by name: it would be computed for each number
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
_OURS: Final = (*_TOKENS, "cached_tokens", "cache_write_tokens", "reasoning_tokens", "cost")
_MOST_READ_FOR_HINT: Final = 16  # names that may be misspelt
_LONGEST_NAME: Final = 50  # characters of them
_INTEGER: Final = frozenset((id(int),))
_snapshot: Final = Snapshot()


def is_spelling(name: str) -> bool:
    """Return whether a key of a usage is one of the known numbers, in any spelling, or holds their details."""
    return name in _SPELLINGS or name in _DETAILS


def counted(usage: object) -> dict[str, Any] | None:
    """Return the numbers in any usage as a provider or framework stores them; ``None`` if there are none.

    Nothing of the object's own code runs. A total is computed only if both of its parts are known.
    """
    fields = stored_in(usage)
    found: dict[str, Any] = {}
    counts, nested, has_cost, beside, is_ordered = _NAMES.in_(fields)
    _collect(found, fields, counts)
    for name, spellings in nested:
        if fields[name] is not None:
            details = stored_in(fields[name])
            _collect(found, details, spellings.in_(details)[0])
    if has_cost:
        _add_cost(fields, found)
    if not found:
        return None
    added = bool(beside) and _add_beside(fields, found, beside)
    if added or "total_tokens" not in found:
        _complete(found)
    elif is_ordered:
        return found
    return {key: found[key] for key in _OURS if key in found}


class _Spellings:
    """How counts are spelled in one kind of object. What is read of it is found once for the names of its fields."""

    __slots__ = ("_keys", "_known", "_nested", "places")

    def __init__(self, keys: Mapping[str, str], nested: Mapping[str, _Spellings] | None = None) -> None:
        self._keys = keys
        self._nested = nested or {}
        self._known: dict[tuple[str, ...], _Names] = {}
        self.places = sorted({_OURS.index(key) for key in keys.values()})

    def in_(self, fields: Mapping[str, Any]) -> _Names:
        """Return what is to be read of these fields."""
        # As many visits of CPython's collector as values mean that every name is a string: see `capture.fast_path`.
        if len(fields) > _MOST_KNOWN or len(get_referents(fields)) != len(fields):
            return self._find([name for name in islice(fields, _MOST) if type(name) is str])
        names = tuple(fields)
        known = self._known.get(names)
        if known is None:
            known = self._find(names)
            if len(self._known) < _MOST_KNOWN and sum(map(len, names)) <= _MOST:
                self._known[names] = known
        return known

    def _find(self, names: Sequence[str]) -> _Names:
        """Return how to read a usage whose fields have these names."""
        counts = [(name, self._keys[name]) for name in names if name in self._keys]
        nested = [(name, self._nested[name]) for name in names if name in self._nested]
        counts.sort(key=lambda count: _OURS.index(count[1]))
        nested.sort(key=lambda one: one[1].places)
        places = [_OURS.index(key) for _, key in counts] + [place for _, inner in nested for place in inner.places]
        beside = tuple(row for row in _BESIDE if not set(row[1]).isdisjoint(names))
        has_cost = not _COST_NAMES.isdisjoint(names)
        return tuple(counts), tuple(nested), has_cost, beside, places == sorted(places)


# What is read of an object whose fields have certain names: names with our keys, names of details, whether there may be
# a cost, rows of what the provider counts beside its input and output, and whether all comes in our order.
_Names: TypeAlias = tuple[
    tuple[tuple[str, str], ...], tuple[tuple[str, _Spellings], ...], bool, tuple[tuple[str, tuple[str, ...]], ...], bool
]
_NAMES: Final = _Spellings(_SPELLINGS, {name: _Spellings(keys) for name, keys in _DETAILS.items()})


def _add_cost(fields: Mapping[str, Any], found: dict[str, Any]) -> None:
    costs = (_as_count(fields[name]) for name in _COSTS if name in fields)
    cost = next((cost for cost in costs if cost is not None), None)
    if cost is not None:
        found["cost"] = cost


def _collect(found: dict[str, Any], fields: Mapping[str, Any], names: Iterable[tuple[str, str]]) -> None:
    """Take the counts in some fields, the first one for each key."""
    for name, key in names:
        number = fields[name]
        if type(number) is not int:
            number = _as_count(number)
            if number is None:
                continue
        if key not in found and _LEAST_COUNTED <= number <= _MOST_COUNTED:
            found[key] = number


def _as_count(value: object) -> int | float | None:
    """Return a number of any numeric type, or one in plain decimal digits as some gateways send it: ``"12"``."""
    return as_number(value) if type(value) is not str else _in_digits(value)


def _in_digits(text: str) -> int | float | None:
    """Read a number in plain decimal digits; ``None`` for any other string."""
    if len(text) > _LONGEST_COUNT or not text.isascii():
        return None
    whole, point, part = text.partition(".")
    if not whole.isdigit() or (point and not part.isdigit()):
        return None
    return float(text) if point else int(text)


def _add_beside(fields: Mapping[str, Any], found: dict[str, Any], rows: Iterable[tuple[str, tuple[str, ...]]]) -> bool:
    """Add what the provider counts beside its input and output; whether there was any."""
    added = False
    for name, others in rows:
        counts = [count for other in others if (count := fields.get(other)) is not None]
        numbers = [count if type(count) is int else _as_count(count) or 0 for count in counts]
        given = fields.get(name)
        if numbers and (given is not None or name.startswith("candidates")):  # a model may give nothing but thoughts
            key = _SPELLINGS[name]
            if given is not None and found.get(key) != (given if type(given) is int else _as_count(given)):
                continue  # another spelling was read
            found[key] = found.get(key, 0) + sum(numbers)
            added = added or any(numbers)
    return added


def _complete(found: dict[str, Any]) -> None:
    if "prompt_tokens" in found and "completion_tokens" in found:
        found["total_tokens"] = found["prompt_tokens"] + found["completion_tokens"]


def checked_usage(usage: object) -> dict[str, Any] | None:
    """Return the usage that a caller gave (mapping, model or dataclass) as a dict of our own, in our spelling.

    Values of keys that are not ours are kept as a snapshot.

    Raises:
        ValidationError: it is neither, or a token count is not a number.
    """
    if usage is None:
        return None
    given = _fields(usage)
    if given is None:
        raise ValidationError(f"usage must be a mapping or a TokenUsage, got {introspection.short_name(type(usage))}")
    given = _with_long_names(given)
    if len(given) > _MOST:  # counts first, so that none is lost among very many other values
        given = {key: given[key] for key in (*filter(given.__contains__, _READ), *islice(given, _MOST))}
    result: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for key in (*(name for name in _SPELLINGS if name in given), *given):
        value = given[key]
        if type(key) is not str or value is None:
            continue
        name = _SPELLINGS.get(key, key)
        if name in _TOKENS or (key in _SPELLINGS and as_number(value) is not None):
            result.setdefault(name, _number(key, value))
        elif key not in _SPELLINGS or key == name:
            more[name] = value
    result.update(_in_our_sense(given))
    more = {name: value for name, value in more.items() if name not in result}
    # what else is in it is any object of the caller's: a snapshot of it is kept, as of everything
    return result | (from_json(_snapshot.encode_object(more, _LARGEST)) if more else {})


def _with_long_names(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a usage in which ``input``, ``output`` and ``total`` have the names of our counts if they are numbers."""
    if not any(name in given for name in _SHORT):
        return given
    short = {name for name in _SHORT if name in given and as_number(given[name]) is not None}
    return {_SHORT[name] if name in short else name: value for name, value in given.items()}


def has_counts(usage: Mapping[str, Any]) -> bool:
    """Return whether a checked usage has a count of tokens or a cost, not only figures of the program's own."""
    return any(name in usage for name in _OURS)


def report_misspelt(call: str, usage: Mapping[str, Any] | None) -> None:
    """Log that a checked usage has no known number, if a name in it resembles the name of one.

    Args:
        call: what the warning names, such as ``record()``.
    """
    if not usage or has_counts(usage):
        return
    for name in islice(usage, _MOST_READ_FOR_HINT):
        near = nearest(name[:_LONGEST_NAME], _SPELLINGS)
        if near is not None:
            message = "%s: usage has no count of tokens; %r is unknown, did you mean %r?"
            log_once(f"misspelt:{call}", logging.WARNING, message, call, name[:_LONGEST_NAME], near, aloud=True)
            return


def _in_our_sense(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a usage with those included that a provider counts apart.

    A total that the caller gave in our spelling stays as it is.
    """
    found = counted(dict(given)) or {}
    if given.get("total_tokens") is not None and all(key in _OURS for key in given if key in _SPELLINGS):
        found.pop("total_tokens", None)
    return found


def _fields(usage: object) -> Mapping[str, Any] | None:
    """Return the fields of a mapping, model or dataclass, or what any object stores that has token counts."""
    fields = as_mapping("usage", usage)
    if fields is not None:
        return fields
    is_dataclass = type(introspection.class_value(type(usage), "__dataclass_fields__")) is dict
    return fields_of(usage) if is_dataclass or counted(usage) is not None else None


def _number(key: str, value: object) -> int | float:
    number = as_number(value)
    if number is None:
        raise ValidationError(f"usage[{key!r}] must be a number of tokens, got {_shown(value)}")
    return number


def _shown(value: object) -> str:
    return str(value) if type(value) is float else introspection.short_name(type(value))


def summed(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the sum of several usages: every number by itself, everything else left out; ``None`` if there is none.

    In a sum of totals, a usage without one counts by its two parts, if both are known.
    """
    total: dict[str, Any] | None = None
    without_total = 0
    for usage in usages:
        total = {} if total is None else total
        if "total_tokens" not in usage:
            parts: Any = usage.get("prompt_tokens"), usage.get("completion_tokens")
            without_total += sum(parts) if is_count(parts[0]) and is_count(parts[1]) else 0
        for name, value in usage.items():
            number = value if type(value) is int else as_number(value)
            if number is not None and _LEAST_COUNTED <= number <= _MOST_COUNTED:
                total[name] = total.get(name, 0) + number
    if without_total and total is not None and "total_tokens" in total:
        total["total_tokens"] += without_total
    return total


def alone(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the sum of one usage: :func:`summed`, in a third of the time if it has nothing but small integers."""
    numbers = usage.values()
    is_plain = bool(numbers) and _INTEGER.issuperset(map(id, map(type, numbers)))
    return (
        dict(usage) if is_plain and _LEAST_COUNTED < min(numbers) <= max(numbers) < _MOST_COUNTED else summed((usage,))
    )


def total_tokens(usage: Mapping[str, Any] | None) -> int:
    """Return the total of a recorded usage, else the sum of its two parts; 0 if there are none."""
    if usage is None:
        return 0
    total = usage.get("total_tokens")
    parts = (total,) if is_count(total) else (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    return round(sum(cast("float", part) for part in parts if is_count(part)))


def is_count(value: object) -> bool:
    """Return whether it is a number that can be added up: not NaN, and within 64 bits."""
    return type(value) in (int, float) and _LEAST_COUNTED <= cast("float", value) <= _MOST_COUNTED
