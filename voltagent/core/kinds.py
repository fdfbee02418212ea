"""The kinds of operation besides agents, tools, memories and retrievers, and their names in each convention.

One table for both directions: a kind received by OTLP or REST is sent on as the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class KindNames(NamedTuple):
    """The names of one kind in the conventions."""

    genai: str | None  # ``gen_ai.operation.name``; None if the convention has no word for it
    openinference: str  # ``openinference.span.kind``
    langfuse: str  # ``langfuse.observation.type``
    voltops: str  # ``span.type``
    foreign: tuple[str, ...] = ()  # further words of other programs, in lower case


# The attribute for kinds that a convention cannot express.
KIND_ATTRIBUTE: Final = "voltagent.kind"

# On the REST wire, they too start and end with events of their own: `embedding:start|success|error`.
EXTENDED: Final[Mapping[str, KindNames]] = {
    "embedding": KindNames("embeddings", "EMBEDDING", "embedding", "embedding", ("embed",)),
    "reranker": KindNames(None, "RERANKER", "retriever", "retriever", ("rerank",)),
    "guardrail": KindNames(None, "GUARDRAIL", "guardrail", "guardrail"),
    "workflow": KindNames("invoke_workflow", "CHAIN", "chain", "workflow-step", ("workflow-step", "workflow")),
    "evaluator": KindNames(None, "EVALUATOR", "evaluator", "scorer", ("scorer", "evaluation")),
}

# Kinds of foreign spans that are named after the span, not after the agent.
NAMED_BY_SPAN: Final = frozenset(("span", "llm", "embedding"))
