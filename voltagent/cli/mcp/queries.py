"""What the tools of the MCP server ask of a local store. Each returns plain JSON, within a bound.

The arguments are those of the tool's schema, which have been validated; ``max_tokens`` is an estimate.
"""

from __future__ import annotations

import difflib
from itertools import islice
from pathlib import Path
from typing import Any, Final

from voltagent.cli.for_agent import CHARACTERS_PER_TOKEN, cut, folded_tree
from voltagent.cli.mcp.views import as_json, contains, excerpt, full_operation, outline, place, summary
from voltagent.errors import VoltAgentError
from voltagent.records import TraceRecord, load_traces
from voltagent.records.loading import nanoseconds
from voltagent.records.reading import open_store, record_of, select_trace
from voltagent.records.started import started_traces
from voltagent.records.statistics import PERCENTILES, metrics
from voltagent.render.text import error_text

_MOST_STARTED: Final = 20  # traces that are listed with the one that started them
MOST_ITEMS: Final = 100  # of a list, whatever `limit` says


def list_traces(path: Path, limit: int = 20, **filters: Any) -> list[dict[str, Any]]:
    """Return summaries of the traces that fit the filters of :func:`voltagent.records.load_traces`."""
    return [summary(trace) for trace in load_traces(path, limit=min(limit, MOST_ITEMS), **filters)]


def get_trace(path: Path, trace_id: str, max_tokens: int = 2000) -> dict[str, Any]:
    """Return a summary of a trace and its tree, within the tokens that the caller allows."""
    trace = _trace(path, trace_id)
    space = max_tokens * CHARACTERS_PER_TOKEN
    with open_store(path) as store:
        started = started_traces(store, trace.id)[:_MOST_STARTED]
    about = summary(trace)
    if started:
        about["started"] = [
            {"trace_id": one.id, "name": one.name, "status": one.status, "started_by": one.parent_id} for one in started
        ]
    if len(as_json(about)) > space // 2:  # the tree is more useful
        about = {name: about[name] for name in ("id", "status", "errors")}
    return {**about, "tree": _tree_within(trace, space - len(as_json(about)) - len(', "tree": '))}


def get_operation(path: Path, trace_id: str, operation_id: str, max_tokens: int = 4000) -> dict[str, Any]:
    """Return one operation in full, found by its id or the beginning of it."""
    trace = _trace(path, trace_id)
    found = [operation for operation in trace.walk() if operation.id == operation_id] or [
        operation for operation in trace.walk() if operation.id.startswith(operation_id)
    ]
    if len(found) != 1:
        problem = "no operation" if not found else f"{len(found)} operations"
        raise VoltAgentError(f"{problem} in the trace {trace.id} with the id prefix {operation_id!r}")
    return full_operation(found[0], max_tokens * CHARACTERS_PER_TOKEN)


def search(path: Path, text: str, limit: int = 20) -> list[dict[str, Any]]:
    """Return the traces that contain a text, with an excerpt of each operation in which it occurs."""
    found: list[dict[str, Any]] = []
    for trace in load_traces(path, text=text, limit=min(limit, MOST_ITEMS)):
        hits = [operation for operation in trace.walk() if contains(operation, text)][:5]
        matches = [{**place(operation), "match": excerpt(operation, text)} for operation in hits]
        found.append({**summary(trace), "operations": matches})
    return found


def compare_traces(path: Path, first: str, second: str, max_tokens: int = 2000) -> dict[str, Any]:
    """Return two traces as summaries, and the lines of their outlines that differ."""
    traces = [_trace(path, identifier) for identifier in (first, second)]
    first_lines, second_lines = map(outline, traces)
    lines = [line for line in difflib.ndiff(first_lines, second_lines) if not line.startswith("?")]
    return {
        "first": summary(traces[0]),
        "second": summary(traces[1]),
        "equal": first_lines == second_lines,
        "differences": cut("\n".join(lines), max_tokens * CHARACTERS_PER_TOKEN),
    }


def count(path: Path, by: str = "agent", since: str | None = None, until: str | None = None) -> list[dict[str, Any]]:
    """Return calls, errors, tokens and durations for each agent, model or other group."""
    with open_store(path) as store:
        since_ns, until_ns = nanoseconds("since", since), nanoseconds("until", until)
        found = metrics(store, by, buckets=1, since_ns=since_ns, until_ns=until_ns)
    return [
        {
            "name": group.name,
            "calls": group.total.calls,
            "errors": group.total.errors,
            "tokens": group.total.tokens,
            "seconds": {f"p{percent}": _seconds(group.total.percentile(percent)) for percent in PERCENTILES},
        }
        for group in found.groups[:MOST_ITEMS]
    ]


def list_errors(path: Path, limit: int = 20, **filters: Any) -> list[dict[str, Any]]:
    """Return the operations that failed, the newest traces first."""
    found = (
        {
            "trace_id": trace.id,
            "agent_id": trace.agent_id,
            **place(operation),
            "error": cut(error_text(operation.error), 500),
            "input": cut(as_json(operation.input), 500),
        }
        for trace in load_traces(path, errors=True, **filters)
        for operation in trace.walk()
        if operation.status == "error"
    )
    return list(islice(found, min(limit, MOST_ITEMS)))


def _trace(path: Path, identifier: str) -> TraceRecord:
    """Return the trace with this id, the newest of an agent with this name, or the trace whose id begins like this."""
    with open_store(path) as store:
        found = select_trace(store, identifier) if identifier else None
        if found is None:
            raise VoltAgentError(
                f"no trace has the id {identifier!r}, an id with this prefix, or an agent of this name"
            )
        return record_of(store, found)


def _tree_within(trace: TraceRecord, space: int) -> str:
    """Return the tree so that it has at most ``space`` characters in JSON, where a line break takes two."""
    tokens = space // CHARACTERS_PER_TOKEN
    while tokens > 0:
        tree = folded_tree(trace, tokens)
        excess = len(as_json(tree)) - space
        if excess <= 0:
            return tree
        tokens -= 1 + excess // CHARACTERS_PER_TOKEN
    return ""


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
