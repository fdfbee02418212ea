"""However a client's stream ends, its call is recorded once, with what had come by then."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.helpers.server import Raw, Recorded, Reply, Server
from voltagent.testing import record

openai = import_module("openai")
anthropic = import_module("anthropic")
genai = import_module("google.genai")

ASK = [{"role": "user", "content": "hi"}]
CHAT = {"model": "gpt", "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}
MESSAGE = {"model": "claude", "max_tokens": 9, "messages": ASK}


@pytest.fixture(autouse=True)
def instrumented() -> Iterator[None]:
    voltagent.instrument("openai", "anthropic", "google-genai")
    yield
    voltagent.uninstrument()


def _openai(url: str, kind: str = "OpenAI") -> Any:
    return getattr(openai, kind)(api_key="k", base_url=f"{url}/v1", max_retries=0)


def _anthropic(url: str, kind: str = "Anthropic") -> Any:
    return getattr(anthropic, kind)(api_key="k", base_url=url, max_retries=0)


def chat(url: str) -> Any:
    return _openai(url).chat.completions.create(**CHAT)


def responses(url: str) -> Any:
    return _openai(url).responses.create(model="gpt", input="hi", stream=True)


def messages(url: str) -> Any:
    return _anthropic(url).messages.create(**MESSAGE, stream=True)


async def chat_async(url: str) -> Any:
    return await _openai(url, "AsyncOpenAI").chat.completions.create(**CHAT)


async def messages_async(url: str) -> Any:
    return await _anthropic(url, "AsyncAnthropic").messages.create(**MESSAGE, stream=True)


def generate(url: str) -> Any:
    client = genai.Client(api_key="k", http_options={"base_url": url})
    KEPT[:] = [client]  # it closes its connections when it is dropped
    return client.models.generate_content_stream(model="gemini", contents="hi")


KEPT: list[Any] = []
SYNC = [chat, responses, messages]
ASYNC = [chat_async, messages_async]


def read_some(call: Callable[[str], Any], url: str, how: str) -> None:
    stream = call(url)
    if how == "block":
        with stream as items:
            next(iter(items))
        return
    next(iter(stream))
    if how == "closed":
        stream.close()


async def read_some_async(call: Callable[[str], Any], url: str, how: str) -> None:
    stream = await call(url)
    if how == "block":
        async with stream as items:
            await anext(aiter(items))
        return
    await anext(aiter(stream))
    if how == "closed":
        await stream.close()


@pytest.mark.parametrize("how", ["closed", "block", "dropped"])
@pytest.mark.parametrize("call", [*SYNC, *ASYNC], ids=lambda call: call.__name__)
def test_a_stream_that_is_left_early_is_recorded_as_abandoned(call: Callable[[str], Any], how: str) -> None:
    with Server(apis.reply) as server, record() as run:
        if call in ASYNC:
            asyncio.run(read_some_async(call, server.url, how))
        else:
            read_some(call, server.url, how)
    (found,) = run.find("llm")
    assert (found.status, found.metadata["abandoned"]) == ("completed", True)
    assert found.model
    assert [trace.status for trace in run.traces] == ["completed"]


@pytest.mark.parametrize("call", SYNC, ids=lambda call: call.__name__)
def test_a_whole_stream_counts_once(call: Callable[[str], Any]) -> None:
    with Server(apis.reply) as server, record() as run:
        with call(server.url) as stream:
            assert len(list(stream)) > 1
    (found,) = run.find("llm")
    assert found.output == {"result": apis.TEXT}
    assert run.trace.usage == found.usage
    assert found.usage is not None


def broken(request: Recorded) -> Reply:
    """An answer that the server breaks off after the first words, before anything that ends a stream."""
    whole = apis.reply(request)
    assert isinstance(whole, bytes)
    head, _, body = whole.partition(b"\r\n\r\n")
    begun = body[: body.index(b"\n\n", body.index(b"Hello ")) + 2]
    head = head.rpartition(b"content-length")[0] + b"transfer-encoding: chunked\r\n\r\n"

    def send(connection: socket.socket) -> None:
        connection.sendall(head + f"{len(begun):x}\r\n".encode() + begun + b"\r\n")

    return Raw(send)


def failing(request: Recorded) -> Reply:
    """A stream in which the server reports an error after the first words."""
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "busy", "code": 529}}
    line = f"event: error\ndata: {json.dumps(event)}\n\n"
    broken_off = broken(request)
    assert isinstance(broken_off, Raw)

    def send(connection: socket.socket) -> None:
        broken_off.act(connection)
        connection.sendall(f"{len(line):x}\r\n{line}\r\n0\r\n\r\n".encode())

    return Raw(send)


def raised(call: Callable[[str], Any], url: str) -> tuple[int, BaseException]:
    """How many items came, and the exception that the client raised."""

    async def read() -> None:
        async for _ in await call(url):
            number[0] += 1

    number = [0]
    try:
        if call in ASYNC:
            asyncio.run(read())
        else:
            for _ in call(url):
                number[0] += 1
    except Exception as exc:
        return number[0], exc
    raise AssertionError("the stream was whole")


TOKENS_SEEN = {messages: 125 + 1, messages_async: 125 + 1, generate: 18}  # others come with the last chunk


@pytest.mark.parametrize("how", [broken, failing], ids=lambda how: how.__name__)
@pytest.mark.parametrize("decorated", [False, True], ids=["instrumented", "decorated"])
@pytest.mark.parametrize("call", [*SYNC, *ASYNC, generate], ids=lambda call: call.__name__)
def test_a_stream_that_breaks_is_one_error_with_what_had_come(
    call: Callable[[str], Any], decorated: bool, how: Any
) -> None:
    if call is generate and how is failing:
        pytest.skip("this API has no such event")
    with Server(how) as server:
        voltagent.uninstrument()
        without_us = raised(call, server.url)
        if not decorated:
            voltagent.instrument("openai", "anthropic", "google-genai")
        with record() as run:
            with_us = raised(voltagent.llm(call) if decorated else call, server.url)
    assert with_us[0] == without_us[0] > 0
    assert (type(with_us[1]), str(with_us[1])) == (type(without_us[1]), str(without_us[1]))
    (found,) = run.find("llm")
    assert (found.status, found.output) == ("error", {"result": "Hello "})
    assert found.error["type"] == type(with_us[1]).__name__
    assert found.model
    assert "abandoned" not in found.metadata
    assert (found.usage or {}).get("total_tokens") == TOKENS_SEEN.get(call)
    assert (run.trace.usage or {}).get("total_tokens") == TOKENS_SEEN.get(call)
