"""Replay: decorated calls answer from a recorded trace instead of running."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from voltagent.core import context
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL, Span
from voltagent.core.text import type_within
from voltagent.errors import ValidationError
from voltagent.records.model import OperationRecord, TraceRecord, describe, draw
from voltagent.testkit.answers import REFUSED, exception_of, items_of, refusal, result_of, return_type
from voltagent.testkit.capture import record
from voltagent.testkit.client_answers import answer_request
from voltagent.testkit.inputs import difference, input_of, is_same, place, span_place, title
from voltagent.testkit.messages import short
from voltagent.testkit.recording_file import read_recording
from voltagent.testkit.run import Run

_KINDS: Final = (TOOL, RETRIEVER, MEMORY, LLM, AGENT)
_MOST: Final = 5  # left-over calls that a message names
_Node = TraceRecord | OperationRecord
__tracebackhide__ = True  # reports of pytest begin in the test, not here


class ReplayMismatch(AssertionError):  # noqa: N818 - the name that users know
    """The program did not call what the recording holds."""


class _Replay:
    """Answers the calls of one block. Methods may be called from any thread."""

    def __init__(self, recording: TraceRecord, only: Collection[str], *, calls_missing: bool) -> None:
        self._recording = recording
        self._only = frozenset(only)
        self._calls_missing = calls_missing
        self._lock = threading.RLock()
        self._used: set[str] = set()
        self._answered: set[str] = set()
        self._nodes: dict[Span, _Node | None] = {}  # what each span is in the recording
        self.mismatch: ReplayMismatch | None = None

    def call(self, span: Span, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return the answer to a call of a plain function, or what the function gives."""
        annotation = return_type(function)
        found = self._find(span, annotation)
        return function(*args, **kwargs) if found is None else _replay(found, annotation)

    async def coroutine(self, span: Span, function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any:
        """Return the same of a coroutine function."""
        annotation = return_type(function)
        found = self._find(span, annotation)
        return await function(*args, **kwargs) if found is None else _replay(found, annotation)

    def request(self, span: Span, body: Mapping[str, Any], method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return the same of a client's method that makes a request with this body; of an asynchronous one to await."""
        found = self._find(span, str)
        return method(*args, **kwargs) if found is None else answer_request(found, body, method, args, kwargs)

    def generator(
        self, span: Span, inner: Generator[Any, Any, Any], function: Any, *, items: bool
    ) -> Generator[Any, Any, Any]:
        """Return the same of a generator function; without ``items`` only what it returned."""
        annotation = return_type(function)
        try:
            found = self._find(span, annotation)
        except ReplayMismatch as mismatch:  # raised at the first step, where it is recorded
            return _failing(mismatch)
        return inner if found is None else _generated(found, annotation, items=items)

    def async_generator(self, span: Span, inner: AsyncGenerator[Any, Any], function: Any) -> AsyncGenerator[Any, Any]:
        """Return the same of an async generator function."""
        annotation = return_type(function)
        try:
            found = self._find(span, annotation)
        except ReplayMismatch as mismatch:
            return _failing_async(mismatch)
        return inner if found is None else _generated_async(found, annotation)

    def _find(self, span: Span, annotation: Any) -> OperationRecord | None:
        """Return the recorded call that answers; ``None`` if the call is to run.

        Raises:
            ReplayMismatch: there is none, or it cannot be replayed.
        """
        with self._lock:
            node = self._node(span)
            if span.kind not in self._only or not span.recording:
                return None
            if not isinstance(node, OperationRecord):
                if self._calls_missing:
                    return None
                raise self._failed(self._divergence(span), None)
            self._answered.add(node.id)
            reason = refusal(node, annotation)
            if reason is not None:
                raise self._failed(f"{title(node)} {REFUSED}: {reason}", node)
            return node

    def _node(self, span: Span) -> _Node | None:
        """Return what a span is in the recording."""
        path: list[Span] = []
        step: Span | None = span
        while step is not None and step not in self._nodes:
            path.append(step)
            step = step.parent
        for one in reversed(path):
            above = self._recording if one.parent is None else self._nodes[one.parent]
            self._nodes[one] = above if one.parent is None or above is None else self._match(above, one)
        return self._nodes[span]

    def _match(self, above: _Node, span: Span) -> OperationRecord | None:
        """Return an unused recorded call for a span: with the same input, or if the call runs any with its name."""
        free = [
            one
            for one in above.children
            if one.kind == span.kind and one.name == span.name and one.id not in self._used
        ]
        given = input_of(span)
        exact = [one for one in free if is_same(one.input, given)]
        found = exact or ([] if span.kind in self._only else free)
        if not found:
            return None
        self._used.add(found[0].id)
        return found[0]

    def _divergence(self, span: Span) -> str:
        """Return where a call that has no counterpart first differs from the recording."""
        given = input_of(span)
        called = f"the call of {span.kind} {span.name!r} with {short(given)} is not in the recording"
        above = None if span.parent is None else self._nodes.get(span.parent)
        named = [one for one in self._recording.walk() if one.kind == span.kind and one.name == span.name]
        if not named:
            there = sorted({f"{one.kind} {one.name!r}" for one in self._recording.walk() if one.kind == span.kind})
            return f"{called}: it has no {span.kind} {span.name!r} (it has {', '.join(there) or 'none of this kind'})"
        here = [one for one in named if above is not None and one in above.children]
        if not here:
            where = " or ".join(sorted({place(one.parent) for one in named}))
            return f"{called}: there it is called below {where}, here below {span_place(span.parent)}"
        free = [one for one in here if one.id not in self._used]
        if not free:
            return f"{called} once more: it has {len(here)} such call(s) there, all answered already"
        skipped = self._skipped(free[0], here[0].parent or self._recording)
        if skipped is not None:
            return f"{called}; before it, the recording calls {title(skipped)} with {short(skipped.input)}"
        return f"{called}; the first divergence is {difference(free[0].input, given)}"

    def _skipped(self, expected: OperationRecord, above: _Node) -> OperationRecord | None:
        """Return the first call that was left out before the one that was expected, if any."""
        for one in above.children:
            if one.id == expected.id:
                return None
            if one.kind in self._only and one.id not in self._used:
                return one
        return None

    def _failed(self, problem: str, node: OperationRecord | None) -> ReplayMismatch:
        """Return the error to raise, with the tree of the recording; the first one is kept for the end."""
        notes = {} if node is None else {node.id: "this call"}
        lines = [describe(self._recording), *draw(self._recording, notes=notes)]
        mismatch = ReplayMismatch("\n".join([problem, "", "the recording:", *lines]))
        self.mismatch = self.mismatch or mismatch
        return mismatch

    def check_left_over(self, spans: Collection[Span]) -> None:
        """Raise if recorded calls were not made."""
        with self._lock:
            left = self._left_over(spans)
        if left:
            names = ", ".join(f"{title(one)} with {short(one.input)}" for one in left[:_MOST])
            notes = {one.id: "not called" for one in left}
            lines = [describe(self._recording), *draw(self._recording, notes=notes)]
            more = f" and {len(left) - _MOST} more" if len(left) > _MOST else ""
            raise ReplayMismatch("\n".join([f"the recording has calls that were not made: {names}{more}", "", *lines]))

    def _left_over(self, spans: Collection[Span]) -> list[OperationRecord]:
        for span in spans:  # those that were recorded by hand as well
            self._node(span)
        return [one for one in self._recording.walk() if self._is_left_over(one)]

    def _is_left_over(self, one: OperationRecord) -> bool:
        """Return whether a recorded call should have been made and was not."""
        above = one.parent
        while above is not None:
            if above.id in self._answered:  # what was below an answered call does not run
                return False
            above = above.parent
        return one.kind in self._only and one.id not in self._used


@contextmanager
def replay(
    trace_or_file: TraceRecord | str | Path,
    *,
    only: Collection[str] = (TOOL, RETRIEVER, MEMORY, LLM),
    missing: Literal["error", "call"] = "error",
    partial: bool = False,
) -> Generator[Run]:
    """Answer decorated calls from a recorded trace instead of running them.

    Calls are matched by kind, name, parent and input; equal ones in the order of the recording. What they returned,
    yielded or raised comes back, without the original pauses. The block is captured as ``record()`` does, and the run
    is what ``with`` gives.

    Args:
        trace_or_file: a record, or the path of a file that ``voltagent record-fixture`` wrote.
        only: the kinds that are answered; all others run.
        missing: what a call does that the recording does not hold: ``error`` raises, ``call`` runs it.
        partial: whether recorded calls may be left over.

    Raises:
        ReplayMismatch: a call has no counterpart, or calls are left over. If the program swallows it, it is raised
            again at the end of the block.
        ValidationError: an argument does not fit, or the file is no recording of this version.
    """
    kinds: Any = only
    is_list = isinstance(kinds, Collection) and not isinstance(kinds, str)
    if not is_list or not all(isinstance(kind, str) for kind in kinds):
        got = type_within(kinds, str) if is_list else type(only).__name__
        raise ValidationError(f"only must be a list of kinds of operation ({', '.join(_KINDS)}), got {got}")
    unknown = sorted(set(only) - set(_KINDS))
    if unknown:
        raise ValidationError(f"only must contain kinds of operation ({', '.join(_KINDS)}), got {', '.join(unknown)}")
    if missing not in ("error", "call"):
        raise ValidationError(f"missing must be 'error' or 'call', got {missing!r}")
    recording = trace_or_file if isinstance(trace_or_file, TraceRecord) else read_recording(trace_or_file)
    replaying = _Replay(recording, only, calls_missing=missing == "call")
    with record() as run:
        outer = context.REPLAY.get()
        context.REPLAYS.append(replaying)
        context.REPLAY.set(replaying)
        try:
            yield run
        except (Exception, SystemExit) as exc:  # a program that reports the error and leaves has swallowed it
            if replaying.mismatch is not None and exc is not replaying.mismatch:
                raise replaying.mismatch from exc
            raise
        finally:
            context.REPLAY.set(outer)
            context.REPLAYS.remove(replaying)
        if replaying.mismatch is not None:
            raise replaying.mismatch
        if not partial:
            replaying.check_left_over(run.spans)


def _replay(found: OperationRecord, annotation: Any) -> Any:
    if found.status != "completed":
        raise exception_of(found.error)
    return result_of(found, annotation)


def _generated(found: OperationRecord, annotation: Any, *, items: bool) -> Generator[Any, Any, Any]:
    """Replay a generator: yield the recorded items, then raise or return as recorded."""
    yielded, returned = items_of(found, annotation) if found.output is not None else ([], None)
    if items:
        yield from yielded
    if found.status != "completed":
        raise exception_of(found.error)
    return returned


async def _generated_async(found: OperationRecord, annotation: Any) -> AsyncGenerator[Any, Any]:
    """Replay an async generator: yield the recorded items, then raise if it failed."""
    yielded, _ = items_of(found, annotation) if found.output is not None else ([], None)
    for item in yielded:
        yield item
    if found.status != "completed":
        raise exception_of(found.error)


def _failing(mismatch: ReplayMismatch) -> Generator[Any, Any, Any]:
    yield from _raised(mismatch)


def _raised(mismatch: ReplayMismatch) -> tuple[Any, ...]:
    raise mismatch


async def _failing_async(mismatch: ReplayMismatch) -> AsyncGenerator[Any, Any]:
    for item in _raised(mismatch):
        yield item
