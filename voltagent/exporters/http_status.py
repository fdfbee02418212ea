"""What an HTTP answer means for an event: accepted, refused or to be tried again, and when. Pure functions."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

from voltagent.exporters import ACCEPTED, Outcome, Verdict

RETRY_AFTER_CAP: Final = 300.0  # seconds; a destination may ask for more, but is not waited for longer

_DOWN: Final = frozenset((502, 503, 504))
_NOT_NOW: Final = frozenset((408, 425, 429, 500))
_KEY_REFUSED: Final = frozenset((401, 403))


def outcome_of(status: int, detail: str, wait: float | None = None) -> Outcome:
    """The outcome of an event that the REST API answered with ``status``; ``wait`` is its ``Retry-After``, seconds."""
    if 200 <= status < 300:
        return ACCEPTED
    if status in _DOWN:
        return Outcome(Verdict.UNAVAILABLE, detail=detail, retry_after=wait)
    if status in _NOT_NOW:
        return Outcome(Verdict.RETRY, detail=detail, retry_after=wait)
    if status in _KEY_REFUSED:
        return Outcome(Verdict.REFUSED, "auth", detail)
    return Outcome(Verdict.REFUSED, "too_large" if status == 413 else "rejected", detail)


def retry_after(text: str | None, now: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110, section 10.2.3); ``None`` where it is absent or junk.

    ``now`` is seconds since the epoch. Between 0 and 300, whatever the header says.
    """
    if text is None or len(text) > 100:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_CAP)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(moment - now, 0.0), RETRY_AFTER_CAP)
