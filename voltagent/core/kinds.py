"""The kinds of operation beside agents, tools, memories and retrievers, and what each convention calls them.

One table, used in both directions: what arrives as one kind, by OTLP or REST, leaves as that kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Names(NamedTuple):
    """What the conventions call one kind."""

    genai: str | None  # ``gen_ai.operation.name``; None if the convention has no word for it
    openinference: str  # ``openinference.span.kind``
    langfuse: str  # ``langfuse.observation.type``
    voltops: str  # ``span.type``
    foreign: tuple[str, ...] = ()  # further words of other programs, in lower case


# The attribute that names a kind for which some conventions have no word of their own.
KIND_ATTRIBUTE: Final = "voltagent.kind"

# They also start and end with events of their own on the REST wire: `embedding:start|success|error`.
EXTENDED: Final[Mapping[str, Names]] = {
    "embedding": Names("embeddings", "EMBEDDING", "embedding", "embedding", ("embed",)),
    "reranker": Names(None, "RERANKER", "retriever", "retriever", ("rerank",)),
    "guardrail": Names(None, "GUARDRAIL", "guardrail", "guardrail"),
    "workflow": Names("invoke_workflow", "CHAIN", "chain", "workflow-step", ("workflow-step", "workflow")),
    "evaluator": Names(None, "EVALUATOR", "evaluator", "scorer", ("scorer", "evaluation")),
}

# Kinds of a foreign span that are called after what it does, not after who does it.
NAMED_BY_SPAN: Final = frozenset(("span", "llm", "embedding"))
