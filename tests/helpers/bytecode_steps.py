"""Do something between two bytecodes of a call, as another thread may: one bytecode after another, in every run."""

from __future__ import annotations

import dis
import gc
import os
import sys
from collections.abc import Callable, Generator
from functools import cache
from types import CodeType, FrameType
from typing import Any

import voltagent

_OWN = os.path.dirname(voltagent.__file__) + os.sep


class Between:
    """Does something once, before bytecode number ``at`` of the functions in some files of this library.

    Args:
        files: what the names of these files begin with, below the package's folder; an empty text is all.
        at: the number of the bytecode, from 1; with 0 nothing is done, and the bytecodes are counted.
        action: what to do; what it raises is raised there.
    """

    event = "opcode"

    def __init__(self, files: tuple[str, ...], at: int, action: Callable[[], object]) -> None:
        self._files = tuple(_OWN + one for one in files)
        self._at = at
        self._action = action
        self.count = 0
        self.place = ""  # where it was done

    def run(self, call: Callable[[], object]) -> None:
        """Make the call."""
        before, collects = sys.gettrace(), gc.isenabled()
        # A finalizer or generator of an earlier test that ends inside the call would be counted, at any of its places,
        # and Python ignores what the action raises there.
        gc.disable()
        sys.settrace(self.start)
        try:
            # An action that raises between the bytecodes of an `except` block leaves the handled exception behind, as
            # the context of all later ones. In a generator it stays there.
            for _ in self._calling(call):
                pass
        finally:
            sys.settrace(before)
            if collects:
                gc.enable()

    def is_step(self, frame: FrameType) -> bool:
        """Return whether the bytecode that comes next is one of those to count."""
        return True

    @staticmethod
    def _calling(call: Callable[[], object]) -> Generator[None]:
        call()
        yield

    def start(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(self._files):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = self.event == "opcode", self.event == "line"
        return self._step

    def _step(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event != self.event or not self.is_step(frame):
            return self._step
        self.count += 1
        if self.count == self._at:
            sys.settrace(None)
            self.place = f"{frame.f_code.co_filename.removeprefix(_OWN)}:{frame.f_lineno}"
            self._action()
        return self._step


class BetweenLines(Between):
    """Counts lines, as a debugger sees them."""

    event = "line"


class BetweenSignals(Between):
    """Counts only the bytecodes before which Python looks for signals: at the start, after a call, and after a jump.

    Elsewhere some cannot be let through: a generator expression that is thrown away before its end runs, on 3.12, a
    handler that belongs to no line of the source, and what is raised in there is lost.
    """

    def __init__(self, files: tuple[str, ...], at: int, action: Callable[[], object]) -> None:
        super().__init__(files, at, action)
        self._last: dict[int, int] = {}  # the bytecode that came last, by the identity of the frame that ran it

    def start(self, frame: FrameType, event: str, argument: object) -> Any:
        self._last.pop(id(frame), None)  # of a frame that is no more, or of a generator that continues
        return super().start(frame, event, argument)

    def is_step(self, frame: FrameType) -> bool:
        last = self._last.get(id(frame))
        self._last[id(frame)] = frame.f_lasti
        if last is None:
            return _STARTS_CHECKED and frame.f_lasti == 0
        return _code(frame.f_code)[last] in _CHECKED


# from 3.11 on, there is a bytecode for the start of a function: RESUME
_STARTS_CHECKED = sys.version_info < (3, 11)
_BRANCHES = "POP_JUMP" if _STARTS_CHECKED else "POP_JUMP_BACKWARD"
_CHECKED = {
    number
    for number, name in enumerate(dis.opname)
    if name.startswith(("CALL", "RESUME", "JUMP_ABSOLUTE", "JUMP_BACKWARD", _BRANCHES))
    and not name.startswith(("CALL_INTRINSIC", "JUMP_BACKWARD_NO_INTERRUPT"))
}


@cache
def _code(code: CodeType) -> bytes:
    return code.co_code
