"""What recording a call may never do: run code of a result's class, or take long, whatever is passed."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import gc
import sys
import time
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from tests.helpers.memory import Nowhere
from tests.helpers.pace import TooSlow, exceeds, hold_processor
from voltagent import VoltAgentSDK, agent, llm, memory, retriever, tool
from voltagent.capture.budget import READ, Budget, Shared
from voltagent.capture.exceptions.failures import capture_failure
from voltagent.capture.exceptions.formatting import format_failure
from voltagent.capture.exceptions.kinds import is_cancellation, is_control_flow
from voltagent.capture.results import read_result
from voltagent.capture.results.streams import packed
from voltagent.capture.snapshot import LIMIT, Snapshot
from voltagent.core.span import TRACE, Phase, Span, TraceInfo
from voltagent.processors.size_limit import fit_event
from voltagent.testing import record

DECORATORS: dict[str, Any] = {"agent": agent, "tool": tool, "llm": llm, "memory": memory, "retriever": retriever}
CALL_SECONDS = 0.050  # of processor time in a call, all in all
PER_BYTE = 100e-9  # seconds


def _watched(calls: list[str]) -> Any:
    """An object whose class would notice any look at its fields."""

    def noted(name: str) -> property:
        return property(lambda _: calls.append(name))

    class Noted:
        __slots__ = ()
        __dict__: Any = noted("__dict__")
        usage: Any = noted("usage")
        model: Any = noted("model")
        choices: Any = noted("choices")
        content: Any = noted("content")
        response: Any = noted("response")
        data: Any = noted("data")

    return Noted()


@pytest.mark.parametrize("name", DECORATORS)
def test_no_property_of_a_result_is_called(name: str) -> None:
    calls: list[str] = []
    result = _watched(calls)
    decorated = DECORATORS[name](lambda value: value)
    with record() as run:
        assert decorated(result) is result
        assert decorated([result, {"result": result}])[0] is result
    assert calls == []
    assert len(run.traces) == 2


class _Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a, self.b = 1, "x" * 10


@dataclasses.dataclass
class _Data:
    a: int = 1
    b: str = "xx"
    c: list[int] = dataclasses.field(default_factory=lambda: [1, 2])


class _Model(BaseModel):
    a: int = 1
    b: str = "xx"


class _Text(str):
    __slots__ = ()


class _Key:
    __slots__ = ()


def _nested_around(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = {"a": value}
    return value


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


LARGE: dict[str, Callable[[], Any]] = {
    "integers": lambda: list(range(500_000)),
    "large integers": lambda: [1 << 1000] * 50_000,
    "huge integers": lambda: [1 << 8000] * 20_000,
    "strings": lambda: ["abc" * 5] * 300_000,
    "one string": lambda: "x" * 30_000_000,
    "accents": lambda: "é" * 10_000_000,
    "lone surrogates": lambda: "\ud800" * 2_000_000,
    "quotes": lambda: '"' * 5_000_000,
    "control characters": lambda: "\x01" * 5_000_000,
    "messages": lambda: [{"role": "user", "content": "hello" * 5} for _ in range(60_000)],
    "objects": lambda: [_Slotted() for _ in range(50_000)],
    "data classes": lambda: [_Data() for _ in range(30_000)],
    "models": lambda: [_Model() for _ in range(20_000)],
    "keys that are tuples": lambda: {(n, n): n for n in range(80_000)},
    "keys that are integers": lambda: {n: n for n in range(200_000)},
    "sets": lambda: [{n} for n in range(80_000)],
    "a set": lambda: set(range(500_000)),
    "bytes": lambda: b"x" * 30_000_000,
    "empty lists": lambda: [[] for _ in range(100_000)],
    "deep lists": lambda: [_nested(200)] * 5_000,
    "floats": lambda: [0.5] * 500_000,
    "a deque": lambda: collections.deque(range(500_000)),
    "a counter": lambda: collections.Counter(range(100_000)),
    "subclasses": lambda: [_Text("abc")] * 100_000,
    "one object at the end": lambda: [*({"a": 1, "b": "x" * 30} for _ in range(20_000)), _Slotted()],
    "all sorts": lambda: [1, "a", None, _Slotted()] * 50_000,
    "a dictionary of strings": lambda: {str(n): "x" * 100 for n in range(100_000)},
    "long keys that begin alike": lambda: {"\x01" * 100_000 + str(n): n for n in range(300)},
    "keys that differ by type only": lambda: {_Key(): n for n in range(20_000)},
    "texts of control characters": lambda: ["\x01" * 1000] * 5_000,
    "a subclass of a string": lambda: _Text("\x01" * 5_000_000),
    "a decimal number": lambda: Decimal("1." + "1" * 3_000_000),
    "a set of long strings": lambda: {"x" * 100_000 + str(n) for n in range(300)},
    "twenty levels around a long list": lambda: _nested_around([*range(60_000), _Slotted()], 18),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_call_with_a_large_payload_costs_at_most_50_ms(name: str, time_limit: None) -> None:
    value = LARGE[name]()
    decorated: Any = tool(lambda value: value)
    with VoltAgentSDK(exporter=Nowhere()):  # as in a program: the sender's thread searches for secrets, not the call
        decorated(1)
        gc.collect()
        gc.disable()  # how long a collection takes depends on what else this process holds
        try:
            started = time.thread_time()
            decorated(value)
            took = time.thread_time() - started
        finally:
            gc.enable()
    print(f"{name}: {took * 1000:.0f} ms in a call")
    hold_processor(took, CALL_SECONDS)


TEXTS = {
    "words": "password is token ",
    "backslashes": "\\",
    "quotes": "\"'",
    "accents": "é",
    "surrogates": "a\ud800",
    "lines": "\n",
    "braces": "{[",
    "percent": "%s%%",
    "control": "\x00\x1b",
    "frames": '  File "x.py", line 1, in f\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_step_of_a_payload_takes_time_in_proportion_to_its_size(name: str) -> None:
    text = TEXTS[name] * (200_000 // len(TEXTS[name]))
    snapshot = Snapshot()
    payload = snapshot.encode({"a": text, "b": [text[:1000]] * 50})
    span = Span(TraceInfo("t", "a", None), None, TRACE, "a", payload)
    steps: dict[str, Callable[[], object]] = {
        "snapshot": lambda: snapshot.encode({"a": text, "b": [text[:1000]] * 50}),
        "snapshot of a small part": lambda: snapshot.encode({"a": text}, 10_000),
        "error text": lambda: format_failure(capture_failure(ValueError(text))),
        "size limit": lambda: fit_event((Phase.START, span, None)),
    }
    for step, call in steps.items():
        took = min(_seconds(call) for _ in range(3))
        if exceeds(took, 3 * PER_BYTE * len(payload)):
            raise TooSlow(f"{step}: {took * 1e9 / len(payload):.0f} ns per byte")


def _seconds(call: Callable[[], object]) -> float:
    started = time.thread_time()
    call()
    return time.thread_time() - started


def test_large_forms_are_cut_where_the_table_says() -> None:
    text = Snapshot().encode([1 << 1000] * 50_000)
    assert b'"truncated":true' in text
    assert Snapshot().encode([1 << 200, 1 << 64]) == to_json([1 << 200, 1 << 64])


def test_classes_that_are_made_for_each_call_are_freed() -> None:
    snapshot, made = Snapshot(), list[weakref.ref[type]]()
    for number in range(3000):
        kind = dataclasses.make_dataclass(f"Made{number}", ["number"])
        assert snapshot.encode(kind(number)) == b'{"number":%d}' % number
        made.append(weakref.ref(kind))
    del kind
    gc.collect()
    assert sum(one() is not None for one in made) <= 1000


def _named(module: str, name: str, *bases: type) -> type[BaseException]:
    return type(name, bases or (Exception,), {"__module__": module})


@pytest.mark.parametrize(
    ("module", "name", "field", "make"),
    [
        ("exceptiongroup", "BaseExceptionGroup", "_exceptions", tuple),
        ("anyio._backends._asyncio", "ExceptionGroup", "exceptions", list),
        ("trio", "MultiError", "exceptions", tuple),
    ],
)
def test_groups_of_packages_for_older_pythons_are_groups(
    module: str, name: str, field: str, make: Callable[[Any], Any]
) -> None:
    kind = _named(module, name)

    def group(*members: BaseException) -> BaseException:
        made = _named("shop", "Own", kind)("two")
        made.__dict__[field] = make(members)
        return made

    stopped = asyncio.CancelledError()
    assert is_cancellation(group(stopped, group(stopped, stopped)))
    assert not is_cancellation(group(stopped, ValueError("x")))
    assert not is_cancellation(group())
    failure = capture_failure(group(ValueError("one"), KeyError("two")))
    assert len(failure.members) == 2


@pytest.mark.parametrize(
    ("module", "name", "base"),
    [
        ("trio", "Cancelled", BaseException),
        ("greenlet", "GreenletExit", BaseException),
        ("gevent.exceptions", "GreenletExit", BaseException),
        ("asyncio.exceptions", "CancelledError", BaseException),
    ],
)
def test_cancellations_are_recognised_by_their_names(module: str, name: str, base: type) -> None:
    kind = _named(module, name, base)
    assert is_cancellation(kind())
    assert is_cancellation(_named("shop", "Own", kind)())
    assert not is_cancellation(_named("shop", name)())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("celery.exceptions", "Retry"),
        ("celery.exceptions", "Ignore"),
        ("celery.exceptions", "Reject"),
        ("click.exceptions", "Abort"),
        ("click.exceptions", "Exit"),
        ("pydantic_ai.exceptions", "ModelRetry"),
        ("pydantic_ai.exceptions", "CallDeferred"),
        ("pydantic_ai.exceptions", "ApprovalRequired"),
        ("langgraph.errors", "GraphBubbleUp"),
        ("dramatiq.errors", "Retry"),
        ("arq.worker", "Retry"),
        ("arq.worker", "RetryJob"),
        ("huey.exceptions", "RetryTask"),
        ("huey.exceptions", "CancelExecution"),
    ],
)
def test_control_flow_is_recognised_by_its_names(module: str, name: str) -> None:
    kind = _named(module, name)
    assert is_control_flow(kind("again"))
    assert not is_cancellation(kind("again"))
    assert not is_control_flow(_named("shop", name)())


@pytest.mark.parametrize(
    ("code", "expected"), [(404, True), (301, True), (499, True), (500, False), (503, False), (None, False)]
)
def test_http_answers_below_500_are_control_flow(code: int | None, expected: bool) -> None:
    kind = _named("werkzeug.exceptions", "HTTPException")
    own = type("NotFound", (kind,), {"__module__": "werkzeug.exceptions", "code": code})
    assert is_control_flow(own()) is expected


@pytest.mark.parametrize(("status", "expected"), [(302, True), (409, True), (502, False)])
def test_an_abort_with_a_response_has_the_code_of_that(status: int, expected: bool) -> None:
    """As werkzeug and Flask have it: `abort(response)`, whose class has no code."""
    response = type("Response", (), {})()
    vars(response)["_status_code"] = status
    kind = _named("werkzeug.exceptions", "HTTPException")
    exception: Any = type("HTTPException", (kind,), {"__module__": "werkzeug.exceptions", "code": None})()
    exception.response = response
    assert is_control_flow(exception) is expected


def test_an_exception_with_many_large_arguments_costs_as_much_as_one(time_limit: None) -> None:
    def failed(levels: int) -> BaseException:
        exc = ValueError([_Slotted()] * 50_000, 1)
        exc.__context__ = failed(levels - 1) if levels else None
        return exc

    exc = failed(8)
    started = time.thread_time()
    failure = capture_failure(exc)
    hold_processor(time.thread_time() - started, CALL_SECONDS)
    assert failure.cause is not None


def _many_validation_errors() -> BaseException:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(list[int]).validate_python(["x"] * 200_000)
    return caught.value


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: OSError(2, "no such file", "/" + "x" * 20_000_000), "no such file"),
        (lambda: OSError(2, "no such file", "a", None, "/" + "x" * 20_000_000), "no such file"),
        (lambda: OSError(2, "y" * 20_000_000), "yyy"),
        (_many_validation_errors, "200000 validation errors for list[int]"),
    ],
    ids=["file", "second file", "text", "validation"],
)
def test_a_message_that_a_class_writes_of_large_parts_costs_little(
    make: Callable[[], BaseException], text: str, time_limit: None
) -> None:
    exc = make()
    started = time.thread_time()
    failure = capture_failure(exc)
    hold_processor(time.thread_time() - started, CALL_SECONDS)
    assert text in (failure.message or "")


def test_what_the_arguments_took_is_missing_to_the_result(time_limit: None) -> None:
    named = {"value": LARGE["objects"]()}
    snapshot = Snapshot()
    span = Span(TraceInfo("t", "a", None), None, TRACE, "a", snapshot.encode_arguments(named, named))
    ran_alone, came_after = Budget(LIMIT, Shared()), Budget(LIMIT, span)
    assert len(span.input or b"") > 1000
    assert came_after.deadline < ran_alone.deadline
    assert b'"truncated":true' in snapshot.encode_object(named, LIMIT, span)


MANY: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "arguments": (tuple(range(200_000)), {}),
    "objects": ((_Slotted(),) * 100_000, {}),
    "keywords": ((), {f"k{number}": number for number in range(100_000)}),
}


def _pass(*args: Any, **kwargs: Any) -> int:
    return len(args) + len(kwargs)


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("decorate", [tool, llm], ids=["tool", "llm"])
def test_very_many_arguments_cost_at_most_50_ms_more_than_the_call(name: str, decorate: Any, time_limit: None) -> None:
    args, kwargs = MANY[name]
    decorated = decorate(_pass)
    with VoltAgentSDK(exporter=Nowhere()):
        decorated(1)
        gc.collect()
        gc.disable()
        try:
            bare, took = (_seconds(lambda call=call: call(*args, **kwargs)) for call in (_pass, decorated))
        finally:
            gc.enable()
    hold_processor(took - bare, CALL_SECONDS)


def test_of_very_many_arguments_the_first_are_recorded_with_the_number_of_all() -> None:
    def work(first: int, *args: int, last: int = 0, **kwargs: int) -> None:
        del first, args, last, kwargs

    decorated = tool(work)
    with record() as run:
        decorated(*range(100_001), **{f"k{number}": number for number in range(50_000)}, last=7)
    (found,) = run.tools()
    recorded = found.input
    assert recorded["first"] == 0
    assert recorded["last"] == 7
    assert recorded["args"]["size"] == 100_000
    assert recorded["args"]["value"][:3] == [1, 2, 3]
    assert recorded["kwargs"]["size"] == 50_000
    assert recorded["kwargs"]["value"]["k5"] == 5


def test_what_is_named_is_recorded_wherever_it_is_among_very_many_keywords() -> None:
    @tool(capture_input=["k99999"])
    def work(**kwargs: int) -> None:
        del kwargs

    @llm
    def answer(**kwargs: object) -> None:
        del kwargs

    many = {f"k{number}": number for number in range(100_000)}
    with record() as run:
        work(**many)
        answer(**many, model="large")
    assert run.tool().input == {"kwargs": {"k99999": 99_999}}
    assert run.llm().metadata["model_parameters"]["model"] == "large"


def _answers_in_answers() -> Any:
    choice = {"message": {"content": "x", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 1000}}
    return {"usage": {"prompt_tokens": 3}, "model": "m", "choices": [choice] * 4000}


_FEW_FIELDS: dict[str, object] = {"type": "ai", "content": "x", "usage_metadata": {"input_tokens": 1}}
RESULTS: dict[str, Callable[[], Any]] = {
    "lists in a dictionary": lambda: {str(n): [_Slotted()] * 4096 for n in range(1024)},
    "calls in choices": _answers_in_answers,
    "parts in candidates": lambda: {"candidates": [{"content": {"parts": [{"text": "x"}] * 4000}}] * 4000},
    "parts in requests": lambda: [{"kind": "request", "parts": [{"part_kind": "x"}] * 4096}] * 4096,
    "calls in chunks": lambda: (
        [{"object": "chat.completion.chunk", "choices": [{"delta": {"tool_calls": [{"index": 1}] * 4000}}] * 10}] * 3000
    ),
    "results": lambda: [dict(_FEW_FIELDS) for _ in range(5000)],
    "wide named tuples": lambda: [_Wide(*range(2000))] * 1000,
}
_Wide = collections.namedtuple("_Wide", [f"f{number}" for number in range(2000)])  # type: ignore[misc]


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_of_very_many_parts_is_read_for_a_moment_only(name: str, time_limit: None) -> None:
    value = RESULTS[name]()
    decorated: Any = llm(lambda value: value)
    with VoltAgentSDK(exporter=Nowhere()):
        decorated(1)
        gc.collect()
        gc.disable()
        try:
            took = _seconds(lambda: decorated(value))
        finally:
            gc.enable()
    hold_processor(took, 2 * CALL_SECONDS)  # beside other tests; alone it takes half of that


def _of_classes(number: int) -> list[Any]:
    """Objects, each of a class of its own."""
    return [type(f"Class{which}", (), {"x": 1})() for which in range(number)]


OF_MANY_CLASSES: dict[str, Callable[[], Any]] = {
    "a list": lambda: _of_classes(2000),
    "a dictionary": lambda: dict(zip(map(str, range(1024)), _of_classes(1024))),
    "choices": lambda: {"usage": {"prompt_tokens": 3}, "model": "m", "choices": _of_classes(2000)},
    "parts": lambda: {"candidates": [{"content": {"parts": _of_classes(2000)}}]},
    "content": lambda: {"usage": {"input_tokens": 3}, "model": "m", "content": _of_classes(2000)},
}


@pytest.mark.parametrize("name", OF_MANY_CLASSES)
def test_a_result_whose_parts_are_all_of_different_classes_is_not_read_in_full(name: str) -> None:
    """What is known of a class has to be found out once, and that takes fifty calls or more."""
    value, calls = OF_MANY_CLASSES[name](), 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        if read_result(value, any_shape=True) is None:
            packed(value, any_shape=True)
    finally:
        sys.setprofile(None)
    assert calls < 40_000


def test_all_lists_of_a_result_together_have_as_many_items_as_may_be_read(time_limit: None) -> None:
    found = read_result(_answers_in_answers(), any_shape=True)
    assert found is not None
    assert found.usage is not None
    assert found.usage["prompt_tokens"] == 3
    answers: Any = found.answer
    assert len(answers) == 4000
    assert sum(len(answer.get("tool_calls", ())) for answer in answers) < 3 * READ


def test_a_result_is_read_whole_after_one_that_was_too_large() -> None:
    decorated = llm(lambda value: value)
    small = {"usage": {"prompt_tokens": 3}, "choices": [{"message": {"content": str(n)}} for n in range(3)]}
    with record() as run:
        decorated(_answers_in_answers())
        decorated(small)
    assert run.llms()[1].output == {"result": ["0", "1", "2"]}
