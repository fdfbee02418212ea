"""The slow path of a snapshot: write a value that is not plain, or too large, part by part within one budget.

The JSON text is written directly. So its size is known at every step, the encoder writes a collection that is plain all
through in one piece, and nothing refers to the user's objects afterwards.

Budget: bytes of JSON, depth, values, and time. Every part leaves some bytes to those that come after it, so that one
huge field does not hide the small ones beside it.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from pydantic_core import to_json

from voltagent.capture.fast_path import HUGE, plain
from voltagent.capture.nodes import MOST_ITEMS, Cut, Fields, Listed, Mapped, Masked
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.type_forms import Forms
from voltagent.core import clock, introspection
from voltagent.core.json_objects import cut_marker
from voltagent.core.text import cut, encoded, replace_surrogates, shortened

DEPTH: Final = 20
VALUES: Final = 20_000  # written one by one; a plain collection counts as one
SECONDS: Final = 0.010  # of walking: a call takes two snapshots of what is both argument and result
_UNTIMED_VALUES: Final = 1024  # values without a time limit: the clock also runs while other threads have their turn
_STEPS_PER_LOOK: Final = 64  # values between two looks at the clock
_SHARE: Final = 512  # bytes that a part leaves to each that comes after it
_ENVELOPE: Final = 120  # bytes about what was cut
FUTILE_SECONDS: Final = (
    0.004  # spent on collections that turned out not to be plain; after that the fast path is not tried again
)
_LONGEST_KEY: Final = 1024
_MANY: Final = 256  # items from which on it is worth writing several in one piece
_FIRST_PIECE: Final = 64  # items; twice as many in the next...
_LARGEST_PIECE: Final = 8192  # up to this many
_PIECE: Final = 1 << 18  # units of `plain`: some milliseconds
_MOST_PLAIN: Final = 3 << 18  # units in all
_UNCLEAN_PER_STEP: Final = 32  # characters that take about as long as a value
_BITS_PER_STEP: Final = 64  # of an integer: its digits take about as long as a value
_MOST_BITS: Final = 8192  # a larger integer is not written
_MOST_UNCLEAN: Final = 65_536  # characters of a text with lone surrogates


class SnapshotWriter:
    """Writes one value as JSON text of at most ``limit`` bytes (a few hundred more where very much was cut).

    ``tried`` says that the value as a whole is known not to be plain, or too much.
    """

    __slots__ = ("chunks", "deadline", "forms", "futile", "hidden", "is_object", "late", "left", "next_look", "path",
                 "steps", "tried", "units")  # fmt: skip

    def __init__(self, forms: Forms, limit: int, *, tried: bool = False) -> None:
        self.forms = forms
        self.left = limit - _ENVELOPE
        self.chunks: list[bytes] = []
        self.path: set[int] = set()  # identities of the collections we are inside of
        self.hidden: frozenset[str] = frozenset()  # keys whose values are secret in what is being written
        self.steps = 0
        self.deadline = clock.monotonic() + SECONDS
        self.late = False
        self.next_look = _UNTIMED_VALUES
        self.tried = tried
        self.units = _MOST_PLAIN  # left to collections that are plain
        self.futile = 0.0
        self.is_object = False  # whether the outermost value is a JSON object of the user's

    def text(self, value: object) -> bytes:
        """The JSON text of the value."""
        self.write(value, DEPTH, 0)
        return b"".join(self.chunks)

    # -------------------------------------------------------------------------------------------------------- parts

    def write(self, value: Any, depth: int, reserve: int) -> None:
        """Write one value. ``reserve`` is the number of bytes that it has to leave."""
        self.steps += 1
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
        self.left -= len(chunk)
        self.chunks.append(chunk)

    def _shape_of(self, value: Any, kind: type) -> object:
        try:
            return self.forms.of(kind)(value)
        except Exception as exc:  # a library's own reader failed: a closed buffer, a field set to something odd
            error = f"not readable: {introspection.full_name(type(exc))}"
            return Fields("", {"type": introspection.full_name(kind), "error": error}, user_data=False)

    def _within(self, value: Any, shape: object, depth: int, reserve: int) -> None:
        """Write what the form of ``value`` made of it, unless we are inside of ``value`` already, or too deep."""
        kind = type(shape)
        if kind is str:
            self._write_text(cast(str, shape), reserve)
        elif kind is Fields and self._write_plain(
            cast(Fields, shape).fields, depth, reserve, cast(Fields, shape).user_data
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
        kind = type(shape)
        if kind is Listed:
            self._write_list(shape, depth, reserve)
        elif kind is Fields:
            self.is_object |= not self.chunks and shape.user_data
            self._write_pairs(shape.name, list(shape.fields.items()), len(shape.fields), depth, reserve)
        elif kind is Mapped:
            self.is_object |= not self.chunks
            self._write_pairs(shape.name, shape.pairs, shape.size, depth, reserve)
        else:
            self.write(shape, depth - 1, reserve)

    # ------------------------------------------------------------------------------------------------------ scalars

    def _write_text(self, value: str, reserve: int) -> None:
        space = max(0, self.left - reserve)
        part = value[:space]
        try:
            chunk = to_json(part)
        except ValueError:  # lone surrogates: a hundred times slower to write
            part = replace_surrogates(part[:_MOST_UNCLEAN])
            self.steps += len(part) // _UNCLEAN_PER_STEP
            chunk = to_json(part)
        if len(part) == len(value) and len(chunk) <= space:
            self._put(chunk)
        else:
            space -= _ENVELOPE
            fits = len(part) * max(space, 0) // len(chunk)  # about: the first try of `_fitting` would be wasted
            chunk = _fitting(part[:fits] if len(chunk) > space else part, space)
            self._put(cut_marker("str", len(value), "size", chunk))

    def _write_cut(self, shape: Cut, reserve: int) -> None:
        space = self.left - reserve - _ENVELOPE
        chunk = to_json(shape.value) if len(shape.value) + 2 <= space else _fitting(shape.value, space)
        self._put(cut_marker(shape.name, shape.size, "size", chunk))

    def _write_int(self, value: int) -> None:
        self.steps += min(value.bit_length(), _MOST_BITS) // _BITS_PER_STEP
        if -HUGE < value < HUGE:
            self._put(encoded(value))
        elif value.bit_length() <= _MOST_BITS:  # up to 2466 digits, written in microseconds
            self._put(encoded(str(value)))
        else:
            self._put(cut_marker("int", value.bit_length(), "size"))

    # -------------------------------------------------------------------------------------------------- collections

    def _write_plain(self, value: Any, depth: int, reserve: int, is_object: bool = True) -> bool:
        """Write a collection in one piece, where it is plain all through and fits."""
        if self.futile > FUTILE_SECONDS or self.hidden or (self.tried and not self.chunks):
            return False
        space = self.left - reserve
        before = clock.monotonic()
        chunk = self._plain_text(value, depth, space)
        if chunk is None or len(chunk) > space:
            self.futile += clock.monotonic() - before
            return False
        if not self.chunks:
            self.is_object = is_object and type(value) is dict
        self._put(chunk)
        return True

    def _plain_text(self, value: Any, depth: int, space: int) -> bytes | None:
        """The JSON text of a plain collection.

        ``None`` where it is not plain, has lone surrogates in it, or is changed by another thread meanwhile.
        """
        try:
            left = plain(value, depth, space)
            if left < 0:
                return None
            self.units -= space - left
            return to_json(value, inf_nan_mode="strings")
        except Exception:
            return None

    def _write_list(self, shape: Listed, depth: int, reserve: int) -> None:
        items = shape.items
        if len(items) == shape.size and self._write_plain(items, depth, reserve):
            return
        start = len(self.chunks)
        self._put(b"[")
        written = self._write_many(items, depth, reserve)
        reason = "size"
        for number in range(written, len(items)):
            if self.left <= reserve or self._is_late():
                reason = "size" if self.left <= reserve else "time"
                break
            if number:
                self._put(b",")
            self.write(items[number], depth - 1, self._reserve_for_rest(reserve, len(items) - number - 1))
            written = number + 1
        self._close(b"]", start, shape.name, shape.size, written, reason)

    def _write_many(self, items: list[Any], depth: int, reserve: int) -> int:
        """The first of very many plain items, many in one piece: as many as fit. How many that were."""
        written, step = 0, _FIRST_PIECE
        while len(items) - written > _MANY and step > 0 and not self.hidden and not self._is_late():
            space = self.left - reserve
            part = items[written : written + step]
            chunk = self._plain_text(part, depth, min(space * 8, _PIECE))
            if chunk is None:
                if step <= _FIRST_PIECE:
                    break
                step = _FIRST_PIECE
            elif len(chunk) > space:
                step = min(step - 1, step * space // len(chunk) - 8)
            else:
                self._put(chunk[1:-1] if not written else b"," + chunk[1:-1])
                written += len(part)
                step = min(2 * step, _LARGEST_PIECE)
        return written

    def _write_pairs(self, name: str, pairs: list[tuple[Any, Any]], size: int, depth: int, reserve: int) -> None:
        start = len(self.chunks)
        self._put(b"{")
        written = 0
        reason = "size"
        used: set[str] = set()
        for key, item in pairs:
            if self.left <= reserve or self._is_late():
                reason = "size" if self.left <= reserve else "time"
                break
            prefix = b"," if written else b""
            text = self._apart(key, used)
            self._put(prefix + encoded(text) + b":")
            written += 1
            shown = SECRET_TEXT if text in self.hidden else item
            self.write(shown, depth - 1, self._reserve_for_rest(reserve, len(pairs) - written))
        self._close(b"}", start, name, size, written, reason)

    def _reserve_for_rest(self, reserve: int, after: int) -> int:
        return reserve + min((self.left - reserve) // 2, _SHARE * after)

    def _close(self, bracket: bytes, start: int, name: str, size: int, written: int, reason: str) -> None:
        """End a collection, and put the marker of a cut value around it if not all of it was written."""
        self._put(bracket)
        if written < size:
            before, _, after = cut_marker(name, size, reason, b"[]").rpartition(b"[]")
            self.chunks[start] = before + self.chunks[start]
            self.left -= len(before)
            self._put(after)

    def _is_late(self) -> bool:
        if self.units < 0:
            self.late = True
        elif self.steps >= self.next_look and not self.late:
            self.next_look = self.steps + _STEPS_PER_LOOK
            self.late = self.steps > VALUES or clock.monotonic() > self.deadline
        return self.late

    # --------------------------------------------------------------------------------------------------------- keys

    def _apart(self, key: Any, used: set[str]) -> str:
        """The text of a key; one that another key of this object has already is marked with its type."""
        text = key if type(key) is str else self._key_text(key, 2)
        text = shortened(text, _LONGEST_KEY)
        if text in used:
            name = introspection.full_name(type(key))
            choices: Iterable[str] = (
                f"{text} ({name} {number})" if number else f"{text} ({name})" for number in _COUNT
            )
            text = next(choice for choice in choices if choice not in used)
        used.add(text)
        return text

    def _key_text(self, key: Any, depth: int) -> str:
        kind = type(key)
        if kind is str or key is None or kind is bool or kind is float:
            return str(key)
        if kind is int:
            return str(key) if key.bit_length() <= 8192 else f"int of {key.bit_length()} bits"
        if depth > 0 and kind is tuple and len(key) <= 16:
            return f"({', '.join([self._key_text(part, depth - 1) for part in key])})"
        shape = self._shape_of(key, kind)
        if depth > 0 and id(type(shape)) in _SCALARS:
            return self._key_text(shape, depth - 1)
        return introspection.full_name(kind)


_SCALARS: Final = frozenset(map(id, (str, int, float, bool, type(None))))  # a metaclass may have its own `hash`
_COUNT: Final = range(MOST_ITEMS + 2)


def _size(shape: object) -> int | None:
    kind = type(shape)
    if kind is Fields:
        return len(cast(Fields, shape).fields)
    return cast(Listed, shape).size if kind is Listed or kind is Mapped else None


def _fitting(value: str, space: int) -> bytes:
    """Return as much of a string as fits into ``space`` bytes of JSON, cut before a torn word."""
    length = max(0, min(space, len(value)))
    chunk = _cut_at_word(value, length)
    if len(chunk) > space:  # some characters take up to six bytes: this many should fit
        length = length * max(space, 0) // len(chunk)
        chunk = _cut_at_word(value, length)
    if len(chunk) > space:  # this many fit for sure, as each takes at least one byte
        chunk = _cut_at_word(value, max(0, length - (len(chunk) - space)))
    return chunk


def _cut_at_word(value: str, length: int) -> bytes:
    return to_json(cut(f"{value[:length]} ", length))
