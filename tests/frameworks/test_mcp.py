"""The official client of the Model Context Protocol lists and calls every tool of ``voltagent mcp``."""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.examples import environment


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two traces; in the newer one a tool failed."""
    path = tmp_path / "traces.db"

    @voltagent.tool
    def weather(city: str) -> str:
        if city == "Atlantis":
            raise LookupError("no such city")
        return "sunny"

    @voltagent.agent
    def guide(city: str) -> str:
        try:
            return weather(city)
        except LookupError:
            return "unknown"

    with voltagent.VoltAgentSDK(exporter="local", local_path=path):
        guide("Oslo")
        guide("Atlantis")
    return path


async def _calls(store: Path) -> tuple[set[str], dict[str, Any]]:
    mcp = import_module("mcp")
    stdio = import_module("mcp.client.stdio")
    parameters = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "voltagent", "mcp", "--db", str(store)], env=environment(store)
    )
    async with stdio.stdio_client(parameters) as (reading, writing), mcp.ClientSession(reading, writing) as session:
        await session.initialize()
        names = {tool.name for tool in (await session.list_tools()).tools}

        async def call(name: str, **arguments: Any) -> Any:
            result = await session.call_tool(name, arguments)
            assert not (result.is_error if hasattr(result, "is_error") else result.isError), result
            return json.loads(result.content[0].text)

        traces = await call("list_traces")
        newest, oldest = _ids(traces)[:2]
        tree = await call("get_trace", trace_id=newest, max_tokens=500)
        errors = await call("list_errors")
        answers = {
            "list_traces": traces,
            "get_trace": tree,
            "list_errors": errors,
            "search": await call("search", text="Atlantis"),
            "metrics": await call("metrics"),
            "compare_traces": await call("compare_traces", first=newest, second=oldest),
        }
        operation = _find(errors, "operation_id") or _find(errors, "id")
        answers["get_operation"] = await call("get_operation", trace_id=newest, operation_id=operation)
        return names, answers


def _ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer["data"]]


def _find(value: Any, name: str) -> Any:
    """The first value under a name, at any depth."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        found = _find(one, name)
        if found is not None:
            return found
    return None


def test_the_official_client_lists_and_calls_every_tool(store: Path) -> None:
    names, answers = asyncio.run(_calls(store))
    assert names == set(answers)
    assert "no such city" in json.dumps(answers["list_errors"])
    assert "no such city" in json.dumps(answers["get_operation"])
    assert "Atlantis" in json.dumps(answers["search"])
    assert "weather" in json.dumps(answers["get_trace"])
    assert "Oslo" in json.dumps(answers["compare_traces"])
