"""What the guard keeps from the program, and what must reach it."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from inspect import currentframe
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import httpcore
import httpx
import pytest

from voltagent import VoltAgentSDK
from voltagent.core.context import run_callback
from voltagent.core.guard import Guard, guard, is_interrupt, logger, pass_on_interrupt
from voltagent.core.hints import GIVEN, give_hint


class LimitReached(Exception):
    """What a handler of a program raises."""


def plain(number: int, frame: FrameType | None) -> None:
    raise LimitReached


def deeper(number: int, frame: FrameType | None) -> None:
    plain(0, None)


def variadic(*_: object) -> None:
    raise LimitReached


def closure(number: int, frame: FrameType | None) -> None:
    def inner() -> object:
        return number, frame

    raise LimitReached(inner)


def with_more(more: str, number: int, frame: FrameType | None, *, last: bool = True) -> None:
    raise LimitReached


class Limit:
    def method(self, number: int, frame: FrameType | None) -> None:
        raise LimitReached

    def __call__(self, number: int, frame: FrameType | None) -> None:
        raise LimitReached


HANDLERS: list[Callable[..., Any]] = [
    plain, deeper, variadic, closure, partial(with_more, "a"), Limit().method, Limit(), lambda *_: plain(1, None),
]  # fmt: skip


@contextmanager
def handled_by(handler: Callable[..., Any]) -> Generator[None]:
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


class Raises(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError(record)


class Refuses(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raise ValueError(record)


def refuse(*_: object, **__: object) -> logging.LogRecord:
    raise ValueError


@pytest.mark.parametrize("broken", ["handler", "filter", "factory"])
def test_logging_that_raises_reaches_neither_the_program_nor_the_sender(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "handlers", [Raises()] if broken == "handler" else logger.handlers)
    monkeypatch.setattr(logger, "filters", [Refuses()] if broken == "filter" else [])
    factory = logging.getLogRecordFactory()
    level = logger.level
    logger.setLevel(logging.DEBUG)
    if broken == "factory":
        logging.setLogRecordFactory(refuse)
    try:
        with VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db") as sdk:
            first = sdk.trace(agent_id="first")
            first.success()
            first.success()  # logged: it has ended
            first.record(usage="none")  # type: ignore[arg-type]
            give_hint("test", broken, "a", "b", aloud=False)
            with guard:
                raise KeyError
        assert (sdk.stats().recorded, sdk.stats().accepted) == (2, 2)
    finally:
        logging.setLogRecordFactory(factory)
        logger.setLevel(level)
        GIVEN.pop(("test", broken), None)


@pytest.fixture(autouse=True)
def usual_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "strict", False)


@pytest.mark.parametrize("handler", HANDLERS)
def test_what_a_signal_handler_raises_passes_through_the_guard(handler: Callable[..., Any]) -> None:
    with handled_by(handler), pytest.raises(LimitReached) as caught, guard:
        signal.raise_signal(signal.SIGUSR1)
    assert is_interrupt(caught.value)
    with pytest.raises(LimitReached):
        pass_on_interrupt(caught.value)
    with pytest.raises(LimitReached):
        Guard.swallowed(caught.value)


@pytest.mark.parametrize("handler", HANDLERS)
def test_it_leaves_a_callback_of_the_program_too(handler: Callable[..., Any]) -> None:
    with handled_by(handler), pytest.raises(LimitReached):
        run_callback(signal.raise_signal, signal.SIGUSR1, on_error=lambda _: pytest.fail("swallowed"))


def test_an_exit_in_a_handler_leaves_a_callback_of_the_program() -> None:
    with handled_by(lambda *_: sys.exit(3)), pytest.raises(SystemExit):
        run_callback(signal.raise_signal, signal.SIGUSR1, on_error=lambda _: pytest.fail("swallowed"))


def not_a_handler(number: int, frame: object) -> None:
    raise LimitReached


@pytest.mark.parametrize("arguments", [(1, None), (1, 2), (1, currentframe())])
def test_our_own_errors_do_not(arguments: tuple[Any, Any]) -> None:
    with guard:
        not_a_handler(*arguments)


def test_a_class_body_with_a_namespace_of_its_own_is_not_read() -> None:
    class Names(dict[str, Any]):
        def get(self, *_: object) -> Any:
            pytest.fail("read")

    class Meta(type):
        @classmethod
        def __prepare__(cls, *_: object, **__: object) -> Names:  # type: ignore[override]
            return Names()

    with guard:
        Meta.__prepare__("a", ())

        class Failing(metaclass=Meta):
            raise LimitReached


def test_what_locals_returned_in_a_frame_stays_as_it_was() -> None:
    kept: list[dict[str, Any]] = []

    def failing(number: int, frame: object) -> None:
        kept.append(locals())
        number = 7
        raise LimitReached(number, frame)

    with guard:
        failing(1, None)
    if sys.version_info < (3, 13):
        assert kept[0]["number"] == 1


class WithText(Exception):
    """A class that gives its own text."""

    def __init__(self, text: str = "too late") -> None:
        super().__init__(text)


OURS = """
def after_a_call(interrupt):
    interrupt()

def in_a_loop(interrupt):
    for number in range(100):
        interrupt() if number == 50 else None

def with_names(interrupt):
    json.dumps({}, default=interrupt())

def deeper(interrupt):
    after_a_call(interrupt)
"""
NAMES: dict[str, Any] = {"__name__": "voltagent.sample", "json": json}
exec(OURS, NAMES)  # functions that seem to be of the package


def in_this_thread(kind: type[BaseException]) -> Callable[[], object]:
    """What `PyThreadState_SetAsyncExc` of another thread does, at a known place."""
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    return partial(raise_in, ctypes.c_ulong(threading.get_ident()), ctypes.py_object(kind))


@pytest.mark.parametrize("kind", [LimitReached, WithText, TimeoutError, RuntimeError])
@pytest.mark.parametrize("name", ["after_a_call", "in_a_loop", "with_names", "deeper"])
def test_what_another_thread_raises_passes_through_the_guard(name: str, kind: type[Exception]) -> None:
    def run() -> None:
        try:
            with guard:
                NAMES[name](in_this_thread(kind))
        except kind as exc:
            found.append(exc)

    found: list[Exception] = []
    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(found) == 2
    assert all(map(is_interrupt, found))


@pytest.mark.parametrize("error", [
    "raise error()", "raise error('text')", "int('x')", "next(iter(()))", "{}['a']", "next(iter(()), *()) + None",
    "[][1]", "None.missing", "missing", "callback(*())", "json.loads('{')",
])  # fmt: skip
def test_what_our_own_code_raises_does_not(error: str) -> None:
    names: dict[str, Any] = {
        "__name__": "voltagent.sample", "error": LimitReached, "json": json, "callback": queue.SimpleQueue().get_nowait,
    }  # fmt: skip
    exec(f"def run():\n    {error}", names)
    with guard:
        names["run"]()


@pytest.mark.parametrize("wrapper", [httpcore.ReadTimeout, httpx.ReadTimeout, httpx.ConnectError])
def test_an_interrupt_that_an_http_client_wraps_reaches_the_program(wrapper: type[Exception]) -> None:
    def wrapped() -> None:
        try:
            signal.raise_signal(signal.SIGUSR1)
        except TimeoutError as exc:
            raise wrapper("timed out") from exc

    def too_late(_number: int, _frame: FrameType | None) -> None:
        raise raised

    raised = TimeoutError("of the program")
    with handled_by(too_late), pytest.raises(wrapper) as caught:
        wrapped()
    with pytest.raises(TimeoutError) as passed_on:
        pass_on_interrupt(caught.value)
    assert passed_on.value is raised


def test_a_context_that_the_program_handles_is_no_interrupt() -> None:
    with handled_by(plain):
        try:
            signal.raise_signal(signal.SIGUSR1)
        except LimitReached as exc:
            with guard:
                raise ValueError from exc


def test_no_other_thread_runs_a_handler() -> None:
    found: list[bool] = []

    def run() -> None:
        try:
            plain(1, currentframe())
        except LimitReached as exc:
            found.append(is_interrupt(exc))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]


def compiled(error: Exception) -> Exception:
    """The error as Cython and mypyc raise it: with a frame that only names a place in the source."""
    api = ctypes.pythonapi
    new_code, new_frame, this_thread = api.PyCode_NewEmpty, api.PyFrame_New, api.PyThreadState_Get
    new_code.restype = new_frame.restype = ctypes.py_object
    new_code.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
    new_frame.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object, ctypes.c_void_p]
    this_thread.restype = ctypes.c_void_p
    frame = new_frame(this_thread(), new_code(b"fast.pyx", b"fast.convert", 7), {"__name__": "fast"}, None)
    return error.with_traceback(TracebackType(None, frame, frame.f_lasti, 7))


@pytest.mark.parametrize("kind", [TypeError, ValueError, LimitReached, TimeoutError])
def test_an_error_of_compiled_code_is_no_interrupt(kind: type[Exception]) -> None:
    assert not is_interrupt(compiled(kind("no text")))
    assert not is_interrupt(compiled(kind()))


def steps() -> Generator[int]:
    yield 1


def inner_steps() -> Generator[int]:
    yield from steps()


class Awaited:
    def __await__(self) -> Generator[int]:
        yield 1


async def waits() -> None:
    await Awaited()


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")  # one that has not begun
@pytest.mark.parametrize("is_begun", [True, False])
@pytest.mark.parametrize("make", [steps, inner_steps, waits])
def test_what_is_thrown_into_a_generator_is_no_interrupt(make: Callable[[], Any], is_begun: bool) -> None:
    for error in (ValueError("thrown"), LimitReached(), ConnectionAbortedError("too late")):
        run = make()
        if is_begun:
            run.send(None)
        with pytest.raises(type(error)) as caught:
            run.throw(error)
        assert not is_interrupt(caught.value)
        run.close()


def test_an_exception_of_a_future_is_no_interrupt() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_exception, error)
        await future

    error = ConnectionAbortedError("the handshake takes too long")
    with pytest.raises(ConnectionAbortedError) as caught:
        asyncio.run(run())
    assert not is_interrupt(caught.value)
