"""Real instrumentations of OpenTelemetry's world, through our span processor: one tree, tokens counted once."""

from __future__ import annotations

import asyncio
import functools
import json
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import voltagent
from tests.frameworks import apis
from tests.helpers.memory import Memory
from tests.helpers.server import Server
from voltagent.core.span import Phase, Span
from voltagent.opentelemetry import SpanProcessor

openai = import_module("openai")
trace_sdk = import_module("opentelemetry.sdk.trace")

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the clients and instrumentations

ASK = [{"role": "user", "content": "hi"}]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(apis.reply) as running:
        yield running


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def sdk(memory: Memory) -> Iterator[voltagent.VoltAgentSDK]:
    with voltagent.VoltAgentSDK(exporter=memory) as sdk:
        yield sdk
    voltagent.uninstrument()


@pytest.fixture
def provider(sdk: voltagent.VoltAgentSDK) -> Iterator[Any]:
    provider = trace_sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(sdk))
    yield provider
    provider.shutdown()


@functools.cache
def openai_modules() -> list[str]:
    resources = import_module("openai.resources")
    return [one.name for one in pkgutil.walk_packages(resources.__path__, "openai.resources.")]


@pytest.fixture
def restored() -> Iterator[None]:
    """Restore openai's classes: what others call uninstrumenting leaves wrappers and inherited methods in them."""
    for name in openai_modules():
        import_module(name)  # the client imports them late; a class that is not there yet could not be restored
    modules = [sys.modules[name] for name in sys.modules if name.startswith(("openai.resources", "openai._client"))]
    found = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    classes = [one for one in found if str(one.__module__).startswith("openai.")] + [openai.OpenAI, openai.AsyncOpenAI]
    before = {one: dict(vars(one)) for one in classes}
    yield
    for one, methods in before.items():
        for name, method in [(name, method) for name, method in vars(one).items() if not name.startswith("_")]:
            if name not in methods:
                delattr(one, name)
            elif method is not methods[name]:
                setattr(one, name, methods[name])


@pytest.fixture
def openinference(restored: None, provider: Any) -> Iterator[None]:
    instrumentor = import_module("openinference.instrumentation.openai").OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield
    instrumentor.uninstrument()


def client(server: Server) -> Any:
    return openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)


def chat(server: Server) -> str:
    text: str = client(server).chat.completions.create(model="gpt", messages=ASK).choices[0].message.content
    return text


def stream(server: Server) -> str:
    options = {"include_usage": True}
    chunks = client(server).chat.completions.create(model="gpt", messages=ASK, stream=True, stream_options=options)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def responses(server: Server) -> str:
    text: str = client(server).responses.create(model="gpt", input="hi").output_text
    return text


def raw_stream(server: Server) -> str:
    raw = client(server).chat.completions.with_raw_response.create(
        model="gpt", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices)


def helper_stream(server: Server) -> str:
    options = {"include_usage": True}
    with client(server).chat.completions.stream(model="gpt", messages=ASK, stream_options=options) as events:
        text: str = events.get_final_completion().choices[0].message.content
        return text


def chat_async(server: Server) -> str:
    async def go() -> str:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as asking:
            text: str = (await asking.chat.completions.create(model="gpt", messages=ASK)).choices[0].message.content
            return text

    return asyncio.run(go())


CALLS = [chat, stream, responses, raw_stream, helper_stream, chat_async]
# The instrumentation of another library, by its module: each of them wraps the methods `create` of the client.
OTHERS = ["openinference.instrumentation.openai", "opentelemetry.instrumentation.openai"]


def recorded(sdk: voltagent.VoltAgentSDK, memory: Memory) -> dict[str, Span]:
    sdk.flush()
    return {span.kind: span for phase, span, _ in memory.accepted if phase is Phase.END}


def number_of_operations(memory: Memory) -> int:
    return sum(phase is Phase.END and span.parent is not None for phase, span, _ in memory.accepted)


@pytest.mark.parametrize("call", [chat, stream, responses], ids=lambda call: call.__name__)
@pytest.mark.parametrize("also", [False, True], ids=["alone", "with instrument"])
def test_openinference_calls_are_model_calls_below_our_agent(
    call: Any, also: bool, server: Server, memory: Memory, sdk: voltagent.VoltAgentSDK, openinference: None
) -> None:
    if also:
        voltagent.instrument("openai")

    @voltagent.agent
    def assistant() -> Any:
        return call(server)

    assert assistant() == apis.TEXT
    found = recorded(sdk, memory)
    assert number_of_operations(memory) == 2, "the agent, and the call once"
    request, root = found["llm"], found["trace"]
    assert request.parent is found["agent"]
    assert (request.status, request.model) == ("completed", "gpt-2026")
    assert b"hi" in (request.input or b"")
    assert apis.TEXT in json.dumps(json.loads(request.output or b"null"))
    assert root.usage is not None
    assert (root.usage["prompt_tokens"], root.usage["completion_tokens"]) == (11, 7)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.parametrize("ours_first", [False, True], ids=["theirs first", "ours first"])
@pytest.mark.parametrize("module", OTHERS, ids=["openinference", "openllmetry"])
def test_a_call_that_another_instrumentation_also_records_counts_once(
    module: str,
    ours_first: bool,
    call: Any,
    server: Server,
    memory: Memory,
    sdk: voltagent.VoltAgentSDK,
    provider: Any,
    restored: None,
) -> None:
    """Patched in either order, and unpatched in either order: results are equal, and nothing raises."""
    instrumentor = import_module(module).OpenAIInstrumentor()
    patches = [lambda: instrumentor.instrument(tracer_provider=provider), lambda: voltagent.instrument("openai")]
    undo = [instrumentor.uninstrument, voltagent.uninstrument]
    order = [1, 0] if ours_first else [0, 1]
    for which in order:
        patches[which]()
    assert voltagent.agent(call)(server) == apis.TEXT
    calls = recorded_calls(sdk, memory)
    assert [(one.model, one.status, (one.usage or {}).get("total_tokens")) for one in calls] == [
        ("gpt-2026", "completed", 18)
    ]
    assert apis.TEXT in json.dumps(json.loads(calls[0].output or b"null"))
    root = next(span for phase, span, _ in memory.accepted if phase is Phase.END and span.parent is None)
    assert root.usage is not None
    assert root.usage["total_tokens"] == 18
    for which in order:
        undo[which]()
        assert call(server) == apis.TEXT
    assert all(one.status == "completed" for one in recorded_calls(sdk, memory))


def recorded_calls(sdk: voltagent.VoltAgentSDK, memory: Memory) -> list[Span]:
    sdk.flush()
    return [span for phase, span, _ in memory.accepted if phase is Phase.END and span.kind == "llm"]


def test_openinference_embeddings_and_errors(
    server: Server, memory: Memory, sdk: voltagent.VoltAgentSDK, openinference: None
) -> None:
    client(server).embeddings.create(model="embed", input="hi", encoding_format="float")
    found = recorded(sdk, memory)["embedding"]
    assert (found.model, (found.usage or {}).get("prompt_tokens")) == ("embed", 4)
    with pytest.raises(openai.RateLimitError):
        client(server).chat.completions.create(model="broken", messages=ASK)
    failed = recorded(sdk, memory)["llm"]
    assert failed.status == "error"


def test_pydantic_ai_agents_tools_and_models(
    server: Server, memory: Memory, sdk: voltagent.VoltAgentSDK, provider: Any
) -> None:
    ai = import_module("pydantic_ai")
    models = import_module("pydantic_ai.models.openai")
    providers = import_module("pydantic_ai.providers.openai")

    @voltagent.tool
    def inner(city: str) -> str:
        return f"sun in {city}"

    def weather(city: str) -> str:
        return inner(city)

    model = models.OpenAIChatModel("gpt", provider=providers.OpenAIProvider(openai_client=openai.AsyncOpenAI(
        api_key="k", base_url=f"{server.url}/v1")))  # fmt: skip
    settings = ai.models.instrumented.InstrumentationSettings(tracer_provider=provider)
    helper = ai.Agent(model, name="helper", tools=[weather])
    helper.instrument = settings

    @voltagent.agent
    def assistant() -> Any:
        return helper.run_sync("how is the weather?").output

    assert assistant() == apis.TEXT
    sdk.flush()
    ended = [span for phase, span, _ in memory.accepted if phase is Phase.END]
    by_name = {span.name: span for span in ended if span.parent is not None}
    assert by_name["helper"].kind == "agent"
    assert by_name["helper"].parent is by_name["assistant"]
    assert by_name["weather"].kind == "tool"
    assert by_name["inner"].parent is by_name["weather"]
    calls = [span for span in ended if span.kind == "llm"]
    assert [span.parent for span in calls] == [by_name["helper"]] * 2
    root = next(span for span in ended if span.parent is None)
    assert root.usage is not None
    assert root.usage["total_tokens"] == 36
    assert json.loads(by_name["weather"].input or b"") == {"city": "Oslo"}


def test_openllmetry_calls(
    restored: None, server: Server, memory: Memory, sdk: voltagent.VoltAgentSDK, provider: Any
) -> None:
    instrumentor = import_module("opentelemetry.instrumentation.openai").OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        assert voltagent.agent(chat)(server) == apis.TEXT
    finally:
        instrumentor.uninstrument()
    request = recorded(sdk, memory)["llm"]
    assert (request.model, request.usage and request.usage["total_tokens"]) == ("gpt-2026", 18)
    given = [fields["input"] for _, span, fields in memory.accepted if span is request and fields and "input" in fields]
    assert b"hi" in given[-1], "it is set after the start"
    assert apis.TEXT.encode() in (request.output or b"")


def test_logfire_spans(memory: Memory, sdk: voltagent.VoltAgentSDK) -> None:
    processors = [SpanProcessor(sdk)]
    logfire = import_module("logfire").configure(
        local=True, send_to_logfire=False, console=False, additional_span_processors=processors
    )

    @voltagent.tool
    def inner() -> None: ...

    with logfire.span("all"), logfire.span("work on {n}", n=1):
        inner()
    sdk.flush()
    names = [span.name for phase, span, _ in memory.accepted if phase is Phase.END]
    assert names == ["inner", "work on 1", "all"]


@pytest.mark.parametrize("call", [chat, stream, responses, chat_async], ids=lambda call: call.__name__)
@pytest.mark.parametrize("ours_first", [False, True], ids=["theirs first", "ours first"])
def test_a_client_object_that_logfire_has_patched(
    call: Any, ours_first: bool, server: Server, memory: Memory, sdk: voltagent.VoltAgentSDK, monkeypatch: Any
) -> None:
    kind = openai.AsyncOpenAI if call is chat_async else openai.OpenAI
    patched = kind(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
    logfire = import_module("logfire").configure(local=True, send_to_logfire=False, console=False)
    if ours_first:
        voltagent.instrument("openai")
    logfire.instrument_openai(patched)
    voltagent.instrument("openai")
    monkeypatch.setattr(openai, kind.__name__, lambda **_: patched)
    assert call(server) == apis.TEXT
    calls = recorded_calls(sdk, memory)
    assert [(one.model, one.status, (one.usage or {}).get("total_tokens")) for one in calls] == [
        ("gpt-2026", "completed", 18)
    ]


def test_fastmcp_tools(
    memory: Memory, sdk: voltagent.VoltAgentSDK, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastmcp = import_module("fastmcp")
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    mcp = fastmcp.FastMCP("server")

    @mcp.tool
    @voltagent.tool
    def add(a: int, b: int) -> int:
        return a + b

    async def go() -> Any:
        async with fastmcp.Client(mcp) as asking:
            return (await asking.call_tool("add", {"a": 1, "b": 2})).data

    assert asyncio.run(go()) == 3
    sdk.flush()
    ours = next(span for phase, span, _ in memory.accepted if phase is Phase.END and span.name == "add" and span.input)
    parent = ours.parent
    assert parent is not None
    assert parent.kind == "tool"
