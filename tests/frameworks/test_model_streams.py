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
