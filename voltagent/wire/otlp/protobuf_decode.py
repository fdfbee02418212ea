"""Decode the protobuf messages of an OTLP trace request: the reverse of :mod:`voltagent.wire.otlp.protobuf`.

A message comes out in the form of its JSON mapping, so that both encodings are read by one reader. Fields that are not
in the tables are skipped, as are fields with another wire type than theirs. Nothing here trusts its input: whatever the
bytes are, the answer is a message or a ``ValueError``, in time that grows with their number only and ends where there
are too many fields: two bytes make one, which costs a hundred times as much to read as to send.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from voltagent.wire.otlp.protobuf import fields_of

DEEPEST: Final = 100  # messages within messages, as in the official library
MOST_FIELDS: Final = 1_500_000  # of one request, at every depth; an attribute has four

_FieldReader: TypeAlias = Callable[["int | bytes", "_Reading"], Any]  # the field's content -> its JSON form
_Table: TypeAlias = Mapping[int, tuple[str, bool, _FieldReader]]  # number -> name, whether repeated, reader


class TooLargeError(ValueError):
    """A request has more in it than is read at once; the text says how much that is."""


class _Reading:
    """What one request may still have."""

    __slots__ = ("depth", "fields")

    def __init__(self) -> None:
        self.depth = DEEPEST
        self.fields = MOST_FIELDS


def trace_request(content: bytes) -> dict[str, Any]:
    """Return an ``ExportTraceServiceRequest`` in its JSON mapping.

    Raises:
        TooLargeError: it has more than 1 500 000 fields.
        ValueError: the bytes are no protobuf message, end in the middle, or nest deeper than 100 messages.
    """
    return _decoded(content, _REQUEST, _Reading())


def _decoded(content: bytes, table: _Table, reading: _Reading) -> dict[str, Any]:
    """Decode a message by a table of its fields, within limits for depth and number; unknown fields are skipped."""
    if reading.depth < 0:
        raise ValueError(f"the message nests deeper than {DEEPEST}")
    reading.depth -= 1
    message: dict[str, Any] = {}
    find = table.get
    for number, value in fields_of(content):
        reading.fields -= 1
        if reading.fields < 0:
            raise TooLargeError(f"the request has more than {MOST_FIELDS} fields: send it in parts")
        known = find(number)
        if known is None:
            continue
        name, repeated, read = known
        given = read(value, reading)
        if given is None:
            continue
        if repeated:
            message.setdefault(name, []).append(given)
        else:
            message[name] = given  # the last one wins
    reading.depth += 1
    return message


def _text(value: int | bytes, _: _Reading) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def _hex(value: int | bytes, _: _Reading) -> str | None:
    return value.hex() if isinstance(value, bytes) else None


def _base64(value: int | bytes, _: _Reading) -> str | None:
    return b64encode(value).decode() if isinstance(value, bytes) else None


def _flag(value: int | bytes, _: _Reading) -> bool | None:
    return value != 0 if isinstance(value, int) else None


def _integer(value: int | bytes, _: _Reading) -> int | None:
    """Return an ``int64``: two's complement in 64 bits."""
    if not isinstance(value, int):
        return None
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - (1 << 64) if value >> 63 else value


def _fixed(form: str) -> _FieldReader:
    """Return a function that reads a number of fixed length, in the notation of ``struct``."""

    def read(value: int | bytes, _: _Reading) -> Any:
        if not isinstance(value, bytes) or len(value) != struct.calcsize(form):
            return None
        return struct.unpack(form, value)[0]

    return read


def _message(table: _Table) -> _FieldReader:
    return lambda value, reading: _decoded(value, table, reading) if isinstance(value, bytes) else None


_ANY_VALUE: Final[dict[int, tuple[str, bool, _FieldReader]]] = {}  # filled below: a list of values holds values
_KEY_VALUE: Final[_Table] = {1: ("key", False, _text), 2: ("value", False, _message(_ANY_VALUE))}
_ATTRIBUTE: Final = _message(_KEY_VALUE)
_ANY_VALUE.update(
    {
        1: ("stringValue", False, _text),
        2: ("boolValue", False, _flag),
        3: ("intValue", False, _integer),
        4: ("doubleValue", False, _fixed("<d")),
        5: ("arrayValue", False, _message({1: ("values", True, _message(_ANY_VALUE))})),
        6: ("kvlistValue", False, _message({1: ("values", True, _ATTRIBUTE)})),
        7: ("bytesValue", False, _base64),
    }
)
_EVENT: Final[_Table] = {
    1: ("timeUnixNano", False, _fixed("<Q")),
    2: ("name", False, _text),
    3: ("attributes", True, _ATTRIBUTE),
}
_LINK: Final[_Table] = {
    1: ("traceId", False, _hex),
    2: ("spanId", False, _hex),
    4: ("attributes", True, _ATTRIBUTE),
}
_STATUS: Final[_Table] = {2: ("message", False, _text), 3: ("code", False, _integer)}
_SPAN: Final[_Table] = {
    1: ("traceId", False, _hex),
    2: ("spanId", False, _hex),
    3: ("traceState", False, _text),
    4: ("parentSpanId", False, _hex),
    5: ("name", False, _text),
    6: ("kind", False, _integer),
    7: ("startTimeUnixNano", False, _fixed("<Q")),
    8: ("endTimeUnixNano", False, _fixed("<Q")),
    9: ("attributes", True, _ATTRIBUTE),
    11: ("events", True, _message(_EVENT)),
    13: ("links", True, _message(_LINK)),
    15: ("status", False, _message(_STATUS)),
    16: ("flags", False, _fixed("<I")),
}
_SCOPE: Final[_Table] = {1: ("name", False, _text), 2: ("version", False, _text)}
_SCOPE_SPANS: Final[_Table] = {1: ("scope", False, _message(_SCOPE)), 2: ("spans", True, _message(_SPAN))}
_RESOURCE: Final[_Table] = {1: ("attributes", True, _ATTRIBUTE)}
_RESOURCE_SPANS: Final[_Table] = {
    1: ("resource", False, _message(_RESOURCE)),
    2: ("scopeSpans", True, _message(_SCOPE_SPANS)),
}
_REQUEST: Final[_Table] = {1: ("resourceSpans", True, _message(_RESOURCE_SPANS))}
