"""Tokens and cost as attributes. The keys are ours: :mod:`voltagent.capture.usage` has read every other spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from voltagent.capture.usage import TOKEN_SPELLINGS, is_spelling
from voltagent.wire.json_values import json_text
from voltagent.wire.otlp.attributes.payloads import as_json
from voltagent.wire.otlp.attributes.word import Word
from voltagent.wire.otlp.span_view import Facts

# Names of this library's counts in Langfuse's ``usage_details`` -> our key.
LANGFUSE_TOKENS: Final[Mapping[str, str]] = {
    "input": "prompt_tokens",
    "output": "completion_tokens",
    "total": "total_tokens",
    "cached": "cached_tokens",
    "reasoning": "reasoning_tokens",
}
# Further names that other programs use there.
READ_TOKENS: Final[Mapping[str, str]] = {
    **TOKEN_SPELLINGS,
    **LANGFUSE_TOKENS,
    "input_cached_tokens": "cached_tokens",
    "input_cache_read": "cached_tokens",
    "input_cache_creation": "cache_write_tokens",
    "output_reasoning": "reasoning_tokens",
}
# Words for parts of the cost -> their names in ``cost_details``, which providers split.
COST_DETAILS: Final[Mapping[str, str]] = {
    "upstream_cost": "upstream_inference_cost",
    "upstream_input_cost": "upstream_inference_input_cost",
    "upstream_output_cost": "upstream_inference_output_cost",
}


def tokens(name: str) -> Word:
    """Return a count by our key."""
    return lambda facts: facts.tokens.get(name) if facts.usage.get(name) is None else facts.usage[name]


def once(word: Word) -> Word:
    """For receivers that add up all spans of a trace: nothing where the spans below have reported it."""
    return lambda facts: None if facts.counted else word(facts)


def cost(*names: str) -> Word:
    """Return a cost by one of its names."""

    def read(facts: Facts) -> Any:
        return next((facts.usage[name] for name in names if facts.usage.get(name) is not None), None)

    return read


def cost_detail(name: str) -> Word:
    """Return a part of the cost that the provider has split."""

    def read(facts: Facts) -> Any:
        details = facts.usage.get("cost_details")
        return cast(dict[str, Any], details).get(name) if isinstance(details, dict) else None

    return read


def named(**words: Word) -> Word:
    """Return several words as one JSON object."""

    def read(facts: Facts) -> str | None:
        found = {name: word(facts) for name, word in words.items()}
        return as_json({name: value for name, value in found.items() if value is not None})

    return read


def agent_usage(facts: Facts) -> str | None:
    """Return the tokens of the agent that is one span with its trace, if those of the trace are others."""
    found = facts.fact("agent_usage")
    return None if found is None else json_text(found)


def other_usage(facts: Facts) -> str | None:
    """Return what a usage holds beside tokens and costs."""
    return as_json({key: value for key, value in facts.usage.items() if not (is_spelling(key) or "cost" in key)})
