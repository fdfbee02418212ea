"""A small encoder for the protobuf messages of an OTLP trace request.

A message is given in the form of its JSON mapping (a dict by field names, ids in hex, 64-bit integers as decimal text),
its fields in the order of their numbers, defaults left out: the bytes are then those of the official library. Field
numbers are those of ``opentelemetry/proto/trace/v1/trace.proto`` and its imports (opentelemetry-proto 1.x); the
encoding is that of https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

# field name -> (the tag's bytes, how its value is written after the tag); a value that is a list is repeated
MessageSchema = dict[str, tuple[bytes, Callable[[Any], bytes]]]

_VARINT: Final = 0
_FIXED64: Final = 1
_DELIMITED: Final = 2
_FIXED32: Final = 5

# Varints of one and two bytes, ready made: nearly all lengths are among them, and a look-up costs no call.
SMALL: Final = tuple(
    bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7)) for number in range(2048)
)
MANY: Final = len(SMALL)


def encoded(message: Mapping[str, Any], schema: MessageSchema) -> bytes:
    """Return the bytes of a message. A field that the schema does not have is a ``KeyError``."""
    parts: list[bytes] = []
    for name, value in message.items():
        tag, write = schema[name]
        if type(value) is list:
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                parts += (tag, write(item))
        else:
            parts += (tag, write(value))
    return b"".join(parts)


def delimited(number: int, content: bytes) -> bytes:
    """Return a field of text, bytes or a message, with its tag."""
    return varint(number << 3 | _DELIMITED) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """Return a whole number of up to 64 bits, seven bits to a byte; a negative one as its two's complement."""
    if 0 <= number < MANY:
        return SMALL[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


def _text(value: str) -> bytes:
    content = value.encode()
    size = len(content)
    return (SMALL[size] if size < MANY else varint(size)) + content


def _hex(value: str) -> bytes:
    content = bytes.fromhex(value)
    return SMALL[len(content)] + content


def _integer(value: str | int) -> bytes:
    number = int(value)
    return SMALL[number] if 0 <= number < MANY else varint(number)


def _flag(value: bool) -> bytes:
    return SMALL[value]


def _double(value: float) -> bytes:
    return struct.pack("<d", value)


def _fixed64(value: str) -> bytes:
    return struct.pack("<Q", int(value))


def _fixed32(value: int) -> bytes:
    return struct.pack("<I", value)


def _message(schema: MessageSchema) -> Callable[[Mapping[str, Any]], bytes]:
    """Return a function that writes a nested message of this schema."""

    def write(value: Mapping[str, Any]) -> bytes:
        content = encoded(value, schema)
        size = len(content)
        return (SMALL[size] if size < MANY else varint(size)) + content

    return write


def _schema(**fields: tuple[int, int, Callable[[Any], bytes]]) -> MessageSchema:
    return {name: (varint(number << 3 | wire), write) for name, (number, wire, write) in fields.items()}


_ANY_VALUE: Final[MessageSchema] = {}  # filled below: a list of values holds values
_ARRAY: Final = _schema(values=(1, _DELIMITED, _message(_ANY_VALUE)))
_ANY_VALUE.update(
    _schema(
        stringValue=(1, _DELIMITED, _text),
        boolValue=(2, _VARINT, _flag),
        intValue=(3, _VARINT, _integer),
        doubleValue=(4, _FIXED64, _double),
        arrayValue=(5, _DELIMITED, _message(_ARRAY)),
    )
)


def _attribute(pair: Mapping[str, Any]) -> bytes:
    """Return a ``KeyValue``: key = 1, value = 2. By hand, as most of what is sent are these."""
    key = pair["key"].encode()
    ((kind, given),) = pair["value"].items()
    tag, write = _ANY_VALUE[kind]
    if kind == "stringValue":
        text = given.encode()
        size = len(text)
        value = b"%b%b%b" % (tag, SMALL[size] if size < MANY else varint(size), text)
    else:
        value = tag + write(given)
    long, size = len(key), len(value)
    content = b"\n%b%b\x12%b%b" % (
        SMALL[long] if long < MANY else varint(long), key, SMALL[size] if size < MANY else varint(size), value,
    )  # fmt: skip
    size = len(content)
    return (SMALL[size] if size < MANY else varint(size)) + content


RESOURCE: Final = _schema(attributes=(1, _DELIMITED, _attribute))
SCOPE: Final = _schema(name=(1, _DELIMITED, _text), version=(2, _DELIMITED, _text))
EVENT: Final = _schema(
    timeUnixNano=(1, _FIXED64, _fixed64),
    name=(2, _DELIMITED, _text),
    attributes=(3, _DELIMITED, _attribute),
)
_STATUS: Final = _schema(message=(2, _DELIMITED, _text), code=(3, _VARINT, _integer))
SPAN: Final = _schema(
    traceId=(1, _DELIMITED, _hex),
    spanId=(2, _DELIMITED, _hex),
    traceState=(3, _DELIMITED, _text),
    parentSpanId=(4, _DELIMITED, _hex),
    name=(5, _DELIMITED, _text),
    kind=(6, _VARINT, _integer),
    startTimeUnixNano=(7, _FIXED64, _fixed64),
    endTimeUnixNano=(8, _FIXED64, _fixed64),
    attributes=(9, _DELIMITED, _attribute),
    events=(11, _DELIMITED, _message(EVENT)),
    status=(15, _DELIMITED, _message(_STATUS)),
    flags=(16, _FIXED32, _fixed32),
)

LOG_RECORD: Final = _schema(
    timeUnixNano=(1, _FIXED64, _fixed64),
    severityNumber=(2, _VARINT, _integer),
    severityText=(3, _DELIMITED, _text),
    body=(5, _DELIMITED, _message(_ANY_VALUE)),
    attributes=(6, _DELIMITED, _attribute),
    traceId=(9, _DELIMITED, _hex),
    spanId=(10, _DELIMITED, _hex),
    observedTimeUnixNano=(11, _FIXED64, _fixed64),
    eventName=(12, _DELIMITED, _text),
)


def fields_of(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of any message as (number, value): an ``int`` for a varint, else the bytes.

    Raises:
        ValueError: it is no protobuf message, or ends in the middle.
    """
    place, size = 0, len(content)
    while place < size:
        tag = content[place]
        place += 1
        if tag > 127:
            tag, place = _read_varint(content, place - 1)
        wire = tag & 7
        if wire == _VARINT:
            value, place = _read_varint(content, place)
            yield tag >> 3, value
            continue
        if wire == _DELIMITED:
            # nearly all are short: a call for each would be half of what reading costs
            if place < size and content[place] < 128:
                length = content[place]
                place += 1
            else:
                length, place = _read_varint(content, place)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"no such wire type: {wire}")
        end = place + length
        if end > size:
            raise ValueError("the message ends in the middle of a field")
        yield tag >> 3, content[place:end]
        place = end


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """Return a varint and the place after it."""
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("a number has no end")
