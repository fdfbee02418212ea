"""Encode any object as bounded JSON text, at the moment of the call, without running the user's code.

A value made of plain JSON types that is small enough goes straight to the encoder
(:mod:`voltagent.capture.fast_path`). Everything else is walked (:mod:`voltagent.capture.writer`) with a fixed form for
each type (:mod:`voltagent.capture.type_forms`, `docs/capture.md`).
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from voltagent.capture.budget import Budget, Owner, Shared
from voltagent.capture.fast_path import HUGE, LARGE, LEAST, LOW, MOST, PIECE, SHORT, plain
from voltagent.capture.injected import without_injected
from voltagent.capture.nodes import Form
from voltagent.capture.type_forms import Forms
from voltagent.capture.writer import DEPTH, SnapshotWriter
from voltagent.core import introspection
from voltagent.core.guard import Guard, is_ours, pass_on_interrupt
from voltagent.core.json_objects import cut_marker, encode_plain
from voltagent.core.protocols import PayloadEncoder
from voltagent.core.text import encoded

# Bytes of JSON text. An event of 1 MiB has its input or output, its metadata and its own fields.
LIMIT: Final = 960 * 1024

METADATA_LIMIT: Final = 64 * 1024  # likewise, of metadata and status messages: they travel beside input or output

NOTHING: Final = object()  # a generator that returned nothing, as against one that returned None

# By identity: a metaclass may have its own `hash`.
_NOT_OBJECTS: Final = frozenset(map(id, (str, int, float, bool, type(None))))


class Snapshot:
    """Takes snapshots of values as JSON text.

    ``serializers`` say for the user's own types what to record: a function from a value of the type (or of a type
    derived from it) to any value. What one raises is recorded as a marker; nothing is recorded while one runs. JSON's
    own types always stay what they are.
    """

    __slots__ = ("_forms",)

    def __init__(self, serializers: Mapping[type, Callable[[Any], object]] | None = None) -> None:
        self._forms = Forms(serializers or {})

    def read_answers(self, answer_form: Callable[[type, Form], Form]) -> None:
        """Record the results of clients as their answers from now on, wherever they are in a value.

        ``answer_form`` turns a type and its form into the form to be used. Types that were met before keep theirs.
        """
        self._forms.answer_form = answer_form

    def encode(self, value: Any, limit: int = LIMIT, owner: Owner | None = None) -> bytes:
        """Return the JSON text of a value, of at most ``limit`` bytes. Never raises, runs no code but serializers.

        Args:
            value: any object.
            limit: bytes of JSON.
            owner: what the value belongs to, so that all that belongs to it shares one budget of time.
        """
        kind = type(value)
        try:
            if kind is dict or kind is list or kind is tuple:
                space = PIECE if limit > PIECE else limit  # noqa: FURB136 - `min` is a call more
                if plain(value, DEPTH, space) >= 0:
                    text = encode_plain(value)
                    if len(text) <= limit:
                        return text
            elif kind is str:
                if 8 * len(value) < limit:
                    return encode_plain(value)
            elif kind is bool or kind is float or value is None or (kind is int and -HUGE < value < HUGE):
                return encode_plain(value)
        except BaseException as exc:  # lone surrogates, another thread changing the value, the end of the stack
            if not is_ours(exc):
                raise
        try:
            return self._walked(value, limit, owner, tried=kind is dict or kind is list or kind is tuple)[0]
        except RecursionError:
            return _LOST

    def encode_arguments(self, named: dict[str, Any], values: Collection[Any]) -> bytes:
        """:meth:`encode_object` of the arguments of a call by name, without those that a framework injected.

        ``values`` are the arguments alone. They are looked at here, in one loop: those of the usual call are few and
        short, and :func:`voltagent.capture.fast_path.plain` would take twice as long.
        """
        try:
            space = PIECE  # of what is not short: a function has few parameters
            for item in values:
                kind = type(item)
                if kind is str:
                    if len(item) > SHORT:
                        space -= len(item)
                elif kind is dict or kind is list or kind is tuple:
                    space = plain(item, DEPTH - 1, space)
                elif kind is int:
                    if not LEAST <= item <= MOST and not LOW < item < LARGE:
                        break
                elif kind is not float and kind is not bool and item is not None:
                    break
            else:
                if space >= 0 and len(text := encode_plain(named)) <= LIMIT:
                    return text
        except BaseException as exc:  # as in `encode`
            if not is_ours(exc):
                raise
        return self._walked_arguments(named)

    def _walked_arguments(self, named: dict[str, Any]) -> bytes:
        """Encode arguments that are not all plain, without those that a framework injected."""
        try:
            kept = without_injected(named)
        except Exception as exc:  # as in `encode`
            pass_on_interrupt(exc)
            kept = named
        if kept is not named:
            return self.encode_object(kept)
        try:
            return self._walked(named, LIMIT, None, tried=True)[0]
        except RecursionError:
            return _LOST

    def encode_object(self, value: Any, limit: int = LIMIT, owner: Owner | None = None) -> bytes:
        """:meth:`encode`, but always a JSON object: mappings and models as they are, else ``{"result": value}``."""
        kind = type(value)
        try:
            if kind is str:
                if 8 * len(value) < limit:
                    return b'{"result":%b}' % encode_plain(value)
            elif kind is dict or kind is list or kind is tuple:
                space = PIECE if limit > PIECE else limit  # noqa: FURB136 - as in `encode`
                if plain(value, DEPTH, space) >= 0:
                    text = encode_plain(value)
                    if len(text) <= limit:
                        return text if kind is dict else b'{"result":%b}' % text
        except BaseException as exc:  # as in `encode`
            if not is_ours(exc):
                raise
        if id(kind) in _NOT_OBJECTS:
            return b'{"result":%b}' % self.encode(value, limit, owner)
        try:
            text, is_object = self._walked(value, limit, owner, tried=kind is dict or kind is list or kind is tuple)
        except RecursionError:
            return _LOST
        return text if is_object else b'{"result":%b}' % text

    def _walked(self, value: object, limit: int, owner: Owner | None, *, tried: bool) -> tuple[bytes, bool]:
        """Encode a value part by part within a budget; return the text, and whether it is an object of the user's."""
        try:
            budget = Budget(limit, owner)
            writer = SnapshotWriter(self._forms, budget, tried=tried)
            text = writer.text(value)
            budget.remember(text if owner is None else owner)
            return text, writer.is_object
        except RecursionError:  # the caller stands at the end of the stack
            return _LOST, False
        except BaseException as exc:
            Guard.swallowed(exc)
            if not isinstance(exc, Exception):
                return _LOST, False  # the encoder itself fails
            return encoded({"type": introspection.full_name(type(value)), "error": "not readable"}), False


_LOST: Final = b'{"error":"not readable: RecursionError"}'


class Items:
    """The items of a stream as they pass by: each a snapshot of its moment, all within the budget of one value."""

    __slots__ = ("_count", "_left", "_shared", "_snapshot", "_texts", "is_one")

    def __init__(self, snapshot: PayloadEncoder) -> None:
        self._snapshot = snapshot
        self._texts: list[bytes] = []
        self._shared = Shared()
        self._left = LIMIT
        self._count = 0
        self.is_one = False  # whether its only item is all of the stream, put together

    def add(self, item: object) -> None:
        """Take a snapshot of an item; where the budget is used up, only count it."""
        self._count += 1
        if self._left > 0:
            limit = self._left if self._left > _LEAST else _LEAST  # noqa: FURB136 - `max` is a call more for each item
            text = self._snapshot.encode(item, limit, self._shared)
            self._left -= len(text) + 1
            if self._left > 0 or not self._texts:
                self._texts.append(text)

    @property
    def count(self) -> int:
        """How many items passed by, those past the budget included."""
        return self._count

    def encode_object(self, returned: object = NOTHING) -> bytes:
        """``{"result": [items]}``, with ``"return"`` where the stream returned something; one object stands alone.

        Where items are missing the list stands in the envelope of all that was cut, with the number of all items.
        """
        result = b",".join(self._texts) if self.is_one else b"[" + b",".join(self._texts) + b"]"
        if len(self._texts) < self._count:
            result = cut_marker("items", self._count, "size", result)
        if returned is NOTHING:
            is_object = self.is_one and result.startswith(b"{")
            return result if is_object else b'{"result":' + result + b"}"
        rest = self._snapshot.encode(returned, max(self._left, _LEAST), self._shared)
        return b'{"result":' + result + b',"return":' + rest + b"}"


_LEAST: Final = 16_384  # bytes for the returned value, or the first item, in any case
