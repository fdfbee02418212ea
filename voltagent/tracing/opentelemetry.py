"""Beside OpenTelemetry: where the program uses it, its current span is the parent of our traces, and ours of its.

OpenTelemetry is never imported here: what the program has not loaded is not there. Opted in, our current span is laid
over what OpenTelemetry holds for current at the moment when it asks, so that our operations cost nothing more. There is
no public way to do that: attaching a context at each start and end would cost every operation some microseconds, and
could not be detached where a generator is closed elsewhere; and a context class of one's own has to be named in
``OTEL_PYTHON_CONTEXT`` before OpenTelemetry is imported.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final
from weakref import WeakSet

from voltagent.core.context import CURRENT
from voltagent.core.guard import guard, log_once
from voltagent.core.span import Remote

API: Final = "opentelemetry.trace"  # the module that a program with OpenTelemetry has loaded
_RANDOM: Final = 2  # the flag of a trace id that is random (W3C Trace Context, level 2)
_OURS: Final = "voltagent-span"  # in a context of OpenTelemetry's: the span of ours that it was made under
_shown: Final[WeakSet[Any]] = WeakSet()  # the recorders whose spans OpenTelemetry is to see


def current_parent() -> Remote | None:
    """Return OpenTelemetry's current span; ``None`` if it is not loaded, or has none."""
    api: Any = sys.modules.get(API)
    if api is None:
        return None
    with guard:
        if _shown:
            _lay_over()
        context = api.get_current_span().get_span_context()
        if context.is_valid:
            flags, state = context.trace_flags, context.trace_state.to_header()
            ids = f"{context.trace_id:032x}", f"{context.span_id:016x}"
            return Remote(*ids, flags.sampled, state, random=bool(flags & _RANDOM))
    return None


def show_ours(recorder: object) -> None:
    """Make the current spans of this recorder the parents of OpenTelemetry's from now on."""
    _shown.add(recorder)
    if API in sys.modules:
        _lay_over()


def _lay_over() -> None:
    """Put our layer over OpenTelemetry's current context, once; it shows our current span to OpenTelemetry."""
    module: Any = sys.modules.get("opentelemetry.context")
    if module is None:
        return
    module.get_current()  # some versions make the object below at the first use
    below = getattr(module, "_RUNTIME_CONTEXT", None)
    if below is None:
        log_once("otel_context", logging.WARNING, "otel_context does not work with this version of OpenTelemetry")
    elif not isinstance(below, _Overlay):
        module._RUNTIME_CONTEXT = _Overlay(below)  # noqa: SLF001 - see above; tried with versions 1.0.0 to 1.45.2


class _Overlay:
    """OpenTelemetry's holder of the current context, with our current span in it where that is the newer one."""

    def __init__(self, below: Any) -> None:
        self._below = below

    def attach(self, context: Any) -> Any:
        return self._below.attach(context)

    def detach(self, token: Any) -> None:
        self._below.detach(token)

    def get_current(self) -> Any:
        """Return the current context of OpenTelemetry, with our current span in it if ours is further inside."""
        context = self._below.get_current()
        span = CURRENT.get()
        if span is None or not span.recording or span.trace.recorder not in _shown or context.get(_OURS) is span:
            return context
        with guard:
            return _with_ours(context, span)
        return context


def _with_ours(context: Any, span: Any) -> Any:
    """Return OpenTelemetry's context with our span as the current one."""
    from voltagent.core.trace_ids import context_of  # with hashlib, which only ids from elsewhere need

    api: Any = sys.modules[API]
    ours = context_of(span)
    found = api.SpanContext(
        int(ours.trace_id, 16),
        int(ours.span_id, 16),
        is_remote=False,
        trace_flags=api.TraceFlags(int(ours.sampled) | _RANDOM * ours.random),
        trace_state=api.TraceState.from_header([ours.state]) if ours.state else None,
    )
    laid = api.set_span_in_context(api.NonRecordingSpan(found), context)
    return type(laid)({**laid, _OURS: span})
