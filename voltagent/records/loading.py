"""Traces of a local store as records."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from voltagent import settings
from voltagent.core import clock
from voltagent.core.text import quoted
from voltagent.errors import ValidationError, VoltAgentError
from voltagent.records.model import Json, TraceRecord
from voltagent.records.reading import open_store, record_of
from voltagent.storage.traces.filters import STATUSES, Filter
from voltagent.storage.traces.store import Store

_MOST: Final = 2**63 - 1  # what SQLite counts to


class RecordNotFoundError(VoltAgentError, LookupError):
    """The store has no trace with this id."""


def load_traces(
    path: str | Path | None = None,
    *,
    agent_id: str | None = None,
    status: str | None = None,
    errors: bool | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    user_id: str | None = None,
    conversation_id: str | None = None,
    tag: str | None = None,
    text: str | None = None,
    metadata: Mapping[str, Json] | None = None,
    limit: int | None = None,
    order: Literal["newest", "oldest"] = "newest",
) -> Iterator[TraceRecord]:
    """Yield the traces of a local store that match all conditions; ``None`` matches everything.

    Args:
        path: the store's file (default: the one that the settings name).
        agent_id: the trace's agent id, or the name of an agent in it.
        status: ``running``, ``completed``, ``error`` or ``cancelled``.
        errors: ``True`` for traces in which something failed, ``False`` for the others.
        since: began at or after this time: a datetime (naive: local time) or ISO 8601 text.
        until: began before this time.
        user_id: the user's id.
        conversation_id: the conversation's id.
        tag: a tag of the trace, or of an operation in it.
        text: a string in a name, input, output or error, of the trace or an operation.
        metadata: keys and values that the trace's metadata must have.
        limit: how many traces at most (default: all).
        order: ``newest`` (default) or ``oldest`` first.

    Raises:
        StoreError: the store is missing or cannot be read; at the call, not at the first trace.
        ValidationError: an argument does not fit.
    """
    _check(order, limit)
    _check_conditions(agent_id=agent_id, user_id=user_id, conversation_id=conversation_id, tag=tag, text=text)
    if status is not None and status not in STATUSES:
        raise ValidationError(f"status must be one of {', '.join(STATUSES)}, got {_shown(status)}; None means any")
    if not isinstance(errors, bool | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"errors must be True, False or None, got {type(errors).__name__}")
    if not isinstance(metadata, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"metadata must be a mapping of keys to values, got {type(metadata).__name__}")
    matching = Filter(
        agent=agent_id,
        status=status,
        tag=tag,
        user=user_id,
        conversation=conversation_id,
        text=text,
        since_ns=nanoseconds("since", since),
        until_ns=nanoseconds("until", until),
        has_errors=errors,
        ascending=order == "oldest",
    )
    # the first trace opens it again: an iterator that is never used must leave no connection behind
    with open_store(_path(path)) as store:
        ids = store.trace_ids(matching, limit=None if metadata else limit)
    return _loaded(store, ids, dict(metadata or {}), limit)


def load_trace(id_or_prefix: str, path: str | Path | None = None) -> TraceRecord:
    """Return one trace by its id, or by how its id begins.

    Args:
        id_or_prefix: the id, or its first characters, as ``voltagent traces`` shows them.
        path: the store's file (default: the one that the settings name).

    Raises:
        ValidationError: the id is empty or not a string.
        RecordNotFoundError: no trace has such an id.
        StoreError: several ids begin so, or the store is missing or cannot be read.
    """
    if not _is_name(id_or_prefix):
        raise ValidationError(f"a trace's id must be a non-empty string, got {_shown(id_or_prefix)}")
    with open_store(_path(path)) as store:
        found = store.trace(id_or_prefix)
        if found is None:
            raise RecordNotFoundError(
                f"no trace in {store.path} has the id {id_or_prefix!r}, or an id with this prefix"
            )
        return record_of(store, found)


def _check(order: object, limit: Any) -> None:
    """Raise :class:`ValidationError` for an order or a limit that is not valid."""
    if order not in ("newest", "oldest"):
        raise ValidationError(f"order must be 'newest' or 'oldest', got {_shown(order)}")
    if limit is not None and (type(limit) is not int or limit < 0):
        raise ValidationError(f"limit must be a whole number of at least 0, got {_shown(limit)}")
    if limit is not None and limit > _MOST:
        raise ValidationError(f"limit must be at most {_MOST}; None means all")


def _check_conditions(**conditions: object) -> None:
    """Raise :class:`ValidationError` for a condition that is neither a string nor ``None``."""
    for name, value in conditions.items():
        if not isinstance(value, str | None):
            raise ValidationError(f"{name} must be a string, got {type(value).__name__}; None means any")


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else f"{value}" if type(value) is int else type(value).__name__


def _is_name(given: object) -> bool:
    return isinstance(given, str) and bool(given)


def _loaded(store: Store, ids: Sequence[str], metadata: dict[str, Json], limit: int | None) -> Iterator[TraceRecord]:
    """Yield the traces with these ids whose metadata fits, read one by one."""
    left = len(ids) if limit is None else limit
    with store:
        for id in ids:
            if left <= 0:
                return
            found = store.trace(id)  # None if it was pruned meanwhile
            if found is not None and found.id == id and _has(found.metadata, metadata):
                left -= 1
                yield record_of(store, found)


def _has(metadata: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    return all(name in metadata and metadata[name] == value for name, value in wanted.items())


def _path(path: str | Path | None) -> Path:
    if not isinstance(path, str | os.PathLike | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"path must be the file of a store, got {type(path).__name__}")
    return settings.local_path() if path is None else Path(path)


def nanoseconds(name: str, moment: datetime | str | None) -> int | None:
    """Return a time as nanoseconds since the epoch; ``name`` is the argument that errors name."""
    if moment is None:
        return None
    if not isinstance(moment, datetime | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"{name} must be a datetime or an ISO 8601 string, got {type(moment).__name__}")
    text, fold = (moment, 0) if isinstance(moment, str) else (moment.isoformat(), moment.fold)
    found = clock.parse_iso(text, local=True, fold=fold)
    if found is None:
        raise ValidationError(f"{name} must be a datetime or an ISO 8601 string, from 1678 to 2261, got {_shown(text)}")
    return found
