"""Replay: decorated calls answer from a recording, and say where the program left it."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import voltagent
from tests.helpers.pace import within
from voltagent.cli import main
from voltagent.core import context
from voltagent.errors import ValidationError
from voltagent.records import TraceRecord
from voltagent.testing import ReplayedError, ReplayMismatch, record, replay
from voltagent.testkit.recording_file import read_recording, recording_text

ran: list[str] = []


@dataclass
class Report:
    city: str
    at: datetime
    price: Decimal


class OrderError(LookupError):
    def __init__(self, number: int) -> None:
        super().__init__(f"no order {number}")
        self.code = "NO_ORDER"


@voltagent.tool
def report(city: str) -> Report:
    ran.append("report")
    return Report(city, datetime.now(), Decimal(random.randrange(100)))


@voltagent.tool
async def fetch(n: int) -> float:
    ran.append("fetch")
    await asyncio.sleep(0)
    return random.random()


@voltagent.tool
def numbers(n: int) -> Iterator[Decimal]:
    ran.append("numbers")
    for number in range(n):
        yield Decimal(number)


@voltagent.tool
async def stream(n: int) -> AsyncIterator[int]:
    ran.append("stream")
    for number in range(n):
        yield number


@voltagent.tool
def order(number: int) -> None:
    ran.append("order")
    raise OrderError(number)


@voltagent.retriever
def blob() -> bytes:
    ran.append("blob")
    return b"abc\x00"


@voltagent.agent
async def assistant(question: str) -> Any:
    found: list[Any] = [report(question), blob(), list(numbers(3)), [item async for item in stream(2)]]
    found += await asyncio.gather(*(fetch(n) for n in range(4)), fetch(0))
    try:
        order(4)
    except OrderError as error:
        found += [str(error), error.code]
    return found


def run() -> Any:
    return asyncio.run(assistant("Rome"))


def recorded(action: Callable[[], Any]) -> TraceRecord:
    with record() as made:
        action()
    return made.trace


@pytest.fixture(scope="module")
def original() -> tuple[Any, TraceRecord]:
    with record() as made:
        answer = run()
    return answer, made.trace


def mismatch(trace: TraceRecord, action: Callable[[], Any], **options: Any) -> str:
    with pytest.raises(ReplayMismatch) as caught, replay(trace, **options):
        action()
    assert context.REPLAYS == context.CAPTURES == []
    return str(caught.value)


def test_every_kind_of_function_answers_without_running(original: tuple[Any, TraceRecord]):
    answer, trace = original
    ran.clear()
    with replay(trace) as again:
        assert run() == answer
    assert ran == []
    assert again.tree() == trace.tree()


def test_a_file_answers_as_the_trace_does(original: tuple[Any, TraceRecord], tmp_path: Path):
    answer, trace = original
    path = tmp_path / "run.json"
    path.write_text(recording_text(trace))
    for given in (path, str(path)):
        with replay(given):
            assert run() == answer
    assert recording_text(read_recording(path)) == path.read_text()
    assert "start" not in path.read_text()


def test_a_changed_argument_is_named(original: tuple[Any, TraceRecord]):
    text = mismatch(original[1], lambda: asyncio.run(assistant("Oslo")))
    assert 'the call of tool \'report\' with {"city": "Oslo"} is not in the recording' in text
    assert 'argument \'city\': recorded "Rome", now "Oslo"' in text


def test_calls_that_are_left_over_are_named_unless_partial(original: tuple[Any, TraceRecord]):
    text = mismatch(original[1], lambda: None)
    assert 'calls that were not made: tool \'report\' with {"city": "Rome"}' in text
    assert "tool report   <-- not called" in text
    with replay(original[1], partial=True):
        pass


def test_other_places_names_and_repetitions_are_named(original: tuple[Any, TraceRecord]):
    voltagent_other = voltagent.tool(name="other")(lambda: 1)
    assert "there it is called below agent 'assistant', here below the trace" in mismatch(
        original[1], lambda: report("Rome")
    )
    assert "it has no tool 'other'" in mismatch(original[1], voltagent_other)
    once = recorded(lambda: report("Rome"))
    assert "once more: it has 1 such call(s) there" in mismatch(once, lambda: (report("Rome"), report("Rome")))


def test_a_swallowed_mismatch_is_raised_at_the_end(original: tuple[Any, TraceRecord]):
    def swallow() -> None:
        try:
            report("Oslo")
        except Exception:
            pass

    def replace() -> None:
        try:
            report("Oslo")
        except AssertionError:
            raise ValueError("something else") from None

    for action in (swallow, replace):
        assert "'report'" in mismatch(original[1], action, partial=True)


def test_missing_calls_may_run(original: tuple[Any, TraceRecord]):
    ran.clear()
    with replay(original[1], missing="call", partial=True):
        assert report("Oslo").city == "Oslo"
    assert ran == ["report"]


def test_only_these_kinds_are_answered(original: tuple[Any, TraceRecord]):
    ran.clear()
    with replay(original[1], only=("retriever",)):
        run()
    assert "blob" not in ran
    assert "report" in ran


def test_an_answered_agent_takes_what_is_below_it_along(original: tuple[Any, TraceRecord]):
    ran.clear()
    with replay(original[1], only=("agent", "tool", "retriever")):
        assert run()[0]["city"] == "Rome"  # no annotation says what it was
    assert ran == []


def test_equal_calls_are_answered_in_order_and_threads_are_safe():
    @voltagent.tool
    def roll(key: int) -> float:
        return random.random()

    @voltagent.agent
    def many() -> list[float]:
        with ThreadPoolExecutor(4) as pool:
            return [*pool.map(voltagent.bind(roll), range(50)), roll(1), roll(1)]

    with record() as made:
        answer = many()
    with replay(made.trace):
        assert many() == answer


def test_pauses_are_not_repeated():
    @voltagent.tool
    def slow() -> Iterator[int]:
        time.sleep(0.2)
        yield 1

    trace = recorded(lambda: list(slow()))
    with within(0.15), replay(trace):
        assert list(slow()) == [1]


def test_clock_chance_network_and_a_model_replay_with_the_network_off(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        @voltagent.tool
        def now() -> datetime:
            return datetime.now()

        @voltagent.tool
        def network() -> str:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return f"connected at {random.random()}"

        @voltagent.tool(name="model")
        def model(prompt: str) -> dict[str, Any]:
            return {"text": f"{prompt} {random.random()}", "usage": {"total_tokens": 3}}

        @voltagent.agent
        def agent() -> list[Any]:
            return [now(), network(), model(network())["text"]]

        with record() as made:
            answer = agent()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network is off")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with replay(made.trace):
        assert agent() == answer


def test_an_exception_whose_type_cannot_be_imported():
    def local() -> None:
        class HereError(Exception):
            pass

        raise HereError("no")

    tool = voltagent.tool(name="local")(local)

    def act() -> None:
        with pytest.raises(Exception, match="no"):
            tool()

    trace = recorded(act)
    with replay(trace), pytest.raises(ReplayedError, match="no") as caught:
        tool()
    assert caught.value.type.endswith("HereError")


@pytest.mark.parametrize(
    ("error", "text"), [(KeyError("k"), "'k'"), (FileNotFoundError(2, "gone"), "gone"), (ZeroDivisionError("z"), "z")]
)
def test_built_in_exceptions_come_back(error: Exception, text: str):
    def fail() -> None:
        raise error

    tool = voltagent.tool(name="t")(fail)

    def act() -> None:
        with pytest.raises(type(error)):
            tool()

    with replay(recorded(act)), pytest.raises(type(error)) as caught:
        tool()
    assert text in str(caught.value)
    assert getattr(caught.value, "errno", None) == getattr(error, "errno", None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "output.result was recorded as the name of its type (object)"),
        ([socket.socket], "output.result.0 was recorded as the name of its type (class socket.socket)"),
        ({"a": {"password": "hunter2"}}, "output.a.password was redacted"),
        ("x" * 2_000_000, "output.result was cut when it was recorded (reason: size, type: str)"),
    ],
)
def test_what_was_not_recorded_whole_is_refused_by_name(value: object, reason: str):
    tool = voltagent.tool(name="t")(lambda: value)
    text = mismatch(recorded(tool), tool)
    assert f"tool 't' cannot be replayed: {reason}" in text


def test_an_output_that_was_not_captured_is_refused():
    tool = voltagent.tool(name="t", capture_output=False)(lambda: 1)
    assert "its output was not recorded" in mismatch(recorded(tool), tool)


def test_redacted_arguments_match():
    @voltagent.tool
    def login(user: str, password: str) -> str:
        return user

    with replay(recorded(lambda: login("me", "one"))):
        assert login("me", "two") == "me"


@pytest.mark.parametrize("value", [None, 1, "text", [1], {"a": 1}, {"result": {"a": 1}}, {}])
def test_json_comes_back_as_it_was(value: object):
    tool = voltagent.tool(name="t")(lambda: value)
    with replay(recorded(tool)):
        assert tool() == value


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ({"result": 5}, dict),
        ({"result": 5}, dict[str, int]),
        (5, int),
        (0, int),
        ("", str),
        ("collections.OrderedDict", str | None),
        (["collections.OrderedDict"], list[str]),
        ({1, 2}, set[int]),
    ],
)
def test_the_annotation_says_what_the_record_leaves_open(value: object, annotation: Any):
    def give() -> Any:
        return value

    give.__annotations__["return"] = annotation
    tool = voltagent.tool(give)
    with replay(recorded(tool)):
        again = tool()
    assert (again, type(again)) == (value, type(value))


class Message(BaseModel):
    content: str | None


class Choice(BaseModel):
    message: Message
    finish_reason: str


class Completion(BaseModel):
    """As a client of OpenAI's API has it: recorded as its text, and built again from that."""

    id: str
    model: str
    choices: list[Choice]


def test_a_response_of_a_model_comes_back_through_its_annotation(tmp_path: Path):
    response = Completion(
        id="r-1", model="m-1", choices=[Choice(message=Message(content="hi"), finish_reason="length")]
    )

    @voltagent.llm
    def ask(prompt: str) -> Completion:
        return response

    trace = recorded(lambda: ask("x"))
    assert trace.children[0].output == {"result": "hi"}
    with replay(trace):
        assert ask("x") == response
    file = tmp_path / "run.json"
    file.write_text(recording_text(trace))
    with replay(file):
        assert ask("x").choices == response.choices


CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
RESPONSES: list[tuple[Any, Callable[[Any], Any]]] = [
    (
        {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}], "model": "m"},
        lambda got: got["choices"][0]["message"]["content"],
    ),
    (
        {"choices": [{"message": {"content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
        lambda got: got["choices"][0]["message"]["tool_calls"][0]["function"],
    ),
    (
        {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
         "usage": {"input_tokens": 3, "output_tokens": 2}},
        lambda got: (got["content"][0]["text"], got["usage"]["output_tokens"], got.get("stop_reason")),
    ),
    (
        {"candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}]},
        lambda got: got["candidates"][0]["content"]["parts"][0]["text"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("annotation", [None, Any, dict, dict[str, Any]])
@pytest.mark.parametrize(("response", "read"), RESPONSES)
def test_a_response_without_the_annotation_of_its_type_is_read_as_the_original(
    response: Any, read: Callable[[Any], Any], annotation: Any
):
    def ask(prompt: str):
        return response

    if annotation is not None:
        ask.__annotations__["return"] = annotation
    ask = voltagent.llm(ask)  # type: ignore[assignment]
    trace = recorded(lambda: ask("x"))
    with replay(trace):
        assert read(ask("x")) == read(response)


def test_the_fields_of_a_response_are_attributes_too():
    @voltagent.llm
    def ask(prompt: str):
        return Completion(id="r-1", model="m-1", choices=[Choice(message=Message(content="hi"), finish_reason="stop")])

    trace = recorded(lambda: ask("x"))
    with replay(trace):
        message = ask("x").choices[0].message
        assert (message.content, message.tool_calls) == ("hi", None)  # type: ignore[attr-defined]
        assert not hasattr(trace.children[0].output, "more")
    with replay(trace), pytest.raises(AttributeError, match="no field 'more'"):
        _ = ask("x").more  # type: ignore[attr-defined]


def test_tool_calls_come_back_through_the_annotation():
    class Answer(BaseModel):
        tool_calls: list[dict[str, Any]]

    class Pick(BaseModel):
        message: Answer
        finish_reason: str

    class Called(BaseModel):
        choices: list[Pick]

    @voltagent.llm
    def ask(prompt: str) -> Called:
        return Called(choices=[Pick(message=Answer(tool_calls=[CALL]), finish_reason="tool_calls")])

    ask.__wrapped__.__annotations__["return"] = Called  # a local class has no name to look up
    trace = recorded(lambda: ask("x"))
    with replay(trace):
        assert ask("x").choices[0].message.tool_calls[0]["function"] == CALL["function"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_a_group_of_exceptions_comes_back_whole():
    def fail() -> None:
        raise ExceptionGroup("both", [OrderError(4), KeyError("k")])  # noqa: F821

    tool = voltagent.tool(fail)

    def act() -> None:
        with pytest.raises(ExceptionGroup):  # noqa: F821
            tool()

    with replay(recorded(act)), pytest.raises(ExceptionGroup) as caught:  # noqa: F821
        tool()
    assert [(type(one), one.args) for one in caught.value.exceptions] == [
        (OrderError, ("no order 4",)),
        (KeyError, ("k",)),
    ]


def test_a_program_that_leaves_on_a_mismatch_has_swallowed_it(original: tuple[Any, TraceRecord]):
    def command() -> None:
        try:
            asyncio.run(assistant("Oslo"))
        except Exception:
            sys.exit(1)

    assert '\'city\': recorded "Rome", now "Oslo"' in mismatch(original[1], command)


def test_concurrent_tasks_replay_a_recording_each():
    @voltagent.tool
    async def double(n: int) -> int:
        return n * 2

    async def again(trace: TraceRecord, n: int) -> int:
        with replay(trace):
            await asyncio.sleep(0)
            return await double(n)

    async def both() -> list[int]:
        traces = []
        for n in (1, 2):
            with record() as made:
                await double(n)
            traces.append(made.trace)
        return await asyncio.gather(*(again(trace, n) for n, trace in enumerate(traces, 1)))

    assert asyncio.run(both()) == [2, 4]


def test_a_trace_that_is_too_deep_for_a_file_is_refused_by_name():
    with record() as made:

        @voltagent.agent
        def chain() -> None:
            handle: Any = voltagent.current_agent()
            for number in range(2000):
                handle = handle.add_tool({"name": f"t{number}"})

        chain()
    with pytest.raises(ValidationError, match="nested too deeply"):
        recording_text(made.trace)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("{}", "is not a recording"),
        ('{"voltagent_recording": 99}', "has format 99"),
        ('{"voltagent_recording": 1}', "is damaged"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str | None, message: str):
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValidationError, match=message), replay(path):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": ("tol",)}, "got tol"),
        ({"only": "tool"}, "got str"),
        ({"only": [1]}, "got list with int"),
        ({"only": 5}, "got int"),
        ({"only": None}, "got NoneType"),
        ({"missing": "skip"}, "got 'skip'"),
    ],
)
def test_wrong_options_are_refused(original: tuple[Any, TraceRecord], options: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message), replay(original[1], **options):
        pass


def test_the_command_writes_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    db, file = tmp_path / "traces.db", tmp_path / "run.json"
    sdk = voltagent.VoltAgentSDK(exporter="local", local_path=db)
    answer = report("Rome")
    with sdk.trace(agent_id="other"):
        pass
    sdk.shutdown()
    (name,) = [trace.id for trace in voltagent_traces(db) if trace.agent_id == "report"]
    assert main(["record-fixture", name[:13], "-o", str(file), "--db", str(db)]) == 0
    assert json.loads(file.read_text())["voltagent_recording"] == 1
    with replay(file):
        assert report("Rome") == answer
    assert main(["record-fixture", "zzz", "-o", str(tmp_path / "no.json"), "--db", str(db)]) == 1
    assert "no trace has the id 'zzz'" in capsys.readouterr().err
    assert not (tmp_path / "no.json").exists()


def voltagent_traces(path: Path) -> list[TraceRecord]:
    from voltagent.records import load_traces

    return list(load_traces(path))


_ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"text": "Hm."}]},
    {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
    {"text": "Hm.", "thought": True},
]


@pytest.mark.parametrize(
    ("recorded", "given", "found"),
    [
        *(([item, {"type": "function_call"}], [{"type": "function_call"}], True) for item in _ITEMS),
        *(([{"role": "assistant", "content": [item, "a"]}], [{"role": "assistant", "content": ["a"]}], True)
          for item in _ITEMS),
        ([{"role": "assistant", "reasoning_content": "Hm."}], [{"role": "assistant"}], True),
        ([_ITEMS[0]], [_ITEMS[0]], True),
        ([_ITEMS[0]], [_ITEMS[1]], False),
        ([{"type": "text"}, "a"], ["a"], False),
        (["a"], [_ITEMS[0], "a"], False),
        ([{"role": "assistant", "name": "x"}], [{"role": "assistant"}], False),
    ],
)  # fmt: skip
def test_a_request_may_repeat_an_answer_without_its_reasoning(
    recorded: list[Any], given: list[Any], found: bool
) -> None:
    """An answer that is replayed has no reasoning, so the next request repeats it without."""

    @voltagent.llm
    def ask(messages: list[Any]) -> str:
        return "yes"

    with record() as run:
        ask(recorded)
    with nullcontext() if found else pytest.raises(ReplayMismatch, match="messages"), replay(run.trace):
        assert ask(given) == "yes"
