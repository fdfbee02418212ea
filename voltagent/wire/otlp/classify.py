"""Classify an OTLP span by its attributes: the tables of :mod:`voltagent.wire.otlp.profiles`, read backwards.

A span of another program has no word of ours at all, one of its own conventions, or several at once. Attributes that
mean something here become words (see :mod:`voltagent.wire.otlp.attributes`); all others are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from voltagent.capture.usage import TOKEN_SPELLINGS
from voltagent.core.kinds import EXTENDED, KIND_ATTRIBUTE
from voltagent.core.span import AGENT, EVENT_LIKE_KINDS, LLM, MEMORY, MODEL_CALLS, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles import PROFILES
from voltagent.wire.otlp.profiles.own import OWN
from voltagent.wire.otlp.profiles.profile import ANY
from voltagent.wire.otlp.span_view import EVENT, KINDS

SPAN: Final = "span"  # the kind of a span that says nothing of what it is


class Meaning(NamedTuple):
    """A span's attributes, understood."""

    kind: str  # one of our kinds, or that of another convention such as "llm"; SPAN where nothing says it
    words: Mapping[str, Any]  # word -> value as it came
    rest: Mapping[str, Any]  # the attributes that are no words of ours


def meaning(attributes: Mapping[str, Any], *, root: bool) -> Meaning:
    """Return the kind of a span and what else its attributes say. ``root``: it is the first of its trace."""
    kind = kind_of(attributes, root=root)
    event = _EVENT_TYPE in attributes and kind not in EVENT_LIKE_KINDS
    known = _NAMES[EVENT if event else kind if kind in _NAMES else _LIKE.get(kind, ANY)]
    above: Mapping[str, str] = _NAMES[TRACE] if root else {}
    words: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    indexed: dict[str, Any] = {}
    for name, value in attributes.items():
        word = known.get(name, above.get(name))
        if word:
            words.setdefault(word, value)
        if name.startswith(_INDEXED):
            indexed[name] = value
        elif word is None:
            rest[name] = value
    if kind == MEMORY:
        words.setdefault("operation", _memory_operation(attributes))
    return Meaning(kind, {**_unfolded(indexed), **words} if indexed else words, rest)


_EVENT_TYPE: Final = "voltagent.event.type"
_GENERIC: Final = ("", "chain", "span", "task", "unknown")
# The first attribute that a span has says its kind; its value is looked up here, and stands for itself elsewhere.
_TELLING: Final = (
    "span.type", "openinference.span.kind", "langfuse.observation.type", "gen_ai.operation.name",
    "traceloop.span.kind", "llm.request.type", "ai.operationId",
)  # fmt: skip
_WRITES: Final = ("update_memory", "create_memory", "upsert_memory", "delete_memory")
_READS: Final = ("search_memory", "retrieve_memory")
_MODEL_REQUESTS: Final = (
    "chat", "completion", "generate_content", "text_completion", "generation", "ai.generatetext.dogenerate",
    "ai.streamtext.dostream", "ai.generateobject.dogenerate", "ai.streamobject.dostream",
)  # fmt: skip
_VERCEL_RUNS: Final = ("ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_GENERIC, SPAN),
    "invoke_agent": AGENT,
    "create_agent": AGENT,
    "execute_tool": TOOL,
    "retrieval": RETRIEVER,
    **dict.fromkeys(_MODEL_REQUESTS, LLM),
    **dict.fromkeys((*_READS, *_WRITES), MEMORY),
    **dict.fromkeys(_VERCEL_RUNS, AGENT),
    "ai.toolcall": TOOL,
    **dict.fromkeys(("ai.embed", "ai.embedmany", "ai.embed.doembed", "ai.embedmany.doembed"), "embedding"),
    **{
        word: kind
        for kind, names in EXTENDED.items()
        for word in (kind, names.genai, *names.foreign)
        if word is not None
    },
    "event": SPAN,
}


def kind_of(attributes: Mapping[str, Any], *, root: bool) -> str:
    """Return the kind of a span; :data:`SPAN` if its attributes do not name one, or if it is its trace."""
    kind = _kind(attributes)
    return SPAN if root and kind == "workflow" and _EVENT_TYPE not in attributes else kind


def _kind(attributes: Mapping[str, Any]) -> str:
    """Our own marks first: several conventions have no word for memories and events."""
    own = attributes.get(_EVENT_TYPE) or attributes.get(KIND_ATTRIBUTE)
    if isinstance(own, str) and own:
        return own
    if "voltagent.memory.operation" in attributes:
        return MEMORY
    for name in _TELLING:
        value = attributes.get(name)
        if isinstance(value, str):
            return _KINDS.get(value.lower(), value.lower())
    return next((kind for name, kind in _HINTS if name in attributes), SPAN)


# What a span is that does not say so, by the first of these attributes that it has.
_HINTS: Final = (
    ("tool_arguments", TOOL),
    ("gen_ai.tool.name", TOOL),
    ("final_result", AGENT),
    ("agent_name", AGENT),
    ("embedding.model_name", "embedding"),
    ("gen_ai.request.model", LLM),
    ("llm.model_name", LLM),
)


def _memory_operation(attributes: Mapping[str, Any]) -> str:
    return "read" if attributes.get("gen_ai.operation.name") in _READS else "write"


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
    names |= {"voltagent.output": "output", _EVENT_TYPE: "event_type", **dict.fromkeys(_TELLING, "")}
    return names


def _read_as(word: str) -> str:
    word = word.removeprefix("once_")
    return _READ_AS.get(word, word)


_NAMES: Final[Mapping[str, Mapping[str, str]]] = {kind: _names(kind) for kind in (ANY, *KINDS)}

_FOLDED: Final[Mapping[str, str]] = {
    "retrieval.documents": "documents_list",
    "llm.input_messages": "input_messages",
    "llm.output_messages": "output_messages",
    "llm.tools": "openinference_tools",
    "embedding.embeddings": "embeddings",
    "gen_ai.prompt": "input_messages",
    "gen_ai.completion": "output_messages",
    "reranker.output_documents": "documents_list",
}
_INDEXED: Final = tuple(f"{name}." for name in _FOLDED)  # two words each
_VECTOR: Final = ".vector"  # of an embedding: thousands of numbers
_MOST: Final = 10_000  # parts of one list


def _unfolded(indexed: Mapping[str, Any]) -> dict[str, Any]:
    """``retrieval.documents.0.document.content`` and its like, as the lists they stand for."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name, value in indexed.items():
        first, second, number, *more = name.split(".", 3)
        prefix, part = f"{first}.{second}", more[0] if more else ""
        if part.endswith(_VECTOR):
            continue
        if part and number.isdecimal() and number.isascii() and len(number) < 6 and int(number) < _MOST:
            found.setdefault(_FOLDED[prefix], {}).setdefault(int(number), {})[_own_part(part)] = value
    return {word: [_nested(parts[number]) for number in sorted(parts)] for word, parts in found.items()}


def _own_part(part: str) -> str:
    for name in _WRAPPERS:
        part = part.replace(f".{name}.", ".").removeprefix(f"{name}.")
    return part


# Names that conventions repeat within a list, as in `tool_calls.0.tool_call.id`.
_WRAPPERS: Final = ("message", "document", "message_content", "tool_call", "embedding")


class _Parts(dict[str, Any]):
    """What indexed names make up, as opposed to an object that is the value of one."""


def _nested(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``tool_calls.0.function.name`` and its like as the lists and objects that they stand for."""
    found = _Parts()
    for name, value in parts.items():
        *outer, last = name.split(".", _DEEPEST)
        place = found
        for step in outer:
            inner = place.setdefault(step, _Parts())
            if type(inner) is not _Parts:  # a value of its own has the same name
                place, last = found, name
                break
            place = inner
        place[last] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    """Return objects whose keys are positions as lists."""
    if type(value) is not _Parts:
        return value
    if all(name.isdecimal() and name.isascii() and len(name) < 6 for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(one) for name, one in value.items()}


_DEEPEST: Final = 8
