"""What a result is made of: the responses in it, the result that it wraps, and the answer among its parts.

Functions for the table of :mod:`voltagent.capture.results.shapes`, for results that paths alone do not describe.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.capture.pieces import decode
from voltagent.capture.results import answers
from voltagent.capture.results.answers import AnswerReader, FieldReader
from voltagent.capture.stored_fields import (
    as_items,
    as_number,
    as_text,
    field,
    fields_of,
    first_at,
    first_items,
    first_of,
    is_kind_of,
)

_LARGEST_BODY: Final = 4 << 20  # bytes of an unread response that are parsed


def raw_response(read: FieldReader) -> object:
    """Return what a raw response was parsed to, else its body if that was read."""
    for parsed in _values(read("_parsed_by_type")):
        return parsed
    body = first_of(read, (("http_response", "_content"),))
    if type(body) is bytes and len(body) <= _LARGEST_BODY:
        try:
            return decode(body)
        except ValueError:
            return None
    return None


def _values(mapping: object) -> list[Any]:
    """Return the values of a dict, whatever its keys are."""
    return list(cast("dict[object, object]", mapping).values()) if type(mapping) is dict else []


def new_messages(read: FieldReader) -> list[object]:
    """Return the responses of a pydantic-ai run, without those of the history that it was given."""
    messages = first_items(first_of(read, (("_state", "message_history"), ("_all_messages",))))
    first = read("_new_message_index")
    return [one for one in messages[first if type(first) is int else 0 :] if as_text(field(one, "kind")) == "response"]


def answers_in_state(read: FieldReader) -> list[object]:
    """Return the model's messages of this turn, after the last one of the user: earlier ones were counted before."""
    found: list[object] = []
    for one in reversed(first_items(read("messages"))):
        role = as_text(field(one, "type"))
        if role == "human":
            break
        if role in _ANSWERING and (field(one, "response_metadata") is not None or _is_message(one)):
            found.append(one)
    return found[::-1]


_ANSWERING: Final = ("ai", "AIMessageChunk")


def _is_message(value: object) -> bool:
    return is_kind_of(type(value), (("langchain_core", "AIMessage"),))


def generations(read: FieldReader) -> list[object]:
    rows = [as_items(row) or [row] for row in as_items(read("generations"))]  # a list of ours
    messages = [field(one, "message") for row in rows for one in row]
    return [message for message in messages if message is not None]


def tokens_of_embeddings(read: FieldReader) -> list[object]:
    """Return one response with the tokens of all embeddings, if each has its own count, as Google has it."""
    found = (first_at(one, _TOKENS_OF_ONE) for one in as_items(read("embeddings")))
    counts = [count for count in map(as_number, found) if count is not None]
    return [{"usage": {"prompt_tokens": sum(counts)}, "model": read("model")}] if counts else []


_TOKENS_OF_ONE: Final = (("statistics", "token_count"), ("statistics", "tokenCount"))


def raw_responses(read: FieldReader) -> list[object]:
    return as_items(read("raw_responses"))


def results_of_stream(read: FieldReader) -> list[object]:
    """Return what CrewAI's stream has come to at its end: the output of a crew, or of one that ran several times."""
    return as_items(read("_results")) or [read("_result")]


def answer_of_stream(read: FieldReader) -> object:
    """Return what a flow of CrewAI's returned that streams; ``None`` if that is a result, which has its own answer."""
    found = read("_result")
    return found if as_text(found) is not None or type(found) is dict else None


def message_at(*paths: str) -> AnswerReader:
    """Return the text or message at the first of these dotted paths that has something, as the answer.

    The reasoning of a text is beside it.
    """
    find = answers.at_path(*paths)

    def answer(read: FieldReader) -> object:
        found = find(read)
        text = as_text(found)
        return answers.message(found) if text is None else answers.joined(text, answers.reasoning(read), ())

    return answer


def several(read: FieldReader) -> list[object]:
    return [{"usage": usage, "model": model} for model, usage in fields_of(read("_lm_usage")).items()]


def last_answer(read: FieldReader) -> object:
    """Return the structured answer of a LangGraph state, else its last message of a model."""
    found = answers_in_state(read)
    structured = read("structured_response")
    if structured is not None:
        return structured
    return answers.message(found[-1]) if found else None


def first_generation(read: FieldReader) -> object:
    found = generations(read)
    return answers.message(found[0]) if found else first_of(read, (("generations", "0", "0", "text"),))
