"""The results of a run as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.measures import WORKLOADS

__all__ = ["figure", "markdown", "plain", "render"]

Results = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
Column = tuple[str, str, str, str]  # heading, measure, key, how it is written

_COSTS = [(name.replace("_", " "), name, "wall", "{:.2f}") for name in (*WORKLOADS, "threads", "tasks")]
_REST = [
    ("CPU s / 10 000", "paced", "cpu", "{:.3f}"),
    ("delivered, 16 threads %", "threads", "delivered", "{:.0f}"),
    ("200 tasks %", "tasks", "delivered", "{:.0f}"),
    ("events / CPU s", "drain", "per_cpu_second", "{:,.0f}"),
    ("drained / s", "drain", "per_second", "{:,.0f}"),
    ("dead: call µs", "dead", "wall", "{:.1f}"),
    ("dead: exit s", "dead", "exit", "{:.2f}"),
    ("import ms", "import", "ms", "{:.0f}"),
    ("import MB", "import", "mb", "{:.0f}"),
]


def figure(results: Results, measure: str, name: str, key: str = "wall") -> float | None:
    """The median over the rounds, or ``None`` where it was not measured."""
    rounds = results.get(measure, {}).get(name, {}).get(key)
    return median(rounds) if rounds else None


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of text; the first row is the heading."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for name, *cells in rows:
        padded = (f"{text:>{width}}" for text, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join([f"{name:<{widths[0]}}", *padded]).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown."""
    heading, *others = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(["", heading, "|---" + "|--:" * (len(rows[0]) - 1) + "|", *others])


def render(document: Mapping[str, Any], lines: Callable[[Sequence[Sequence[str]]], str] = plain) -> str:
    """Tables of medians and of ratios to the floor, and what was skipped."""
    results: Results = document["results"]
    parts = [
        (
            "µs per call; nested: per trace of six operations; threads, tasks: per operation, by the clock",
            _COSTS,
            _plain,
        ),
        ("the same as multiples of the floor", _COSTS, _ratio),
        ("delivery, exit and import", _REST, _plain),
    ]
    texts = [_table(title, columns, results, cell, lines) for title, columns, cell in parts]
    texts.append(_single(results))
    texts.extend(f"skipped: {name}: {why}" for name, why in document.get("skipped", {}).items())
    return "\n\n".join(text for text in texts if text)


def _table(
    title: str,
    columns: Sequence[Column],
    results: Results,
    cell: Callable[[Results, str, Column], str],
    lines: Callable[[Sequence[Sequence[str]]], str],
) -> str:
    used = [column for column in columns if results.get(column[1])]
    found = dict.fromkeys(name for _, measure, _, _ in used for name in results[measure])
    order = [contestant.name for contestant in CONTESTANTS]
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    rows = [[name, *(cell(results, name, column) for column in used)] for name in names]
    rows = [row for row in rows if any(row[1:])]
    return title + "\n" + lines([["", *(column[0] for column in used)], *rows]) if rows else ""


def _plain(results: Results, name: str, column: Column) -> str:
    value = figure(results, column[1], name, column[2])
    if value is None or (value < 0 and column[1] == "drain"):
        return ""
    more = "> " if column[2] == "exit" and not figure(results, "dead", name, "ended") else ""
    raised = ", raises" if column[2] == "exit" and figure(results, "dead", name, "raised") else ""
    return more + column[3].format(value) + raised


def _ratio(results: Results, name: str, column: Column) -> str:
    value, floor = (figure(results, column[1], who, column[2]) for who in (name, "floor"))
    return f"{value / floor:.2f}" if value is not None and floor else ""


def _single(results: Results) -> str:
    """The measures that only this library has."""
    lines = []
    share = figure(results, "steal", "ours local", "share")
    if share is not None:
        lines.append(f"throughput of the program while its full queue is drained: {share:.0%} of what it is alone")
    for measure in results:
        if measure.startswith("memory "):
            used, encoded = (figure(results, measure, "ours held", key) for key in ("bytes", "encoded"))
            lines.append(f"memory per waiting event with {encoded:.0f} bytes of JSON: {used:.0f} bytes")
    return "\n".join(lines)
