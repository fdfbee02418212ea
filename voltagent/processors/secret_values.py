"""Walk a decoded payload and replace secrets: by the names of keys, by structure, and by the grammar of text."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import is_
from typing import Any, Final, NamedTuple, cast

from pydantic_core import from_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.snapshot import Snapshot
from voltagent.core.context import run_callback
from voltagent.core.text import encoded
from voltagent.processors.secret_names import Names, Strength, is_ordinary, is_placeholder
from voltagent.processors.secret_text import find_secrets, replaced

_FAILED: Final = "[redaction failed]"
_NESTED: Final = 3  # JSON in text in JSON in text
_SHORTEST_TEXT: Final = 6  # characters; shorter strings hold no secret that could be told from a word
_MOST_REPEATED: Final = 32  # secrets of one call that are looked for elsewhere: each costs a search over the payload
_NAME_FIELDS: Final = ("name", "key", "header", "field", "Name", "Key", "k", "env", "variable")
_VALUE_FIELDS: Final = ("value", "val", "Value", "v", "content")
_LOGPROBS: Final = ("logprob", "top_logprobs", "log_prob", "token_id")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,40}\Z")
_snapshot: Final = Snapshot()


class Rules(NamedTuple):
    """What one redactor looks for."""

    names: Names
    patterns: tuple[re.Pattern[str], ...]
    hook: Callable[[str, object], object] | None


@dataclass(eq=False, slots=True)
class Found:
    """What was redacted in one operation: how many values, and those that may be repeated elsewhere in it."""

    count: int = 0
    secrets: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, value: Any) -> None:
        """Count a redacted value, and keep a string of at least 6 characters to recognise it again."""
        self.count += 1
        if (
            type(value) is str
            and 6 <= len(value) <= 4096
            and len(self.secrets) < _MOST_REPEATED
            and not value.isdigit()
        ):
            self.secrets[value] = None

    def repeated_in(self, text: bytes) -> bool:
        """Whether a JSON text holds one of the secrets."""
        return any(encoded(secret)[1:-1] in text for secret in self.secrets)


class Walk:
    """One pass over one payload. Each method returns the same object if nothing was redacted in it.

    A path of ``None`` means that the hook is not called: the inside of a string is one value to it.
    """

    def __init__(self, rules: Rules, found: Found) -> None:
        self._names, self._patterns, self._hook = rules
        self._found = found

    def payload(self, value: Any, path: str) -> Any:
        """A whole payload, without its secrets and their repetitions."""
        before = len(self._found.secrets)
        result = self._inside(value, path, _NESTED) if type(value) in (dict, list) else self._value(value, path)
        if path == "output" and type(result) is dict and type(result.get("result")) is list:
            result = self._stream(result)
        if self._found.secrets and (before or len(self._found.secrets) > before):
            result = self._without_repeats(result)
        return result

    def text(self, value: str, nested: int = _NESTED) -> str:
        """A string without secrets."""
        if len(value) < _SHORTEST_TEXT and not self._patterns:
            return value
        inside = self._json_text(value, nested) if nested > 0 and value[:1] in ("{", "[") else None
        if inside is not None:
            value = inside
        else:
            ranges = find_secrets(value, self._names)
            if ranges:
                for start, stop in ranges:
                    self._found.add(value[start:stop])
                value = replaced(value, ranges)
        for pattern in self._patterns:
            value, count = pattern.subn(SECRET_TEXT, value)
            self._found.count += count
        return value

    def _json_text(self, value: str, nested: int) -> str | None:
        """A string that is JSON, such as the arguments of a tool call as models write them; ``None`` if it is not."""
        try:
            inner = from_json(value, cache_strings="none")
        except ValueError:
            return None
        found = self._inside(inner, None, nested - 1)
        return value if found is inner else encoded(found).decode()

    def _value(self, value: Any, path: str | None, nested: int = _NESTED) -> Any:
        if type(value) is str:
            value = self.text(value, nested)
        if self._hook is not None and path is not None:
            value = _hooked(self._hook, path, value)
        return self._inside(value, path, nested)

    def _inside(self, value: Any, path: str | None, nested: int) -> Any:
        if type(value) is dict:
            return self._dict(cast(dict[str, Any], value), path, nested)
        if type(value) is list:
            return self._list(value, path, nested)
        return value

    # ------------------------------------------------------------------------------------------------------ structure

    def _dict(self, value: dict[str, Any], path: str | None, nested: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        named = _named_field(value)
        is_token_list = any(name in value for name in _LOGPROBS)
        clashes = 0
        for key, item in value.items():
            strength = self._names.strength(value[named[0]] if named is not None and key == named[1] else key)
            if is_token_list and strength is Strength.WEAK:
                strength = Strength.NONE
            name = key if len(key) < 20 and not self._patterns and _NAME.match(key) else self.text(key, 0)
            if name in found:  # two keys that were secrets; the number makes them differ in linear time
                clashes += 1
                name += " " if clashes == 1 else f" ({clashes})"
            found[name] = self._by_name(item, strength, _below(path, key), nested)
        same = all(map(is_, found, value)) and all(map(is_, found.values(), value.values()))
        return value if same else found

    def _by_name(self, item: Any, strength: Strength, path: str | None, nested: int) -> Any:
        if strength is not Strength.NONE and self._is_secret(item, strength):
            if item != SECRET_TEXT:
                self._found.add(item)
            return item if item == SECRET_TEXT else SECRET_TEXT
        if strength is Strength.WEAK and type(item) is list:
            item = (
                [self._hidden(one) if _is_long_credential(one) else one for one in item]
                if any(map(_is_long_credential, item))
                else item
            )
        return self._value(item, path, nested)

    def _hidden(self, value: Any) -> str:
        self._found.add(value)
        return SECRET_TEXT

    @staticmethod
    def _is_secret(item: Any, strength: Strength) -> bool:
        if item is None or type(item) is bool or item == "":
            return False
        if strength is Strength.STRONG:
            return type(item) not in (dict, list) or bool(item)
        return type(item) is str and len(item) >= 6 and not is_ordinary(item) and not is_placeholder(item)

    def _list(self, value: list[Any], path: str | None, nested: int) -> list[Any]:
        hidden = self._hidden_positions(value)
        pairs = len(value) > 0 and all(type(item) is list and len(item) == 2 and type(item[0]) is str for item in value)
        found: list[Any] = []
        for number, item in enumerate(value):
            below = _below(path, number)
            if number in hidden and type(item) is str:
                found.append(self._argument(item, hidden[number]))
            elif pairs:
                found.append(self._pair(item, below, nested))
            else:
                found.append(self._value(item, below, nested))
        return value if all(map(is_, found, value)) else found

    def _pair(self, item: list[Any], path: str | None, nested: int) -> list[Any]:
        second = self._by_name(item[1], self._names.strength(item[0]), _below(path, 1), nested)
        return item if second is item[1] else [item[0], second]

    def _hidden_positions(self, value: list[Any]) -> dict[int, str]:
        """Which items are values of the command-line flags before them, and of which flag."""
        found: dict[int, str] = {}
        for number, item in enumerate(value[:-1]):
            if type(item) is str and item[:1] == "-" and 1 < len(item) <= 64 and "=" not in item and ":" not in item:
                found[number + 1] = item
        return found

    def _argument(self, value: str, flag: str) -> str:
        name = flag.lstrip("-")
        if flag in ("-u", "--user", "-U", "--proxy-user") and ":" in value:
            user, _, password = value.partition(":")
            return f"{user}:{self._hidden(password)}" if password and not is_placeholder(password) else value
        strength = self._names.strength(name) if len(name) > 1 else Strength.NONE
        if (
            value[:1] != "-"
            and strength is not Strength.NONE
            and not is_placeholder(value)
            and self._is_secret(value, strength)
        ):
            return self._hidden(value)
        return self.text(value)

    # --------------------------------------------------------------------------------------------- streams and repeats

    def _stream(self, value: dict[str, Any]) -> dict[str, Any]:
        """The items of a stream of text: a secret may be split over several."""
        items = cast(list[Any], value["result"])
        if len(items) < 2 or not all(type(item) is str for item in items):
            return value
        text = "".join(items)
        ranges = find_secrets(text, self._names)
        edges = [0]
        for item in items:
            edges.append(edges[-1] + len(item))
        split = _split_ranges(ranges, edges)
        if not split:
            return value
        for start, stop in split:
            self._found.add(text[start:stop])
        return {**value, "result": _cut(items, edges, split)}

    def _without_repeats(self, value: Any) -> Any:
        expression = re.compile("|".join(map(re.escape, sorted(self._found.secrets, key=len, reverse=True))))
        return self._replaced(value, expression)

    def _replaced(self, value: Any, expression: re.Pattern[str]) -> Any:
        if type(value) is str:
            found, count = expression.subn(SECRET_TEXT, value)
            self._found.count += count
            return found if count else value
        if type(value) is dict:
            items = {key: self._replaced(item, expression) for key, item in value.items()}
            return value if all(map(is_, items.values(), value.values())) else items
        if type(value) is list:
            parts = [self._replaced(item, expression) for item in value]
            return value if all(map(is_, parts, value)) else parts
        return value


def _named_field(value: dict[str, Any]) -> tuple[str, str] | None:
    """The fields of ``{"name": "authorization", "value": "…"}``."""
    if len(value) > 8:
        return None
    name = next((one for one in _NAME_FIELDS if type(value.get(one)) is str), None)
    which = next((one for one in _VALUE_FIELDS if one in value), None)
    return None if name is None or which is None or name == which else (name, which)


def _is_long_credential(value: Any) -> bool:
    return type(value) is str and len(value) >= 16 and not is_ordinary(value) and not is_placeholder(value)


def _split_ranges(ranges: list[tuple[int, int]], edges: list[int]) -> list[tuple[int, int]]:
    """The ranges with an edge between two items inside."""
    split: list[tuple[int, int]] = []
    position = 0
    for start, stop in ranges:
        while edges[position] <= start:
            position += 1
        if edges[position] < stop:
            split.append((start, stop))
        position -= 1
    return split


def _cut(items: list[str], edges: list[int], ranges: list[tuple[int, int]]) -> list[str]:
    """The items with the mark where each range begins, and without the rest of it."""
    result: list[str] = []
    current = 0
    for number, item in enumerate(items):
        start, stop = edges[number], edges[number + 1]
        parts: list[str] = []
        position = start
        while current < len(ranges) and ranges[current][0] < stop:
            first, last = ranges[current]
            if first >= start:
                parts += (item[position - start : first - start], SECRET_TEXT)
            position = min(max(last, start), stop)
            if last > stop:
                break
            current += 1
        parts.append(item[position - start :])
        result.append("".join(parts))
    return result


def _hooked(hook: Callable[[str, object], object], path: str, value: Any) -> Any:
    found: Any = run_callback(hook, path, value, on_error=lambda _: _FAILED)  # its own events would come here again
    return found if found is value or type(found) is str else from_json(_snapshot.encode(found))


def _below(path: str | None, step: str | int) -> str | None:
    return path if path is None else f"{path}.{step}" if path else str(step)
