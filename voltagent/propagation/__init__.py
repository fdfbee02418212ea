"""One trace across several processes: trace context and baggage, in and out.

Two HTTP headers name the span to which a request belongs; a trace started under them continues that trace. A third one
carries user, conversation and tags, as far as the settings allow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from voltagent.core.span import Remote
from voltagent.propagation.baggage import propagated, propagated_by
from voltagent.propagation.headers import continued, extract, incoming, inject, outgoing, parent_of, trace_request
from voltagent.propagation.trace_context import parse, traceparent

__all__ = [
    "ASGIMiddleware",  # imported when it is first used  # pyright: ignore
    "Remote",
    "WSGIMiddleware",  # pyright: ignore
    "continued",
    "extract",
    "incoming",
    "inject",
    "outgoing",
    "parent_of",
    "parse",
    "propagated",
    "propagated_by",
    "trace_request",
    "traceparent",
]


def __getattr__(name: str) -> Any:
    """Import the middleware, which is in a package of its own."""
    if name in ("ASGIMiddleware", "WSGIMiddleware"):
        return getattr(import_module("voltagent.middleware"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
