"""A small decoder for the protobuf messages of an OTLP trace request: the way back from :mod:`voltagent.wire.protobuf`.

A message comes out in the form of its JSON mapping, so that both encodings are read by one reader. Fields that are not
in the tables are skipped, as are fields with another wire type than theirs. Nothing here trusts its input: whatever the
bytes are, the answer is a message or a ``ValueError``, in time that grows with their number only.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from voltagent.wire.protobuf import fields_of

__all__ = ["DEEPEST", "trace_request"]

DEEPEST: Final = 100  # messages within messages, as in the official library

_Reader: TypeAlias = Callable[["int | bytes", int], Any]  # (the field's content, how deep it is) -> its JSON form
_Table: TypeAlias = Mapping[int, tuple[str, bool, _Reader]]  # number -> name, whether repeated, reader


def trace_request(content: bytes) -> dict[str, Any]:
    """An ``ExportTraceServiceRequest`` in its JSON mapping.

    Raises:
        ValueError: the bytes are no protobuf message, end in the middle, or nest deeper than 100 messages.
    """
    return _decoded(content, _REQUEST, 0)


def _decoded(content: bytes, table: _Table, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise ValueError(f"the message nests deeper than {DEEPEST}")
    message: dict[str, Any] = {}
    for number, value in fields_of(content):
        if number not in table:
            continue
        name, repeated, read = table[number]
        given = read(value, depth + 1)
        if given is None:
            continue
        if repeated:
            message.setdefault(name, []).append(given)
        else:
            message[name] = given  # the last one wins
    return message


# ----------------------------------------------------------------------------------- kinds of value; None: not of this


def _text(value: int | bytes, _: int) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def _hex(value: int | bytes, _: int) -> str | None:
    return value.hex() if isinstance(value, bytes) else None


def _base64(value: int | bytes, _: int) -> str | None:
    return b64encode(value).decode() if isinstance(value, bytes) else None


def _flag(value: int | bytes, _: int) -> bool | None:
    return value != 0 if isinstance(value, int) else None


def _integer(value: int | bytes, _: int) -> int | None:
    """An ``int64``: two's complement in 64 bits."""
    if not isinstance(value, int):
        return None
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - (1 << 64) if value >> 63 else value


def _fixed(form: str) -> _Reader:
    def read(value: int | bytes, _: int) -> Any:
        if not isinstance(value, bytes) or len(value) != struct.calcsize(form):
            return None
        return struct.unpack(form, value)[0]

    return read


def _message(table: _Table) -> _Reader:
    return lambda value, depth: _decoded(value, table, depth) if isinstance(value, bytes) else None


# ------------------------------------------------------------------------------------------------------- the messages

_ANY_VALUE: Final[dict[int, tuple[str, bool, _Reader]]] = {}  # filled below: a list of values holds values
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
