"""What a block of code recorded, with the look-ups and assertions of a test.

Every failed assertion is an ``AssertionError`` that shows the tree, with the place of the difference marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from voltagent.capture.usage import total_tokens
from voltagent.core.naming import nearest
from voltagent.core.span import AGENT, LLM, MEMORY, OPERATION_KINDS, RETRIEVER, TOOL, Span, SpanEvent
from voltagent.records.building import build_trace
from voltagent.records.model import OperationRecord, TraceRecord, describe, draw
from voltagent.render.text import tokens as count
from voltagent.storage.traces.store import stored
from voltagent.testkit.messages import as_recorded, dedented, diff, file_name, marked_tree, short, show_argument

__tracebackhide__ = True  # reports of pytest begin in the test, not here


class RecordedCall(OperationRecord):
    """An operation of a run, with an assertion about its arguments."""

    __slots__ = ()

    def called_with(self, **arguments: object) -> RecordedCall:
        """Assert that the call had these arguments, and perhaps others; return the call.

        Values are compared as they are recorded, so ``("a",)`` equals ``["a"]``.
        """
        recorded = cast("dict[str, Any]", self.input)
        given = recorded if isinstance(self.input, Mapping) else {}
        expected = as_recorded(arguments)
        wrong = [name for name in arguments if name not in given or given[name] != expected.get(name)]
        if wrong:
            lines = [
                f"{name}: expected {short(expected.get(name))}, got {show_argument(given, name)}" for name in wrong
            ]
            top: OperationRecord = self
            while top.parent is not None:
                top = top.parent
            tree = "\n".join(marked_tree(top, {self.id: f"called with {short(recorded)}"}))
            raise AssertionError(f"{self.kind} {self.name} was called with other arguments\n  "
                                 + "\n  ".join(lines) + f"\n\n{tree}")  # fmt: skip
        return self


class Run:
    """The traces of one block of code. It may be read while the block runs, and after it."""

    def __init__(self, events: Callable[[], Sequence[SpanEvent]], spans: Sequence[Span] = ()) -> None:
        self._events = events
        self.spans = spans  # in the order in which they began
        self._read: tuple[int, tuple[TraceRecord, ...]] = (-1, ())
        self.snapshot_file: Path | None = None  # set by the pytest plugin
        self.updates_snapshots = False
        self._snapshots = 0

    def __repr__(self) -> str:
        return f"<voltagent run: {len(self.traces)} traces, {self.calls} calls, {len(self.errors)} errors>"

    @property
    def traces(self) -> tuple[TraceRecord, ...]:
        """All traces, the oldest first."""
        events = self._events()
        if self._read[0] != len(events):
            self._read = len(events), tuple(build_trace(*one, RecordedCall) for one in stored(events))
        return self._read[1]

    @property
    def trace(self) -> TraceRecord:
        """The only trace.

        Raises:
            AssertionError: there is none, or there are several.
        """
        if len(self.traces) != 1:
            raise self._failure(f"expected exactly one trace, recorded {len(self.traces)}")
        return self.traces[0]

    @property
    def errors(self) -> tuple[RecordedCall, ...]:
        """The operations that failed, in the order of the tree."""
        return tuple(one for one in self._calls() if one.status == "error")

    @property
    def tokens(self) -> int:
        """The tokens of all traces."""
        return sum(total_tokens(trace.usage) for trace in self.traces)

    @property
    def cost(self) -> float:
        """The cost of all traces; 0 where no prices are known."""
        return sum(trace.cost or 0.0 for trace in self.traces)

    @property
    def calls(self) -> int:
        """How many calls of agents, tools, memories, retrievers and models were recorded."""
        return sum(one.kind in OPERATION_KINDS for one in self._calls())

    def tree(self) -> str:
        """Return all traces as text, without times."""
        return "\n".join(trace.tree() for trace in self.traces) or "(nothing was recorded)"

    def find(self, kind: str | None = None, name: str | None = None, status: str | None = None) -> list[RecordedCall]:
        """Return the operations that match, in the order of the tree; ``None`` matches everything.

        Args:
            kind: ``agent``, ``tool``, ``memory``, ``retriever``, ``llm``, or the type of a custom event.
            name: the name of an operation.
            status: ``running``, ``completed``, ``error`` or ``cancelled``.
        """
        wanted = (("kind", kind), ("name", name), ("status", status))
        return [one for one in self._calls() if all(value in (None, getattr(one, key)) for key, value in wanted)]

    def operation(self, name: str | None = None) -> RecordedCall:
        """Return the single operation of any kind; see :meth:`agent`."""
        return self._one(None, name)

    def agent(self, name: str | None = None) -> RecordedCall:
        """Return the single call of an agent.

        Raises:
            AssertionError: there is none, or there are several; with the tree.
        """
        return self._one(AGENT, name)

    def tool(self, name: str | None = None) -> RecordedCall:
        """Return the single call of a tool; see :meth:`agent`."""
        return self._one(TOOL, name)

    def memory(self, name: str | None = None) -> RecordedCall:
        """Return the single call of a memory; see :meth:`agent`."""
        return self._one(MEMORY, name)

    def retriever(self, name: str | None = None) -> RecordedCall:
        """Return the single call of a retriever; see :meth:`agent`."""
        return self._one(RETRIEVER, name)

    def llm(self, name: str | None = None) -> RecordedCall:
        """Return the single call of a model; see :meth:`agent`."""
        return self._one(LLM, name)

    def agents(self, name: str | None = None) -> tuple[RecordedCall, ...]:
        """Return all calls of an agent."""
        return tuple(self.find(AGENT, name))

    def tools(self, name: str | None = None) -> tuple[RecordedCall, ...]:
        """Return all calls of a tool."""
        return tuple(self.find(TOOL, name))

    def memories(self, name: str | None = None) -> tuple[RecordedCall, ...]:
        """Return all calls of a memory."""
        return tuple(self.find(MEMORY, name))

    def retrievers(self, name: str | None = None) -> tuple[RecordedCall, ...]:
        """Return all calls of a retriever."""
        return tuple(self.find(RETRIEVER, name))

    def llms(self, name: str | None = None) -> tuple[RecordedCall, ...]:
        """Return all calls of a model."""
        return tuple(self.find(LLM, name))

    def assert_order(self, *names: str) -> None:
        """Assert that operations with these names began in this order; others may stand between them."""
        calls = sorted(self._calls(), key=lambda one: one.start)
        left = iter(calls)
        for number, name in enumerate(names):
            if not any(one.name == name for one in left):
                before = f" after {names[number - 1]!r}" if number else ""
                notes = {one.id: f"expected{before}" for one in calls if one.name == name}
                raise self._failure(
                    f"expected the order {' -> '.join(names)}, but {name!r} did not begin{before}; "
                    f"the order was {' -> '.join(one.name for one in calls) or 'empty'}",
                    notes,
                )

    def assert_parent(self, name: str, parent: str | None) -> None:
        """Assert that every operation called ``name`` is directly below one called ``parent`` (``None``: the trace)."""
        found = self.find(name=name)
        wrong = [one for one in found if (None if one.parent is None else one.parent.name) != parent]
        if wrong or not found:
            expected = "the trace" if parent is None else repr(parent)
            problem = f"expected {name!r} below {expected}" if found else f"no operation is called {name!r}"
            raise self._failure(problem, {one.id: f"expected below {expected}" for one in wrong})

    def assert_count(self, count: int, *, kind: str | None = None, name: str | None = None) -> None:
        """Assert that ``count`` operations of a ``kind``, with a ``name``, or both were recorded."""
        found = self.find(kind, name)
        if len(found) != count:
            what = " ".join(filter(None, (kind, name))) or "operations"
            notes = {one.id: f"{number} of {len(found)}" for number, one in enumerate(found, 1)}
            raise self._failure(f"expected {count} x {what}, recorded {len(found)}", notes)

    def assert_budget(
        self,
        *,
        tokens: int | None = None,
        calls: int | None = None,
        cost: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """Assert that the run stayed within limits: tokens, recorded calls, cost, and seconds of its longest trace."""
        longest = max((trace.duration or 0.0 for trace in self.traces), default=0.0)
        limits = (("tokens", tokens, self.tokens), ("calls", calls, self.calls), ("cost", cost, self.cost),
                  ("seconds", seconds, longest))  # fmt: skip
        over = [
            f"{name}: at most {limit}, used {used}"
            for name, limit, used in limits
            if limit is not None and used > limit
        ]
        if over:
            notes = {one.id: count(one.usage) or "0 tokens" for one in self._calls() if one.usage}
            raise self._failure("over budget: " + "; ".join(over), notes if tokens is not None else {})

    def assert_no_errors(self) -> None:
        """Assert that no operation failed."""
        if self.errors:
            raise self._failure(f"{len(self.errors)} operations failed", {one.id: "failed" for one in self.errors})

    def assert_tree(self, expected: str) -> None:
        """Assert that :meth:`tree` is this text; indentation common to all lines does not count."""
        wanted = dedented(expected)
        if self.tree() != wanted:
            raise AssertionError("the tree is not as expected (- expected, + recorded)\n\n" + diff(wanted, self.tree()))

    def matches_snapshot(self, name: str | None = None) -> bool:
        """Assert that the run is as its snapshot file says; ``--voltagent-snapshots=update`` writes the file.

        The file holds the tree with inputs, in a folder ``__snapshots__`` beside the test. It needs the pytest fixture
        ``voltagent_run``. ``name`` distinguishes several snapshots of one test (default: their number).

        Raises:
            AssertionError: the run differs, or there is no such file; with the differences.
            RuntimeError: the fixture is missing.
        """
        if self.snapshot_file is None:
            raise RuntimeError("matches_snapshot() needs pytest and the fixture voltagent_run")
        self._snapshots += 1
        part = name or (str(self._snapshots) if self._snapshots > 1 else None)
        path = self.snapshot_file if part is None else self.snapshot_file.with_suffix(f".{file_name(part)}.txt")
        now = self.snapshot()
        if self.updates_snapshots:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(now, encoding="utf-8")
        elif not path.exists():
            raise AssertionError(f"there is no snapshot {path}: run pytest with --voltagent-snapshots=update\n\n{now}")
        else:
            wanted = path.read_text(encoding="utf-8")
            if wanted != now:
                raise AssertionError(
                    f"the run differs from its snapshot {path} (- snapshot, + recorded); "
                    f"--voltagent-snapshots=update accepts it\n\n{diff(wanted, now)}"
                )
        return True

    def snapshot(self) -> str:
        """Return the tree with the input of each operation, as a snapshot file has it."""
        lines: list[str] = []
        for trace in self.traces:
            lines.append(describe(trace))
            calls = list(trace.walk())
            for one, line in zip(calls, draw(trace), strict=True):
                lines.append(f"{line}  {json.dumps(one.input, ensure_ascii=False, sort_keys=True)}")
        return "\n".join(lines) + "\n"

    def _calls(self) -> Iterator[RecordedCall]:
        for trace in self.traces:
            for one in trace.walk():
                assert isinstance(one, RecordedCall)
                yield one

    def _one(self, kind: str | None, name: str | None) -> RecordedCall:
        """Return the only call of a kind and name; raise an assertion error if there is none or another one."""
        found = self.find(kind, name)
        if len(found) == 1:
            return found[0]
        what = " ".join(filter(None, (kind or "operation", name and repr(name))))
        if found:
            notes = {one.id: f"{number} of {len(found)}" for number, one in enumerate(found, 1)}
            raise self._failure(f"expected one call of {what}, recorded {len(found)}", notes)
        others = {one.id: f"its kind is {one.kind}" for one in self.find(name=name) if name is not None}
        near = None if name is None or others else nearest(name, {one.name for one in self.find(kind)})
        hint = f"; did you mean {near!r}?" if near else ""
        raise self._failure(f"no call of {what} was recorded{hint}", others)

    def _failure(self, problem: str, notes: Mapping[str, str] | None = None) -> AssertionError:
        lines = [line for trace in self.traces for line in marked_tree(trace, notes or {})]
        return AssertionError("\n".join([problem, "", *(lines or ["(nothing was recorded)"])]))
