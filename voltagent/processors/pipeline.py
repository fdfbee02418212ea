"""The processors of an SDK as one function: format, redact and fit an event, without the steps it does not need."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from voltagent.capture.exceptions.formatting import format_event
from voltagent.core.span import OPERATION_KINDS, TRACE, Phase, SharedFacts, SpanEvent
from voltagent.processors.clean_payloads import SHORTEST, STREAM
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.first_look import PIECE
from voltagent.processors.size_limit import fit_event

_SMALL: Final = 4096  # bytes; payloads that are smaller than this fit in any case
_ALONE: Final = 64 * 1024  # bytes; a payload that fits if it is the only one of its event
_TOGETHER: Final = 16  # events that are searched for secrets at once
_MOST_FACTS: Final = 1024  # functions whose facts are remembered as clean
_KINDS: Final = frozenset((TRACE, *OPERATION_KINDS))  # all that are no text of the user's
_START: Final = Phase.START
_END: Final = Phase.END


class Pipeline:
    """Makes events safe to send: ``event -> event or None``.

    Args:
        redactor: what removes secrets.
    """

    __slots__ = ("_clean_facts", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._clean_facts: dict[int, SharedFacts] = {}  # by `id`: facts of functions without a secret

    def __call__(self, event: SpanEvent) -> SpanEvent | None:
        """Return the event without secrets and not too large; ``None`` drops it."""
        phase, span, fields = event
        formatted: SpanEvent | None = event
        if span.error is not None or span.facts is not None or fields is not None:
            formatted = format_event(event)
        safe = None if formatted is None else self._redactor.process(formatted)
        if safe is None:
            return None
        if phase is _END and not (span.error or span.usage or span.more_metadata or span.more_tags):
            payload = span.output
        elif phase is _START:
            payload = span.input
        else:
            return fit_event(safe)
        facts: Any = span.facts
        if phase is _START and type(facts) is SharedFacts and len(self._clean_facts) < _MOST_FACTS:
            self._clean_facts[id(facts)] = facts  # kept alive, so that no other gets its `id`
        plain = span.facts is None and span.metadata is None and span.tags is None
        if plain and (payload is None or len(payload) < _SMALL):
            return safe
        return fit_event(safe)

    def many(self, events: Sequence[SpanEvent]) -> list[SpanEvent | None]:
        """Return several events, in their order.

        The payloads of neighbouring plain events are searched as one text, and if nothing in it looks like a secret,
        these events are done. So most events cost no call.
        """
        found: list[SpanEvent | None] = list(events)
        for first in range(0, len(events), _TOGETHER):
            last = min(first + _TOGETHER, len(events))
            other = self._unusual(events, first, last)
            for number in other:
                found[number] = self(events[number])
            if other and self._redactor.remembers_secrets():
                # an end must not repeat a secret of a start that was found just now
                for number in range(first, last):
                    if number not in other:
                        found[number] = self(events[number])
        return found

    def _unusual(self, events: Sequence[SpanEvent], first: int, last: int) -> Sequence[int]:
        """Return the places of events to look at one by one; the others are safe as they are."""
        redactor, facts_known = self._redactor, self._clean_facts
        clean = redactor.clean
        is_careful, may_repeat = redactor.searches_everything, redactor.remembers_secrets()
        texts: list[bytes] = []
        other: list[int] = []
        for number in range(first, last):
            phase, span, fields = events[number]
            if is_careful or fields is not None or span.error is not None or span.redact is not None:
                other.append(number)
            elif phase is _END:
                output = span.output
                if may_repeat or span.usage or span.more_metadata or span.more_tags or span.metadata or span.tags:
                    other.append(number)
                elif output is not None:
                    if len(output) < _ALONE and not output.startswith(STREAM):
                        texts.append(output)
                    else:
                        other.append(number)
            elif (
                phase is _START
                and span.metadata is None
                and span.tags is None
                and span.kind in _KINDS
                and span.name in clean
                and span.agent_id in clean
                and (span.facts is None or id(span.facts) in facts_known)
                and (span.input is None or len(span.input) < _ALONE)
            ):
                trace = span.trace
                if span.kind == TRACE and not (
                    trace.agent_id in clean
                    and (trace.user_id is None or trace.user_id in clean)
                    and (trace.conversation_id is None or trace.conversation_id in clean)
                    and (trace.version is None or trace.version in clean)
                ):
                    other.append(number)
                elif span.input is not None:
                    texts.append(span.input)
            else:
                other.append(number)
        if texts and _has_suspect(texts, redactor):
            return range(first, last)
        return other


def _has_suspect(texts: Sequence[bytes], redactor: Redactor) -> bool:
    """Search texts together, without those that were found clean a short time ago."""
    if sum(map(len, texts)) < SHORTEST:
        return redactor.is_suspect(b"\n".join(texts))
    known = redactor.clean_payloads
    new = known.without_known(texts)
    if any(map(redactor.is_suspect, _joined(new))):
        return True
    known.add(new)
    return False


def _joined(texts: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the texts joined, as many as make one piece: what is divided is searched twice at the borders."""
    ends = [*accumulate(map(len, texts))]
    first = size = 0
    while first < len(texts):
        last = max(first + 1, bisect_right(ends, size + PIECE - len(texts)))  # with the newlines in between
        yield b"\n".join(texts[first:last])
        first, size = last, ends[last - 1]
