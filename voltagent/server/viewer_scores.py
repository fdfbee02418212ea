"""``POST /api/scores``: what a person thinks of a trace or an operation. The only route of the page that writes."""

from __future__ import annotations

from typing import Any, Final, cast

from pydantic_core import from_json

from voltagent.core import clock
from voltagent.core.scores import Score
from voltagent.errors import ValidationError
from voltagent.records.reading import has_operation, has_trace
from voltagent.render import answers
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer, media_type
from voltagent.storage.traces.scores import put_score, remove_score
from voltagent.storage.traces.store import Store
from voltagent.tracing.scores import checked_score

_LARGEST: Final = 16 * 1024  # bytes of a body
_FIELDS: Final = frozenset(("trace", "operation", "name", "value", "comment"))


def _score(store: Store, request: Request) -> Answer:
    """Store a score that was given in the viewer."""
    body = _body(request)
    trace_id, operation_id = _identifier(body, "trace"), _identifier(body, "operation")
    if trace_id is None:
        raise RequestError(400, "trace is missing")
    if not _is_known(store, trace_id, operation_id):
        raise RequestError(404, "no trace or operation has this id")
    try:
        # a score that is taken back has no value: any will do to check the rest
        removed = body.get("value") is None
        fields = checked_score(body.get("name"), True if removed else body["value"], body.get("comment"))
    except ValidationError as exc:
        raise RequestError(400, str(exc)) from exc
    score = Score(trace_id, operation_id, fields["name"], fields["value"], fields["comment"], clock.nanoseconds())
    if removed:
        remove_score(store, trace_id, operation_id, score.name)
        return json_answer({"trace": trace_id, "name": score.name, "removed": True})
    put_score(store, score)
    return json_answer({"trace": trace_id, **answers.score(score)})


def _body(request: Request) -> dict[str, Any]:
    """Decode the body of a request that stores or removes a score."""
    if media_type(request.headers) != "application/json":
        raise RequestError(415, "this route accepts application/json")
    if len(request.body) > _LARGEST:
        raise RequestError(413, f"the body must have at most {_LARGEST} bytes")
    try:
        body = from_json(request.body)
    except ValueError as exc:
        raise RequestError(400, f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise RequestError(400, "the body must be a JSON object")
    fields = cast("dict[str, Any]", body)
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise RequestError(400, f"unknown field {unknown[0][:40]!r}; there are {', '.join(sorted(_FIELDS))}")
    return fields


def _identifier(body: dict[str, Any], name: str) -> str | None:
    found = body.get(name)
    if found is not None and (not isinstance(found, str) or not found):
        raise RequestError(400, f"{name} must be an id")
    return found


def _is_known(store: Store, trace_id: str, operation_id: str | None) -> bool:
    return has_trace(store, trace_id) if operation_id is None else has_operation(store, trace_id, operation_id)


ROUTES: Final = (Route("POST", "/api/scores", _score),)
