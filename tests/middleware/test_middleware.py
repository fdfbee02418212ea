"""One trace for each request: endpoint, streamed body and background work are one tree, on real servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

import voltagent
from tests.helpers.serving import asgi_server, ask_at_once, wsgi_server
from voltagent import ASGIMiddleware, WSGIMiddleware, agent, tool
from voltagent.errors import ValidationError
from voltagent.records import TraceRecord
from voltagent.testing import Run, record

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@tool
def step(name: str) -> str:
    return name


@agent
async def answer(path: str) -> str:
    await asyncio.sleep(0)
    return step(path)


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    status = int(path.rpartition("/")[2]) if path.startswith("/status") else 200
    await answer(path)
    if path == "/raise":
        raise LookupError("in the application")
    if path == "/user":
        scope["user"] = "ann"
    await send({"type": "http.response.start", "status": status, "headers": []})
    for chunk in ("one ", "two"):
        step(f"stream {chunk}")
        await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    step("background")


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    status = path.rpartition("/")[2] if path.startswith("/status") else "200"
    step(path)
    if path == "/raise":
        raise LookupError("in the application")
    if path == "/user":
        environ["user"] = "ann"
    start_response(f"{status} Whatever", [("Content-Type", "text/plain")])
    if path == "/list":
        return [b"one ", b"two"]
    return chunks()


def chunks() -> Iterator[bytes]:
    try:
        for chunk in ("one ", "two"):
            step(f"stream {chunk}")
            yield chunk.encode()
    finally:
        step("background")


Serve = Callable[..., AbstractContextManager[str]]


def serve_asgi(**options: Any) -> AbstractContextManager[str]:
    return asgi_server(ASGIMiddleware(asgi_app, **options))


def serve_wsgi(**options: Any) -> AbstractContextManager[str]:
    return wsgi_server(WSGIMiddleware(wsgi_app, **options))


BOTH = pytest.mark.parametrize("serve", [serve_asgi, serve_wsgi])


def names(trace: TraceRecord) -> list[str]:
    return [one.input["name"] for one in trace.find("tool")]


def callers(run: Run) -> list[str | None]:
    """The traces of the callers that those of the run continue, which no record has."""
    remotes = [span.trace.remote for span in run.spans if span.parent is None]
    return [None if remote is None else remote.trace_id for remote in remotes]


@BOTH
def test_a_request_is_one_trace(serve: Serve) -> None:
    with record() as run, serve() as url:
        assert httpx.get(f"{url}/chat", headers={"traceparent": GOOD}).text == "one two"
    root = run.trace
    assert (root.agent_id, root.status) == ("GET /chat", "completed")
    assert callers(run) == [GOOD.split("-")[1]]
    assert names(root) == ["/chat", "stream one ", "stream two", "background"]
    assert root.metadata["status_code"] == 200


@BOTH
@pytest.mark.parametrize(("path", "status"), [("/status/404", "completed"), ("/status/503", "error")])
def test_the_status_of_the_response_is_that_of_the_trace(serve: Serve, path: str, status: str) -> None:
    with record() as run, serve() as url:
        httpx.get(url + path)
    assert [root.status for root in run.traces] == [status]


@BOTH
@pytest.mark.filterwarnings("ignore")
def test_an_exception_ends_the_trace_and_goes_on(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    with record() as run, serve() as url:
        assert httpx.get(f"{url}/raise").status_code == 500
    root = run.trace
    assert root.status == "error"


@BOTH
@pytest.mark.parametrize("user", [lambda scope: 7, lambda scope: scope.get("user")])
def test_the_user_is_found_at_the_start_or_the_end(serve: Serve, user: Callable[[Any], Any]) -> None:
    with record() as run, serve(user=user) as url:
        httpx.get(f"{url}/user")
    assert [root.user_id for root in run.traces] == [str(user({"user": "ann"}))]


def test_the_user_may_be_found_by_a_coroutine() -> None:
    async def user(scope: Any) -> str:
        await asyncio.sleep(0)
        return "ann"

    with record() as run, serve_asgi(user=user) as url:
        httpx.get(f"{url}/user")
    assert [root.user_id for root in run.traces] == ["ann"]


@BOTH
def test_a_user_function_that_fails_costs_the_user_only(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def user(scope: Any) -> str:
        step("stray")
        raise KeyError("user")

    with record() as run, serve(user=user) as url:
        assert httpx.get(f"{url}/chat").text == "one two"
    root = run.trace
    assert "stray" not in names(root)
    assert "the user= callback of the middleware raised KeyError; recording without user" in caplog.text


@BOTH
def test_what_is_excluded_starts_no_trace(serve: Serve) -> None:
    with record() as run, serve(exclude=["/health", "/static/*"]) as url:
        for path in ("/health", "/static/a/b", "/healthy"):
            httpx.get(url + path)
    assert [root.agent_id for root in run.traces if root.agent_id.startswith("GET")] == ["GET /healthy"]


@BOTH
def test_without_traces_the_callers_trace_is_continued(serve: Serve) -> None:
    with record() as run, serve(trace=False) as url:
        httpx.get(f"{url}/chat", headers={"traceparent": GOOD})
    assert set(callers(run)) - {None} == {GOOD.split("-")[1]}
    assert not [root for root in run.traces if root.agent_id.startswith("GET")]


@BOTH
def test_a_request_is_traced_once_by_two_middlewares(serve: Serve) -> None:
    kind, app = (ASGIMiddleware, asgi_app) if serve is serve_asgi else (WSGIMiddleware, wsgi_app)
    server: Any = asgi_server if serve is serve_asgi else wsgi_server
    with record() as run, server(kind(kind(app))) as url:  # type: ignore[operator]
        httpx.get(f"{url}/chat")
    assert len(run.traces) == 1


@BOTH
def test_fifty_requests_at_once_are_fifty_trees(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with record() as run, serve() as url:
        assert ask_at_once(lambda place: f"{url}/chat/{place}", 50) == ["one two"] * 50
    assert sorted(root.agent_id for root in run.traces) == sorted(f"GET /chat/{place}" for place in range(50))
    for root in run.traces:
        assert names(root) == [root.agent_id[4:], "stream one ", "stream two", "background"]
    assert caplog.text == ""


@BOTH
def test_nothing_is_started_without_an_sdk(serve: Serve) -> None:
    with serve() as url:
        assert httpx.get(f"{url}/chat").text == "one two"


@pytest.mark.parametrize("kind", [ASGIMiddleware, WSGIMiddleware])
def test_wrong_options_are_refused(kind: Any) -> None:
    for options, message in (
        ({"trace": "no"}, "trace must be True or False, got str"),
        ({"user": "ann"}, "user must be a function"),
        ({"exclude": [7]}, "exclude must contain paths, such as '/health', got list with int"),
        ({"exclude": 7}, "exclude must be a list of paths, such as '/health', got int"),
    ):
        with pytest.raises(ValidationError, match=message):
            kind(asgi_app, **options)


def test_a_websocket_only_continues_the_callers_trace() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        step("message")

    scope = {"type": "websocket", "path": "/ws", "headers": [(b"traceparent", GOOD.encode())]}
    with record() as run:
        asyncio.run(ASGIMiddleware(app)(scope, None, None))  # type: ignore[arg-type]
    assert run.trace.agent_id == "step"
    assert callers(run) == [GOOD.split("-")[1]]


def test_the_client_that_leaves_cancels_the_trace() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        step("begun")
        await asyncio.Event().wait()

    async def leave() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.ensure_future(ASGIMiddleware(app)(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with record() as run:
        asyncio.run(leave())
    assert [(root.agent_id, root.status) for root in run.traces] == [("GET /", "cancelled")]


class Routed:
    """An application with a table of routes, as Starlette has it."""

    class Route:
        def __init__(self, path: str, fits: str) -> None:
            self.path, self._fits = path, fits

        def matches(self, scope: Any) -> Any:
            class Match:
                name = "FULL" if scope["path"].startswith(self._fits) else "NONE"

            return Match, {}

    def __init__(self) -> None:
        self.routes = [self.Route("/users/{id}", "/users/"), self.Route("/{rest}", "/other")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.parametrize(
    ("path", "name"), [("/users/7", "GET /users/{id}"), ("/other/x", "GET /{rest}"), ("/none", "GET")]
)
def test_a_trace_is_named_after_the_route(path: str, name: str) -> None:
    async def send(_: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    with record() as run:
        asyncio.run(ASGIMiddleware(Routed())(scope, None, send))  # type: ignore[arg-type]
        asyncio.run(ASGIMiddleware(Routed(), exclude=["/users/{id}"])(dict(scope), None, send))  # type: ignore[arg-type]
    found = [root.agent_id for root in run.traces]
    assert found[0] == name
    assert ("GET /users/{id}" in found[1:]) is False


def test_threads_of_a_request_keep_it_by_bind() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        thread = threading.Thread(target=voltagent.bind(step), args=("in a thread",))
        thread.start()
        thread.join()
        start_response("200 OK", [])
        return [b""]

    with record() as run, wsgi_server(WSGIMiddleware(app)) as url:
        httpx.get(url)
    root = run.trace
    assert names(root) == ["in a thread"]
