"""Patches of other packages' methods are removed for good, also when another library has patched the method since."""

from __future__ import annotations

import functools
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import wrapt

import voltagent
from tests.helpers.memory import Memory
from voltagent.instrumentation import clients, executors, patches
from voltagent.settings import INSTRUMENTS


class Client:
    """Stands for a client of another package."""

    def ask(self, question: str) -> str:
        return question.upper()


class Untouched:
    """Stands for a client whose methods nothing else refers to."""

    def ask(self) -> None: ...


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

    patches.install("client", [patches.Patch(__name__, "Client", "ask", wrapper, reaches_objects=True)])


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


def test_a_class_below_whose_method_another_library_has_replaced_is_patched_as_well() -> None:
    class Small(Client): ...

    class Own(Client):
        def ask(self, question: str) -> str:
            return super().ask(question) + "?"

    original = Client.ask

    @functools.wraps(original)
    def replaced(self: Any, question: str) -> str:
        return original(self, question) + "!"

    setattr(Small, "ask", replaced)
    calls: list[str] = []
    install(calls)
    assert (Small().ask("a"), Own().ask("b"), Client().ask("c")) == ("A!", "B?", "C")
    assert calls == ["a", "b", "c"]
    voltagent.uninstrument()
    assert Small.__dict__["ask"] is replaced
    assert Small().ask("d") == "D!"
    assert calls == ["a", "b", "c"]


def patch_object(client: Client) -> Callable[[str], str]:
    """Replace the method of one object, as Logfire does."""
    below = client.ask

    def replaced(question: str) -> str:
        return below(question) + "!"

    setattr(client, "ask", replaced)
    return replaced


def test_an_object_whose_method_another_library_has_replaced_is_patched_as_well() -> None:
    class Small(Client): ...

    kept, plain = [Client(), Small()], Client()
    replaced = [patch_object(client) for client in kept]
    bound = plain.ask  # nothing else has replaced it
    calls: list[str] = []
    install(calls)
    assert [client.ask("a") for client in kept] == ["A!", "A!"]
    assert (plain.ask("b"), bound("c")) == ("B", "C")
    assert calls == ["a", "a", "b"]
    assert "ask" not in vars(plain)
    patch_object(kept[0])
    assert (kept[0].ask("d"), calls[-1]) == ("D!!", "d")
    voltagent.uninstrument()
    assert [client.ask("e") for client in kept] == ["E!!", "E!"]
    assert calls == ["a", "a", "b", "d"]
    assert vars(kept[1])["ask"] is replaced[1]
    install(calls)
    assert [client.ask("f") for client in kept] == ["F!!", "F!"]
    assert calls == ["a", "a", "b", "d", "f", "f"]


def test_an_object_that_another_library_patches_afterwards_is_seen_once() -> None:
    calls: list[str] = []
    install(calls)
    client = Client()
    patch_object(client)
    assert client.ask("a") == "A!"
    assert calls == ["a"]


def test_an_object_that_is_patched_is_freed_when_it_is_dropped() -> None:
    client = Client()
    patch_object(client)
    install([])
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    voltagent.uninstrument()


def test_the_heap_is_searched_only_if_another_library_keeps_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[object] = []
    monkeypatch.setattr(gc, "get_referrers", lambda *given: searched.extend(given) or [])  # pyright: ignore

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return wrapped(*args, **kwargs)

    patch = patches.Patch(__name__, "Untouched", "ask", wrapper, reaches_objects=True)
    patches.install("client", [patch])
    voltagent.uninstrument()
    assert searched == []
    client = Untouched()
    bound = client.ask
    patches.install("client", [patch])
    assert searched == [bound.__func__]


PLACES = {"concurrent.futures": (ThreadPoolExecutor, "submit"), "threading": (threading.Thread, "start")}


def patched() -> list[str]:
    return [name for name, (owner, method) in PLACES.items() if isinstance(vars(owner)[method], wrapt.FunctionWrapper)]


def test_a_class_below_that_calls_the_method_of_the_class_above_is_left_alone() -> None:
    class Tenant(Client):
        @functools.wraps(Client.ask)
        def ask(self, *args: Any, **kwargs: Any) -> str:
            return super().ask(*args, **kwargs)

    calls: list[str] = []
    install(calls)
    assert Tenant().ask("a") == "A"
    assert calls == ["a"]


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        ({}, None, []),
        ({}, "true", [*PLACES]),
        ({}, "threading", ["threading"]),
        ({}, "openai, concurrent.futures", ["concurrent.futures"]),
        ({}, "false", []),
        ({"instrument": True}, None, [*PLACES]),
        ({"instrument": ["concurrent.futures"]}, None, ["concurrent.futures"]),
        ({"instrument": "threading"}, None, ["threading"]),
        ({"instrument": False}, "true", []),
        ({"instrument": []}, "true", []),
        ({"instrument": ["threading"]}, "opnai", ["threading"]),
    ],
)
def test_what_the_option_and_the_variable_instrument(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variable: str | None, expected: list[str]
) -> None:
    if variable is not None:
        monkeypatch.setenv("VOLTAGENT_INSTRUMENT", variable)
    with voltagent.VoltAgentSDK(exporter=Memory(), **options):
        assert patched() == expected
    voltagent.uninstrument()
    assert patched() == []


@pytest.mark.parametrize(("options", "variable"), [({}, "opnai"), ({"instrument": ["opnai"]}, None)])
def test_an_unknown_name_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variable: str | None
) -> None:
    if variable is not None:
        monkeypatch.setenv("VOLTAGENT_INSTRUMENT", variable)
    with pytest.raises(voltagent.ValidationError, match="opnai") as caught:
        voltagent.VoltAgentSDK(exporter=Memory(), **options)
    for name in ("openai", "anthropic", "google-genai", "threading"):
        assert name in str(caught.value)
    assert patched() == []


@pytest.mark.parametrize("name", ["opnai", "", 3, None, ["openai"], {}])
def test_whatever_is_not_a_known_name_is_a_value_error(name: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot instrument .*known names: openai, anthropic, google-genai"):
        voltagent.instrument(name)
    assert patched() == []


def test_every_patched_package_is_one_that_the_settings_know() -> None:
    assert {*clients.PATCHES, *executors.PATCHES} == set(INSTRUMENTS)
