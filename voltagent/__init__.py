"""See what your AI agents do.

Decorate the functions of your agents, and run your program; ``voltagent show`` prints what happened::

    from voltagent import agent, tool

    @tool
    def weather(city: str) -> str: ...

    @agent
    def assistant(question: str) -> str:
        return weather("Istanbul")

Names that need pydantic models or httpx are imported when they are first used, so that ``import voltagent`` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from voltagent._version import VERSION
from voltagent.capture.secrets import Secret
from voltagent.core import context
from voltagent.core.context import suppress
from voltagent.core.handover import portable_context
from voltagent.core.process import exit_hook  # it must be older than the exit hooks of the program
from voltagent.decorators import agent, llm, memory, retriever, tool, trace
from voltagent.decorators.bound import bind
from voltagent.errors import APIError, TimeoutError, ValidationError, VoltAgentError
from voltagent.handles import Handle, current, current_agent, current_trace

if TYPE_CHECKING:
    from voltagent.client import VoltAgentCoreAPI
    from voltagent.delivery.report import Report
    from voltagent.instrumentation import instrument, uninstrument
    from voltagent.middleware.asgi import ASGIMiddleware
    from voltagent.middleware.wsgi import WSGIMiddleware
    from voltagent.processors.redaction import Redactor
    from voltagent.propagation import extract, inject, propagated, trace_request
    from voltagent.sdk import VoltAgentSDK
    from voltagent.types import (
        AddEventRequest,
        AgentOptions,
        CreateHistoryRequest,
        ErrorOptions,
        Event,
        EventLevel,
        EventStatus,
        History,
        LlmOptions,
        MemoryOptions,
        RetrieverOptions,
        SuccessOptions,
        TimelineEvent,
        TokenUsage,
        ToolOptions,
        TraceOptions,
        TraceStatus,
        UpdateEventRequest,
        UpdateHistoryRequest,
        VoltAgentConfig,
        convert_metadata_to_camel_case,
        snake_to_camel,
    )

__version__ = VERSION

__all__ = [
    "APIError",
    "ASGIMiddleware",
    "AddEventRequest",
    "AgentOptions",
    "CreateHistoryRequest",
    "ErrorOptions",
    "Event",
    "EventLevel",
    "EventStatus",
    "Handle",
    "History",
    "LlmOptions",
    "MemoryOptions",
    "Redactor",
    "Report",
    "RetrieverOptions",
    "Secret",
    "SuccessOptions",
    "TimelineEvent",
    "TimeoutError",
    "TokenUsage",
    "ToolOptions",
    "TraceOptions",
    "TraceStatus",
    "UpdateEventRequest",
    "UpdateHistoryRequest",
    "ValidationError",
    "VoltAgentConfig",
    "VoltAgentCoreAPI",
    "VoltAgentError",
    "VoltAgentSDK",
    "WSGIMiddleware",
    "__version__",
    "agent",
    "bind",
    "convert_metadata_to_camel_case",
    "current",
    "current_agent",
    "current_trace",
    "extract",
    "inject",
    "instrument",
    "llm",
    "memory",
    "propagated",
    "retriever",
    "snake_to_camel",
    "suppress",
    "tool",
    "trace",
    "trace_request",
    "uninstrument",
]

_MODULES = {
    "Redactor": "processors.redaction",
    "VoltAgentCoreAPI": "client",
    "VoltAgentSDK": "sdk",
    "Report": "delivery.report",
    **dict.fromkeys(("ASGIMiddleware", "WSGIMiddleware"), "middleware"),
    **dict.fromkeys(("instrument", "uninstrument"), "instrumentation"),
    **dict.fromkeys(("extract", "inject", "propagated", "trace_request"), "propagation"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'voltagent' has no attribute {name!r}")
    with exit_hook.imports_kept():
        value = getattr(import_module(f"voltagent.{_MODULES.get(name, 'types')}"), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """Show below each cell of a notebook what it recorded: run by ``%load_ext voltagent``.

    If the program has no SDK, and its environment names no destination, the local store takes the records.
    """
    import_module("voltagent.render.notebook").watch_cells(shell)
    import_module("voltagent.sdk").from_environment(always=True)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


context.on_instrument(lambda *names: import_module("voltagent.instrumentation").instrument(*names))
portable_context.on_adoption(lambda destination: import_module("voltagent.sdk").recorder_for(destination))
context.on_first_use(lambda: import_module("voltagent.sdk").from_environment())
