"""A copy of a response counts no more than the response, though it has no id and its usage is another object.

Copied is what an operation inside has counted. What separate operations return is never taken for one response.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from voltagent import agent, current, llm, tool, trace
from voltagent.records import OperationRecord, TraceRecord
from voltagent.testing import Run, record


class Usage(BaseModel):
    prompt_tokens: int = 10
    completion_tokens: int = 8
    total_tokens: int = 18


class ChatCompletion(BaseModel):
    model: str = "small-1"
    text: str = "Hi"
    usage: Usage


ChatCompletion.__module__ = "openai.types.chat"  # a client's class, but without an id


def answer(prompt: int = 10, completion: int = 8, model: str = "small-1") -> ChatCompletion:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    return ChatCompletion(model=model, usage=usage)


COPIES: dict[str, Callable[[ChatCompletion], Any]] = {
    "copied": lambda one: one.model_copy(deep=True),
    "deep copy": copy.deepcopy,
    "dumped": lambda one: one.model_dump(),
    "by JSON": lambda one: json.loads(one.model_dump_json()),
    "changed": lambda one: {**one.model_dump(), "text": "Hello", "more": [1]},
    "usage alone": lambda one: {"answer": one.text, "usage": one.usage.model_dump()},
    "other spelling": lambda one: {"usage": {"input_tokens": one.usage.prompt_tokens, "output_tokens": 8}},
    "numbers as strings": lambda one: {"usage": {name: str(number) for name, number in one.usage}},
    "in a list": lambda one: [one.model_copy(deep=True)],
    "in a dictionary": lambda one: {"first": one.model_copy(deep=True), "score": 1},
}


def total(one: TraceRecord | OperationRecord) -> Any:
    return None if one.usage is None else one.usage.get("total_tokens")


def totals(run: Run, *names: str) -> list[Any]:
    return [*(total(run.operation(name)) for name in names), total(run.trace)]


@pytest.mark.parametrize("name", COPIES)
def test_agents_that_return_copies_count_a_response_once(voltagent_run: Run, name: str) -> None:
    duplicate = COPIES[name]

    @agent
    def inner() -> Any:
        return answer()

    @agent
    def middle() -> Any:
        return duplicate(inner())

    @agent
    def outer() -> Any:
        found = middle()
        return copy.deepcopy(found)

    outer()
    assert totals(voltagent_run, "inner", "middle", "outer") == [18, None, None, 18]


@pytest.mark.parametrize("name", COPIES)
def test_an_agent_that_returns_a_copy_of_its_last_call_has_the_sum_of_all(voltagent_run: Run, name: str) -> None:
    ask = llm(answer, name="ask")

    @agent
    def bot() -> Any:
        ask(100, 1)
        return COPIES[name](ask())

    bot()
    assert totals(voltagent_run, "bot") == [119, 119]


def test_a_copy_without_the_id_of_the_response_is_known(voltagent_run: Run) -> None:
    @llm
    def ask() -> Any:
        return {"id": "r-1", "model": "gpt-5", "choices": [], "usage": Usage().model_dump()}

    @agent
    def inner() -> Any:
        ask()
        return {"text": ask()["model"], "usage": Usage()}

    @agent
    def outer() -> Any:
        return {**inner(), "usage": Usage()}

    outer()
    assert totals(voltagent_run, "inner", "outer") == [18, None, 18]


def test_a_response_with_another_id_is_another_one(voltagent_run: Run) -> None:
    def response(identifier: str) -> Any:
        return {"id": identifier, "model": "gpt-5", "choices": [], "usage": Usage().model_dump()}

    @agent
    def inner() -> Any:
        return response("r-1")

    @agent
    def outer() -> Any:
        inner()
        return response("r-2")

    outer()
    assert totals(voltagent_run, "inner", "outer") == [18, 18, 36]


def test_a_response_of_another_model_is_another_one(voltagent_run: Run) -> None:
    @agent
    def inner() -> Any:
        return answer(model="small-1")

    @agent
    def outer() -> Any:
        inner()
        return answer(model="large-1")

    @agent
    def dated() -> Any:
        inner()
        return answer(model="vendor/small-1-2026-01-15")  # as a framework and the response name one model

    outer()
    dated()
    assert [total(one) for one in voltagent_run.traces] == [36, 18]


def test_calls_beside_each_other_with_equal_numbers_count_each(voltagent_run: Run) -> None:
    inner = agent(answer, name="inner")
    ask = llm(answer, name="ask")

    @agent
    def outer() -> Any:
        return [inner().model_copy(deep=True), inner().model_dump(), ask().model_dump(), ask()]

    outer()
    assert total(voltagent_run.operation("outer")) == 36
    assert total(voltagent_run.trace) == 72


def test_what_is_returned_beyond_the_copies_counts(voltagent_run: Run) -> None:
    inner = agent(answer, name="inner")

    @agent
    def outer() -> Any:
        first = inner()
        return [first.model_copy(deep=True), answer()]

    @agent
    def same() -> Any:
        return [inner(), answer()]

    outer()
    same()
    assert [total(one) for one in voltagent_run.traces] == [36, 36]


def test_an_agent_that_returns_the_sum_of_its_calls_counts_them_once(voltagent_run: Run) -> None:
    ask = llm(answer, name="ask")

    @agent
    def inner() -> Any:
        calls = [ask(1, 2), ask(), ask()]
        usage = [sum(column) for column in zip(*((one.usage.prompt_tokens, 0) for one in calls), strict=True)]
        return {"answer": "Hi", "usage": {"input_tokens": usage[0], "output_tokens": 18}}

    @agent
    def beside() -> Any:
        return answer(3, 3)

    @agent
    def outer() -> Any:
        beside()
        return dict(inner(), usage={"prompt_tokens": 21, "completion_tokens": 18})

    outer()
    assert totals(voltagent_run, "inner", "beside", "outer") == [39, 6, None, 45]


def test_an_agent_that_returns_the_sum_of_very_many_agents_counts_them_once(voltagent_run: Run) -> None:
    ask = llm(answer, name="ask")
    inner = agent(lambda number: ask(number, 1), name="inner")

    @agent
    def outer() -> Any:
        for number in range(700):
            inner(number)
        return {"usage": {"prompt_tokens": sum(range(700)), "completion_tokens": 700}}

    outer()
    assert total(voltagent_run.trace) == sum(range(700)) + 700


def test_a_copy_of_what_was_set_explicitly_is_known(voltagent_run: Run) -> None:
    @tool
    def call() -> str:
        current().record(usage=Usage())
        return "done"

    @agent
    def inner() -> Any:
        call()
        return {"usage": Usage().model_dump()}

    @agent(usage=lambda _: Usage())
    def says() -> str:
        return "done"

    @agent
    def outer() -> Any:
        inner()
        says()
        return [{"usage": Usage().model_dump()}, ChatCompletion(usage=Usage())]

    outer()
    assert totals(voltagent_run, "inner", "says", "outer") == [18, 18, None, 36]


def test_copies_are_known_at_any_depth_and_after_very_many_calls(voltagent_run: Run) -> None:
    def nested(depth: int) -> Any:
        @agent(name=f"a{depth}")
        def one() -> Any:
            return copy.deepcopy(nested(depth - 1)) if depth else answer()

        return one()

    nested(60)
    assert total(voltagent_run.trace) == 18

    ask = llm(answer, name="ask")
    with record() as many:

        @agent
        def bot() -> Any:
            calls = [ask(number, 1) for number in range(2000)]
            return calls[-1].model_dump()

        bot()
    assert total(many.trace) == sum(range(2001))


def test_a_trace_that_returns_a_copy_counts_it_once(voltagent_run: Run) -> None:
    class GenerateContentResponse(BaseModel):
        usage_metadata: Usage
        candidates: list[str] = []
        model_version: str = "gemini"

    GenerateContentResponse.__module__ = "google.genai.types"
    ask = llm(lambda: GenerateContentResponse(usage_metadata=Usage()), name="ask")

    @tool
    def search() -> Any:
        return ask().model_copy(deep=True)

    @trace
    def run() -> Any:
        return copy.deepcopy(search())

    run()
    assert totals(voltagent_run, "ask", "search") == [18, None, 18]


def test_a_wrapper_around_an_embedding_counts_its_tokens_once(voltagent_run: Run) -> None:
    @llm
    def client() -> dict[str, Any]:
        return {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 10, "total_tokens": 10}}

    @llm
    def wrapper() -> dict[str, Any]:
        return copy.deepcopy(client())

    @trace
    def run() -> object:
        return wrapper()["model"]

    run()
    assert (voltagent_run.trace.usage or {}).get("prompt_tokens") == 10


@pytest.mark.parametrize(
    ("counted", "answered", "tokens"),
    [
        ("gpt-4o-mini", "gpt-4o", 116),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 58),
        ("gpt-4o-mini", "openai/gpt-4o-mini", 58),
        ("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", 58),
        ("openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", 58),
        ("openai/gpt-4.1", "gpt-4.1-2025-04-14", 58),
        ("us.anthropic.claude-sonnet-5", "claude-sonnet-5-20260115", 58),
        ("gpt-4o-2024-07-18", "openai/gpt-4o-mini", 116),
        ("gpt-4o-mini-2024-07-18", "openai/gpt-4o", 116),
        ("gpt-4-0613", "openai/gpt-4-1106", 116),
        ("claude-sonnet-4.5", "x.claude-sonnet-4", 116),
        ("5-2024-07-18", "gpt-3.5", 116),
    ],
)
def test_the_model_of_a_copy_has_the_same_name_but_for_provider_and_date(
    counted: str, answered: str, tokens: int, voltagent_run: Run
) -> None:
    def response(model: str) -> dict[str, Any]:
        usage = {"prompt_tokens": 57, "completion_tokens": 1, "total_tokens": 58}
        message = {"role": "assistant", "content": "yes"}
        return {"object": "chat.completion", "model": model, "choices": [{"message": message}], "usage": usage}

    @agent
    def inner() -> None:
        ask()

    @llm
    def ask() -> dict[str, Any]:
        return response(counted)

    @agent
    def outer() -> dict[str, Any]:
        inner()
        return response(answered)

    @trace
    def run() -> None:
        outer()

    run()
    assert (voltagent_run.trace.usage or {}).get("total_tokens") == tokens
