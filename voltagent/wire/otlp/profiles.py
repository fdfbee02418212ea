"""What each destination calls what we can say of a span: attribute names, span names and span kinds, as data.

Sources, read in 2026: ``voltops``, the client and documents of VoltAgent's platform; ``genai``, the GenAI part of
OpenTelemetry's semantic conventions (0.66b2); ``openinference``, its conventions (0.1.42); ``langfuse``, its
documents on OpenTelemetry. A value is a word of :data:`voltagent.wire.otlp.attributes.WORDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from voltagent.core.kinds import EXTENDED, KIND_ATTRIBUTE
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.attributes import WORDS, Word
from voltagent.wire.otlp.span_view import EVENT, KINDS

ANY: Final = "any"

Names = Mapping[str, Mapping[str, str]]  # kind of span or ANY -> attribute -> word


@dataclass(frozen=True)
class Profile:
    """How one family of backends wants spans named."""

    titles: Mapping[str, str]  # kind of span -> its name, of {name} and {operation}; else the name alone
    clients: frozenset[str]  # kinds that are spans of kind CLIENT; else INTERNAL
    constants: Mapping[str, Mapping[str, Any]]
    names: Names


# ------------------------------------------------------------------------------------------------------------ voltops

_USAGE: Final = {
    "usage.prompt_tokens": "prompt_tokens",
    "usage.completion_tokens": "completion_tokens",
    "usage.total_tokens": "total_tokens",
    "usage.cached_tokens": "cached_tokens",
    "usage.reasoning_tokens": "reasoning_tokens",
    "usage.cost": "cost",
    "usage.input_cost": "input_cost",
    "usage.output_cost": "output_cost",
    "usage.total_cost": "total_cost",
    "usage.cost_details.upstream_inference_cost": "upstream_cost",
    "usage.cost_details.upstream_inference_input_cost": "upstream_input_cost",
    "usage.cost_details.upstream_inference_output_cost": "upstream_output_cost",
}
_VOLTOPS_AGENT: Final = {
    "agent.state": "state",
    "agent.instructions": "instructions",
    "ai.model.name": "model",
    "ai.model.provider": "provider",
    "ai.model.temperature": "temperature",
    "ai.model.max_tokens": "max_tokens",
    "ai.model.top_p": "top_p",
    "ai.model.top_k": "top_k",
    "ai.model.frequency_penalty": "frequency_penalty",
    "ai.model.presence_penalty": "presence_penalty",
    "ai.model.stop_sequences": "stop_sequences",
    "ai.model.seed": "seed",
    "ai.model.max_retries": "max_retries",
    "ai.model.max_steps": "max_steps",
    **_USAGE,
}
_VOLTOPS: Final = Profile(
    titles={
        AGENT: "subagent:{name}",
        TOOL: "tool.execution:{name}",
        MEMORY: "memory.{operation}",
        RETRIEVER: "retriever.search",
        LLM: "llm:{name}",
    },
    clients=frozenset((TOOL, LLM)),
    constants={
        ANY: {"entity.type": "agent"},
        AGENT: {
            "span.type": "agent",
            "subagent.type": "agent",
            "voltagent.is_subagent": True,
            "agent.is_subagent": True,
        },
        TOOL: {"span.type": "tool"},
        MEMORY: {"span.type": "memory"},
        RETRIEVER: {"span.type": "retriever"},
        LLM: {"span.type": "llm"},
    },
    names={
        # The entity is the agent around a span: for a sub-agent that is its parent, as the platform has it.
        ANY: {
            "entity.id": "agent",
            "entity.name": "agent",
            "user.id": "user",
            "conversation.id": "conversation",
            "operation.id": "trace",
            "input": "input",
            "output": "output",
            "error.type": "error_type",
            "error.message": "error_message",
            "error.code": "error_code",
            "error.stage": "error_stage",
            "error.stack": "error_stack",
            "cancelled": "cancelled",
            "cancellation.reason": "cancellation_reason",
        },
        TRACE: {
            "voltagent.operation_id": "trace",
            "voltagent.conversation_id": "conversation",
            "error.original": "other_error",
            **_VOLTOPS_AGENT,
        },
        AGENT: {
            "span.label": "name",
            "subagent.id": "name",
            "subagent.name": "name",
            "agent.parent.id": "agent",
            "agent.parent.name": "agent",
            **_VOLTOPS_AGENT,
        },
        TOOL: {
            "span.label": "name",
            "tool.name": "name",
            "tool.call.id": "call_id",
            "tool.description": "description",
        },
        MEMORY: {"span.label": "name", "memory.operation": "operation"},
        RETRIEVER: {
            "span.label": "name",
            "retriever.name": "name",
            "retriever.document_count": "document_count",
        },
        LLM: {
            "span.label": "name",
            "llm.operation": "name",
            "llm.model": "model",
            "llm.provider": "provider",
            "llm.temperature": "temperature",
            "llm.max_output_tokens": "max_tokens",
            "llm.top_p": "top_p",
            "llm.finish_reason": "finish_reason",
            "llm.usage.prompt_tokens": "prompt_tokens",
            "llm.usage.completion_tokens": "completion_tokens",
            "llm.usage.total_tokens": "total_tokens",
            "llm.usage.cached_tokens": "cached_tokens",
            "llm.usage.reasoning_tokens": "reasoning_tokens",
            "usage.cost": "cost",
        },
        EVENT: {"span.label": "name"},
    },
)

# -------------------------------------------------------------------------------------------------------------- genai

_GENAI_MODEL: Final = {
    "gen_ai.system_instructions": "system",
    "gen_ai.input.messages": "input_message",
    "gen_ai.output.messages": "output_message",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "model",
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.stop_sequences": "stop_sequences",
    "gen_ai.request.seed": "seed",
    "gen_ai.usage.input_tokens": "once_prompt_tokens",
    "gen_ai.usage.output_tokens": "once_completion_tokens",
    "gen_ai.usage.cache_read.input_tokens": "once_cached_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "once_cache_written_tokens",
    "gen_ai.usage.reasoning.output_tokens": "once_reasoning_tokens",
}
_GENAI_TOOL: Final = {
    "gen_ai.tool.name": "name",
    "gen_ai.tool.description": "description",
    "gen_ai.tool.call.id": "call_id",
    "gen_ai.tool.call.arguments": "input",
    "gen_ai.tool.call.result": "output",
}
_GENAI: Final = Profile(
    titles={
        TRACE: "invoke_workflow {name}",
        AGENT: "invoke_agent {name}",
        TOOL: "execute_tool {name}",
        MEMORY: "{memory} {name}",
        RETRIEVER: "retrieval {name}",
        LLM: "chat {name}",
    },
    clients=frozenset((RETRIEVER, LLM)),
    constants={
        TRACE: {"gen_ai.operation.name": "invoke_workflow"},
        AGENT: {"gen_ai.operation.name": "invoke_agent"},
        TOOL: {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.type": "function"},
        MEMORY: {"gen_ai.tool.type": "datastore"},
        RETRIEVER: {"gen_ai.operation.name": "retrieval"},
        LLM: {"gen_ai.operation.name": "chat"},
    },
    names={
        ANY: {"gen_ai.conversation.id": "conversation", "user.id": "user", "error.type": "error_type"},
        TRACE: {"gen_ai.workflow.name": "name", **_GENAI_MODEL},
        AGENT: {
            "gen_ai.agent.id": "name",
            "gen_ai.agent.name": "name",
            "gen_ai.agent.description": "description",
            "gen_ai.agent.version": "version",
            **_GENAI_MODEL,
        },
        TOOL: _GENAI_TOOL,
        MEMORY: {"gen_ai.operation.name": "memory_operation", **_GENAI_TOOL},
        RETRIEVER: {
            "gen_ai.data_source.id": "name",
            "gen_ai.retrieval.query.text": "query",
            "gen_ai.retrieval.documents": "documents_json",
        },
        LLM: {
            **_GENAI_MODEL,
            "gen_ai.response.model": "model",
            "gen_ai.response.id": "response_id",
            "gen_ai.response.finish_reasons": "finish_reasons",
        },
    },
)

# ------------------------------------------------------------------------------------------------------ openinference

_OPENINFERENCE_MODEL: Final = {
    "llm.model_name": "model",
    "llm.provider": "provider",
    "llm.invocation_parameters": "model_parameters",
    "llm.token_count.prompt": "once_prompt_tokens",
    "llm.token_count.completion": "once_completion_tokens",
    "llm.token_count.total": "once_total_tokens",
    "llm.token_count.prompt_details.cache_read": "once_cached_tokens",
    "llm.token_count.prompt_details.cache_write": "once_cache_written_tokens",
    "llm.token_count.completion_details.reasoning": "once_reasoning_tokens",
    "llm.cost.prompt": "once_input_cost",
    "llm.cost.completion": "once_output_cost",
    "llm.cost.total": "once_total_cost",
}
_OPENINFERENCE: Final = Profile(
    titles={},
    clients=frozenset(),
    constants={
        TRACE: {"openinference.span.kind": "CHAIN"},
        AGENT: {"openinference.span.kind": "AGENT"},
        TOOL: {"openinference.span.kind": "TOOL"},
        MEMORY: {"openinference.span.kind": "CHAIN"},  # it has no kind for memories
        RETRIEVER: {"openinference.span.kind": "RETRIEVER"},
        LLM: {"openinference.span.kind": "LLM"},
        EVENT: {"openinference.span.kind": "CHAIN"},
    },
    names={
        ANY: {
            "session.id": "conversation",
            "user.id": "user",
            "input.value": "input",
            "input.mime_type": "input_type",
            "output.value": "output",
            "output.mime_type": "output_type",
            "metadata": "metadata",
            "tag.tags": "tags",
        },
        TRACE: {"agent.name": "name", **_OPENINFERENCE_MODEL},
        AGENT: {
            "agent.name": "name",
            "graph.node.id": "name",
            "graph.node.parent_id": "agent",
            **_OPENINFERENCE_MODEL,
        },
        TOOL: {"tool.name": "name", "tool.description": "description", "tool.id": "call_id"},
        RETRIEVER: {"retrieval.documents": "documents"},
        LLM: _OPENINFERENCE_MODEL,
    },
)

# ----------------------------------------------------------------------------------------------------------- langfuse

_LANGFUSE_MODEL: Final = {
    "langfuse.observation.model.name": "model",
    "langfuse.observation.model.parameters": "model_parameters",
    "langfuse.observation.usage_details": "once_usage_json",
    "langfuse.observation.cost_details": "once_cost_json",
}
_LANGFUSE_METADATA: Final = {"langfuse.observation.metadata": "metadata"}
_LANGFUSE: Final = Profile(
    titles={},
    clients=frozenset(),
    constants={
        TRACE: {"langfuse.observation.type": "chain"},
        AGENT: {"langfuse.observation.type": "agent"},
        TOOL: {"langfuse.observation.type": "tool"},
        MEMORY: {"langfuse.observation.type": "span"},
        RETRIEVER: {"langfuse.observation.type": "retriever"},
        LLM: {"langfuse.observation.type": "generation"},
        EVENT: {"langfuse.observation.type": "span"},
    },
    names={
        ANY: {
            "session.id": "conversation",
            "user.id": "user",
            "langfuse.observation.input": "input",
            "langfuse.observation.output": "output",
            "langfuse.observation.level": "langfuse_level",
            "langfuse.observation.status_message": "error_message",
        },
        TRACE: {
            "langfuse.trace.name": "name",
            "langfuse.trace.tags": "tags",
            "langfuse.trace.metadata": "metadata",
            "langfuse.release": "version",
            "langfuse.environment": "environment",
            "langfuse.observation.completion_start_time": "completion_start",
            **_LANGFUSE_MODEL,
        },
        AGENT: {**_LANGFUSE_MODEL, **_LANGFUSE_METADATA},
        LLM: {**_LANGFUSE_MODEL, **_LANGFUSE_METADATA},
        TOOL: _LANGFUSE_METADATA,
        MEMORY: _LANGFUSE_METADATA,
        RETRIEVER: _LANGFUSE_METADATA,
        EVENT: _LANGFUSE_METADATA,
    },
)

# Any operation may have used a model: a tool that returns what one answered, a retriever its embedding.
_MAY_USE_A_MODEL: Final = (TOOL, MEMORY, RETRIEVER, EVENT)
_USAGE_WORDS: Final = frozenset(_USAGE.values()) | {
    word
    for model in (_GENAI_MODEL, _OPENINFERENCE_MODEL, _LANGFUSE_MODEL)
    for word in model.values()
    if "once_" in word
}


def _with_usage(names: Names, usage: Mapping[str, str]) -> Names:
    """The names of a profile, with those of tokens and cost for every operation."""
    return {**names, **{kind: {**names.get(kind, {}), **usage} for kind in _MAY_USE_A_MODEL}}


def _usage_names(names: Names) -> Mapping[str, str]:
    return {name: word for name, word in names[AGENT].items() if word in _USAGE_WORDS}


_KIND_ATTRIBUTES: Final = {
    "voltops": "span.type",
    "genai": "gen_ai.operation.name",
    "openinference": "openinference.span.kind",
    "langfuse": "langfuse.observation.type",
}


def _extended(name: str, profile: Profile) -> Profile:
    """A profile with the further kinds of operation, each described as a call that may use a model."""
    constants = {kind: {_KIND_ATTRIBUTES[name]: word} for kind in EXTENDED if (word := getattr(EXTENDED[kind], name))}
    marked = {kind: {**constants.get(kind, {}), KIND_ATTRIBUTE: kind} for kind in EXTENDED}
    model = {"voltops": {**_VOLTOPS_AGENT, "span.label": "name"}, "genai": _GENAI_MODEL,
             "openinference": _OPENINFERENCE_MODEL, "langfuse": {**_LANGFUSE_MODEL, **_LANGFUSE_METADATA}}  # fmt: skip
    names = {**profile.names, **dict.fromkeys(EXTENDED, model[name])}
    return replace(profile, constants={**profile.constants, **marked}, names=names)


PROFILES: Final[Mapping[str, Profile]] = {
    name: _extended(name, replace(profile, names=_with_usage(profile.names, _usage_names(profile.names))))
    for name, profile in (
        ("voltops", _VOLTOPS),
        ("genai", _GENAI),
        ("openinference", _OPENINFERENCE),
        ("langfuse", _LANGFUSE),
    )
}

# ------------------------------------------------------------------------------------------------- names of last resort

_OWN_USAGE: Final = {
    "voltagent.usage.cost": "once_total_cost",
    "voltagent.usage.cache_write_tokens": "once_cache_written_tokens",
}
# Said under a name of our own where none of the chosen profiles has one, so that nothing recorded is lost.
OWN: Final[Names] = _with_usage(
    {
        ANY: {
            "voltagent.trace.id": "own_trace_id",
            "voltagent.id": "own_id",
            "voltagent.parent_trace.id": "parent_trace",
            "voltagent.input": "input",
            "voltagent.output": "output",
            "voltagent.instructions": "instructions",
            "voltagent.metadata": "metadata",
            "voltagent.tags": "tags",
            "voltagent.version": "version",
            "voltagent.level": "level",
            "voltagent.completion_start_time": "completion_start",
            "voltagent.usage.other": "other_usage",
            "voltagent.error": "other_error",
            "voltagent.error.code": "error_code",
            "voltagent.status_message": "note",
            "voltagent.cancelled": "cancelled",
        },
        MEMORY: {"voltagent.memory.operation": "operation"},
        RETRIEVER: {"voltagent.output": "undocumented_output"},
        **{kind: {"voltagent.event.type": "event_type", **_OWN_USAGE} for kind in (EVENT, LLM, *EXTENDED)},
        AGENT: _OWN_USAGE,
        TRACE: _OWN_USAGE,
    },
    _OWN_USAGE,
)
# A profile that says the one has said the other too.
_SAID_BY: Final[Mapping[str, frozenset[str]]] = {
    "input": frozenset(("input_message",)),
    "output": frozenset(("output_message", "documents_json")),
    "undocumented_output": frozenset(("output",)),
    "instructions": frozenset(("system",)),
    "level": frozenset(("langfuse_level",)),
    "once_total_cost": frozenset(("cost", "total_cost", "once_cost_json")),
}

# ----------------------------------------------------------------------------------------------------- several at once


@dataclass(frozen=True)
class Plan:
    """What to say of one kind of span, in the words of all the chosen profiles."""

    title: str
    client: bool
    constants: Mapping[str, Any]
    words: tuple[tuple[str, Word], ...]


def plans(chosen: tuple[str, ...]) -> Mapping[str, Plan]:
    """The plan for each kind of span. The first profile gives the span its name and kind.

    Raises:
        KeyError: no such profile.
    """
    return {kind: _plan(kind, [PROFILES[name] for name in chosen]) for kind in KINDS}


def _plan(kind: str, profiles: list[Profile]) -> Plan:
    constants: dict[str, Any] = {}
    names: dict[str, str] = {}
    for profile in profiles:
        for part in (ANY, kind):
            for attribute, value in profile.constants.get(part, {}).items():
                constants.setdefault(attribute, value)
            for attribute, word in profile.names.get(part, {}).items():
                names.setdefault(attribute, word)
    said = set(names.values())
    for part in (ANY, kind):
        for attribute, word in OWN.get(part, {}).items():
            if word not in said and said.isdisjoint(_SAID_BY.get(word, ())):
                names[attribute] = word  # noqa: PERF403 - read beside the loop above
    first = profiles[0]
    return Plan(
        first.titles.get(kind, "{name}"),
        kind in first.clients,
        constants,
        tuple((attribute, WORDS[word]) for attribute, word in names.items()),
    )
