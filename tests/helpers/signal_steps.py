"""Raise in a signal handler at one bytecode after another of a call, as a time limit of the program does."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any

import voltagent

_OWN = os.path.dirname(voltagent.__file__) + os.sep


class _Tracer:
    """Sends a signal to this process at one bytecode of this library, and counts them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.place = ""

    def start(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(_OWN):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: FrameType, event: str, _: object) -> Any:
        self.count += event == "opcode"
        if self.count == self.at and not self.place:
            self.place = f"{frame.f_code.co_filename.removeprefix(_OWN)}:{frame.f_lineno}"
            sys.settrace(None)
            signal.raise_signal(signal.SIGUSR1)
        return self._step


@contextmanager
def handler(raised: BaseException) -> Generator[None]:
    """Install a handler that raises an exception."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise raised

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def _no_garbage_collection() -> Generator[None]:
    """Run no finalizer of an earlier test's object in the block: Python swallows what is raised in one."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def swallowed_at(call: Callable[[], object], raised: BaseException, tries: int) -> Iterator[str]:
    """The places of this library, at some bytecodes of a call, whence the exception does not reach the caller."""
    with handler(raised), _no_garbage_collection():
        last = _trace(call, _Tracer(0), raised)[0]
        for at in range(1, last, max(1, last // tries)):
            _, place, arrived = _trace(call, _Tracer(at), raised)
            if place and not arrived:
                yield place


def _trace(call: Callable[[], object], tracer: _Tracer, raised: BaseException) -> tuple[int, str, bool]:
    before, context = sys.gettrace(), copy_context()  # what an interrupt leaves current is not for the next test
    try:
        sys.settrace(tracer.start)
        context.run(call)
    except BaseException as exc:
        sys.settrace(before)
        if exc is not raised:
            raise
        return tracer.count, tracer.place, True
    sys.settrace(before)
    return tracer.count, tracer.place, False
