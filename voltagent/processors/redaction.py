"""Redact secrets in JSON text, on the sender's thread, before anything is sent or stored.

A payload without a secret costs a few searches over its bytes and stays the same object. Only if those find something
is it decoded, searched value by value, and encoded again.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from voltagent.capture.pieces import LARGE, decode, encode, release
from voltagent.core.guard import Guard, pass_on_interrupt
from voltagent.core.span import Phase, Span, SpanEvent
from voltagent.core.text import encoded, replace_surrogates, type_within
from voltagent.errors import ValidationError
from voltagent.processors.clean_payloads import STREAM, CleanPayloads
from voltagent.processors.event_lines import are_whole, hide_in_events, may_be_events
from voltagent.processors.parted_strings import texts_with_parts
from voltagent.processors.parts import mark_character, outline
from voltagent.processors.redaction_hook import HookWalk
from voltagent.processors.secrets.found import Found
from voltagent.processors.secrets.strings import Rules
from voltagent.processors.secrets.structures.key_shapes import Shapes
from voltagent.processors.secrets.text.first_look import is_suspect, may_hold_secret
from voltagent.processors.secrets.text.looks import is_suspect_text, names_and_tokens
from voltagent.processors.secrets.vocabulary.names import SecretNames
from voltagent.processors.secrets.walk import Walk
from voltagent.processors.span_redaction import Redacted, redact_end, redact_field, redact_start
from voltagent.processors.streams import edges_of, items_of, texts_of

_Hook: TypeAlias = Callable[[str, object], object]

_KEY: Final = b'":'  # the end of one
_FAILED: Final = "[redaction failed]"  # replaces a value if a hook or a pattern failed on it


class Redactor:
    """Redact secrets in what is recorded.

    On by default: values under key names such as ``password``, ``api_key`` or ``client_secret``, and what has the form
    of a key, a token, a private key, a header or a URL with a password (docs/capture.md has the lists).

    Args:
        keys: further key names: a key is secret if it is one of them or ends with one as a word of its own. Case,
            humps, dashes, underscores and dots do not count.
        patterns: further regular expressions: what they match in a string is replaced. A token format is one line.
        hook: called with the path and the value of every value inside a payload, outermost first; returns the value to
            record. A path is like ``"input.user.name"`` or ``"output.items.0"``. It sees what the other rules left; if
            it raises, the value is not recorded.
        keep: key names that are never secret, such as ``"session_key"``.

    Raises:
        ValidationError: an argument is not of these types, or a pattern is not a regular expression.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        hook: _Hook | None = None,
        *,
        keep: Iterable[str] = (),
    ) -> None:
        if hook is not None and not callable(hook):
            raise ValidationError(f"redact: the hook must be callable, got {type(hook).__name__}")
        own_names, kept_names = _texts(keys), _texts(keep)
        names = SecretNames(own_names, kept_names)
        compiled = tuple(_compiled(pattern) for pattern in _each(patterns))
        self._given = (tuple(own_names), compiled, hook, tuple(kept_names))
        self._rules = Rules(names, compiled, Shapes(names, all_keys=bool(compiled)))
        self._hook = hook
        self._own = tuple(re.compile("[-_. ]?".join(name).encode()) for name in names.own if name.isascii())
        # The search over bytes knows ASCII only, and nothing of patterns and hooks: then every payload is walked.
        self._always = bool(hook is not None or self._rules.patterns or any(not own.isascii() for own in names.own))
        self._found: WeakKeyDictionary[Span, Found] = WeakKeyDictionary()  # of operations that have not ended
        self.clean: set[str] = set()  # names without a secret in them
        self.clean_payloads = CleanPayloads()
        # These are compiled in one step each, during which no other thread runs: not when something is sent. What looks
        # at long texts is compiled with the first of them, in steps of at most two milliseconds.
        names_and_tokens()
        is_suspect_text("")

    def __reduce__(self) -> tuple[Any, ...]:
        *given, keep = self._given
        return partial(type(self), keep=keep), tuple(given)

    @classmethod
    def of(cls, what: str, given: Any) -> Redactor:
        """Make a redactor of an option.

        Args:
            what: the name of the option.
            given: another redactor, a hook, or a list of key names and compiled patterns.

        Raises:
            ValidationError: it is none of these; the message names ``what``.
        """
        if isinstance(given, Redactor):
            return given
        if callable(given):
            return cls(hook=given)
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            name = type(given).__name__
            raise ValidationError(f"{what} must be a list of key names, a function or a Redactor, got {name}")
        items = list(given)
        keys = [item for item in items if isinstance(item, str)]
        patterns = [item for item in items if isinstance(item, re.Pattern)]
        if len(keys) + len(patterns) < len(items):
            raise ValidationError(
                f"{what} must contain key names and compiled patterns only, got {type_within(items, str, re.Pattern)}"
            )
        return cls(keys, patterns)

    def apply(self, text: bytes, path: str = "", found: Found | None = None) -> bytes:
        """Redact a JSON text; return the same object if there is no secret in it.

        ``path`` is the beginning of the paths that the hook gets; ``found`` collects what was redacted, and names
        secrets of the same call. A text that cannot be processed is replaced as a whole, never passed on.
        """
        value: Any = _NOTHING
        try:
            if path == "output" and may_be_events(text):
                found = Found() if found is None else found
                text, value = self._without_secrets_in_events(text, found)
            is_repeating = found is not None and bool(found.secrets) and found.repeated_in(text)
            if not is_repeating:
                if text in self.clean_payloads:
                    return text
                if not self._always and not is_suspect(text, self._own):
                    value = _split_stream(text, value) if path == "output" else _NOTHING
                    if value is _NOTHING:
                        self.clean_payloads.add((text,))
                        return text
            found = Found() if found is None else found
            known = len(found.secrets)
            result = self._searched(text, value, path, found, is_repeating=is_repeating)
            if (
                len(found.secrets) > known and _has_key(result) and found.repeated_in(result, is_encoded=False)
            ):  # in a key
                result = self._searched(result, _NOTHING, path, found, is_repeating=True)
            if self._hook is not None:
                return self._hooked(result, path, found)
            if result is text and value is _NOTHING:
                self.clean_payloads.add((text,))
            return result
        except Exception as exc:  # not JSON, or nested too deep: it may hold a secret all the same
            pass_on_interrupt(exc)
            return encoded({"error": _FAILED})

    def _without_secrets_in_events(self, text: bytes, found: Found) -> tuple[bytes, Any]:
        """Return an output without the secrets that are split over the events in its chunks, and decoded."""

        def look(edges: str) -> bool:
            return may_hold_secret(edges) or bool(found.secrets and found.repeated_in(encoded(edges)))

        def search(texts: list[str]) -> bool:
            return Walk(self._rules, found, len(text)).payload({"result": texts}, is_output=True)[1]

        value = outline(text) if mark_character(text) else decode(text)  # with parts, the chunks are not all strings
        return (encode(value, len(text)) if hide_in_events(value, look, search) else text), value

    def _searched(self, text: bytes, value: Any, path: str, found: Found, *, is_repeating: bool) -> bytes:
        """Return a JSON text without its secrets; ``value`` is what it was decoded to, if it was."""
        character = mark_character(text)
        if value is _NOTHING:
            value = outline(text) if character else decode(text)
        walk = Walk(self._rules, found, len(text), character, has_repetitions=is_repeating)
        value, is_changed = walk.payload(value, is_output=path == "output")
        result = walk.encoded(value) if is_changed else text
        if len(text) > LARGE:
            walk.release()
            release(value)
        return result

    def _hooked(self, text: bytes, path: str, found: Found) -> bytes:
        """Return what the hook makes of a JSON text."""
        value = decode(text)
        walk = HookWalk(cast(_Hook, self._hook), lambda new: Walk(self._rules, found, len(text)).payload(new)[0])
        hooked = walk.payload(value, path)
        return text if hooked is value else encode(hooked, len(text))

    @property
    def searches_everything(self) -> bool:
        """Whether every payload has to be decoded: there are patterns or a hook, of which a search knows nothing."""
        return self._always

    def is_suspect(self, texts: bytes) -> bool:
        """Return whether there can be a secret in JSON texts, joined by newlines."""
        return is_suspect(texts, self._own)

    def remembers_secrets(self) -> bool:
        """Return whether a secret was found in an operation that has not ended, which its end must not repeat."""
        return bool(self._found.data)  # type: ignore[attr-defined] # the length of the dictionary costs a call more

    def text(self, value: str) -> str:
        """:meth:`apply` for a string that is not a payload, such as a tag. The hook is not called."""
        if not self._always and not any(is_suspect(piece, self._own) for piece in _json_pieces(value)):
            if len(value) <= _LONGEST_NAME and len(self.clean) < _MOST_NAMES:
                self.clean.add(value)  # names come again with every call
            return value
        text = value if value.isascii() else replace_surrogates(value)  # checks find nothing in what is not UTF-8
        character = mark_character(encode(value, len(value))) if value[:1] in "{[" else ""  # it may be JSON itself
        walk = Walk(self._rules, Found(), len(text), character)
        result, is_changed = walk.payload(text)
        if len(text) > LARGE:
            walk.release()
        return cast(str, result) if is_changed else value

    def process(self, event: SpanEvent) -> SpanEvent | None:
        """Redact what an event sends, in place and once, also with the redactor of its span.

        Each phase redacts what it sends first. The end records how many values were redacted, in
        ``metadata.redacted``.
        """
        phase, span, fields = event
        own: Any = span.redact
        redactors = (self,) if own is None or own is self else (self, own)
        try:
            if phase is Phase.UPDATE or phase is Phase.SCORE:
                found = self._found.get(span, Found())
                return (
                    phase,
                    span,
                    {name: redact_field(name, value, redactors, found) for name, value in (fields or {}).items()},
                )
            if phase is Phase.END:
                found = self._found.pop(span, Found())
                redact_end(span, redactors, found)
                if found.count:
                    span.more_metadata = (*span.more_metadata, Redacted(b'{"redacted":%d}' % found.count))
                    self._share(span, found)
            else:
                found = Found()
                redact_start(span, redactors, found)
                if found.count and phase is Phase.START:
                    self._found[span] = found
                    self._share(span, found)
        except Exception as exc:  # an error of ours: the event must not go out as it is
            Guard.swallowed(exc)
            return None
        return event

    def _share(self, span: Span, found: Found) -> None:
        """Make the secrets of an operation known to those around it: the same exception leaves them, too."""
        parent = span.parent
        for _ in range(_MOST_AROUND):
            if parent is None or not found.secrets:
                return
            around = self._found.setdefault(parent, Found())
            for secret in found.secrets:
                around.remember(secret)
            parent = parent.parent


_LONGEST_NAME: Final = 128  # characters
_MOST_NAMES: Final = 1024
_AT_ONCE: Final = 1 << 20  # bytes in which the end of a key is looked for
_OVERLAP: Final = 4096  # characters of two pieces; longer than what any check looks at
_MOST_AROUND: Final = 64  # operations around one, in which its secrets are recognised


def _has_key(text: bytes) -> bool:
    """Return whether a JSON text has a key; in pieces, as one search in megabytes would hold the interpreter."""
    return any(text.find(_KEY, start, start + _AT_ONCE + 1) >= 0 for start in range(0, len(text), _AT_ONCE))


def _json_pieces(text: str) -> Iterator[bytes]:
    """Yield a text as JSON, a long one in pieces: megabytes in one would hold the interpreter."""
    for start in range(0, len(text), LARGE):
        yield encoded(text[max(0, start - _OVERLAP) : start + LARGE])


def _split_stream(text: bytes, value: Any) -> Any:
    """Return the decoded output if it is a stream of texts that may have a secret split over its chunks.

    ``value`` is what it was decoded to, if it was.

    Raises:
        ValueError: it cannot be decoded, so that it may have one all the same.
    """
    if not text.startswith(STREAM) or text.count(b'"') < _LEAST_QUOTES:
        return _NOTHING
    has_parts = mark_character(text) != ""
    are_events = value is not _NOTHING and are_whole(items_of(value))  # over which no secret is split as text
    if value is _NOTHING:
        value = outline(text) if has_parts else decode(text)
    edges = "" if are_events else edges_of(items_of(value), texts_with_parts if has_parts else texts_of)
    if edges and may_hold_secret(edges):
        return value
    if len(text) > LARGE:
        release(value)
    return _NOTHING


_NOTHING: Final = object()
_LEAST_QUOTES: Final = 6  # of an output with two strings


def _each(given: Any) -> tuple[Any, ...]:
    if not isinstance(given, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        return (given,)  # of a wrong type, as its reader reports
    return (given,) if isinstance(given, (str, re.Pattern)) else tuple(given)


def _texts(keys: Iterable[str]) -> tuple[str, ...]:
    """Validate the names of keys."""
    found = _each(keys)
    for key in found:
        if not isinstance(key, str):
            raise ValidationError(f"redact: a key name must be a string, got {type(key).__name__}")
    return found


def _compiled(pattern: object) -> re.Pattern[str]:
    """Compile a pattern of the user, or refuse it with the reason."""
    if isinstance(pattern, str):
        try:
            return re.compile(pattern)
        except re.error as exc:
            raise ValidationError(f"redact: {pattern!r} is not a regular expression: {exc}") from None
    if isinstance(pattern, re.Pattern) and isinstance(cast(Any, pattern).pattern, str):
        return cast("re.Pattern[str]", pattern)
    raise ValidationError(f"redact: a pattern must be a string or compiled from one, got {type(pattern).__name__}")
