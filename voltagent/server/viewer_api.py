"""``/api/…``: the data of the page as JSON; see :mod:`voltagent.server.viewer_values` for the form of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from voltagent.records import queries
from voltagent.records.reading import scores_of
from voltagent.render.document import document
from voltagent.server import viewer_compare, viewer_metrics, viewer_scores
from voltagent.server import viewer_values as values
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.server.viewer_filters import filter_of
from voltagent.server.viewer_values import Json
from voltagent.storage.hints import load_hints
from voltagent.storage.traces import columns
from voltagent.storage.traces.facts import counts_of, error_type
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store

_LONGEST_PREVIEW: Final = 120  # characters of an input in a tree
_MOST_TRACES: Final = 500  # per answer
_MOST_TURNS: Final = 200  # traces of a conversation

COLUMNS: Final = (
    "id", "parent", "kind", "name", "operation", "agent", "status", "start", "duration", "usage", "error", "level",
    "tags", "preview", "model", "tokens", "cached", "cost", "scores",
)  # fmt: skip


def _traces(store: Store, request: Request) -> Answer:
    limit = values.number(request, "limit", 1, _MOST_TRACES) or 50
    found = store.traces(filter_of(request), limit + 1)
    page, more = found[:limit], len(found) > limit
    begun = queries.inputs(store, [trace.id for trace in page], values.LONGEST_INPUT)
    lines = values.lines(store, page)
    traces = [{**line, **values.keep_known(input=values.excerpt(begun.get(line["id"])))} for line in lines]
    return json_answer({"traces": traces, "more": more})


def _trace(store: Store, request: Request) -> Answer:
    trace = _requested_trace(store, request)
    rows, models = queries.operation_lines(store, trace.id, _LONGEST_PREVIEW), queries.models_of(store, trace.id)
    (line,) = values.lines(store, [trace])
    scores: dict[str | None, list[Json]] = {}
    for one in scores_of(store, [trace.id]).get(trace.id, ()):
        scores.setdefault(one.operation_id, []).append(values.score(one))
    operations = [_row(row, models.get(row.id), scores.get(row.id)) for row in rows]
    return json_answer({"trace": _whole(trace, line), "columns": COLUMNS, "operations": operations})


def _requested_trace(store: Store, request: Request) -> StoredTrace:
    trace = store.trace(request.captured[0])
    if trace is None:
        raise RequestError(404, "no trace has this id")
    return trace


def _matches(store: Store, request: Request) -> Answer:
    """Find the operations of a trace whose payloads contain a text; the trace's own id if its payloads do."""
    text = request.query.get("text", "")
    if len(text) > values.LONGEST_TEXT:
        raise RequestError(400, f"text must have at most {values.LONGEST_TEXT} characters")
    return json_answer({"ids": queries.containing(store, request.captured[0], text) if text else []})


def _export(store: Store, request: Request) -> Answer:
    trace = _requested_trace(store, request)
    scores = scores_of(store, [trace.id]).get(trace.id, ())
    return json_answer(document(trace, store.operations(trace.id), scores))


def _whole(trace: StoredTrace, line: Json) -> Json:
    completion_ns = trace.completion_start_ns
    return {
        **line,
        "metadata": trace.metadata,
        "input": trace.input,
        "output": trace.output,
        **values.keep_known(
            level=trace.level,
            error=trace.error,
            completion_start=None if completion_ns is None else completion_ns // 1000,
        ),
    }


def _row(row: queries.OperationLine, model: str | None, scores: Sequence[Json] | None) -> tuple[Any, ...]:
    """Return an operation in the order of :data:`COLUMNS`."""
    start_ns, end_ns = columns.start(row.start_ns), columns.end(row.end_ns)
    usage = None if row.usage is None else columns.usage(row.usage)
    counts = counts_of(usage)
    return (
        *row[:7],  # from the id to the status
        start_ns // 1000,
        None if end_ns is None else (end_ns - start_ns) / 1000,
        usage,
        None if row.error is None else values.short_error(columns.error(row.error)),
        row.level,
        None if row.tags is None else columns.tags(row.tags),
        None if row.begins is None else values.excerpt(columns.text(row.begins)),
        model,
        counts.total_tokens,
        counts.cached_tokens,
        counts.cost,
        scores,
    )


def _operation(store: Store, request: Request) -> Answer:
    operation = queries.operation(store, *request.captured)
    if operation is None:
        raise RequestError(404, "there is no such operation in this trace")
    scores = scores_of(store, [operation.trace_id]).get(operation.trace_id, ())
    facts = {
        "id": operation.id,
        "trace": operation.trace_id,
        "kind": operation.kind,
        "name": operation.name,
        "status": operation.status,
        "start": operation.start_ns // 1000,
        "metadata": operation.metadata,
        "input": operation.input,
        "output": operation.output,
    }
    more = values.keep_known(
        parent=operation.parent_id,
        operation=operation.operation,
        agent=operation.agent_id,
        duration=values.duration(operation.start_ns, operation.end_ns),
        usage=operation.usage,
        error=operation.error,
        error_type=error_type(operation.error) if operation.status == "error" else None,
        instructions=operation.instructions,
        version=operation.version,
        level=operation.level,
        tags=operation.tags or None,
        model=operation.model,
        tokens=operation.tokens,
        cached=operation.cached_tokens,
        cost=operation.cost,
        scores=[values.score(one) for one in scores if one.operation_id == operation.id] or None,
    )
    return json_answer(facts | more)


def _conversation(store: Store, request: Request) -> Answer:
    traces = queries.conversation(store, request.captured[0], _MOST_TURNS)
    lines = values.lines(store, traces)
    turns = [{**line, "input": one.input, "output": one.output} for line, one in zip(lines, traces, strict=True)]
    return json_answer({"traces": turns})


def _facets(store: Store, _: Request) -> Answer:
    return json_answer(asdict(queries.facets(store)))


def _hints(store: Store, _: Request) -> Answer:
    hints = [{**hint._asdict(), "seen": hint.time_ns // 1000} for hint in load_hints(store.path)]
    return json_answer({"hints": [{name: hint[name] for name in _HINT} for hint in reversed(hints)]})


_HINT: Final = ("name", "place", "text", "advice", "seen")

ROUTES: Final = (
    Route("GET", "/api/traces", _traces),
    Route("GET", "/api/facets", _facets),
    Route("GET", "/api/hints", _hints),
    Route("GET", "/api/traces/{id}", _trace),
    Route("GET", "/api/traces/{id}/operations/{operation}", _operation),
    Route("GET", "/api/traces/{id}/matches", _matches),
    Route("GET", "/api/traces/{id}/export", _export),
    Route("GET", "/api/conversations/{id}", _conversation),
    *viewer_metrics.ROUTES,
    *viewer_compare.ROUTES,
    *viewer_scores.ROUTES,
)
