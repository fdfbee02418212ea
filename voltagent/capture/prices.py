"""The cost of model calls, by the user's price table. None is built in, because prices go out of date.

The format is the common one: a JSON object from model names to prices per token.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from pydantic_core import from_json

from voltagent.capture.stored_fields import as_number
from voltagent.errors import ValidationError

_MOST_MODELS: Final = 4096  # models whose look-up is cached
# Suffixes that do not change the model: a date (a year, with or without month and day; month and day, or year and
# month, of two digits each) or a version.
_VERSION: Final = re.compile(
    r"-20\d\d($|[^0-9A-Za-z]|\d{4}($|[^0-9A-Za-z]))|[@:]"
    r"|-((0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])|2\d(0[1-9]|1[0-2]))$"
)
_KEYS: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_creation",
}


class _Price(NamedTuple):
    """Prices of one model, per token; ``None`` if it has none."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_creation: float | None = None


class Prices:
    """A table of prices.

    Args:
        table: maps model names to mappings with ``input_cost_per_token``, ``output_cost_per_token``,
            ``cache_read_input_token_cost`` and ``cache_creation_input_token_cost``; other keys are ignored.
        source: the name of the table in messages: its file, or the setting.

    Raises:
        ValidationError: the table or a price has an invalid form; the message names ``source``.
    """

    __slots__ = ("_found", "_table")

    def __init__(self, table: object, source: str) -> None:
        if not isinstance(table, Mapping):
            raise ValidationError(f"{source} must contain a mapping from model names to prices, got {_type(table)}")
        models = cast("Mapping[object, object]", table)
        self._table = {str(model): _price(str(model), prices, source) for model, prices in models.items()}
        self._found: dict[str, _Price | None] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prices) and other._table == self._table

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._table)))

    def knows(self, model: str) -> bool:
        """Return whether the table has a price for a model."""
        price = self._of(model)
        return price is not None and price != _Price()

    def cost(self, model: str, usage: Mapping[str, Any]) -> float | None:
        """Return the cost of a usage of a model; ``None`` if a price for a part of it is missing."""
        price = self._of(model)
        if price is None:
            return None
        cached, written, prompt, completion = (
            as_number(usage.get(name)) or 0
            for name in ("cached_tokens", "cache_write_tokens", "prompt_tokens", "completion_tokens")
        )
        if "prompt_tokens" not in usage:
            return None
        parts = (
            (max(prompt - cached - written, 0), price.input),
            (cached, price.input if price.cache_read is None else price.cache_read),
            (written, price.input if price.cache_creation is None else price.cache_creation),
            (completion, price.output),
        )
        if any(tokens and per_token is None for tokens, per_token in parts) or price == _Price():
            return None
        return sum(tokens * per_token for tokens, per_token in parts if per_token is not None)

    def _of(self, model: str) -> _Price | None:
        """Return the price of a model by its name, else by the longest name of which it is a version."""
        found = self._table.get(model)
        if found is not None:
            return found
        if model not in self._found:
            if len(self._found) >= _MOST_MODELS:
                self._found.clear()
            names = [name for name in self._table if model.startswith(name) and _VERSION.match(model, len(name))]
            self._found[model] = self._table[max(names, key=len)] if names else None
        return self._found.get(model)


def load_prices(given: Mapping[str, Any] | Path | None, setting: str = "prices") -> Prices | None:
    """Load the price table of the setting ``prices``: a mapping, or the path of a JSON file.

    Args:
        given: the value of the setting.
        setting: the argument or the environment variable that set it, for messages.

    Raises:
        ValidationError: the file cannot be read or is not JSON, or a price has an invalid form; the message names it.
    """
    if given is None:
        return None
    if not isinstance(given, Path):
        return Prices(given, setting)
    try:
        table = from_json(given.read_bytes())
    except OSError as exc:
        raise ValidationError(f"{setting}: {given} cannot be read: {exc.strerror}") from None
    except ValueError as exc:
        raise ValidationError(f"{setting}: {given} is not JSON: {exc}") from None
    return Prices(table, f"{setting}: {given}")


def _price(model: str, prices: object, source: str) -> _Price:
    """Validate the prices of one model."""
    if not isinstance(prices, Mapping):
        raise ValidationError(f"{source}: the prices of {model!r} must be a mapping, got {_type(prices)}")
    given = cast("Mapping[str, object]", prices)
    found = {ours: _number(model, key, given[key], source) for key, ours in _KEYS.items() if given.get(key) is not None}
    return _Price(**found)


def _number(model: str, key: str, value: object, source: str) -> float:
    """Validate one price: a finite number of at least 0."""
    number = as_number(value)
    if number is None or number < 0 or not math.isfinite(number):
        shown = _type(value) if number is None else str(number)
        raise ValidationError(f"{source}: {key} of {model!r} must be a number of at least 0, got {shown}")
    return number


def _type(value: object) -> str:
    return type(value).__name__
