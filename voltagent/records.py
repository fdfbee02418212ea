"""Recorded traces as typed, read-only Python objects, read from the local store.

::

    from voltagent.records import load_trace, load_traces

    for trace in load_traces(agent_id="support", errors=True, limit=10):
        print(trace.tree())
    slow = [call for call in load_trace("3f2a").find(kind="tool") if (call.duration or 0) > 1]

Reading changes nothing that was recorded, and works while other processes write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from voltagent import settings
from voltagent.core.ordering import children_of
from voltagent.errors import ValidationError, VoltAgentError
from voltagent.render import tree as _tree
from voltagent.render.text import duration, error_text, printable, tokens
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import StoredOperation, StoredTrace, TraceSummary
from voltagent.storage.traces.store import Store

__all__ = ["OperationRecord", "RecordNotFoundError", "TraceRecord", "load_trace", "load_traces"]

Json: TypeAlias = Any  # a JSON value as the json module gives it
Operation = TypeVar("Operation", bound="OperationRecord")


class RecordNotFoundError(VoltAgentError, LookupError):
    """The store has no trace with this id."""


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """One call that was recorded: of an agent, a tool, a memory, a retriever or a model, or a custom event.

    Two records are equal if their own fields are; ``parent`` and ``children`` are not compared.
    """

    id: str
    trace_id: str
    kind: str  # "agent", "tool", "memory", "retriever", "llm", or the type of a custom event
    name: str
    status: str  # "running", "completed", "error" or "cancelled"
    input: Json  # the arguments by name, as stored
    output: Json  # a mapping as it is, anything else as {"result": value}
    error: Json  # a string, or a mapping with "message"
    metadata: Mapping[str, Json]
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None  # "prompt_tokens", "completion_tokens", "total_tokens", ...
    model: str | None
    cost: float | None
    start: datetime  # UTC
    duration: float | None  # seconds; None while it runs, and for a moment without duration
    parent: OperationRecord | None = field(default=None, repr=False, compare=False)  # None directly below the trace
    children: tuple[OperationRecord, ...] = field(default=(), repr=False, compare=False)

    def __hash__(self) -> int:
        return hash((self.trace_id, self.id))

    def walk(self) -> Iterator[OperationRecord]:
        """Yield the operations below this one, depth first."""
        return _walk(self.children)

    def find(
        self, kind: str | None = None, name: str | None = None, status: str | None = None
    ) -> list[OperationRecord]:
        """Return the operations below this one that match, depth first; ``None`` matches everything."""
        return _select(self.walk(), kind, name, status)

    def tree(self, *, times: bool = False) -> str:
        """Return this operation and all below it as text, one line each; ``times`` adds durations."""
        return "\n".join([describe(self, times=times), *draw(self, times=times)])


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One run that was recorded, with its operations.

    Two records are equal if their own fields are; ``children`` are not compared.
    """

    id: str
    agent_id: str
    status: str  # "running", "completed", "error" or "cancelled"
    input: Json
    output: Json
    metadata: Mapping[str, Json]
    tags: tuple[str, ...]
    usage: Mapping[str, Json] | None  # its own if it has one, else the sum over its operations
    cost: float | None
    start: datetime  # UTC
    duration: float | None  # seconds; None while it runs
    user_id: str | None
    conversation_id: str | None
    version: str | None
    children: tuple[OperationRecord, ...] = field(default=(), repr=False, compare=False)

    def __hash__(self) -> int:
        return hash(self.id)

    def walk(self) -> Iterator[OperationRecord]:
        """Yield all operations of the trace, depth first, without the trace itself."""
        return _walk(self.children)

    def find(
        self, kind: str | None = None, name: str | None = None, status: str | None = None
    ) -> list[OperationRecord]:
        """Return the operations that match, depth first; ``None`` matches everything."""
        return _select(self.walk(), kind, name, status)

    def tree(self, *, times: bool = False) -> str:
        """Return the trace as text, one line for each operation, never folded; ``times`` adds durations."""
        return "\n".join([describe(self, times=times), *draw(self, times=times)])


# ------------------------------------------------------------------------------------------------------------- loading


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
    store = Store(_path(path))
    try:
        ids = store.trace_ids(matching, limit=None if metadata else limit)
    except BaseException:
        store.close()
        raise
    return _loaded(store, ids, dict(metadata or {}), limit)


def load_trace(id_or_prefix: str, path: str | Path | None = None) -> TraceRecord:
    """Return one trace by its id, or by how its id begins.

    Raises:
        RecordNotFoundError: no trace has such an id.
        StoreError: several ids begin so, or the store is missing or cannot be read.
    """
    if not _is_name(id_or_prefix):
        raise ValidationError(f"a trace's id must be a non-empty string, got {id_or_prefix!r}")
    store = Store(_path(path))
    try:
        found = store.trace(id_or_prefix)
        if found is None:
            raise RecordNotFoundError(f"no trace in {store.path} has the id {id_or_prefix!r}, or one that begins so")
        return build_trace(found, store.operations(found.id))
    finally:
        store.close()


def _check(order: object, limit: Any) -> None:
    if order not in ("newest", "oldest"):
        raise ValidationError(f"order must be 'newest' or 'oldest', got {order!r}")
    if limit is not None and (type(limit) is not int or limit < 0):
        raise ValidationError(f"limit must be a whole number of at least 0, got {limit!r}")


def _is_name(given: object) -> bool:
    return isinstance(given, str) and bool(given)


def _loaded(store: Store, ids: Sequence[str], metadata: dict[str, Json], limit: int | None) -> Iterator[TraceRecord]:
    left = len(ids) if limit is None else limit
    try:
        for id in ids:
            if left <= 0:
                return
            found = store.trace(id)  # None if it was pruned meanwhile
            if found is not None and found.id == id and _has(found.metadata, metadata):
                left -= 1
                yield build_trace(found, store.operations(id))
    finally:
        store.close()


def _has(metadata: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    return all(name in metadata and metadata[name] == value for name, value in wanted.items())


def _path(path: str | Path | None) -> Path:
    return settings.local_path() if path is None else Path(path)


def nanoseconds(name: str, moment: datetime | str | None) -> int | None:
    """Return a time as nanoseconds since the epoch; ``name`` is the argument that errors name."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
        except ValueError:
            raise ValidationError(f"{name} must be a datetime or ISO 8601 text, got {moment!r}") from None
    if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"{name} must be a datetime or ISO 8601 text, got {type(moment).__name__}")
    since_epoch = moment.astimezone(timezone.utc) - _EPOCH
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 10**9 + since_epoch.microseconds * 1000


# ------------------------------------------------------------------------------------------- from the store to records

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def build_trace(
    trace: StoredTrace, operations: Sequence[StoredOperation], record: type[Operation] | None = None
) -> TraceRecord:
    """Build the record of a stored trace; ``record`` is the class of its operations."""
    make = record or OperationRecord
    known = {one.id: make(**_operation_fields(one)) for one in operations}
    below = children_of(operations, lambda one: one.id, lambda one: one.parent_id)
    for parent_id, children in below.items():
        if parent_id is not None:
            parent, group = known[parent_id], tuple(known[child.id] for child in children)
            object.__setattr__(parent, "children", group)
            for child in group:
                object.__setattr__(child, "parent", parent)
    return TraceRecord(
        id=trace.id,
        agent_id=trace.agent_id,
        status=trace.status,
        input=trace.input,
        output=trace.output,
        metadata=MappingProxyType(dict(trace.metadata)),
        tags=trace.tags,
        usage=_mapping(trace.usage),
        cost=_cost(trace) if trace.usage and "cost" in trace.usage else _summed_cost(list(known.values())),
        start=_moment(trace.start_ns),
        duration=_seconds(trace.start_ns, trace.end_ns),
        user_id=trace.user_id,
        conversation_id=trace.conversation_id,
        version=trace.version,
        children=tuple(known[one.id] for one in below.get(None, ())),
    )


def _operation_fields(one: StoredOperation) -> dict[str, Any]:
    return {
        "id": one.id,
        "trace_id": one.trace_id,
        "kind": one.kind,
        "name": one.name,
        "status": one.status,
        "input": one.input,
        "output": one.output,
        "error": one.error,
        "metadata": MappingProxyType(dict(one.metadata)),
        "tags": one.tags,
        "usage": _mapping(one.usage),
        "model": _model(one),
        "cost": _cost(one),
        "start": _moment(one.start_ns),
        "duration": _seconds(one.start_ns, one.end_ns),
    }


def _mapping(usage: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    return None if usage is None else MappingProxyType(dict(usage))


def _model(one: StoredOperation) -> str | None:
    """The model's name: a column of its own, or in the metadata where older versions put it."""
    parameters = one.metadata.get("model_parameters")
    inside: Any = cast("Mapping[str, Any]", parameters).get("model") if isinstance(parameters, Mapping) else None
    found = (getattr(one, "model", None), one.metadata.get("model"), inside)
    return next((name for name in found if isinstance(name, str) and name), None)


def _cost(one: TraceSummary | StoredOperation) -> float | None:
    for cost in (getattr(one, "cost", None), (one.usage or {}).get("cost")):
        if isinstance(cost, (int, float)) and not isinstance(cost, bool):
            return float(cost)
    return None


def _summed_cost(operations: Sequence[OperationRecord]) -> float | None:
    costs = [one.cost for one in operations if one.cost is not None]
    return sum(costs) if costs else None


def _moment(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)


def _seconds(start_ns: int, end_ns: int | None) -> float | None:
    return None if end_ns is None else max(0, end_ns - start_ns) / 1e9


# ------------------------------------------------------------------------------------------------------------- as text


def describe(record: TraceRecord | OperationRecord, *, times: bool = False) -> str:
    """Return one line about a record: kind, name, and what is notable."""
    if isinstance(record, TraceRecord):
        title, error = f"trace {record.agent_id}", None
    else:
        title, error = f"{record.kind} {record.name}", record.error
    facts = [
        duration(0, round(record.duration * 1e9)) if times and record.duration is not None else "",
        tokens(record.usage),
        "" if record.status == "completed" else record.status,
        "" if error is None else error_text(error),
    ]
    return printable("  ".join([title, *filter(None, facts)]))


def draw(
    record: TraceRecord | OperationRecord, *, times: bool = False, notes: Mapping[str, str] | None = None
) -> list[str]:
    """Return one line for each operation below a record; ``notes`` are by the operation's id and mark its line."""
    below = list(record.walk())
    known = {one.id for one in below}
    lines: list[str] = []
    for place in _tree.arrange(
        below,
        lambda one: one.id,
        lambda one: one.parent.id if one.parent is not None and one.parent.id in known else None,
    ):
        note = (notes or {}).get(place.item.id)
        mark = "" if note is None else f"   <-- {note}"
        lines.append(f"{place.lead}{describe(place.item, times=times)}{mark}")
    return lines


def _walk(children: Sequence[OperationRecord]) -> Iterator[OperationRecord]:
    waiting = list(reversed(children))
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.children)


def _select(
    operations: Iterator[OperationRecord], kind: str | None, name: str | None, status: str | None
) -> list[OperationRecord]:
    return [
        one
        for one in operations
        if (kind is None or one.kind == kind)
        and (name is None or one.name == name)
        and (status is None or one.status == status)
    ]
