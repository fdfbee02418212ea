"""The one place where tests look below the public objects: the recorder and sender of an SDK, the span of a handle."""

from __future__ import annotations

from typing import Any

from voltagent import VoltAgentSDK
from voltagent.core.span import Span
from voltagent.delivery.sender import Sender
from voltagent.handles import Handle

__all__ = ["recorder_of", "sender_of", "span_of"]


def recorder_of(sdk: VoltAgentSDK | Handle) -> Any:
    """The :class:`voltagent.tracing.recorder.Recorder` that starts and ends the spans."""
    return sdk._recorder


def sender_of(sdk: VoltAgentSDK) -> Sender:
    """The sender, with a worker for each destination."""
    return sdk._sender


def span_of(handle: Handle) -> Span:
    """The span that a handle is a view of."""
    return handle._span
