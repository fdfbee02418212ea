"""Requests of the real clients are recorded once each, with model, input, answer and tokens, and change in nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.helpers.internals import recorder_of
from tests.helpers.memory import Memory
from tests.helpers.server import Server
from voltagent.core.span import Phase, Span

openai = import_module("openai")
anthropic = import_module("anthropic")
genai = import_module("google.genai")

ASK = [{"role": "user", "content": "hi"}]
Call = Callable[[str], Any]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(apis.reply) as running:
        yield running


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory()
    sdk = voltagent.VoltAgentSDK(exporter=memory, instrument=["openai", "anthropic", "google-genai"])
    yield memory
    sdk.shutdown()
    voltagent.uninstrument()


def recorded(memory: Memory) -> list[Span]:
    """The ended operations."""
    _flush()
    return [span for phase, span, _ in memory.accepted if phase is Phase.END and span.parent is not None]


def _flush() -> None:
    import gc

    for sdk in [one for one in gc.get_objects() if type(one) is voltagent.VoltAgentSDK and recorder_of(one).alive]:
        sdk.flush()


def _openai(url: str, kind: str = "OpenAI") -> Any:
    return getattr(openai, kind)(api_key="k", base_url=f"{url}/v1", max_retries=0)


def _anthropic(url: str, kind: str = "Anthropic") -> Any:
    return getattr(anthropic, kind)(api_key="k", base_url=url, max_retries=0)


def _google(url: str) -> Any:
    return genai.Client(api_key="k", http_options={"base_url": url})


def chat(url: str) -> Any:
    return _openai(url).chat.completions.create(model="gpt", messages=ASK).choices[0].message.content


def chat_raw(url: str) -> Any:
    raw = _openai(url).chat.completions.with_raw_response.create(model="gpt", messages=ASK)
    return raw.parse().choices[0].message.content


def chat_streaming_response(url: str) -> Any:
    with _openai(url).chat.completions.with_streaming_response.create(model="gpt", messages=ASK) as response:
        return response.parse().choices[0].message.content


def chat_stream(url: str) -> Any:
    options = {"include_usage": True}
    stream = _openai(url).chat.completions.create(model="gpt", messages=ASK, stream=True, stream_options=options)
    assert isinstance(stream, openai.Stream)
    with stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def chat_raw_stream(url: str) -> Any:
    raw = _openai(url).chat.completions.with_raw_response.create(
        model="gpt", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices)


def chat_helper(url: str) -> Any:
    options = {"include_usage": True}
    with _openai(url).chat.completions.stream(model="gpt", messages=ASK, stream_options=options) as stream:
        return stream.get_final_completion().choices[0].message.content


def chat_async(url: str) -> Any:
    async def go() -> Any:
        async with _openai(url, "AsyncOpenAI") as client:
            return (await client.chat.completions.create(model="gpt", messages=ASK)).choices[0].message.content

    return asyncio.run(go())


def chat_async_stream(url: str) -> Any:
    async def go() -> Any:
        async with _openai(url, "AsyncOpenAI") as client:
            stream = await client.chat.completions.create(
                model="gpt", messages=ASK, stream=True, stream_options={"include_usage": True}
            )
            assert isinstance(stream, openai.AsyncStream)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    return asyncio.run(go())


def responses(url: str) -> Any:
    return _openai(url).responses.create(model="gpt", input="hi").output_text


def responses_stream(url: str) -> Any:
    with _openai(url).responses.stream(model="gpt", input="hi") as stream:
        return stream.get_final_response().output_text


def messages(url: str) -> Any:
    return _anthropic(url).messages.create(model="claude", max_tokens=9, messages=ASK).content[0].text


def messages_beta(url: str) -> Any:
    return _anthropic(url).beta.messages.create(model="claude", max_tokens=9, messages=ASK).content[0].text


def messages_stream(url: str) -> Any:
    with _anthropic(url).messages.stream(model="claude", max_tokens=9, messages=ASK) as stream:
        return "".join(stream.text_stream)


def messages_created_stream(url: str) -> Any:
    stream = _anthropic(url).messages.create(model="claude", max_tokens=9, messages=ASK, stream=True)
    assert isinstance(stream, anthropic.Stream)
    return "".join(event.delta.text for event in stream if event.type == "content_block_delta")


def messages_async(url: str) -> Any:
    async def go() -> Any:
        async with _anthropic(url, "AsyncAnthropic") as client:
            async with client.messages.stream(model="claude", max_tokens=9, messages=ASK) as stream:
                return "".join([text async for text in stream.text_stream])

    return asyncio.run(go())


def generate(url: str) -> Any:
    client = _google(url)
    return client.models.generate_content(model="gemini", contents="hi").text


def generate_stream(url: str) -> Any:
    client = _google(url)
    return "".join(one.text for one in client.models.generate_content_stream(model="gemini", contents="hi"))


def generate_async(url: str) -> Any:
    async def go() -> Any:
        client = _google(url)
        stream = await client.aio.models.generate_content_stream(model="gemini", contents="hi")
        return "".join([one.text async for one in stream])

    return asyncio.run(go())


OPENAI = [chat, chat_raw, chat_streaming_response, chat_stream, chat_raw_stream, chat_helper, chat_async,
          chat_async_stream, responses, responses_stream]  # fmt: skip
ANTHROPIC = [messages, messages_beta, messages_stream, messages_created_stream, messages_async]
GOOGLE = [generate, generate_stream, generate_async]
PROMPT_TOKENS = {**dict.fromkeys(OPENAI, 11), **dict.fromkeys(ANTHROPIC, 125), **dict.fromkeys(GOOGLE, 11)}
COMPLETION_TOKENS = {**dict.fromkeys(OPENAI, 7), **dict.fromkeys(ANTHROPIC, 10), **dict.fromkeys(GOOGLE, 7)}


@pytest.mark.parametrize("call", PROMPT_TOKENS, ids=lambda call: call.__name__)
def test_each_request_is_recorded_once(call: Call, server: Server, memory: Memory) -> None:
    @voltagent.agent
    def assistant() -> Any:
        return call(server.url)

    assert assistant() == apis.TEXT
    agent, request = sorted(recorded(memory), key=lambda span: span.start_ns)
    assert (request.kind, request.parent, request.status) == ("llm", agent, "completed")
    assert request.model in ("gpt-2026", "claude-2026", "gemini-2026")
    assert request.usage is not None
    assert request.usage["prompt_tokens"] == PROMPT_TOKENS[call]
    assert request.usage["completion_tokens"] == COMPLETION_TOKENS[call]
    assert json.loads(request.output or b"null") == {"result": apis.TEXT}
    assert b'"hi"' in (request.input or b"")
    assert agent.usage is None or agent.usage["prompt_tokens"] == PROMPT_TOKENS[call]
    assert b"api_key" not in (request.input or b"")


@pytest.mark.parametrize("call", PROMPT_TOKENS, ids=lambda call: call.__name__)
def test_a_request_outside_a_trace_opens_its_own(call: Call, server: Server, memory: Memory) -> None:
    call(server.url)
    (request,) = recorded(memory)
    assert request.parent is not None
    assert request.parent.parent is None
    assert request.parent.status == "completed"


def test_a_parsed_answer_and_a_tool_call(server: Server, memory: Memory) -> None:
    import pydantic

    class Place(pydantic.BaseModel):
        city: str

    parsed = _openai(server.url).chat.completions.parse(model="gpt", messages=ASK, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Oslo")
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    _openai(server.url).chat.completions.create(model="gpt", messages=ASK, tools=[tool])
    first, second = recorded(memory)
    assert b"Oslo" in (first.output or b"")
    assert b"weather" in (second.output or b"")


def _chat_of_thinker(url: str, **options: Any) -> Any:
    return _openai(url).chat.completions.create(model=apis.THINKER, messages=ASK, **options)


def _responses_of_thinker(url: str) -> Any:
    return _openai(url).responses.create(model=apis.THINKER, input="hi")


def _messages_of_thinker(url: str, **options: Any) -> Any:
    return _anthropic(url).messages.create(model=apis.THINKER, max_tokens=9, messages=ASK, **options)


def _google_of_thinker(url: str, method: str = "generate_content") -> Any:
    client = _google(url)
    found = getattr(client.models, method)(model=apis.THINKER, contents="hi")
    return list(found) if method.endswith("stream") else found


THINKERS: dict[str, Call] = {
    "chat": _chat_of_thinker,
    "chat, streamed": lambda url: list(_chat_of_thinker(url, stream=True)),
    "responses": _responses_of_thinker,
    "messages": _messages_of_thinker,
    "messages, streamed": lambda url: list(_messages_of_thinker(url, stream=True)),
    "google": _google_of_thinker,
    "google, streamed": lambda url: _google_of_thinker(url, "generate_content_stream"),
}


@pytest.mark.parametrize("name", THINKERS)
def test_what_a_model_thought_is_recorded_beside_its_answer(name: str, server: Server, memory: Memory) -> None:
    THINKERS[name](server.url)
    (request,) = recorded(memory)
    assert json.loads(request.output or b"null") == {
        "role": "assistant", "reasoning_content": apis.THOUGHT, "content": apis.TEXT,
    }  # fmt: skip


def test_embeddings(server: Server, memory: Memory) -> None:
    assert _openai(server.url).embeddings.create(model="embed", input="hi", encoding_format="float").data
    (request,) = recorded(memory)
    assert request.usage is not None
    assert (request.kind, request.model, request.usage["prompt_tokens"]) == ("embedding", "embed", 4)
    assert json.loads(request.output or b"null") == {"embeddings": 1, "dimensions": 2}


def test_embeddings_of_google(server: Server, memory: Memory) -> None:
    assert _google(server.url).models.embed_content(model="embed", contents="hi").embeddings
    (request,) = recorded(memory)
    assert (request.kind, request.model) == ("embedding", "embed")
    assert json.loads(request.output or b"null") == {"embeddings": 1, "dimensions": 2}


def test_an_error_is_recorded_with_its_code(server: Server, memory: Memory) -> None:
    with pytest.raises(openai.RateLimitError):
        _openai(server.url).chat.completions.create(model="broken", messages=ASK)
    with pytest.raises(anthropic.RateLimitError):
        _anthropic(server.url).messages.create(model="broken", max_tokens=9, messages=ASK)
    requests = recorded(memory)
    assert len(requests) == 2
    for request in requests:
        assert request.status == "error"
        assert b"429" in (request.error if isinstance(request.error, bytes) else b"")


def test_a_stream_that_is_left_early_ends(server: Server, memory: Memory) -> None:
    with _openai(server.url).chat.completions.create(model="gpt", messages=ASK, stream=True) as stream:
        next(iter(stream))
    (request,) = recorded(memory)
    assert request.status == "completed"
    assert any(b"abandoned" in part for part in request.more_metadata)


@pytest.mark.parametrize("how", ["json", "read", "text", "parse", "http_response"])
@pytest.mark.parametrize("client", ["openai", "openai async", "anthropic"])
def test_a_streaming_response_has_its_answer_however_it_is_read(
    server: Server, memory: Memory, client: str, how: str
) -> None:
    async def wait(url: str) -> None:
        async with _openai(url, "AsyncOpenAI") as made:
            opened = made.chat.completions.with_streaming_response.create(model="gpt", messages=ASK)
            async with opened as response:
                await (response.http_response.aread() if how == "http_response" else getattr(response, how)())

    if client == "openai async":
        asyncio.run(wait(server.url))
    else:
        if client == "openai":
            opened = _openai(server.url).chat.completions.with_streaming_response.create(model="gpt", messages=ASK)
        else:
            made = _anthropic(server.url).messages.with_streaming_response
            opened = made.create(model="claude", max_tokens=9, messages=ASK)
        with opened as response:
            _ = response.http_response.read() if how == "http_response" else getattr(response, how)()
    (request,) = recorded(memory)
    assert request.status == "completed"
    assert request.usage is not None
    assert request.usage["total_tokens"] == (135 if client == "anthropic" else 18)
    assert json.loads(request.output or b"") == {"result": apis.TEXT}
    assert not any(b"abandoned" in part for part in request.more_metadata)


def test_uninstrument_restores_the_classes(server: Server, memory: Memory) -> None:
    from openai._base_client import SyncAPIClient

    patched = SyncAPIClient.__dict__["request"]
    voltagent.uninstrument()
    assert SyncAPIClient.__dict__["request"] is not patched
    chat(server.url)
    assert recorded(memory) == []
    voltagent.instrument("openai")
    voltagent.instrument("openai")
    chat(server.url)
    assert len(recorded(memory)) == 1
