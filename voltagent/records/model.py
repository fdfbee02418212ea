"""The records: one trace, and one operation in it, as frozen dataclasses; and both as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from voltagent.render import tree
from voltagent.render.text import duration, error_text, printable, spent, tokens

Json: TypeAlias = Any  # a JSON value as the json module gives it


class ReadOnly(dict[str, Any]):
    """A mapping that cannot be changed. It is a dict, so that ``json`` writes it, and copies and pickles are equal."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("this mapping of a record is read-only: dict(mapping) makes a copy to change")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = _refuse
    setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> tuple[type[ReadOnly], tuple[dict[str, Any]]]:
        return ReadOnly, (dict(self),)


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
        """Return the operations below this one that match, depth first; ``None`` matches everything.

        Args:
            kind: ``agent``, ``tool``, ``memory``, ``retriever``, ``llm``, or the type of a custom event.
            name: the name of an operation.
            status: ``running``, ``completed``, ``error`` or ``cancelled``.
        """
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
    parent_trace_id: str | None = None  # the trace that this one was started in or continues
    children: tuple[OperationRecord, ...] = field(default=(), repr=False, compare=False)

    def __hash__(self) -> int:
        return hash(self.id)

    def walk(self) -> Iterator[OperationRecord]:
        """Yield all operations of the trace, depth first, without the trace itself."""
        return _walk(self.children)

    def find(
        self, kind: str | None = None, name: str | None = None, status: str | None = None
    ) -> list[OperationRecord]:
        """Return the operations that match, depth first; ``None`` matches everything.

        Args:
            kind: ``agent``, ``tool``, ``memory``, ``retriever``, ``llm``, or the type of a custom event.
            name: the name of an operation.
            status: ``running``, ``completed``, ``error`` or ``cancelled``.
        """
        return _select(self.walk(), kind, name, status)

    def tree(self, *, times: bool = False) -> str:
        """Return the trace as text, one line for each operation, never folded; ``times`` adds durations."""
        return "\n".join([describe(self, times=times), *draw(self, times=times)])

    def _repr_html_(self) -> str:
        """Return the trace as the viewer's page, for the last line of a notebook cell."""
        from voltagent.records.cell import shown  # imports the modules for pages, which most programs never need

        return shown(self)


def describe(record: TraceRecord | OperationRecord, *, times: bool = False, costs: bool = False) -> str:
    """Return one line about a record: kind, name, and what is notable; ``costs`` adds model, cached tokens and cost."""
    if isinstance(record, TraceRecord):
        title, model, error = f"trace {record.agent_id}", None, None
    else:
        title, model, error = f"{record.kind} {record.name}", record.model, record.error
    facts = [
        duration(0, round(record.duration * 1e9)) if times and record.duration is not None else "",
        *((model or "", spent({"cost": record.cost, **(record.usage or {})})) if costs else (tokens(record.usage),)),
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
    for place in tree.arrange(
        below,
        lambda one: one.id,
        lambda one: one.parent.id if one.parent is not None and one.parent.id in known else None,
    ):
        note = (notes or {}).get(place.item.id)
        mark = "" if note is None else f"   <-- {note}"
        lines.append(f"{place.lead}{describe(place.item, times=times)}{mark}")
    return lines


def _walk(children: Sequence[OperationRecord]) -> Iterator[OperationRecord]:
    """Yield operations and all below them, in their order."""
    waiting = list(reversed(children))
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.children)


def _select(
    operations: Iterator[OperationRecord], kind: str | None, name: str | None, status: str | None
) -> list[OperationRecord]:
    """Return the operations of a kind, a name and a status; ``None`` stands for any."""
    return [
        one
        for one in operations
        if (kind is None or one.kind == kind)
        and (name is None or one.name == name)
        and (status is None or one.status == status)
    ]
