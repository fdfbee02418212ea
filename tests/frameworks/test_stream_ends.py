"""However a client's stream ends, its call is recorded once, with what had come by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.helpers.server import Server
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
