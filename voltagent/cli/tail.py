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
from typing import Any, Final, TypeAlias, TypeVar

from voltagent.cli import tree
from voltagent.cli.arguments import add_db, add_filters, wanted_by
from voltagent.cli.screen import Screen
from voltagent.cli.terminal import Style, encodable, style_for
from voltagent.core import clock as _clock
from voltagent.records.feed import Change, Feed, News
from voltagent.records.queries import operation_summaries, unfinished
from voltagent.records.reading import open_store
from voltagent.render.text import printable, short_id
from voltagent.storage.file import StoreError
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import OperationSummary, TraceSummary
from voltagent.storage.traces.store import Store

_EXAMPLES: Final = """\
examples:
  voltagent tail                         every trace
  voltagent tail --agent order-desk      those of an agent
  voltagent tail | grep error            line by line, for other programs

On a terminal, running traces are drawn as trees in place and stay above when they have ended. A program writes its
records within half a second. Ctrl-C ends it."""

_PAUSE: Final = 0.25  # seconds between two looks
KNOWN: Final = 200  # ended traces whose operations are remembered, besides the running ones
_ENDED: Final = 10_000  # traces known to be printed
_ENDED_LINES: Final = 200  # lines of the tree of an ended trace; `show` has the rest

_Record: TypeAlias = TraceSummary | OperationSummary
Record = TypeVar("Record", TraceSummary, OperationSummary)


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "tail",
        help="traces as they happen",
        description="Follow the store that other programs write: operations as they begin and end.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_filters(parser)
    add_db(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
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


# ------------------------------------------------------------------------------------------------- what is known


class Board:
    """The selected traces with their operations: those that are running or were seen lately."""

    def __init__(self, store: Store, wanted: Filter) -> None:
        self._store = store
        self._wanted = wanted
        self._traces: OrderedDict[str, TraceSummary] = OrderedDict()
        self._operations: dict[str, dict[str, OperationSummary]] = {}

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def take(self, news: News) -> list[Change[Any]]:
        """Take in news; return the changes of the selected traces in order of time. All stay known until the next."""
        self._forget()
        for trace_id in news.trace_ids:
            if trace_id not in self._traces:
                self._load(trace_id)
        for change in news.traces:
            if change.record.id in self._traces:
                self._traces[change.record.id] = change.record
        for one in news.operations:
            if one.record.trace_id in self._traces:
                self._operations[one.record.trace_id][one.record.id] = one.record
        changes: list[Change[Any]] = [*news.traces, *news.operations]
        wanted = [change for change in changes if trace_of(change.record) in self._traces]
        return sorted(wanted, key=_moment)

    def left_behind(self) -> list[str]:
        """Return the ids of the traces whose process is now known to have died, without repetition."""
        try:
            found = unfinished(self._store, [one.id for one in self._traces.values() if one.status == "running"])
        except StoreError:
            return []  # it is busy: the next look comes soon
        for trace_id in found:
            self._traces[trace_id] = tree.left_behind(self._traces[trace_id])
            operations = self._operations[trace_id]
            self._operations[trace_id] = {id: tree.left_behind(one) for id, one in operations.items()}
        return list(found)

    def _load(self, trace_id: str) -> None:
        found = self._store.traces(replace(self._wanted, id=trace_id), limit=1)
        if found:
            self._traces[trace_id] = found[0]
            self._operations[trace_id] = {one.id: one for one in operation_summaries(self._store, trace_id)}

    def _forget(self) -> None:
        """Forget the oldest traces if there are too many, but no running one."""
        ended = [one.id for one in self._traces.values() if one.status != "running"]
        for trace_id in ended[: max(0, len(self._traces) - KNOWN)]:
            del self._traces[trace_id], self._operations[trace_id]

    def remembered(self) -> int:
        """Return the number of traces whose operations are kept in memory."""
        return len(self._operations)

    def trace(self, trace_id: str) -> TraceSummary:
        """Return a trace that was seen."""
        return self._traces[trace_id]

    def operations(self, trace_id: str) -> list[OperationSummary]:
        """Return its operations, in the order in which they began."""
        return sorted(self._operations[trace_id].values(), key=lambda one: (one.start_ns, one.sequence))

    def depth(self, record: _Record) -> int:
        """Return how deep a record is in its trace."""
        if isinstance(record, TraceSummary):
            return 0
        operations, depth, seen = self._operations[record.trace_id], 1, {record.id}
        while record.parent_id in operations and record.parent_id not in seen:
            record = operations[record.parent_id]
            seen.add(record.id)
            depth += 1
        return depth


def trace_of(record: _Record) -> str:
    """Return the id of the trace of a record."""
    return record.id if isinstance(record, TraceSummary) else record.trace_id


def _moment(change: Change[Any]) -> tuple[bool, int]:
    """Sort key: first what began, then what ended, as in :class:`News`."""
    return not change.began, change.record.start_ns if change.began else change.record.end_ns or 0


# --------------------------------------------------------------------------------------------------- line by line

_MARKS: Final = {"running": "▸", "completed": "✓", "error": "✗", "cancelled": "-", "unfinished": "?"}
_ASCII: Final = {"running": ">", "completed": "+", "error": "x", "cancelled": "-", "unfinished": "?"}
_DEEPEST: Final = 20


def entries(board: Board, changes: Sequence[Change[Any]], style: Style) -> Iterator[str]:
    """Yield a line for each change: when, which trace, and what began or ended."""
    marks = _MARKS if style.lines else _ASCII
    for change in changes:
        record: _Record = change.record
        at = record.start_ns if record.end_ns is None or not change.ended else record.end_ns
        clock = datetime.fromtimestamp(at / 1e9).astimezone().strftime("%H:%M:%S")
        indent = "  " * min(board.depth(record), _DEEPEST)
        colour, text = tree.title(record)
        status = record.status if change.ended or record.status == "running" else "completed"
        lead = f"{clock}  {printable(short_id(trace_of(record)))}  {indent}{marks.get(status, marks['completed'])} "
        yield tree.line(lead, (colour, text), tree.facts(record), style)


def _print(feed: Feed, board: Board, style: Style) -> None:
    for news in _looks(feed):
        changes = board.take(news)
        changes += [Change(board.trace(trace_id), began=False, ended=True) for trace_id in board.left_behind()]
        for line in entries(board, changes, style):
            print(encodable(line))
        sys.stdout.flush()


# ------------------------------------------------------------------------------------------------------ on a terminal


def _draw(feed: Feed, board: Board, style: Style) -> None:
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
    now = _clock.nanoseconds()
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
