"""A trace as a tree of text. Pure functions from records to lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from voltagent.capture.usage import is_count, summed
from voltagent.cli.terminal import Style, columns, fitted
from voltagent.core.ordering import children_of
from voltagent.core.scores import Score
from voltagent.core.span import EVENT_NAMES, TRACE
from voltagent.records.started import MOST as MOST_STARTED
from voltagent.render.parents import lost_parent
from voltagent.render.previews import WITH_MESSAGES, value_preview
from voltagent.render.reading import MOST_LINES, joined_pieces, readable, shortened_stack
from voltagent.render.text import duration, error_text, moment, printable, score_text, short_id, spent
from voltagent.render.tree import ASCII, UNICODE, Marks, arrange
from voltagent.storage.traces.records import OperationSummary, StoredOperation, StoredTrace, TraceSummary

Record = TypeVar("Record", TraceSummary, StoredTrace, OperationSummary, StoredOperation)

_LEAST_EQUAL: Final = 5  # siblings that become one line


def lines(
    trace: StoredTrace,
    operations: Sequence[StoredOperation],
    style: Style,
    *,
    verbose: bool = False,
    depth: int | None = None,
    most: int | None = MOST_LINES,
    scores: Sequence[Score] = (),
    started: Sequence[OperationSummary] = (),
) -> Iterator[str]:
    """Return the lines of a trace with its operations, and with ``verbose`` the recorded values below the tree.

    Args:
        trace: the trace.
        operations: all its operations.
        style: how to write. On a terminal, five or more equal siblings become one line and each line shows how the
            input begins, unless ``verbose``.
        verbose: add inputs, outputs, metadata and stacks.
        depth: levels of operations at most (default: all).
        most: lines of one input, output and so on (default: 40).
        scores: of the trace and of its operations.
        started: the traces that it started, as operations: one line each.
    """
    own = _by_operation(scores)
    first, *branches = _shown(trace, operations, started, style, depth, own, compact=style.is_terminal and not verbose)
    yield first
    yield about(trace, style)
    if None in own:
        yield line("", ("dim", f"scores  {'  '.join(map(score_text, own[None]))}"), (), style)
    for loss in lost_parent(trace.metadata):
        yield line("! ", ("cancelled", loss), (), style)
    yield from branches
    if len(started) >= MOST_STARTED:
        yield style.paint(f"... of the traces that it started, only the first {len(started)} are shown", "dim")
    if verbose:
        yield from details(trace, style, most, own.get(None, ()))
        for place in arrange(operations, lambda one: one.id, lambda one: one.parent_id, _marks(style)):
            if depth is None or place.depth < depth:
                yield from details(place.item, style, most, own.get(place.item.id, ()))


def _by_operation(scores: Sequence[Score]) -> dict[str | None, list[Score]]:
    found: dict[str | None, list[Score]] = {}
    for one in scores:
        found.setdefault(one.operation_id, []).append(one)
    return found


def _shown(
    trace: TraceSummary,
    operations: Sequence[OperationSummary],
    started: Sequence[OperationSummary],
    style: Style,
    depth: int | None,
    scores: Mapping[str | None, Sequence[Score]],
    *,
    compact: bool,
) -> Iterator[str]:
    """Yield the lines of the tree."""
    groups: dict[str, FoldedSiblings] = {}
    if started:
        operations = sorted((*operations, *started), key=lambda one: one.start_ns)
    if compact:
        operations, groups = folded(operations)
    more = {one.id: [("bold", score_text(score, short=True)) for score in scores.get(one.id, ())] for one in operations}
    if compact:
        more = {one.id: [*more[one.id], *_preview(one)] for one in operations}
    more |= {one.id: [("dim", short_id(one.id))] for one in started}
    left_out = 0
    for record, text, _ in rows(trace, operations, style, groups=groups, depth=depth, more=more):
        if record is None:
            left_out += 1
        else:
            yield text
    if left_out:
        yield style.paint(f"... {left_out} deeper operations are not shown", "dim")


def rows(
    trace: TraceSummary,
    operations: Sequence[OperationSummary],
    style: Style,
    *,
    groups: Mapping[str, FoldedSiblings] | None = None,
    depth: int | None = None,
    more: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> Iterator[tuple[TraceSummary | OperationSummary | None, str, str]]:
    """Yield the trace, then its operations depth first: each with its line, and the lead of further lines about it.

    An operation below ``depth`` is ``None``. ``groups`` has the ids of operations that stand for several, ``more`` what
    else to write of an operation, as (colour, text) pairs.
    """
    yield trace, line("", ("bold", trace.name), facts(trace), style), ""
    for place in arrange(operations, lambda one: one.id, lambda one: one.parent_id, _marks(style)):
        operation = place.item
        if depth is not None and place.depth >= depth:
            yield None, "", ""
            continue
        group = (groups or {}).get(operation.id)
        colour, text = title(operation)
        known = [*facts(operation), *(more or {}).get(operation.id, ())]
        if group is not None:
            colour, text, known = "error" if group.failed else colour, text + group.label, group.facts
        yield operation, line(place.lead, (colour, text), known, style), place.inner


@dataclass(frozen=True, slots=True)
class FoldedSiblings:
    """Equal siblings that are shown as one line."""

    members: tuple[OperationSummary, ...]

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(one.status == "error" for one in self.members)

    @property
    def label(self) -> str:
        """Their number, and how many failed."""
        return f" × {len(self.members)}" + (f", {self.failed} failed" if self.failed else "")  # noqa: RUF001

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Their total duration and usage."""
        ends = [one.end_ns for one in self.members]
        last = None if None in ends else max(end for end in ends if end is not None)
        usage = summed(one.usage for one in self.members if one.usage is not None)
        found = [("dim", duration(min(one.start_ns for one in self.members), last)), ("dim", spent(usage))]
        return [(colour, text) for colour, text in found if text]


def folded(operations: Sequence[OperationSummary]) -> tuple[list[OperationSummary], dict[str, FoldedSiblings]]:
    """Replace five or more equal siblings by the first of them; return the operations and the groups by id.

    Siblings are equal if kind and name are. Operations below them are left out as well.
    """
    siblings: dict[tuple[str | None, str, str | None, str], list[OperationSummary]] = {}
    for one in operations:
        siblings.setdefault((one.parent_id, one.kind, one.operation, one.name), []).append(one)
    groups = {
        members[0].id: FoldedSiblings(tuple(members)) for members in siblings.values() if len(members) >= _LEAST_EQUAL
    }
    hidden = {one.id for group in groups.values() for one in group.members}
    below = children_of(operations, lambda one: one.id, lambda one: one.parent_id)
    waiting = [child for identifier in hidden for child in below.get(identifier, ())]
    while waiting:
        one = waiting.pop()
        if one.id not in hidden:
            hidden.add(one.id)
            waiting += below.get(one.id, ())
    return [one for one in operations if one.id not in hidden or one.id in groups], groups


def _preview(operation: OperationSummary) -> list[tuple[str, str]]:
    """Return how the input of an operation begins, on one line, unless it failed: then the error is worth more."""
    if not isinstance(operation, StoredOperation) or operation.error is not None:
        return []
    text = " ".join((value_preview(operation.kind, operation.input) or "").split())
    return [("dim", text)] if text else []


def _marks(style: Style) -> Marks:
    return UNICODE if style.lines else ASCII


def title(record: TraceSummary | OperationSummary) -> tuple[str, str]:
    """Return (colour, text) for its kind and name."""
    if isinstance(record, TraceSummary):
        return "bold", f"trace {record.name}"
    kind = f"{record.kind} {record.operation}" if record.operation else record.kind
    return record.kind, f"{kind} {record.name}"


def facts(record: TraceSummary | OperationSummary) -> list[tuple[str, str]]:
    """Return (colour, text) pairs for its duration, usage, and failure if it failed."""
    model = ", ".join(record.models) if isinstance(record, TraceSummary) else record.model or ""
    facts = [("dim", duration(record.start_ns, record.end_ns)), ("dim", model), ("dim", spent(record.usage))]
    if record.status != "completed" and not (record.status == "running" and is_moment(record)):
        facts.append((record.status, record.status))
    if record.error is not None:
        facts.append(("error", error_text(record.error)))
    return [(colour, text) for colour, text in facts if text]


def left_behind(record: Record) -> Record:
    """Return the record as unfinished, because its process has died."""
    return replace(record, status="unfinished") if record.status == "running" and not is_moment(record) else record


_RUNNING_KINDS: Final = frozenset((TRACE, *(kind for kind, _ in EVENT_NAMES)))


def is_moment(record: TraceSummary | OperationSummary) -> bool:
    """Return whether the record is a custom event, which has no duration."""
    return not isinstance(record, TraceSummary) and record.kind not in _RUNNING_KINDS


def line(lead: str, title: tuple[str, str], facts: Sequence[tuple[str, str]], style: Style) -> str:
    """Return one line of the tree, truncated to the width before colours are added."""
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


def about(record: StoredTrace | StoredOperation, style: Style) -> str:
    """Return the second line of a trace: when it began, its whole id, and to whom it belongs."""
    owner = ("user", "conversation", "version", "environment")
    found = [moment(record.start_ns), record.id]
    values = ((name, getattr(record, f"{name}_id", None) or getattr(record, name, None)) for name in owner)
    found += [f"{name} {value}" for name, value in values if value]
    part_of = getattr(record, "parent_trace_id", None)
    if part_of:
        found.append(f"part of {part_of}")
    if record.tags:
        found.append(f"tags {', '.join(record.tags)}")
    return style.paint(fitted(printable("  ".join(found)), style.width), "dim")


def details(
    record: StoredTrace | StoredOperation, style: Style, most: int | None, scores: Sequence[Score] = ()
) -> Iterator[str]:
    """Yield the recorded values of a trace or operation as text, and its scores; nothing if there are none."""
    parts = [(label, readable(value, most)) for label, value in _values(record) if value is not None]
    stack = _stack(record.error)
    if stack:
        parts.append(("stack", shortened_stack([printable(text.expandtabs(4)) for text in stack.splitlines()], most)))
    if scores:
        parts.append(("scores", [printable(text) for one in scores for text in score_text(one).splitlines()]))
    if not parts:
        return
    colour, text = title(record)
    yield ""
    yield style.paint(fitted(printable(f"{text}  [{short_id(record.id)}]"), style.width), colour)
    for label, content in parts:
        yield style.paint(f"  {label}", "dim")
        shade = "cancelled" if label == "stack" else ""
        yield from (style.paint(f"    {text}", shade) for text in content)


def _values(record: StoredTrace | StoredOperation) -> list[tuple[str, Any]]:
    """Return what is printed of a record besides its line, in the order in which it is printed."""
    prompt = record.instructions if isinstance(record, StoredOperation) else None
    error: Any = record.error
    if isinstance(error, Mapping):
        error = _without_repetition(cast("Mapping[str, Any]", error))
    answers = isinstance(record, StoredTrace) or record.kind in WITH_MESSAGES
    output: Any = joined_pieces(record.output) if answers else record.output
    usage: Any = None if record.usage is None else {**record.usage, **_exact_cost(record.usage)}
    return [("prompt", prompt), ("input", record.input), ("output", output), ("error", error), ("usage", usage),
            ("metadata", dict(record.metadata) or None)]  # fmt: skip


def _without_repetition(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an error without its stack, which is printed below it, an empty message, and a name that is its type."""
    left_out = {"stack", *(["name"] if error.get("name") == error.get("type") else [])}
    return {key: value for key, value in error.items() if key not in left_out and (key, value) != ("message", "")}


def _exact_cost(usage: Mapping[str, Any]) -> dict[str, str]:
    """Return the cost with all its digits, but without an exponent and what binary fractions add to a sum."""
    cost: Any = usage.get("cost")
    return {"cost": format(Decimal(f"{cost:.12g}"), "f")} if is_count(cost) else {}


def _stack(error: Any) -> str:
    found: Any = cast("Mapping[str, Any]", error).get("stack") if isinstance(error, Mapping) else None
    return found if isinstance(found, str) else ""
