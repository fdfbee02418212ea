"""Langfuse's own names, from its documents on OpenTelemetry."""

from __future__ import annotations

from typing import Final

from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles.profile import ANY, Profile
from voltagent.wire.otlp.span_view import EVENT

_MODEL: Final = {
    "langfuse.observation.model.name": "model",
    "langfuse.observation.model.parameters": "model_parameters",
    "langfuse.observation.usage_details": "once_usage_json",
    "langfuse.observation.cost_details": "once_cost_json",
}
_METADATA: Final = {"langfuse.observation.metadata": "metadata"}
LANGFUSE: Final = Profile(
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
            "langfuse.observation.input": "input_text",
            "langfuse.observation.output": "output_text",
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
            **_MODEL,
        },
        AGENT: {**_MODEL, **_METADATA},
        LLM: {
            **_MODEL,
            **_METADATA,
            "langfuse.observation.completion_start_time": "first_chunk_time",
        },
        TOOL: _METADATA,
        MEMORY: _METADATA,
        RETRIEVER: _METADATA,
        EVENT: _METADATA,
    },
    kind_attribute="langfuse.observation.type",
    model={**_MODEL, **_METADATA},
    models={},
)
