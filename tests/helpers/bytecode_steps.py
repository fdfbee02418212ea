"""Do something between two bytecodes of a call, as another thread may: one bytecode after another, in every run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any


class Between:
    """Does something once, before bytecode number ``at`` of the functions in some files.

    Args:
        files: the ends of the names of these files.
        at: the number of the bytecode, from 1; with 0 nothing is done, and the bytecodes are counted.
        action: what to do; what it raises is raised there.
    """

    def __init__(self, files: tuple[str, ...], at: int, action: Callable[[], object]) -> None:
        self._files = files
        self._at = at
        self._action = action
        self.count = 0
        self.done = False

    def run(self, call: Callable[[], object]) -> None:
        """Make the call."""
        before = sys.gettrace()
        sys.settrace(self._start)
        try:
            # An action that raises between the bytecodes of an `except` block leaves the handled exception behind, as
            # the context of all later ones. In a generator it stays there.
            for _ in self._calling(call):
                pass
        finally:
            sys.settrace(before)

    @staticmethod
    def _calling(call: Callable[[], object]) -> Generator[None]:
        call()
        yield

    def _start(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(self._files):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, _frame: FrameType, event: str, _argument: object) -> Any:
        self.count += event == "opcode"
        if self.count == self._at and event == "opcode":
            sys.settrace(None)
            self.done = True
            self._action()
        return self._step
