"""Walk a decoded payload and replace its secrets: by the names of keys, by structure, and by the grammar of text.

The payload was decoded from JSON for this purpose and belongs to the walk, so it is changed in place.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from itertools import islice
from typing import Any, Final, TypeAlias

from voltagent.capture.pieces import decode_deep
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.processors.parted_strings import PartedStrings
from voltagent.processors.parts import Undecoded
from voltagent.processors.secrets.found import Found
from voltagent.processors.secrets.strings import Rules, Strings
from voltagent.processors.secrets.structures.arguments import ArgumentList, hide_set_value
from voltagent.processors.secrets.structures.header_lists import LEAST_RAW, hide_cookies, hide_raw_headers
from voltagent.processors.secrets.structures.key_shapes import MOST_KEYS, KeyShape, ShapesWithSecrets
from voltagent.processors.secrets.structures.lists import are_pairs, is_plain_list, leaves
from voltagent.processors.secrets.structures.resources import hide_in_resource
from voltagent.processors.secrets.structures.tables import column_names, header_of, hide_columns
from voltagent.processors.secrets.structures.trees import LARGE_TEXT, NESTED, InnerTrees, Tree
from voltagent.processors.secrets.text.scan import SHORTEST_TEXT
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_ordinary
from voltagent.processors.secrets.vocabulary.named_values import is_harmless_value, is_secret
from voltagent.processors.secrets.vocabulary.names import Strength

_LEAST_SET: Final = 3  # arguments: a command, a name and a value
_Container: TypeAlias = "dict[str, Any] | list[Any]"

_PARTS_OF_TOKENS: Final = frozenset(
    ("access", "refresh", "bearer", "value", "csrf", "session", "api", "auth", "stringValue")
)
_LONG: Final = 16  # characters of a credential in a list under a weak name
_HASH: Final = "hash"  # that of a token in a list of tokens
_OPENING: Final = frozenset("{[")
_CLOSING: Final = frozenset("}] \r\n")
_STRONG: Final = Strength.STRONG
_NONE: Final = Strength.NONE


class Walk:
    """One pass over one payload; ``size`` is that of its JSON text in bytes.

    With a ``character``, see :func:`~voltagent.processors.parts.mark_character`, the payload may have parts. With
    ``has_repetitions``, keys may be known secrets.
    """

    def __init__(
        self, rules: Rules, found: Found, size: int, character: str = "", *, has_repetitions: bool = False
    ) -> None:
        self.size = size
        self._strength = rules.names.strength
        self._shortest = 1 if rules.patterns else SHORTEST_TEXT  # characters of a string that is searched
        self._found = found
        shapes = ShapesWithSecrets(rules.shapes, found.keys_with_secrets) if has_repetitions else rules.shapes
        self._shapes, self._add_shape = shapes.known, shapes.add
        self._parted = PartedStrings(rules, found, character) if character else None
        self._strings = self._parted or Strings(rules, found)
        self._inner = InnerTrees(size, in_parts=bool(character))
        self._tree: Tree  # the one that is being walked

    def payload(self, value: Any, *, is_output: bool = False) -> tuple[Any, bool]:
        """Return a payload without its secrets and their repetitions, and whether there were any.

        The items of a stream, which are under ``result`` of an output, are also searched as one text.
        """
        tree = self._tree = Tree([value], self.size, NESTED)
        self._enter(tree)
        self._strings.replace_secrets(self._strings.add_stream(value) if is_output else [])
        self._strings.close_trees()
        return tree.root[0], tree.is_changed

    def release(self) -> None:
        """Let go of a large payload in small steps."""
        self._inner.release()
        self._strings.release()

    def encoded(self, value: Any) -> bytes:
        """JSON text of the payload."""
        return self._strings.encoded(value, self.size)

    def _enter(self, tree: Tree) -> None:
        before, self._tree = self._tree, tree
        self._strings.note_tree(tree)
        parted = self._parted if tree.uses and len(tree.text) <= LARGE_TEXT else None
        position = None if parted is None else parted.position()
        self._value(tree.root, 0, tree.root[0], tree.level)
        if parted is not None and position is not None:
            tree.root = [parted.encode_part(tree.root, position)]
        self._tree = before
        self._strings.note_tree(before)

    def _value(self, container: _Container, key: Any, value: Any, nested: int) -> None:
        which = type(value)
        if which is str:
            if len(value) >= self._shortest:
                self._text(container, key, value, nested)
        elif which is dict:
            self._dict(value, nested)
        elif which is list:
            self._list(value, nested)
        elif which is Undecoded:
            self._part(container, key, value, nested)

    def _part(
        self,
        container: _Container,
        key: Any,
        part: Undecoded,
        nested: int,
        strength: Strength | None = None,
        *,
        is_pairs: bool = False,
    ) -> None:
        """Examine a part, and keep its text again; with a ``strength``, as the value of a name."""
        parted = self._parted
        if parted is None or (strength is None and part.find(b'"') < 0):
            return
        items: list[Any] = decode_deep(part)
        position = parted.position()
        if is_pairs:
            self._pairs(items, nested)
        elif type(container) is list and strength is None:
            for number, item in enumerate(items):
                self._value(items, number, item, nested)
        else:
            value = {key: items[0]}
            if strength is not None:
                self._named_value(value, key, items[0], strength, nested)
            else:
                if type(items[0]) is list and len(key) >= LEAST_RAW:
                    hide_raw_headers(key, items[0], self._strength, self._hide)
                self._value(value, key, items[0], nested)
            items = [value[key]]
            if type(items[0]) is str:  # hidden
                container[key] = items[0]
                return
        container[key] = parted.encode_part(items, position)

    def _text(self, container: _Container, key: Any, value: str, nested: int) -> None:
        if nested > 0 and value[:1] in _OPENING and value[-1:] in _CLOSING:
            tree = self._inner.get(value, nested - 1)
            if tree is not None:
                is_new = not tree.uses
                self._strings.add_use(container, key, self._tree, tree)
                if is_new:
                    self._enter(tree)
                return
        self._strings.add(container, key, value)

    def _dict(self, value: dict[str, Any], nested: int) -> None:
        shape = (self._shapes.get(tuple(value)) if len(value) <= MOST_KEYS else None) or self._add_shape(value)
        if not shape.is_harmless:
            self._dict_with_names(value, shape, nested)
        else:
            add, shortest = self._strings.add, self._shortest
            for key, item in value.items():
                which = type(item)
                if which is str:
                    if len(item) >= shortest:
                        if item[0] in _OPENING:
                            self._text(value, key, item, nested)
                        else:
                            add(value, key, item)
                elif which is dict:
                    self._dict(item, nested)
                elif which is list:
                    if len(key) >= LEAST_RAW:
                        hide_raw_headers(key, item, self._strength, self._hide)
                    self._list(item, nested)
                elif which is Undecoded:
                    self._part(value, key, item, nested)
        if shape.searched:
            self._strings.add_keys(value, shape.searched, self._tree)

    def _dict_with_names(self, value: dict[str, Any], shape: KeyShape, nested: int) -> None:
        """Examine a dictionary with keys that may name secrets."""
        if shape.may_be_resource:
            hide_in_resource(value, self._hide)
        if shape.rows:
            value[shape.rows] = hide_columns(column_names(value), value[shape.rows], self._strength, self._hide)
        add, shortest = self._strings.add, self._shortest
        strengths = shape.strengths
        if shape.naming is not None:
            strengths = shape.naming.strengths(value, strengths, self._strength)
        for (key, item), strength in zip(value.items(), strengths, strict=True):
            which = type(item)
            if strength is None:
                if which is str and item[:1] not in _OPENING:
                    if len(item) >= shortest:
                        add(value, key, item)
                else:
                    if which is list and len(key) >= LEAST_RAW:
                        hide_raw_headers(key, item, self._strength, self._hide)
                    self._value(value, key, item, nested)
            elif strength is not _STRONG or which is not str:
                self._named_value(value, key, item, strength, nested)
            elif item and item != SECRET_TEXT and not is_harmless_value(key, item):
                self._found.add(item)
                self._tree.is_changed = True
                value[key] = SECRET_TEXT

    def _named_value(self, container: _Container, key: Any, item: Any, strength: Strength, nested: int) -> None:
        if type(item) is Undecoded:
            self._part(container, key, item, nested, strength)
            return
        if is_secret(key, item, strength):
            self._hide(container, key, item)
            return
        if type(item) in (dict, list) and str(key).lower().endswith("cookies"):
            hide_cookies(item, self._hide)
        if strength is Strength.WEAK and type(item) is dict:
            for part, one in item.items():  # `"tokens": {"access": …}`
                if part in _PARTS_OF_TOKENS and type(one) is str and len(one) >= _LONG and is_credential(one):
                    self._hide(item, part, one)
        if strength is Strength.WEAK and type(item) is list:
            is_pair = len(item) == 2 and all(type(one) is str for one in item)  # user and password
            are_tokens = str(key).lower().endswith("tokens")
            for number, one in enumerate(item):
                if (
                    type(one) is str
                    and (len(one) >= _LONG or len(item) == 1 or (is_pair and number))
                    and is_credential(one)
                ):
                    self._hide(item, number, one)
                elif (
                    are_tokens
                    and type(one) is dict
                    and type(hashed := one.get(_HASH)) is str
                    and len(hashed) >= _LONG
                    and is_credential(hashed)
                ):
                    self._hide(one, _HASH, hashed)
        self._value(container, key, container[key], nested)

    def _hide(self, container: _Container, key: Any, value: Any) -> None:
        if value == SECRET_TEXT:
            return
        self._found.add(value)
        if type(value) in (dict, list):
            for leaf in leaves(value):
                if type(leaf) is str and not is_ordinary(leaf):
                    self._found.remember(leaf)
        self._tree.is_changed = True
        container[key] = SECRET_TEXT

    def _list(self, value: list[Any], nested: int) -> None:
        for number, item in enumerate(value):
            which = type(item)
            if which is dict:
                if item:
                    self._dict(item, nested)
            elif which is list:
                if not number and len(item) > 1 and type(item[0]) is str and self._take_rows(value, nested):
                    return
                self._list(item, nested)
            elif which is str:
                if not number and len(value) >= _LEAST_SET:
                    hide_set_value(value, self._strength, self._hide)
                if number or not is_plain_list(value):
                    self._mixed_list(value, number, nested)
                else:
                    self._strings.add_list(value)
                return
            elif which is Undecoded:
                if not number and self._take_rows(value, nested):
                    return
                self._part(value, number, item, nested)

    def _take_rows(self, rows: list[Any], nested: int) -> bool:
        """Hide the columns of secrets if the first row is their header; examine rows that are pairs, or return False.

        `[["user", "password"], …]` may be a header and a row, or two pairs: it is taken for both.
        """
        names = header_of(rows)
        if names:
            hide_columns(names, rows, self._strength, self._hide, 1)
        if not are_pairs(rows):
            return False
        self._pairs(rows, nested)
        return True

    def _pairs(self, pairs: list[Any], nested: int) -> None:
        """Examine pairs of a name and a value."""
        for number, item in enumerate(pairs):
            if type(item) is Undecoded:
                self._part(pairs, number, item, nested, is_pairs=True)
                continue
            self._value(item, 0, item[0], nested)
            strength = self._strength(item[0])
            if strength is _NONE:
                self._value(item, 1, item[1], nested)
            else:
                self._named_value(item, 1, item[1], strength, nested)

    def _mixed_list(self, value: list[Any], first: int, nested: int) -> None:
        """Examine a list that may hold flags, JSON or other collections, from its first string on."""
        add, shortest = self._strings.add, self._shortest
        arguments = ArgumentList(value, self._strength)
        for number, item in enumerate(islice(value, first, None), first):
            if type(item) is str:
                secret = arguments.secret_in(item) if arguments.flag or item[:1] == "-" else None
                if secret is not None:
                    self._hide(value, number, secret)
                    value[number] = item[: -len(secret)] + SECRET_TEXT
                elif len(item) >= shortest:
                    if item[0] in _OPENING:
                        self._text(value, number, item, nested)
                    else:
                        add(value, number, item)
                continue
            arguments.flag = ""
            self._value(value, number, item, nested)
