"""The form of a profile: how one family of backends wants spans named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ANY: Final = "any"  # stands for every kind of span

AttributeWords = Mapping[str, Mapping[str, str]]  # kind of span or ANY -> attribute -> word


@dataclass(frozen=True)
class Profile:
    """How one family of backends wants spans named. A word is one of :data:`voltagent.wire.otlp.attributes.WORDS`."""

    titles: Mapping[str, str]  # kind of span -> its name, of {name} and {operation}; else the name alone
    clients: frozenset[str]  # kinds that are spans of kind CLIENT; else INTERNAL
    constants: Mapping[str, Mapping[str, Any]]
    names: AttributeWords
    kind_attribute: str  # names the kind of an operation
    model: Mapping[str, str]  # attribute -> word, for an operation that uses a model
    models: AttributeWords  # the same for single kinds, instead
    merges_opener: bool = False  # whether an agent that opened its own trace is the trace's span
