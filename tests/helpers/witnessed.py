"""A program with our decorators, and what a receiver must have of it: for tests with receivers that others wrote."""

from __future__ import annotations

from typing import Any

import pytest

import voltagent
from voltagent import VoltAgentSDK


@voltagent.retriever(name="kb-search")
def search(query: str, k: int = 2) -> list[dict[str, Any]]:
    return [{"id": f"d{number}", "content": f"{query} № {number}", "score": 0.5} for number in range(k)]


@voltagent.memory(operation="read", name="profile")
def recall(key: str) -> dict[str, Any]:
    return {"key": key, "orders": 2**60}


@voltagent.tool(name="tracking")
def track(parcel: str) -> dict[str, str]:
    return {"where": "Köln 📦"}


@voltagent.tool(name="refund")
def refund(amount: float) -> None:
    raise PermissionError("not allowed to refund")


@voltagent.agent(name="Translator")
def translate(text: str) -> str:
    return text.upper()


@voltagent.agent(name="Support", instructions="Be brief.", model_parameters={"model": "gpt-4", "temperature": 0.5})
def answer(question: str) -> str:
    search(question)
    recall("u-1")
    track("P-1")
    with pytest.raises(PermissionError):
        refund(12.5)
    voltagent.current_agent().record(usage={"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235})
    return translate("tomorrow")


def run(sdk: VoltAgentSDK) -> str:
    """Run the program; the id of its trace."""
    with sdk.trace(agent_id="shop", user_id="u-1", conversation_id="c-9", tags=["vip"], input={"q": "Wo?"}) as trace:
        text = answer("Wo ist mein Päckchen?")
        trace.end(output={"text": text})
    return trace.id


# operation -> (its parent, input, output); a failed one has no output
OPERATIONS: dict[str, tuple[str | None, Any, Any]] = {
    "shop": (None, {"q": "Wo?"}, {"text": "TOMORROW"}),
    "Support": ("shop", {"question": "Wo ist mein Päckchen?"}, {"result": "TOMORROW"}),
    "kb-search": (
        "Support",
        {"query": "Wo ist mein Päckchen?", "k": 2},
        {
            "result": [
                {"id": "d0", "content": "Wo ist mein Päckchen? № 0", "score": 0.5},
                {"id": "d1", "content": "Wo ist mein Päckchen? № 1", "score": 0.5},
            ]
        },
    ),
    "profile": ("Support", {"key": "u-1"}, {"key": "u-1", "orders": 2**60}),
    "tracking": ("Support", {"parcel": "P-1"}, {"where": "Köln 📦"}),
    "refund": ("Support", {"amount": 12.5}, None),
    "Translator": ("Support", {"text": "tomorrow"}, {"result": "TOMORROW"}),
}
FAILED = {"refund": "not allowed to refund"}
