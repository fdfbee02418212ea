"""What is recorded of exceptions: text, code, stack and chain, and that nothing of it does harm."""

from __future__ import annotations

import asyncio
import builtins
import gc
import http
import json
import re
import sys
import time
import traceback
import types
import weakref
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

import pytest

import voltagent
from tests.helpers.pace import hold_processor
from voltagent.capture import snapshot
from voltagent.capture.exceptions.failures import capture_failure
from voltagent.capture.exceptions.formatting import format_event, format_failure
from voltagent.capture.exceptions.kinds import is_cancellation
from voltagent.core.context import CURRENT, INERT
from voltagent.core.span import TOOL, TRACE, Phase, Span, TraceInfo

ExceptionGroup: Any = getattr(builtins, "ExceptionGroup", None)  # from 3.11


def caught(function: Any, *arguments: Any) -> BaseException:
    try:
        function(*arguments)
    except BaseException as exception:
        return exception
    raise AssertionError("nothing was raised")


def fail(exception: BaseException) -> None:
    raise exception


def described(exception: BaseException, *, message: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(format_failure(capture_failure(exception, message=message)))
    return found


def python_says(exception: BaseException) -> str:
    """Python's own traceback, without the underlines of 3.11 and later."""
    lines = "".join(traceback.format_exception(exception)).splitlines(keepends=True)
    return "".join(line for line in lines if not re.fullmatch(r"\s*[~^]+\s*", line))


class ShopError(Exception):
    pass


def test_the_fields() -> None:
    found = described(caught(fail, ShopError("sold out")))
    assert {**found, "stack": None} == {
        "message": "sold out", "type": "ShopError", "name": f"{__name__}.ShopError", "stack": None,
    }  # fmt: skip
    assert described(ValueError())["message"] == ""
    assert described(ValueError("x"))["type"] == "ValueError"


def inner() -> None:
    {}["missing"]


def causes() -> None:
    try:
        inner()
    except KeyError as exception:
        raise ShopError("no such thing") from exception


def contexts() -> None:
    try:
        inner()
    except KeyError:
        raise ShopError("while looking")


def hidden() -> None:
    try:
        inner()
    except KeyError:
        raise ShopError("alone") from None


@pytest.mark.parametrize("function", [inner, causes, contexts, hidden])
def test_the_stack_reads_like_pythons_own(function: Any) -> None:
    exception = caught(function)
    assert described(exception)["stack"] == python_says(exception)


def test_repeated_frames_are_folded_like_pythons_own() -> None:
    def down(levels: int) -> None:
        if levels == 0:
            raise ShopError("bottom")
        down(levels - 1)

    exception = caught(down, 30)
    assert described(exception)["stack"] == python_says(exception)
    assert "Previous line repeated" in described(exception)["stack"]


def test_the_chain() -> None:
    found = described(caught(causes))
    assert found["cause"] == {"message": "'missing'", "type": "KeyError", "name": "KeyError"}
    assert described(caught(contexts))["cause"]["name"] == "KeyError"
    assert "cause" not in described(caught(hidden))


def test_chains_are_bounded_and_may_be_circles() -> None:
    first, second = ShopError("first"), ShopError("second")
    first.__cause__, second.__cause__ = second, first
    assert described(first)["cause"]["message"] == "second"
    assert "cause" not in described(first)["cause"]
    last: BaseException = ShopError("0")
    for number in range(1, 10_000):
        following = ShopError(str(number))
        following.__cause__ = last
        last = following
    assert described(last)["stack"].count("The above exception") == 8


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_groups_show_their_members() -> None:
    group = ExceptionGroup("both", [caught(inner), ShopError("two"), ExceptionGroup("more", [ValueError(3)])])
    found = described(caught(fail, group))
    assert found["message"] == "both (3 sub-exceptions)"
    assert [error["type"] for error in found["errors"]] == ["KeyError", "ShopError", "ExceptionGroup"]
    assert found["errors"][2]["errors"] == [{"message": "3", "type": "ValueError", "name": "ValueError"}]
    assert "  | KeyError: 'missing'" in found["stack"]
    many = ExceptionGroup("many", [ExceptionGroup("m", [ValueError(number) for number in range(100)])] * 100)
    assert len(format_failure(capture_failure(many))) < 20_000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with 3.11")
def test_notes_are_kept() -> None:
    exception = ShopError("no")
    exception.add_note("while paying")
    assert described(exception)["notes"] == ["while paying"]
    assert described(exception)["stack"].endswith("ShopError: no\nwhile paying\n")
    assert "notes" not in described(exception, message=False)
    exception.__notes__ = 5  # type: ignore[assignment]
    assert "notes" not in described(exception)


# Codes.


class Coded(Exception):
    def __init__(self, **fields: object) -> None:
        super().__init__("coded")
        self.__dict__.update(fields)


class Kinds(Enum):
    LIMITED = "limited"
    BUSY = 503
    LISTED = (1, 2)


@pytest.mark.parametrize(
    ("exception", "code"),
    [
        (Coded(code="rate_limited"), "rate_limited"),
        (Coded(code=Kinds.LIMITED), "limited"),
        (Coded(code=Kinds.LISTED, status_code=Kinds.BUSY), 503),
        (Coded(code=None, status_code=429), 429),
        (Coded(status=http.HTTPStatus.NOT_FOUND), 404),
        (Coded(response=types.SimpleNamespace(status_code=503)), 503),
        (FileNotFoundError(2, "no such file"), 2),
        (SystemExit(3), 3),
        (SystemExit("text"), "text"),
        (Coded(code=object()), None),
        (Coded(code="x" * 1000), None),
        (Coded(code=10**50), None),
        (ValueError("x"), None),
    ],
)
def test_the_code_where_there_is_one(exception: BaseException, code: object) -> None:
    assert described(exception).get("code") == code


def test_properties_are_not_called_for_a_code() -> None:
    class WithProperty(Exception):
        @property
        def code(self) -> int:
            raise AssertionError("asked")

        response = status_code = code

        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    assert "code" not in described(WithProperty("x"))


def test_a_code_of_a_class_that_is_set_anew_is_the_current_one() -> None:
    class Base(Exception):
        status_code = 500

    class Limited(Base):
        code: ClassVar[object] = 1

    assert [described(one("x"))["code"] for one in (Limited, Base)] == [1, 500]
    Limited.code, Base.status_code = 2, 503
    assert [described(one("x"))["code"] for one in (Limited, Base)] == [2, 503]
    Limited.code = property(lambda _: 1 / 0)
    assert "code" not in described(Limited("x"))


# Messages.


def test_without_capture_there_is_no_text_of_values() -> None:
    canary = "canary-5d1c"
    exception = caught(fail, ShopError(canary))
    exception.__cause__ = SystemExit(canary)
    exception.__cause__.__context__ = caught(int, canary)
    found = described(exception, message=False)
    assert canary not in json.dumps(found)
    assert "message" not in found
    assert found["stack"].rstrip().endswith("ShopError")
    assert described(Coded(code="rate_limited"), message=False)["code"] == "rate_limited"


class Hostile(Exception):
    def __init__(self, raised: BaseException | None) -> None:
        super().__init__("text")
        self.raised = raised

    def __str__(self) -> str:
        raise self.raised or self


@pytest.mark.parametrize("raised", [ValueError("x"), SystemExit(1), asyncio.CancelledError(), GeneratorExit(), None])
def test_a_message_that_raises(raised: BaseException | None) -> None:
    exception = caught(fail, Hostile(raised))
    frames = traceback.extract_tb(exception.__traceback__)
    found = described(exception)
    name = f"{type(raised).__module__}.{type(raised).__name__}".removeprefix("builtins.")
    assert found["message"].endswith(f"__str__ raised {found['name'] if raised is None else name}]")
    assert traceback.extract_tb(exception.__traceback__) == frames  # `raise self` left no mark on it
    assert exception.__context__ is None


def test_ctrl_c_in_a_message_is_the_users() -> None:
    with pytest.raises(KeyboardInterrupt):
        capture_failure(Hostile(KeyboardInterrupt()))
    assert CURRENT.get() is None


def test_a_message_runs_with_nothing_current() -> None:
    current: list[object] = []

    class Looking(Exception):
        def __str__(self) -> str:
            current.append(CURRENT.get())
            return "looked"

    assert described(Looking())["message"] == "looked"
    assert current == [INERT]


def test_arguments_are_not_called_for_their_text() -> None:
    class Argument:
        def __repr__(self) -> str:
            raise AssertionError("asked")

        __str__ = __repr__

    name = f"{__name__}.{Argument.__qualname__}"
    assert described(ValueError(Argument()))["message"] == name
    assert described(ValueError("code", Argument()))["message"] == f'["code","{name}"]'
    assert described(KeyError(Argument()))["message"] == name
    assert described(RuntimeError(ValueError("inner")))["message"] == "inner"
    assert described(ValueError(b"bytes"))["message"] == "b'bytes'"
    assert described(ValueError("a", 1))["message"] == "('a', 1)"
    assert described(caught(bytes.decode, b"\xff"))["message"].startswith("'utf-8' codec can't decode byte 0xff")


class TextOfItsOwn(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups")
def test_a_group_of_groups_of_many_classes_costs_little() -> None:
    group: Any = getattr(builtins, "BaseExceptionGroup", None)
    inner = [type(f"Group{number}", (group,), {})("g", [KeyboardInterrupt()]) for number in range(900)]
    best = float("inf")
    for _ in range(5):
        before = time.thread_time()
        assert is_cancellation(group("g", inner))
        best = min(best, time.thread_time() - before)
    hold_processor(best, 0.01)


@pytest.mark.parametrize(
    "exception",
    [
        ValueError("word " * 20_000_000),
        ValueError(list(range(5_000_000))),
        ValueError(10**100_000),
        ValueError(*["x" * 1000] * 100_000),
        Coded(code="x" * 10_000_000),
    ],
    ids=["text", "list", "int", "many", "code"],
)
def test_huge_messages_cost_little(exception: BaseException, time_limit: None) -> None:
    best = float("inf")
    for _ in range(5):
        before = time.thread_time()
        failure = capture_failure(exception)
        best = min(best, time.thread_time() - before)
    hold_processor(best, 0.05)
    assert len(format_failure(failure)) < 30_000


def test_messages_that_are_no_unicode() -> None:
    assert described(ValueError("a\ud800"))["message"] == "a\ufffd"
    assert "a\ufffd" in described(ValueError("a\ud800"))["stack"]
    assert described(ValueError(TextOfItsOwn("own")))["message"] == "own"


# Stacks.


def test_frames_of_ours_are_left_out() -> None:
    def serializer(_: object) -> object:
        raise KeyboardInterrupt

    exception = caught(snapshot.Snapshot({ShopError: serializer}).encode, ShopError())
    own = str(Path(voltagent.__file__).parent)
    assert any(frame.filename.startswith(own) for frame in traceback.extract_tb(exception.__traceback__))
    assert own not in described(exception)["stack"]
    assert "serializer" in described(exception)["stack"]


def test_long_stacks_keep_both_ends() -> None:
    names: dict[str, Any] = {}
    for number in range(300):
        exec(f"def f{number}():\n    f{number + 1}()\n", names)
    names["f300"] = lambda: fail(ShopError("deep"))
    found = described(caught(names["f0"]))
    assert "in f0\n" in found["stack"]
    assert "in f299\n" in found["stack"]
    assert "in f150\n" not in found["stack"]
    assert "frames left out]" in found["stack"]


def test_a_recursion_error_is_recorded_in_no_time() -> None:
    def endless() -> None:
        endless()

    exception = caught(endless)
    best = float("inf")
    for _ in range(5):
        before = time.thread_time()
        found = capture_failure(exception)
        best = min(best, time.thread_time() - before)
    hold_processor(best, 0.01)
    assert len(format_failure(found)) < 20_000


def test_the_stack_has_a_limit() -> None:
    names: dict[str, Any] = {}
    long = "x" * 5000
    exec(compile(f"def f{long}(n):\n    return f{long}(n - 1) if n else int('x')\n", "/" + long, "exec"), names)
    exception = caught(names[f"f{long}"], 60)
    for _ in range(8):
        following = caught(names[f"f{long}"], 60)
        following.__cause__ = exception
        exception = following
    found = described(exception)
    assert len(found["stack"]) < 70_000


def test_names_of_generated_code_are_cut() -> None:
    code = compile("def f(n):\n    f(n - 1) if n else 1 / 0", "é<" * 400_000, "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    with pytest.raises(ZeroDivisionError) as caught:
        names["f"](50)
    text = format_failure(capture_failure(caught.value))
    assert len(text) < 200_000
    assert "line 2, in f\n  [Previous line repeated" in json.loads(text)["stack"]


def test_nothing_of_the_program_is_kept() -> None:
    class Local:
        pass

    def raising() -> None:
        local = Local()
        gone.append(weakref.ref(local))
        raise ShopError(local)

    gone: list[Any] = []
    exception = caught(raising)
    failure = capture_failure(exception)
    error_gone = weakref.ref(exception)
    del exception
    gc.collect()
    assert gone[0]() is None
    assert error_gone() is None
    assert failure.name == "ShopError"


def test_raising_stays_cheap() -> None:
    exception = caught(fail, ShopError("x"))
    best = float("inf")
    for _ in range(50):
        before = time.perf_counter()
        for _ in range(100):
            capture_failure(exception)
        best = min(best, (time.perf_counter() - before) / 100)
    hold_processor(best, 50e-6)  # 2 microseconds where nothing else runs


# Events.


def test_the_processor_formats_each_failure_once() -> None:
    root = Span(TraceInfo(1, "a", None), None, TRACE, "a", None)
    span = Span(root.trace, root, TOOL, "t", None, facts={"status_message": capture_failure(ValueError("fact"))})
    span.error = capture_failure(ValueError("x"))
    event = (Phase.END, span, None)
    assert format_event(event) is event
    text = span.error
    assert isinstance(text, bytes)
    assert json.loads(text)["message"] == "x"
    assert json.loads(span.facts["status_message"])["message"] == "fact"  # type: ignore[index]
    format_event(event)
    assert span.error is text
    fields = {"status_message": capture_failure(ValueError("update")), "level": "ERROR"}
    changed = format_event((Phase.UPDATE, span, fields))
    assert changed is not None
    assert changed[2] is not None
    assert json.loads(changed[2]["status_message"])["message"] == "update"
    assert changed[2]["level"] == "ERROR"


@pytest.mark.parametrize("fields", [{}, {"code": 7}])
def test_a_class_that_is_made_while_the_program_runs_can_be_freed(fields: dict[str, object]) -> None:
    def use() -> weakref.ref[type]:
        made = type("Made", (Exception,), dict(fields))
        described(made("x"))
        return weakref.ref(made)

    used = use()
    gc.collect()
    assert used() is None
