"""Walk a decoded payload and replace its secrets: by the names of keys, by structure, and by the grammar of text.

The payload was decoded from JSON for this purpose and belongs to the walk, so it is changed in place.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic_core import from_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.text import encoded
from voltagent.processors.secrets.commands import attached_password, is_flag_value, password_argument
from voltagent.processors.secrets.credential_forms import is_credential, is_ordinary, is_placeholder
from voltagent.processors.secrets.found import MOST_REPEATED, SHORTEST_TEXT, Found
from voltagent.processors.secrets.names import SecretNames, Strength
from voltagent.processors.secrets.scan import Range, Scan
from voltagent.processors.secrets.streams import items_of, split_over, strings_of
from voltagent.processors.secrets.text import find_secrets, merged, replaced

_Container: TypeAlias = "dict[str, Any] | list[Any]"

_NESTED: Final = 3  # JSON in text in JSON in text
# Strings that are decoded as JSON: at least 200, and one more for each 200 bytes of the payload; others are texts.
_FREE_DECODES: Final = 200
_SIZE_PER_DECODE: Final = 200
_LONG: Final = 16  # characters of a credential in a list under a weak name
_NAME_FIELDS: Final = ("name", "key", "header", "field", "Name", "Key", "k", "env", "variable", "label")
_VALUE_FIELDS: Final = ("value", "val", "Value", "v", "content")
_VALUE_FIELD_SET: Final = frozenset(_VALUE_FIELDS)
_MOST_FIELDS: Final = 12  # of a dictionary that names a value
_COOKIE_FIELDS: Final = frozenset(("domain", "httpOnly", "httponly", "sameSite", "samesite", "expires"))
_LOGPROBS: Final = frozenset(("logprob", "top_logprobs", "log_prob", "token_id"))
_SCHEMA_TYPES: Final = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_SCHEMA_FIELDS: Final = frozenset(("$ref", "anyOf", "oneOf", "allOf", "enum", "const"))
_SIMPLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,15}\Z")  # a key that holds no secret of its own
_LONGEST_SIMPLE: Final = 15  # characters
_OPENING: Final = frozenset("{[")
_CLOSING: Final = frozenset("}] \r\n")
_USER_FLAGS: Final = ("-u", "--user", "-U", "--proxy-user")


_NONE: Final = Strength.NONE
_WEAK: Final = Strength.WEAK


_NOTHING_RENAMED: Final[dict[int, tuple[Any, dict[str, str]]]] = {}


class Rules(NamedTuple):
    """What one redactor looks for."""

    names: SecretNames
    patterns: tuple[re.Pattern[str], ...]  # the user's own


class _Tree:
    """A decoded JSON text: the payload, or one inside a string of it."""

    __slots__ = ("is_changed", "outer", "renamed", "root")

    def __init__(self, root: list[Any], outer: tuple[_Container, Any, _Tree] | None = None) -> None:
        self.root = root  # one item
        self.outer = outer  # where the string stands that it was decoded from
        self.is_changed = False
        self.renamed: dict[int, tuple[Any, dict[str, str]]] = _NOTHING_RENAMED


class Walk:
    """One pass over one payload; ``size`` is that of its JSON text in bytes."""

    def __init__(self, rules: Rules, found: Found, size: int) -> None:
        self._decodes = _FREE_DECODES + size // _SIZE_PER_DECODE
        self._names, self._patterns = rules.names, rules.patterns
        self._strength = rules.names.strength
        self._known = rules.names.known.get
        self._shortest = 1 if rules.patterns else SHORTEST_TEXT  # characters of a string that is searched
        self._found = found
        self._tree: _Tree  # the one that is being walked
        self._trees: list[_Tree] = []
        # The strings that are searched as text, and where each stands: these lists are as long as one another, as a
        # tuple for each would keep Python's collection of garbage busy. `_keys` are keys of dictionaries.
        self._texts: list[str] = []
        self._containers: list[_Container] = []
        self._places: list[Any] = []
        # The numbers of the strings at which another tree begins or goes on, and that tree.
        self._since: list[int] = []
        self._since_trees: list[_Tree] = []
        self._keys: list[tuple[str, dict[str, Any], _Tree]] = []

    def payload(self, value: Any, *, is_output: bool = False) -> tuple[Any, bool]:
        """A payload without its secrets and their repetitions, and whether there were any.

        The items of a stream, which are under ``result`` of an output, are also searched as one text.
        """
        tree = self._tree = _Tree([value])
        self._enter(tree, _NESTED)
        self._search(self._stream_slots(value) if is_output else [])
        self._close_trees()
        return tree.root[0], tree.is_changed

    # What follows collects the strings, and replaces what its name or its place shows to be secret.

    def _enter(self, tree: _Tree, nested: int) -> None:
        before, self._tree = self._tree, tree
        self._trees.append(tree)
        self._note_tree(tree)
        self._value(tree.root, 0, tree.root[0], nested)
        self._tree = before
        self._note_tree(before)

    def _note_tree(self, tree: _Tree) -> None:
        """The strings from here on stand in another tree."""
        self._since.append(len(self._texts))
        self._since_trees.append(tree)

    def _value(self, container: _Container, key: Any, value: Any, nested: int) -> None:
        which = type(value)
        if which is str:
            if len(value) >= self._shortest:
                self._text(container, key, value, nested)
        elif which is dict:
            self._dict(value, nested)
        elif which is list:
            self._list(value, nested)

    def _text(self, container: _Container, key: Any, value: str, nested: int) -> None:
        if nested > 0 and value[:1] in _OPENING and value[-1:] in _CLOSING and self._decodes > 0:
            self._decodes -= 1
            try:
                inner = from_json(value, cache_strings="none")
            except ValueError:
                pass
            else:
                self._enter(_Tree([inner], (container, key, self._tree)), nested - 1)
                return
        self._texts.append(value)
        self._containers.append(container)
        self._places.append(key)

    def _dict(self, value: dict[str, Any], nested: int) -> None:
        known, strength_of, shortest, tree = self._known, self._strength, self._shortest, self._tree
        texts, containers, places = self._texts, self._containers, self._places
        is_token_list = not _LOGPROBS.isdisjoint(value)
        named = () if _VALUE_FIELD_SET.isdisjoint(value) else _named_field(value)
        for key, item in value.items():
            name = value[named[0]] if named and key == named[1] else key
            strength = known(name) or strength_of(name)
            if named and key == named[1] and not _COOKIE_FIELDS.isdisjoint(value):
                strength = _WEAK
            if strength is not _NONE and not (is_token_list and strength is _WEAK):
                self._named_value(value, key, item, strength, nested)
            elif type(item) is str:
                if len(item) >= shortest:
                    if item[0] in _OPENING:
                        self._text(value, key, item, nested)
                    else:
                        texts.append(item)
                        containers.append(value)
                        places.append(key)
            elif type(item) is dict:
                self._dict(item, nested)
            elif type(item) is list:
                self._list_under(key, item, nested)
            if len(key) > _LONGEST_SIMPLE or not key.isidentifier():
                if self._patterns or (len(key) >= SHORTEST_TEXT and _SIMPLE_NAME.match(key) is None):
                    self._keys.append((key, value, tree))
            elif self._patterns:
                self._keys.append((key, value, tree))

    def _named_value(self, container: _Container, key: Any, item: Any, strength: Strength, nested: int) -> None:
        if _is_secret(item, strength):
            self._hide(container, key, item)
            return
        if strength is Strength.WEAK and type(item) is list:
            is_pair = len(item) == 2 and all(type(one) is str for one in item)  # user and password
            for number, one in enumerate(item):
                if (
                    type(one) is str
                    and (len(one) >= _LONG or len(item) == 1 or (is_pair and number))
                    and is_credential(one)
                ):
                    self._hide(item, number, one)
        self._value(container, key, container[key], nested)

    def _hide(self, container: _Container, key: Any, value: Any) -> None:
        if value == SECRET_TEXT:
            return
        self._found.add(value)
        if type(value) in (dict, list):
            for leaf in _leaves(value):
                if type(leaf) is str and not is_ordinary(leaf):
                    self._found.remember(leaf)
        self._tree.is_changed = True
        container[key] = SECRET_TEXT

    def _list(self, value: list[Any], nested: int) -> None:
        if not value:
            return
        if type(value[0]) is list and all(
            type(item) is list and len(item) == 2 and type(item[0]) is str for item in value
        ):
            for item in value:
                self._value(item, 0, item[0], nested)
                self._named_value(item, 1, item[1], self._strength(item[0]), nested)
            return
        texts, containers, places, shortest = self._texts, self._containers, self._places, self._shortest
        flag = ""
        for number, item in enumerate(value):
            if type(item) is str:
                if flag:
                    self._argument(value, number, item, flag, nested)
                elif len(item) >= shortest:
                    if item[0] in _OPENING:
                        self._text(value, number, item, nested)
                    else:
                        texts.append(item)
                        containers.append(value)
                        places.append(number)
                is_flag = item[:1] == "-" and 1 < len(item) <= 64 and "=" not in item and ":" not in item
                flag = item if is_flag else ""
                if is_flag and attached_password(str(value[0]), item):
                    self._hide(value, number, item)
            else:
                flag = ""
                self._value(value, number, item, nested)

    def _list_under(self, key: str, items: list[Any], nested: int) -> None:
        """A list under a key: under ``rawHeaders``, names and values may stand in turn."""
        if (
            key.replace("_", "").replace("-", "").lower().endswith("rawheaders")
            and len(items) % 2 == 0
            and all(type(item) is str for item in items)
        ):
            for number in range(0, len(items), 2):
                name, value = items[number : number + 2]
                if self._strength(name) is not _NONE and is_credential(value):
                    self._hide(items, number + 1, value)
        self._list(items, nested)

    def _argument(self, container: list[Any], number: int, value: str, flag: str, nested: int) -> None:
        """The item of an argument list that follows a flag."""
        user, colon, password = value.partition(":")
        if password_argument(" ".join(map(str, container[:3])), flag) and not is_placeholder(value):
            self._hide(container, number, value)
        elif flag in _USER_FLAGS and colon and not is_placeholder(password):
            if not password.isdigit() or len(password) >= SHORTEST_TEXT:
                self._found.add(password)
                self._tree.is_changed = True
                container[number] = f"{user}:{SECRET_TEXT}"
        elif len(flag) > 2 and value[:1] != "-" and is_flag_value(value, self._strength(flag.lstrip("-"))):
            self._hide(container, number, value)
        else:
            self._value(container, number, value, nested)

    # What follows searches the strings as text.

    def _stream_slots(self, value: Any) -> list[list[int]]:
        """The numbers of the slots that make up each text of a stream: the strings in the same place of each item."""
        items = items_of(value)
        if not items:
            return []
        places = zip(map(id, self._containers), self._places, strict=True)
        known = {place: number for number, place in enumerate(places)}
        texts: dict[tuple[Any, ...], list[int]] = {}
        for number, item in enumerate(items):
            for place, container, key, text in strings_of(items, number, item, ()):
                slot = known.get((id(container), key))
                if slot is None and container[key] is text:
                    slot = len(self._texts)
                    self._texts.append(text)
                    self._containers.append(container)
                    self._places.append(key)
                if slot is not None:
                    texts.setdefault(place, []).append(slot)
        return [numbers for numbers in texts.values() if len(numbers) > 1]

    def _search(self, streams: list[list[int]]) -> None:
        texts = [*self._texts, *(key for key, _, _ in self._keys)]
        if not texts:
            return
        joined = ["".join(texts[number] for number in numbers) for numbers in streams]
        scan = Scan([*texts, *joined], self._names)
        secrets = find_secrets(scan)
        for start, stop in secrets[:MOST_REPEATED]:
            self._found.remember(scan.text[start:stop])
        repeats = scan.repeats(self._found.secrets)
        found = scan.by_string(merged(secrets + repeats) if repeats else secrets)
        continued: set[int] = set()  # strings that begin with the rest of a secret: it is marked where it begins
        for number, numbers in enumerate(streams, len(texts)):
            continued |= split_over(found, found.pop(number, ()), [(one, len(texts[one])) for one in numbers])
        self._replace(texts, found, continued)

    def _replace(self, texts: list[str], found: dict[int, list[Range]], continued: set[int]) -> None:
        for number in range(len(texts)) if self._patterns else sorted(found):
            before = text = texts[number]
            ranges = found.get(number)
            if ranges and ranges[0] == (0, len(text)) and number not in continued:
                self._found.count += 1
                text = SECRET_TEXT
            elif ranges:
                ranges = ranges if len(ranges) == 1 else merged(ranges)
                self._found.count += len(ranges)
                text = SECRET_TEXT if ranges[0] == (0, len(text)) else replaced(text, ranges)
                if number in continued:
                    self._found.count -= 1
                    text = text[len(SECRET_TEXT) :]
            if self._patterns:
                text = self._without_patterns(text)
            if text != before:
                self._put(number, before, text)

    def _put(self, number: int, before: str, text: str) -> None:
        count = len(self._containers)
        if number < count:
            self._since_trees[bisect_right(self._since, number) - 1].is_changed = True
            self._containers[number][self._places[number]] = text
        else:
            _, names_of, tree = self._keys[number - count]
            tree.is_changed = True
            if tree.renamed is _NOTHING_RENAMED:
                tree.renamed = {}
            tree.renamed.setdefault(id(names_of), (names_of, {}))[1][before] = text

    def _without_patterns(self, text: str) -> str:
        for pattern in self._patterns:
            text, count = pattern.subn(SECRET_TEXT, text)
            self._found.count += count
        return text

    def _close_trees(self) -> None:
        """Rename keys, and encode again what was decoded from a string and has changed, innermost first."""
        for tree in reversed(self._trees):
            for container, names in tree.renamed.values():
                _rename(container, names)
            if tree.outer is not None and tree.is_changed:
                container, key, outer = tree.outer
                container[key] = encoded(tree.root[0]).decode()
                outer.is_changed = True


def _is_secret(item: Any, strength: Strength) -> bool:
    which = type(item)
    if which is str:
        return item != "" if strength is Strength.STRONG else is_credential(item)
    if strength is not Strength.STRONG or item is None or which is bool:
        return False
    if which is dict:
        return bool(item) and not _is_schema(item)
    return which is not list or bool(item)


def _is_schema(value: dict[str, Any]) -> bool:
    """Whether a dictionary is the JSON schema of a value, as in the definition of a tool."""
    which = value.get("type")
    return (
        (type(which) is str and which in _SCHEMA_TYPES) or type(which) is list or not _SCHEMA_FIELDS.isdisjoint(value)
    )


def _named_field(value: dict[str, Any]) -> tuple[str, str] | tuple[()]:
    """The two fields of ``{"name": "authorization", "value": "…"}``."""
    if len(value) > _MOST_FIELDS:
        return ()
    for name in _NAME_FIELDS:
        if type(value.get(name)) is str:
            return name, next(one for one in _VALUE_FIELDS if one in value)
    return ()


def _leaves(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _rename(container: dict[str, Any], names: dict[str, str]) -> None:
    """Rename keys in place; keys that become equal are numbered, in linear time."""
    items = list(container.items())
    container.clear()
    clashes = 0
    for key, item in items:
        name = names.get(key, key)
        if name in container:
            clashes += 1
            name += " " if clashes == 1 else f" ({clashes})"
        container[name] = item
