"""``/api/…``: what the page shows, as JSON.

Times are whole microseconds since the epoch, which JavaScript's numbers hold exactly; durations are microseconds with a
fraction. What is unknown is absent, and in rows null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any, Final, NamedTuple, TypeVar, cast

from pydantic_core import from_json

from voltagent.render.document import document
from voltagent.render.text import error_text
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.storage.traces import columns, queries, statistics
from voltagent.storage.traces.facts import counts_of
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import StoredTrace, TraceSummary
from voltagent.storage.traces.store import Store

T = TypeVar("T")

_LONGEST_ERROR: Final = 200  # characters of an error in a list
_LONGEST_INPUT: Final = 300  # characters of an input in a list
_LONGEST_PREVIEW: Final = 120  # characters of an input in a tree
_LONGEST_TEXT: Final = 1000  # characters to look for
_MOST_TRACES: Final = 500  # of one answer
_MOST_TURNS: Final = 200  # traces of a conversation
_MOST_BUCKETS: Final = 500
_LARGEST_TIME: Final = 2**63 // 1000 - 1  # µs

COLUMNS: Final = (
    "id", "parent", "kind", "name", "operation", "agent", "status", "start", "duration", "usage", "error", "level",
    "tags", "preview", "model", "tokens", "cached", "cost",
)  # fmt: skip

Json = dict[str, Any]


# ------------------------------------------------------------------------------------------------------------- traces


def _traces(store: Store, request: Request) -> Answer:
    limit = _number(request, "limit", 1, _MOST_TRACES) or 50
    found = store.traces(_filter(request), limit + 1)
    page, more = found[:limit], len(found) > limit
    begun = queries.inputs(store, [trace.id for trace in page], _LONGEST_INPUT)
    activity = _activity(store, page)
    traces = [{**_line(trace, activity), **_given(input=_excerpt(begun.get(trace.id)))} for trace in page]
    return json_answer({"traces": traces, "more": more})


def _filter(request: Request) -> Filter:
    def time(name: str, factor: int) -> int | None:
        number = _number(request, name, 0, _LARGEST_TIME * 1000 // factor)
        return None if number is None else number * factor

    if len(request.query.get("text", "")) > _LONGEST_TEXT:
        raise RequestError(400, f"text must have at most {_LONGEST_TEXT} characters")
    texts: dict[str, Any] = {name: request.query.get(name) or None for name in _TEXTS}
    return Filter(
        **texts,
        since_ns=time("since", 1000),
        until_ns=time("until", 1000),
        min_ns=time("min_ms", 1_000_000),
        max_ns=time("max_ms", 1_000_000),
        has_errors=_flag(request, "errors"),
    )


def _flag(request: Request, name: str) -> bool | None:
    value = request.query.get(name) or None
    if value not in (None, "0", "1"):
        raise RequestError(400, f"{name} must be 0 or 1")
    return None if value is None else value == "1"


_TEXTS: Final = ("agent", "status", "kind", "tag", "user", "conversation", "text", "before")


class _Activity(NamedTuple):
    """What is known of the traces that have no end."""

    last: Mapping[str, int]  # when something of them last began or ended (ns)
    unfinished: Set[str]  # those that never end, as their process is gone


def _activity(store: Store, traces: Iterable[TraceSummary]) -> _Activity:
    running = [trace.id for trace in traces if trace.status == "running"]
    return (
        _Activity(queries.last_activity(store, running), queries.unfinished(store, running))
        if running
        else _NO_ACTIVITY
    )


_NO_ACTIVITY: Final = _Activity({}, frozenset())


def _line(trace: TraceSummary, activity: _Activity) -> Json:
    """What a list shows of a trace."""
    return {
        "id": trace.id,
        "agent": trace.agent_id,
        "name": trace.name,
        "status": trace.status,
        "start": trace.start_ns // 1000,
        "operations": trace.operations,
        "errors": trace.errors,
        **_given(
            duration=_duration(trace.start_ns, trace.end_ns),
            user=trace.user_id,
            conversation=trace.conversation_id,
            tags=trace.tags or None,
            usage=trace.usage,
            error=_short(trace.error),
            parent_trace=trace.parent_trace_id,
            # when something of it last happened, to tell what runs from what was killed
            last_active=max(trace.start_ns, activity.last.get(trace.id, 0)) // 1000
            if trace.status == "running"
            else None,
            unfinished=trace.id in activity.unfinished or None,
        ),
    }


def _trace(store: Store, request: Request) -> Answer:
    trace = store.trace(request.captured[0])
    if trace is None:
        raise RequestError(404, "there is no trace with this id")
    rows = queries.operation_rows(store, trace.id)
    whole = _whole(trace, _activity(store, [trace]))
    inputs = queries.operation_inputs(store, trace.id, _LONGEST_PREVIEW)
    operations = [_row(row, _excerpt(inputs.get(row["id"]))) for row in rows]
    return json_answer({"trace": whole, "columns": COLUMNS, "operations": operations})


def _hashes(store: Store, request: Request) -> Answer:
    """Per operation the hashes of its input, instructions, model and output, for a comparison."""
    found = queries.operation_contents(store, request.captured[0])
    hashes = {
        id: [_hash(input), _hash(instructions), _hash(_model(metadata)), _hash(output)]
        for id, input, instructions, output, *metadata in found
    }
    return json_answer({"parts": ("input", "instructions", "model", "output"), "hashes": hashes})


def _hash(value: Any) -> str | None:
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _model(metadata: Sequence[Any]) -> str | None:
    merged = columns.merged(metadata)
    parameters = merged.get("model_parameters")
    model = merged.get("model") or (
        cast("dict[str, Any]", parameters).get("model") if isinstance(parameters, dict) else None
    )
    return model if isinstance(model, str) else None


def _matches(store: Store, request: Request) -> Answer:
    """The operations of a trace whose payloads contain a text; the trace's own id if its payloads do."""
    text = request.query.get("text", "")
    if len(text) > _LONGEST_TEXT:
        raise RequestError(400, f"text must have at most {_LONGEST_TEXT} characters")
    return json_answer({"ids": queries.containing(store, request.captured[0], text) if text else []})


def _export(store: Store, request: Request) -> Answer:
    trace = store.trace(request.captured[0])
    if trace is None:
        raise RequestError(404, "there is no trace with this id")
    return json_answer(document(trace, store.operations(trace.id)))


def _whole(trace: StoredTrace, activity: _Activity) -> Json:
    completion_ns = trace.completion_start_ns
    return {
        **_line(trace, activity),
        "metadata": trace.metadata,
        "input": trace.input,
        "output": trace.output,
        **_given(
            version=trace.version,
            level=trace.level,
            error=trace.error,
            completion_start=None if completion_ns is None else completion_ns // 1000,
        ),
    }


def _row(row: Mapping[str, Any], preview: str | None) -> tuple[Any, ...]:
    """A row of :func:`queries.operation_rows` as one of :data:`COLUMNS`."""
    start_ns, end_ns = columns.start(row["start_ns"]), columns.end(row["end_ns"])
    usage = columns.usage(row["usage"])
    counts = counts_of(usage)
    return (
        *(row[name] for name in ("id", "parent_id", "kind", "name", "operation", "agent_id", "status")),
        start_ns // 1000,
        _duration(start_ns, end_ns),
        usage,
        _short(columns.error(row["error"])),
        row["level"],
        None if row["tags"] is None else columns.tags(row["tags"]),
        preview,
        row["model"],
        counts.total_tokens,
        counts.cached_tokens,
        counts.cost,
    )


def _operation(store: Store, request: Request) -> Answer:
    operation = queries.operation(store, *request.captured)
    if operation is None:
        raise RequestError(404, "there is no such operation in this trace")
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
    more = _given(
        parent=operation.parent_id,
        operation=operation.operation,
        agent=operation.agent_id,
        duration=_duration(operation.start_ns, operation.end_ns),
        usage=operation.usage,
        error=operation.error,
        instructions=operation.instructions,
        version=operation.version,
        level=operation.level,
        tags=operation.tags or None,
    )
    return json_answer(facts | more)


def _conversation(store: Store, request: Request) -> Answer:
    traces = queries.conversation(store, request.captured[0], _MOST_TURNS)
    activity = _activity(store, traces)
    turns = [{**_line(trace, activity), "input": trace.input, "output": trace.output} for trace in traces]
    return json_answer({"traces": turns})


def _facets(store: Store, _: Request) -> Answer:
    return json_answer(asdict(queries.facets(store)))


# ------------------------------------------------------------------------------------------------------------ metrics


def _metrics(store: Store, request: Request) -> Answer:
    by = request.query.get("by") or "agent"
    if by not in statistics.BY:
        raise RequestError(400, f"by must be one of {', '.join(statistics.BY)}")
    since, until = (_number(request, name, 0, _LARGEST_TIME) for name in ("since", "until"))
    found = statistics.metrics(
        store,
        by,
        since_ns=None if since is None else since * 1000,
        until_ns=None if until is None else until * 1000,
        buckets=_number(request, "buckets", 1, _MOST_BUCKETS) or 60,
    )
    groups = [_group(group) for group in found.groups[:_MOST_GROUPS]]
    return json_answer({"buckets": [start // 1000 for start in found.starts], "groups": groups})


_MOST_GROUPS: Final = 100


def _group(group: statistics.Group) -> Json:
    percentiles = {f"p{percent}": [_percentile(one, percent) for one in group.buckets] for percent in _PERCENTILES}
    return {
        "name": group.name,
        "calls": [one.calls for one in group.buckets],
        "errors": [one.errors for one in group.buckets],
        **percentiles,
        "tokens": [one.tokens for one in group.buckets],
        "total": {
            "calls": group.total.calls,
            "errors": group.total.errors,
            **{f"p{percent}": _percentile(group.total, percent) for percent in _PERCENTILES},
            "tokens": group.total.tokens,
        },
    }


_PERCENTILES: Final = statistics.PERCENTILES


def _percentile(totals: statistics.Totals, percent: int) -> float | None:
    duration_ns = totals.percentile(percent)
    return None if duration_ns is None else duration_ns / 1000


# -------------------------------------------------------------------------------------------------------------- values


def _given(**values: Any) -> Json:
    """Those that are known."""
    return {name: value for name, value in values.items() if value is not None}


def _duration(start_ns: int, end_ns: int | None) -> float | None:
    return None if end_ns is None else (end_ns - start_ns) / 1000


def _short(error: Any) -> str | None:
    return None if error is None else _cut(error_text(error), _LONGEST_ERROR)


def _excerpt(text: str | None) -> str | None:
    """What an input says: the text itself, where it is one or the only field of an object, else its JSON."""
    if text is None or text in ("{}", "null"):
        return None
    try:
        value = from_json(text)
    except ValueError:  # it was cut
        return _cut(text, _LONGEST_INPUT - 1)
    if isinstance(value, dict) and len(value) == 1:  # pyright: ignore[reportUnknownArgumentType]
        (value,) = value.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value if isinstance(value, str) else text


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def _number(request: Request, name: str, least: int, most: int) -> int | None:
    """A parameter that is a whole number; ``None`` where it is not given.

    Raises:
        RequestError: it is none, or out of bounds.
    """
    text = request.query.get(name)
    if not text:
        return None
    try:
        number = round(float(text))
    except (ValueError, OverflowError) as exc:
        raise RequestError(400, f"{name} must be a number, not {text[:40]!r}") from exc
    if not least <= number <= most:
        raise RequestError(400, f"{name} must be between {least} and {most}, not {text[:40]!r}")
    return number


ROUTES: Final = (
    Route("GET", "/api/traces", _traces),
    Route("GET", "/api/facets", _facets),
    Route("GET", "/api/traces/{id}", _trace),
    Route("GET", "/api/traces/{id}/operations/{operation}", _operation),
    Route("GET", "/api/traces/{id}/hashes", _hashes),
    Route("GET", "/api/traces/{id}/matches", _matches),
    Route("GET", "/api/traces/{id}/export", _export),
    Route("GET", "/api/conversations/{id}", _conversation),
    Route("GET", "/api/metrics", _metrics),
)
