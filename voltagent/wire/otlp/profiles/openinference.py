"""OpenInference's conventions (0.1.42)."""

from __future__ import annotations

from typing import Final

from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles.profile import ANY, Profile
from voltagent.wire.otlp.span_view import EVENT

_TOKENS: Final = {
    "llm.token_count.prompt": "once_prompt_tokens",
    "llm.token_count.completion": "once_completion_tokens",
    "llm.token_count.total": "once_total_tokens",
    "llm.token_count.prompt_details.cache_read": "once_cached_tokens",
    "llm.token_count.prompt_details.cache_write": "once_cache_write_tokens",
    "llm.token_count.completion_details.reasoning": "once_reasoning_tokens",
    "llm.cost.prompt": "once_input_cost",
    "llm.cost.completion": "once_output_cost",
    "llm.cost.total": "once_total_cost",
}
_MODEL: Final = {
    "llm.model_name": "model",
    "llm.provider": "provider",
    "llm.invocation_parameters": "model_parameters",
    "llm.finish_reason": "finish_reason",
    **_TOKENS,
}
OPENINFERENCE: Final = Profile(
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
            "input.value": "input_text",
            "input.mime_type": "input_type",
            "output.value": "output_text",
            "output.mime_type": "output_type",
            "metadata": "metadata",
            "tag.tags": "tags",
        },
        TRACE: {"agent.name": "name", **_MODEL},
        AGENT: {
            "agent.name": "name",
            "graph.node.id": "name",
            "graph.node.parent_id": "agent",
            **_MODEL,
        },
        TOOL: {
            "tool.name": "name",
            "tool.description": "description",
            "tool.parameters": "tool_parameters",
            "tool.id": "call_id",
        },
        RETRIEVER: {"retrieval.documents": "documents"},
        LLM: {
            **_MODEL,
            "llm.input_messages": "openinference_input",
            "llm.output_messages": "openinference_output",
            "llm.tools": "openinference_tools",
        },
    },
    kind_attribute="openinference.span.kind",
    model=_MODEL,
    models={
        "embedding": {
            **_TOKENS,
            "embedding.model_name": "model",
            "embedding.invocation_parameters": "model_parameters",
            "llm.provider": "provider",
        },
        "reranker": {
            **_TOKENS,
            "reranker.model_name": "model",
            "reranker.query": "query",
            "llm.provider": "provider",
            "llm.invocation_parameters": "model_parameters",
        },
    },
)
