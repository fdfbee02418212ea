"""What the local store gives back: traces and operations as plain records, and the queries for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.storage.traces import columns
from voltagent.storage.traces.columns import Json
from voltagent.storage.traces.tokens import PARTS_OF_TRACE

_Row: TypeAlias = Sequence[Any]


class Known(NamedTuple):
    """What is known of a stored trace or operation that an update is for."""

    id: str
    trace_id: str
    agent_id: str
    kind: str
    name: str
    operation: str | None
    status: str


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One line of a list of traces: everything but the payloads. Times are nanoseconds since the epoch."""

    id: str
    agent_id: str
    name: str
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it runs
    user_id: str | None
    conversation_id: str | None
    parent_trace_id: str | None
    version: str | None
    level: str | None
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None  # its own if given, else as `tokens` sums it
    error: Json  # a text or an object with `message`
    operations: int  # how many operations it has
    errors: int  # how many of them failed


@dataclass(frozen=True, slots=True)
class StoredTrace(TraceSummary):
    """A trace with its payloads."""

    completion_start_ns: int | None
    metadata: Mapping[str, Json]  # the user's keys; what came later wins
    input: Json
    output: Json


@dataclass(frozen=True, slots=True)
class OperationSummary:
    """One operation of a trace, or a custom event, without its payloads. Times are nanoseconds since the epoch."""

    sequence: int  # rises with the order of arrival; tells operations apart that began at the same time
    id: str
    trace_id: str
    parent_id: str | None  # None directly under the trace
    kind: str  # "agent", "tool", "memory", "retriever", or the type of a custom event
    name: str
    operation: str | None  # "read" or "write" for a memory
    agent_id: str | None  # the nearest enclosing agent
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it runs, and for a moment without duration
    version: str | None
    level: str | None
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None
    error: Json  # a text or an object with `message`


@dataclass(frozen=True, slots=True)
class StoredOperation(OperationSummary):
    """An operation with its payloads."""

    instructions: str | None
    metadata: Mapping[str, Json]  # the user's keys; what came later wins
    input: Json
    output: Json


# ------------------------------------------------------------------------------------------------------- the queries

# Counting per trace is an index scan each, so a list pays only for the traces on its page. JSON is handed out as text.
SUMMARY: Final = f"""
    id, agent_id, name, status, start_ns, end_ns, user_id, conversation_id, parent_trace_id, version, level,
    tags, usage, CASE WHEN usage IS NULL THEN {PARTS_OF_TRACE} END,
    error,
    (SELECT count(*) FROM operations o WHERE o.trace_id = traces.id),
    (SELECT count(*) FROM operations o WHERE o.trace_id = traces.id AND o.status = 'error')"""  # noqa: S608 - all of it is written here

TRACE_QUERY: Final = f"""
    SELECT {SUMMARY}, completion_start_ns, metadata, update_metadata, end_metadata, input, output
    FROM traces WHERE id = ?"""  # noqa: S608 - all of it is written here

OPERATION_SUMMARY: Final = """
    key, id, trace_id, parent_id, kind, name, operation, agent_id, status, start_ns, end_ns, version, level,
    tags, usage, error"""
OPERATION: Final = f"{OPERATION_SUMMARY}, instructions, metadata, update_metadata, end_metadata, input, output"

OPERATIONS_QUERY: Final = f"SELECT {OPERATION} FROM operations WHERE trace_id = ? ORDER BY start_ns, key"  # noqa: S608 - all of it is written here

# The fields of `Known`. Operations have no index by their id alone: it would cost each insert,
# and this is asked for updates by REST only. So it is looked for in the index that has it second, and not in the pages.
KNOWN_TRACE: Final = "SELECT id, id, agent_id, 'trace', name, NULL, status FROM traces WHERE id = ?"
KNOWN_OPERATION: Final = """
    SELECT id, trace_id, coalesce(agent_id, ''), kind, name, operation, status FROM operations
    WHERE key = (SELECT key FROM operations WHERE id = ? LIMIT 1)"""

# Told which index to take: by the one for statistics it would read all agents there are.
_AGENT: Final = """
    agent_id = :agent OR id IN (
        SELECT trace_id FROM operations INDEXED BY operations_agents WHERE kind = 'agent' AND name = :agent)"""
_TAG: Final = """
    EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(traces.tags) THEN traces.tags END) WHERE value = :tag)
    OR id IN (
        SELECT o.trace_id FROM operations o, json_each(CASE WHEN json_valid(o.tags) THEN o.tags END) WHERE
        o.tags IS NOT NULL AND json_each.value = :tag)"""
# LIKE ignores case in ASCII, and looks at each byte once, but stops at each that is as the first of the pattern. So a
# part of the text that begins with a rare letter is looked for first: half the time for 50 000 operations with 2 KB of
# payload each. A full-text index would answer sooner and cost every insert.
_HOLDS: Final = r"({0} LIKE :rare ESCAPE '\' AND {0} LIKE :quoted ESCAPE '\')"
_PAYLOADS: Final = " OR ".join(map(_HOLDS.format, ("input", "output", "error")))
_TEXT: Final = rf"""
    name LIKE :plain ESCAPE '\' OR agent_id LIKE :plain ESCAPE '\' OR {_PAYLOADS} OR id IN (
        SELECT trace_id FROM operations WHERE name LIKE :plain ESCAPE '\' OR {_PAYLOADS})"""  # noqa: S608 - all of it is written here
# The parameters of a model are part of the metadata, which is JSON objects, one on each line.
_NAMES_MODEL: Final = " OR ".join(
    f"{column} LIKE :model_member ESCAPE '\\'" for column in ("metadata", "update_metadata", "end_metadata")
)
_MODEL: Final = f"""
    id IN (
        SELECT trace_id FROM operations
        WHERE kind IN ('agent', 'llm', 'embedding', 'reranker') AND ({_NAMES_MODEL}))"""  # noqa: S608 - all of it is written here
_COMMON_FIRST: Final = ' etaoinsrhld"cum,.:0123456789fpgwyb_-/vkxjqz'  # in English texts and JSON, about
# The second half of the status is what lets SQLite use the partial index.
_CONDITIONS: Final[Mapping[str, str]] = {
    "agent": _AGENT,
    "status": "status = :status",
    "tag": _TAG,
    "user": "user_id = :user",
    "conversation": "conversation_id = :conversation",
    "kind": "id IN (SELECT trace_id FROM operations WHERE kind = :kind)",
    "tool": "id IN (SELECT trace_id FROM operations WHERE kind = 'tool' AND name = :tool)",
    "model": _MODEL,
    "text": _TEXT,
    "min_ns": "end_ns - start_ns >= :min_ns",
    "max_ns": "end_ns - start_ns <= :max_ns",
    "since_ns": "start_ns >= :since_ns",
    "until_ns": "start_ns < :until_ns",
    "has_errors": """
        (status = 'error' OR id IN (
            SELECT trace_id FROM operations INDEXED BY operations_errors WHERE status = 'error')) = :has_errors""",
    "id": "id = :id",
    "not_pushed_to": "id NOT IN (SELECT trace_id FROM pushed WHERE destination = :not_pushed_to)",
    "before": "(start_ns, key) < (SELECT b.start_ns, b.key FROM traces b WHERE b.id = :before)",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which traces to list; ``None`` means any. All conditions must hold."""

    agent: str | None = None  # the trace's agent id, or the name of an agent in it
    status: str | None = None
    tag: str | None = None  # of the trace, or of an operation in it
    user: str | None = None
    conversation: str | None = None
    kind: str | None = None  # has an operation of this kind
    text: str | None = None  # in a name, an input, an output or an error, of the trace or of an operation in it
    min_ns: int | None = None  # took at least so long
    max_ns: int | None = None  # took at most so long
    since_ns: int | None = None  # began at or after
    until_ns: int | None = None  # began before
    tool: str | None = None  # has a call of this tool
    model: str | None = None  # has an agent or a call with this model
    has_errors: bool | None = None  # whether the trace, or an operation in it, failed
    id: str | None = None  # the whole id
    not_pushed_to: str | None = None  # a destination as `Store.mark_pushed` names it
    before: str | None = None  # a trace's id: what follows it in the list, for the next page

    def query(self, limit: int) -> tuple[str, dict[str, Any]]:
        """The SQL text and its parameters."""
        where, values = self._where()
        order = "ORDER BY start_ns DESC, key DESC"
        # the page is found first: what a line shows is then counted for the page only
        page = f"SELECT key FROM traces {where} {order} LIMIT :limit"  # noqa: S608 - values are bound
        return f"SELECT {SUMMARY} FROM traces WHERE key IN ({page}) {order}", {**values, "limit": limit}  # noqa: S608

    def ids_query(self, limit: int | None, *, oldest_first: bool) -> tuple[str, dict[str, Any]]:
        """The same for the ids alone; ``None`` is no limit."""
        where, values = self._where()
        way = "ASC" if oldest_first else "DESC"
        query = f"SELECT id FROM traces {where} ORDER BY start_ns {way}, key {way} LIMIT :limit"  # noqa: S608
        return query, {**values, "limit": -1 if limit is None else limit}

    def _where(self) -> tuple[str, dict[str, Any]]:
        values = {name: getattr(self, name) for name in _CONDITIONS if getattr(self, name) is not None}
        conditions = [f"({_CONDITIONS[name]})" for name in values]
        if self.status is not None and self.status != "completed":
            conditions.append("status <> 'completed'")
        if self.text is not None:
            quoted = json.dumps(self.text, ensure_ascii=False)[1:-1]
            values |= {"plain": _pattern(self.text), "quoted": _pattern(quoted), "rare": _pattern(_from_rarest(quoted))}
            del values["text"]
        if self.model is not None:
            member = '"model":' + json.dumps(self.model, ensure_ascii=False)
            values["model_member"] = _pattern(member)
            del values["model"]
        return f"WHERE {' AND '.join(conditions)}" if conditions else "", values


def _from_rarest(text: str) -> str:
    """The text from its rarest letter on."""
    return text[max(range(len(text)), key=lambda place: _rarity(text[place]), default=0) :]


def _rarity(letter: str) -> int:
    """LIKE is quick to find the first letter of a pattern in ASCII only: any other counts as the commonest."""
    common = _COMMON_FIRST.find(letter.lower())
    return len(_COMMON_FIRST) if common < 0 and letter.isascii() else common


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


# ---------------------------------------------------------------------------------------------------- rows to records


def summary(row: _Row) -> TraceSummary:
    """A record from a row of :meth:`Filter.query`."""
    return TraceSummary(*_summary_fields(row))


def stored_trace(row: _Row) -> StoredTrace:
    """A record from a row of :data:`TRACE_QUERY`."""
    completion_start_ns, *metadata, input, output = row[17:]
    more = (columns.end(completion_start_ns), columns.merged(metadata), columns.value(input), columns.value(output))
    fields: list[Any] = [*_summary_fields(row), *more]
    return StoredTrace(*fields)


def operation_summary(row: _Row) -> OperationSummary:
    """A record from a row of :data:`OPERATION_SUMMARY`."""
    return OperationSummary(*_operation_fields(row))


def stored_operation(row: _Row) -> StoredOperation:
    """A record from a row of :data:`OPERATION`."""
    instructions, *metadata, input, output = row[16:]
    more = (instructions, columns.merged(metadata), columns.value(input), columns.value(output))
    fields: list[Any] = [*_operation_fields(row), *more]
    return StoredOperation(*fields)


def _operation_fields(row: _Row) -> tuple[Any, ...]:
    *plain, start_ns, end_ns, version, level, tags, usage, error = row[:16]
    times = columns.start(start_ns), columns.end(end_ns)
    return (*plain, *times, version, level, columns.tags(tags), columns.usage(usage), columns.error(error))


def _summary_fields(row: _Row) -> tuple[Any, ...]:
    *first, start_ns, end_ns = row[:6]
    *plain, tags, usage, parts, error, operations, errors = row[6:17]
    times = columns.start(start_ns), columns.end(end_ns)
    used = columns.summed_usage(parts) if usage is None else columns.usage(usage)
    return (*first, *times, *plain, columns.tags(tags), used, columns.error(error), operations, errors)
