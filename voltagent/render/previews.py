"""How an input begins, in one line: for lists and trees. Of a conversation, the last message of the user.

Pure functions over JSON. The messages are those that :mod:`voltagent.render.messages` recognises.
"""

# Values are any JSON: `isinstance(x, dict)` makes one `dict[Unknown, Unknown]` to pyright.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice, takewhile
from typing import Any, Final, TypeAlias

from pydantic_core import from_json, to_json

from voltagent.render.message_parts import Part, parsed
from voltagent.render.messages import MOST_WRAPPERS, Message, message_of, names_to_search, new_message, system_of
from voltagent.render.reading import media_line

Json: TypeAlias = Any

LONGEST_IN_LIST: Final = 300  # characters of an input in a list
LONGEST_IN_TREE: Final = 120  # characters of an input in a tree
# What a middleware records as the input of a request.
REQUEST: Final = frozenset(("method", "path"))
# Kinds whose inputs may be the messages of a conversation: of others the first characters are enough.
WITH_MESSAGES: Final = ("llm", "agent")
_MARK: Final = '"truncated":true'
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CUT_ESCAPE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")
# What is looked at of one input: large data without messages would otherwise take 0.2 s per MB.
_MOST_VALUES: Final = 1000
_MOST_MESSAGES: Final = 500


def last_question(value: Json) -> str | None:
    """Return the last message of the user in a conversation as text; ``None`` if there is none."""
    return last_text(value, "user")


def last_text(value: Json, side: str) -> str | None:
    """Return the last message of a side in a conversation that has a text, as text; ``None`` if there is none.

    Messages are read from the last one back, so a long conversation costs no more than what follows the message.
    Beyond 1000 values in which messages are searched, and 500 messages, nothing is found.
    """
    found = _newest_first(value, 0, iter(range(_MOST_VALUES)))
    for message in islice(found or (), _MOST_MESSAGES):
        text = _text_of(message) if message.side == side else ""
        if text:
            return text
    return None


def _newest_first(value: Json, depth: int, budget: Iterator[int]) -> Iterator[Message] | None:
    """Return the messages in a value from the last one back, each read when it is needed; ``None`` if there are none.

    Results of tools stay where they are. Ends before anything in a list that is not a message.
    """
    if depth > MOST_WRAPPERS or next(budget, None) is None:
        return None
    if isinstance(value, str):
        read = parsed(value) if depth else value
        return None if read is value else _newest_first(read, depth + 1, budget)
    if isinstance(value, list):
        if value and message_of(value[0]) is not None and message_of(value[-1]) is not None:
            return (one for one in takewhile(_is_known, map(message_of, reversed(value))) if one is not None)
        return _newest_first(value[0], depth + 1, budget) if len(value) == 1 else None
    return _in_object(value, depth, budget) if isinstance(value, dict) else None


def _is_known(message: Message | None) -> bool:
    return message is not None


def _in_object(value: dict[str, Json], depth: int, budget: Iterator[int]) -> Iterator[Message] | None:
    """Return the messages of an object from the last one back; ``None`` if it has none."""
    alone = message_of(value)
    if alone is not None and alone.side != "other":
        return iter([alone])
    for name in names_to_search(value):
        found = _newest_first(value[name], depth + 1, budget)
        if found is None and name == "input" and isinstance(value[name], str) and system_of(value) is not None:
            found = iter([new_message("user", [Part("text", value[name])])])
        if found is not None:
            return found
    return None


def _text_of(message: Message) -> str:
    """Return the texts of a message, then its media as type and size; empty for one that has results of tools alone."""
    shown = [one for one in map(_shown, sorted(message.parts, key=lambda part: part.type == "media")) if one]
    return "\n".join(shown)


def _shown(part: Part) -> str:
    return part.text if part.type == "text" else media_line(part) if part.type == "media" else ""


def value_preview(kind: str, value: Json, longest: int = LONGEST_IN_TREE) -> str | None:
    """Return how the input of an operation begins, in about ``longest`` characters; ``None`` if there is nothing in it.

    The messages of a conversation are shown as the last question; a string, or an object with nothing but a string, as
    that string; another object by its fields, and a list as JSON.
    """
    if value is None:
        return None
    text = _text(value) if kind in WITH_MESSAGES else None
    return beginning(to_json(value).decode()[:longest], longest) if text is None else cut(text, longest)


def json_preview(text: str, longest: int, beside: Collection[str] = ()) -> str | None:
    """Return how an input that may be a conversation begins, from its JSON text; see :func:`value_preview`.

    Fields whose value is shown beside the preview, such as the user's id, are left out, unless it has no others.
    """
    try:
        value = from_json(text)
    except ValueError:  # it was cut, or is damaged
        return beginning(text[:longest], longest)
    if beside and isinstance(value, dict):
        rest = {name: one for name, one in value.items() if not (isinstance(one, str) and one in beside)}
        if 0 < len(rest) < len(value):
            value, text = rest, to_json(rest).decode()
    shown = _text(value)
    return beginning(text[:longest], longest) if shown is None else cut(shown, longest)


def _text(value: Json) -> str | None:
    """Return the last question, or what an input is in words."""
    question = last_question(value)
    return _words(value) if question is None else question


def _words(value: Json) -> str | None:
    """Return the string that a value is or has alone, or a request as ``GET /path``; ``None`` for anything else."""
    if isinstance(value, dict) and value.keys() == REQUEST and all(isinstance(one, str) for one in value.values()):
        return f"{value['method']} {value['path']}"
    return only_string(value)


def only_string(value: Json) -> str | None:
    """Return the string that a value is, or that is all there is in it; else ``None``."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value if isinstance(value, str) else None


def beginning(text: str, longest: int) -> str | None:
    """Return the first characters of JSON text in words: a string, or one that is all there is in it, or the fields."""
    if text in ("{}", "null"):
        return None
    if text[:1] == "{" and text[-1] != "}":  # without an attempt to read all of it: lists and trees have thousands
        return _words_of_cut(text[: longest - 1]) + "…"
    try:
        value = from_json(text)
    except ValueError:
        return _words_of_cut(text[: longest - 1]) + "…"
    value = _without_marks(value) if _MARK in text else value
    words = _words(value)
    if words is None and isinstance(value, dict):
        return in_fields(value)
    return text if words is None else words


def in_fields(value: dict[str, Json]) -> str:
    """Return an object on one line: `order: A-1, days: 2`."""
    return _fields([(name, _field(one)) for name, one in value.items()])


def _words_of_cut(text: str) -> str:
    """Return the fields of an object whose text was cut, in words; any other text as it is."""
    if not text.startswith("{"):
        return text
    if "\\" in text[-6:]:
        text = _CUT_ESCAPE.sub(r"\1", text)
    try:
        value = _read_cut(text)
    except ValueError:
        value = None  # it is damaged, or was cut inside a character
    if not isinstance(value, dict) or not value:
        return text
    read = _without_marks(value) if _MARK in text else value
    whole = only_string(read) if len(read) == 1 and '"' in _STRING.sub("", text) else None
    if whole is not None:
        return whole.removesuffix("…")
    if read is not value:
        return in_fields(read).removesuffix("…")
    if not isinstance(next(reversed(value.values())), dict | list):
        return in_fields(value)
    name, last = value.popitem()
    fields = [(one, _field(content)) for one, content in value.items()]
    before = to_json({**value, name: ""}).decode()[:-3]
    cut_off, shown = text.removeprefix(before), _field(last)
    if cut_off != text and not cut_off.startswith(shown):
        shown = cut_off  # without the ends that the parser added
    return _fields([*fields, (name, shown)])


def _without_marks(value: Json) -> Json:
    """Return a value, or one with fields, without the marks that say that it was truncated."""
    inner = _unwrap(value)
    return {name: _unwrap(one) for name, one in inner.items()} if isinstance(inner, dict) else inner


def _unwrap(value: Json) -> Json:
    """Return what was kept of a truncated value, of a string with an ellipsis; any other value as it is."""
    mark = value
    while isinstance(value, dict) and value.get("truncated") is True and "reason" in value and "value" in value:
        value = value["value"]
    return f"{value}…" if isinstance(value, str) and value is not mark else value


def _read_cut(text: str) -> Json:
    """Return what is in JSON text that was cut: with a quote at the end, in case the cut is in a string."""
    try:
        return from_json(text + '"', allow_partial=True)
    except ValueError:
        return from_json(text, allow_partial=True)


def _fields(fields: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {text}" for name, text in fields)


def _field(value: Json) -> str:
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) else to_json(value).decode()


def cut(text: str, length: int) -> str:
    """Return the text, with an ellipsis in place of what is beyond this many characters."""
    return text if len(text) <= length else text[:length] + "…"
