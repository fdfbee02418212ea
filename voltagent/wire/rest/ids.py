"""Ids on the wire of the REST history API: in paths, and of the event with which an operation ends."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from voltagent.core.clock import id_text
from voltagent.core.span import Span

# Our id of a trace, operation or event -> the text the server knows it by.
IdFormat = Callable[["int | str"], str]
_END_MASK: Final = 0x9E3779B97F4A7C15F39CC0605CEDC834  # any constant does: it maps ids to other ids, one to one


def path_segment(identifier: str) -> str:
    """Return an id as one segment of a path, whatever it contains (RFC 3986, sections 2.1 and 3.3)."""
    # a segment of dots is percent-encoded too: clients and proxies resolve it as "here" and "up"
    return quote(identifier, safe="") if identifier.strip(".") else identifier.replace(".", "%2E")


def end_id(span: Span) -> str:
    """Return the id of an operation's success or error event: always the same, so that a retry repeats it."""
    if isinstance(span.id, int):
        return id_text(span.id ^ _END_MASK)
    return id_text(int.from_bytes(sha256(b"end:" + span.id.encode("utf-8", "replace")).digest()[:16], "big"))


def end_span_id(digits: str) -> str:
    """Return the 16 hex digits of :func:`end_id`, from those of the operation's own id if that is one of ours."""
    return id_text(int(digits, 16) ^ _END_MASK)[19:].replace("-", "")
