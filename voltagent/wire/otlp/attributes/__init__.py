"""What a span can say in OTLP, by words of our own; :mod:`voltagent.wire.otlp.profiles` gives them their names.

One module for each subject; this is the table of all words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voltagent.wire.otlp.attributes import errors, identity, messages, model, payloads, usage
from voltagent.wire.otlp.attributes.word import Word

_PROMPT: Final = usage.tokens("prompt_tokens")
_COMPLETION: Final = usage.tokens("completion_tokens")
_TOTAL: Final = usage.tokens("total_tokens")
_CACHE_READ: Final = usage.tokens("cached_tokens")
_CACHE_WRITE: Final = usage.tokens("cache_write_tokens")
_REASONING: Final = usage.tokens("reasoning_tokens")
_INPUT_COST: Final = usage.cost("input_cost")
_OUTPUT_COST: Final = usage.cost("output_cost")
_TOTAL_COST: Final = usage.cost("total_cost", "cost")

WORDS: Final[Mapping[str, Word]] = {
    "name": lambda facts: facts.span.name,
    "agent": lambda facts: facts.span.agent_id,
    "root_agent": identity.root_agent,
    "subagent": identity.subagent,
    "subagent_type": lambda facts: None if identity.subagent(facts) is None else "agent",
    "operation": lambda facts: facts.span.operation,
    "event_type": lambda facts: facts.span.kind if facts.is_event else None,
    "memory_operation": identity.memory_operation,
    "trace": identity.trace_id,
    "own_trace_id": identity.own_trace_id,
    "own_id": identity.own_id,
    "in_opener": identity.in_opener,
    "agent_usage": usage.agent_usage,
    "parent_trace": identity.parent_trace,
    "user": identity.user,
    "conversation": identity.conversation,
    "environment": identity.environment,
    "completion_start": identity.completion_start,
    "input": lambda facts: payloads.as_text(facts.input),
    "output": lambda facts: payloads.as_text(facts.output),
    "input_text": lambda facts: payloads.readable(facts.input),
    "output_text": lambda facts: payloads.readable(facts.output),
    "input_type": lambda facts: payloads.mime_type(facts.input),
    "output_type": lambda facts: payloads.mime_type(facts.output),
    "genai_input": messages.genai_input,
    "genai_output": messages.genai_output,
    "input_key": messages.input_key,
    "input_rest": messages.input_rest,
    "tool_definitions": messages.tool_definitions,
    "last_messages": messages.last_messages,
    "message_count": messages.message_count,
    "tool_names": messages.tool_names,
    "tool_count": messages.tool_count,
    "openinference_input": messages.openinference_input,
    "openinference_output": messages.openinference_output,
    "openinference_tools": messages.openinference_tools,
    "query": payloads.query,
    "documents": payloads.documents,
    "documents_json": payloads.documents_json,
    "undocumented_output": payloads.undocumented_output,
    "document_count": lambda facts: None if facts.items is None else len(facts.items),
    "instructions": lambda facts: facts.fact("instructions"),
    "system": messages.system_instructions,
    "metadata": lambda facts: payloads.as_json(facts.metadata),
    "description": identity.description,
    "tool_parameters": identity.tool_parameters,
    "call_id": lambda facts: facts.metadata.get("tool_call_id") or facts.metadata.get("toolCallId"),
    "tags": identity.tags,
    "version": identity.version,
    "level": identity.level,
    "langfuse_level": identity.langfuse_level,
    "state": lambda facts: facts.status,
    "model": model.model,
    "requested_model": model.requested_model,
    "response_model": model.response_model,
    "finish_reason": model.finish_reason,
    "finish_reasons": model.finish_reasons,
    "response_id": lambda facts: facts.metadata.get("response_id"),
    "is_stream": model.is_stream,
    "seconds_to_first_chunk": model.seconds_to_first_chunk,
    "first_chunk_time": model.first_chunk_time,
    "provider": model.provider,
    "temperature": model.parameter("temperature"),
    "max_tokens": model.parameter("max_tokens", "max_output_tokens", "max_completion_tokens"),
    "top_p": model.parameter("top_p"),
    "top_k": model.parameter("top_k"),
    "frequency_penalty": model.parameter("frequency_penalty"),
    "presence_penalty": model.parameter("presence_penalty"),
    "stop_sequences": model.stop_sequences,
    "seed": model.parameter("seed"),
    "max_retries": model.parameter("max_retries"),
    "max_steps": model.parameter("max_steps"),
    "model_parameters": lambda facts: payloads.as_json(facts.model),
    # usage as it is: the receiver takes the root's alone
    "prompt_tokens": _PROMPT,
    "completion_tokens": _COMPLETION,
    "total_tokens": _TOTAL,
    "cached_tokens": _CACHE_READ,
    "reasoning_tokens": _REASONING,
    "cost": usage.cost("cost"),
    "input_cost": _INPUT_COST,
    "output_cost": _OUTPUT_COST,
    "total_cost": usage.cost("total_cost"),
    **{word: usage.cost_detail(name) for word, name in usage.COST_DETAILS.items()},
    # usage once: the receiver adds up the spans of a trace
    "once_prompt_tokens": usage.once(_PROMPT),
    "once_completion_tokens": usage.once(_COMPLETION),
    "once_total_tokens": usage.once(_TOTAL),
    "once_cached_tokens": usage.once(_CACHE_READ),
    "once_cache_write_tokens": usage.once(_CACHE_WRITE),
    "once_reasoning_tokens": usage.once(_REASONING),
    "once_input_cost": usage.once(_INPUT_COST),
    "once_output_cost": usage.once(_OUTPUT_COST),
    "once_total_cost": usage.once(_TOTAL_COST),
    "once_usage_json": usage.once(usage.named(
        **{name: usage.tokens(key) for name, key in usage.LANGFUSE_TOKENS.items()})),
    "once_cost_json": usage.once(usage.named(input=_INPUT_COST, output=_OUTPUT_COST, total=_TOTAL_COST)),
    "other_usage": usage.once(usage.other_usage),
    "error_type": errors.error_type,
    "error_message": errors.error("message"),
    "error_code": errors.error("code"),
    "error_stack": errors.error("stack"),
    "error_stage": errors.stage,
    "other_error": errors.other_error,
    "note": errors.note,
    "cancelled": errors.if_cancelled(lambda _: True),
    "cancellation_reason": errors.if_cancelled(lambda facts: facts.of_error("message")),
}  # fmt: skip

# The words that depend on the trace, and on input and output, whatever the kind of span. All others depend on what
# the spans of one function have in common, or on metadata, usage, updates and failures.
OF_PAYLOADS: Final = frozenset((
    "trace", "input", "output", "input_text", "output_text", "input_type", "output_type", "genai_input", "genai_output",
    "tool_names", "tool_count", "openinference_output", "openinference_tools", "query", "documents", "documents_json",
    "undocumented_output", "document_count",
))  # fmt: skip
# And those that do so for model calls only.
OF_MESSAGES: Final = frozenset((
    "input_key", "input_rest", "tool_definitions", "last_messages", "message_count", "openinference_input",
))  # fmt: skip
