"""``/api/…``: the data of the page as JSON; see :mod:`voltagent.server.viewer_values` for the form of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from voltagent.records import queries
from voltagent.records.calls import SORTS, CallFilter, CallLine, calls
from voltagent.records.previews import previews
from voltagent.records.reading import find_trace, list_traces, operations_of, scores_of
from voltagent.records.started import started_traces
from voltagent.render import answers
from voltagent.render.answers import Json
from voltagent.render.document import document
from voltagent.render.page import page
from voltagent.render.previews import LONGEST_IN_LIST, LONGEST_IN_TREE
from voltagent.server import viewer_compare, viewer_metrics, viewer_scores, viewer_values as values
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.server.viewer_filters import filter_of
from voltagent.storage.hints import load_hints
from voltagent.storage.traces import columns
from voltagent.storage.traces.facts import counts_of
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store

_MOST_TRACES: Final = 500  # per answer
_MOST_OPERATIONS: Final = 100_000  # of a trace, if only the first are requested
_MOST_CALLS: Final = 500  # per answer
_MOST_TURNS: Final = 200  # traces of a conversation


def _traces(store: Store, request: Request) -> Answer:
    """Answer with the list of traces that the filters choose."""
    limit = values.number(request, "limit", 1, _MOST_TRACES) or 50
    found = list_traces(store, filter_of(request), limit + 1)
    listed, more = found[:limit], len(found) > limit
    begun = previews(store, "traces", [trace.id for trace in listed], LONGEST_IN_LIST)
    lines = values.lines(store, listed)
    traces = [{**line, **answers.keep_known(input=begun.get(line["id"]))} for line in lines]
    return json_answer({"traces": traces, "more": more})


def _trace(store: Store, request: Request) -> Answer:
    """Answer with a trace, its operations and the traces that it started.

    With ``limit`` the answer has the first operations alone, and how many are left.
    """
    trace = _requested_trace(store, request)
    limit = values.number(request, "limit", 1, _MOST_OPERATIONS)
    limit = None if limit is None or limit >= trace.operations else limit
    rows = queries.operation_lines(store, trace.id, LONGEST_IN_TREE, limit)
    models = queries.models_of(store, trace.id)
    (line,) = values.lines(store, [trace])
    scores: dict[str | None, list[Json]] = {}
    for one in scores_of(store, [trace.id]).get(trace.id, ()):
        scores.setdefault(one.operation_id, []).append(answers.score(one))
    # the line of a list has the scores of operations as well
    line = {name: value for name, value in line.items() if name != "scores"} | answers.keep_known(
        scores=scores.get(None)
    )
    operations = [_row(row, models.get(row.id), scores.get(row.id)) for row in rows]
    # those of the first operations alone could not stand in their places
    started = [] if limit is not None else started_traces(store, trace.id)
    gone = values.activity_in(store, [one.id for one in started if one.status == "running"]).unfinished
    left = 0 if limit is None else max(0, trace.operations - len(rows))
    return json_answer(
        {
            "trace": answers.whole_trace(trace, line),
            "columns": answers.COLUMNS,
            "operations": operations,
            "more": left,
            **answers.keep_known(
                started=[answers.summary_row(one, unfinished=one.id in gone) for one in started] or None
            ),
        }
    )


def _requested_trace(store: Store, request: Request) -> StoredTrace:
    trace = find_trace(store, request.captured[0])
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
    """Answer with a trace as a file: JSON, or with ``format=html`` a page that needs no server."""
    trace = _requested_trace(store, request)
    scores = scores_of(store, [trace.id]).get(trace.id, ())
    if values.choice(request, "format", ("json", "html"), "json") == "html":
        unfinished = trace.id in values.activity_of(store, [trace]).unfinished
        recorded = answers.recorded_trace(trace, operations_of(store, trace.id), scores, unfinished=unfinished)
        return Answer(
            body=page(trace.name, [recorded]).encode("utf-8", "backslashreplace"), type="text/html; charset=utf-8"
        )
    return json_answer(document(trace, operations_of(store, trace.id), scores))


def _row(row: queries.OperationLine, model: str | None, scores: Sequence[Json] | None) -> tuple[Any, ...]:
    """Return an operation in the order of the columns."""
    start_ns, end_ns = columns.start(row.start_ns), columns.end(row.end_ns)
    usage = None if row.usage is None else columns.usage(row.usage)
    counts = counts_of(usage)
    return (
        *row[:7],  # from the id to the status
        start_ns // 1000,
        None if end_ns is None else (end_ns - start_ns) / 1000,
        usage,
        None if row.error is None else answers.short_error(columns.error(row.error)),
        row.level,
        None if row.tags is None else columns.tags(row.tags),
        row.preview,
        model,
        counts.total_tokens,
        counts.cached_tokens,
        counts.cost,
        scores,
        True if row.unfinished else None,
    )


def _operation(store: Store, request: Request) -> Answer:
    """Answer with one operation, whole."""
    operation = queries.operation(store, *request.captured)
    if operation is None:
        raise RequestError(404, "no operation of this trace has this id")
    scores = scores_of(store, [operation.trace_id]).get(operation.trace_id, ())
    return json_answer(answers.whole_operation(operation, scores))


def _conversation(store: Store, request: Request) -> Answer:
    traces = queries.conversation(store, request.captured[0], _MOST_TURNS)
    lines = values.lines(store, traces)
    turns = [{**line, "input": one.input, "output": one.output} for line, one in zip(lines, traces, strict=True)]
    return json_answer({"traces": turns})


def _calls(store: Store, request: Request) -> Answer:
    """List the operations that match the filters on an operation, in the traces that match the others."""
    limit = values.number(request, "limit", 1, _MOST_CALLS) or 50
    sort = values.choice(request, "sort", SORTS, "start")
    query = {name: value for name, value in request.query.items() if name not in ("sort", "order", "before")}
    chosen = CallFilter(
        filter_of(Request(request.method, request.path, query=query)),
        counted=values.flag(request, "counted") or False,
        unnamed=values.flag(request, "unnamed") or False,
    )
    offset = values.number(request, "offset", 0, 10**9) or 0
    # one more, to know whether there are more
    found = calls(store, chosen, sort=sort, ascending=values.is_ascending(request), limit=limit + 1, offset=offset)
    more, found = len(found) > limit, found[:limit]
    activity = values.activity_in(store, list({one.trace_id for one in found if one.status == "running"}))
    return json_answer({"calls": [_call(one, activity) for one in found], "more": more})


def _call(one: CallLine, activity: answers.Activity) -> Json:
    """Return one line of the list of calls."""
    runs = one.status == "running"
    # what runs when its trace has ended never ends
    unfinished = runs and (one.trace_status not in (None, "running") or one.trace_id in activity.unfinished)
    return {
        "id": one.id,
        "trace": one.trace_id,
        "kind": one.kind,
        "name": one.name,
        "status": one.status,
        "start": one.start_ns // 1000,
        **answers.keep_known(
            operation=one.operation,
            agent=one.agent_id,
            trace_agent=one.trace_agent,
            duration=answers.duration(one.start_ns, one.end_ns),
            model=one.model,
            tokens=one.tokens,
            cached=one.cached,
            cost=one.cost,
            error=answers.short_error(one.error),
            error_type=one.error_type,
            preview=one.preview,
            last_active=activity.last.get(one.trace_id, one.start_ns) // 1000 if runs else None,
            unfinished=unfinished or None,
        ),
    }


def _facets(store: Store, _: Request) -> Answer:
    return json_answer(asdict(queries.facets(store)))


def _hints(store: Store, _: Request) -> Answer:
    hints = [{**hint._asdict(), "seen": hint.time_ns // 1000} for hint in load_hints(store.path)]
    return json_answer({"hints": [{name: hint[name] for name in _HINT} for hint in reversed(hints)]})


_HINT: Final = ("name", "place", "text", "advice", "seen")

ROUTES: Final = (
    Route("GET", "/api/traces", _traces),
    Route("GET", "/api/calls", _calls),
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
