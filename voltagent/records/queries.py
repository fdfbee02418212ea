"""Queries of the viewer besides whole traces: operations without their payloads, single operations, facets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, cast

from voltagent.records.previews import HAS_MESSAGES, previews
from voltagent.records.reading import traces_of
from voltagent.render.previews import REQUEST, WITH_MESSAGES, beginning
from voltagent.storage.traces import columns
from voltagent.storage.traces.liveness import is_gone
from voltagent.storage.traces.records import (
    OPERATION,
    OPERATION_SUMMARY,
    UNFINISHED,
    OperationSummary,
    StoredOperation,
    StoredTrace,
    operation_summary,
    stored_operation,
)
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.tokens import with_sums

_SUMMARIES: Final = f"SELECT {OPERATION_SUMMARY} FROM operations WHERE trace_id = ? ORDER BY start_ns, key"  # noqa: S608 - all of it is written here
_OPERATION: Final = f"SELECT {OPERATION} FROM operations WHERE trace_id = ? AND id = ?"  # noqa: S608 - likewise
_HOLDING: Final = " OR ".join(
    f"{column} LIKE :text ESCAPE '\\'"
    for column in ("input", "output", "error", "metadata", "update_metadata", "end_metadata")
)
_CONTAINING: Final = f"""
    SELECT id FROM operations WHERE trace_id = :trace AND ({_HOLDING} OR instructions LIKE :text ESCAPE '\\')
    UNION SELECT id FROM traces WHERE id = :trace AND ({_HOLDING})"""  # noqa: S608 - likewise
_CONVERSATION: Final = """
    SELECT id FROM traces WHERE conversation_id = ? AND id IS NOT NULL ORDER BY start_ns DESC, key DESC LIMIT ?"""

# Facets cover recent traces: a list to choose from need not offer values of a year ago.
_RECENT: Final = """
    FROM (SELECT agent_id, user_id, conversation_id, version, tags FROM traces ORDER BY start_ns DESC LIMIT 2000)"""
_FACETS: Final[Mapping[str, str]] = {
    "agents": f"""
        SELECT agent_id {_RECENT} UNION
        SELECT name FROM (SELECT name FROM operations WHERE kind = 'agent' ORDER BY start_ns DESC LIMIT 5000)""",  # noqa: S608 - all of it is written here
    "users": f"SELECT DISTINCT user_id {_RECENT} WHERE user_id IS NOT NULL",
    "tags": f"SELECT DISTINCT value {_RECENT}, json_each(CASE WHEN json_valid(tags) THEN tags END)",
    "conversations": f"SELECT DISTINCT conversation_id {_RECENT} WHERE conversation_id IS NOT NULL",
    "versions": f"SELECT DISTINCT version {_RECENT} WHERE version IS NOT NULL",
    "environments": "SELECT DISTINCT environment FROM totals WHERE environment IS NOT NULL",
    "models": "SELECT DISTINCT model FROM calls WHERE model IS NOT NULL",
    "error_types": "SELECT DISTINCT error_type FROM calls WHERE error_type IS NOT NULL",
    "tools": "SELECT DISTINCT name FROM operations WHERE kind = 'tool'",
    "scores": "SELECT DISTINCT name FROM scores",
    # steps from key to key in an index: `DISTINCT` would read all of it
    "metadata": """
        WITH RECURSIVE keys(name) AS (
            SELECT min(name) FROM labels
            UNION ALL SELECT (SELECT min(name) FROM labels WHERE name > keys.name) FROM keys
            WHERE name IS NOT NULL LIMIT 200
        ) SELECT name FROM keys WHERE name IS NOT NULL""",
    # steps from kind to kind in an index: `DISTINCT` would read all of it
    "kinds": """
        WITH RECURSIVE kinds(kind) AS (
            SELECT min(kind) FROM operations
            UNION ALL SELECT (SELECT min(kind) FROM operations WHERE kind > kinds.kind) FROM kinds
            WHERE kind IS NOT NULL LIMIT 200
        ) SELECT kind FROM kinds WHERE kind IS NOT NULL""",
}
_MOST_VALUES: Final = 200  # per facet

_GIVEN: Final = "(SELECT value FROM json_each(?))"  # a list as one value: there may be more than SQLite has places for
_SIGNED: Final = f"SELECT id, writer FROM traces WHERE status = 'running' AND writer IS NOT NULL AND id IN {_GIVEN}"  # noqa: S608 - all of it is written here
_WRITERS: Final = "SELECT DISTINCT writer FROM traces WHERE status <> 'completed' AND status = 'running'"
_LAST_ACTIVITY: Final = f"""
    SELECT trace_id, max(max(start_ns, coalesce(end_ns, 0))) FROM operations WHERE trace_id IN {_GIVEN}
    GROUP BY trace_id"""  # noqa: S608 - likewise
_OUTER_AGENTS: Final = """
    SELECT input, output FROM operations WHERE trace_id = ? AND parent_id IS NULL AND kind = 'agent'
    ORDER BY start_ns, key"""


@dataclass(frozen=True, slots=True)
class Facets:
    """Existing values, sorted, that a filter can use: of recent traces, at most 200 per facet."""

    agents: Sequence[str]
    tags: Sequence[str]
    kinds: Sequence[str]
    users: Sequence[str]
    conversations: Sequence[str]
    versions: Sequence[str]
    environments: Sequence[str]
    models: Sequence[str]
    error_types: Sequence[str]
    tools: Sequence[str]
    scores: Sequence[str]  # score names
    metadata: Sequence[str]  # metadata keys


def facets(store: Store) -> Facets:
    """Return the values that occur in recent traces."""
    return Facets(**{name: _values(store, query) for name, query in _FACETS.items()})


def conversation(store: Store, id: str, limit: int) -> list[StoredTrace]:
    """Return the newest traces of a conversation, in the order in which they began, with payloads.

    A trace without an output has that of the last agent directly in it. A request to a web application has the input of
    the first one.
    """
    ids = store.rows(_CONVERSATION, (id, limit))
    found = traces_of(store, [trace_id for (trace_id,) in reversed(ids)])
    return [_answered(store, trace) for trace in found]


def _answered(store: Store, trace: StoredTrace) -> StoredTrace:
    given: Any = trace.input
    fields: dict[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    # the name of such a trace begins with the method; its question and answer are those of the agents in it
    is_request = fields.keys() == REQUEST and trace.name.partition(" ")[0] == fields["method"]
    agents = store.rows(_OUTER_AGENTS, (trace.id,)) if is_request or trace.output is None else ()
    if not agents:
        return trace
    question: Any = columns.value(agents[0]["input"]) if is_request else trace.input
    answer: Any = columns.value(agents[-1]["output"]) if trace.output is None else trace.output
    return replace(trace, input=question, output=answer)


def containing(store: Store, trace_id: str, text: str) -> list[str]:
    """Return the ids of the operations of a trace, and of the trace itself, whose payloads contain a text."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    escaped = quoted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [id for (id,) in store.rows(_CONTAINING, {"trace": trace_id, "text": f"%{escaped}%"})]


def last_activity(store: Store, trace_ids: Sequence[str]) -> dict[str, int]:
    """Return when an operation of each trace last began or ended (ns); what a killed process recorded runs for ever."""
    return {id: columns.start(last) for id, last in store.rows(_LAST_ACTIVITY, (json.dumps(trace_ids),))}


def unfinished(store: Store, trace_ids: Sequence[str]) -> set[str]:
    """Return those of the traces that will never end, as the process that wrote them has died.

    Unknown for traces that came over HTTP.
    """
    given = (json.dumps(trace_ids),)
    gone = {writer for writer in {writer for _, writer in store.rows(_SIGNED, given)} if is_gone(store.path, writer)}
    if not gone:
        return set()
    # read the writers again: a process may have ended its traces after the first query, and then exited
    return {id for id, writer in store.rows(_SIGNED, given) if writer in gone}


def writers_gone(store: Store) -> frozenset[str]:
    """Return the names of the dead processes that have left running traces."""
    names = {name for (name,) in store.rows(_WRITERS, ()) if name is not None}
    return frozenset(name for name in names if is_gone(store.path, name))


class OperationLine(NamedTuple):
    """The row of an operation in a tree, as stored, but for the preview."""

    id: str
    parent_id: str | None
    kind: str
    name: str
    operation: str | None
    agent_id: str | None
    status: str
    start_ns: Any
    end_ns: Any
    usage: Any
    error: Any
    level: str | None
    tags: Any
    unfinished: int  # 1 if it was still running when its program ended, and was ended by that
    key: int
    preview: Any  # how the input begins


_LINES: Final = f"""
    SELECT {", ".join(OperationLine._fields[:-3])}, {UNFINISHED} AS unfinished, key,
        CASE WHEN {HAS_MESSAGES} THEN NULL ELSE substr(input, 1, ?) END AS preview
    FROM operations
    WHERE trace_id = ? ORDER BY start_ns, key"""  # noqa: S608 - all of it is written here
# Chooses the operations first: sorting would else carry the inputs of all of them.
_FIRST_LINES: Final = _LINES.replace(
    "trace_id = ?", "key IN (SELECT key FROM operations WHERE trace_id = ? ORDER BY start_ns, key LIMIT ?)"
)
_MODELS: Final = "SELECT id, model FROM calls WHERE trace_id = ? AND model IS NOT NULL"


def operation_lines(store: Store, trace_id: str, length: int, limit: int | None = None) -> list[OperationLine]:
    """Return the operations of a trace, in the order in which they began.

    Args:
        length: the number of characters of each preview.
        limit: return only that many, without sums for agents, which would need all operations.
    """
    if limit is None:
        rows: list[Any] = list(with_sums(store.rows(_LINES, (length, trace_id))))
    else:
        rows = store.rows(_FIRST_LINES, (length, trace_id, limit))
    questions = previews(store, "operations", [row["key"] for row in rows if row["kind"] in WITH_MESSAGES], length)
    return [_line(row, questions, length) for row in rows]


def _line(row: Any, questions: Mapping[int, str], length: int) -> OperationLine:
    values: list[Any] = list(row.values() if isinstance(row, dict) else row)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    begins = values[-1]
    values[-1] = questions.get(values[-2]) if begins is None else beginning(columns.text(begins), length)
    return OperationLine(*values)


def models_of(store: Store, trace_id: str) -> dict[str, str]:
    """Return the models of the operations of a trace, by operation id."""
    return dict(store.rows(_MODELS, (trace_id,)))


def operation_summaries(store: Store, trace_id: str) -> list[OperationSummary]:
    """Return the operations of a trace, in the order in which they began."""
    return [operation_summary(row) for row in with_sums(store.rows(_SUMMARIES, (trace_id,)))]


def operation(store: Store, trace_id: str, id: str) -> StoredOperation | None:
    """Return one operation with its payloads; ``None`` if it does not exist."""
    rows = store.rows(_OPERATION, (trace_id, id))
    if not rows:
        return None
    found = stored_operation(rows[0])
    if found.kind != "agent" or found.usage is not None:
        return found
    return replace(found, usage=next(one.usage for one in operation_summaries(store, trace_id) if one.id == id))


def _values(store: Store, query: str) -> list[str]:
    return sorted({str(value) for (value,) in store.rows(f"SELECT * FROM ({query}) LIMIT {_MOST_VALUES}")})  # noqa: S608 - all of it is written here
