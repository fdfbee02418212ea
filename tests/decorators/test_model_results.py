"""What is recorded of a call that returns or yields the result of a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Annotated, Any

import pytest

from tests.capture.test_results import RESULTS, STREAMS, as_dict, as_model, as_namespace
from voltagent import Secret, agent, llm, retriever, tool, trace
from voltagent.decorators.wrapper import decorated
from voltagent.testing import Run

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


class ChatCompletion(SimpleNamespace):
    """Stored as OpenAI's own is."""


class ChatCompletionChunk(SimpleNamespace):
    """The same for one chunk of a stream."""


class AIMessage(SimpleNamespace):
    """As LangChain's is stored."""


AIMessage.__module__ = "langchain_core.messages"
ChatCompletion.__module__ = ChatCompletionChunk.__module__ = "openai.types.chat"


def completion(text: str = "Hi", identifier: str = "c") -> Any:
    message = SimpleNamespace(content=text, tool_calls=None)
    usage = SimpleNamespace(**USAGE)
    choice = SimpleNamespace(message=message, finish_reason="stop")
    return ChatCompletion(id=identifier, model="gpt-5", choices=[choice], usage=usage, internals="x" * 90_000)


def chunks(*texts: str, identifier: str = "c") -> list[Any]:
    found = [
        ChatCompletionChunk(
            id=identifier, model="gpt-5", usage=None, choices=[SimpleNamespace(delta=SimpleNamespace(content=text))]
        )
        for text in texts
    ]
    return [*found, ChatCompletionChunk(id=identifier, model="gpt-5", choices=[], usage=SimpleNamespace(**USAGE))]


@pytest.mark.parametrize("decorator", [tool, agent, retriever])
def test_a_clients_object_is_recorded_as_its_answer_whichever_function_returns_it(
    voltagent_run: Run, decorator: Any
) -> None:
    decorator(completion, name="ask")()
    assert voltagent_run.operation().output == {"result": "Hi"}
    assert (voltagent_run.operation().usage, voltagent_run.operation().model) == (USAGE, "gpt-5")
    assert voltagent_run.traces[0].usage == USAGE


def test_a_trace_that_returns_one_has_its_tokens(voltagent_run: Run) -> None:
    trace(completion, name="run")()
    assert (voltagent_run.traces[0].output, voltagent_run.traces[0].usage) == ({"result": "Hi"}, USAGE)


@pytest.mark.parametrize("decorator", [tool, agent])
def test_a_dictionary_of_the_programs_stays_as_it_is(voltagent_run: Run, decorator: Any) -> None:
    given = {"choices": [{"message": {"content": "Hi"}}], "usage": USAGE, "mine": 1}
    decorator(lambda: given, name="ask")()
    assert voltagent_run.operation().output == given
    assert voltagent_run.operation().usage == (USAGE if decorator is agent else None)


def test_what_the_annotation_hides_stays_hidden(voltagent_run: Run) -> None:
    @agent
    def ask() -> Annotated[Any, Secret]:
        return completion()

    @agent
    def stream() -> Annotated[Iterator[Any], Secret]:
        yield from chunks("H", "i", identifier="d")

    ask()
    list(stream())
    assert "Hi" not in repr([one.output for one in (voltagent_run.traces, voltagent_run.find()) for one in one])
    assert [span.usage for span in voltagent_run.find()] == [USAGE, USAGE]


def test_tokens_are_counted_where_outputs_are_not_captured(voltagent_run: Run) -> None:
    agent(completion, name="ask", capture_output=False)()
    assert (voltagent_run.operation().output, voltagent_run.operation().usage) == (None, USAGE)


@pytest.mark.parametrize("decorator", [tool, agent])
def test_chunks_are_put_together(voltagent_run: Run, decorator: Any) -> None:
    @decorator(name="sync")  # type: ignore[untyped-decorator]
    def sync() -> Iterator[Any]:
        yield from chunks("H", "i")

    @decorator(name="later")  # type: ignore[untyped-decorator]
    async def later() -> AsyncIterator[Any]:
        for chunk in chunks("H", "i", identifier="d"):
            yield chunk

    async def consume() -> list[Any]:
        return [chunk async for chunk in later()]

    assert len(list(sync())) == len(asyncio.run(consume())) == 3
    for span in voltagent_run.find():
        assert (span.output, span.usage, span.model) == ({"result": "Hi"}, USAGE, "gpt-5")


def test_a_stream_that_is_left_early_has_what_came(voltagent_run: Run) -> None:
    @agent
    def ask() -> Iterator[Any]:
        yield from chunks("H", "i")

    stream = ask()
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert (voltagent_run.operation().output, voltagent_run.operation().usage) == ({"result": "H"}, None)


def test_a_stream_that_fails_has_the_tokens_that_came(voltagent_run: Run) -> None:
    @agent
    def ask() -> Iterator[Any]:
        yield from chunks("H")
        raise KeyError

    with pytest.raises(KeyError):
        list(ask())
    assert (voltagent_run.operation().status, voltagent_run.operation().usage) == ("error", USAGE)


def test_other_items_are_kept_beside_chunks(voltagent_run: Run) -> None:
    @agent
    def ask() -> Iterator[Any]:
        yield from chunks("H", "i")
        yield "end"
        yield from chunks("!", identifier="d")

    list(ask())
    output = voltagent_run.operation().output["result"]
    assert output[:2] == ["Hi", "end"]
    assert voltagent_run.operation().usage == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


def test_whole_results_in_a_stream_are_counted_by_their_ids(voltagent_run: Run) -> None:
    @agent
    def ask() -> Iterator[Any]:
        yield completion("a", "1")
        yield completion("b", "2")
        yield completion("b", "2")

    list(ask())
    assert voltagent_run.operation().usage == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


def test_the_usage_function_of_a_generator_wins_over_its_chunks(voltagent_run: Run) -> None:
    @agent(usage=lambda returned: {"total_tokens": 7})
    def inner() -> Iterator[Any]:
        yield from chunks("H")

    @agent
    def outer() -> Iterator[Any]:
        yield from inner()

    list(outer())
    assert [span.usage for span in voltagent_run.find()] == [None, {"total_tokens": 7}]
    assert voltagent_run.traces[0].usage == {"total_tokens": 7}


# Model calls.


@pytest.mark.parametrize("form", [as_dict, as_namespace, as_model], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", RESULTS)
def test_what_a_model_call_returns_is_recorded(voltagent_run: Run, name: str, form: Any) -> None:
    result, (model, usage, finish_reason, response_id, answer) = RESULTS[name]
    value = form(result)
    assert decorated("llm", lambda: value, {"name": "ask"})() is value
    span = voltagent_run.operation()
    assert (span.model, span.usage) == (model, usage)
    assert voltagent_run.traces[0].usage == usage
    facts = span.metadata
    assert (facts.get("finish_reason"), facts.get("response_id")) == (finish_reason, response_id)
    if answer is not None and form is as_dict:
        assert span.output == (answer if isinstance(answer, dict) else {"result": answer})


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", STREAMS)
def test_what_a_model_call_streams_is_recorded(voltagent_run: Run, name: str, *, whole: bool) -> None:
    items, (model, usage, finish_reason, response_id, answer) = STREAMS[name]

    def stream() -> Iterator[Any]:
        yield from items

    list(decorated("llm", (lambda: items) if whole else stream, {"name": "ask"})())
    span = voltagent_run.operation()
    assert (span.model, span.usage) == (model, usage)
    facts = span.metadata
    assert (facts.get("finish_reason"), facts.get("response_id")) == (finish_reason, response_id)
    assert span.output == (answer if isinstance(answer, dict) else {"result": answer})


# Results in a value of the program's.


class Reply:
    """What a program makes of a response."""

    def __init__(self, response: object) -> None:
        self.text, self.response = "Hi!", response


PACKED: dict[str, tuple[Any, Any]] = {
    "list": (lambda one, two: [one, two], {"result": ["Hi", "Ho"]}),
    "tuple": (lambda one, two: (one, two, 0.5), {"result": ["Hi", "Ho", 0.5]}),
    "dictionary": (lambda one, two: {"first": one, "second": two, "ms": 5}, {"first": "Hi", "second": "Ho", "ms": 5}),
    "namespace": (lambda one, two: SimpleNamespace(first=one, second=two), {"first": "Hi", "second": "Ho"}),
}


@pytest.mark.parametrize("decorator", [agent, llm])
@pytest.mark.parametrize("form", PACKED)
def test_results_in_a_value_are_counted_and_recorded_as_their_answers(
    form: str, decorator: Any, voltagent_run: Run
) -> None:
    pack, expected = PACKED[form]
    decorator(lambda: pack(completion(), completion("Ho", "d")), name="ask")()
    span = voltagent_run.operation()
    assert (span.output, span.model) == (expected, "gpt-5")
    assert span.usage == voltagent_run.traces[0].usage == {name: 2 * number for name, number in USAGE.items()}


def test_a_result_in_an_object_counts_where_it_was_returned_first(voltagent_run: Run) -> None:
    ask = llm(completion, name="ask")
    answer = agent(lambda: Reply(ask()), name="inner")
    agent(lambda: (answer(), 1), name="outer")()
    assert [one.usage for one in voltagent_run.find()] == [None, USAGE, USAGE]
    assert voltagent_run.traces[0].usage == USAGE


def test_a_model_call_returns_a_dictionary_beside_something_else(voltagent_run: Run) -> None:
    answer = {"choices": [{"message": {"content": "Hi"}}], "usage": USAGE, "model": "m"}
    llm(lambda: (answer, 0.5), name="tuple")()
    llm(lambda: {"response": answer, "ms": 5}, name="dictionary")()
    llm(lambda: {"responses": [answer, {**answer, "usage": dict(USAGE)}]}, name="lists")()
    assert [one.usage and one.usage["total_tokens"] for one in voltagent_run.find()] == [3, 3, 6]
    assert [one.model for one in voltagent_run.find()] == ["m"] * 3


def test_messages_of_earlier_turns_are_not_counted_again(voltagent_run: Run) -> None:
    def posted(role: str, identifier: str) -> Any:
        return AIMessage(type=role, content="Hi", id=identifier, usage_metadata=dict(USAGE), response_metadata={})

    history = [posted("human", "1"), posted("ai", "2"), posted("human", "3"), posted("ai", "4"), posted("ai", "5")]
    agent(lambda: history, name="ask")()
    llm(lambda: [*history, posted("human", "6")], name="nothing")()
    assert [one.usage and one.usage["total_tokens"] for one in voltagent_run.find()] == [6, None]
    assert voltagent_run.operation("ask").output["result"][0]["content"] == "Hi", "with its role"


def test_a_result_that_is_passed_on_is_recorded_as_its_answer(voltagent_run: Run) -> None:
    tool(lambda response, more: None, name="read")(completion(), [completion("Ho")])
    assert voltagent_run.operation().input == {"response": "Hi", "more": ["Ho"]}


def test_a_list_of_a_clients_chunks_is_one_answer(voltagent_run: Run) -> None:
    agent(lambda: chunks("H", "i"), name="ask")()
    assert (voltagent_run.operation().output, voltagent_run.operation().usage) == ({"result": "Hi"}, USAGE)


def test_results_of_clients_without_an_id_that_are_yielded_all_count(voltagent_run: Run) -> None:
    first, second = (named("CrewOutput", "crewai", raw="Hi", token_usage=dict(USAGE)) for _ in range(2))

    @agent
    def ask() -> Iterator[Any]:
        yield first
        yield second
        yield first

    list(ask())
    assert (voltagent_run.operation().usage or {})["total_tokens"] == 6


def named(name: str, /, package: str = "smolagents", **fields: object) -> Any:
    """An object of a class of a framework."""
    return type(name, (SimpleNamespace,), {"__module__": f"{package}.somewhere"})(**fields)


@pytest.mark.parametrize("has_chunks", [False, True])
def test_a_run_of_smolagents_that_streams_counts_each_step_once(has_chunks: bool, voltagent_run: Run) -> None:
    def usage() -> Any:
        return SimpleNamespace(input_tokens=1, output_tokens=2)

    @agent
    def ask() -> Iterator[Any]:
        for _ in range(2):
            if has_chunks:
                yield named("ChatMessageStreamDelta", content="I look", token_usage=None)
                yield named("ChatMessageStreamDelta", content="", token_usage=usage())
            yield named("ToolCall", name="look", arguments={}, id="1")
            yield named("ActionStep", token_usage=usage(), model_input_messages=["x" * 1000])
        yield named("FinalAnswerStep", output="Hi")

    list(ask())
    assert voltagent_run.operation().output == {"result": "Hi"}
    assert voltagent_run.operation().usage == {name: 2 * number for name, number in USAGE.items()}


@pytest.mark.parametrize("passes_all_on", [False, True])
def test_a_run_of_openai_agents_that_streams_is_its_answer(passes_all_on: bool, voltagent_run: Run) -> None:
    def events() -> Iterator[Any]:
        yield named(
            "AgentUpdatedStreamEvent", "agents", type="agent_updated_stream_event", new_agent={"tools": "x" * 99}
        )
        for text in ("look", "Hi"):
            message = {"type": "message", "content": [{"type": "output_text", "text": text}]}
            response = {"id": "__fake_id__", "model": "m", "output": [message], "usage": dict(USAGE)}
            for data in ({"type": "response.created", "response": {"id": "__fake_id__"}},
                         {"type": "response.completed", "response": response}):  # fmt: skip
                yield named("RawResponsesStreamEvent", "agents", type="raw_response_event", data=data)
            yield named("RunItemStreamEvent", "agents", type="run_item_stream_event", item=text)

    @agent
    def ask() -> Iterator[Any]:
        yield from (one for one in events() if passes_all_on or one.type == "run_item_stream_event")

    list(ask())
    if passes_all_on:
        assert voltagent_run.operation().output == {"result": ["look", "Hi"]}
        assert voltagent_run.operation().usage == {name: 2 * number for name, number in USAGE.items()}
    else:
        assert [one["item"] for one in voltagent_run.operation().output["result"]] == ["look", "Hi"]
