"""Patches of other packages' methods are removed for good, also when another library has patched the method since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import voltagent
from tests.helpers.memory import Memory
from voltagent.instrumentation import patches


class Client:
    """Stands for a client of another package."""

    def ask(self, question: str) -> str:
        return question.upper()


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    original = Client.ask
    with voltagent.VoltAgentSDK(exporter=Memory()):
        yield
    voltagent.uninstrument()
    setattr(Client, "ask", original)


def install(calls: list[str]) -> None:
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        calls.append(args[0])
        return wrapped(*args, **kwargs)

    patches.install("client", [patches.Patch(__name__, "Client", "ask", wrapper)])


def patch_as_another_library() -> None:
    below = Client.ask
    setattr(Client, "ask", lambda self, question: below(self, question) + "!")


def test_removing_restores_the_method_itself() -> None:
    original = Client.__dict__["ask"]
    calls: list[str] = []
    install(calls)
    assert Client().ask("a") == "A"
    voltagent.uninstrument()
    assert Client.__dict__["ask"] is original
    assert Client().ask("b") == "B"
    assert calls == ["a"]


def test_removing_below_another_patch_leaves_that_one_alone_and_calls_only_the_original() -> None:
    calls: list[str] = []
    install(calls)
    patch_as_another_library()
    assert Client().ask("a") == "A!"
    voltagent.uninstrument()
    assert Client().ask("b") == "B!"
    assert calls == ["a"]


def test_patching_again_above_another_patch_calls_ours_once() -> None:
    calls: list[str] = []
    install(calls)
    patch_as_another_library()
    voltagent.uninstrument()
    install(calls)
    assert Client().ask("a") == "A!"
    assert calls == ["a"]
    voltagent.uninstrument()
    assert Client().ask("b") == "B!"
    assert calls == ["a"]
