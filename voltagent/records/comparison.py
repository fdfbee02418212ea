"""Data for the comparison of two traces: hashes of their payloads, and the usual durations of the same agent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from voltagent.core.ordering import parents_first
from voltagent.storage.file import Connection
from voltagent.storage.traces import columns
from voltagent.storage.traces.facts import model_of
from voltagent.storage.traces.store import Store

PARTS: Final = ("input", "instructions", "model", "output")
LEAST_EQUAL: Final = 5  # equal siblings that are shown as one row
_RUNS: Final = 50  # earlier runs from which the usual duration is computed
_MOST_STEPS: Final = 30_000  # limit for the operations of these runs

_CONTENTS: Final = """
    SELECT id, input, instructions, output, metadata, update_metadata, end_metadata,
        (SELECT model FROM calls WHERE calls.trace_id = operations.trace_id AND calls.id = operations.id) AS model
    FROM operations WHERE trace_id = ?"""
_INSTRUCTIONS: Final = """
    SELECT instructions FROM operations WHERE trace_id = ? AND instructions IS NOT NULL GROUP BY instructions
    ORDER BY min(start_ns), min(key)"""
_SUCCESSFUL: Final = """
    agent_id = :agent AND status = 'completed' AND id <> :id AND NOT EXISTS (
        SELECT 1 FROM operations o INDEXED BY operations_errors WHERE o.trace_id = traces.id AND o.status = 'error')"""
_EARLIER: Final = f"""
    SELECT id, start_ns, end_ns FROM traces WHERE {_SUCCESSFUL} AND start_ns <= :start
    ORDER BY start_ns DESC, key DESC LIMIT :limit"""  # noqa: S608 - all of it is written here
_OTHERS: Final = f"""
    SELECT id, start_ns, end_ns FROM traces WHERE {_SUCCESSFUL} ORDER BY start_ns DESC, key DESC LIMIT :limit"""  # noqa: S608 - likewise
_STEPS: Final = """
    SELECT trace_id, id, parent_id, kind, name, operation, start_ns, end_ns FROM operations
    WHERE trace_id = ? ORDER BY start_ns, key"""


def hashes(store: Store, trace_id: str) -> dict[str, list[str | None]]:
    """Return the hashes of input, instructions, model and output of each operation of a trace, by operation id.

    Computed when they are requested, one operation after the other, so that no more than one is in memory: 10,000
    operations with 1 KB in and out take about 0.15 s. Stored hashes would make every insert slower.
    """

    def read(connection: Connection) -> dict[str, list[str | None]]:
        return {
            row["id"]: [_hash(row["input"]), _hash(row["instructions"]), _hash(_model(row)), _hash(row["output"])]
            for row in connection.execute(_CONTENTS, (trace_id,))
        }

    return store.read(read) or {}


def instructions(store: Store, trace_id: str) -> list[str]:
    """Return the different instructions of the operations of a trace, in the order of their first use."""
    return [columns.text(text) for (text,) in store.rows(_INSTRUCTIONS, (trace_id,)) if text is not None]


def _model(row: Any) -> str | None:
    """Return the model that was recorded by itself, else the one that the metadata names."""
    return row["model"] or model_of(
        "llm", columns.merged((row["metadata"], row["update_metadata"], row["end_metadata"]))
    )


def _hash(value: Any) -> str | None:
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual values for a trace, from successful runs of the same agent."""

    runs: int  # number of runs, at most 50
    duration_ns: float | None  # their median
    last_success: str | None  # the id of the latest one
    steps: dict[str, tuple[float, int]]  # operation id -> median duration (ns), number of calls
    # the same of equal siblings together, from the first start to the last end, by the id of the first one
    loops: dict[str, tuple[float, int]]


def usual(store: Store, trace_id: str) -> Usual | None:
    """Return the usual values for a trace, from earlier runs, else from all others; ``None`` if it does not exist."""
    found = store.rows("SELECT agent_id, start_ns FROM traces WHERE id = ?", (trace_id,))
    if not found:
        return None
    about = {"agent": found[0]["agent_id"], "id": trace_id, "start": found[0]["start_ns"], "limit": _RUNS}
    runs = store.rows(_EARLIER, about)
    runs = runs or store.rows(_OTHERS, {name: about[name] for name in ("agent", "id", "limit")})
    durations = [row["end_ns"] - row["start_ns"] for row in runs if row["end_ns"] is not None]
    steps, loops = _usual_steps(store, trace_id, [row["id"] for row in runs])
    return Usual(len(runs), median(durations) if durations else None, runs[0]["id"] if runs else None, steps, loops)


def _usual_steps(
    store: Store, trace_id: str, runs: Sequence[str]
) -> tuple[dict[str, tuple[float, int]], dict[str, tuple[float, int]]]:
    """Return the usual durations of the steps of a trace, and of its loops."""
    steps: dict[tuple[str, ...], list[int]] = {}
    loops: dict[tuple[str, ...], list[int]] = {}
    read = 0
    for run in runs:
        rows = store.rows(_STEPS, (run,)) if read < _MOST_STEPS else []
        read += len(rows)
        paths = _paths(rows)
        for row, path in paths:
            if row["end_ns"] is not None:
                steps.setdefault(path, []).append(row["end_ns"] - row["start_ns"])
        for path, members in _siblings(paths):
            ends = [row["end_ns"] for row in members]
            if None not in ends:
                loops.setdefault(path, []).append(max(ends) - min(row["start_ns"] for row in members))
    usual_steps, usual_loops = _medians(steps), _medians(loops)
    paths = _paths(store.rows(_STEPS, (trace_id,)))
    return (
        {row["id"]: usual_steps[path] for row, path in paths if path in usual_steps},
        {members[0]["id"]: usual_loops[path] for path, members in _siblings(paths)
         if len(members) >= LEAST_EQUAL and path in usual_loops},
    )  # fmt: skip


def _medians(known: dict[tuple[str, ...], list[int]]) -> dict[tuple[str, ...], tuple[float, int]]:
    return {path: (median(durations), len(durations)) for path, durations in known.items()}


def _siblings(paths: Sequence[tuple[Any, tuple[str, ...]]]) -> list[tuple[tuple[str, ...], list[Any]]]:
    """Return equal operations with the same parent, in the order of start, with the path that they have in common."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[Any]] = {}
    known = {row["id"] for row, _ in paths}
    for row, path in paths:
        parent = row["parent_id"] if row["parent_id"] in known else None
        groups.setdefault((parent, path), []).append(row)
    return [(path, members) for (_, path), members in groups.items()]


def _paths(rows: Sequence[Any]) -> list[tuple[Any, tuple[str, ...]]]:
    """Return operations with the kinds and names from the root to each, which identify the same step in another run."""
    paths: dict[str | None, tuple[str, ...]] = {None: ()}
    for row, above in parents_first(rows, lambda row: row["id"], lambda row: row["parent_id"]):
        step = f"{row['kind']} {row['operation'] or ''} {row['name']}"
        paths[row["id"]] = (*paths[None if above is None else above["id"]], step)
    return [(row, paths[row["id"]]) for row in rows]
