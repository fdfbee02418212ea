"""What to do after a destination said no: which answers are tried again, and when. Pure functions."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

from voltagent.exporters import ACCEPTED, Outcome, Verdict

__all__ = ["BACKOFF_CAP", "PROBE_SECONDS", "RETRY_AFTER_CAP", "backoff", "gives_up", "outcome_of", "retry_after"]

BACKOFF_CAP: Final = 30.0  # seconds; the longest wait of our own between two tries
RETRY_AFTER_CAP: Final = 300.0  # seconds; a destination may ask for more, but is not waited for longer
PROBE_SECONDS: Final = 1.0  # while a destination is down, it is asked at most this often

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


def backoff(failures: int, first: float, chance: float) -> float:
    """Seconds to wait after so many failures (from 1): ``first`` doubled each time up to 30, with full jitter.

    ``chance`` is a random number in [0, 1). Source of the form: "Exponential Backoff And Jitter", AWS, 2015.
    """
    return min(first * 2.0 ** min(failures - 1, 32), BACKOFF_CAP) * chance


def gives_up(refusals: int, absences: int, max_retries: int) -> bool:
    """Whether an event is dropped after ``refusals`` answers that said no to it.

    ``absences`` are the times the destination seemed to be down for this event while it took others. A flapping
    destination causes some of those, so they weigh a tenth; but an event that brings its server down each time must
    not be tried for ever.
    """
    return refusals > max_retries or absences > 10 * (max_retries + 1)


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
