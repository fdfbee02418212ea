"""Secrets out of JSON text, on the sender's thread, before anything is sent or stored.

A payload without a secret costs one search over its bytes and stays the very same object. Only where that search finds
something is the text parsed, gone through value by value, and written again.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any, Final, cast

from pydantic_core import from_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.snapshot import Snapshot
from voltagent.core.context import CURRENT, INERT
from voltagent.core.guard import Guard
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, TRACE, Event, Phase, Span
from voltagent.core.text import encoded
from voltagent.errors import ValidationError
from voltagent.processors.secret_prefilter import Names, detector, is_suspect, without_secrets

__all__ = ["Redactor"]

_FAILED: Final = "[redaction failed]"  # in the place of what a hook or a pattern failed on
_NESTED: Final = 3  # JSON in text in JSON in text
_snapshot: Final = Snapshot()


class _Redacted(bytes):
    """JSON text that has been through :meth:`Redactor.process`: the lane of another destination leaves it alone."""

    __slots__ = ()


class Redactor:
    """Takes secrets out of what is recorded.

    On by default: values under key names such as ``password``, ``api_key`` or ``client_secret``, and what looks like a
    key, a token, a private key or a URL with a password (the list is in docs/capture.md).

    ``keys`` are further key names: a key is secret if it is one of them or ends with one as a word of its own; case,
    humps, dashes, underscores and dots do not count. ``patterns`` are further regular expressions: what they match in a
    text is replaced. ``hook`` is called with the path and the value of every value inside a payload, outermost first,
    and gives the value to record. A path is like ``"input.user.name"`` or ``"output.items.0"``. It sees what the other
    rules left over; where it raises, the value is not recorded.

    Raises:
        ValidationError: an argument is not of these kinds, or a pattern is no regular expression.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        hook: Callable[[str, object], object] | None = None,
    ) -> None:
        self._names = Names(_texts(keys))
        self._patterns = tuple(_compiled(pattern) for pattern in _each(patterns))
        if hook is not None and not callable(hook):
            raise ValidationError(f"redact: the hook must be callable, not {type(hook).__name__}")
        self._hook = hook
        self._detector = detector(self._names.own if self._names.plain else ())
        self._always = bool(hook is not None or self._patterns or not self._names.plain)

    @classmethod
    def of(cls, what: str, given: Any) -> Redactor:
        """The redactor that an option gives: one, a hook, or a list of key names and compiled patterns.

        Raises:
            ValidationError: it is none of these; the text names ``what``.
        """
        if isinstance(given, Redactor):
            return given
        if callable(given):
            return cls(hook=given)
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            kind = type(given).__name__
            raise ValidationError(f"{what} must be a list of key names, a function or a Redactor, not {kind}")
        items = list(given)
        keys = [item for item in items if isinstance(item, str)]
        patterns = [item for item in items if isinstance(item, re.Pattern)]
        if len(keys) + len(patterns) < len(items):
            raise ValidationError(f"{what} must hold key names and compiled patterns only")
        return cls(keys, patterns)

    def apply(self, text: bytes, path: str = "") -> bytes:
        """The JSON text without secrets: the same object where there is none.

        ``path`` is what the paths that the hook is given begin with. A text that cannot be gone through is replaced as
        a whole, never passed on.
        """
        if not self._always and not is_suspect(text, self._detector):
            return text
        try:
            value = from_json(text, cache_strings="none")
            found = self._inside(value, path, _NESTED) if type(value) in (dict, list) else self._value(value, path)
            return text if found is value else encoded(found)
        except Exception:  # no JSON, or nested too deep: it may hold a secret all the same
            return encoded({"error": _FAILED})

    def text(self, value: str) -> str:
        """:meth:`apply` for a text that is no payload, such as a tag. The hook is not asked."""
        return self._text(value) if self._always or is_suspect(encoded(value), self._detector) else value

    def process(self, event: Event) -> Event | None:
        """Redact what an event sends, in place and once, with the redactor of its span as well.

        Each phase redacts what it is the first to send.
        """
        phase, span, fields = event
        own = cast("Redactor | None", span.redact)
        redactors = (self,) if own is None or own is self else (self, own)
        try:
            if phase is Phase.UPDATE:
                return phase, span, {name: _field(name, value, redactors) for name, value in (fields or {}).items()}
            if phase is Phase.END:
                _redact_end(span, redactors)
            else:
                _redact_start(span, redactors)
        except Exception as fault:  # a fault of ours: the event must not go out as it is
            Guard.swallowed(fault)
            return None
        return event

    # -------------------------------------------------------------------------------------------------------- values
    # Each of these gives the same object back where nothing was taken out. A path of None means that the hook is not
    # asked: inside of a text, which is one value to it.

    def _value(self, value: Any, path: str | None, nested: int = _NESTED) -> Any:
        if type(value) is str:
            value = self._text(value, nested)
        if self._hook is not None and path is not None:
            value = _hooked(self._hook, path, value)
        return self._inside(value, path, nested)

    def _inside(self, value: Any, path: str | None, nested: int) -> Any:
        if type(value) is dict:
            return self._dict(cast(dict[str, Any], value), path, nested)
        if type(value) is list:
            found = [self._value(item, _below(path, number), nested) for number, item in enumerate(value)]
            return value if all(map(is_, found, value)) else found
        return value

    def _dict(self, value: dict[str, Any], path: str | None, nested: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            is_secret = key in self._names and not _tells_nothing(item)
            name = self._text(key, 0)
            while name in found:  # two keys that were secrets
                name += " "
            found[name] = SECRET_TEXT if is_secret else self._value(item, _below(path, key), nested)
        same = all(map(is_, found, value)) and all(map(is_, found.values(), value.values()))
        return value if same else found

    def _text(self, value: str, nested: int = _NESTED) -> str:
        inside = self._json_text(value, nested) if nested > 0 and value[:1] in ("{", "[") else None
        if inside is not None:
            value = inside
        elif is_suspect(value.encode("utf-8", "replace"), self._detector):
            value = without_secrets(value)
        for pattern in self._patterns:
            value = pattern.sub(SECRET_TEXT, value)
        return value

    def _json_text(self, value: str, nested: int) -> str | None:
        """A text that is JSON itself, such as the arguments of a tool call as models write them; ``None`` if not."""
        try:
            inner = from_json(value, cache_strings="none")
        except ValueError:
            return None
        found = self._inside(inner, None, nested - 1)
        return value if found is inner else encoded(found).decode()


def _hooked(hook: Callable[[str, object], object], path: str, value: Any) -> Any:
    before = CURRENT.get()
    CURRENT.set(INERT)  # what the hook calls must not record: its events would come here again
    try:
        found = hook(path, value)
    except KeyboardInterrupt:
        raise  # at exit this may be the main thread, and it is the user's Ctrl-C
    except BaseException:  # not even a SystemExit may end the sender's thread
        return _FAILED
    finally:
        CURRENT.set(before)
    return found if found is value or type(found) is str else from_json(_snapshot.encode(found))


def _tells_nothing(value: Any) -> bool:
    return value is None or type(value) is bool or value == ""


def _below(path: str | None, step: str | int) -> str | None:
    return path if path is None else f"{path}.{step}" if path else str(step)


# -------------------------------------------------------------------------------------------------------------- events


_OF_TRACE: Final = ("agent_id", "user_id", "conversation_id", "version")
_KINDS: Final = (TRACE, AGENT, TOOL, MEMORY, RETRIEVER, LLM)


def _redact_start(span: Span, redactors: tuple[Redactor, ...]) -> None:
    span.name = _redacted_text(span.name, redactors)
    span.agent_id = _redacted_text(span.agent_id, redactors)
    if span.input is not None:
        span.input = _redacted(span.input, "input", redactors)
    if span.metadata is not None:
        span.metadata = _redacted(span.metadata, "metadata", redactors)
    if span.tags is not None:
        span.tags = tuple(_redacted_text(tag, redactors) for tag in span.tags)
    for name, value in (span.facts or {}).items():
        cast(dict[str, Any], span.facts)[name] = _field(name, value, redactors)
    if span.kind == TRACE:
        for name in _OF_TRACE:
            value = getattr(span.trace, name)
            if value is not None:
                setattr(span.trace, name, _redacted_text(value, redactors))
    elif span.kind not in _KINDS:
        span.kind = _redacted_text(span.kind, redactors)


def _redact_end(span: Span, redactors: tuple[Redactor, ...]) -> None:
    if span.output is not None:
        span.output = _redacted(span.output, "output", redactors)
    if span.more_metadata:
        span.more_metadata = tuple(_redacted(text, "metadata", redactors) for text in span.more_metadata)
    if span.more_tags:
        span.more_tags = tuple(_redacted_text(tag, redactors) for tag in span.more_tags)
    if span.usage is not None:
        text = encoded(span.usage)
        redacted = _redacted(text, "usage", redactors)
        span.usage = span.usage if redacted == text else from_json(redacted)
    if isinstance(span.error, bytes):
        span.error = _redacted(span.error, "error", redactors)


def _field(name: str, value: Any, redactors: tuple[Redactor, ...]) -> Any:
    if name == "parent_event_id":  # an id has to be found again
        return value
    if isinstance(value, bytes):
        return _redacted(value, "error" if name == "status_message" else name, redactors)
    return _redacted_text(value, redactors) if type(value) is str else value


def _redacted(text: bytes, path: str, redactors: tuple[Redactor, ...]) -> bytes:
    if type(text) is _Redacted:
        return text
    found = text
    for redactor in redactors:
        found = redactor.apply(found, path)
    # A text that no rule touched is searched again next time, to the same end; a hook must not see its own result.
    return text if found is text else _Redacted(found)


def _redacted_text(text: str, redactors: tuple[Redactor, ...]) -> str:
    for redactor in redactors:
        text = redactor.text(text)
    return text


# ----------------------------------------------------------------------------------------------------------- arguments


def _each(given: Iterable[Any]) -> tuple[Any, ...]:
    return (given,) if isinstance(given, (str, re.Pattern)) else tuple(given)


def _texts(keys: Iterable[str]) -> tuple[str, ...]:
    found = _each(keys)
    for key in found:
        if not isinstance(key, str):
            raise ValidationError(f"redact: a key name must be a text, not {type(key).__name__}")
    return found


def _compiled(pattern: object) -> re.Pattern[str]:
    if isinstance(pattern, str):
        try:
            return re.compile(pattern)
        except re.error as fault:
            raise ValidationError(f"redact: {pattern!r} is not a regular expression: {fault}") from None
    if isinstance(pattern, re.Pattern) and isinstance(cast(Any, pattern).pattern, str):
        return cast("re.Pattern[str]", pattern)
    raise ValidationError(f"redact: a pattern must be a text or a compiled one for text, not {type(pattern).__name__}")
