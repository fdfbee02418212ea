"""Read the chunks of each client's stream: one reader for each type of chunk, and the table that finds it."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.capture.results import INNER, NO_ID, ModelResult, read_result
from voltagent.capture.results.answers import is_reasoning, reasoning, reasoning_in
from voltagent.capture.results.streamed import StreamedAnswer, StreamedAnswers
from voltagent.capture.stored_fields import as_items, as_text, at, field, fields_reader, first_at, is_kind_of
from voltagent.capture.usage import counted
from voltagent.core import introspection

ChunkReader: TypeAlias = Callable[[StreamedAnswers, Any], None]


def openai_chat(answers: StreamedAnswers, chunk: object) -> None:
    """Add a chunk of a chat or text completion; each choice is an answer by itself."""
    answer = answers.of(field(chunk, "id"))
    answer.model = answer.model or as_text(field(chunk, "model"))
    answer.add_usage(first_at(chunk, (("usage",), ("x_groq", "usage"))))
    whole = answer
    for choice in as_items(field(chunk, "choices")):
        answer, delta = whole.choice(field(choice, "index")), field(choice, "delta")
        answer.add_text(first_at(choice, (("delta", "content"), ("text",), ("delta", "refusal"))))
        answer.add_reasoning(reasoning(fields_reader(delta)))
        answer.finish = as_text(field(choice, "finish_reason")) or answer.finish
        for number, call in enumerate(as_items(field(delta, "tool_calls"))):
            index = field(call, "index")
            _add_function(answer, number if type(index) is not int else index, call)
        old_call = field(delta, "function_call")
        if old_call is not None:
            answer.add_call(0, name=field(old_call, "name"), arguments=field(old_call, "arguments"))


def _add_function(answer: StreamedAnswer, key: object, call: object) -> None:
    function = field(call, "function")
    answer.add_call(key, id=field(call, "id"), name=field(function, "name"), arguments=field(function, "arguments"))


def _openai_responses(answers: StreamedAnswers, event: object) -> None:
    """Add an event of the Responses API; the last one has the whole response."""
    kind = as_text(field(event, "type")) or ""
    response = field(event, "response")
    identifier = as_text(field(response, "id"))
    answer = answers.of(None if identifier == NO_ID else identifier, new=kind == "response.created")
    answer.model = answer.model or as_text(field(response, "model"))
    if kind in ("response.output_text.delta", "response.refusal.delta"):
        answer.add_text(field(event, "delta"))
    elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
        answer.add_reasoning(field(event, "delta"))
    elif kind == "response.output_item.added" and as_text(at(event, ("item", "type"))) == "function_call":
        item = field(event, "item")
        answer.add_call(field(event, "output_index"), id=field(item, "call_id"), name=field(item, "name"))
    elif kind == "response.function_call_arguments.delta":
        answer.add_call(field(event, "output_index"), arguments=field(event, "delta"))
    elif response is not None and kind in ("response.completed", "response.incomplete", "response.failed"):
        answer.whole = read_result(response, any_shape=True, depth=INNER)


def _anthropic(answers: StreamedAnswers, event: object) -> None:
    """Add an event of a message; the usages of its start and its end together are those of the response."""
    kind = as_text(field(event, "type"))
    if kind == "message_start":
        message = field(event, "message")
        answer = answers.of(field(message, "id"), new=True)
        answer.model = as_text(field(message, "model"))
        answer.add_usage(field(message, "usage"))
        return
    answer = answers.of()
    block, delta, index = field(event, "content_block"), field(event, "delta"), field(event, "index")
    if kind == "content_block_start":
        answer.add_text(field(block, "text"))
        if as_text(field(block, "type")) in ("tool_use", "server_tool_use"):
            answer.add_call(index, id=field(block, "id"), name=field(block, "name"), arguments=field(block, "input"))
    elif kind == "content_block_delta":
        answer.add_text(field(delta, "text"))
        answer.add_reasoning(field(delta, "thinking"))
        if field(delta, "partial_json") is not None:
            answer.add_call(index, arguments=field(delta, "partial_json"))
    elif kind == "message_delta":
        answer.finish = as_text(field(delta, "stop_reason")) or answer.finish
        answer.add_usage(field(event, "usage"))


def _google(answers: StreamedAnswers, chunk: object) -> None:
    """Add a chunk, in which each candidate is an answer by itself."""
    answer = answers.of(first_at(chunk, (("response_id",), ("responseId",))))
    answer.model = answer.model or as_text(first_at(chunk, (("model_version",), ("modelVersion",))))
    answer.add_usage(first_at(chunk, (("usage_metadata",), ("usageMetadata",))))
    whole = answer
    for candidate in as_items(field(chunk, "candidates")):
        answer = whole.choice(field(candidate, "index"))
        finish = as_text(first_at(candidate, (("finish_reason",), ("finishReason",))))
        answer.finish = finish or answer.finish
        whole.ended = whole.ended or bool(finish)
        for part in as_items(at(candidate, ("content", "parts"))):
            call = first_at(part, (("function_call",), ("functionCall",)))
            if call is not None:
                key = len(answer.calls)
                answer.add_call(key, id=field(call, "id"), name=field(call, "name"), arguments=field(call, "args"))
            elif field(part, "thought") is True:
                answer.add_reasoning(field(part, "text"))
            else:
                answer.add_text(field(part, "text"))


def _ollama(answers: StreamedAnswers, chunk: object) -> None:
    """Add a part of a chat or of generated text; the last one has the counts and the finish reason."""
    answer = answers.of()
    answer.model = answer.model or as_text(field(chunk, "model"))
    answer.add_text(first_at(chunk, (("message", "content"), ("response",))))
    answer.add_reasoning(first_at(chunk, (("message", "thinking"), ("thinking",))))
    for call in as_items(at(chunk, ("message", "tool_calls"))):
        _add_function(answer, len(answer.calls), call)
    if field(chunk, "done") is True:
        answer.ended = True
        answer.finish = as_text(field(chunk, "done_reason"))
        answer.add_usage(chunk)


def _bedrock(answers: StreamedAnswers, event: object) -> None:
    """Add an event of ``converse_stream``."""
    answer = answers.of(new=field(event, "messageStart") is not None)
    start, delta = field(event, "contentBlockStart"), field(event, "contentBlockDelta")
    call = at(start, ("start", "toolUse"))
    if call is not None:
        answer.add_call(field(start, "contentBlockIndex"), id=field(call, "toolUseId"), name=field(call, "name"))
    answer.add_text(at(delta, ("delta", "text")))
    answer.add_reasoning(at(delta, ("delta", "reasoningContent", "text")))
    arguments = at(delta, ("delta", "toolUse", "input"))
    if arguments is not None:
        answer.add_call(field(delta, "contentBlockIndex"), arguments=arguments)
    answer.finish = as_text(at(event, ("messageStop", "stopReason"))) or answer.finish
    answer.add_usage(at(event, ("metadata", "usage")))


def _langchain(answers: StreamedAnswers, chunk: object) -> None:
    """Add a message chunk; its token counts are those of this chunk alone, so they are summed."""
    answer = answers.of(field(chunk, "id"))
    found = read_result(chunk, any_shape=True, depth=INNER)
    answer.model = answer.model or (found.model if found is not None else None)
    answer.finish = (found.finish_reason if found is not None else None) or answer.finish
    usage = counted(field(chunk, "usage_metadata"))
    if usage is not None:
        answer.added.append(usage)
        answer.holder = field(chunk, "usage_metadata")
    content = field(chunk, "content")
    answer.add_reasoning(reasoning(fields_reader(chunk)))
    for block in [content] if as_text(content) is not None else as_items(content):
        if as_text(block) is None and is_reasoning(block):
            answer.add_reasoning("".join(reasoning_in(block)))
        else:
            answer.add_text(block if as_text(block) is not None else field(block, "text"))
    for number, call in enumerate(as_items(field(chunk, "tool_call_chunks"))):
        index = field(call, "index")
        key = number if index is None else index
        answer.add_call(key, id=field(call, "id"), name=field(call, "name"), arguments=field(call, "args"))


def _pydantic_ai(answers: StreamedAnswers, event: object) -> None:
    """Add an event of a run or a response."""
    kind = as_text(field(event, "event_kind"))
    answer = answers.of()
    if kind == "agent_run_result":
        answer.whole = read_result(field(event, "result"), any_shape=True, depth=INNER)
    part = field(event, "part") if kind == "part_start" else field(event, "delta") if kind == "part_delta" else None
    if part is None:
        return
    text = first_at(part, (("content",), ("content_delta",)))
    if as_text(first_at(part, (("part_kind",), ("part_delta_kind",)))) == "thinking":
        answer.add_reasoning(text)
        return
    answer.add_text(text)
    name = first_at(part, (("tool_name",), ("tool_name_delta",)))
    arguments = first_at(part, (("args",), ("args_delta",)))
    if name is not None or arguments is not None:
        answer.add_call(field(event, "index"), id=field(part, "tool_call_id"), name=name, arguments=arguments)


def _llama_index(answers: StreamedAnswers, chunk: object) -> None:
    """Add a delta; model, id and usage are those of the provider's own chunk inside it."""
    answer = answers.of()
    answer.add_text(field(chunk, "delta"))
    answer.add_reasoning(at(chunk, ("additional_kwargs", "thinking_delta")))
    raw = field(chunk, "raw")
    answer.model = answer.model or as_text(field(raw, "model"))
    answer.id = answer.id or as_text(field(raw, "id"))
    answer.add_usage(first_at(raw, (("usage",), ("usage_metadata",))))


def _smolagents(answers: StreamedAnswers, chunk: object) -> None:
    """Add a delta of a model's message; the usages of its deltas add up."""
    answer = answers.of()
    answer.add_text(field(chunk, "content"))
    for number, call in enumerate(as_items(field(chunk, "tool_calls"))):
        index = field(call, "index")
        _add_function(answer, number if index is None else index, call)
    usage = counted(field(chunk, "token_usage"))
    if usage is not None:
        answer.added.append(usage)
        answer.holder = field(chunk, "token_usage")


def _smolagents_step(answers: StreamedAnswers, step: object) -> None:
    """Add a step of a run, which repeats the usage of the chunks before it, if there were any."""
    answer = answers.of()
    usage = counted(field(step, "token_usage"))
    if usage is not None and answer.holder is None:
        answer.added.append(usage)
    answer.holder = None
    answer.reasoning.clear()
    answer.texts.clear()  # what the model says in the next step is another answer
    answer.calls.clear()


def _smolagents_end(answers: StreamedAnswers, step: object) -> None:
    answers.of().whole = ModelResult(answer=field(step, "output"))


def _crewai(answers: StreamedAnswers, chunk: object) -> None:
    """Add a chunk of a crew's stream: a piece of text or of a tool call."""
    answer, call = answers.of(), field(chunk, "tool_call")
    if call is None:
        answer.add_text(field(chunk, "content"))
    else:
        name, arguments = field(call, "tool_name"), field(call, "arguments")
        answer.add_call(field(call, "index"), id=field(call, "tool_id"), name=name, arguments=arguments)


def _crewai_frame(answers: StreamedAnswers, frame: object) -> None:
    """Add an event of a crew or a flow: pieces of an answer, or the end of a model call with its usage."""
    kind, data = as_text(field(frame, "type")), field(frame, "data")
    if kind not in ("llm_stream_chunk", "llm_call_completed"):
        return
    answer, call = answers.of(field(data, "response_id")), field(data, "tool_call")
    if kind == "llm_stream_chunk":
        if call is None:
            answer.add_text(field(data, "chunk"))
        else:
            _add_function(answer, field(call, "index"), call)
    else:
        answer.model = as_text(field(data, "model"))
        answer.finish = as_text(field(data, "finish_reason"))
        answer.add_usage(field(data, "usage"))
        answer.ended = True


def _dspy(answers: StreamedAnswers, chunk: object) -> None:
    answers.of().add_text(field(chunk, "chunk"))


def _in_a_step(answers: StreamedAnswers, event: object) -> None:
    """Add nothing: what follows has it."""


def repeats_others(answers: StreamedAnswers, event: object) -> None:
    """Add nothing: the events before it have it, if the program passes them on, too."""


def _nothing(answers: StreamedAnswers, event: object) -> None:
    """Add nothing: such an event of a client says nothing new."""


class _ChunkType(NamedTuple):
    """A row of the table of chunks, found by class or, for a model's call, by fields."""

    read: ChunkReader
    types: tuple[tuple[str, str], ...]
    matches: Callable[[Any], bool]


# What frameworks yield of a step before the step itself, and the whole agent when it begins.
_IN_A_STEP: Final = (
    *(("smolagents", name) for name in ("ToolCall", "ToolOutput", "ActionOutput")),
    ("agents", "AgentUpdatedStreamEvent"),
)
_ANTHROPIC: Final = frozenset(
    ("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta",
     "content_block_stop", "ping")
)  # fmt: skip
_BEDROCK: Final = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop")


_LLAMA_INDEX: Final = (("llama_index", "ChatResponse"), ("llama_index", "CompletionResponse"))


def _has_type(chunk: object, test: Callable[[str], bool]) -> bool:
    name = as_text(field(chunk, "type"))
    return name is not None and test(name)


def _is_openai_chunk(chunk: object) -> bool:
    first = at(chunk, ("choices", "0"))
    if first is None:
        return type(field(chunk, "choices")) is list and as_text(field(chunk, "object")) != "chat.completion"
    return field(first, "delta") is not None or (field(first, "text") is not None and field(chunk, "usage") is None)


def is_last_text(item: object, identifier: str | None) -> bool:
    """Return whether an item is the chunk of a text completion with its usage, which looks like a whole one."""
    return (
        identifier is not None
        and as_text(field(item, "id")) == identifier
        and at(item, ("choices", "0", "text")) is not None
    )


_KINDS: Final = (
    _ChunkType(openai_chat, (("openai", "ChatCompletionChunk"), ("litellm", "ModelResponseStream")), _is_openai_chunk),
    _ChunkType(_openai_responses, (), lambda chunk: _has_type(chunk, lambda name: name.startswith("response."))),
    _ChunkType(_anthropic, (), lambda chunk: _has_type(chunk, _ANTHROPIC.__contains__)),
    _ChunkType(
        _google,
        (("google", "GenerateContentResponse"),),
        lambda chunk: (
            first_at(chunk, (("candidates",), ("usageMetadata",))) is not None
            or (field(chunk, "usage_metadata") is not None and field(chunk, "content") is None)
        ),
    ),
    _ChunkType(
        _bedrock,
        (),
        lambda chunk: (
            any(field(chunk, name) is not None for name in _BEDROCK)
            or at(chunk, ("metadata", "usage", "inputTokens")) is not None
        ),
    ),
    _ChunkType(
        _ollama,
        (("ollama", "ChatResponse"), ("ollama", "GenerateResponse")),
        lambda chunk: type(field(chunk, "done")) is bool and first_at(chunk, (("message",), ("response",))) is not None,
    ),
    _ChunkType(
        _langchain,
        (("langchain_core", "AIMessageChunk"),),
        lambda chunk: as_text(field(chunk, "type")) == "AIMessageChunk",
    ),
    _ChunkType(_pydantic_ai, (), lambda chunk: as_text(field(chunk, "event_kind")) is not None),
    _ChunkType(
        _llama_index,
        (),
        lambda chunk: (
            as_text(field(chunk, "delta")) is not None
            and (field(chunk, "raw") is not None or is_kind_of(type(chunk), _LLAMA_INDEX))
        ),
    ),
    _ChunkType(_smolagents, (("smolagents", "ChatMessageStreamDelta"),), lambda _: False),
    _ChunkType(_smolagents_step, (("smolagents", "ActionStep"), ("smolagents", "PlanningStep")), lambda _: False),
    _ChunkType(_smolagents_end, (("smolagents", "FinalAnswerStep"),), lambda _: False),
    _ChunkType(_in_a_step, _IN_A_STEP, lambda _: False),
    _ChunkType(repeats_others, (("agents", "RunItemStreamEvent"),), lambda _: False),
    _ChunkType(
        _crewai,
        (("crewai", "StreamChunk"),),
        lambda chunk: field(chunk, "chunk_type") is not None and field(chunk, "agent_role") is not None,
    ),
    _ChunkType(_crewai_frame, (("crewai", "StreamFrame"),), lambda _: False),
    _ChunkType(_dspy, (("dspy", "StreamResponse"),), lambda chunk: field(chunk, "signature_field_name") is not None),
)
# Packages whose classes are looked at field by field: their events have many classes.
_PACKAGES: Final = frozenset(("openai", "anthropic", "pydantic_ai", "llama_index", "agents"))


def chunk_reader(item: object, *, any_shape: bool) -> ChunkReader | None:
    """Return what adds items like this one to an answer; ``None`` if it is not a chunk of a known client."""
    kind = type(item)
    if kind is str or kind is bytes or item is None:
        return None
    known = _BY_TYPE.of(kind)
    if known is not None and known is not _nothing:
        return known
    if known is None and not any_shape:
        return None
    found = next((one.read for one in _KINDS if one.matches(item)), None)
    if found is None and known is _nothing and _has_type(item, _is_derived):
        return _nothing
    return found


# Events that the stream helpers of Anthropic and OpenAI make from others in the same stream.
_DERIVED: Final = frozenset(("text", "input_json", "thinking", "signature", "citation"))
_DERIVED_GROUPS: Final = frozenset(("content", "refusal", "tool_calls", "logprobs"))


def _is_derived(name: str) -> bool:
    return name in _DERIVED or name.partition(".")[0] in _DERIVED_GROUPS


def _of_type(kind: type) -> ChunkReader | None:
    """Return how to read the items of a class.

    ``_nothing`` if that depends on the item; ``None`` for a class that belongs to no client.
    """
    for one in _KINDS:
        if one.types and is_kind_of(kind, one.types):
            return one.read
    module = introspection.class_dict(kind).get("__module__")
    return _nothing if type(module) is str and module.partition(".")[0] in _PACKAGES else None


_BY_TYPE: Final = introspection.PerType(_of_type)


# Types of events that hold a client's own -> where.
_HOLDERS: Final = {"raw_response_event": "data", "chunk": "chunk"}  # openai-agents, and OpenAI's stream helper


def unwrapped(item: Any) -> object:
    """Return what is in an item of a framework's stream: the client's own event, a message, an update of a state."""
    kind: object = type(item)
    if kind is tuple and len(item) == 2:  # LangGraph: (message, metadata) or (mode, item)
        return unwrapped(item[1]) if type(item[0]) is str else item[0]
    if kind is dict and len(item) == 1:  # LangGraph: {node: update of the state}
        inner = next(iter(item.values()))
        return inner if type(field(inner, "messages")) is list else item
    holder = None if kind is str else _HOLDERS.get(as_text(field(item, "type")) or "")
    inner = None if holder is None else field(item, holder)
    return item if inner is None else inner
