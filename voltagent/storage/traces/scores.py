"""Scores in the local store: reading those of traces, and writing what a person gives in the viewer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from voltagent.core.scores import Score
from voltagent.storage.file import Connection, in_transaction
from voltagent.storage.traces.batch import SCORE, score_values
from voltagent.storage.traces.store import Store

_OF_TRACES: Final = """
    SELECT trace_id, operation_id, name, type, value, comment, time_ns FROM scores
    WHERE trace_id IN (SELECT value FROM json_each(?)) ORDER BY name, time_ns"""
_FORGET: Final = "DELETE FROM scores WHERE trace_id = ? AND operation_id = ? AND name = ?"


def scores_of(store: Store, trace_ids: Sequence[str]) -> dict[str, list[Score]]:
    """The scores of traces and of the operations in them, by the trace's id."""
    found: dict[str, list[Score]] = {}
    for row in store.rows(_OF_TRACES, (json.dumps(trace_ids),)):
        value = bool(row["value"]) if row["type"] == "bool" else row["value"]
        found.setdefault(row["trace_id"], []).append(
            Score(row["trace_id"], row["operation_id"] or None, row["name"], value, row["comment"], row["time_ns"])
        )
    return found


def put_score(store: Store, score: Score) -> None:
    """Store a score; one with the same name is replaced."""
    _write(store, SCORE, score_values(score))


def remove_score(store: Store, trace_id: str, operation_id: str | None, name: str) -> None:
    """Remove a score; has no effect if there is none."""
    _write(store, _FORGET, (trace_id, operation_id or "", name))


def _write(store: Store, query: str, values: tuple[object, ...]) -> None:
    def write(connection: Connection) -> None:
        connection.execute(query, values)

    store.file.use(lambda connection: in_transaction(connection, write), create=False)
