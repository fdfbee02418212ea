"""Values of the viewer's API: numbers and times in queries, and what answers show of a record.

Times are whole microseconds since the epoch, which JavaScript's numbers hold exactly; durations are microseconds with a
fraction. What is unknown is absent, and in rows null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic_core import from_json

from voltagent.core import clock
from voltagent.core.scores import Score
from voltagent.records import queries
from voltagent.records.reading import scores_of
from voltagent.render.text import error_text
from voltagent.server.routing import Request, RequestError
from voltagent.storage.traces.records import TraceSummary
from voltagent.storage.traces.store import Store

Json: TypeAlias = "dict[str, Any]"

LONGEST_ERROR: Final = 200  # characters of an error in a list
LONGEST_INPUT: Final = 300  # characters of an input in a list
LONGEST_TEXT: Final = 1000  # characters to look for
_LARGEST_TIME: Final = 2**63 // 1000 - 1  # µs
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Activity(NamedTuple):
    """What is known of the traces that have no end."""

    last: Mapping[str, int]  # when something of them last began or ended (ns)
    unfinished: Set[str]  # those that never end, as their process has ended


_NO_ACTIVITY: Final = Activity({}, frozenset())


def activity_of(store: Store, traces: Iterable[TraceSummary]) -> Activity:
    """Find out about those of the traces that run."""
    running = [trace.id for trace in traces if trace.status == "running"]
    if not running:
        return _NO_ACTIVITY
    return Activity(queries.last_activity(store, running), queries.unfinished(store, running))


def lines(store: Store, traces: Sequence[TraceSummary]) -> list[Json]:
    """What a list shows of traces."""
    activity, scores = activity_of(store, traces), scores_of(store, [trace.id for trace in traces])
    return [line(trace, activity, scores.get(trace.id, ())) for trace in traces]


def line(trace: TraceSummary, activity: Activity, scores: Sequence[Score]) -> Json:
    """What a list shows of a trace."""
    return {
        "id": trace.id,
        "agent": trace.agent_id,
        "name": trace.name,
        "status": trace.status,
        "start": trace.start_ns // 1000,
        "operations": trace.operations,
        "errors": trace.errors,
        **keep_known(
            duration=duration(trace.start_ns, trace.end_ns),
            user=trace.user_id,
            conversation=trace.conversation_id,
            tags=trace.tags or None,
            usage=trace.usage,
            error=short_error(trace.error),
            parent_trace=trace.parent_trace_id,
            version=trace.version,
            environment=trace.environment,
            models=trace.models or None,
            tokens=trace.tokens,
            cached=trace.cached_tokens,
            cost=trace.cost,
            foreign=trace.foreign or None,
            scores=[score(one) for one in scores] or None,
            # when something of it last happened, to distinguish what runs from what was killed
            last_active=(
                max(trace.start_ns, activity.last.get(trace.id, 0)) // 1000 if trace.status == "running" else None
            ),
            unfinished=trace.id in activity.unfinished or None,
        ),
    }


def score(one: Score) -> Json:
    """A score as answers show it."""
    return {
        "name": one.name,
        "value": one.value,
        "time": one.time_ns // 1000,
        **keep_known(comment=one.comment, operation=one.operation_id),
    }


def keep_known(**values: Any) -> Json:
    """Keep those values that are not ``None``."""
    return {name: value for name, value in values.items() if value is not None}


def duration(start_ns: int, end_ns: int | None) -> float | None:
    """Microseconds between two times; ``None`` without an end."""
    return None if end_ns is None else (end_ns - start_ns) / 1000


def microseconds(nanoseconds: float | None) -> float | None:
    """A duration in microseconds."""
    return None if nanoseconds is None else nanoseconds / 1000


def short_error(error: Any) -> str | None:
    """The beginning of what went wrong."""
    return None if error is None else cut(error_text(error), LONGEST_ERROR)


def excerpt(text: str | None, longest: int = LONGEST_INPUT) -> str | None:
    """What an input contains: the string itself if it is one or the only field of an object, else its JSON."""
    if text is None or text in ("{}", "null"):
        return None
    try:
        value = from_json(text)
    except ValueError:  # it was cut
        return cut(text, longest - 1)
    if isinstance(value, dict) and len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]
        (value,) = value.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value if isinstance(value, str) else text


def cut(text: str, length: int) -> str:
    """The text, with an ellipsis in place of what is beyond this many characters."""
    return text if len(text) <= length else text[:length] + "…"


def number(request: Request, name: str, least: float, most: float) -> int | None:
    """A parameter that is a whole number; ``None`` if it is missing.

    Raises:
        RequestError: it is not a number, or out of bounds.
    """
    found = real(request, name, least, most)
    return None if found is None else round(found)


def real(request: Request, name: str, least: float, most: float) -> float | None:
    """A parameter that is a number; see :func:`number`."""
    text = request.query.get(name)
    if not text:
        return None
    try:
        value = float(text)
        round(value)  # neither NaN nor infinite
    except (ValueError, OverflowError) as exc:
        raise RequestError(400, f"{name} must be a number, not {text[:40]!r}") from exc
    if not least <= value <= most:
        raise RequestError(400, f"{name} must be between {least:g} and {most:g}, not {text[:40]!r}")
    return value


def flag(request: Request, name: str) -> bool | None:
    """A parameter that is 0 or 1; ``None`` if it is missing.

    Raises:
        RequestError: it is anything else.
    """
    value = request.query.get(name) or None
    if value not in (None, "0", "1"):
        raise RequestError(400, f"{name} must be 0 or 1")
    return None if value is None else value == "1"


def choice(request: Request, name: str, choices: Iterable[str], default: str) -> str:
    """A parameter that is one of some words.

    Raises:
        RequestError: it is another one.
    """
    value = request.query.get(name) or default
    if value not in choices:
        raise RequestError(400, f"{name} must be one of {', '.join(choices)}")
    return value


def is_ascending(request: Request) -> bool:
    """Whether ``order`` is ``asc``; by default it is ``desc``."""
    return choice(request, "order", ("desc", "asc"), "desc") == "asc"


def moment(request: Request, name: str) -> int | None:
    """A parameter that is a time, in nanoseconds since the epoch; ``None`` if it is missing.

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
