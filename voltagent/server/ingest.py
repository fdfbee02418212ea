"""Store what other processes send by the REST history API or OTLP over HTTP.

Each request becomes events that are appended as by the local exporter: there is one way into the store. The response is
sent once the store has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json, to_json

from voltagent.core import clock
from voltagent.core.span import SpanEvent
from voltagent.core.text import replace_surrogates
from voltagent.errors import ValidationError
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer, media_type
from voltagent.storage.file import StoreError
from voltagent.storage.traces.records import Known
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp import decode as from_otlp, protobuf, protobuf_decode
from voltagent.wire.otlp.protobuf_decode import TooLargeError
from voltagent.wire.rest import decode as from_rest

_Body: TypeAlias = dict[str, Any]


def _append(store: Store, events: Sequence[SpanEvent]) -> Mapping[int, str]:
    """Store events; return the reasons for those that cannot be stored.

    Raises:
        RequestError: the store cannot be used; 503 if it may work later.
    """
    try:
        return store.append(events) if events else {}
    except StoreError as exc:
        raise RequestError(503 if exc.temporary else 500, str(exc)) from exc


_REST: TypeAlias = Callable[[Store, Request, _Body], _Body]


def _rest(serve: _REST) -> Callable[[Store, Request], Answer]:
    """Make a handler that takes and returns a JSON object; errors are ``{"message", "errors"}``, as in the API."""

    def handle(store: Store, request: Request) -> Answer:
        try:
            return json_answer(serve(store, request, _json_object(request)))
        except ValidationError as exc:
            return _mistake(400, str(exc))
        except RequestError as refused:
            return _mistake(refused.status, str(refused))

    return handle


def _mistake(status: int, message: str) -> Answer:
    answer = json_answer({"message": message, "errors": [message]}, status)
    return Answer(status, answer.body, headers=_LATER) if status == 503 else answer


_LATER: Final = {"Retry-After": "1"}


def _create_trace(store: Store, _: Request, body: _Body) -> _Body:
    """Handle ``POST /history``. Repeating it changes nothing and gets the same answer."""
    identifier, events = from_rest.trace_created(body, _missing())
    _append_all(store, events)
    return {"status": "working", **_without_none(body), "id": identifier}


def _update_trace(store: Store, request: Request, body: _Body) -> _Body:
    """Handle ``PATCH /history/{id}``; 404 for an unknown trace."""
    known = _existing(store.identity_of_trace, request.captured[0], "trace")
    _append_all(store, from_rest.trace_updated(known, body))
    return {"status": "working", **_without_none(body), "id": known.id, "agent_id": known.agent_id}


def _create_event(store: Store, _: Request, body: _Body) -> _Body:
    """Handle ``POST /history-events``. If the trace is not stored yet, the event's facts about it are listed."""
    history = body.get("history_id", body.get("historyId"))
    trace = _find(store.identity_of_trace, history) if isinstance(history, str) else None
    identifier, events = from_rest.event_created(body, _missing(), trace and trace.agent_id)
    _append_all(store, events)
    return {"status": "running", **_without_none(body), "id": identifier}


def _update_event(store: Store, request: Request, body: _Body) -> _Body:
    """Handle ``PATCH /history-events/{id}``; 404 for an unknown operation."""
    known = _existing(store.identity_of_operation, request.captured[0], "event")
    _append_all(store, from_rest.event_updated(known, body))
    about = {"history_id": known.trace_id, "event_type": known.kind, "event_name": known.name, "status": known.status}
    return {**about, **_without_none(body), "id": known.id}


def _append_all(store: Store, events: Sequence[SpanEvent]) -> None:
    for reason in _append(store, events).values():
        raise RequestError(400, f"this cannot be stored: {reason}")


def _existing(find: Callable[[str], Known | None], identifier: str, what: str) -> Known:
    known = _find(find, identifier)
    if known is None:
        raise RequestError(404, f"no {what} has this id")
    return known


def _find(find: Callable[[str], Known | None], identifier: str) -> Known | None:
    try:
        return find(identifier)
    except StoreError as exc:
        raise RequestError(503 if exc.temporary else 500, str(exc)) from exc


def _missing() -> _Body:
    """Return the fields that the server fills in if they are missing."""
    return {"id": clock.id_text(clock.new_id()), "start_time": clock.iso_text(clock.nanoseconds())}


def _without_none(body: _Body) -> _Body:
    return {name: value for name, value in body.items() if value is not None}


def _json_object(request: Request) -> _Body:
    value = _parsed(request)
    if not isinstance(value, dict):
        raise RequestError(400, "the body must be a JSON object")
    return cast(_Body, value)


def _parsed(request: Request) -> Any:
    """Return the JSON of a body, also if it contains lone surrogates."""
    if not _is_json(request):
        raise RequestError(415, "this route accepts application/json")
    _check_parts(request.body)
    try:
        return from_json(request.body)
    except ValueError as exc:
        try:
            return _mended(request.body)
        except (ValueError, RecursionError):
            raise RequestError(400, f"the body is not JSON: {exc}") from exc


def _check_parts(body: bytes) -> None:
    """Refuse a body that would take long to read: an empty list is three bytes in a body and a hundred in memory.

    Parts of strings count as well, as they may be JSON that is parsed too.
    """
    parts = sum(map(body.count, _PARTS))
    if parts > _MOST_PARTS:
        limit = f"the body has {parts} commas and brackets, and {_MOST_PARTS} are read at once"
        raise RequestError(413, f"{limit}: send it in several requests")


_PARTS: Final = (b",", b"[", b"{")
_MOST_PARTS: Final = 1_500_000


def _mended(body: bytes) -> Any:
    """Parse JSON with lone surrogates, which JavaScript produces when it truncates strings; they become U+FFFD."""
    if _HALF.search(body) is None:
        raise ValueError
    return from_json(replace_surrogates(json.dumps(json.loads(body), ensure_ascii=False)))


_HALF: Final = re.compile(rb"\\ud[89a-f]", re.IGNORECASE)


def _is_json(request: Request) -> bool:
    return media_type(request.headers) == "application/json"


def _take_spans(store: Store, request: Request) -> Answer:
    """Handle an ``ExportTraceServiceRequest`` in JSON or protobuf; answer in the same encoding.

    Invalid spans do not affect the others: they are counted as ``rejected_spans``, as the protocol requires.
    """
    try:
        read = from_otlp.events_of(_trace_request(request))
        refused = _append(store, read.events)
    except TooLargeError as exc:
        return _otlp_status(request, 413, str(exc))
    except ValueError as exc:
        return _otlp_status(request, 400, f"not an ExportTraceServiceRequest: {exc}")
    except RequestError as problem:
        return _otlp_status(request, problem.status, str(problem))
    reason = read.problem or next(iter(refused.values()), "")
    return _otlp_answer(request, read.rejected + len(refused), reason)


def _trace_request(request: Request) -> Any:
    if _is_json(request):
        return _parsed(request)
    _check_parts(request.body)
    return protobuf_decode.trace_request(request.body)


def _otlp_answer(request: Request, rejected: int, reason: str) -> Answer:
    """Return an ``ExportTraceServiceResponse``: empty, or with ``partial_success``."""
    if _is_json(request):
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": reason}} if rejected else {}
        return json_answer(partial)
    if not rejected:
        return Answer(type=_PROTOBUF)
    partial_success = b"\x08" + protobuf.varint(rejected) + protobuf.delimited(2, reason.encode("utf-8", "replace"))
    return Answer(body=protobuf.delimited(1, partial_success), type=_PROTOBUF)


_PROTOBUF: Final = "application/x-protobuf"
_CODES: Final = {
    400: 3,
    413: 8,
    500: 13,
    503: 14,
}  # google.rpc.Code, by status


def _otlp_status(request: Request, status: int, message: str) -> Answer:
    """Return a ``google.rpc.Status``, as the protocol requires for a failed request: code = 1, message = 2."""
    code = _CODES.get(status, 2)
    if _is_json(request):
        body, media_type = to_json({"code": code, "message": message}), "application/json"
    else:
        body = b"\x08" + protobuf.varint(code) + protobuf.delimited(2, message.encode("utf-8", "replace"))
        media_type = _PROTOBUF
    return Answer(status, body, media_type, _LATER if status == 503 else {})


ROUTES: Final = (
    Route("POST", "/history", _rest(_create_trace)),
    Route("PATCH", "/history/{id}", _rest(_update_trace)),
    Route("POST", "/history-events", _rest(_create_event)),
    Route("PATCH", "/history-events/{id}", _rest(_update_event)),
    Route("POST", "/v1/traces", _take_spans),
    Route("POST", "/api/public/otel/v1/traces", _take_spans),
)
