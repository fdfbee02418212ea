"""The rules of token counts as laws: any tree of operations counts as they say, whichever caller returns a response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st

from voltagent import agent, current, llm, retriever, tool, trace
from voltagent.capture.usage import summed
from voltagent.records import OperationRecord, TraceRecord
from voltagent.testing import Run, record

DECORATORS: dict[str, Any] = {"agent": agent, "tool": tool, "retriever": retriever, "llm": llm}


class ChatCompletion(SimpleNamespace):
    """Stored as a client's own result is."""


ChatCompletion.__module__ = "openai.types.chat.chat_completion"


@dataclass
class Node:
    """An operation: what it sets itself, the response that it makes, and whether it returns one of a child instead."""

    kind: str
    children: list[Node]
    explicit: int | None
    makes: int | None  # tokens of a response of its own, set by :func:`walk`
    by_id: bool  # whether the response is known by its id, else by its usage object
    returns_child: bool
    name: str = ""
    own: int | None = None  # by the rules
    returned: Any = None
    agents: list[int] = field(default_factory=list)


def nodes(children: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[Node]:
    amount = st.none() | st.just(1)
    return st.builds(Node, st.sampled_from(sorted(DECORATORS)), children, st.none() | st.none() | amount, amount,
                     st.booleans(), st.booleans())  # fmt: skip


TREES = st.recursive(nodes(st.just([])), lambda inner: nodes(st.lists(inner, max_size=3)), max_leaves=8)


def response(node: Node) -> Any:
    tokens = node.makes or 0
    usage = SimpleNamespace(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens)
    identifier = f"r-{node.name}" if node.by_id else None
    return ChatCompletion(id=identifier, model="gpt-5", choices=[], usage=usage)


def result_of(node: Node, results: list[Any]) -> Any:
    """What an operation returns: a response of a child, of its own, or none."""
    if node.returns_child and any(one is not None for one in results):
        given = next(one for one in results if one is not None)
        # the same response as another object: known by its id, or by its usage
        return ChatCompletion(**vars(given))
    return response(node) if node.makes is not None else None


def run(node: Node) -> Any:
    def body() -> Any:
        results = [run(child) for child in node.children]
        if node.explicit is not None:
            current().record(usage={"total_tokens": node.explicit})
        return result_of(node, results)

    body.__name__ = node.name
    return DECORATORS[node.kind](body)()


def expect(node: Node, counted: set[Any]) -> tuple[Any, list[int]]:
    """Set ``own`` by the rules; gives what the operation returns, and the tokens below its parent's level."""
    results, below = [], []
    for child in node.children:
        result, tokens = expect(child, counted)
        results.append(result)
        below += tokens
    result = None
    if node.returns_child and any(one is not None for one in results):
        result = next(one for one in results if one is not None)
    elif node.makes is not None:
        result = (node.name, node.makes)
    is_new = result is not None and result[0] not in counted
    if result is not None:
        counted.add(result[0])
    if node.explicit is not None:
        node.own = node.explicit
    elif is_new and result is not None:
        node.own = result[1]
    elif node.kind == "agent":
        node.own = sum(below) if below else None
    if node.kind == "agent":
        return result, []
    return result, below + ([node.own] if node.own is not None else [])


def walk(node: Node, number: list[int]) -> list[Node]:
    """Name the operations, and give them tokens of which no two sums are equal.

    A model call that returns the numbers of the calls inside it repeats them: that rule has tests of its own.
    """
    node.name = f"n{number[0]}"
    node.makes = None if node.makes is None else 2 << number[0] * 2
    node.explicit = None if node.explicit is None else 1 << number[0] * 2
    number[0] += 1
    return [node, *(found for child in node.children for found in walk(child, number))]


def total(one: TraceRecord | OperationRecord) -> Any:
    return None if one.usage is None else one.usage.get("total_tokens")


@given(TREES, st.none() | st.integers(0, 1000))
def test_any_tree_counts_by_the_rules(tree: Node, of_trace: int | None) -> None:
    every = walk(tree, [0])
    found = recorded(lambda: run(tree), of_trace)
    _, outside = expect(tree, set())
    for node in every:
        assert total(found.operation(node.name)) == node.own, node
    own = [node.own for node in every if node.kind == "agent" and node.own is not None]
    parts = own + outside
    expected = of_trace if of_trace is not None else sum(parts) if parts else None
    assert total(found.trace) == expected


def recorded(program: Callable[[], Any], of_trace: int | None) -> Run:
    def whole() -> None:
        program()
        if of_trace is not None:
            current().record(usage={"total_tokens": of_trace})

    with record() as run:
        trace(whole)()
    return run


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_one_call_of_18_tokens_through_nested_agents_is_a_trace_of_18(depth: int) -> None:
    program: Callable[[], Any] = llm(lambda: response(Node("llm", [], None, 18, by_id=True, returns_child=False)))
    for _ in range(depth):
        program = agent(lambda inner=program: inner())
    assert total(recorded(program, None).trace) == 18


NUMBERS = st.one_of(
    st.integers(0, 10**6),
    st.integers(0, 10**6).map(Decimal),
    st.integers(0, 10**6).map(Fraction),
    st.integers(0, 10**6).map(numpy.int64),
    st.integers(0, 10**6).map(numpy.float32),
    st.integers(0, 10**6).map(float),
    st.fractions(0, 1000).map(Fraction),
    st.decimals(0, 1000, places=4),
)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_values_of_any_numeric_type_add_up(numbers: list[Any]) -> None:
    @tool
    def use(number: Any) -> None:
        current().record(usage={"prompt_tokens": number})

    def program() -> None:
        for number in numbers:
            use(number)

    found = recorded(program, None).trace.usage
    assert found is not None
    assert found["prompt_tokens"] == pytest.approx(sum(float(number) for number in numbers))
    assert (summed({"cost": number} for number in numbers) or {})["cost"] == pytest.approx(sum(map(float, numbers)))
