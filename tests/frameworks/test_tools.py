"""Our decorators refuse what a framework's decorator made, and work below it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import voltagent


def langchain(function: Any) -> Any:
    return import_module("langchain_core.tools").tool(function)


def openai_agents(function: Any) -> Any:
    return import_module("agents").function_tool(function)


def pydantic_ai(function: Any) -> Any:
    return import_module("pydantic_ai").Tool(function)


@pytest.mark.parametrize("framework", [langchain, openai_agents, pydantic_ai])
def test_a_tool_of_a_framework_is_refused(framework: Any) -> None:
    def weather(city: str) -> str:
        """Say how the weather is."""
        return city

    framework(voltagent.tool(weather))
    with pytest.raises(TypeError, match="put @tool below"):
        voltagent.tool(framework(weather))
