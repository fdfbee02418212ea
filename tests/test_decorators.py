"""The five decorators: what they record, of every kind of callable, and what they refuse."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from uuid import UUID

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voltagent
from tests.sink import ListSink, loads, recording
from voltagent import (
    Secret,
    ValidationError,
    _context,
    agent,
    current,
    current_agent,
    current_trace,
    memory,
    retriever,
    tool,
    trace,
)
from voltagent._failure import format_failure
from voltagent._recorder import Recorder
from voltagent._redact import Redactor
from voltagent._span import Phase, Span
from voltagent.handles import open_trace

if TYPE_CHECKING:
    from decimal import Decimal

FIVE = [agent, tool, memory, retriever, trace]


@pytest.fixture
def sink() -> Iterator[ListSink]:
    with recording() as (_, sink):
        yield sink


@pytest.fixture(autouse=True)
def nothing_is_left_current() -> Iterator[None]:
    yield
    assert _context.CURRENT.get() is None


def operations(sink: ListSink) -> list[Span]:
    return [span for span in sink.spans if span.kind != "trace"]


def only(sink: ListSink) -> Span:
    found = operations(sink)
    assert len(found) == 1
    return found[0]


# ------------------------------------------------------------------------------------------------ kinds and hierarchy


def test_the_example_of_the_documents(sink: ListSink) -> None:
    @tool
    def weather(city: str, units: str = "c") -> dict[str, Any]:
        return {"city": city, "degrees": 3}

    @retriever(name="kb-search", metadata={"vector_store": "pinecone"})
    async def search(query: str, k: int = 5) -> list[str]:
        await asyncio.sleep(0)
        return [query] * k

    @memory(operation="read")
    def recall(key: str) -> str | None:
        return None

    @agent(name="Support Agent", instructions="be kind", model_parameters={"model": "gpt-4"})
    async def support(question: str) -> str:
        docs = await search(question, k=1)
        weather("Oslo")
        recall("name")
        extra = current_agent().add_tool({"name": "by-hand", "input": {"x": 1}})
        extra.success(output={"ok": True})
        current_agent().record(usage={"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235})
        return docs[0]

    @trace(agent_id="support-v1", tags=["support"], user_id=lambda args: args["user"])
    async def handle(user: str, question: str) -> str:
        return await support(question)

    assert asyncio.run(handle("u-1", "why?")) == "why?"
    assert sink.tree() == [
        ["support-v1", ["Support Agent", ["kb-search"], ["weather"], ["recall"], ["by-hand"]]],
    ]
    root, top = sink.span("support-v1"), sink.span("Support Agent")
    assert (root.trace.user_id, root.tags, root.status) == ("u-1", ("support",), "completed")
    assert loads(root.input) == {"user": "u-1", "question": "why?"}
    assert top.facts == {"instructions": "be kind"}
    assert loads(top.metadata) == {"model_parameters": {"model": "gpt-4"}}
    assert top.usage == {"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235}
    assert loads(top.output) == {"result": "why?"}
    assert loads(sink.span("kb-search").metadata) == {"vector_store": "pinecone"}
    assert loads(sink.span("weather").input) == {"city": "Oslo", "units": "c"}
    assert loads(sink.span("weather").output) == {"city": "Oslo", "degrees": 3}
    assert sink.span("recall").operation == "read"
    assert sink.span("by-hand").parent is top
    # one end per start, children inside their parents
    assert [phase for phase, _, _ in sink.phases].count("start") == 6
    assert [phase for phase, _, _ in sink.phases].count("end") == 6
    assert sink.phases[0][2] == sink.phases[-1][2] == "support-v1"


@pytest.mark.parametrize("decorator", FIVE)
def test_bare_with_empty_parentheses_with_options_and_as_a_function(decorator: Any, sink: ListSink) -> None:
    def work() -> int:
        return 1

    for decorated in (decorator(work), decorator()(work), decorator(name="n")(work), decorator(work, name="n")):
        assert decorated() == 1
    kind = decorator.__name__
    names = [span.name for span in sink.spans if span.kind == kind]
    assert names == ["work", "work", "n", "n"]
    assert [span.operation for span in sink.spans if span.kind == "memory"] == ["write"] * 4 * (kind == "memory")


def test_what_is_not_given_is_absent(sink: ListSink) -> None:
    tool(name=None, metadata=None, tags=None, capture_input=None, redact=None, sdk=None)(lambda: None)()
    span = only(sink)
    assert (span.name, span.metadata, span.tags, span.facts, span.redact) == ("<lambda>", None, None, None, None)
    assert (loads(span.input), loads(span.output)) == ({}, {"result": None})


class Box:
    """Every kind of method."""

    @tool
    def method(self, a: int, b: int = 2) -> tuple[Any, ...]:
        return self, a, b

    @classmethod
    @tool
    def class_below(cls, a: int, b: int = 2) -> tuple[Any, ...]:
        return cls, a, b

    @tool
    @classmethod
    def class_above(cls, a: int, b: int = 2) -> tuple[Any, ...]:
        return cls, a, b

    @staticmethod
    @tool
    def static_below(a: int, b: int = 2) -> tuple[Any, ...]:
        return None, a, b

    @tool
    @staticmethod
    def static_above(a: int, b: int = 2) -> tuple[Any, ...]:
        return None, a, b

    @tool
    def positional(self, a: int, /, b: int = 2) -> tuple[Any, ...]:
        return self, a, b

    def __call__(self, a: int, b: int = 2) -> tuple[Any, ...]:
        return self, a, b


def plain(a: int, b: int = 2) -> tuple[Any, ...]:
    return None, a, b


box = Box()
CALLS: list[tuple[str, Callable[..., Any], Any]] = [
    ("function", tool(plain), None),
    ("lambda", tool(lambda a, b=2: (None, a, b)), None),
    ("partial", tool(functools.partial(lambda x, a, b=2: (x, a, b), None)), None),
    ("callable object", tool(box), box),
    ("bound method", tool(Box().__call__), ...),
    ("method", box.method, box),
    ("method of the class", functools.partial(Box.method, box), box),
    ("class method below", box.class_below, Box),
    ("class method below of the class", Box.class_below, Box),
    ("class method above", box.class_above, Box),
    ("class method above of the class", Box.class_above, Box),
    ("static method below", box.static_below, None),
    ("static method below of the class", Box.static_below, None),
    ("static method above", box.static_above, None),
    ("static method above of the class", Box.static_above, None),
    ("positional only", box.positional, box),
]


@pytest.mark.parametrize(("call", "receiver"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
@pytest.mark.parametrize("spelling", ["position", "keyword", "default"])
def test_every_kind_of_callable_names_its_arguments(
    call: Callable[..., Any], receiver: Any, spelling: str, sink: ListSink
) -> None:
    result = {"position": lambda: call(1, 3), "keyword": lambda: call(1, b=3), "default": lambda: call(1)}[spelling]()
    assert result[1:] == (1, 2 if spelling == "default" else 3)
    assert receiver is ... or result[0] is receiver
    assert loads(only(sink).input) == {"a": 1, "b": result[2]}


def test_star_parameters_go_under_their_own_names(sink: ListSink) -> None:
    @tool
    def call(a: int, *rest: int, flag: bool = False, **more: Any) -> None: ...

    call(1, 2, 3, flag=True, b=4, a_b=5)
    call(1)

    @tool
    def clash(a: int, /, **more: Any) -> None: ...

    clash(1, a=2)
    assert [loads(span.input) for span in operations(sink)] == [
        {"a": 1, "rest": [2, 3], "flag": True, "more": {"b": 4, "a_b": 5}},
        {"a": 1, "rest": [], "flag": False, "more": {}},
        {"a": 1, "more": {"a": 2}},
    ]


def test_what_does_not_tell_its_parameters_is_recorded_without_their_names(sink: ListSink) -> None:
    assert tool(max)(1, 2) == 2
    assert tool(dict.fromkeys)(["a"]) == {"a": None}
    assert loads(operations(sink)[0].input) == {"args": [1, 2], "kwargs": {}}


def test_a_signature_that_lies_loses_nothing(sink: ListSink) -> None:
    def shown(a: int) -> None: ...

    @tool
    @functools.wraps(shown)
    def real(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert real(1, 2, b=3) == ((1, 2), {"b": 3})
    assert loads(only(sink).input) == {"a": 1, "b": 3, "args": [2]}


signatures = st.lists(st.sampled_from(["pos", "pos=", "any", "any=", "*", "kw", "kw=", "**"]), max_size=6, unique=True)


@given(signatures, st.lists(st.integers(), max_size=4), st.dictionaries(st.sampled_from("abcdefgh"), st.integers()))
def test_names_are_those_of_inspect(kinds: list[str], args: list[int], kwargs: dict[str, int]) -> None:
    """Whatever the signature: what is recorded is what `inspect` binds."""
    order = ["pos", "pos=", "/", "any", "any=", "*", "kw", "kw=", "**"]
    kinds = [kind for kind in order if kind in kinds or (kind == "/" and {"pos", "pos="} & set(kinds))]
    if "pos=" in kinds:
        kinds = [kind for kind in kinds if kind != "any"]
    if {"kw", "kw="} & set(kinds) and "*" not in kinds:
        kinds.insert(min(i for i, kind in enumerate(kinds) if kind.startswith("kw")), "bare *")
    parts = {"pos": "a", "pos=": "b=10", "/": "/", "any": "c", "any=": "d=20", "*": "*e", "bare *": "*", "kw": "f",
             "kw=": "g=30", "**": "**h"}  # fmt: skip
    function = eval(f"lambda {', '.join(parts[kind] for kind in kinds)}: None")
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
        function(*args, **kwargs)
    except TypeError:
        return
    bound.apply_defaults()
    with recording() as (_, sink):
        tool(function)(*args, **kwargs)
    expected = {name: list(value) if type(value) is tuple else value for name, value in bound.arguments.items()}
    assert loads(only(sink).input) == expected


def test_a_snapshot_is_of_the_moment(sink: ListSink) -> None:
    @tool
    def grow(items: list[int]) -> list[int]:
        items.append(2)
        return items

    items = [1]
    grow(items).append(3)
    assert loads(only(sink).input) == {"items": [1]}
    assert loads(only(sink).output) == {"result": [1, 2]}


def test_decorators_nest_as_they_are_written(sink: ListSink) -> None:
    @agent(name="outer")
    @tool(name="inner")
    def both(x: int) -> int:
        return x

    class Thing:
        @agent(name="o")
        @tool(name="i")
        @classmethod
        def method(cls, x: int) -> int:
            return x

        @agent(name="o2")
        @tool(name="i2")
        def plain(self, x: int) -> int:
            return x

    assert (both(1), Thing.method(2), Thing().plain(3)) == (1, 2, 3)
    assert sink.tree() == [["outer", ["outer", ["inner"]]], ["o", ["o", ["i"]]], ["o2", ["o2", ["i2"]]]]
    assert [loads(span.input)["x"] for span in operations(sink)] == [1, 1, 2, 2, 3, 3]


# ------------------------------------------------------------------------------------------------ implicit and explicit


def test_a_call_outside_any_trace_opens_one_of_its_own(sink: ListSink) -> None:
    @agent(name="A", tags=["t"])
    def run(x: int) -> int:
        assert current_trace().agent_id == "A"
        return x + 1

    run(1)
    root, span = sink.spans
    assert (root.kind, root.trace.agent_id, root.tags) == ("trace", "A", ("t",))
    assert span.parent is root
    assert span.agent_id == "A"
    assert (loads(root.input), loads(root.output)) == ({"x": 1}, {"result": 2})
    assert [phase for phase, _, _ in sink.phases] == ["start", "start", "end", "end"]
    assert sink.phases[-1][1] == "trace"


def test_its_trace_ends_as_the_call_did(sink: ListSink) -> None:
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
    assert [span.status for span in sink.spans] == ["error"] * 2 + ["cancelled"] * 6 + ["error", "completed"]
    assert all(span.error is not None for span in sink.spans if span.status != "completed")
    assert [phase for phase, _, _ in sink.phases].count("end") == 10


def test_a_trace_inside_a_trace_is_a_new_root(sink: ListSink) -> None:
    @trace
    def inner() -> None:
        tool(lambda: None, name="leaf")()

    @trace
    def outer() -> None:
        inner()
        tool(lambda: None, name="after")()

    outer()
    assert sink.tree() == [["outer", ["after"]], ["inner", ["leaf"]]]
    assert sink.span("inner").trace.parent_trace_id == sink.span("outer").trace.id


def test_a_call_is_a_child_of_the_current_handle_whatever_its_kind(sink: ListSink) -> None:
    recorder = _context.default_recorder()
    with open_trace(recorder, {"agent_id": "t"}, {}) as root, root.add_tool(name="by hand"):
        tool(lambda: retriever(lambda: None, name="leaf")(), name="decorated")()
    assert sink.tree() == [["t", ["by hand", ["decorated", ["leaf"]]]]]


def test_concurrent_tasks_have_the_right_parents(sink: ListSink) -> None:
    @tool
    async def leaf(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            assert current().id
            assert loads(current()._span.input) == {"name": name}

    @agent
    async def branch(name: str) -> None:
        await asyncio.gather(*(leaf(f"{name}{number}") for number in range(3)))
        await asyncio.to_thread(tool(lambda: None, name=f"thread {name}"))

    @trace
    async def root() -> None:
        await asyncio.gather(branch("a"), branch("b"))

    asyncio.run(root())
    for span in sink.spans:
        if span.name == "leaf":
            assert loads(span.parent.input)["name"] == loads(span.input)["name"][0]  # type: ignore[union-attr]
        elif span.name.startswith("thread"):
            assert loads(span.parent.input)["name"] == span.name[-1]  # type: ignore[union-attr]
    assert len(sink.spans) == 1 + 2 * (1 + 3 + 1)


def test_a_thread_that_got_the_context_goes_on_in_the_trace(sink: ListSink) -> None:
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
    assert sink.tree() == [["root", ["copied"], ["bound"]], ["bare", ["bare"]]]


def test_a_coroutine_handed_to_another_thread_keeps_its_parent(sink: ListSink) -> None:
    @tool
    async def search() -> None: ...

    @agent
    def ask() -> None:
        coroutine = search()
        thread = threading.Thread(target=lambda: asyncio.run(coroutine))
        thread.start()
        thread.join()

    ask()
    assert sink.tree() == [["ask", ["ask", ["search"]]]]


def test_a_coroutine_closed_elsewhere_leaves_alone_what_is_current_there(sink: ListSink) -> None:
    @tool
    async def wait() -> None:
        await asyncio.sleep(0)

    coroutine = wait()
    copy_context().run(coroutine.send, None)
    with open_trace(_context.default_recorder(), {"agent_id": "elsewhere"}, {}) as here:
        coroutine.close()
        assert current() == here
    assert sink.span("elsewhere").status == "completed"
    assert only(sink).status == "cancelled"


def test_a_cancelled_task_is_recorded_as_cancelled(sink: ListSink) -> None:
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
    assert [span.status for span in sink.spans] == ["cancelled", "cancelled"]


def test_a_plain_function_that_gives_a_coroutine_or_a_generator_ends_when_it_returns(sink: ListSink) -> None:
    async def work() -> None: ...

    coroutine = tool(lambda: work(), name="plain")()
    assert only(sink).status == "completed"
    assert loads(only(sink).output) == {"result": "coroutine"}
    coroutine.close()


def test_what_counts_as_a_coroutine_function(sink: ListSink) -> None:
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
    assert [loads(span.output) for span in operations(sink)] == [{"result": one} for one in (3, 4, 5, 5)]
    if sys.version_info >= (3, 12):
        said = []

        @tool
        @inspect.markcoroutinefunction
        def marked() -> Any:
            said.append("called")
            return service(6)

        coroutine = marked()
        assert said == ["called"]  # at the call, as without us
        assert asyncio.run(coroutine) == 6


# ------------------------------------------------------------------------------------------------------ usage, metadata


class Usage(NamedTuple):
    prompt_tokens: int


def test_usage_comes_from_record_then_the_option_then_the_result(sink: ListSink, caplog: Any) -> None:
    class Answer(pydantic.BaseModel):
        usage: dict[str, int]

    def broken(result: Any) -> Any:
        raise LookupError("no usage here")

    counted = {"input_tokens": 3, "output_tokens": 4}
    agent(lambda: {"usage": counted}, name="result")()
    agent(lambda: Answer(usage=counted), name="model")()
    agent(lambda: {"usage": counted}, name="option", usage=lambda result: {"total_tokens": 9})()
    agent(lambda: {"usage": counted}, name="broken", usage=broken)()
    agent(lambda: {"usage": counted}, name="junk", usage=lambda result: 7)()
    tool(lambda: {"usage": counted}, name="tool")()

    @agent(usage=lambda result: {"total_tokens": 9})
    def recorded() -> None:
        current_agent().record(usage={"total_tokens": 1})

    recorded()
    picked = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert [span.usage for span in operations(sink)] == [
        picked, picked, {"total_tokens": 9}, None, None, None, {"total_tokens": 1},
    ]  # fmt: skip
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 2
    assert "usage=" in said[0]
    assert "LookupError" in said[0]


def test_options_of_a_trace_may_be_functions_of_the_arguments(sink: ListSink, caplog: Any) -> None:
    class User:
        def __init__(self, number: int) -> None:
            self.id = number

    asked = []

    class Desk:
        @trace(
            agent_id=lambda args: f"desk-{args['lane']}",
            user_id=lambda args: args["user"].id,
            conversation_id=lambda args: UUID(int=5),
            version=lambda args: args["nothing"],
            tags=lambda args: [args["lane"]],
            metadata={"fixed": 1, "lane": lambda args: args["lane"], "bad": lambda args: 1 / 0},
            capture_input=["lane"],
        )
        def serve(self, user: User, lane: str = "fast", *rest: int, **more: int) -> None:
            asked.append(user)

    user = User(7)
    Desk().serve(user)
    root = sink.spans[0]
    assert asked == [user]
    assert (root.trace.agent_id, root.name) == ("desk-fast", "desk-fast")
    assert (root.trace.user_id, root.trace.conversation_id) == ("7", str(UUID(int=5)))
    assert (root.trace.version, root.tags) == (None, ("fast",))
    assert loads(root.metadata) == {"fixed": 1, "lane": "fast", "bad": None}
    assert loads(root.input) == {"lane": "fast"}
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [re.findall("version=|bad|KeyError|ZeroDivisionError", line) for line in said] == [
        ["version=", "KeyError"],
        ["bad", "ZeroDivisionError"],
    ]


def test_a_user_function_that_raises_leaves_call_and_default_alone(sink: ListSink, caplog: Any) -> None:
    @trace(agent_id=lambda args: None, user_id=lambda args: object(), metadata=lambda args: "no mapping")
    def run() -> int:
        return 1

    assert run() == 1
    root = sink.spans[0]
    assert (root.trace.agent_id, root.trace.user_id, root.metadata) == ("run", None, None)


# -------------------------------------------------------------------------------------------------------------- capture


def test_capture_off_keeps_arguments_results_and_messages_here(sink: ListSink) -> None:
    @tool(capture_input=False)
    def no_input(x: str) -> str:
        return x

    @tool(capture_output=False)
    def no_output(x: str) -> str:
        raise ValueError(x)

    @tool(capture_input=["shown"])
    def some(shown: str, hidden: str = "h") -> str:
        if hidden == "raise":
            raise ValueError(hidden)
        return shown

    @tool(capture_input=["k", "a"])
    def named(a: int, b: int, **more: Any) -> None: ...

    @tool(capture_input=["more"])
    def all_named(a: int, **more: Any) -> None: ...

    no_input("canary")
    some("yes", hidden="canary")
    named(1, 2, k="yes", other="canary")
    all_named(1, k="yes")
    for call in (lambda: no_output("canary"), lambda: some("yes", "raise")):
        with pytest.raises(ValueError, match=r"canary|raise"):
            call()
    spans = {span.name: span for span in operations(sink)}
    assert spans["no_input"].input is None
    assert loads(spans["no_input"].output) == {"result": "canary"}
    assert spans["no_output"].output is None
    assert spans["no_output"].error.message is None  # type: ignore[union-attr]
    assert spans["no_output"].error.type == "ValueError"  # type: ignore[union-attr]
    some_spans = [span for span in operations(sink) if span.name == "some"]
    assert [loads(span.input) for span in some_spans] == [{"shown": "yes"}] * 2
    assert some_spans[1].error.message is None  # type: ignore[union-attr]
    assert loads(spans["named"].input) == {"a": 1, "more": {"k": "yes"}}
    assert loads(spans["all_named"].input) == {"more": {"k": "yes"}}
    assert spans["no_output"].parent.error.message is None  # type: ignore[union-attr]


@pytest.mark.parametrize("off", ["capture_input", "capture_output"])
def test_what_the_sdk_switched_off_stays_off(off: str) -> None:
    @tool(capture_input=True, capture_output=True)
    def call(x: int) -> int:
        return x

    with recording(**{off: False}) as (_, sink):
        call(1)
    assert (only(sink).input is None) == (off == "capture_input")
    assert (only(sink).output is None) == (off == "capture_output")


CANARY = "can" + "ary"
Token = Annotated[str, Secret]


@tool
def guarded(
    user: str,
    key: Annotated[str, Secret],
    token: Token = "canary-default",
    opened: pydantic.SecretStr | None = None,
    *rest: Annotated[str, Secret()],
    later: Later = "canary-later",
    unknown: Decimal | None = None,
    **more: Token,
) -> None:
    if user == "fail":
        raise ValueError(key)


Later = Annotated[str, Secret]


def test_secret_parameters_never_leave(sink: ListSink) -> None:
    guarded("u", "canary-1", "canary-2", pydantic.SecretStr("canary-3"), "canary-4", extra="canary-5")
    guarded("u", key="canary-6", token="canary-7")
    with pytest.raises(ValueError, match="canary-8"):
        guarded("fail", "canary-8")

    def local(key: Annotated[str, Secret], shown: int) -> None: ...

    local.__annotations__ = {"key": Annotated[str, Secret], "shown": int}  # as without `from __future__`
    tool(local)("canary-9", 1)
    for span in sink.spans:
        for text in (span.input, span.output, repr(getattr(span.error, "message", None)).encode()):
            assert b"canary" not in (text or b"")
    first = loads(operations(sink)[0].input)
    assert first["user"] == "u"
    assert first["key"] == first["later"] == first["more"] == first["rest"] == voltagent._snapshot.SECRET_TEXT
    assert loads(operations(sink)[-1].input) == {"key": "[redacted]", "shown": 1}


def test_the_text_of_an_exception_does_not_slip_out_further_up(sink: ListSink) -> None:
    @tool
    def login(key: Annotated[str, Secret]) -> None:
        raise ValueError(f"bad key {key}")

    @agent
    def passes() -> None:
        login(CANARY)

    @agent
    def wraps() -> None:
        try:
            login(CANARY)
        except ValueError as fault:
            raise LookupError(f"no login: {fault}") from fault

    @agent
    def fails_otherwise() -> None:
        with contextlib.suppress(ValueError):
            login(CANARY)
        raise KeyError("told")

    def flow(run: Any) -> None:
        with pytest.raises((ValueError, LookupError)), open_trace(_context.default_recorder(), {"agent_id": "t"}, {}):
            run()

    for run in (passes, wraps, fails_otherwise):
        flow(run)
    texts = [format_failure(span.error).decode() for span in sink.spans if span.error is not None]  # type: ignore[arg-type]
    assert len(texts) == 9
    assert not any(CANARY in text for text in texts)
    assert sum("told" in text for text in texts) == 2


def test_a_name_known_only_around_a_function_may_mark_a_secret(sink: ListSink) -> None:
    Key = Annotated[str, Secret]

    @tool
    def inside(key: Key, other: str) -> None: ...

    class Desk:
        Pin = Annotated[int, Secret]

        @tool(name="method")
        def serve(self, pin: Pin, other: str) -> None: ...

    inside("canary", "shown")
    Desk().serve(12345, "shown")
    assert [loads(span.input) for span in operations(sink)] == [
        {"key": "[redacted]", "other": "shown"},
        {"pin": "[redacted]", "other": "shown"},
    ]


def test_redaction_of_a_decorator_goes_with_its_spans(sink: ListSink) -> None:
    own = Redactor(["a"])
    for option in (own, ["a", re.compile("b")], lambda path, value: value):
        tool(lambda: None, redact=option)()
    assert operations(sink)[0].redact is own
    assert all(isinstance(span.redact, Redactor) for span in sink.spans)


# ------------------------------------------------------------------------------------------------------------ which SDK


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
    with recording(sample_rate=0.0) as (_, sink):
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


def test_the_first_end_wins(sink: ListSink) -> None:
    @tool
    def early() -> str:
        current().success(output={"by": "hand"})
        return "late"

    @tool
    def later() -> str:
        current().record(output={"by": "record"}, metadata={"a": 1})
        return "late"

    assert early() == later() == "late"
    assert [loads(span.output) for span in operations(sink)] == [{"by": "hand"}, {"by": "record"}]
    assert sum(phase is Phase.END for phase, _, _ in sink.events) == 4


def test_our_own_faults_do_not_reach_the_program(monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(voltagent._guard.Guard, "strict", False)

    class Broken(ListSink):
        broken = True

        def put(self, event: Any, size: int) -> bool:
            if event[0] in (Phase.START if self.broken else Phase.END, Phase.END):
                raise RuntimeError("a fault of ours")
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


# ------------------------------------------------------------------------------------------------------------- refusals


class SomeClass:
    @property
    def size(self) -> int:
        return 1


async def _coroutine() -> None: ...


@pytest.mark.parametrize("decorator", FIVE)
@pytest.mark.parametrize(
    ("target", "text"),
    [
        (SomeClass, "decorate its methods"),
        (staticmethod(SomeClass), "decorate its methods"),
        (SomeClass.size, "below @property"),
        (functools.cached_property(len), "below @property"),
        (functools.partialmethod(len), "the function in it"),
        (functools.singledispatchmethod(len), "the function in it"),
        ("name", r"\(name='name'\)"),
        (3, "not int"),
        (classmethod(3), "not int"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_decorated_is_refused(decorator: Any, target: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"@{decorator.__name__} .*{text}"):
        decorator(target)
    with pytest.raises(TypeError, match=text):
        decorator(name="x")(target)


@pytest.mark.parametrize(
    ("decorator", "options", "text"),
    [
        (tool, {"nmae": "x"}, "'nmae'; did you mean 'name'"),
        (tool, {"capture_inputs": True}, "did you mean 'capture_input'"),
        (agent, {"instruction": "x"}, "did you mean 'instructions'"),
        (memory, {"oper": "read"}, "did you mean 'operation'"),
        (trace, {"userid": "x"}, "did you mean 'user_id'"),
        (tool, {"instructions": "x"}, "@tool has no option 'instructions'"),
        (retriever, {"zzz": 1}, "it takes capture_input, .*name"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest(decorator: Any, options: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        decorator(**options)


@pytest.mark.parametrize(
    ("decorator", "options"),
    [
        (tool, {"name": ""}),
        (tool, {"name": 3}),
        (tool, {"metadata": [1]}),
        (tool, {"tags": "one"}),
        (tool, {"tags": [1]}),
        (tool, {"capture_input": "city"}),
        (tool, {"capture_input": [1]}),
        (tool, {"capture_output": ["a"]}),
        (tool, {"redact": 3}),
        (tool, {"redact": "key"}),
        (tool, {"redact": [3]}),
        (tool, {"sdk": object()}),
        (agent, {"usage": {"total_tokens": 1}}),
        (agent, {"model_parameters": "gpt-4"}),
        (agent, {"instructions": ["x"]}),
        (memory, {"operation": "append"}),
        (trace, {"agent_id": ""}),
        (trace, {"user_id": 3}),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_option(decorator: Any, options: Any) -> None:
    (option,) = options
    with pytest.raises(ValidationError, match=option) as caught:
        decorator(**options)
    assert isinstance(caught.value, ValueError)


def test_a_parameter_to_keep_must_exist() -> None:
    with pytest.raises(TypeError, match=r"'citi', which is no parameter of it; did you mean 'city'"):
        tool(lambda city: city, capture_input=["citi"])
    tool(lambda **more: None, capture_input=["citi"])
    tool(max, capture_input=["citi"])


def test_what_things_are_called(sink: ListSink) -> None:
    calls: list[Any] = [
        tool(plain), tool(box), tool(Box().__call__), tool(functools.partial(plain)), tool(functools.partial(pow, 2)),
        tool(functools.partial(box)), tool(len), tool(box.method),
    ]  # fmt: skip
    for call, argument in zip(calls, [1, 1, 1, 1, 1, 1, "", 1], strict=True):
        call(argument)
    names = ["plain", "Box", "Box", "plain", "pow", "Box", "len", "method", "method"]
    assert [span.name for span in operations(sink)] == names
