"""Inputs of calls, recorded and made now: read, compared, and named in messages."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic_core import from_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.span import Span
from voltagent.processors.redaction import Redactor
from voltagent.records import OperationRecord
from voltagent.testkit.messages import short

_redactor: Final = Redactor()
# What models write for themselves: items of OpenAI's responses and Anthropic's messages, and fields of other messages.
_REASONING: Final = ("reasoning", "thinking", "redacted_thinking")
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning_details", "thinking_blocks", "thought_signature")


def input_of(span: Span) -> Any:
    """Return the input of a call as the default redaction shows it."""
    if span.input is None:
        return None
    own = cast("Redactor | None", span.redact)
    text = _redactor.apply(span.input, "input")
    return from_json(text if own is None else own.apply(text, "input"))


def is_same(recorded: Any, given: Any) -> bool:
    """Return whether two inputs are equal; what was redacted in the recording equals anything.

    A request that repeats an earlier answer repeats its reasoning too, which an answer that is replayed does not have.
    """
    if type(recorded) is str and SECRET_TEXT in recorded:
        return True
    if type(recorded) is dict and type(given) is dict:
        known = {name: value for name, value in recorded.items() if name in given or name not in _REASONING_FIELDS}
        return known.keys() == given.keys() and all(is_same(value, given[name]) for name, value in known.items())
    if type(recorded) is list and type(given) is list:
        items = recorded if len(recorded) == len(given) else [one for one in recorded if not _is_reasoning(one)]
        return len(items) == len(given) and all(map(is_same, items, given))
    return bool(recorded == given)


def _is_reasoning(item: Any) -> bool:
    """Return whether an item of a message, or of what stands beside messages, is what a model wrote for itself."""
    return type(item) is dict and (item.get("type") in _REASONING or item.get("thought") is True)


def difference(recorded: Any, given: Any) -> str:
    """Return the first difference of two inputs, by argument."""
    if isinstance(recorded, Mapping) and isinstance(given, Mapping):
        for name in (*recorded, *given):
            if name not in given or name not in recorded:
                return f"argument {name!r}: {'not passed' if name not in given else 'not in the recording'}"
            if not is_same(recorded[name], given[name]):
                return f"argument {name!r}: recorded {short(recorded[name])}, now {short(given[name])}"
    return f"the input: recorded {short(recorded)}, now {short(given)}"


def title(one: OperationRecord) -> str:
    """Return the kind and name of a recorded call."""
    return f"{one.kind} {one.name!r}"


def place(parent: OperationRecord | None) -> str:
    """Return what a recorded call stands below."""
    return "the trace" if parent is None else title(parent)


def span_place(parent: Span | None) -> str:
    """Return what a call that is made now stands below."""
    return "the trace" if parent is None or parent.parent is None else f"{parent.kind} {parent.name!r}"
