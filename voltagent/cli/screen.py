"""The lower end of a terminal, drawn anew in place: what stands above it scrolls away as usual."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from voltagent.cli.terminal import columns, encodable, plain

# Control sequences of ECMA-48: to the beginning of a line some lines up, and delete from there to the end.
_UP: Final = "\x1b[{}F"
_CLEAR: Final = "\r\x1b[J"
_HIDE: Final = "\x1b[?25l"
_SHOW: Final = "\x1b[?25h"


class Screen:
    """Prints lines for good, and below them lines that are replaced the next time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn: list[str] = []  # what stands below the last line that is for good

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return shutil.get_terminal_size((80, 24))

    def draw(self, lines: Sequence[str], above: Sequence[str] = ()) -> None:
        """Replace what was drawn by ``lines``, after printing those that are for good; in one piece, not to flicker."""
        lines = [encodable(line, self._stream) for line in lines]
        above = [encodable(line, self._stream) for line in above]
        if lines == self._drawn and not above:
            return
        text = "".join(f"{line}\n" for line in (*above, *lines))
        self._stream.write(f"{self._back()}{_CLEAR}{text}")
        self._stream.flush()
        self._drawn = lines

    def _back(self) -> str:
        """The way up to the first line that was drawn; where the window became narrower, a line takes several rows."""
        width, height = self.size
        rows = sum(max(1, -(-columns(plain(line)) // max(1, width))) for line in self._drawn)
        rows = min(rows, height - 1)
        return _UP.format(rows) if rows else ""

    @contextmanager
    def without_cursor(self) -> Generator[None]:
        """Hide the cursor inside the block, however that is left. What was drawn stays."""
        self._stream.write(_HIDE)
        self._stream.flush()
        try:
            yield
        finally:
            self._stream.write(_SHOW)
            self._stream.flush()
