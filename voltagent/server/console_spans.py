"""What is stored, as the spans that the platform's console knows: for its routes and for its socket.

The attributes are those of the profile ``voltops``. The numbers of kinds are those of the JavaScript API (internal 0,
client 2), not those of OTLP (1 and 3); a status is 0 unset, 1 ok, 2 error on both. Times are ISO 8601 in UTC with
milliseconds, durations are milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from voltagent.core import trace_ids
from voltagent.core.clock import iso_text
from voltagent.core.span import Event, Phase, Span
from voltagent.storage.traces.replay import OPERATION_ROWS, TRACE_ROW, replayed
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp import values
from voltagent.wire.otlp.encode import Message, span_message
from voltagent.wire.otlp.profiles import plans
from voltagent.wire.otlp.span_view import Facts

__all__ = ["Json", "find_span", "find_trace", "spans_of", "stated"]

Json = dict[str, Any]

_PLANS: Final = plans(("voltops",))
_SCOPE: Final = {"name": "voltagent"}


def spans_of(
    store: Store, trace_id: str, operations: Sequence[str] | None = None, most: int | None = None
) -> Iterator[Json]:
    """A trace's spans, the root first, then in the order in which they began; none where there is no such trace.

    They are made one by one: of a large trace, all at once would be many times its JSON text.

    ``operations`` are the ids of those that are wanted, besides the root (default: all), and ``most`` is how many of
    all (default: likewise).
    """
    trace = store.rows(TRACE_ROW, (trace_id,))
    if not trace:
        return iter(())
    if operations is None:
        rows = store.rows(f"{OPERATION_ROWS} LIMIT ?", (trace_id, -1 if most is None else most - 1))
    else:
        marks = ", ".join("?" * len(operations))
        query = f"SELECT * FROM ({OPERATION_ROWS}) WHERE id IN ({marks})"  # noqa: S608 - values are bound
        rows = store.rows(query, (trace_id, *operations))
    return stated(replayed(trace[0], rows))


def stated(events: Iterable[Event]) -> Iterator[Json]:
    """The spans that events are about, as they are after the last of them."""
    points: dict[Span, bool] = {}
    for phase, span, _ in events:
        points[span] = phase is Phase.POINT or points.get(span, False)
    return (_json(span, point=point) for span, point in sorted(points.items(), key=_moment))


def _moment(pair: tuple[Span, bool]) -> tuple[bool, int]:
    span, _ = pair
    return span.parent is not None, span.start_ns


def _json(span: Span, *, point: bool) -> Json:
    running = span.status is None and not point
    updates = {"status": "running"} if running else {}
    facts = Facts(span, updates, event=point, ended=span.status is not None)
    message = span_message(facts, _PLANS[facts.kind])
    start, end = int(message["startTimeUnixNano"]), int(message["endTimeUnixNano"])
    ended = {} if running else {"endTime": _iso(end), "duration": (end - start) / 1e6}
    status = message.get("status", {})
    return {
        "traceId": message["traceId"],
        "spanId": message["spanId"],
        **({"parentSpanId": message["parentSpanId"]} if "parentSpanId" in message else {}),
        "name": message["name"],
        "kind": message["kind"] - 1,
        "startTime": _iso(start),
        **ended,
        "attributes": values.attributes(message["attributes"]),
        "status": {"code": status.get("code", 0), **({"message": status["message"]} if "message" in status else {})},
        "events": [_event(event) for event in message.get("events", ())],
        "links": [],
        "resource": {"service.name": facts.metadata.get("service_name") or "voltagent"},
        "instrumentationScope": _SCOPE,
    }


def _event(event: Message) -> Json:
    attributes = values.attributes(event["attributes"])
    return {"name": event["name"], "timestamp": _iso(int(event["timeUnixNano"])), "attributes": attributes}


def _iso(nanoseconds: int) -> str:
    return f"{iso_text(min(nanoseconds, _LATEST))[:23]}Z"


_LATEST: Final = 253_402_300_799_999_999_999  # ns; the last millisecond of the year 9999, the last that has a text

# --------------------------------------------------------------------------------------------------------- finding

_TRACES: Final = "SELECT id FROM traces WHERE id IN (?, ?)"
_RECENT: Final = "SELECT id FROM traces ORDER BY start_ns DESC LIMIT 1000"
_OWNERS: Final = """
    SELECT trace_id, id FROM operations WHERE id = :digits OR id LIKE :ending
    UNION ALL SELECT id, NULL FROM traces WHERE id LIKE :ending LIMIT 1"""


def find_trace(store: Store, identifier: str) -> str | None:
    """The id of the stored trace that has these 32 hex digits, or this id."""
    spelt = trace_ids.uuid_text(identifier.lower()) if len(identifier) == 32 else identifier
    found = store.rows(_TRACES, (identifier, spelt))
    if found:
        return str(found[0][0])
    # an id that is no UUID is hashed for this wire, so it has to be looked for
    return next((id for (id,) in store.rows(_RECENT) if trace_ids.trace_id(id) == identifier), None)


def find_span(store: Store, digits: str) -> Json | None:
    """The span that has these 16 hex digits. Looks at every operation: there is no index for the end of an id."""
    digits = digits.lower()
    if len(digits) != 16 or not digits.isalnum():
        return None
    owners = store.rows(_OWNERS, {"digits": digits, "ending": f"%-{digits[:4]}-{digits[4:]}"})
    if not owners:
        return None
    trace_id, operation = owners[0]
    spans = spans_of(store, trace_id, () if operation is None else (operation,))
    return next((span for span in spans if span["spanId"] == digits), None)
