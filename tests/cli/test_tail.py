"""``voltagent tail``: other programs' traces as they happen, in lines and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from tests.helpers.stored import Run
from voltagent.cli import board as board_of_tail, tail as tail_command
from voltagent.cli.tail import excerpt
from voltagent.core.span import Span
from voltagent.records.feed import Feed
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.store import Store

UP = re.compile(r"\x1b\[(\d+)F")


@dataclass
class Terminal:
    """What a terminal of this size shows after what was written to it; only what `tail` writes is understood."""

    width: int = 80
    height: int = 24
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    cursor: bool = True
    highest: int = 0  # the most rows that were gone up at once

    def feed(self, text: str) -> None:
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]", text):
            if part in ("\x1b[?25l", "\x1b[?25h"):
                self.cursor = part.endswith("h")
            elif part == "\x1b[J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = self.lines[self.row][: self.column]
            elif UP.fullmatch(part):
                up = int(part[2:-1])
                self.highest = max(self.highest, up)
                self.row, self.column = max(0, self.row - up), 0
            elif part == "\r":
                self.column = 0
            elif part == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif not part.endswith("m") or len(part) == 1:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + part + line[self.column + 1 :]
                self.column += 1

    @property
    def text(self) -> str:
        return without_figures("\n".join(line.rstrip() for line in self.lines))


def without_figures(text: str) -> str:
    """Without times and ids, which differ from run to run."""
    text = re.sub(r"\d+(\.\d+)? (µs|ms|s)\b", "T", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "ID", text)


class Tail:
    """A running `voltagent tail`, and what it wrote so far."""

    def __init__(self, process: subprocess.Popen[bytes], above: int) -> None:
        self.process = process
        self.above = above
        self.seen = ""
        self.terminal = Terminal()

    def read_until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        until = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < until, f"not seen: {self.seen}\n{self.terminal.text}"
            if select.select([self.above], [], [], 0.1)[0]:
                self._take()

    def rest(self) -> None:
        try:
            while self._take():
                pass
        except OSError:
            pass  # the other end is closed

    def _take(self) -> bool:
        text = os.read(self.above, 65536).decode()
        self.seen += text
        self.terminal.feed(text)
        return bool(text)


@contextmanager
def tail(db: Path, *arguments: str, size: tuple[int, int] | None = None) -> Iterator[Tail]:
    """`voltagent tail` on a terminal of this size (lines, columns), or into a pipe."""
    command = [sys.executable, "-m", "voltagent", "tail", "--db", str(db), *arguments]
    above, below = os.pipe() if size is None else pty.openpty()
    if size is not None:
        resize(below, *size)
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, stdout=below, stderr=subprocess.PIPE, env=environment) as process:
        os.close(below)
        assert b"waiting for traces in" in ready(process.stderr)
        one = Tail(process, above)
        try:
            yield one
        finally:
            process.kill()
            os.close(above)


def ready(stream: IO[bytes] | None) -> bytes:
    assert stream is not None
    return stream.readline()


def resize(terminal: int, lines: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Program:
    """Another program that records: whatever is started or ended is in the store at once."""

    def __init__(self, path: Path) -> None:
        self.run = Run(path)

    def trace(self, name: str = "desk", **more: object) -> Span:
        return self._saved(self.run.trace(name, ended=False, **more))

    def start(self, parent: Span, kind: str, name: str) -> Span:
        return self._saved(self.run.recorder.start(parent, kind, name, b"{}"))

    def end(self, span: Span, status: str = "completed", error: bytes | None = None) -> None:
        self.run.recorder.end(span, status, error)
        self._saved(span)

    def _saved(self, span: Span) -> Span:
        assert self.run.save() == {}
        return span


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    one = Program(tmp_path / "data" / "t.db")
    yield one
    one.run.store.close()


def test_lines_show_what_begins_and_ends_and_it_waits_for_the_store(program: Program) -> None:
    assert not program.run.store.path.exists()
    with tail(program.run.store.path) as watched:
        root = program.trace()
        agent = program.start(root, "agent", "Clerk\x1b[2J")
        watched.read_until(lambda: "▸ agent Clerk" in watched.seen)
        tool = program.start(agent, "tool", "look_up")
        watched.read_until(lambda: "▸ tool look_up" in watched.seen)
        program.end(tool, "error", b'{"type":"LookupError","message":"no order"}')
        program.end(agent)
        program.end(root)
        watched.read_until(lambda: "✓ trace desk" in watched.seen)
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(60) == 0
        watched.rest()
        assert watched.process.stderr is not None
        assert watched.process.stderr.read() == b""
    lines = without_figures(watched.seen).splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in lines] == [
        "ID  ▸ trace desk  running",
        "ID    ▸ agent Clerk\\x1b[2J  running",
        "ID      ▸ tool look_up  running",
        "ID      ✗ tool look_up  T  error  LookupError: no order",
        "ID    ✓ agent Clerk\\x1b[2J  T",
        "ID  ✓ trace desk  T",
    ]
    assert "\x1b" not in watched.seen, "no colour in a pipe, and no control character of what was recorded"


def test_only_what_is_wanted_is_reported(program: Program) -> None:
    with tail(program.run.store.path, "--user", "ada") as watched:
        for user in ("grace", "ada"):
            program.end(program.trace(user, user_id=user))
        watched.read_until(lambda: "trace ada" in watched.seen)
        assert "grace" not in watched.seen


def test_on_a_terminal_the_tree_grows_in_place(program: Program) -> None:
    with tail(program.run.store.path, size=(24, 60)) as watched:
        screen = watched.terminal
        root = program.trace()
        agent = program.start(root, "agent", "Clerk")
        tool = program.start(agent, "tool", "look_up")
        grown = "desk  ID  T  running\n└─ agent Clerk  T  running\n   └─ tool look_up  T  running\n"
        watched.read_until(lambda: screen.text == grown)
        assert not screen.cursor
        program.end(tool)
        other = program.trace("other")
        watched.read_until(lambda: screen.text == (
            "desk  ID  T  running\n└─ agent Clerk  T  running\n   └─ tool look_up  T\nother  ID  T  running\n"
        ))  # fmt: skip
        program.end(agent)
        program.end(root)
        program.end(program.start(other, "tool", "x" * 100))
        whole = "desk  ID  T\n└─ agent Clerk  T\n   └─ tool look_up  T\n"
        watched.read_until(lambda: screen.text.startswith(whole) and "x…" in screen.text)
        assert max(map(len, screen.lines)) <= 60, "no line is wider than the terminal"
        program.end(program.start(root, "tool", "late"))
        watched.read_until(lambda: re.search(r"ID    ✓ tool late  T\nother  ID  T  running\n", screen.text))
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(60) == 0
        watched.rest()
    assert screen.cursor, "the cursor is back"
    assert "Traceback" not in watched.seen
    assert screen.text.startswith(whole), "what ended stays"


def test_a_tree_that_is_too_high_shows_what_runs_and_what_came_last(program: Program) -> None:
    with tail(program.run.store.path, size=(10, 80)) as watched:
        screen = watched.terminal
        root = program.trace()
        first = program.start(root, "tool", "runs-all-the-time")
        for number in range(30):
            program.end(program.start(root, "tool", f"t{number}"))
        watched.read_until(lambda: "t29" in screen.text)
        lines = screen.text.splitlines()
        assert len(lines) <= 9
        assert lines[:3] == ["... 24 more", "desk  ID  T  running", "├─ tool runs-all-the-time  T  running"]
        resize(watched.above, 6, 40)
        program.start(root, "tool", "after the resize")
        watched.read_until(lambda: "after the resize" in screen.text)
        watched.read_until(lambda: len(screen.text.splitlines()) <= 9)
        program.end(first)
        program.end(root)
        # the whole tree, once: nothing is left of what was drawn before
        watched.read_until(lambda: "desk  ID  T\n" in screen.text and screen.text.count("t29") == 1)
        assert screen.highest <= 9


def test_a_signal_to_end_gives_the_cursor_back(program: Program) -> None:
    with tail(program.run.store.path, size=(24, 80)) as watched:
        program.trace()
        watched.read_until(lambda: "desk" in watched.seen)
        watched.process.terminate()
        assert watched.process.wait(60) == 128 + signal.SIGTERM
        watched.rest()
        assert watched.terminal.cursor


def test_a_file_that_is_not_a_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"this is no database, whatever its name says" * 100)
    command = [sys.executable, "-m", "voltagent", "tail", "--db", str(tmp_path / "junk.db")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "voltagent: the store" in ran.stderr) == (1, True)


def test_of_many_traces_those_that_run_are_remembered(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_of_tail, "KNOWN", 3)
    path = program.run.store.path
    feed, board = Feed(path), tail_command.Board(Store(path), Filter())
    first = program.trace("first")
    reported = [change.record.name for change in board.take(feed.look())]
    for number in range(10):
        program.end(program.trace(f"t{number}"))
        reported += [change.record.name for change in board.take(feed.look()) if change.ended]
    assert reported == ["first", *(f"t{number}" for number in range(10))]
    for number in range(20):
        program.end(program.trace(f"t{number}"))
    changes = board.take(feed.look())
    assert len(changes) == 20, "however many come at once"
    assert board.take(feed.look()) == []
    forgotten = set()
    for change in changes:
        try:
            board.operations(change.record.id)
        except KeyError:
            forgotten.add(change.record.name)
    assert forgotten == {f"t{number}" for number in range(18)}, "two that ended, and the one that runs, are remembered"
    program.end(first)
    (change,) = board.take(feed.look())
    assert (change.record.name, change.ended, board.depth(change.record)) == ("first", True, 0)
    feed.close()
    board.close()


@pytest.mark.parametrize("height", [0, 1, 2, 5, 9])
def test_an_excerpt_is_as_high_as_it_may_be(height: int) -> None:
    rows = [(number in (2, 5), f"l{number}") for number in range(9)]
    expected = {
        0: [],
        1: ["... 9 more"],
        2: ["... 8 more", "l5"],
        5: ["... 5 more", "l2", "l5", "l7", "l8"],
        9: [f"l{number}" for number in range(9)],
    }
    assert excerpt(rows, height) == expected[height]
