"""The protobuf form of spans that hold nothing but a name, times and payloads, as most do.

What such spans of one function have in common is encoded once and kept as a template; a span then adds its ids, times
and payloads. The bytes are those of :func:`voltagent.wire.otlp.encode.span_message`, at a tenth of the cost.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from voltagent.core import trace_ids
from voltagent.core.span import COMPLETED, MODEL_CALLS, OPERATION_KINDS, TRACE, SharedFacts, Span
from voltagent.core.text import replace_surrogates
from voltagent.wire.otlp import protobuf
from voltagent.wire.otlp.attributes import OF_MESSAGES, OF_PAYLOADS, WORDS
from voltagent.wire.otlp.attributes.word import Word
from voltagent.wire.otlp.encode import attribute_message, span_message
from voltagent.wire.otlp.profiles import SpanPlan
from voltagent.wire.otlp.span_view import Facts

_KINDS: Final = frozenset((TRACE, *OPERATION_KINDS))
_MOST: Final = 2048  # templates; beyond it, all are made again
_IDS: Final = b"\n\x10%b\x12\x08%b"  # trace id (field 1) and span id (field 2)
_PARENT: Final = b"\n\x10%b\x12\x08%b\x22\x08%b"  # and that of the parent (field 4)
_TIMES: Final = struct.Struct("<cQcQ")  # start and end (fields 7 and 8), fixed64
_START_TAG: Final = b"\x39"
_END_TAG: Final = b"\x41"
_ATTRIBUTE_TAG: Final = b"\x4a"
_LAST_MOMENT: Final = 2**64 - 1
_PAYLOAD_WORDS: Final = frozenset(WORDS[name] for name in OF_PAYLOADS)
_MESSAGE_WORDS: Final = frozenset(WORDS[name] for name in OF_MESSAGES)


class _PayloadAttribute(NamedTuple):
    """An attribute that depends on the payloads of a span."""

    before: bytes  # the attributes before it
    name: str
    key: bytes  # the name as the field `key` of the attribute
    word: Word


class _Template(NamedTuple):
    """What spans have in common."""

    head: bytes  # name and kind
    slots: tuple[_PayloadAttribute, ...]
    tail: bytes  # the other attributes, and the status
    facts: SharedFacts | None  # kept alive, as its `id` is in the key


class PlainSpans:
    """Encodes plain spans with templates.

    Args:
        plans: what to say of each kind of span.
    """

    def __init__(self, plans: Mapping[str, SpanPlan]) -> None:
        self._plans = plans
        self._templates: dict[Any, _Template] = {}

    def encoded(self, span: Span) -> bytes | None:
        """Return an ended span as a protobuf message; ``None`` if there is more to it than a template can have.

        This is one function because it runs for each span: on the sender's thread, calls are what sending costs.
        """
        trace, parent, kind = span.trace, span.parent, span.kind
        facts: Any = span.facts
        start, end = span.start_ns, span.end_ns
        if (
            span.status != COMPLETED
            or end is None
            or not 0 <= start <= end <= _LAST_MOMENT
            or span.metadata is not None
            or span.more_metadata
            or span.tags is not None
            or span.more_tags
            or span.usage is not None
            or span.error is not None
            or span.model is not None
            or (facts is not None and type(facts) is not SharedFacts)
            or kind not in _KINDS
            or type(trace.id) is not int
            or type(span.id) is not int
            or trace.remote is not None
            or trace.parent_trace_id is not None
            or trace.completion_start is not None
            or trace.version is not None
            or trace.level is not None
        ):
            return None
        key = (
            kind, span.name, span.operation, span.agent_id, trace.agent_id, trace.user_id, trace.conversation_id,
            id(facts),
        )  # fmt: skip
        template = self._templates.get(key)
        shown = Facts(span)
        shown.metadata = _NOTHING
        if template is None:
            template = self._templates[key] = self._template(shown, facts)
        identifier = trace_ids.id_bytes(span.id)
        trace_id = trace_ids.id_bytes(trace.id)
        if parent is None:
            parts = [_IDS % (trace_id, identifier[8:])]
        elif type(parent.id) is int:
            parts = [_PARENT % (trace_id, identifier[8:], trace_ids.id_bytes(parent.id)[8:])]
        else:
            return None
        parts += (template.head, _TIMES.pack(_START_TAG, start, _END_TAG, end))
        small, many, varint = protobuf.SMALL, protobuf.MANY, protobuf.varint
        for before, name, named, word in template.slots:
            parts.append(before)
            value = word(shown)
            if value is None:
                continue
            if type(value) is not str:
                parts += _attributes(name, value)
                continue
            text = (value if value.isascii() else replace_surrogates(value)).encode()
            size = len(text)
            value_head = b"\n" + (small[size] if size < many else varint(size))
            size += len(value_head)
            length = small[size] if size < many else varint(size)
            size += len(named) + 1 + len(length)
            parts += (
                _ATTRIBUTE_TAG, small[size] if size < many else varint(size), named, b"\x12", length, value_head, text,
            )  # fmt: skip
        parts.append(template.tail)
        return b"".join(parts)

    def _template(self, shown: Facts, facts: SharedFacts | None) -> _Template:
        """Return what all plain spans of a function share, with places for their payloads; made once."""
        if len(self._templates) >= _MOST:
            self._templates.clear()
        plan = self._plans[shown.kind]
        # a message without the words of payloads gives name, kind and status in the one form that there is
        bare = span_message(shown, SpanPlan(plan.title, plan.client, {}, ()))
        head = protobuf.encoded({name: bare[name] for name in ("name", "kind")}, protobuf.SPAN)
        slots: list[_PayloadAttribute] = []
        before = b"".join(piece for name, value in plan.constants.items() for piece in _attributes(name, value))
        varying = _PAYLOAD_WORDS | _MESSAGE_WORDS if shown.kind in MODEL_CALLS else _PAYLOAD_WORDS
        for name, word in plan.words:
            if word in varying:
                key = name.encode()
                slots.append(_PayloadAttribute(before, name, b"\n" + protobuf.varint(len(key)) + key, word))
                before = b""
            else:
                value = word(shown)
                before += b"" if value is None else b"".join(_attributes(name, value))
        status = protobuf.encoded({"status": bare["status"]}, protobuf.SPAN) if "status" in bare else b""
        return _Template(head, tuple(slots), before + status, facts)


_NOTHING: Final[dict[str, Any]] = {}


def _attributes(name: str, value: Any) -> list[bytes]:
    """Return an attribute, or one for each part of a dictionary, as fields of a span."""
    named: dict[str, Any] = {name: value}
    if type(value) is dict:
        named = {f"{name}.{part}": one for part, one in cast("dict[str, Any]", value).items()}
    messages = [attribute_message(key, one) for key, one in named.items()]
    return [protobuf.encoded({"attributes": messages}, protobuf.SPAN)]
