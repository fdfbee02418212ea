"""Classify an OTLP span by its attributes: the tables of :mod:`voltagent.wire.otlp.profiles`, read backwards.

Attributes that mean something here become words (see :mod:`voltagent.wire.otlp.attributes`); all others are kept as
they are. :mod:`voltagent.wire.otlp.span_kinds` finds the kind of the span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from voltagent.capture.usage import TOKEN_SPELLINGS
from voltagent.core.kinds import KIND_ATTRIBUTE
from voltagent.core.span import AGENT, EVENT_LIKE_KINDS, LLM, MEMORY, MODEL_CALLS, TRACE
from voltagent.wire.otlp.indexed_attributes import PREFIXES, unfolded
from voltagent.wire.otlp.profiles import PROFILES
from voltagent.wire.otlp.profiles.own import OWN
from voltagent.wire.otlp.profiles.profile import ANY
from voltagent.wire.otlp.span_kinds import EVENT_TYPE, KIND_ATTRIBUTES, kind_of, memory_operation
from voltagent.wire.otlp.span_view import EVENT, KINDS


class Meaning(NamedTuple):
    """A span's attributes, understood."""

    kind: str  # one of our kinds, or that of another convention such as "llm"; `span_kinds.SPAN` if nothing says it
    words: Mapping[str, Any]  # word -> value as it came
    rest: Mapping[str, Any]  # the attributes that are no words of ours


def meaning(attributes: Mapping[str, Any], *, root: bool) -> Meaning:
    """Return the kind of a span and what else its attributes say. ``root``: it is the first of its trace."""
    kind = kind_of(attributes, root=root)
    event = EVENT_TYPE in attributes and kind not in EVENT_LIKE_KINDS
    known = _NAMES[EVENT if event else kind if kind in _NAMES else _LIKE.get(kind, ANY)]
    above: Mapping[str, str] = _NAMES[TRACE] if root else {}
    words: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    indexed: dict[str, Any] = {}
    for name, value in attributes.items():
        word = known.get(name, above.get(name))
        if word:
            words.setdefault(word, value)
        if name.startswith(PREFIXES):
            indexed[name] = value
        elif word is None:
            rest[name] = value
    if kind == MEMORY:
        words.setdefault("operation", memory_operation(attributes))
    return Meaning(kind, {**unfolded(indexed), **words} if indexed else words, rest)


def _counts(prefix: str) -> dict[str, str]:
    return {prefix + spelling: word for spelling, word in TOKEN_SPELLINGS.items()}


# Names that other programs use and ours do not: of older conventions, and of the platform's own framework.
_FOREIGN: Final[Mapping[str, str]] = {
    **_counts("gen_ai.usage."),
    **_counts("llm.usage."),
    **_counts("ai.usage."),
    "gen_ai.system": "provider",
    "gen_ai.prompt": "input",
    "gen_ai.completion": "output",
    "llm.system": "provider",
    "llm.model": "model",
    "llm.temperature": "temperature",
    "llm.max_output_tokens": "max_tokens",
    "llm.top_p": "top_p",
    "llm.messages": "input",
    "gen_ai.response.model": "response_model",
    "gen_ai.tool.definitions": "tools",
    "gen_ai.response.id": "response_id",
    "gen_ai.response.finish_reasons": "finish_reason",
    "llm.finish_reason": "finish_reason",
    "embedding.model_name": "model",
    "traceloop.entity.name": "name",
    "traceloop.entity.input": "input",
    "traceloop.entity.output": "output",
    "ai.model.id": "requested_model",
    "ai.response.model": "response_model",
    "ai.model.provider": "provider",
    "ai.prompt.tools": "tools",
    "ai.response.toolCalls": "tool_calls",
    "ai.prompt.messages": "input_messages",
    "ai.prompt": "input",
    "ai.value": "input",
    "ai.values": "input",
    "ai.response.text": "output",
    "ai.response.object": "output",
    "ai.response.id": "response_id",
    "ai.response.finishReason": "finish_reason",
    "ai.usage.tokens": "prompt_tokens",
    "ai.usage.inputTokenDetails.cacheReadTokens": "cached_tokens",
    "ai.usage.inputTokenDetails.cacheWriteTokens": "cache_write_tokens",
    "ai.usage.outputTokenDetails.reasoningTokens": "reasoning_tokens",
    **_counts("gen_ai.usage.details."),
    "operation.cost": "cost",
    "ai.toolCall.name": "name",
    "ai.toolCall.id": "call_id",
    "ai.toolCall.args": "input",
    "ai.toolCall.result": "output",
    "agent_name": "name",
    "gen_ai.tool.name": "name",
    "tool_arguments": "input",
    "tool_response": "output",
    "final_result": "output",
    "logfire.msg": "message",
    "logfire.json_schema": "",
    "logfire.span_type": "",
    KIND_ATTRIBUTE: "",
    "langfuse.trace.input": "input",
    "langfuse.trace.output": "output",
}
# Names that mean something for a request to a model only.
_OF_REQUESTS: Final[Mapping[str, str]] = {
    "request_data": "request",
    "response_data": "response",
    "events": "events_json",
}
# Names that mean something for an agent only: frameworks repeat them on other spans, or put sums there.
_OF_AGENTS: Final[Mapping[str, str]] = {
    "model_name": "model",
    "pydantic_ai.all_messages": "input_messages",
    "all_messages_events": "input_messages",
    **_counts("gen_ai.aggregated_usage."),
    "gen_ai.aggregated_usage.cache_read.input_tokens": "cached_tokens",
    "gen_ai.aggregated_usage.cache_creation.input_tokens": "cache_write_tokens",
}
# The words of a profile that are read as another one.
_READ_AS: Final[Mapping[str, str]] = {
    "input_text": "input",
    "output_text": "output",
    "genai_input": "input_messages",
    "genai_output": "output_messages",
    "tool_definitions": "tools",
    "last_messages": "input_messages",
    "root_agent": "entity",
    "subagent": "agent",
    "subagent_type": "",
    "message_count": "",
    "tool_names": "",
    "tool_count": "",
}
_LIKE: Final[Mapping[str, str]] = dict.fromkeys(("summary",), AGENT)


def _names(kind: str) -> dict[str, str]:
    """Attribute -> word, for all profiles at once; an empty word for what only repeats the kind."""
    names: dict[str, str] = dict(_FOREIGN)
    # a model call of another program may be described as our agents are
    for part in (ANY, AGENT, kind) if kind == LLM else (ANY, kind):
        for profile in PROFILES.values():
            for attribute in profile.constants.get(part, {}):
                names[attribute] = ""
            for attribute, word in profile.names.get(part, {}).items():
                names[attribute] = _read_as(word)
        for attribute, word in OWN.get(part, {}).items():
            names[attribute] = _read_as(word)
    names |= _OF_REQUESTS if kind in MODEL_CALLS else {}
    names |= _OF_AGENTS if kind == AGENT else {"gen_ai.agent.name": "agent"} if kind != ANY else {}
    names |= dict.fromkeys(("voltagent.memory.operation", "memory.operation"), "operation")
    names |= {"voltagent.output": "output", EVENT_TYPE: "event_type", **dict.fromkeys(KIND_ATTRIBUTES, "")}
    return names


def _read_as(word: str) -> str:
    word = word.removeprefix("once_")
    return _READ_AS.get(word, word)


_NAMES: Final[Mapping[str, Mapping[str, str]]] = {kind: _names(kind) for kind in (ANY, *KINDS)}
