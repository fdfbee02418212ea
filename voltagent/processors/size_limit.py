"""Keep each event within 1 MiB, on the sender's thread, after redaction, which can make a payload longer.

A snapshot is bounded by itself, but an event has several: input or output, metadata of the start and of the end, an
error, instructions. If they are too large together, the largest are cut, and marked as everything that is cut. If an
exporter sends an end together with its start, it passes the space that both have.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final, cast

from voltagent.capture.pieces import decode
from voltagent.capture.snapshot import METADATA_LIMIT, Snapshot
from voltagent.core.span import Phase, Span, SpanEvent, SpanFacts, is_shared
from voltagent.core.text import encoded

MOST: Final = 1 << 20  # bytes of one event
_FRAME: Final = 64 * 1024  # for what a wire writes around the payloads: ids, names, times
_SLACK: Final = 1024  # by which a snapshot may miss its limit
_LEAST: Final = 2048  # bytes that stay of anything
_SMALL: Final = MOST - _FRAME  # a payload that fits whole, if it is alone

_INPUT: Final = "input"
_OUTPUT: Final = "output"
_ERROR: Final = "error"
_snapshot: Final = Snapshot()


def fit_event(event: SpanEvent) -> SpanEvent:
    """Cut the payloads of an event in place, once, so that it sends at most 1 MiB."""
    phase, span, fields = event
    if phase is Phase.UPDATE:
        return phase, span, _fitted_update(fields or {})
    if phase is Phase.END:
        _fit_end(span)
    elif phase is not Phase.SCORE:  # a score is short by itself
        _fit_start(span)
    return event


def _fitted_update(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    texts = {name: value for name, value in fields.items() if isinstance(value, bytes) and name != "tags"}
    return {**fields, **texts} if _fit(texts, MOST - _FRAME - len(fields.get("tags", b""))) else fields


def _is_one_payload(span: Span, payload: bytes | None) -> bool:
    """Return whether an event has a single payload, as most have, and fits whole."""
    facts = span.facts is None or is_shared(span.facts)
    return facts and span.metadata is None and span.tags is None and (not payload or len(payload) < _SMALL)


def _fit_start(span: Span) -> None:
    """Cut what a start sends to the limit of an event."""
    if _is_one_payload(span, span.input):
        return
    if span.metadata is not None:  # the end sends it again, and needs space for more
        span.metadata = _cut(span.metadata, METADATA_LIMIT + _SLACK)
    facts = span.facts or {}
    parts: dict[Any, bytes] = {name: value for name, value in facts.items() if isinstance(value, bytes)}
    parts[_INPUT] = span.input or b""
    if _fit(parts, MOST - _FRAME - _fixed(span)):
        span.input = parts.pop(_INPUT) or None
        span.facts = cast("SpanFacts", {**facts, **parts})


def _fit_end(span: Span) -> None:
    """Cut what an end sends to the limit of an event."""
    more = span.error or span.usage or span.more_metadata or span.more_tags
    if not more and _is_one_payload(span, span.output):
        return
    parts: dict[Any, bytes] = dict(enumerate(span.more_metadata))
    parts[_OUTPUT] = span.output or b""
    parts[_ERROR] = span.error if isinstance(span.error, bytes) else b""
    usage = 0 if span.usage is None else len(encoded(span.usage))
    if _fit(parts, MOST - _FRAME - _fixed(span) - usage):
        span.output = parts.pop(_OUTPUT) or None
        span.error = parts.pop(_ERROR) or span.error
        span.more_metadata = tuple(parts.values())


def weight(span: Span, updates: Mapping[str, Any]) -> int:
    """Count the bytes of all payloads of a span, start and end, with its updates."""
    return sum(map(len, _payloads(span, updates).values()))


def fit_span(span: Span, updates: Mapping[str, Any], space: int) -> tuple[Span, Mapping[str, Any]]:
    """Copy a span and its updates, with payloads of about ``space`` bytes at most."""
    parts = _payloads(span, updates)
    _fit(parts, space)
    cut = copy.copy(span)
    for name in _PAYLOADS:
        setattr(cut, name, parts.get((name,), getattr(span, name)))
    cut.more_metadata = tuple(parts["more", place] for place in range(len(span.more_metadata)))
    facts = {name[1]: text for name, text in parts.items() if name[0] == "fact"}
    cut.facts = cast("SpanFacts", {**(span.facts or {}), **facts})
    return cut, {**updates, **{name[1]: text for name, text in parts.items() if name[0] == "update"}}


_PAYLOADS: Final = ("input", "output", "metadata", "error")


def _payloads(span: Span, updates: Mapping[str, Any]) -> dict[Any, bytes]:
    """List the JSON texts of a span, each under its place."""
    found: dict[Any, Any] = {(name,): getattr(span, name) for name in _PAYLOADS}
    found |= {("more", place): text for place, text in enumerate(span.more_metadata)}
    found |= {("fact", name): value for name, value in (span.facts or {}).items()}
    found |= {("update", name): value for name, value in updates.items() if name != "tags"}
    return {place: value for place, value in found.items() if isinstance(value, bytes)}


def _fixed(span: Span) -> int:
    """Count the bytes that the start of a span sends beside its payload, and its end repeats."""
    instructions: Any = (span.facts or {}).get("instructions")
    tags = (*(span.tags or ()), *span.more_tags)
    return (
        len(span.metadata or b"")
        + (len(encoded(instructions)) if instructions else 0)
        + (len(encoded(tags)) if tags else 0)
    )


def _fit(parts: dict[Any, bytes], space: int) -> bool:
    """Cut the largest of these JSON texts until all fit together; return whether that was necessary."""
    excess = sum(map(len, parts.values())) - space
    if excess <= 0:
        return False
    while excess > 0:
        name = max(parts, key=lambda one: len(parts[one]))
        before = len(parts[name])
        parts[name] = _cut(parts[name], max(_LEAST, before - excess))
        if len(parts[name]) >= before:
            break  # all are as small as can be
        excess -= before - len(parts[name])
    return True


def _cut(text: bytes, limit: int) -> bytes:
    """Cut a JSON text to a limit in bytes; the class stays, so that a redacted text is still recognised."""
    if len(text) <= limit:
        return text
    return type(text)(_snapshot.encode(decode(text), max(_LEAST, limit) - _SLACK))
