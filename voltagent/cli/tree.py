"""A trace as a tree of text. Pure functions from records to lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from voltagent._readable import clean, duration, error_text, moment, tokens, value
from voltagent.cli.text import Style, columns, fitted
from voltagent.local.store import StoredOperation, StoredTrace

__all__ = ["lines"]

_UNICODE: Final = ("├─ ", "└─ ", "│  ", "   ", "…")
_ASCII: Final = ("|- ", "`- ", "|  ", "   ", "...")
_PAYLOAD: Final = 2000  # characters of one input or output that are shown


def lines(
    trace: StoredTrace, operations: Sequence[StoredOperation], style: Style, *, verbose: bool = False
) -> Iterator[str]:
    """The trace, its operations below it, and with ``verbose`` inputs, outputs, metadata and stacks."""
    marks = _UNICODE if style.lines else _ASCII
    children = _children(operations)
    yield _line("", ("bold", trace.name), _facts(trace), style)
    yield _about(trace, style)
    top = children.get(None, [])
    if verbose:
        yield from _details(trace, marks[2] if top else marks[3], style)
    yield from _branches(top, children, "", style, marks, verbose)


def _children(operations: Sequence[StoredOperation]) -> dict[str | None, list[StoredOperation]]:
    """Operations by their parent; those whose parent is not there stand at the top."""
    known = {operation.id for operation in operations}
    children: dict[str | None, list[StoredOperation]] = {}
    for operation in operations:
        children.setdefault(operation.parent_id if operation.parent_id in known else None, []).append(operation)
    return children


def _branches(
    top: Sequence[StoredOperation],
    children: Mapping[str | None, Sequence[StoredOperation]],
    indent: str,
    style: Style,
    marks: Sequence[str],
    verbose: bool,
) -> Iterator[str]:
    """Depth first, on a stack of our own: a trace may be deeper than Python's."""
    fork, last, pipe, space, _ = marks
    waiting = [(operation, indent, number == len(top) - 1) for number, operation in enumerate(top)][::-1]
    while waiting:
        operation, indent, is_last = waiting.pop()
        below = children.get(operation.id, ())
        yield _line(indent + (last if is_last else fork), _title(operation), _facts(operation), style)
        inner = indent + (space if is_last else pipe)
        if verbose:
            yield from _details(operation, inner + (pipe if below else space), style)
        waiting += [(child, inner, number == len(below) - 1) for number, child in enumerate(below)][::-1]


def _title(operation: StoredOperation) -> tuple[str, str]:
    kind = f"{operation.kind} {operation.operation}" if operation.operation else operation.kind
    return operation.kind, f"{kind} {operation.name}"


def _facts(record: StoredTrace | StoredOperation) -> list[tuple[str, str]]:
    """(colour, text): how long, how much, and how it went, where it did not go well."""
    facts = [("dim", duration(record.start_ns, record.end_ns)), ("dim", tokens(record.usage))]
    if record.status != "completed" and not (record.status == "running" and _is_moment(record)):
        facts.append((record.status, record.status))
    if record.error is not None:
        facts.append(("error", error_text(record.error)))
    return [(colour, text) for colour, text in facts if text]


def _is_moment(record: StoredTrace | StoredOperation) -> bool:
    """A custom event is a point in time: it does not run."""
    return isinstance(record, StoredOperation) and record.kind not in ("agent", "tool", "memory", "retriever")


def _line(lead: str, title: tuple[str, str], facts: Sequence[tuple[str, str]], style: Style) -> str:
    """One line of the tree, cut to the width before it is coloured."""
    pieces = [title, *facts]
    cut = "…" if style.lines else "..."
    room = style.width - len(lead) if style.width else 0
    written: list[str] = []
    for number, (colour, text) in enumerate(pieces):
        gap = "  " if number else ""
        shown = fitted(gap + clean(text), room, ellipsis=cut)
        written.append(style.paint(shown, colour))
        if room:
            room -= columns(shown)
            if room <= 3:
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
    return style.paint(fitted(clean("  ".join(fact for fact in facts if fact)), style.width), "dim")


def _details(record: StoredTrace | StoredOperation, indent: str, style: Style) -> Iterator[str]:
    rows: list[tuple[str, Any]] = [("input", record.input), ("output", record.output)]
    rows.append(("metadata", record.metadata or None))
    if isinstance(record, StoredOperation):
        rows.insert(0, ("prompt", record.instructions))
    for label, content in rows:
        if content is not None:
            text = fitted(clean(value(content)), _PAYLOAD)
            yield style.paint(indent, "dim") + style.paint(f"{label:<8} ", "dim") + text
    error: Any = record.error
    stack: Any = cast("Mapping[str, Any]", error).get("stack") if isinstance(error, Mapping) else None
    if isinstance(stack, str):
        for line in stack.splitlines():
            yield style.paint(indent, "dim") + style.paint(clean(line), "cancelled")
