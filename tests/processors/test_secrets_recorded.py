"""Secrets in a whole run of an SDK: none of them reaches the store, the REST API or an OTLP receiver."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.server import Server, answer
from voltagent import Redactor, VoltAgentSDK, agent, current, llm, tool, trace
from voltagent.records import load_traces

# Each place has a secret of its own, so that a failure names the place.
TOKEN = "ghp_{}Kq7LmN2pRsTuVwXyZ0123456789"
PLACES = (
    "argument error nested sync_stream async_stream text_stream dict_stream split_error handle_input handle_output "
    "handle_metadata handle_tag handle_error handle_name usage update event score_comment score_value late_score "
    "trace_input trace_tag user foreign_attribute foreign_event instructions status hook_failed own_key own_pattern "
    "memory retriever result client client_stream raised_in_stream async_error"
).split()


def canary(place: str) -> str:
    """A secret that is known as one only by its place or its repetition."""
    return f"canary {place.replace('_', '-')} words"


def token(place: str) -> str:
    """A secret that its form gives away."""
    return TOKEN.format(place.replace("_", ""))


@tool
def login(user: str, password: str) -> str:
    raise PermissionError(f"{user} gave {password}, which is wrong")


@tool
async def async_login(password: str) -> str:
    await asyncio.sleep(0)
    raise PermissionError(f"{password} is wrong")


@tool
def stream() -> Iterator[str]:
    secret = token("sync_stream")
    yield "the key is "
    yield secret[:9]
    yield secret[9:20]
    yield secret[20:] + " and more"


@tool
async def async_stream() -> AsyncIterator[Any]:
    secret = token("async_stream")
    for start in range(0, len(secret), 5):
        yield {"choices": [{"delta": {"content": secret[start : start + 5]}}]}


@tool
def text_stream() -> Iterator[str]:
    yield "Authorization: Bea"
    yield "rer abc"
    yield "text9stream8canary\nnext line"


@tool
def raises_in_stream(password: str) -> Iterator[str]:
    yield "begun"
    raise ValueError(f"cannot use {password}")


@llm(model="gpt-4o")
def call(api_key: str) -> dict[str, Any]:
    return {"text": f"I was called with {api_key}", "usage": {"prompt_tokens": 1}}


@agent
def support(question: str) -> str:
    with suppress(PermissionError):
        login("bob", canary("argument"))
    with suppress(PermissionError):
        asyncio.run(async_login(canary("async_error")))
    list(stream())
    list(text_stream())
    with suppress(ValueError):
        list(raises_in_stream(canary("raised_in_stream")))

    async def read() -> None:
        async for _ in async_stream():
            pass

    asyncio.run(read())
    call(canary("nested"))
    here = current()
    here.record(metadata={"note": f"token {token('handle_metadata')}"}, tags=[f"t-{token('handle_tag')}"[:120]])
    return f"done with {token('result')}"


@trace
def whole(question: str) -> str:
    return support(question)


def by_handles(sdk: VoltAgentSDK) -> None:
    run = sdk.trace(
        agent_id="bot",
        user_id=token("user"),
        tags=[token("trace_tag")],
        input={"headers": {"authorization": f"Bearer {canary('trace_input').replace(' ', '')}9"}},
    )
    worker = run.add_agent(name="worker", instructions=f"use {token('instructions')}")
    first = worker.add_tool(name=f"call {token('handle_name')}", input={"password": canary("handle_input")})
    first.record(usage={"prompt_tokens": 1}, output={"echo": f"got {canary('handle_input')}"})
    first.error(ValueError(f"refused {canary('handle_input')}"), metadata={"x": {"secret": canary("handle_error")}})
    second = worker.add_tool(name="second", input={"client_secret": canary("score_comment")})
    second.score("quality", token("score_value"), comment=f"it repeats {canary('score_comment')}")
    second.success(output={"api_key": canary("handle_output")})
    worker.add_event({"name": "note", "type": "note", "input": {"text": f"password = '{canary('event')}'"}})
    worker.update(metadata={"dsn": f"postgres://u:{canary('update').replace(' ', '')}9@h/d"})
    worker.success(output="fine")
    run.success(output=f"end {token('status')}")
    run.score("late", True, comment=token("late_score"))


def by_foreign_spans(sdk: VoltAgentSDK) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    from voltagent.opentelemetry import SpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(sdk))  # type: ignore[arg-type]
    with provider.get_tracer("other").start_as_current_span("chat") as span:
        span.set_attributes(
            {
                "openinference.span.kind": "LLM",
                "input.value": json.dumps({"password": canary("foreign_attribute")}),
                "output.value": f"it was {token('foreign_attribute')}",
            }
        )
        span.add_event("note", {"message": f"secret={token('foreign_event')}"})
    provider.shutdown()


def run_all(sdk: VoltAgentSDK) -> None:
    with suppress(Exception):
        whole("log me in")
    by_handles(sdk)
    by_foreign_spans(sdk)


def secrets_in(text: str) -> list[str]:
    """The places whose secret stands in a text, whole or in a part that gives it away."""
    found = []
    for place in PLACES:
        parts = (canary(place), canary(place).replace(" ", ""), token(place), token(place)[8:])
        if any(part in text for part in parts):
            found.append(place)
    return found + (["text stream"] if "text9stream8canary" in text else [])


def to_store(folder: Path, use: Callable[[VoltAgentSDK], object], **options: Any) -> str:
    path = folder / "traces.db"
    sdk = VoltAgentSDK(exporter="local", local_path=path, **options)
    use(sdk)
    sdk.shutdown()
    raw = b"".join(file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file())
    return raw.decode(errors="replace") + "".join(
        repr([one.input, one.output, one.metadata, one.error, one.name, one.tags])
        for whole_trace in load_traces(path)
        for one in whole_trace.walk()
    )


def to_server(kind: str, use: Callable[[VoltAgentSDK], object], **options: Any) -> str:
    with Server(lambda _: answer(200, {"id": "x"})) as server:
        if kind == "rest":
            sdk = VoltAgentSDK(
                base_url=server.url, public_key="pk_test", secret_key="sk_test_1", flush_interval=0.05, **options
            )
        else:
            sdk = VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{server.url}/v1/traces", **options)
        use(sdk)
        sdk.shutdown()
        bodies = [
            gzip.decompress(one.body) if one.headers.get("content-encoding") == "gzip" else one.body
            for one in server.requests
        ]
    return b"\n".join(bodies).decode(errors="replace")


def sent(kind: str, folder: Path, use: Callable[[VoltAgentSDK], object] = run_all, **options: Any) -> str:
    return to_store(folder, use, **options) if kind == "store" else to_server(kind, use, **options)


DESTINATIONS = ("store", "rest", "otlp")


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_no_secret_of_a_run_is_sent(kind: str, tmp_path: Path) -> None:
    text = sent(kind, tmp_path)
    assert secrets_in(text) == []
    assert "[redacted]" in text
    assert "log me in" in text
    assert "next line" in text


def test_the_number_of_redacted_values_is_in_the_metadata(tmp_path: Path) -> None:
    sent("store", tmp_path)
    (run,) = [one for one in load_traces(tmp_path / "traces.db") if one.agent_id == "whole"]
    counts = {one.name: (one.metadata or {}).get("redacted") for one in run.walk()}
    assert counts["login"] == 3  # the argument, and its repetitions in the message and the stack of the error
    assert counts["stream"] == 1  # one secret, though in three chunks
    assert counts["async_stream"] == 1
    assert counts["call"] == 2
    assert counts["support"] is not None


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_nothing_whose_redaction_fails_is_sent(kind: str, tmp_path: Path) -> None:
    def hook(path: str, value: object) -> object:
        if value == canary("hook_failed"):
            raise RuntimeError(canary("hook_failed"))
        return value

    @tool
    def plain(value: str) -> dict[str, str]:
        return {"echo": value}

    text = sent(kind, tmp_path, lambda _: plain(canary("hook_failed")), redact=Redactor(hook=hook))
    assert secrets_in(text) == []
    assert "[redaction failed]" in text


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_one_line_adds_a_key_or_a_format(kind: str, tmp_path: Path) -> None:
    @tool
    def plain(value: dict[str, str]) -> str:
        return f"employee EMP-{canary('own_pattern')} of {value['plate']}"

    redact = Redactor(["plate"], [r"EMP-[\w -]+words"])
    text = sent(kind, tmp_path, lambda _: plain({"plate": canary("own_key")}), redact=redact)
    assert secrets_in(text) == []
