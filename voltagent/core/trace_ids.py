"""One id for both wires: the ids of W3C trace context and OTLP, made from ours.

A trace id is 32 lower-case hex digits, a span id 16, and neither may be all zeros (W3C Trace Context, section 3.2.2).
A UUID has 32 digits, so a trace keeps its own; a span gets the last 16 of its UUID. Other ids are hashed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import Final

from voltagent.core.clock import id_text
from voltagent.core.span import Remote, Span

_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SPAN: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
# The last 16 digits of these versions name the machine, so they are the same for one id after another.
_BY_MACHINE: Final = frozenset("126")
text: Final = id_text  # an id as its maker and the other destinations know it
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16


@lru_cache(maxsize=1024)  # all spans of a trace ask for the same one
def trace_id(identifier: int | str) -> str:
    """Return the 32 hex digits for a trace's id: those of the UUID, else of a SHA-256 of the text."""
    digits = _digits(identifier)
    return digits if digits is not None and digits != _NO_TRACE else _hashed(identifier, 32)


@lru_cache(maxsize=1024)  # and many for the same parent
def span_id(identifier: int | str) -> str:
    """Return the 16 hex digits for the id of an operation or, for its root span, of a trace."""
    if isinstance(identifier, str) and _SPAN.fullmatch(identifier) and identifier != _NO_SPAN:
        return identifier  # of another program, which has no other id for it
    digits = _digits(identifier)
    if digits is None or digits[16:] == _NO_SPAN or (isinstance(identifier, str) and digits[12] in _BY_MACHINE):
        return _hashed(identifier, 16)
    return digits[16:]


@lru_cache(maxsize=4096)  # a trace's comes again with each of its spans, and a parent's with each of its children
def id_bytes(identifier: int) -> bytes:
    """Return the 16 bytes of an id of ours: those of a trace, of which a span has the last 8."""
    return bytes.fromhex(trace_id(identifier))


def uuid_text(digits: str) -> str:
    """Return the text of a trace's id from its 32 hex digits: what :func:`trace_id` got, unless that was hashed."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_hashed(identifier: int | str) -> bool:
    """Return whether the id cannot be read off the two above, so that a span has to say it."""
    digits = _digits(identifier)
    return digits is None or digits == _NO_TRACE or span_id(identifier) != digits[16:]


def context_of(span: Span) -> Remote:
    """Return a span as other processes and backends know it: in the trace that it continues, where it continues one."""
    trace = span.trace
    remote = trace.remote
    sampled = trace.tail_buffer is None or trace.tail_buffer.kept
    if remote is None:
        return Remote(trace_id(trace.id), span_id(span.id), sampled)
    return Remote(remote.trace_id, span_id(span.id), sampled, remote.state, remote.random)


def _digits(identifier: int | str) -> str | None:
    if isinstance(identifier, int):
        return id_text(identifier).replace("-", "")
    return identifier.replace("-", "").lower() if _UUID.fullmatch(identifier) else None


def _hashed(identifier: int | str, length: int) -> str:
    return sha256(id_text(identifier).encode("utf-8", "surrogatepass")).hexdigest()[:length]
