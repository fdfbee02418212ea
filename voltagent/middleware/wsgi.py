"""The WSGI middleware (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from voltagent.core.context import CURRENT, set_current
from voltagent.core.span import Remote
from voltagent.middleware.requests import MiddlewareOptions, TracedRequest
from voltagent.middleware.routes import wsgi_route
from voltagent.propagation import continued, extract

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_SEEN: Final = "voltagent.request"  # in the environment of a request that is traced already
_HEADERS: Final = ("traceparent", "tracestate", "baggage")


class WSGIMiddleware:
    """Wraps a WSGI application so that each request is one trace, which continues that of its caller::

        app.wsgi_app = voltagent.WSGIMiddleware(app.wsgi_app)      # Flask

    The trace is named after the method and the route, and lasts until the body has been sent.

    Args:
        app: the application.
        trace: ``False`` only continues the caller's trace, and starts none.
        user: a function of the environment (``environ``) that gives the id of the user, or ``None``. It is called when
            a request starts, and again at its end if it gave none.
        exclude: paths or routes that are not traced, such as ``"/health"``; ``*`` stands for any characters.
    """

    def __init__(
        self,
        app: Application,
        trace: bool = True,
        user: Callable[[Environ], Any] | None = None,
        exclude: Iterable[str] = (),
    ) -> None:
        self.app = app
        self._plan = MiddlewareOptions(trace, user, exclude)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        parent = extract([(name, environ.get(f"HTTP_{name.upper()}")) for name in _HEADERS])
        with continued(parent):
            request = self._begin(environ)
        if request is None:
            return self._continue(parent, environ, start_response)
        environ[_SEEN] = True
        request.set_user(self._plan.user_of(request, environ))

        def start_and_see(status: str, *more: Any) -> Any:
            code = status.partition(" ")[0]
            request.status = int(code) if code.isascii() and code.isdigit() else None
            return start_response(status, *more)

        turn = _Turn(parent, request)
        try:
            with turn.run():
                body = self.app(environ, start_and_see)
        except BaseException as exc:
            request.fail(exc)
            raise

        def end() -> None:
            request.set_user(self._plan.user_of(request, environ))
            request.end()

        if _is_complete(body, environ):
            end()
            return body
        return _ResponseBody(body, turn, end, request.fail)

    def _begin(self, environ: Environ) -> TracedRequest | None:
        if not self._plan.traces or _SEEN in environ:
            return None
        path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
        return self._plan.begin(str(environ.get("REQUEST_METHOD", "")), path or "/", wsgi_route(self.app, environ))

    def _continue(self, parent: Remote | None, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        turn = _Turn(parent, None)
        with turn.run():
            body = self.app(environ, start_response)
        return body if parent is None or _is_complete(body, environ) else _ResponseBody(body, turn)


def _is_complete(body: object, environ: Environ) -> bool:
    """Return whether no code of the application's runs while the body is sent."""
    sendfile = environ.get("wsgi.file_wrapper")
    return isinstance(body, list | tuple) or (type(sendfile) is type and isinstance(body, sendfile))


class _Turn:
    """While the application's code runs: its trace is current, or what its caller's trace says."""

    def __init__(self, parent: Remote | None, request: TracedRequest | None) -> None:
        self._parent = parent
        self._request = request

    @contextmanager
    def run(self) -> Generator[None]:
        """Make the request's trace current while the application or its body runs for a step."""
        before = CURRENT.get()
        with continued(self._parent):
            try:
                if self._request is not None:
                    set_current(self._request.span)
                yield
            finally:
                set_current(before)


def _nothing(*_: object) -> None:
    """Do nothing at the end of a body that is not traced."""


class _ResponseBody:
    """A body that the application makes while it is being sent."""

    def __init__(
        self,
        body: Iterable[bytes],
        turn: _Turn,
        end: Callable[[], None] = _nothing,
        fail: Callable[[BaseException], None] = _nothing,
    ) -> None:
        self._body = body
        self._turn = turn
        self._end = end
        self._fail = fail

    def __iter__(self) -> Iterator[bytes]:
        with self._turn.run():
            steps = iter(self._body)
        while True:
            try:
                with self._turn.run():
                    step = next(steps)
            except StopIteration:
                self._end()  # some callers do not close it
                return
            except BaseException as exc:
                self._fail(exc)
                raise
            yield step

    def close(self) -> None:
        """End the request; servers call this when the body was sent, or the client is gone."""
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                with self._turn.run():
                    close()
        finally:
            self._end()
