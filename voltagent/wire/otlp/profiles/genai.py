"""The GenAI part of OpenTelemetry's semantic conventions (0.66b2)."""

from __future__ import annotations

from typing import Final

from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles.profile import ANY, Profile

_MODEL: Final = {
    "gen_ai.system_instructions": "system",
    "gen_ai.input.messages": "genai_input",
    "gen_ai.output.messages": "genai_output",
    "voltagent.input.key": "input_key",
    "voltagent.input.other": "input_rest",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "requested_model",
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.stop_sequences": "stop_sequences",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.stream": "is_stream",
    "gen_ai.usage.input_tokens": "once_prompt_tokens",
    "gen_ai.usage.output_tokens": "once_completion_tokens",
    "gen_ai.usage.cache_read.input_tokens": "once_cached_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "once_cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "once_reasoning_tokens",
}
# One request to a model.
_REQUEST: Final = {
    **_MODEL,
    "gen_ai.response.model": "response_model",
    "gen_ai.response.id": "response_id",
    "gen_ai.response.finish_reasons": "finish_reasons",
    "gen_ai.response.time_to_first_chunk": "seconds_to_first_chunk",
    "gen_ai.tool.definitions": "tool_definitions",
}
_TOOL: Final = {
    "gen_ai.tool.name": "name",
    "gen_ai.tool.description": "description",
    "gen_ai.tool.call.id": "call_id",
    "gen_ai.tool.call.arguments": "input",
    "gen_ai.tool.call.result": "output",
}
GENAI: Final = Profile(
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
        TRACE: {"gen_ai.workflow.name": "name", **_MODEL},
        AGENT: {
            "gen_ai.agent.id": "name",
            "gen_ai.agent.name": "name",
            "gen_ai.agent.description": "description",
            "gen_ai.agent.version": "version",
            **_MODEL,
        },
        TOOL: _TOOL,
        MEMORY: {"gen_ai.operation.name": "memory_operation", **_TOOL},
        RETRIEVER: {
            "gen_ai.data_source.id": "name",
            "gen_ai.retrieval.query.text": "query",
            "gen_ai.retrieval.documents": "documents_json",
        },
        LLM: _REQUEST,
    },
    kind_attribute="gen_ai.operation.name",
    model=_MODEL,
    models={"embedding": _REQUEST},
)
