"""Encode an event as self-contained bytes for the disk, and decode it such that both wires produce the same requests.

A JSON head holds the short values; the payloads follow it unchanged, and the head has their lengths. Events are encoded
after formatting and redaction: nothing here searches for secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from weakref import WeakSet, WeakValueDictionary

from pydantic_core import to_json

from voltagent.core.span import Phase, Remote, Span, SpanEvent, TraceInfo, placeholder

_BYTES: Final = "b"  # {"b": length} in the head stands for that many of the bytes that follow
_OF_TRACE: Final = ("agent_id", "user_id", "conversation_id", "version", "level", "completion_start",
                    "parent_trace_id")  # fmt: skip
_OF_START: Final = ("name", "agent_id", "operation", "start_ns", "input", "metadata", "tags", "facts")
_OF_EVENT: Final = (*_OF_START, "more_metadata", "more_tags", "usage", "output", "error", "status", "end_ns")


def encode_event(event: SpanEvent) -> bytes:
    """Encode an event with everything of its span that a wire may send. A start contains no field of the end, which
    another thread may set meanwhile.
    """
    phase, span, fields = event
    payloads: list[bytes] = []
    described: dict[str, Any] = {}
    for name in _OF_EVENT if phase is Phase.END else _OF_START:
        value = getattr(span, name)
        if type(value) is bytes:
            payloads.append(value)
            value = {_BYTES: len(value)}
        elif value == ():
            value = []
        elif type(value) not in _PLAIN:
            value = _packed(value, payloads)
        described[name] = value
    trace = span.trace
    known: dict[str, Any] = {"id": trace.id, "remote": None if trace.remote is None else list(trace.remote)}
    for name in _OF_TRACE:
        value = getattr(trace, name)
        if value is not None:
            known[name] = value
    head = {
        "phase": phase._value_,  # as `value`, without two calls
        "id": span.id,
        "kind": span.kind,
        "trace": {"m": known},
        "parent": None if span.parent is None else [span.parent.id, span.parent.kind],
        "span": {"m": described},
        "fields": None if fields is None else _packed(fields, payloads),
    }
    try:
        written = to_json({"m": head}, inf_nan_mode="constants", fallback=_type_name)
    except ValueError:
        written = _write({"m": head}).encode("ascii")  # ASCII keeps lone surrogates
    return b"\n".join((written, b"".join(payloads)))


def pack(value: Any) -> bytes:
    """Encode a JSON value, which may also contain bytes, tuples and mappings."""
    payloads: list[bytes] = []
    head = _write(_packed(value, payloads)).encode("ascii")
    return b"\n".join((head, b"".join(payloads)))


def unpack(packed: bytes) -> Any:
    """Decode what :func:`pack` encoded; lists become tuples.

    Raises:
        ValueError, KeyError, TypeError: the bytes are invalid.
    """
    head, _, payloads = packed.partition(b"\n")
    return _unpacker(payloads)(json.loads(head))


# The types of JSON. Most values have one of these, and comparing types by identity needs no call.
_PLAIN: Final = frozenset((str, int, float, bool, type(None)))


def _packed(value: Any, payloads: list[bytes]) -> Any:
    """Return a value as JSON has it, with its bytes moved to ``payloads`` and their length in their place."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes):
        payloads.append(value)
        return {_BYTES: len(value)}
    if isinstance(value, (tuple, list)):
        items: Any = value  # pyright: ignore[reportUnknownVariableType] - a cast is a call
        return [item if type(item) in _PLAIN else _packed(item, payloads) for item in items]
    if isinstance(value, (dict, Mapping)):
        pairs: Any = value  # pyright: ignore[reportUnknownVariableType]
        return {
            "m": {str(key): item if type(item) in _PLAIN else _packed(item, payloads) for key, item in pairs.items()}
        }
    return value


def _type_name(value: object) -> str:
    return type(value).__qualname__


_write: Final = json.JSONEncoder(separators=(",", ":"), default=_type_name).encode


class EventDecoder:
    """Decodes events. Those of one span share one span object for as long as it is referenced."""

    def __init__(self) -> None:
        self.made: WeakSet[Span] = WeakSet()  # decoded spans, as opposed to spans of this program
        self._known: WeakValueDictionary[tuple[int | str, int | str], Span] = WeakValueDictionary()

    def know(self, event: SpanEvent) -> None:
        """Remember the span of an event that was just encoded: decoding the event yields this very span."""
        phase, span, _ = event
        if phase not in (Phase.UPDATE, Phase.SCORE):
            self._known[span.trace.id, span.id] = span

    def event(self, frozen: bytes) -> SpanEvent:
        """Decode an event.

        Raises:
            ValueError, KeyError, TypeError: the bytes are invalid.
        """
        head = unpack(frozen)
        span = self._known.get((head["trace"]["id"], head["id"])) or self._span(head)
        if span in self.made:  # otherwise the span is alive in this process and complete
            for name, value in head["span"].items():
                setattr(span, name, value)
        event = Phase(head["phase"]), span, head["fields"]
        self.know(event)
        return event

    def _span(self, head: dict[str, Any]) -> Span:
        """Return a new span with the fields of its start, below its parent or a placeholder for it."""
        given = head["trace"]
        trace = TraceInfo(given["id"], "", None)
        for name in _OF_TRACE:
            setattr(trace, name, given.get(name))
        trace.remote = None if given["remote"] is None else Remote(*given["remote"])
        parent = None
        if head["parent"] is not None:
            identifier, kind = head["parent"]
            parent = self._known.get((trace.id, identifier)) or placeholder(trace, kind, identifier)
        span = placeholder(trace, head["kind"], head["id"], parent)
        self.made.add(span)
        return span


def _unpacker(payloads: bytes) -> Callable[[Any], Any]:
    """Return a function that undoes :func:`_packed`; it takes the payloads one after the other."""
    at = 0

    def take(value: Any) -> Any:
        nonlocal at
        if isinstance(value, list):
            return tuple(map(take, cast("Any", value)))
        if not isinstance(value, dict):
            return value
        if _BYTES not in value:
            return {key: take(item) for key, item in cast("dict[str, dict[str, Any]]", value)["m"].items()}
        length = int(cast("dict[str, Any]", value)[_BYTES])
        at += length
        if at > len(payloads):
            raise ValueError("a payload is missing")
        return payloads[at - length : at]

    return take
