"""Records of the local store: traces and operations as plain data, and their queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from voltagent.storage.traces import columns
from voltagent.storage.traces.columns import Json
from voltagent.storage.traces.facts import counts_of
from voltagent.storage.traces.tokens import PARTS_OF_TRACE

_Row: TypeAlias = Any  # a row with values by column name, such as `sqlite3.Row`


class Known(NamedTuple):
    """Facts of a stored trace or operation that is to be updated."""

    id: str
    trace_id: str
    agent_id: str
    kind: str
    name: str
    operation: str | None
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """One line of a list of traces: all but the payloads. Times are nanoseconds since the epoch."""

    id: str
    agent_id: str
    name: str
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it is running
    user_id: str | None
    conversation_id: str | None
    parent_trace_id: str | None
    version: str | None
    level: str | None
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None  # its own, else the sum that `tokens` has
    error: Json  # a string or an object with `message`
    operations: int  # number of operations
    errors: int  # number of failed operations
    environment: str | None = None
    models: tuple[str, ...] = ()  # of its agents and model calls
    tokens: float | None = None  # total of `usage`, as are the next two
    cached_tokens: float | None = None
    cost: float | None = None
    foreign: bool = False  # its first span belongs to another process and is not stored here
    unfinished: bool = False  # it was still running when its program ended, and was ended by that
    status_code: int | None = None  # of the response, if it is a web request


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrace(TraceSummary):
    """A trace with its payloads."""

    completion_start_ns: int | None
    metadata: Mapping[str, Json]  # the user's keys; later values win
    input: Json
    output: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSummary:
    """One operation of a trace, or a custom event, without its payloads. Times are nanoseconds since the epoch."""

    sequence: int  # rises in order of arrival; distinguishes operations with equal start times
    id: str
    trace_id: str
    parent_id: str | None  # None if directly below the trace
    kind: str  # "agent", "tool", "memory", "retriever", "llm" and so on, or the type of a custom event
    name: str
    operation: str | None  # "read" or "write" for a memory
    agent_id: str | None  # the nearest enclosing agent
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it is running, and for a custom event, which has no duration
    version: str | None
    level: str | None
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None
    error: Json  # a string or an object with `message`
    model: str | None = None
    tokens: float | None = None  # total of `usage`, as are the next two
    cached_tokens: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOperation(OperationSummary):
    """An operation with its payloads."""

    instructions: str | None
    metadata: Mapping[str, Json]  # the user's keys; later values win
    input: Json
    output: Json


# Counting is an index scan per trace, so a list pays only for the traces on its page. JSON columns are returned as
# text.
# The mark of what a shutdown had to end, as metadata has it.
UNFINISHED: Final = """(status = 'cancelled' AND coalesce(end_metadata, '') LIKE '%"unfinished":true%')"""
# The metadata that may have the status of a response, as the middleware adds it at the end.
_ANSWERED: Final = """
    CASE WHEN end_metadata LIKE '%"status_code":%' OR end_metadata LIKE '%"statusCode":%' THEN end_metadata END"""
SUMMARY: Final = f"""
    id, agent_id, name, status, start_ns, end_ns, user_id, conversation_id, parent_trace_id, version, level,
    tags, usage, CASE WHEN usage IS NULL THEN {PARTS_OF_TRACE} END AS parts,
    error, rootless, {UNFINISHED} AS unfinished, {_ANSWERED} AS answered,
    (SELECT count(*) FROM operations o WHERE o.trace_id = traces.id) AS operations,
    (SELECT count(*) FROM operations o WHERE o.trace_id = traces.id AND o.status = 'error') AS errors,
    (SELECT environment FROM totals WHERE totals.trace_id = traces.id) AS environment,
    (SELECT group_concat(model, char(10)) FROM (
        SELECT DISTINCT model FROM calls WHERE calls.trace_id = traces.id AND model IS NOT NULL)) AS models"""  # noqa: S608 - all of it is written here

TRACE_QUERY: Final = f"""
    SELECT {SUMMARY}, completion_start_ns, metadata, update_metadata, end_metadata, input, output
    FROM traces WHERE id = ?"""  # noqa: S608 - all of it is written here

OPERATION_SUMMARY: Final = """
    key, id, trace_id, parent_id, kind, name, operation, agent_id, status, start_ns, end_ns, version, level,
    tags, usage, error,
    (SELECT model FROM calls WHERE calls.trace_id = operations.trace_id AND calls.id = operations.id) AS model"""
OPERATION: Final = f"{OPERATION_SUMMARY}, instructions, metadata, update_metadata, end_metadata, input, output"

OPERATIONS_QUERY: Final = f"SELECT {OPERATION} FROM operations WHERE trace_id = ? ORDER BY start_ns, key"  # noqa: S608 - all of it is written here

# The fields of `Known`. Operations have no index by id alone: it would slow each insert, and only REST updates would
# use it. So this scans the index whose second column is the id, which is far smaller than the table.
KNOWN_TRACE: Final = "SELECT id, id, agent_id, 'trace', name, NULL, status FROM traces WHERE id = ?"
KNOWN_OPERATION: Final = """
    SELECT id, trace_id, coalesce(agent_id, ''), kind, name, operation, status FROM operations
    WHERE key = (SELECT key FROM operations WHERE id = ? LIMIT 1)"""


def summary(row: _Row) -> TraceSummary:
    """Build a record from a row of :data:`SUMMARY`."""
    return TraceSummary(**_summary_fields(row))


def stored_trace(row: _Row) -> StoredTrace:
    """Build a record from a row of :data:`TRACE_QUERY`."""
    return StoredTrace(
        **_summary_fields(row), completion_start_ns=columns.end(row["completion_start_ns"]), **_payloads(row)
    )


def operation_summary(row: _Row) -> OperationSummary:
    """Build a record from a row of :data:`OPERATION_SUMMARY`."""
    return OperationSummary(**_operation_fields(row))


def stored_operation(row: _Row) -> StoredOperation:
    """Build a record from a row of :data:`OPERATION`."""
    return StoredOperation(**_operation_fields(row), instructions=columns.plain(row["instructions"]), **_payloads(row))


def _payloads(row: _Row) -> dict[str, Any]:
    """Decode the metadata, the input and the output of a row."""
    return {
        "metadata": columns.merged((row["metadata"], row["update_metadata"], row["end_metadata"])),
        "input": columns.value(row["input"]),
        "output": columns.value(row["output"]),
    }


_NAMES_OF_TRACE: Final = ("id", "agent_id", "name", "status")
_NAMES_OF_OPERATION: Final = ("id", "trace_id", "kind", "name", "status")
_PLAIN_OF_TRACE: Final = ("user_id", "conversation_id", "parent_trace_id",
                          "version", "level", "environment")  # fmt: skip
_PLAIN_OF_OPERATION: Final = ("parent_id", "operation", "agent_id", "version", "level", "model")  # fmt: skip


def _summary_fields(row: _Row) -> dict[str, Any]:
    """Return the fields of :class:`TraceSummary`."""
    usage = columns.summed_usage(row["parts"]) if row["usage"] is None else columns.usage(row["usage"])
    models = columns.plain(row["models"])
    return {
        **{name: columns.name(row[name]) for name in _NAMES_OF_TRACE},
        **{name: columns.plain(row[name]) for name in _PLAIN_OF_TRACE},
        "operations": row["operations"],
        "errors": row["errors"],
        **_common_fields(row, usage),
        "models": () if models is None else tuple(sorted(models.split("\n"))),
        "unfinished": bool(row["unfinished"]),
        "foreign": bool(row["rootless"]),
        "status_code": _status_code(row["answered"]),
    }


def _status_code(metadata: Any) -> int | None:
    """Return the HTTP status in the metadata of a trace's end."""
    if metadata is None:
        return None
    found = columns.merged((metadata,))
    code: Json = found.get("status_code", found.get("statusCode"))
    return code if type(code) is int and _FIRST_STATUS <= code <= _LAST_STATUS else None


_FIRST_STATUS: Final = 100
_LAST_STATUS: Final = 599


def _operation_fields(row: _Row) -> dict[str, Any]:
    """Return the fields of :class:`OperationSummary`."""
    return {
        **{name: columns.name(row[name]) for name in _NAMES_OF_OPERATION},
        **{name: columns.plain(row[name]) for name in _PLAIN_OF_OPERATION},
        **_common_fields(row, columns.usage(row["usage"])),
        "sequence": row["key"],
    }


def _common_fields(row: _Row, usage: Mapping[str, Json] | None) -> dict[str, Any]:
    """Return the fields that traces and operations share."""
    counts = counts_of(usage)
    return {
        "start_ns": columns.start(row["start_ns"]),
        "end_ns": columns.end(row["end_ns"]),
        "tags": columns.tags(row["tags"]),
        "usage": usage,
        "error": columns.error(row["error"]),
        "tokens": counts.total_tokens,
        "cached_tokens": counts.cached_tokens,
        "cost": counts.cost,
    }
