"""The five decorators: every kind of callable, under the names of its parameters, and what they refuse.

A recorder over a list shows what a record does not have: whether a memory reads, and which fields were never set.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.helpers.sink import recording
from voltagent import (
    ValidationError,
    agent,
    current_agent,
    memory,
    retriever,
    tool,
    trace,
)
from voltagent.testing import Run, record

FIVE = [agent, tool, memory, retriever, trace]


# Kinds and hierarchy.


def test_the_example_of_the_documents(voltagent_run: Run) -> None:
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
    voltagent_run.assert_tree("""
        trace support-v1  235 tokens
        └─ agent Support Agent  235 tokens
           ├─ retriever kb-search
           ├─ tool weather
           ├─ memory recall
           └─ tool by-hand
    """)
    root, top = voltagent_run.trace, voltagent_run.agent("Support Agent")
    assert (root.user_id, root.tags, root.status) == ("u-1", ("support",), "completed")
    assert root.input == {"user": "u-1", "question": "why?"}
    assert top.metadata == {"model_parameters": {"model": "gpt-4"}}
    assert top.usage == {"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235}
    assert top.output == {"result": "why?"}
    assert voltagent_run.operation("kb-search").metadata == {"vector_store": "pinecone"}
    assert voltagent_run.operation("weather").input == {"city": "Oslo", "units": "c"}
    assert voltagent_run.operation("weather").output == {"city": "Oslo", "degrees": 3}
    assert voltagent_run.memory("recall").parent is top
    assert voltagent_run.operation("by-hand").parent is top
    assert {one.status for one in voltagent_run.find()} == {"completed"}
    voltagent_run.assert_order("Support Agent", "kb-search", "weather", "recall", "by-hand")


@pytest.mark.parametrize("decorator", FIVE)
def test_bare_with_empty_parentheses_with_options_and_as_a_function(decorator: Any) -> None:
    def work() -> int:
        return 1

    with recording() as (_, sink):
        for decorated in (decorator(work), decorator()(work), decorator(name="n")(work), decorator(work, name="n")):
            assert decorated() == 1
    kind = decorator.__name__
    names = [span.name for span in sink.spans if span.kind == kind]
    assert names == ["work", "work", "n", "n"]
    assert [span.operation for span in sink.spans if span.kind == "memory"] == ["write"] * 4 * (kind == "memory")


NO_PARAMETERS = '{"type":"object","properties":{}}'


def test_what_is_not_given_is_absent() -> None:
    with recording() as (_, sink):
        tool(name=None, metadata=None, tags=None, capture_input=None, redact=None, sdk=None)(lambda: None)()
    _, span = sink.spans
    assert (span.name, span.metadata, span.tags, span.facts, span.redact) == (
        "<lambda>",
        None,
        None,
        {"tool_parameters": NO_PARAMETERS},
        None,
    )
    assert (span.input, span.output) == (b"{}", b'{"result":null}')


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
    call: Callable[..., Any], receiver: Any, spelling: str, voltagent_run: Run
) -> None:
    result = {"position": lambda: call(1, 3), "keyword": lambda: call(1, b=3), "default": lambda: call(1)}[spelling]()
    assert result[1:] == (1, 2 if spelling == "default" else 3)
    assert receiver is ... or result[0] is receiver
    assert voltagent_run.operation().input == {"a": 1, "b": result[2]}


def test_star_parameters_go_under_their_own_names(voltagent_run: Run) -> None:
    @tool
    def call(a: int, *rest: int, flag: bool = False, **more: Any) -> None: ...

    call(1, 2, 3, flag=True, b=4, a_b=5)
    call(1)

    @tool
    def clash(a: int, /, **more: Any) -> None: ...

    clash(1, a=2)
    assert [span.input for span in voltagent_run.find()] == [
        {"a": 1, "rest": [2, 3], "flag": True, "more": {"b": 4, "a_b": 5}},
        {"a": 1, "rest": [], "flag": False, "more": {}},
        {"a": 1, "more": {"a": 2}},
    ]


def test_what_does_not_show_its_parameters_is_recorded_without_their_names(voltagent_run: Run) -> None:
    assert tool(max)(1, 2) == 2
    assert tool(dict.fromkeys)(["a"]) == {"a": None}
    assert voltagent_run.find()[0].input == {"args": [1, 2], "kwargs": {}}


def test_a_signature_that_lies_loses_nothing(voltagent_run: Run) -> None:
    def shown(a: int) -> None: ...

    @tool
    @functools.wraps(shown)
    def real(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert real(1, 2, b=3) == ((1, 2), {"b": 3})
    assert voltagent_run.operation().input == {"a": 1, "b": 3, "args": [2]}


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
    with record() as run:
        tool(function)(*args, **kwargs)
    expected = {name: list(value) if type(value) is tuple else value for name, value in bound.arguments.items()}
    assert run.operation().input == expected


def test_a_snapshot_is_of_the_moment(voltagent_run: Run) -> None:
    @tool
    def grow(items: list[int]) -> list[int]:
        items.append(2)
        return items

    items = [1]
    grow(items).append(3)
    assert voltagent_run.operation().input == {"items": [1]}
    assert voltagent_run.operation().output == {"result": [1, 2]}


def test_decorators_nest_as_they_are_written(voltagent_run: Run) -> None:
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
    voltagent_run.assert_tree("""
        trace outer
        └─ agent outer
           └─ tool inner
        trace o
        └─ agent o
           └─ tool i
        trace o2
        └─ agent o2
           └─ tool i2
    """)
    assert [span.input["x"] for span in voltagent_run.find()] == [1, 1, 2, 2, 3, 3]


# Refusals.


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
    with pytest.raises(TypeError, match=r"'citi', which is not a parameter of the function; did you mean 'city'"):
        tool(lambda city: city, capture_input=["citi"])
    with pytest.raises(ValidationError, match="a list of parameter names, got list with int"):
        tool(lambda city: city, capture_input=["city", 1])  # type: ignore[list-item]
    tool(lambda **more: None, capture_input=["citi"])
    tool(max, capture_input=["citi"])


def test_what_things_are_called(voltagent_run: Run) -> None:
    calls: list[Any] = [
        tool(plain), tool(box), tool(Box().__call__), tool(functools.partial(plain)), tool(functools.partial(pow, 2)),
        tool(functools.partial(box)), tool(len), tool(box.method),
    ]  # fmt: skip
    for call, argument in zip(calls, [1, 1, 1, 1, 1, 1, "", 1], strict=True):
        call(argument)
    names = ["plain", "Box", "Box", "plain", "pow", "Box", "len", "Box.method", "Box.method"]
    assert [span.name for span in voltagent_run.find()] == names
