"""Names of our own, for what none of the chosen profiles has a name for, so that nothing recorded is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voltagent.core.span import AGENT, EVENT_LIKE_KINDS, MEMORY, RETRIEVER, TOOL, TRACE
from voltagent.wire.otlp.profiles.profile import ANY, AttributeWords
from voltagent.wire.otlp.span_view import EVENT

_USAGE: Final = {
    "voltagent.usage.cost": "once_total_cost",
    "voltagent.usage.cache_write_tokens": "once_cache_write_tokens",
    "voltagent.usage.reasoning_tokens": "once_reasoning_tokens",
}
OWN: Final[AttributeWords] = {
    ANY: {
        "voltagent.trace.id": "own_trace_id",
        "voltagent.id": "own_id",
        "voltagent.parent_trace.id": "parent_trace",
        "voltagent.in_opener": "in_opener",
        "voltagent.input": "input",
        "voltagent.output": "output",
        "voltagent.instructions": "instructions",
        "voltagent.metadata": "metadata",
        "voltagent.tags": "tags",
        "voltagent.version": "version",
        "voltagent.level": "level",
        "voltagent.completion_start_time": "completion_start",
        "voltagent.usage.other": "other_usage",
        "voltagent.error": "other_error",
        "voltagent.error.code": "error_code",
        "voltagent.status_message": "note",
        "voltagent.cancelled": "cancelled",
    },
    MEMORY: {"voltagent.memory.operation": "operation", **_USAGE},
    RETRIEVER: {"voltagent.output": "undocumented_output", **_USAGE},
    **{kind: {"voltagent.event.type": "event_type", **_USAGE} for kind in (EVENT, *EVENT_LIKE_KINDS)},
    **dict.fromkeys((AGENT, TOOL), _USAGE),
    TRACE: {"voltagent.agent.usage": "agent_usage", **_USAGE},
}
# A profile that has a name for the one has reported the other too.
COVERED_BY: Final[Mapping[str, frozenset[str]]] = {
    "input": frozenset(("input_text", "genai_input")),
    "output": frozenset(("output_text", "genai_output", "documents_json")),
    "undocumented_output": frozenset(("output", "output_text")),
    "instructions": frozenset(("system",)),
    "level": frozenset(("langfuse_level",)),
    "once_total_cost": frozenset(("cost", "total_cost", "once_cost_json")),
    "once_reasoning_tokens": frozenset(("reasoning_tokens", "once_usage_json")),
}
