"""Data for the comparison of two traces: hashes of their payloads, and the usual durations of the same agent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from voltagent.core.ordering import parents_first
from voltagent.storage.traces import columns
from voltagent.storage.traces.facts import model_of
from voltagent.storage.traces.store import Store

PARTS: Final = ("input", "instructions", "model", "output")
_RUNS: Final = 50  # earlier runs from which the usual duration is computed
_MOST_STEPS: Final = 30_000  # limit for the operations of these runs

_CONTENTS: Final = """
    SELECT id, input, instructions, output, metadata, update_metadata, end_metadata,
        (SELECT model FROM calls WHERE calls.trace_id = operations.trace_id AND calls.id = operations.id) AS model
    FROM operations WHERE trace_id = ?"""
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
    """Return the hashes of input, instructions, model and output of each operation of a trace, by operation id."""
    return {
        row["id"]: [_hash(row["input"]), _hash(row["instructions"]), _hash(_model(row)), _hash(row["output"])]
        for row in store.rows(_CONTENTS, (trace_id,))
    }


def _model(row: Any) -> str | None:
    """The model that was recorded by itself, else the one that the metadata names."""
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


def usual(store: Store, trace_id: str) -> Usual | None:
    """Return the usual values for a trace, from earlier runs, else from all others; ``None`` if it does not exist."""
    found = store.rows("SELECT agent_id, start_ns FROM traces WHERE id = ?", (trace_id,))
    if not found:
        return None
    about = {"agent": found[0]["agent_id"], "id": trace_id, "start": found[0]["start_ns"], "limit": _RUNS}
    runs = store.rows(_EARLIER, about)
    runs = runs or store.rows(_OTHERS, {name: about[name] for name in ("agent", "id", "limit")})
    durations = [row["end_ns"] - row["start_ns"] for row in runs if row["end_ns"] is not None]
    return Usual(
        len(runs),
        median(durations) if durations else None,
        runs[0]["id"] if runs else None,
        _usual_steps(store, trace_id, [row["id"] for row in runs]),
    )


def _usual_steps(store: Store, trace_id: str, runs: Sequence[str]) -> dict[str, tuple[float, int]]:
    known: dict[tuple[str, ...], list[int]] = {}
    read = 0
    for run in runs:
        rows = store.rows(_STEPS, (run,)) if read < _MOST_STEPS else []
        read += len(rows)
        for row, path in _paths(rows):
            if row["end_ns"] is not None:
                known.setdefault(path, []).append(row["end_ns"] - row["start_ns"])
    return {
        row["id"]: (median(known[path]), len(known[path]))
        for row, path in _paths(store.rows(_STEPS, (trace_id,)))
        if path in known
    }


def _paths(rows: Sequence[Any]) -> list[tuple[Any, tuple[str, ...]]]:
    """Return operations with the kinds and names from the root to each, which identify the same step in another run."""
    paths: dict[str | None, tuple[str, ...]] = {None: ()}
    for row, above in parents_first(rows, lambda row: row["id"], lambda row: row["parent_id"]):
        step = f"{row['kind']} {row['operation'] or ''} {row['name']}"
        paths[row["id"]] = (*paths[None if above is None else above["id"]], step)
    return [(row, paths[row["id"]]) for row in rows]
