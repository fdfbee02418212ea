"""The ASGI middleware (ASGI 3.0, https://asgi.readthedocs.io/en/latest/specs/main.html)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from inspect import isawaitable
from typing import Any, Final

from voltagent.core.awaitable import Pending
from voltagent.core.context import CURRENT, set_current
from voltagent.core.guard import guard, pass_on_interrupt
from voltagent.delivery.process_hooks import flush_all
from voltagent.middleware.requests import MiddlewareOptions, TracedRequest
from voltagent.middleware.routes import asgi_route
from voltagent.propagation import continued, extract

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SEEN: Final = "voltagent.request"  # in the scope of a request that is traced already


class ASGIMiddleware:
    """Wraps an ASGI application so that each HTTP request is one trace, which continues that of its caller::

        app.add_middleware(voltagent.ASGIMiddleware)      # FastAPI, Starlette
        app = voltagent.ASGIMiddleware(app)               # any other

    The trace is named after the method and the route, such as ``GET /users/{id}``, and lasts until the application has
    returned: dependencies, the body while it is streamed, and background tasks belong to it. WebSockets are not traced;
    what they record continues the caller's trace. When the server shuts the application down (lifespan), what was
    recorded is sent first: uvicorn ends by the signal that stopped it, which runs no exit hook.

    Args:
        app: the application.
        trace: ``False`` only continues the caller's trace, and starts none.
        user: a function of the scope that gives the id of the user, or ``None``. It is called when a request starts,
            and again at its end if it gave none, because an inner middleware may have authenticated the user. It may
            be a coroutine function.
        exclude: paths or routes that are not traced, such as ``"/health"``; ``*`` stands for any characters.
    """

    def __init__(
        self,
        app: Application,
        trace: bool = True,
        user: Callable[[Scope], Any] | None = None,
        exclude: Iterable[str] = (),
    ) -> None:
        self.app = app
        self._plan = MiddlewareOptions(trace, user, exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        with continued(extract(scope.get("headers") or ())):
            request = None
            if self._plan.traces and scope["type"] == "http" and _SEEN not in scope:
                request = self._plan.begin(scope["method"], scope["path"], asgi_route(self.app, scope))
            if request is None:
                await self.app(scope, receive, _flushing(send) if scope["type"] == "lifespan" else send)
            else:
                scope[_SEEN] = True
                await self._serve(request, scope, receive, send)

    async def _serve(self, request: TracedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the request's trace as current, and note the status that it sends."""

        async def send_and_see(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            await send(message)

        before = CURRENT.get()
        await self._find_user(request, scope)
        try:
            set_current(request.span)
            await self.app(scope, receive, send_and_see)
        except BaseException as exc:
            set_current(before)
            request.fail(exc)
            raise
        set_current(before)
        await self._find_user(request, scope)
        request.end()

    async def _find_user(self, request: TracedRequest, scope: Scope) -> None:
        """Set the user of the request by the user's function, sync or async: before the application, and after it."""
        found = self._plan.user_of(request, scope)
        if isawaitable(found):
            try:
                found = await found
            except Exception as exc:  # of the user's function
                pass_on_interrupt(exc)
                found = self._plan.report(exc)
        request.set_user(found)


def _flushing(send: Send) -> Send:
    """Return a function that sends what was recorded before the server learns that the application has shut down."""

    async def flush_and_send(message: MutableMapping[str, Any]) -> None:
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            with guard:
                await _flushed()
        await send(message)

    return flush_and_send


async def _flushed() -> None:
    futures = flush_all()
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # trio, with nothing left to do but to end
        for future in futures:
            future.result()
    else:
        for future in futures:
            await Pending(future)
