"""Answers that are read after their request, with other libraries between the client and the program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voltagent import trace
from voltagent.core.context import current_span
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.streams import followed
from voltagent.instrumentation.requests import RequestPlan
from voltagent.testing import record


class Raw:
    """A raw response of a client."""

    def __init__(self) -> None:
        self.answer: Any = iter(["a", "b"])

    def parse(self) -> Any:
        return self.answer


class Wrapped:
    """What another library puts in place of a stream: it can be read, but is not an iterator."""

    def __init__(self, inner: Iterator[str]) -> None:
        self.inner = inner

    def __iter__(self) -> Iterator[str]:
        yield from self.inner


def test_a_stream_is_followed_through_an_object_that_is_put_in_its_place() -> None:
    @trace
    def ask() -> list[str]:
        raw = Raw()
        response = followed(raw, GeneratorRun(RequestPlan("chat", "openai"), current_span(), None, (), {"model": "m"}))
        raw.answer = Wrapped(response.parse())
        return list(response.parse())

    with record() as run:
        assert ask() == ["a", "b"]
    call = run.operation("chat")
    assert (call.status, call.output, call.metadata["items"]) == ("completed", {"result": ["a", "b"]}, 2)
