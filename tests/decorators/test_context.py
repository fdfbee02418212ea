"""Whose child a decorated call is, how its trace ends, and which SDK records it.

A recorder over a list stands where several recorders, refused starts or sampling are what is tested.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

import voltagent
from tests.helpers.internals import span_of
from tests.helpers.sink import ListSink, loads, recording
from voltagent import (
    agent,
    current,
    current_trace,
    memory,
    retriever,
    tool,
    trace,
)
from voltagent.core import context as _context
from voltagent.core.span import Phase
from voltagent.handles import open_trace
from voltagent.testing import Run
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.sampling import Sampling

FIVE = [agent, tool, memory, retriever, trace]


# Implicit and explicit.


def test_a_call_outside_any_trace_opens_one_of_its_own(voltagent_run: Run) -> None:
    @agent(name="A", tags=["t"])
    def run(x: int) -> int:
        assert current_trace().agent_id == "A"
        return x + 1

    run(1)
    root, span = voltagent_run.trace, voltagent_run.agent("A")
    assert (root.agent_id, root.tags) == ("A", ("t",))
    assert root.children == (span,)
    assert (root.input, root.output) == ({"x": 1}, {"result": 2})
    assert (root.status, span.status) == ("completed", "completed")


def test_its_trace_ends_as_the_call_did(voltagent_run: Run) -> None:
    @tool
    def fail(kind: type[BaseException]) -> None:
        raise kind("no")

    @tool
    def fail_after_the_end() -> None:
        current().success(output={"early": True})
        raise KeyError("late")

    for kind in (ValueError, KeyboardInterrupt, asyncio.CancelledError, SystemExit):
        with pytest.raises(kind):
            fail(kind)
    with pytest.raises(KeyError):
        fail_after_the_end()
    assert [one.status for one in voltagent_run.traces] == ["error", *["cancelled"] * 3, "error"]
    assert [one.status for one in voltagent_run.find()] == ["error", *["cancelled"] * 3, "completed"]
    assert all(one.error is not None for one in voltagent_run.find() if one.status != "completed")


def test_a_trace_inside_a_trace_is_a_new_root(voltagent_run: Run) -> None:
    @trace
    def inner() -> None:
        tool(lambda: None, name="leaf")()

    @trace
    def outer() -> None:
        inner()
        tool(lambda: None, name="after")()

    outer()
    voltagent_run.assert_tree("""
        trace outer
        └─ tool after
        trace inner
        └─ tool leaf
    """)
    outer_trace, inner_trace = (span.trace for span in voltagent_run.spans if span.parent is None)
    assert inner_trace.parent_trace_id == outer_trace.id


def test_a_call_is_a_child_of_the_current_handle_whatever_its_kind(voltagent_run: Run) -> None:
    recorder = _context.default_recorder()
    with open_trace(recorder, {"agent_id": "t"}, {}) as root, root.add_tool(name="by hand"):
        tool(lambda: retriever(lambda: None, name="leaf")(), name="decorated")()
    voltagent_run.assert_tree("""
        trace t
        └─ tool by hand
           └─ tool decorated
              └─ retriever leaf
    """)


def test_concurrent_tasks_have_the_right_parents(voltagent_run: Run) -> None:
    @tool
    async def leaf(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            assert current().id
            assert loads(span_of(current()).input) == {"name": name}

    @agent
    async def branch(name: str) -> None:
        await asyncio.gather(*(leaf(f"{name}{number}") for number in range(3)))
        await asyncio.to_thread(tool(lambda: None, name=f"thread {name}"))

    @trace
    async def root() -> None:
        await asyncio.gather(branch("a"), branch("b"))

    asyncio.run(root())
    for one in voltagent_run.tools("leaf"):
        assert one.parent is not None
        assert one.parent.input["name"] == one.input["name"][0]
    for branch_name in ("a", "b"):
        parent = voltagent_run.tool(f"thread {branch_name}").parent
        assert parent is not None
        assert parent.input["name"] == branch_name
    assert voltagent_run.calls == 2 * (1 + 3 + 1)


def test_a_thread_that_got_the_context_goes_on_in_the_trace(voltagent_run: Run) -> None:
    @trace
    def root() -> None:
        context = copy_context()
        threads = [
            threading.Thread(target=lambda: context.copy().run(tool(lambda: None, name="copied"))),
            threading.Thread(target=voltagent.bind(tool(lambda: None, name="bound"))),
            threading.Thread(target=tool(lambda: None, name="bare")),
        ]
        for thread in threads:
            thread.start()
            thread.join()

    root()
    voltagent_run.assert_tree("""
        trace root
        ├─ tool copied
        └─ tool bound
        trace bare
        └─ tool bare
    """)


def test_a_coroutine_handed_to_another_thread_keeps_its_parent(voltagent_run: Run) -> None:
    @tool
    async def search() -> None: ...

    @agent
    def ask() -> None:
        coroutine = search()
        thread = threading.Thread(target=lambda: asyncio.run(coroutine))
        thread.start()
        thread.join()

    ask()
    voltagent_run.assert_tree("""
        trace ask
        └─ agent ask
           └─ tool search
    """)


def test_a_coroutine_closed_elsewhere_leaves_alone_what_is_current_there(voltagent_run: Run) -> None:
    @tool
    async def wait() -> None:
        await asyncio.sleep(0)

    coroutine = wait()
    copy_context().run(coroutine.send, None)
    with open_trace(_context.default_recorder(), {"agent_id": "elsewhere"}, {}) as here:
        coroutine.close()
        assert current() == here
    assert [one.status for one in voltagent_run.traces if one.agent_id == "elsewhere"] == ["completed"]
    assert voltagent_run.operation().status == "cancelled"


def test_a_cancelled_task_is_recorded_as_cancelled(voltagent_run: Run) -> None:
    @tool
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert [voltagent_run.trace.status, voltagent_run.tool().status] == ["cancelled", "cancelled"]


def test_a_plain_function_that_gives_a_coroutine_or_a_generator_ends_when_it_returns(voltagent_run: Run) -> None:
    async def work() -> None: ...

    coroutine = tool(lambda: work(), name="plain")()
    assert voltagent_run.operation().status == "completed"
    assert voltagent_run.operation().output == {"result": "coroutine"}
    coroutine.close()


def test_what_counts_as_a_coroutine_function(voltagent_run: Run) -> None:
    class Service:
        async def __call__(self, x: int) -> int:
            await asyncio.sleep(0)
            return x

        async def method(self, x: int) -> int:
            await asyncio.sleep(0)
            return x

    service = Service()
    calls = [
        tool(service, name="object"),
        tool(functools.partial(service.method), name="partial"),
        tool(functools.partial(tool(service.method, name="inner"), 5), name="partial of decorated"),
    ]
    assert asyncio.run(calls[0](3)) == 3
    assert asyncio.run(calls[1](4)) == 4
    assert asyncio.run(calls[2]()) == 5
    assert [span.output for span in voltagent_run.find()] == [{"result": one} for one in (3, 4, 5, 5)]
    if sys.version_info >= (3, 12):
        called = []

        @tool
        @inspect.markcoroutinefunction
        def marked() -> Any:
            called.append("called")
            return service(6)

        coroutine = marked()
        assert called == ["called"]  # at the call, as without us
        assert asyncio.run(coroutine) == 6


# Which SDK.


class FakeSDK:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder


def test_the_sdk_is_the_one_of_the_current_handle_then_the_option_then_the_default() -> None:
    with recording() as (default, default_sink):
        other_sink = ListSink()
        other = Recorder(other_sink)
        _context.activate(other)
        call = tool(lambda: None, name="call", sdk=FakeSDK(other))
        call()
        assert (len(other_sink.spans), len(default_sink.spans)) == (2, 0)
        with open_trace(default, {"agent_id": "t"}, {}):
            call()
        assert default_sink.tree() == [["t", ["call"]]]
        other.alive = False
        _context.deactivate(other)
        call()  # its SDK was shut down: it just runs
        assert (len(other_sink.spans), len(default_sink.spans)) == (2, 2)


def test_decorated_before_any_sdk_and_recorded_by_the_first_one() -> None:
    seen = []

    @tool
    def call() -> None:
        seen.append(bool(current()))

    before = list(_context.ACTIVE)
    _context.ACTIVE[:] = []
    try:
        call()
        with recording() as (_, sink):
            call()
        call()
    finally:
        _context.ACTIVE[:] = before
    assert seen == [False, True, False]
    assert len(sink.spans) == 2


def test_suppressed_refused_and_sampled_out_take_their_descendants_with_them() -> None:
    @tool
    def leaf() -> None:
        assert not current()

    @agent
    async def branch() -> None:
        leaf()
        assert not current()
        current().record(metadata={"a": 1})

    with recording() as (_, sink):
        with voltagent.suppress():
            asyncio.run(branch())
            trace(leaf)()
        assert sink.events == []
        sink.full = True
        asyncio.run(branch())
        assert sink.events == []
    with recording(sampling=Sampling(0.0)) as (_, sink):
        asyncio.run(branch())
        trace(lambda: leaf())()
        assert sink.events == []


def test_a_trace_whose_operation_is_refused_ends() -> None:
    class OneStart(ListSink):
        def put(self, event: Any, size: int) -> bool:
            taken = super().put(event, size)
            self.full = True
            return taken

    sink = OneStart()
    before = list(_context.ACTIVE)
    _context.ACTIVE[:] = [Recorder(sink)]
    try:
        assert tool(lambda: bool(current()))() is False
    finally:
        _context.ACTIVE[:] = before
    assert [(phase, kind) for phase, kind, _ in sink.phases] == [("start", "trace"), ("end", "trace")]


def test_the_first_end_wins(voltagent_run: Run) -> None:
    @tool
    def early() -> str:
        current().success(output={"by": "hand"})
        return "late"

    @tool
    def later() -> str:
        current().record(output={"by": "record"}, metadata={"a": 1})
        return "late"

    assert early() == later() == "late"
    assert [span.output for span in voltagent_run.find()] == [{"by": "hand"}, {"by": "record"}]
    assert {one.status for one in voltagent_run.find()} == {"completed"}


def test_our_own_errors_do_not_reach_the_program(monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(voltagent.core.guard.Guard, "strict", False)

    class Broken(ListSink):
        broken = True

        def put(self, event: Any, size: int) -> bool:
            if event[0] in (Phase.START if self.broken else Phase.END, Phase.END):
                raise RuntimeError("an error of ours")
            return super().put(event, size)

    @trace
    def flow(x: int) -> list[Any]:
        return [tool(lambda: x)(), list(tool(generate)(x)), asyncio.run(tool(wait)(x))]

    def generate(x: int) -> Iterator[int]:
        yield x

    async def wait(x: int) -> int:
        return x

    def fail() -> None:
        raise KeyError("mine")

    sink = Broken()
    before = list(_context.ACTIVE)
    _context.ACTIVE[:] = [Recorder(sink)]
    try:
        for broken in (True, False):
            Broken.broken = broken
            assert flow(3) == [3, [3], 3]
            with pytest.raises(KeyError, match="mine") as caught:
                tool(fail)()
            assert caught.value.__context__ is None
    finally:
        _context.ACTIVE[:] = before
    assert "failed to record" in caplog.text
