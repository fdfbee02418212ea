"""Canary values in every position a program can put one, searched in every byte sent and every file written."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

import voltagent
from tests.helpers.server import Server
from voltagent import Secret, agent, memory, retriever, tool, trace

CANARY = "sk-canary-0123456789abcdef"
BARE = "hunter2canary"  # looks like nothing: known by its key or its annotation alone


class Login(pydantic.BaseModel):
    user: str
    secret: pydantic.SecretStr
    note: str


class Odd:
    def __repr__(self) -> str:
        return CANARY


class Broken(Exception):
    def __str__(self) -> str:
        return f"password={BARE!r}"


def notes(exc: BaseException) -> BaseException:
    exc.__notes__ = [f"tried {CANARY}"]  # type: ignore[attr-defined]  # as `add_note` does, which Python 3.10 has not
    return exc


def explicit(sdk: voltagent.VoltAgentSDK) -> None:
    payload = {"q": CANARY, "password": BARE, CANARY: 1, "n": [{"api_key": [BARE]}], "j": json.dumps({"token": BARE})}
    about: Any = {"metadata": payload, "tags": ["a", CANARY]}
    root = sdk.trace(
        agent_id=CANARY, user_id=CANARY, conversation_id=f"c {CANARY}", version=CANARY, input=payload, **about
    )
    root.update(user_id=CANARY, conversation_id=CANARY, **about, input=payload, output=payload, version=CANARY)
    with root:
        one = root.add_agent(
            name=CANARY, instructions=f"use {CANARY}", input=payload, model_parameters=payload, **about, version=CANARY
        )
        one.record(metadata=payload, usage={"total_tokens": 1, "key": CANARY}, output=payload, tags=[CANARY])
        one.update(metadata=payload, output=payload, status_message=CANARY, usage={"cost": 1.0, "api_key": BARE})
        event = one.add_event(
            name=CANARY, type=CANARY, input=payload, output=payload, status_message=payload, version=CANARY, **about
        )
        event.error(notes(ValueError(CANARY)), metadata=payload)
        one.add_tool(name=CANARY, input=payload).error({"message": CANARY, "details": {"password": BARE}})
        one.add_tool(name="plain", input=payload).error(f"password={BARE}", stage=CANARY)
        one.add_retriever(name="r", input=payload).success(output=[{"content": CANARY, "token": BARE}])
        one.add_memory(name="m", input=payload, operation="read").success(payload, payload)
        one.success(payload, {"total_tokens": 2, CANARY: CANARY}, payload)
    root.end(payload, metadata=payload, usage={"total_tokens": 1, "api_key": BARE})


def decorated() -> None:
    @tool(metadata={"password": BARE, "m": CANARY}, tags=[CANARY], name=CANARY)
    def login(
        login: Login, key: Annotated[str, Secret] = BARE, *rest: Annotated[str, Secret], q: str = CANARY, **more: Any
    ) -> Annotated[str, Secret]:
        return BARE

    @tool
    def fails(q: str) -> None:
        try:
            raise notes(LookupError(f"Bearer {CANARY}"))
        except LookupError:
            raise Broken(Odd(), CANARY) from KeyError(CANARY)

    @tool(capture_input=False)
    def unseen(q: str) -> None:
        raise ValueError(q)

    @retriever(capture_output=False)
    def unsaid() -> str:
        return BARE

    @memory(capture_input=["shown"])
    def partly(shown: int, hidden: str) -> None:
        raise ValueError(hidden)

    @tool
    def items() -> Iterator[Any]:
        yield CANARY
        yield {"password": BARE}

    @tool
    async def streamed() -> AsyncIterator[Annotated[str, Secret]]:
        yield BARE
        raise ValueError(BARE)

    @agent(
        instructions=CANARY, model_parameters={"api_key": BARE}, usage=lambda result: {"total_tokens": 1, "k": CANARY}
    )
    def works() -> dict[str, str]:
        login(Login(user="me", secret=BARE, note=CANARY), BARE, BARE, password=BARE)
        for call in (fails, unseen, lambda value: partly(1, value)):
            with contextlib.suppress(Exception):
                call(BARE if call is not fails else CANARY)
        unsaid()
        list(items())
        with contextlib.suppress(ValueError):
            asyncio.run(consume())
        return {"access_token": BARE, "text": CANARY}

    async def consume() -> None:
        async for _ in streamed():
            pass

    @trace(
        agent_id=lambda args: CANARY,
        user_id=lambda args: CANARY,
        conversation_id=CANARY,
        version=CANARY,
        metadata=lambda args: {"m": CANARY, "pwd": BARE},
        tags=lambda args: [CANARY],
    )
    def served() -> Any:
        return works()

    served()


@pytest.mark.parametrize("destination", ["rest", "otlp", "local", "debug"])
def test_no_canary_leaves_the_process(
    destination: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "voltagent")
    store = tmp_path / "traces.db"
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", str(store))
    with Server() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        options: Any = {"exporter": "rest" if destination == "debug" else destination, "debug": destination == "debug"}
        if options["exporter"] == "rest":
            options |= {"base_url": server.url, "public_key": "pk", "secret_key": "sk"}
        sdk = voltagent.VoltAgentSDK(**options)
        explicit(sdk)
        decorated()
        report = sdk.shutdown(10).result()
        sent = b"".join(request.line.encode() + request.body for request in server.requests)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert report.pending == 0
    assert report.accepted > 30
    assert len(sent if destination != "local" else written) > 10_000
    for text in (sent, written, caplog.text.encode()):
        for canary in (CANARY, BARE):
            at = text.find(canary.encode())
            assert at < 0, text[max(0, at - 200) : at + 60]
