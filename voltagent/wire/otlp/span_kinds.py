"""What a span is: the kind that its attributes name, in the words of any convention.

A span of another program has no word of ours, one of its own conventions, or several at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from voltagent.core.kinds import EXTENDED, KIND_ATTRIBUTE
from voltagent.core.span import AGENT, LLM, MEMORY, RETRIEVER, TOOL

SPAN: Final = "span"  # the kind of a span that says nothing of what it is
EVENT_TYPE: Final = "voltagent.event.type"
_GENERIC: Final = ("", "chain", "span", "task", "unknown")
# The first attribute that a span has says its kind; its value is looked up here, and stands for itself elsewhere.
KIND_ATTRIBUTES: Final = (
    "span.type", "openinference.span.kind", "langfuse.observation.type", "gen_ai.operation.name",
    "traceloop.span.kind", "llm.request.type", "ai.operationId",
)  # fmt: skip
_WRITES: Final = ("update_memory", "create_memory", "upsert_memory", "delete_memory")
_READS: Final = ("search_memory", "retrieve_memory")
_MODEL_REQUESTS: Final = (
    "chat", "completion", "generate_content", "text_completion", "generation", "ai.generatetext.dogenerate",
    "ai.streamtext.dostream", "ai.generateobject.dogenerate", "ai.streamobject.dostream",
)  # fmt: skip
_VERCEL_RUNS: Final = ("ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_GENERIC, SPAN),
    "invoke_agent": AGENT,
    "create_agent": AGENT,
    "execute_tool": TOOL,
    "retrieval": RETRIEVER,
    **dict.fromkeys(_MODEL_REQUESTS, LLM),
    **dict.fromkeys((*_READS, *_WRITES), MEMORY),
    **dict.fromkeys(_VERCEL_RUNS, AGENT),
    "ai.toolcall": TOOL,
    **dict.fromkeys(("ai.embed", "ai.embedmany", "ai.embed.doembed", "ai.embedmany.doembed"), "embedding"),
    **{
        word: kind
        for kind, names in EXTENDED.items()
        for word in (kind, names.genai, *names.foreign)
        if word is not None
    },
    "event": SPAN,
}


def kind_of(attributes: Mapping[str, Any], *, root: bool) -> str:
    """Return the kind of a span; :data:`SPAN` if its attributes do not name one, or if it is its trace."""
    kind = _kind(attributes)
    return SPAN if root and kind == "workflow" and EVENT_TYPE not in attributes else kind


def _kind(attributes: Mapping[str, Any]) -> str:
    """Return the kind of a span, from our own marks first: several conventions have none for memories and events."""
    own = attributes.get(EVENT_TYPE) or attributes.get(KIND_ATTRIBUTE)
    if isinstance(own, str) and own:
        return own
    if "voltagent.memory.operation" in attributes:
        return MEMORY
    for name in KIND_ATTRIBUTES:
        value = attributes.get(name)
        if isinstance(value, str):
            return _KINDS.get(value.lower(), value.lower())
    return next((kind for name, kind in _HINTS if name in attributes), SPAN)


# What a span is that does not say so, by the first of these attributes that it has.
_HINTS: Final = (
    ("tool_arguments", TOOL),
    ("gen_ai.tool.name", TOOL),
    ("final_result", AGENT),
    ("agent_name", AGENT),
    ("embedding.model_name", "embedding"),
    ("gen_ai.request.model", LLM),
    ("llm.model_name", LLM),
)


def memory_operation(attributes: Mapping[str, Any]) -> str:
    """Return whether a memory is read or written, as far as its attributes say; ``write`` if they do not."""
    return "read" if attributes.get("gen_ai.operation.name") in _READS else "write"
