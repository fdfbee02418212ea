"""The headers ``traceparent`` and ``tracestate``, parsed and formatted, as pure functions.

Format and rules: W3C Trace Context, https://www.w3.org/TR/trace-context-1/ (Recommendation of 2021-11-23), and two
additions of level 2 (https://www.w3.org/TR/trace-context-2/, a draft): the flag of a random trace id, and more keys in
a ``tracestate``. Malformed and too long headers are ignored, as specified.
"""

from __future__ import annotations

import re
from typing import Final

from voltagent.core.span import Remote

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^\r\n]*)?")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_SAMPLED: Final = 1
_RANDOM: Final = 2

_KEY: Final = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
_VALUE: Final = r"[ -+\--<>-~]{0,255}[!-+\--<>-~]"  # printable ASCII without comma and equals sign, no space at the end
_MEMBER: Final = re.compile(f"({_KEY})=({_VALUE})")
_MOST_MEMBERS: Final = 32
_MOST_CHARACTERS: Final = 512  # characters to pass on; beyond that, long members are dropped first, then the last ones
_LONG_MEMBER: Final = 128
_HUGE: Final = 8192  # characters; a longer header is ignored


def parse(parent: str, state: str = "", baggage: str = "") -> Remote | None:
    """Parse a ``traceparent`` and its ``tracestate``; ``None`` if the former is invalid.

    Future versions are parsed as far as they are compatible, as the specification requires.

    Args:
        parent: the header ``traceparent``.
        state: the header ``tracestate``. An invalid one is dropped, and the parent kept.
        baggage: the header ``baggage``, which is kept as it is.
    """
    found = _TRACEPARENT.fullmatch(parent.strip(" \t")) if len(parent) <= _HUGE else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    bits = int(flags, 16) & (_SAMPLED | _RANDOM if version == "00" else _SAMPLED)
    known = baggage if len(baggage) <= _HUGE else ""
    return Remote(trace_id, span_id, bool(bits & _SAMPLED), _checked_state(state), bool(bits & _RANDOM), known)


def traceparent(context: Remote) -> str:
    """Format the ``traceparent`` header, version 00."""
    flags = _SAMPLED * context.sampled | _RANDOM * context.random
    return f"00-{context.trace_id}-{context.span_id}-{flags:02x}"


def _checked_state(text: str) -> str:
    """Return the members of a ``tracestate`` to pass on; empty if it is invalid."""
    if len(text) > _HUGE:
        return ""
    members: dict[str, str] = {}
    for part in text.split(","):
        member = part.strip(" \t")
        found = _MEMBER.fullmatch(member)
        if found is not None:
            members.setdefault(found[1], member)
        elif member:
            return ""
    return _shortened(list(members.values())) if len(members) <= _MOST_MEMBERS else ""


def _shortened(members: list[str]) -> str:
    """Drop members of ``tracestate`` until it fits, long ones first, as the specification advises."""
    for number in range(len(members) - 1, -1, -1):
        if _length(members) <= _MOST_CHARACTERS:
            break
        if len(members[number]) > _LONG_MEMBER:
            del members[number]
    while _length(members) > _MOST_CHARACTERS:
        members.pop()
    return ",".join(members)


def _length(members: list[str]) -> int:
    return sum(map(len, members)) + len(members) - 1
