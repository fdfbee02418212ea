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


# From 3.12 on, the bytecodes of a function are traced from the call on that follows the first one to be traced.
TRACED_LATER = sys.version_info >= (3, 12)


class Between:
    """Does something once, before bytecode number ``at`` of the functions in some files of this library.

    Args:
        files: what the names of these files begin with, below the package's folder; an empty text is all.
        at: the number of the bytecode, from 1; with 0 nothing is done, and the bytecodes are counted.
        action: what to do; what it raises is raised there.
        in_call: the number of a call of these functions, from 1, of which alone the bytecodes are counted: tracing
            them all takes most of the time of a run that has few calls of other functions.
    """

    event = "opcode"

    def __init__(self, files: tuple[str, ...], at: int, action: Callable[[], object], in_call: int = 0) -> None:
        self._files = tuple(_OWN + one for one in files)
        self._at = at
        self._action = action
        self._in_call = in_call
        self._calls = 0
        self._call_of: dict[int, int] = {}  # by the identity of a frame: the call that it is
        self._counts: dict[int, int] = {}  # by call: its bytecodes so far
        self.count = 0
        self.steps: list[tuple[int, int]] = []  # of each bytecode: `at` and `in_call` by which it is found again
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
        self._calls += 1
        is_counted = self._in_call in (0, self._calls)
        if not is_counted and not TRACED_LATER:
            return None
        self._call_of[id(frame)] = self._calls
        frame.f_trace_opcodes, frame.f_trace_lines = self.event == "opcode", self.event == "line"
        return self._step if is_counted else self._pass

    def _pass(self, _frame: FrameType, _event: str, _argument: object) -> Any:
        return self._pass

    def _step(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event != self.event or not self.is_step(frame):
            return self._step
        self.count += 1
        call = self._call_of[id(frame)]
        self._counts[call] = in_call = self._counts.get(call, 0) + 1
        self.steps.append((in_call, call))
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

    def __init__(self, files: tuple[str, ...], at: int, action: Callable[[], object], in_call: int = 0) -> None:
        super().__init__(files, at, action, in_call)
        self._last: dict[int, int] = {}  # the bytecode that came last, by the identity of the frame that ran it

    def start(self, frame: FrameType, event: str, argument: object) -> Any:
        self._last.pop(id(frame), None)  # of a frame that is no more, or of a generator that continues
        return super().start(frame, event, argument)

    def is_step(self, frame: FrameType) -> bool:
        last = self._last.get(id(frame))
        self._last[id(frame)] = frame.f_lasti
        if last is None:
            return _STARTS_CHECKED and frame.f_lasti == 0
        code, place = frame.f_code, frame.f_lasti
        if _code(code)[last] in _BRANCHING and place == last + 2:
            return False  # it did not jump
        # what comes at the end of a call, as the last thing in a block, is raised in the block: it cannot be shown here
        return _code(code)[last] in _CHECKED and _handlers(code, last) == _handlers(code, place)


# from 3.11 on, there is a bytecode for the start of a function: RESUME
_STARTS_CHECKED = sys.version_info < (3, 11)
_BRANCHES = "POP_JUMP" if _STARTS_CHECKED else "POP_JUMP_BACKWARD"
_CHECKED = {
    number
    for number, name in enumerate(dis.opname)
    if name.startswith(("CALL", "RESUME", "JUMP_ABSOLUTE", "JUMP_BACKWARD", _BRANCHES))
    and not name.startswith(("CALL_INTRINSIC", "JUMP_BACKWARD_NO_INTERRUPT"))
}


_BRANCHING = {number for number, name in enumerate(dis.opname) if name.startswith("POP_JUMP")}


@cache
def _handlers(code: CodeType, offset: int) -> list[int]:
    """Where an exception at this place of a function leads, from Python 3.11 on."""
    entries: Any = getattr(dis.Bytecode(code), "exception_entries", ())
    return [one.target for one in entries if one.start <= offset < one.end]


@cache
def _code(code: CodeType) -> bytes:
    return code.co_code
