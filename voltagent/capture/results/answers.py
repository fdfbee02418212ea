"""Read what a model answered: its text, or a message with its reasoning and the tool calls that it requests too.

Everything is read from stored fields. ``None`` means that there is no answer to show.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from voltagent.capture.stored_fields import as_items, as_text, field, fields_of, fields_reader, first_at, first_of

# Functions for the table take a result as the function that reads its fields, so that each result is opened once.
FieldReader: TypeAlias = Callable[[str], Any]
AnswerReader: TypeAlias = Callable[[FieldReader], object]

# Blocks of an answer that the model wrote for itself, and where they and the messages around them keep that text.
_REASONING_BLOCKS: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_text", "reasoning_content")
_REASONING_TEXTS: Final = (
    ("thinking",), ("text",), ("content",), ("summary",), ("reasoning",), ("reasoning_content", "text"),
    ("reasoningContent", "reasoningText", "text"),
)  # fmt: skip
_REASONING: Final = (("reasoning_content",), ("reasoning",), ("thinking",), ("additional_kwargs", "reasoning_content"))
_TEXT_BLOCKS: Final = ("text", "output_text")
# Where a block keeps a tool call, if not in its own fields.
_CALLS: Final = (("function",), ("function_call",), ("functionCall",), ("toolUse",))
_CALL_IDS: Final = (("call_id",), ("toolUseId",), ("tool_call_id",), ("id",))
_CALL_NAMES: Final = (("name",), ("tool_name",))
_CALL_ARGUMENTS: Final = (("arguments",), ("args",), ("input",))
# What no block of text without a type has.
_NOT_TEXT: Final = ("thought", "part_kind", "reasoningContent", "name", "tool_name", *(path[0] for path in _CALLS))
_TEXTS: Final = (("text",), ("content",), ("refusal",))
_CHOSEN: Final = (("delta",), ("content",))
# Where a message keeps what it says.
_CONTENTS: Final = (("content",), ("blocks",), ("parts",), ("refusal",), ("audio", "transcript"))


def joined(text: str | None, thought: str | None, calls: Sequence[object]) -> object:
    """Return an answer: the text alone, or a message if there is reasoning or a tool call."""
    if not calls and not thought:
        return text
    found: dict[str, object] = {"role": "assistant"}
    if thought:
        found["reasoning_content"] = thought
    found["content"] = text
    if calls:
        found["tool_calls"] = list(calls)
    return found


def message(holder: object) -> object:
    """Return the answer in one message of an assistant: its content, text or blocks, and its tool calls."""
    return message_in(fields_reader(holder))


def message_in(read: FieldReader) -> object:
    """:func:`message`, for the fields of a message."""
    content, parsed, calls, old_call = read("content"), read("parsed"), read("tool_calls"), read("function_call")
    thought = None
    for path in _REASONING:
        if read(path[0]) is not None:
            thought = reasoning(read)
            break
    if type(content) is str and parsed is None and calls is None and old_call is None and thought is None:
        return content  # nearly every answer
    calls = as_items(calls)
    if parsed is not None and not calls:
        return parsed
    text, inner, found = _split(_blocks(first_of(read, _CONTENTS)))
    named = [_call(call) for call in (*calls, *([old_call] if old_call is not None else []))]
    named = [call for call in named if call is not None]
    return joined(text, thought or inner, named or found)


def reasoning(read: FieldReader) -> str | None:
    """Return what a message says beside its content that the model wrote for itself."""
    return as_text(first_of(read, _REASONING))


def choices(items: Sequence[object]) -> object:
    """Return the answers in the choices of an OpenAI completion, or Google's candidates; ``None`` if none."""
    return [choice(fields_reader(item)) for item in items] or None


def choice(read: FieldReader) -> object:
    """Return the answer in one choice: its message, or its text."""
    content = read("message")
    content = first_of(read, _CHOSEN) if content is None else content
    if content is None:
        return as_text(read("text"))
    return content if type(content) is str else message_in(fields_reader(content))


def output_items(read: FieldReader) -> object:
    """Return the answer in the items of a result of OpenAI's Responses API."""
    items = as_items(read("output"))
    parsed: object = None
    blocks: list[object] = []
    for item in items:
        content = as_items(field(item, "content"))
        blocks += content or [item]
        for block in content:
            found = field(block, "parsed")
            parsed = parsed if found is None else found
    return joined(*_split(blocks)) if parsed is None else parsed


def parts(read: FieldReader) -> object:
    """Return the answer in a list of parts, as pydantic-ai has it."""
    return joined(*_split(as_items(read("parts"))))


def embeddings(read: FieldReader) -> object:
    """Return how many vectors there are, and how long they are: never the numbers."""
    items = as_items(read("data")) or as_items(read("embeddings"))
    first = items[0] if items else None
    vector = first if type(first) is list else first_at(first, (("embedding",), ("values",)))
    return {"embeddings": len(items), "dimensions": len(vector) if type(vector) is list else None}


def stored_values(read: FieldReader) -> object:
    """Return the fields of a prediction as DSPy keeps them."""
    return dict(fields_of(read("_store")))


def at_path(*paths: str) -> AnswerReader:
    """Return what is stored at the first of these dotted paths that has something, as the answer."""
    split = tuple(tuple(path.split(".")) for path in paths)
    return lambda read: first_of(read, split)


def _blocks(content: object) -> list[Any]:
    return [content] if as_text(content) is not None else as_items(content)


def _split(blocks: Iterable[object]) -> tuple[str | None, str | None, list[object]]:
    """Return the text of some blocks, the reasoning and the tool calls among them."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[object] = []
    for block in blocks:
        read = fields_reader(block)
        text = read("text")
        if type(text) is str and _is_text(read):  # nearly every block
            texts.append(text)
            continue
        text = as_text(block)
        if text is None and is_reasoning(block):
            thoughts += reasoning_in(block)
            continue
        call = _call(block) if text is None else None
        if call is not None:
            calls.append(call)
            continue
        text = as_text(first_at(block, _TEXTS)) if text is None else text
        if text is not None:
            texts.append(text)
    return "".join(texts) if texts else None, "\n\n".join(thoughts) or None, calls


def reasoning_in(block: object) -> list[str]:
    """Return the texts of a block of reasoning: its own, or those of its parts; none if it is encrypted."""
    found = first_at(block, _REASONING_TEXTS)
    parts = [found] if as_text(found) is not None else [field(part, "text") for part in as_items(found)]
    return [text for text in map(as_text, parts) if text]


def _is_text(read: FieldReader) -> bool:
    """Return whether a block with a text is known to be nothing else, by its type or by what it has not."""
    named = read("type")
    if named is not None:
        return type(named) is str and named in _TEXT_BLOCKS and read("thought") is not True
    for name in _NOT_TEXT:  # noqa: SIM110 - a generator takes longer
        if read(name) is not None:
            return False
    return True


def is_reasoning(block: object) -> bool:
    type_name = as_text(first_at(block, (("type",), ("part_kind",), ("block_type",))))
    return (
        type_name in _REASONING_BLOCKS
        or field(block, "thought") is True
        or field(block, "reasoningContent") is not None
    )


def _call(block: object) -> object | None:
    """Return a tool call in our form; ``None`` if the block is not one."""
    holder = first_at(block, _CALLS)
    holder = block if holder is None else holder
    name = as_text(first_at(holder, _CALL_NAMES))
    arguments = first_at(holder, _CALL_ARGUMENTS)
    if name is None or (arguments is None and holder is block):
        return None
    identifier = as_text(first_at(holder, _CALL_IDS)) or as_text(first_at(block, _CALL_IDS))
    found = {"id": identifier, "name": name, "arguments": arguments}
    return {key: value for key, value in found.items() if value is not None}
