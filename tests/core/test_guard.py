"""What the guard keeps from the program, and what must reach it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from inspect import currentframe
from types import FrameType
from typing import Any

import pytest

from voltagent.core.context import run_callback
from voltagent.core.guard import Guard, guard, is_interrupt, pass_on_interrupt


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
