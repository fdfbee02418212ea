"""Redact what the events of a span send: its payloads, names and tags, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_core import from_json

from voltagent.core.span import TRACE, Span, is_custom_event
from voltagent.core.text import encoded
from voltagent.processors.secrets.found import Found

if TYPE_CHECKING:
    from voltagent.processors.redaction import Redactor

_OF_TRACE: Final = ("agent_id", "user_id", "conversation_id", "version")


class Redacted(bytes):
    """JSON text that a redactor has processed: another destination, or a retry, leaves it alone."""

    __slots__ = ()


class _RedactedUsage(dict[str, Any]):
    """The same for the usage of a span."""

    __slots__ = ()


def redact_start(span: Span, redactors: tuple[Redactor, ...], found: Found) -> None:
    """Redact what the start of a span sends."""
    span.name = _redacted_text(span.name, redactors, found)
    span.agent_id = _redacted_text(span.agent_id, redactors, found)
    if span.input is not None:
        span.input = _redacted(span.input, "input", redactors, found)
    if span.metadata is not None:
        span.metadata = _redacted(span.metadata, "metadata", redactors, found)
    if span.tags is not None:
        span.tags = tuple(_redacted_text(tag, redactors, found) for tag in span.tags)
    for name, value in (span.facts or {}).items():
        cast(dict[str, Any], span.facts)[name] = redact_field(name, value, redactors, found)
    if span.kind == TRACE:
        for name in _OF_TRACE:
            value = getattr(span.trace, name)
            if value is not None:
                setattr(span.trace, name, _redacted_text(value, redactors, found))
    elif is_custom_event(span.kind):
        span.kind = _redacted_text(span.kind, redactors, found)


def redact_end(span: Span, redactors: tuple[Redactor, ...], found: Found) -> None:
    """Redact what the end of a span adds."""
    if span.output is not None:
        span.output = _redacted(span.output, "output", redactors, found)
    if span.more_metadata:
        span.more_metadata = tuple(_redacted(text, "metadata", redactors, found) for text in span.more_metadata)
    if span.more_tags:
        span.more_tags = tuple(_redacted_text(tag, redactors, found) for tag in span.more_tags)
    if span.usage is not None and type(span.usage) is not _RedactedUsage:
        text = encoded(span.usage)
        redacted = _redacted(text, "usage", redactors, found)
        if redacted != text:
            usage: Any = from_json(redacted)
            span.usage = _RedactedUsage(cast(dict[str, Any], usage)) if type(usage) is dict else usage
    if isinstance(span.error, bytes):
        span.error = _redacted(span.error, "error", redactors, found)


def redact_field(name: str, value: Any, redactors: tuple[Redactor, ...], found: Found) -> Any:
    """Redact one field of an update."""
    if name == "parent_event_id":  # an id has to be found again
        return value
    if isinstance(value, bytes):
        return _redacted(value, "error" if name == "status_message" else name, redactors, found)
    return _redacted_text(value, redactors, found) if type(value) is str else value


def _redacted(text: bytes, path: str, redactors: tuple[Redactor, ...], found: Found) -> bytes:
    if type(text) is Redacted:
        return text
    result = text
    for redactor in redactors:
        result = redactor.apply(result, path, found)
    # A text that no rule touched is searched again next time, to the same end; a hook must not see its own result.
    return text if result is text else Redacted(result)


def _redacted_text(text: str, redactors: tuple[Redactor, ...], found: Found) -> str:
    for redactor in redactors:
        if text not in redactor.clean:
            text = redactor.text(text)
    return found.without_repetitions(text) if found.secrets else text
