"""voltagent 0.1.1: it has no decorators, so they are written by hand over its client, sync and async."""

from __future__ import annotations

import functools
import inspect
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

from adapters import Contestant, Place
from voltagent import VoltAgentCoreAPI
from voltagent.types import (
    AddEventRequest,
    CreateHistoryRequest,
    EventStatus,
    TimelineEvent,
    TraceStatus,
    UpdateEventRequest,
    UpdateHistoryRequest,
)

CURRENT: ContextVar[tuple[str, str | None]] = ContextVar("current")


class Adapter(Contestant):
    burst = 100
    bursts = 2
    packages = ("voltagent", "httpx")
    skips = frozenset({"generator", "async_generator", "method", "outside"})

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.api = VoltAgentCoreAPI({"base_url": place.url, "public_key": "pk", "secret_key": "sk"})

    def decorate(self, kind: str, function: Any) -> Any:
        names = list(inspect.signature(function).parameters)
        name, api = function.__name__, self.api

        def begin(args: Any) -> AddEventRequest:
            history, parent = CURRENT.get()
            event = TimelineEvent(
                name=f"{kind}:start",
                type=kind,
                startTime=_now(),
                parentEventId=parent,
                input=dict(zip(names, args, strict=False)),
                metadata={"displayName": name},
            )
            return AddEventRequest(history_id=history, event=event)

        def end(event_id: str, result: Any) -> UpdateEventRequest:
            return UpdateEventRequest(
                id=event_id, end_time=_now(), status=EventStatus.COMPLETED, output={"result": result}
            )

        @functools.wraps(function)
        def trace(*args: Any) -> Any:
            history = api.add_history(CreateHistoryRequest(agent_id=name, startTime=_now()))
            token = CURRENT.set((history.id, None))
            result = function(*args)
            CURRENT.reset(token)
            api.update_history(UpdateHistoryRequest(id=history.id, end_time=_now(), status=TraceStatus.COMPLETED))
            return result

        @functools.wraps(function)
        def operation(*args: Any) -> Any:
            event = api.add_event(begin(args))
            token = CURRENT.set((CURRENT.get()[0], event.id))
            result = function(*args)
            CURRENT.reset(token)
            api.update_event(end(event.id, result))
            return result

        @functools.wraps(function)
        async def async_trace(*args: Any) -> Any:
            history = await api.add_history_async(CreateHistoryRequest(agent_id=name, startTime=_now()))
            token = CURRENT.set((history.id, None))
            result = await function(*args)
            CURRENT.reset(token)
            await api.update_history_async(
                UpdateHistoryRequest(id=history.id, end_time=_now(), status=TraceStatus.COMPLETED)
            )
            return result

        @functools.wraps(function)
        async def async_operation(*args: Any) -> Any:
            event = await api.add_event_async(begin(args))
            token = CURRENT.set((CURRENT.get()[0], event.id))
            result = await function(*args)
            CURRENT.reset(token)
            await api.update_event_async(end(event.id, result))
            return result

        if inspect.iscoroutinefunction(function):
            return async_trace if kind == "trace" else async_operation
        return trace if kind == "trace" else operation


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
