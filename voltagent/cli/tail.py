"""``voltagent tail``: show traces while other programs record them."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from voltagent.cli import add_command, tree
from voltagent.cli.arguments import add_db, add_filters, wanted_by
from voltagent.cli.board import Board, Followed, trace_of
from voltagent.cli.screen import Screen
from voltagent.cli.terminal import Style, encodable, style_for
from voltagent.core import clock
from voltagent.records.feed import Change, Feed, News
from voltagent.records.reading import open_store
from voltagent.render.text import printable, short_id
from voltagent.storage.file import StoreError
from voltagent.storage.traces.records import OperationSummary, TraceSummary

_EXAMPLES: Final = """\
examples:
  voltagent tail                         every trace
  voltagent tail --agent order-desk      those of an agent
  voltagent tail | grep error            line by line, for other programs

On a terminal, running traces are drawn in place as trees, and traces that have
ended stay above them. Programs write their records within half a second.
Ctrl-C ends the command."""

_PAUSE: Final = 0.25  # seconds between two looks
_ENDED: Final = 10_000  # traces known to be printed
_ENDED_LINES: Final = 200  # lines of the tree of an ended trace; `show` has the rest

Record = TypeVar("Record", TraceSummary, OperationSummary)


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "tail",
        _run,
        "follow traces as they happen",
        "Show operations of other programs as they begin and end.",
        _EXAMPLES,
        "[FILTER ...] [--db PATH]",
    )
    add_filters(parser)
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Print traces as they are recorded, until Ctrl-C."""
    style = style_for(sys.stdout)
    feed = Feed(arguments.db)
    board = Board(open_store(arguments.db, missing_is_empty=True), wanted_by(arguments))
    print(encodable(printable(f"waiting for traces in {arguments.db} (Ctrl-C ends)")), file=sys.stderr, flush=True)
    try:
        with _terminated():
            follow = _draw if sys.stdout.isatty() else _print
            follow(feed, board, style)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how it ends
    finally:
        feed.close()
        board.close()
    return 0


def _looks(feed: Feed) -> Iterator[News]:
    """Yield news for ever; empty news while another process locks the file."""
    pause = threading.Event()
    while True:
        try:
            yield feed.look()
        except StoreError as exc:
            if not exc.temporary:
                raise
            yield News()
        pause.wait(_PAUSE)


@contextmanager
def _terminated() -> Generator[None]:
    """Let SIGTERM run the `finally` clauses too, because the terminal must get its cursor back."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


_MARKS: Final = {"running": "▸", "completed": "✓", "error": "✗", "cancelled": "-", "unfinished": "?"}
_ASCII: Final = {"running": ">", "completed": "+", "error": "x", "cancelled": "-", "unfinished": "?"}
_DEEPEST: Final = 20


def entries(board: Board, changes: Sequence[Change[Any]], style: Style) -> Iterator[str]:
    """Yield a line for each change: when, which trace, and what began or ended."""
    marks = _MARKS if style.lines else _ASCII
    for change in changes:
        record: Followed = change.record
        at = record.start_ns if record.end_ns is None or not change.ended else record.end_ns
        time = datetime.fromtimestamp(at / 1e9).astimezone().strftime("%H:%M:%S")
        indent = "  " * min(board.depth(record), _DEEPEST)
        colour, text = tree.title(record)
        status = record.status if change.ended or record.status == "running" else "completed"
        lead = f"{time}  {printable(short_id(trace_of(record)))}  {indent}{marks.get(status, marks['completed'])} "
        yield tree.line(lead, (colour, text), tree.facts(record), style)


def _print(feed: Feed, board: Board, style: Style) -> None:
    """Print a line for each change, until Ctrl-C or the reader of the pipe leaves."""
    for news in _looks(feed):
        changes = board.take(news)
        changes += [Change(board.trace(trace_id), began=False, ended=True) for trace_id in board.left_behind()]
        for line in entries(board, changes, style):
            print(encodable(line))
        sys.stdout.flush()


def _draw(feed: Feed, board: Board, style: Style) -> None:
    """Draw running traces as trees that change in place, until Ctrl-C."""
    screen = Screen(sys.stdout)
    running: dict[str, None] = {}  # in the order in which they were seen
    ended: OrderedDict[str, None] = OrderedDict()
    with screen.without_cursor():
        for news in _looks(feed):
            width, height = screen.size
            style = replace(style, width=width)
            above: list[str] = []
            changes = board.take(news)
            for trace_id in dict.fromkeys(trace_of(change.record) for change in changes):
                if trace_id in ended:  # late records are printed individually
                    late = [change for change in changes if trace_of(change.record) == trace_id]
                    above += entries(board, late, style)
                elif board.trace(trace_id).status == "running":
                    running[trace_id] = None
                else:
                    running.pop(trace_id, None)
                    ended[trace_id] = None
                    above += _whole(board, trace_id, style)
            for trace_id in board.left_behind():
                running.pop(trace_id, None)
                ended[trace_id] = None
                above += _whole(board, trace_id, style)
            while len(ended) > _ENDED:
                ended.popitem(last=False)
            screen.draw(_live(board, list(running), style, height - 1), above)


def _whole(board: Board, trace_id: str, style: Style) -> list[str]:
    """Return the tree of an ended trace, with its heading."""
    lines = [line for _, line in _tree(board.trace(trace_id), board.operations(trace_id), style)]
    more = (
        [f"... {len(lines) - _ENDED_LINES} more: voltagent show {short_id(trace_id)}"]
        if len(lines) > _ENDED_LINES
        else []
    )
    return [*lines[:_ENDED_LINES], *more]


def _live(board: Board, traces: Sequence[str], style: Style, height: int) -> list[str]:
    """Return the trees of the running traces, the newest last, in at most ``most`` lines."""
    now = clock.nanoseconds()
    rows: list[tuple[bool, str]] = []
    for trace_id in traces:
        trace, operations = (
            _so_far(board.trace(trace_id), now),
            [_so_far(one, now) for one in board.operations(trace_id)],
        )
        rows += [(record.status == "running", line) for record, line in _tree(trace, operations, style)]
    return excerpt(rows, height)


def _tree(trace: TraceSummary, operations: Sequence[OperationSummary], style: Style) -> Iterator[tuple[Any, str]]:
    """Yield each record with its line; that of the trace has the id for `show`."""
    about = [("dim", short_id(trace.id)), *tree.facts(trace)]
    yield trace, tree.line("", ("bold", trace.name), about, style)
    yield from ((record, line) for record, line, _ in islice(tree.rows(trace, operations, style), 1, None))


def _so_far(record: Record, now: int) -> Record:
    """Return a running record with its duration so far; others unchanged."""
    if record.status != "running" or tree.is_moment(record):
        return record
    return replace(record, end_ns=max(now, record.start_ns))


def excerpt(rows: Sequence[tuple[bool, str]], height: int) -> list[str]:
    """Return at most ``most`` of the lines: those of running operations first, then the latest."""
    if len(rows) <= height:
        return [line for _, line in rows]
    space = max(0, height - 1)
    newest_first = range(len(rows) - 1, -1, -1)
    by_worth = sorted(newest_first, key=lambda number: not rows[number][0])  # stable: newest first within both
    shown = sorted(by_worth[:space])
    return [f"... {len(rows) - len(shown)} more"] * (height > 0) + [rows[number][1] for number in shown]
