"""A plain ``@llm`` function that returns a client's stream has its answer, with the client instrumented or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.helpers.server import Server
from voltagent import llm
from voltagent.testing import record

openai = import_module("openai")
anthropic = import_module("anthropic")
genai = import_module("google.genai")

ASK = [{"role": "user", "content": "hi"}]
KEPT: list[Any] = []
CHAT = {"model": "gpt", "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}


def chat(url: str) -> Any:
    return openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0).chat.completions.create(**CHAT)


def responses(url: str) -> Any:
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return client.responses.create(model="gpt", input="hi", stream=True)


def messages(url: str) -> Any:
    client = anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)
    return client.messages.create(model="claude", max_tokens=9, messages=ASK, stream=True)


def generate(url: str) -> Any:
    client = genai.Client(api_key="k", http_options={"base_url": url})
    KEPT[:] = [client]  # it closes its connections when it is dropped
    return client.models.generate_content_stream(model="gemini", contents="hi")


CLIENTS = {chat: 18, responses: 18, messages: 135, generate: 18}


@pytest.mark.parametrize("instrumented", [False, True])
@pytest.mark.parametrize(("call", "total"), CLIENTS.items(), ids=lambda one: getattr(one, "__name__", None))
def test_a_stream_of_a_client(call: Callable[[str], Any], total: int, *, instrumented: bool) -> None:
    ask = llm(call, name="ask")
    if instrumented:
        voltagent.instrument("openai", "anthropic", "google-genai")
    try:
        with Server(apis.reply) as server, record() as run:
            stream = ask(server.url)
            if call is not generate:
                assert isinstance(stream, (openai.Stream, anthropic.Stream))
            assert len(list(stream)) > 1
    finally:
        voltagent.uninstrument()
    found = run.operation("ask")
    assert (found.status, found.output) == ("completed", {"result": apis.TEXT})
    assert found.model
    usages = [one.usage["total_tokens"] for one in run.find() if one.usage]
    assert usages == [total]
    assert run.trace.usage is not None
    assert run.trace.usage["total_tokens"] == total
    assert [one.output for one in run.find()] == [{"result": apis.TEXT}] * (2 if instrumented else 1)


@pytest.mark.parametrize("instrumented", [False, True])
def test_an_async_stream_of_a_client(*, instrumented: bool) -> None:
    async def main(url: str) -> int:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0) as client:

            @llm
            async def ask() -> Any:
                return await client.chat.completions.create(**CHAT)

            async with await ask() as stream:
                assert isinstance(stream, openai.AsyncStream)
                return len([chunk async for chunk in stream])

    if instrumented:
        voltagent.instrument("openai")
    try:
        with Server(apis.reply) as server, record() as run:
            assert asyncio.run(main(server.url)) > 1
    finally:
        voltagent.uninstrument()
    assert [one.output for one in run.find()] == [{"result": apis.TEXT}] * (2 if instrumented else 1)
    assert run.operation("ask").model == "gpt-2026"
    assert run.trace.usage is not None
    assert run.trace.usage["total_tokens"] == 18


def _openai(url: str, kind: str = "OpenAI") -> Any:
    return getattr(openai, kind)(api_key="k", base_url=f"{url}/v1", max_retries=0)


def _anthropic(url: str, kind: str = "Anthropic") -> Any:
    return getattr(anthropic, kind)(api_key="k", base_url=url, max_retries=0)


HELPER = {"model": "gpt", "messages": ASK, "stream_options": {"include_usage": True}}
MESSAGE = {"model": "claude", "max_tokens": 9, "messages": ASK}
# What returns a manager -> how many tokens its answer has, and how its stream is read.
MANAGERS: dict[str, tuple[Callable[[str], Any], int, str]] = {
    "chat": (lambda url: _openai(url).chat.completions.stream(**HELPER), 18, "get_final_completion"),
    "responses": (lambda url: _openai(url).responses.stream(model="gpt", input="hi"), 18, "get_final_response"),
    "messages": (lambda url: _anthropic(url).messages.stream(**MESSAGE), 135, "get_final_text"),
    "messages beta": (lambda url: _anthropic(url).beta.messages.stream(**MESSAGE), 135, "until_done"),
    "chat read": (lambda url: _openai(url).chat.completions.stream(**HELPER), 18, "__iter__"),
    "messages text": (lambda url: _anthropic(url).messages.stream(**MESSAGE), 135, "text_stream"),
    "response": (lambda url: _openai(url).chat.completions.with_streaming_response.create(**CHAT), 18, "parse"),
    "response of messages": (
        lambda url: _anthropic(url).messages.with_streaming_response.create(**MESSAGE), 135, "parse",
    ),
}  # fmt: skip
ASYNC_MANAGERS: dict[str, tuple[Callable[[str], Any], int, str]] = {
    "chat": (lambda url: _openai(url, "AsyncOpenAI").chat.completions.stream(**HELPER), 18, "get_final_completion"),
    "responses": (
        lambda url: _openai(url, "AsyncOpenAI").responses.stream(model="gpt", input="hi"), 18, "until_done",
    ),
    "messages": (lambda url: _anthropic(url, "AsyncAnthropic").messages.stream(**MESSAGE), 135, "get_final_message"),
    "messages text": (lambda url: _anthropic(url, "AsyncAnthropic").messages.stream(**MESSAGE), 135, "text_stream"),
    "response": (
        lambda url: _openai(url, "AsyncOpenAI").chat.completions.with_streaming_response.create(**HELPER), 18, "parse",
    ),
}  # fmt: skip


def read(stream: Any, how: str) -> None:
    found = getattr(stream, how)
    items = found() if callable(found) else found
    if how in ("__iter__", "text_stream") or (how == "parse" and hasattr(items, "__next__")):
        assert len(list(items)) > 1


async def read_async(stream: Any, how: str) -> None:
    found = getattr(stream, how)
    items = found() if callable(found) else found
    if how == "text_stream":
        assert len([item async for item in items]) > 1
    else:
        await items


@pytest.mark.parametrize("instrumented", [False, True])
@pytest.mark.parametrize("name", MANAGERS)
def test_a_manager_of_a_stream(name: str, *, instrumented: bool) -> None:
    call, total, how = MANAGERS[name]
    ask = llm(call, name="ask")
    if instrumented:
        voltagent.instrument("openai", "anthropic")
    try:
        with Server(apis.reply) as server, record() as run:
            opened = ask(server.url)
            assert type(opened) is type(call(server.url))
            assert run.operation("ask").status == "running"
            with opened as stream:
                read(stream, how)
    finally:
        voltagent.uninstrument()
    check_counted_once(run, total, instrumented=instrumented)


@pytest.mark.parametrize("instrumented", [False, True])
@pytest.mark.parametrize("name", ASYNC_MANAGERS)
def test_an_async_manager_of_a_stream(name: str, *, instrumented: bool) -> None:
    call, total, how = ASYNC_MANAGERS[name]
    ask = llm(call, name="ask")

    async def main(url: str) -> None:
        async with ask(url) as stream:
            await read_async(stream, how)

    if instrumented:
        voltagent.instrument("openai", "anthropic")
    try:
        with Server(apis.reply) as server, record() as run:
            asyncio.run(main(server.url))
    finally:
        voltagent.uninstrument()
    check_counted_once(run, total, instrumented=instrumented)


def check_counted_once(run: Any, total: int, *, instrumented: bool) -> None:
    found = run.operation("ask")
    assert (found.status, found.output) == ("completed", {"result": apis.TEXT})
    assert found.model
    assert [one.output for one in run.find()] == [{"result": apis.TEXT}] * (2 if instrumented else 1)
    assert [one.usage["total_tokens"] for one in run.find() if one.usage] == [total]
    assert run.trace.usage["total_tokens"] == total


def test_a_manager_that_is_not_entered_or_whose_request_fails_ends_the_call() -> None:
    ask = llm(lambda url, model: _anthropic(url).messages.stream(**{**MESSAGE, "model": model}), name="ask")
    with Server(apis.reply) as server, record() as run:
        ask(server.url, "claude")
        with pytest.raises(anthropic.RateLimitError), ask(server.url, "broken"):
            pass
        with ask(server.url, "claude"):
            pass
    left, failed, unread = run.find("llm")
    assert (left.status, left.metadata["abandoned"]) == ("completed", True)
    assert (failed.status, failed.error["code"]) == ("error", 429)
    assert (unread.status, unread.metadata["abandoned"]) == ("completed", True)


@pytest.mark.parametrize("instrumented", [False, True])
@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_a_raw_response_with_a_stream(client: str, *, instrumented: bool) -> None:
    @llm(name="ask")
    def ask(url: str) -> Any:
        if client == "openai":
            return _openai(url).chat.completions.with_raw_response.create(**CHAT)
        return _anthropic(url).messages.with_raw_response.create(**MESSAGE, stream=True)

    if instrumented:
        voltagent.instrument("openai", "anthropic")
    try:
        with Server(apis.reply) as server, record() as run:
            raw = ask(server.url)
            assert raw.headers["content-type"]
            assert len(list(raw.parse())) > 1
    finally:
        voltagent.uninstrument()
    check_counted_once(run, 18 if client == "openai" else 135, instrumented=instrumented)


@pytest.mark.parametrize("instrumented", [False, True])
def test_the_usage_callback_of_a_stream_of_a_client(*, instrumented: bool) -> None:
    ask = llm(chat, name="ask", usage=lambda chunks: chunks[-1].usage)
    if instrumented:
        voltagent.instrument("openai")
    try:
        with Server(apis.reply) as server, record() as run:
            list(ask(server.url))
    finally:
        voltagent.uninstrument()
    check_counted_once(run, 18, instrumented=instrumented)
