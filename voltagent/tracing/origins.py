"""What a new trace takes from outside: the span that it continues, user, conversation and tags, a start in the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltagent.capture.option_values import bounded_tags
from voltagent.core.json_objects import join_objects
from voltagent.core.span import Remote, Span, TraceInfo

if TYPE_CHECKING:
    from voltagent.core.context import Propagated

_CLOCK_ERROR: Final = 1_000_000_000  # ns; a start further in the future than this is marked
_FUTURE: Final = b'{"start_in_future":true}'


def set_start(span: Span, start_ns: int) -> None:
    """Set the start of a trace, and mark it in the metadata if it is in the future."""
    if start_ns > span.start_ns + _CLOCK_ERROR:
        span.metadata = join_objects((span.metadata, _FUTURE))
    span.start_ns = start_ns


def connect(trace: TraceInfo, above: Span | None, remote: Remote | None) -> None:
    """Connect a trace with the one that it continues, or was started in."""
    if remote is not None:
        trace.remote = remote
        trace.parent_trace_id = int(remote.trace_id, 16)
    elif above is not None:
        trace.parent_trace_id = above.trace.id
    if above is not None:
        trace.withheld = above.trace.withheld


def add_inherited(
    about: dict[str, str | None],
    tags: tuple[str, ...] | None,
    propagated: Propagated | None,
    remote: Remote | None,
    accepted: tuple[str, ...],
) -> tuple[str, ...] | None:
    """Add user and conversation if they are missing, and tags, from the block around and the caller's baggage."""
    sources = [] if propagated is None else [propagated]
    if remote is not None and remote.baggage and accepted:
        from voltagent.propagation import propagated_by  # with re, which most programs never need

        sources.append(propagated_by(remote.baggage, accepted))
    for source in sources:
        about["user_id"] = about.get("user_id") or source.user_id
        about["conversation_id"] = about.get("conversation_id") or source.conversation_id
        if source.tags:
            tags = bounded_tags((*(tags or ()), *source.tags))
    return tags
