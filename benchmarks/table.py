"""The results of a run as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.measures import WORKLOADS

__all__ = ["figure", "render"]

Results = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]

# heading, measure, key, how it is written
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


def render(document: Mapping[str, Any]) -> str:
    """Tables of medians and of ratios to the floor, and what was skipped."""
    results: Results = document["results"]
    parts = [
        ("µs per call; nested: per trace of six operations; threads and tasks: wall time per operation", _COSTS, 0),
        ("the same as multiples of the floor", _COSTS, 1),
        ("delivery, exit and import", _REST, 0),
    ]
    texts = [_table(title, columns, results, bool(ratios)) for title, columns, ratios in parts]
    texts.append(_single(results))
    texts.extend(f"skipped: {name}: {why}" for name, why in document.get("skipped", {}).items())
    return "\n\n".join(text for text in texts if text)


def _table(title: str, columns: Sequence[tuple[str, str, str, str]], results: Results, ratios: bool) -> str:
    used = [column for column in columns if results.get(column[1])]
    names = list(dict.fromkeys(name for _, measure, _, _ in used for name in results[measure]))
    cell = _ratio if ratios else _plain
    rows = [[name, *(cell(results, name, column) for column in used)] for name in names]
    rows = [row for row in rows if any(row[1:])]
    if not rows:
        return ""
    return title + "\n" + _lines([["", *(column[0] for column in used)], *rows])


def _plain(results: Results, name: str, column: tuple[str, str, str, str]) -> str:
    value = figure(results, column[1], name, column[2])
    if value is None or (value < 0 and column[1] == "drain"):
        return ""
    more = "> " if column[2] == "exit" and not figure(results, "dead", name, "ended") else ""
    raised = ", raises" if column[2] == "exit" and figure(results, "dead", name, "raised") else ""
    return more + column[3].format(value) + raised


def _ratio(results: Results, name: str, column: tuple[str, str, str, str]) -> str:
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


def _lines(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    align: Callable[[int], str] = lambda place: "<" if place == 0 else ">"  # noqa: E731
    return "\n".join(
        "  ".join(f"{text:{align(place)}{widths[place]}}" for place, text in enumerate(row)).rstrip() for row in rows
    )
