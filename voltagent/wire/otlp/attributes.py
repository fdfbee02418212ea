"""What can be said of a span in OTLP, by words of our own; :mod:`voltagent.wire.otlp.profiles` gives them their names.

A word is a function from :class:`Facts` to a value (text, flag, number, a list of texts, a dict of named parts) or
``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.core import trace_ids
from voltagent.core.span import CANCELLED, ERROR, TRACE
from voltagent.wire.otlp.span_view import Facts, json_object, json_text

Word: TypeAlias = Callable[[Facts], Any]


def _text(payload: bytes | None) -> str | None:
    return None if payload is None else payload.decode("utf-8", "replace")


def _json(value: object) -> str | None:
    """JSON text; nothing for what is absent or empty."""
    return json_text(value) if value else None


# ---------------------------------------------------------------------------------------------------- about the trace


def _root_id(facts: Facts) -> str:
    return trace_ids.text(facts.span.trace.id)


def _own_trace_id(facts: Facts) -> str | None:
    trace = facts.span.trace
    # Under a remote parent the trace has the id of that; a hashed id cannot be read back.
    return trace_ids.text(trace.id) if trace.remote is not None or trace_ids.is_hashed(trace.id) else None


def _own_id(facts: Facts) -> str | None:
    span = facts.span
    return trace_ids.text(span.id) if span.parent is not None and trace_ids.is_hashed(span.id) else None


def _parent_trace(facts: Facts) -> str | None:
    trace = facts.span.trace
    # where the parent is remote, all of the trace has that one's id
    parent = trace.parent_trace_id if facts.kind == TRACE and trace.remote is None else None
    return None if parent is None else trace_ids.text(parent)


def _user(facts: Facts) -> str | None:
    return facts.of_trace.get("user_id") or facts.span.trace.user_id


def _conversation(facts: Facts) -> str | None:
    return facts.of_trace.get("conversation_id") or facts.span.trace.conversation_id


def _environment(facts: Facts) -> Any:
    return facts.metadata.get("environment") if facts.kind == TRACE else None


def _completion_start(facts: Facts) -> Any:
    if facts.kind != TRACE:
        return None
    return facts.updates.get("completion_start_time") or facts.span.trace.completion_start


# ----------------------------------------------------------------------------------------------------- about the span


def _tags(facts: Facts) -> list[str] | None:
    updated = facts.updates.get("tags")
    tags = from_json(updated) if updated is not None else facts.span.tags or ()
    return list(dict.fromkeys((*tags, *(facts.span.more_tags if facts.ended else ())))) or None


def _version(facts: Facts) -> Any:
    return facts.fact("version") or (facts.span.trace.version if facts.kind == TRACE else None)


def _level(facts: Facts) -> Any:
    return facts.fact("level") or (facts.span.trace.level if facts.kind == TRACE else None)


def _langfuse_level(facts: Facts) -> Any:
    level = _level(facts) or {ERROR: "ERROR", CANCELLED: "WARNING"}.get(facts.status)
    return "DEFAULT" if level == "INFO" else level


def _documents(facts: Facts) -> dict[str, Any] | None:
    """The documents of a search, each field by itself: ``0.document.content`` and so on."""
    if facts.items is None:
        return None
    found: dict[str, Any] = {}
    for number, item in enumerate(facts.items):
        for name, value in _document(item).items():
            found[f"{number}.document.{name}"] = value
    return found


def _document(item: object) -> dict[str, Any]:
    if not isinstance(item, dict):
        return {"content": item if isinstance(item, str) else _json([item])}
    rest = dict(cast(dict[str, Any], item))
    content = next((rest.pop(key) for key in _CONTENT if isinstance(rest.get(key), str)), None)
    found = {"id": rest.pop("id", None), "content": content, "score": rest.pop("score", None)}
    given = rest.pop("metadata", None)
    metadata = {**rest, **cast(dict[str, Any], given)} if isinstance(given, dict) else rest
    return {name: value for name, value in (*found.items(), ("metadata", _json(metadata))) if value is not None}


_CONTENT: Final = ("content", "text", "page_content")


def _documents_json(facts: Facts) -> str | None:
    if facts.items is None:
        return None
    return _json([{"content": item} if isinstance(item, str) else item for item in facts.items])


def _undocumented(facts: Facts) -> str | None:
    """The output of a search, unless its documents are all there is."""
    return _text(facts.output) if facts.items is None or len(json_object(facts.output)) > 1 or not facts.items else None


def _query(facts: Facts) -> str | None:
    """The text that was searched for: the input's ``query``, else its first text."""
    given = json_object(facts.input)
    query = given.get("query")
    return query if isinstance(query, str) else next((v for v in given.values() if isinstance(v, str)), None)


def _messages(role: str, text: str | None) -> str | None:
    """One chat message as the GenAI conventions write it, with all of a payload in it."""
    return None if text is None else _json([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _answer(facts: Facts) -> str | None:
    """The output as a message, with the reason why it ended, which the conventions demand."""
    if facts.output is None:
        return None
    reason = "error" if facts.failed else "stop"
    parts = [{"type": "text", "content": _text(facts.output)}]
    return _json([{"role": "assistant", "parts": parts, "finish_reason": reason}])


def _system(facts: Facts) -> str | None:
    instructions = facts.fact("instructions")
    return None if instructions is None else _json([{"type": "text", "content": instructions}])


def _model_name(facts: Facts) -> Any:
    return (
        (facts.span.model if facts.ended else None)
        or facts.model.get("model")
        or facts.model.get("name")
        or facts.metadata.get("model")
    )


def _model_parameter(*names: str) -> Word:
    def read(facts: Facts) -> Any:
        return next((facts.model[name] for name in names if facts.model.get(name) is not None), None)

    return read


def _stop_sequences(facts: Facts) -> Any:
    given = facts.model.get("stop_sequences") or facts.model.get("stop")
    return [given] if isinstance(given, str) else given


# --------------------------------------------------------------------------------------------------- usage and cost

_CACHED: Final = ("cached_tokens", "cache_read_input_tokens", "cache_read_tokens", "cached_input_tokens")
_WRITTEN: Final = ("cache_creation_input_tokens", "cache_creation_tokens", "cache_write_tokens")
_REASONING: Final = ("reasoning_tokens", "reasoning_output_tokens")
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens", *_CACHED, *_WRITTEN, *_REASONING)
_COSTS: Final = ("cost", "input_cost", "output_cost", "total_cost", "cost_details")
_DETAILS: Final = (
    "prompt_tokens_details",
    "input_tokens_details",
    "completion_tokens_details",
    "output_tokens_details",
)


def _tokens(facts: Facts, names: tuple[str, ...]) -> Any:
    """A count by one of its names, also from the details that model providers nest."""
    for name in names:
        if facts.usage.get(name) is not None:
            return facts.usage[name]
    for nested in _DETAILS:
        details = facts.usage.get(nested)
        if isinstance(details, dict):
            for name in names:
                if name in details:
                    return cast(dict[str, Any], details)[name]
    return None


def _once(word: Word) -> Word:
    """For receivers that add up all spans of a trace: nothing on the root where the agents have said it."""
    return lambda facts: None if facts.counted else word(facts)


def _cost(*names: str) -> Word:
    def read(facts: Facts) -> Any:
        return next((facts.usage[name] for name in names if facts.usage.get(name) is not None), None)

    return read


def _cost_detail(name: str) -> Word:
    def read(facts: Facts) -> Any:
        details = facts.usage.get("cost_details")
        return cast(dict[str, Any], details).get(name) if isinstance(details, dict) else None

    return read


def _named(**words: Word) -> Word:
    """Several words as one JSON object."""

    def read(facts: Facts) -> str | None:
        found = {name: word(facts) for name, word in words.items()}
        return _json({name: value for name, value in found.items() if value is not None})

    return read


def _other_usage(facts: Facts) -> str | None:
    return _json({key: value for key, value in facts.usage.items() if key not in (*_TOKENS, *_COSTS, *_DETAILS)})


# ------------------------------------------------------------------------------------------------------------- errors

_ERROR_FIELDS: Final = frozenset(("message", "type", "name", "code", "stack"))


def _error_type(facts: Facts) -> str | None:
    """The kind of error; ``_OTHER`` where it is not known, as the attribute's definition says."""
    if not facts.failed:
        return None
    kind = facts.of_error("type") or facts.of_error("name")
    return str(kind) if kind is not None else CANCELLED if facts.status == CANCELLED else "_OTHER"


def _error(name: str) -> Word:
    return lambda facts: facts.of_error(name) if facts.failed else None


def _stage(facts: Facts) -> Any:
    return facts.metadata.get("stage") if facts.failed else None


def _other_error(facts: Facts) -> str | None:
    """Whatever else an error says: its cause, the user's details."""
    error: object = facts.error
    if not isinstance(error, dict):
        return None
    return _json({key: value for key, value in cast(dict[str, Any], error).items() if key not in _ERROR_FIELDS})


def _note(facts: Facts) -> Any:
    """The status message of an event that did not fail."""
    return None if facts.failed else facts.of_error("message")


def _if_cancelled(value: Word) -> Word:
    return lambda facts: value(facts) if facts.status == CANCELLED else None


def memory_operation(facts: Facts) -> str:
    """What the GenAI conventions call a read from, or a write to, a memory."""
    return "search_memory" if facts.span.operation == "read" else "update_memory"


# ---------------------------------------------------------------------------------------------------------- the words

_PROMPT: Final[Word] = partial(_tokens, names=("prompt_tokens",))
_COMPLETION: Final[Word] = partial(_tokens, names=("completion_tokens",))
_TOTAL: Final[Word] = partial(_tokens, names=("total_tokens",))
_CACHE_READ: Final[Word] = partial(_tokens, names=_CACHED)
_CACHE_WRITE: Final[Word] = partial(_tokens, names=_WRITTEN)
_THOUGHT: Final[Word] = partial(_tokens, names=_REASONING)
_INPUT_COST: Final = _cost("input_cost")
_OUTPUT_COST: Final = _cost("output_cost")
_TOTAL_COST: Final = _cost("total_cost", "cost")

WORDS: Final[Mapping[str, Word]] = {
    "name": lambda facts: facts.span.name,
    "agent": lambda facts: facts.span.agent_id,
    "operation": lambda facts: facts.span.operation,
    "event_type": lambda facts: facts.span.kind if facts.is_event else None,
    "memory_operation": memory_operation,
    "trace": _root_id,
    "own_trace_id": _own_trace_id,
    "own_id": _own_id,
    "parent_trace": _parent_trace,
    "user": _user,
    "conversation": _conversation,
    "environment": _environment,
    "completion_start": _completion_start,
    "input": lambda facts: _text(facts.input),
    "output": lambda facts: _text(facts.output),
    "input_type": lambda facts: None if facts.input is None else "application/json",
    "output_type": lambda facts: None if facts.output is None else "application/json",
    "input_message": lambda facts: _messages("user", _text(facts.input)),
    "output_message": _answer,
    "query": _query,
    "documents": _documents,
    "documents_json": _documents_json,
    "undocumented_output": _undocumented,
    "document_count": lambda facts: None if facts.items is None else len(facts.items),
    "instructions": lambda facts: facts.fact("instructions"),
    "system": _system,
    "metadata": lambda facts: _json(facts.metadata),
    "description": lambda facts: facts.metadata.get("description"),
    "call_id": lambda facts: facts.metadata.get("tool_call_id") or facts.metadata.get("toolCallId"),
    "tags": _tags,
    "version": _version,
    "level": _level,
    "langfuse_level": _langfuse_level,
    "state": lambda facts: facts.status,
    "model": _model_name,
    "finish_reason": lambda facts: facts.metadata.get("finish_reason"),
    "finish_reasons": lambda facts: [facts.metadata["finish_reason"]] if facts.metadata.get("finish_reason") else None,
    "response_id": lambda facts: facts.metadata.get("response_id"),
    "provider": _model_parameter("provider"),
    "temperature": _model_parameter("temperature"),
    "max_tokens": _model_parameter("max_tokens", "max_output_tokens"),
    "top_p": _model_parameter("top_p"),
    "top_k": _model_parameter("top_k"),
    "frequency_penalty": _model_parameter("frequency_penalty"),
    "presence_penalty": _model_parameter("presence_penalty"),
    "stop_sequences": _stop_sequences,
    "seed": _model_parameter("seed"),
    "max_retries": _model_parameter("max_retries"),
    "max_steps": _model_parameter("max_steps"),
    "model_parameters": lambda facts: _json(facts.model),
    # usage as it is: the receiver takes the root's alone
    "prompt_tokens": _PROMPT,
    "completion_tokens": _COMPLETION,
    "total_tokens": _TOTAL,
    "cached_tokens": _CACHE_READ,
    "reasoning_tokens": _THOUGHT,
    "cost": _cost("cost"),
    "input_cost": _INPUT_COST,
    "output_cost": _OUTPUT_COST,
    "total_cost": _cost("total_cost"),
    "upstream_cost": _cost_detail("upstream_inference_cost"),
    "upstream_input_cost": _cost_detail("upstream_inference_input_cost"),
    "upstream_output_cost": _cost_detail("upstream_inference_output_cost"),
    # usage once: the receiver adds up the spans of a trace
    "once_prompt_tokens": _once(_PROMPT),
    "once_completion_tokens": _once(_COMPLETION),
    "once_total_tokens": _once(_TOTAL),
    "once_cached_tokens": _once(_CACHE_READ),
    "once_cache_written_tokens": _once(_CACHE_WRITE),
    "once_reasoning_tokens": _once(_THOUGHT),
    "once_input_cost": _once(_INPUT_COST),
    "once_output_cost": _once(_OUTPUT_COST),
    "once_total_cost": _once(_TOTAL_COST),
    "once_usage_json": _once(_named(input=_PROMPT, output=_COMPLETION, total=_TOTAL, cached=_CACHE_READ)),
    "once_cost_json": _once(_named(input=_INPUT_COST, output=_OUTPUT_COST, total=_TOTAL_COST)),
    "other_usage": _once(_other_usage),
    "error_type": _error_type,
    "error_message": _error("message"),
    "error_code": _error("code"),
    "error_stack": _error("stack"),
    "error_stage": _stage,
    "other_error": _other_error,
    "note": _note,
    "cancelled": _if_cancelled(lambda _: True),
    "cancellation_reason": _if_cancelled(lambda facts: facts.of_error("message")),
}
