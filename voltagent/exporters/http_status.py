"""What the status of an HTTP response means for an event: accepted, refused, or to retry, and when."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from voltagent.core import clock
from voltagent.exporters import ACCEPTED, Outcome, Verdict

RETRY_AFTER_CAP: Final = 300.0  # seconds; a destination may ask for more, but is not waited for longer
KEY_REFUSED: Final = frozenset((401, 403))
NO_ROUTE: Final = frozenset((404, 405, 501))

_DOWN: Final = frozenset((502, 503, 504))
# Statuses that ask for a retry of this event. OTLP/HTTP names those that may be retried; every other one is final.
RETRIED: Final[Mapping[str, frozenset[int]]] = {"rest": frozenset((408, 425, 429, 500)), "otlp": frozenset((429,))}


def outcome_of(status: int, detail: str, wait: float | None = None, wire: str = "rest") -> Outcome:
    """Return the outcome of an event.

    Args:
        status: of the response.
        detail: the reason to log if it is not a success.
        wait: the ``Retry-After`` of the response, in seconds.
        wire: whose rules apply: ``rest`` or ``otlp``.
    """
    if 200 <= status < 300:
        return ACCEPTED
    if status in _DOWN:
        return Outcome(Verdict.UNAVAILABLE, detail=detail, retry_after=wait)
    if status in RETRIED[wire]:
        return Outcome(Verdict.RETRY, detail=detail, retry_after=wait)
    if status in KEY_REFUSED:
        return Outcome(Verdict.REFUSED, "auth", detail)
    return Outcome(Verdict.REFUSED, "too_large" if status == 413 else "rejected", detail)


def outcome_of_response(status: int, headers: Mapping[str, str], text: str, wire: str = "rest") -> Outcome:
    """Return :func:`outcome_of` a response, with ``text`` as the server's explanation, ready for the log."""
    wait = retry_after(headers.get("retry-after"), clock.nanoseconds() / 1e9)
    return outcome_of(status, f"HTTP {status} {text}", wait, wire)


def retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds to wait by a ``Retry-After`` header (RFC 9110, section 10.2.3), from 0 to 300.

    ``None`` if the header is missing or invalid. ``now`` is seconds since the epoch.
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
