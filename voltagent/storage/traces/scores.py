"""Write the scores that a person gives in the viewer. ``voltagent.records.reading`` reads them."""

from __future__ import annotations

from typing import Final

from voltagent.core.scores import Score
from voltagent.storage.file import Connection, in_transaction
from voltagent.storage.traces.batch import SCORE, score_values
from voltagent.storage.traces.store import Store

_FORGET: Final = "DELETE FROM scores WHERE trace_id = ? AND operation_id = ? AND name = ?"


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
