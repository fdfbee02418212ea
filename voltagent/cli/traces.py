"""``voltagent traces``: the list of traces, newest first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from voltagent.cli import add_command
from voltagent.cli.arguments import (
    add_db,
    add_filters,
    add_order,
    note_destination,
    nothing_matches,
    nothing_stored,
    opened,
    wanted_by,
)
from voltagent.cli.terminal import Style, columns, encodable, fitted, padded, style_for
from voltagent.cli.tree import left_behind
from voltagent.records.queries import unfinished
from voltagent.records.reading import list_traces
from voltagent.render.text import duration, moment, money, printable, short_id, strict_json, tokens
from voltagent.storage.traces.records import TraceSummary

_EXAMPLES: Final = """\
examples:
  voltagent traces --errors --since 12h      what failed in the last twelve hours
  voltagent traces --tool look_up            traces that called this tool
  voltagent traces --text refund             traces that contain "refund"
  voltagent traces --sort cost --limit 5     the five most expensive ones"""

_WIDEST: Final = 40  # columns of a name, so that a long one does not push the others away
_HEAD: Final = ("ID", "START", "NAME", "STATUS", "DURATION", "MODEL", "TOKENS", "CACHED", "COST", "OPS", "ERRORS",
                "USER", "TAGS")  # fmt: skip
_WIDTH: Final = 80  # columns in a pipe
_LEAST: Final = {"NAME": 16, "MODEL": 8, "USER": 8, "TAGS": 8}  # columns that shrink if a line does not fit
_LEFT_OUT: Final = ("TAGS", "USER", "OPS", "CACHED", "MODEL")  # columns to leave out next, in this order


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "traces",
        _run,
        "list traces, newest first",
        "List traces, newest first.",
        _EXAMPLES,
        "[FILTER ...] [--sort ORDER] [--limit N] [--json] [--db PATH]",
    )
    add_filters(parser)
    add_order(parser, limit=20)
    parser.add_argument("--json", action="store_true", help="print a JSON array, with all values in full")
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Print a table of the chosen traces, or their JSON."""
    wanted = wanted_by(arguments)
    note_destination(arguments.db)
    with opened(arguments.db) as store:
        found = list_traces(store, wanted, arguments.limit)
        if not found:
            raise nothing_matches(store, wanted) if wanted.selects else nothing_stored(arguments.db)
        left = unfinished(store, [trace.id for trace in found if trace.status == "running"])
    if arguments.json:
        print(strict_json([asdict(trace) for trace in found], 2))
        return 0
    shown = [left_behind(trace) if trace.id in left else trace for trace in found]
    for line in table(shown, style_for(sys.stdout)):
        print(encodable(line))
    return 0


def table(traces: Sequence[TraceSummary], style: Style) -> list[str]:
    """Return the list as lines with columns that fit; columns without values are left out."""
    rows = [_HEAD, *(_row(trace) for trace in traces)]
    space = style.width or _WIDTH
    used = [column for column in range(len(_HEAD)) if any(row[column] for row in rows[1:])]
    used = _fitting(used, [max(columns(row[column]) for row in rows) for column in range(len(_HEAD))], space)
    widths = [max(columns(row[column]) for row in rows) for column in used]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= space else " "
    _narrow(widths, [_HEAD[column] for column in used], space - len(gap) * (len(widths) - 1))
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [padded(fitted(row[column], width), width) for column, width in zip(used, widths, strict=True)]
        line = fitted(gap.join(cells).rstrip(), space)
        lines.append(style.paint(line, "bold" if number == 0 else traces[number - 1].status))
    return lines


def _fitting(used: Sequence[int], widths: Sequence[int], space: int) -> list[int]:
    """Return the columns that fit if all others shrink as far as they can."""
    kept = list(used)
    for head in _LEFT_OUT:
        least = [min(widths[column], _LEAST.get(_HEAD[column], widths[column])) for column in kept]
        if sum(least) + len(kept) - 1 <= space:
            break
        kept = [column for column in kept if _HEAD[column] != head]
    return kept


def _narrow(widths: list[int], heads: Sequence[str], space: int) -> None:
    """Shrink the widest of the columns that may shrink, until the line fits."""
    excess = sum(widths) - space
    while excess > 0:
        yielding = [place for place, head in enumerate(heads) if widths[place] > _LEAST.get(head, widths[place])]
        if not yielding:
            return
        widths[max(yielding, key=widths.__getitem__)] -= 1
        excess -= 1


def _row(trace: TraceSummary) -> tuple[str, ...]:
    """Return the cells of a trace's row in the table."""
    name = trace.name if trace.foreign else trace.agent_id
    return (
        printable(short_id(trace.id)),
        moment(trace.start_ns)[5:16],
        fitted(printable(name), _WIDEST),
        trace.status,
        duration(trace.start_ns, trace.end_ns),
        fitted(printable(", ".join(trace.models)), _WIDEST),
        tokens(trace.usage).partition(" ")[0],
        str(round(trace.cached_tokens)) if trace.cached_tokens else "",
        money(trace.usage),
        str(trace.operations) if trace.operations else "",
        str(trace.errors) if trace.errors else "",
        fitted(printable(trace.user_id or ""), _WIDEST),
        fitted(printable(", ".join(trace.tags)), _WIDEST),
    )
