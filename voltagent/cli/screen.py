"""The lower part of a terminal, redrawn in place; lines above it scroll away as usual."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from voltagent.cli.terminal import columns, encodable, plain

# Control sequences of ECMA-48: go to the beginning of a line some lines up, and delete from there to the end.
_UP: Final = "\x1b[{}F"
_CLEAR: Final = "\r\x1b[J"
_HIDE: Final = "\x1b[?25l"
_SHOW: Final = "\x1b[?25h"


class Screen:
    """Prints permanent lines, and below them lines that the next call replaces."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn: list[str] = []  # the replaceable lines

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of columns and lines."""
        return shutil.get_terminal_size((80, 24))

    def draw(self, lines: Sequence[str], above: Sequence[str] = ()) -> None:
        """Replace the drawn lines by ``lines``, after printing the permanent ones in ``above``; one write, without
        flicker.
        """
        lines = [encodable(line, self._stream) for line in lines]
        above = [encodable(line, self._stream) for line in above]
        if lines == self._drawn and not above:
            return
        text = "".join(f"{line}\n" for line in (*above, *lines))
        self._stream.write(f"{self._back()}{_CLEAR}{text}")
        self._stream.flush()
        self._drawn = lines

    def _back(self) -> str:
        """Return the control sequence up to the first drawn line; in a narrower window, a line takes several rows."""
        width, height = self.size
        rows = sum(max(1, -(-columns(plain(line)) // max(1, width))) for line in self._drawn)
        rows = min(rows, height - 1)
        return _UP.format(rows) if rows else ""

    @contextmanager
    def without_cursor(self) -> Generator[None]:
        """Hide the cursor inside the block. The drawn lines stay."""
        self._stream.write(_HIDE)
        self._stream.flush()
        try:
            yield
        finally:
            self._stream.write(_SHOW)
            self._stream.flush()
