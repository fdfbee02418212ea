"""A trace as a tree of text. Pure functions from records to lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from voltagent.cli.terminal import Style, columns, fitted
from voltagent.core.span import EVENT_NAMES
from voltagent.render.parents import lost_parent
from voltagent.render.text import duration, error_text, model_name, moment, printable, spent, value
from voltagent.render.tree import ASCII, UNICODE, Marks, arrange
from voltagent.storage.traces.records import OperationSummary, StoredOperation, StoredTrace, TraceSummary

Record = TypeVar("Record", TraceSummary, StoredTrace, OperationSummary, StoredOperation)

_PAYLOAD: Final = 2000  # characters of one input or output that are shown


def lines(
    trace: StoredTrace, operations: Sequence[StoredOperation], style: Style, *, verbose: bool = False
) -> Iterator[str]:
    """The trace, its operations below it, and with ``verbose`` inputs, outputs, metadata and stacks."""
    first, *branches = rows(trace, operations, style)
    yield first[1]
    yield _about(trace, style)
    for about in lost_parent(trace.metadata):
        yield line("! ", ("cancelled", about), (), style)
    if verbose:
        yield from _details(trace, _marks(style).pipe if branches else _marks(style).space, style)
    for operation, branch, indent in branches:
        yield branch
        if verbose and isinstance(operation, StoredOperation):
            yield from _details(operation, indent, style)


def rows(
    trace: TraceSummary, operations: Sequence[OperationSummary], style: Style
) -> Iterator[tuple[TraceSummary | OperationSummary, str, str]]:
    """The trace, then its operations depth first: each with its line, and with what stands before lines below it."""
    yield trace, line("", ("bold", trace.name), facts(trace), style), ""
    for place in arrange(operations, lambda one: one.id, lambda one: one.parent_id, _marks(style)):
        operation = place.item
        yield operation, line(place.lead, title(operation), facts(operation), style), place.inner


def _marks(style: Style) -> Marks:
    return UNICODE if style.lines else ASCII


def title(record: TraceSummary | OperationSummary) -> tuple[str, str]:
    """(colour, text): its kind and name."""
    if isinstance(record, TraceSummary):
        return "bold", f"trace {record.name}"
    kind = f"{record.kind} {record.operation}" if record.operation else record.kind
    return record.kind, f"{kind} {record.name}"


def facts(record: TraceSummary | OperationSummary) -> list[tuple[str, str]]:
    """(colour, text): how long, how much, and how it went, where it did not go well."""
    model = model_name(record.metadata) if isinstance(record, StoredOperation) else ""
    facts = [("dim", duration(record.start_ns, record.end_ns)), ("dim", model), ("dim", spent(record.usage))]
    if record.status != "completed" and not (record.status == "running" and is_moment(record)):
        facts.append((record.status, record.status))
    if record.error is not None:
        facts.append(("error", error_text(record.error)))
    return [(colour, text) for colour, text in facts if text]


def left_behind(record: Record) -> Record:
    """The record as it is where its process is gone: what runs in it will never end."""
    return replace(record, status="unfinished") if record.status == "running" and not is_moment(record) else record


_RUNNING_KINDS: Final = frozenset(kind for kind, _ in EVENT_NAMES)


def is_moment(record: TraceSummary | OperationSummary) -> bool:
    """A custom event is a point in time: it does not run."""
    return not isinstance(record, TraceSummary) and record.kind not in _RUNNING_KINDS


def line(lead: str, title: tuple[str, str], facts: Sequence[tuple[str, str]], style: Style) -> str:
    """One line of the tree, cut to the width before it is coloured."""
    pieces = [title, *facts]
    cut = "…" if style.lines else "..."
    width = style.width - len(lead) if style.width else 0
    written: list[str] = []
    for number, (colour, text) in enumerate(pieces):
        gap = "  " if number else ""
        shown = fitted(gap + printable(text), width, ellipsis=cut)
        written.append(style.paint(shown, colour))
        if width:
            width -= columns(shown)
            if width <= 3:
                break
    return style.paint(lead, "dim") + "".join(written)


def _about(trace: StoredTrace, style: Style) -> str:
    facts = [
        moment(trace.start_ns),
        trace.id,
        f"user {trace.user_id}" if trace.user_id else "",
        f"conversation {trace.conversation_id}" if trace.conversation_id else "",
        f"tags {', '.join(trace.tags)}" if trace.tags else "",
    ]
    return style.paint(fitted(printable("  ".join(fact for fact in facts if fact)), style.width), "dim")


def _details(record: StoredTrace | StoredOperation, indent: str, style: Style) -> Iterator[str]:
    rows: list[tuple[str, Any]] = [("input", record.input), ("output", record.output)]
    rows.append(("metadata", record.metadata or None))
    if isinstance(record, StoredOperation):
        rows.insert(0, ("prompt", record.instructions))
    for label, content in rows:
        if content is not None:
            text = fitted(printable(value(content)), _PAYLOAD)
            yield style.paint(indent, "dim") + style.paint(f"{label:<8} ", "dim") + text
    error: Any = record.error
    stack: Any = cast("Mapping[str, Any]", error).get("stack") if isinstance(error, Mapping) else None
    if isinstance(stack, str):
        for line in stack.splitlines():
            yield style.paint(indent, "dim") + style.paint(printable(line), "cancelled")
