"""Values of the viewer's API: numbers and times in queries, and lines about traces (see `voltagent.render.answers`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from voltagent.core import clock
from voltagent.records import queries
from voltagent.records.reading import scores_of
from voltagent.render.answers import NO_ACTIVITY, Activity, Json, trace_line
from voltagent.server.routing import Request, RequestError
from voltagent.storage.traces.records import TraceSummary
from voltagent.storage.traces.store import Store

LONGEST_TEXT: Final = 1000  # characters to look for
_LARGEST_TIME: Final = 2**63 // 1000 - 1  # µs
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def activity_of(store: Store, traces: Iterable[TraceSummary]) -> Activity:
    """Find out about those of the traces that run."""
    return activity_in(store, [trace.id for trace in traces if trace.status == "running"])


def activity_in(store: Store, trace_ids: Sequence[str]) -> Activity:
    """Find out about traces in which something runs."""
    if not trace_ids:
        return NO_ACTIVITY
    return Activity(queries.last_activity(store, trace_ids), queries.unfinished(store, trace_ids))


def lines(store: Store, traces: Sequence[TraceSummary]) -> list[Json]:
    """Return what a list shows of traces."""
    activity, scores = activity_of(store, traces), scores_of(store, [trace.id for trace in traces])
    return [trace_line(trace, activity, scores.get(trace.id, ())) for trace in traces]


def number(request: Request, name: str, least: float, most: float) -> int | None:
    """Return a parameter that is a whole number; ``None`` if it is missing.

    Raises:
        RequestError: it is not a number, or out of bounds.
    """
    found = real(request, name, least, most)
    return None if found is None else round(found)


def real(request: Request, name: str, least: float, most: float) -> float | None:
    """Return a parameter that is a number; see :func:`number`."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        value = float(text)
        round(value)  # neither NaN nor infinite
    except (ValueError, OverflowError) as exc:
        raise RequestError(400, f"{name} must be a number, got {text[:40]!r}") from exc
    if not least <= value <= most:
        raise RequestError(400, f"{name} must be between {least:g} and {most:g}, got {text[:40]!r}")
    return value


def flag(request: Request, name: str) -> bool | None:
    """Return a parameter that is 0 or 1; ``None`` if it is missing.

    Raises:
        RequestError: it is anything else.
    """
    value = request.query.get(name) or None
    if value not in (None, "0", "1"):
        raise RequestError(400, f"{name} must be 0 or 1")
    return None if value is None else value == "1"


def choice(request: Request, name: str, choices: Iterable[str], default: str) -> str:
    """Return a parameter that is one of some words.

    Raises:
        RequestError: it is another one.
    """
    value = request.query.get(name) or default
    if value not in choices:
        raise RequestError(400, f"{name} must be one of {', '.join(choices)}")
    return value


def is_ascending(request: Request) -> bool:
    """Return whether ``order`` is ``asc``; by default it is ``desc``."""
    return choice(request, "order", ("desc", "asc"), "desc") == "asc"


def moment(request: Request, name: str) -> int | None:
    """Return a parameter that is a time, in nanoseconds since the epoch; ``None`` if it is missing.

    It is given in microseconds since the epoch, as an age such as ``90s`` or ``7d``, or in ISO 8601.

    Raises:
        RequestError: it is none of these.
    """
    text = request.query.get(name)
    if not text:
        return None
    age = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", text.strip().lower(), re.ASCII)
    if age is not None:
        return clock.nanoseconds() - int(float(age[1]) * _UNITS[age[2]] * 10**9)
    if "-" in text.strip()[1:]:
        found = clock.parse_iso(text)
        if found is not None and 0 <= found <= _LARGEST_TIME * 1000:
            return found
    found = number(request, name, 0, _LARGEST_TIME)
    return None if found is None else found * 1000
