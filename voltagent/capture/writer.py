"""The slow path of a snapshot: write a value that is not plain, or too large, part by part within one budget.

The JSON text is written directly. So its size is known at every step, the encoder writes a collection that is plain all
through in one piece, and nothing refers to the user's objects afterwards.

No step takes long, whatever the value is: a large collection is written in pieces, a long string in windows
(:mod:`voltagent.capture.long_text`), and the budget (:mod:`voltagent.capture.budget`) is looked at in between. Every
part leaves some bytes to those that come after it, so that one huge field does not hide the small ones beside it.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from pydantic_core import to_json

from voltagent.capture.budget import Budget
from voltagent.capture.fast_path import HUGE, PIECE, plain
from voltagent.capture.injected import is_placeholder
from voltagent.capture.long_text import encode_head, encode_whole
from voltagent.capture.nodes import Cut, Listed, Mapped, Masked, NamedFields
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.type_forms import Forms
from voltagent.core import clock, introspection
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.json_objects import cut_marker
from voltagent.core.text import encoded, shortened

DEPTH: Final = 20
_SHARE: Final = 512  # bytes that a part leaves to each that comes after it
_ENVELOPE: Final = 120  # bytes about what was cut
FUTILE_SECONDS: Final = 0.002  # spent on collections that turned out not to be plain; then no more are tried whole
_LONGEST_KEY: Final = 1024
_MANY: Final = 256  # items from which on it is worth writing several in one piece
_LONG: Final = 2048  # characters that take longer than a look at the clock
_FIRST_PIECE: Final = 64  # items; twice as many in the next...
_LARGEST_PIECE: Final = 8192  # up to this many
_BYTES_PER_VALUE: Final = 256  # of a plain collection that is written in one piece, but has many values
_BITS_PER_VALUE: Final = 64  # of an integer: its digits take about as long as a value
_MOST_BITS: Final = 8192  # a larger integer is not written


class SnapshotWriter:
    """Writes one value as JSON text of at most ``budget.bytes`` (a few hundred more where very much was cut).

    ``tried`` says that the value as a whole is known not to be plain, or too much.
    """

    __slots__ = ("budget", "chunks", "forms", "futile", "hidden", "is_object", "path", "tried")

    def __init__(self, forms: Forms, budget: Budget, *, tried: bool = False) -> None:
        self.forms = forms
        self.budget = budget
        budget.bytes -= _ENVELOPE
        self.chunks: list[bytes] = []
        self.path: set[int] = set()  # identities of the collections we are inside of
        self.hidden: frozenset[str] = frozenset()  # keys whose values are secret in what is being written
        self.tried = tried
        self.futile = 0.0  # seconds
        self.is_object = False  # whether the outermost value is a JSON object of the user's

    def text(self, value: object) -> bytes:
        """Return the JSON text of the value."""
        self.write(value, DEPTH, 0)
        return b"".join(self.chunks)

    def write(self, value: Any, depth: int, reserve: int) -> None:
        """Write one value. ``reserve`` is the number of bytes that it has to leave."""
        self.budget.countdown -= 1
        kind = type(value)
        if kind is str:
            self._write_text(value, reserve)
        elif kind is bool or kind is float or value is None:
            self._put(encoded(value))
        elif kind is int:
            self._write_int(value)
        elif kind is dict and self._write_plain(value, depth, reserve):
            pass
        elif kind is Masked:
            self._write_masked(value, depth, reserve)
        else:
            self._within(value, self._shape_of(value, kind), depth, reserve)

    def _write_masked(self, masked: Masked, depth: int, reserve: int) -> None:
        before = self.hidden
        self.hidden = before | masked.keys
        self.write(masked.value, depth, reserve)
        self.hidden = before

    def _put(self, chunk: bytes) -> None:
        self.budget.bytes -= len(chunk)
        self.chunks.append(chunk)

    def _shape_of(self, value: Any, kind: type) -> object:
        """Return the form of a value, or an object that says that it cannot be read."""
        try:
            return self.forms.of(kind)(value)
        except Exception as exc:  # a library's own reader failed: a closed buffer, a field set to something odd
            pass_on_interrupt(exc)
            error = f"not readable: {introspection.full_name(type(exc))}"
            return NamedFields("", {"type": introspection.full_name(kind), "error": error}, user_data=False)

    def _within(self, value: Any, shape: object, depth: int, reserve: int) -> None:
        """Write what the form of ``value`` made of it, unless we are inside of ``value`` already, or too deep."""
        kind = type(shape)
        if kind is str:
            self._write_text(cast(str, shape), reserve)
        elif kind is NamedFields and self._write_plain(
            cast(NamedFields, shape).fields, depth, reserve, cast(NamedFields, shape).user_data
        ):
            pass
        elif kind is Cut:
            self._write_cut(cast(Cut, shape), reserve)
        elif id(value) in self.path:
            self._put(cut_marker(introspection.full_name(type(value)), _size(shape), "cycle"))
        elif depth <= 0 and id(kind) not in _SCALARS:
            self._put(cut_marker(introspection.full_name(type(value)), _size(shape), "depth"))
        else:
            self.path.add(id(value))
            self._write_shape(shape, depth, reserve)
            self.path.discard(id(value))

    def _write_shape(self, shape: Any, depth: int, reserve: int) -> None:
        """Write a value whose form is a list, named fields, a mapping or a string."""
        kind = type(shape)
        if kind is Listed:
            self._write_list(shape, depth, reserve)
        elif kind is NamedFields:
            self.is_object |= not self.chunks and shape.user_data
            self._write_pairs(shape.name, list(shape.fields.items()), len(shape.fields), depth, reserve)
        elif kind is Mapped:
            self.is_object |= not self.chunks
            self._write_pairs(shape.name, shape.pairs, shape.size, depth, reserve)
        else:
            self.write(shape, depth - 1, reserve)

    def _write_text(self, value: str, reserve: int) -> None:
        """Write a string, or as much of it as fits with a marker that says so."""
        budget = self.budget
        space = max(0, budget.bytes - reserve)
        chunk = encode_whole(value, space, budget.look) if len(value) <= space else None
        if chunk is not None:
            self._put(chunk)
        else:
            chunk = encode_head(value, space - _ENVELOPE, budget.look)
            self._put(cut_marker("str", len(value), "time" if budget.is_late else "size", chunk))
        if len(value) > _LONG:
            budget.look()

    def _write_cut(self, shape: Cut, reserve: int) -> None:
        space, look = self.budget.bytes - reserve - _ENVELOPE, self.budget.look
        chunk = encode_whole(shape.value, space, look) or encode_head(shape.value, space, look)
        self._put(cut_marker(shape.name, shape.size, "size", chunk))

    def _write_int(self, value: int) -> None:
        """Write an integer: as a number, from 2¹⁰²³ on as a string, and beyond 8192 bits as a marker."""
        self.budget.countdown -= min(value.bit_length(), _MOST_BITS) // _BITS_PER_VALUE
        if -HUGE < value < HUGE:
            self._put(encoded(value))
        elif value.bit_length() <= _MOST_BITS:  # up to 2466 digits, written in microseconds
            self._put(encoded(str(value)))
        else:
            self._put(cut_marker("int", value.bit_length(), "size"))

    def _write_plain(self, value: Any, depth: int, reserve: int, is_object: bool = True) -> bool:
        """Write a collection in one piece, where it is plain all through and fits."""
        if self.futile > FUTILE_SECONDS or self.hidden or (self.tried and not self.chunks):
            return False
        space = self.budget.bytes - reserve
        before = clock.monotonic()
        chunk = _plain_text(value, depth, space)
        if chunk is None or len(chunk) > space:
            self.futile += clock.monotonic() - before
            return False
        if not self.chunks:
            self.is_object = is_object and type(value) is dict
        self._put(chunk)
        self.budget.countdown -= len(chunk) // _BYTES_PER_VALUE
        return True

    def _write_list(self, shape: Listed, depth: int, reserve: int) -> None:
        """Write the items of a list, as many as the budget allows."""
        items = shape.items
        if len(items) == shape.size and self._write_plain(items, depth, reserve):
            return

        def write_one(place: int) -> bool:
            item = items[place]
            if is_placeholder(item):
                return False
            self.write(item, depth - 1, self._reserve_for_rest(reserve, len(items) - place - 1))
            return True

        start = len(self.chunks)
        self._put(b"[")
        written = self._write_parts(items, depth, reserve, None, write_one)
        self._close(b"]", start, shape.name, shape.size, written)

    def _write_pairs(self, name: str, pairs: list[tuple[Any, Any]], size: int, depth: int, reserve: int) -> None:
        """Write keys and values, as many as the budget allows; values of secret fields are replaced."""
        keys = _Keys(self)

        def write_one(place: int) -> bool:
            key, item = pairs[place]
            if is_placeholder(item):
                return False
            text = keys.apart(key)
            self._put(encoded(text) + b":")
            shown = SECRET_TEXT if text in self.hidden else item
            self.write(shown, depth - 1, self._reserve_for_rest(reserve, len(pairs) - place - 1))
            return True

        start = len(self.chunks)
        self._put(b"{")
        written = self._write_parts(pairs, depth, reserve, keys, write_one)
        self._close(b"}", start, name, size, written)

    def _write_parts(
        self,
        items: list[Any],
        depth: int,
        reserve: int,
        keys: _Keys | None,
        write_one: Callable[[int], bool],
    ) -> int:
        """Write the items, of very many several in one piece where they are plain, as many as fit.

        Args:
            items: the items, or pairs of key and value.
            depth, reserve: as for :meth:`write`.
            keys: the keys of the object that is written, if it is one.
            write_one: writes the item at a position, unless it is left out; whether it did.

        Returns:
            How many were written.
        """
        written, step = 0, _FIRST_PIECE if len(items) > _MANY and not self.hidden else 1
        start = len(self.chunks)  # behind the bracket
        while written < len(items) and not self._is_full(reserve):
            part: Any = items[written : written + step]
            count, space = len(part), self.budget.bytes - reserve
            part = part if keys is None or step == 1 else keys.collect(part)
            chunk = None if step == 1 or part is None else _plain_text(part, depth, space * 8)
            if chunk is None:
                if step <= _FIRST_PIECE:
                    written = self._write_ones(written, count, reserve, start, write_one)
                step = min(step, _FIRST_PIECE)
            elif len(chunk) > space:
                step = min(step // 2, max(1, step * space // len(chunk) - 8))
            else:
                self._put(chunk[1:-1] if len(self.chunks) == start else b"," + chunk[1:-1])
                self.budget.look()
                written += count
                step = min(2 * step, _LARGEST_PIECE)
                if keys is not None:
                    keys.note(cast("dict[str, Any]", part))
        return written

    def _write_ones(self, first: int, count: int, reserve: int, start: int, write_one: Callable[[int], bool]) -> int:
        """Write that many items one by one, as far as the budget goes; the position of the next one."""
        for place in range(first, first + count):
            if self._is_full(reserve):
                return place
            if len(self.chunks) > start:
                self._put(b",")
                if not write_one(place):
                    self.chunks.pop()
            else:
                write_one(place)
        return first + count

    def _is_full(self, reserve: int) -> bool:
        return self.budget.bytes <= reserve or self.budget.is_used_up()

    def _reserve_for_rest(self, reserve: int, after: int) -> int:
        return reserve + min((self.budget.bytes - reserve) // 2, _SHARE * after)

    def _close(self, bracket: bytes, start: int, name: str, size: int, written: int) -> None:
        """End a collection, and put the marker of a cut value around it if not all of it was written."""
        self._put(bracket)
        if written < size:
            reason = "time" if self.budget.is_late else "size"
            before, _, after = cut_marker(name, size, reason, b"[]").rpartition(b"[]")
            self.chunks[start] = before + self.chunks[start]
            self.budget.bytes -= len(before)
            self._put(after)

    def key_text(self, key: Any, depth: int) -> str:
        """Return the text of a key that may be of any type."""
        kind = type(key)
        if kind is str or key is None or kind is bool or kind is float:
            return str(key)
        if kind is int:
            return str(key) if key.bit_length() <= _MOST_BITS else f"int of {key.bit_length()} bits"
        if depth > 0 and kind is tuple and len(key) <= 16:
            return f"({', '.join([self.key_text(part, depth - 1) for part in key])})"
        shape = self._shape_of(key, kind)
        if depth > 0 and id(type(shape)) in _SCALARS:
            return self.key_text(shape, depth - 1)
        return introspection.full_name(kind)


class _Keys:
    """The keys of one JSON object as they are written: texts that differ."""

    __slots__ = ("_clashes", "_used", "_writer")

    def __init__(self, writer: SnapshotWriter) -> None:
        self._writer = writer
        self._used: set[str] = set()
        self._clashes: dict[str, int] = {}

    def apart(self, key: Any) -> str:
        """Return the text of a key; one that another key of this object has already is marked with its type."""
        text = key if type(key) is str else self._writer.key_text(key, 2)
        text = shortened(text, _LONGEST_KEY)
        if text in self._used:
            text = next(choice for choice in self._choices(text, key) if choice not in self._used)
        self._used.add(text)
        return text

    def _choices(self, text: str, key: object) -> Iterator[str]:
        """Yield texts for a key whose own text another key has: with its type, then with numbers, too."""
        marked = f"{text} ({introspection.full_name(type(key))}"
        while True:
            number = self._clashes.get(marked, 0)
            self._clashes[marked] = number + 1  # the next one need not try the numbers that are in use
            yield f"{marked} {number})" if number else f"{marked})"

    def collect(self, pairs: list[tuple[Any, Any]]) -> dict[str, Any] | None:
        """Return several pairs as they are; ``None`` if a key is not a string, too long, or in use."""
        for key, _ in pairs:
            if type(key) is not str or len(key) > _LONGEST_KEY:
                return None
        collected = dict(pairs)
        return collected if self._used.isdisjoint(collected) else None

    def note(self, collected: dict[str, Any]) -> None:
        """Note that what :meth:`collect` returned was written."""
        self._used.update(collected)


def _plain_text(value: Any, depth: int, space: int) -> bytes | None:
    """Return the JSON text of a plain collection.

    ``None`` where it is not plain, too large for one step, has lone surrogates in it, or is changed by another thread
    meanwhile.
    """
    try:
        return to_json(value, inf_nan_mode="strings") if plain(value, depth, min(space, PIECE)) >= 0 else None
    except Exception as exc:
        pass_on_interrupt(exc)
        return None


_SCALARS: Final = frozenset(map(id, (str, int, float, bool, type(None))))  # a metaclass may have its own `hash`


def _size(shape: object) -> int | None:
    kind = type(shape)
    if kind is NamedFields:
        return len(cast(NamedFields, shape).fields)
    return cast(Listed, shape).size if kind is Listed or kind is Mapped else None
