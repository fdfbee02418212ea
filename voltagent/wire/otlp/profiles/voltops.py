"""The names of VoltAgent's platform, read in its client and its documents in July 2026."""

from __future__ import annotations

from typing import Final

from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles.profile import ANY, Profile
from voltagent.wire.otlp.span_view import EVENT

USAGE: Final = {
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
# Spans inside a sub-agent.
_SUBAGENT: Final = {"subagent.id": "subagent", "subagent.name": "subagent", "subagent.type": "subagent_type"}
_AGENT: Final = {
    "ai.response.finish_reason": "finish_reason",
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
    **USAGE,
}
VOLTOPS: Final = Profile(
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
        # The entity is that of the whole trace; a span inside a sub-agent names that one beside it.
        ANY: {
            "entity.id": "root_agent",
            "entity.name": "root_agent",
            "user.id": "user",
            "conversation.id": "conversation",
            "operation.id": "trace",
            "input": "input_text",
            "output": "output_text",
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
            **_AGENT,
        },
        AGENT: {
            "span.label": "name",
            "subagent.id": "name",
            "subagent.name": "name",
            "agent.parent.id": "agent",
            "agent.parent.name": "agent",
            **_AGENT,
        },
        TOOL: {
            **_SUBAGENT,
            "span.label": "name",
            "tool.name": "name",
            "tool.call.id": "call_id",
            "tool.description": "description",
            "tool.parameters": "tool_parameters",
        },
        MEMORY: {**_SUBAGENT, "span.label": "name", "memory.operation": "operation"},
        RETRIEVER: {
            **_SUBAGENT,
            "span.label": "name",
            "retriever.name": "name",
            "retriever.document_count": "document_count",
        },
        LLM: {
            **_SUBAGENT,
            "span.label": "name",
            "llm.operation": "name",
            "llm.model": "model",
            "llm.provider": "provider",
            "llm.stream": "is_stream",
            "llm.temperature": "temperature",
            "llm.max_output_tokens": "max_tokens",
            "llm.top_p": "top_p",
            "llm.messages": "last_messages",
            "llm.messages.count": "message_count",
            "llm.tools": "tool_names",
            "llm.tools.count": "tool_count",
            "llm.finish_reason": "finish_reason",
            "llm.usage.prompt_tokens": "prompt_tokens",
            "llm.usage.completion_tokens": "completion_tokens",
            "llm.usage.total_tokens": "total_tokens",
            "llm.usage.cached_tokens": "cached_tokens",
            "llm.usage.reasoning_tokens": "reasoning_tokens",
            "usage.cost": "cost",
        },
        EVENT: {**_SUBAGENT, "span.label": "name"},
    },
    kind_attribute="span.type",
    model={**_SUBAGENT, **_AGENT, "span.label": "name"},
    models={},
    merges_opener=True,
)
