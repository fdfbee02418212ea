"""Traces that continue a span of another process, on every wire, and over two real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import voltagent
from tests.helpers.internals import span_of
from tests.helpers.server import Server
from tests.helpers.sink import recording
from voltagent import trace
from voltagent.core import trace_ids as ids
from voltagent.core.span import Remote, Span
from voltagent.errors import ValidationError
from voltagent.handles import TraceHandle, open_trace
from voltagent.propagation import continued, extract, inject
from voltagent.storage.traces.store import Store
from voltagent.wire.rest import encode

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
PARENT = Remote(TRACE, SPAN)
OTHER = Remote("1" * 32, "2" * 16, True, "a=1")


def opened(**options: Any) -> TraceHandle:
    with recording() as (recorder, _):
        return open_trace(recorder, {"agent_id": "a", **options}, {})


def remote_of(handle: TraceHandle) -> Remote | None:
    return span_of(handle).trace.remote


@pytest.mark.parametrize(
    "parent",
    [
        GOOD,
        {"traceparent": GOOD},
        {b"Traceparent": GOOD.encode()},
        [("traceparent", GOOD)],
        PARENT,
        extract({"traceparent": GOOD}),
    ],
)
def test_a_trace_takes_its_parent_in_every_form(parent: Any) -> None:
    handle = opened(parent=parent)
    assert remote_of(handle) == PARENT
    assert ids.context_of(span_of(handle)).trace_id == TRACE


@pytest.mark.parametrize("parent", [None, "", "junk", {}, {"traceparent": "junk"}, [], Remote("no", "digits")])
def test_a_parent_that_is_not_valid_is_none(parent: Any) -> None:
    handle = opened(parent=parent)
    assert remote_of(handle) is None
    assert span_of(handle).trace.parent_trace_id is None


def test_what_cannot_be_a_parent_is_refused() -> None:
    with pytest.raises(ValidationError, match="parent of a trace must be headers or a traceparent, got int"):
        opened(parent=7)
    with pytest.raises(ValidationError, match="parent of @trace"):
        trace(parent=7)  # type: ignore[call-overload]


def test_a_trace_continues_what_the_served_request_came_with() -> None:
    with continued(OTHER):
        assert remote_of(opened()) == OTHER
        assert remote_of(opened(parent=GOOD)) == PARENT
        assert remote_of(opened(parent="junk")) == OTHER
        with recording() as (recorder, _), open_trace(recorder, {"agent_id": "outer"}, {}) as outer:
            inner = open_trace(recorder, {"agent_id": "inner"}, {})
            handle = open_trace(recorder, {"agent_id": "told", "parent": GOOD}, {})
    assert remote_of(outer) == OTHER
    assert remote_of(inner) is None
    assert span_of(inner).trace.parent_trace_id == span_of(outer).trace.id
    assert remote_of(handle) == PARENT
    assert remote_of(opened()) is None


def test_decorated_calls_continue_it_too() -> None:
    @voltagent.tool
    def alone() -> None: ...

    @trace(parent=GOOD)
    def fixed() -> None: ...

    @trace(parent=lambda args: args["request"]["headers"])
    def send(request: dict[str, Any]) -> dict[str, str]:
        return inject({})

    with recording() as (_, sink):
        with continued(OTHER):
            alone()
        fixed()
        sent = send({"headers": {"traceparent": GOOD}})
        send({"headers": {}})
    roots = [span for span in sink.spans if span.parent is None]
    assert [root.trace.remote for root in roots] == [OTHER, PARENT, PARENT, None]
    assert sent["traceparent"] == f"00-{TRACE}-{ids.span_id(roots[2].id)}-01"


def test_a_parent_option_that_fails_costs_the_parent_only(caplog: pytest.LogCaptureFixture) -> None:
    @trace(parent=lambda args: args["no such"])
    def failing() -> int:
        return 1

    @trace(parent=lambda args: 7)
    def wrong() -> int:
        return 2

    with recording() as (_, sink):
        assert (failing(), wrong()) == (1, 2)
    assert [span.trace.remote for span in sink.spans] == [None, None]
    assert "the parent= callback of 'failing' raised KeyError; recording without parent" in caplog.text


def test_rest_and_the_store_name_the_trace_that_is_continued(tmp_path: Path) -> None:
    span: Span = span_of(opened(parent=GOOD))
    assert encode.create(span).body.count(f'"parentTraceId":"{UUID(TRACE)}"'.encode()) == 1
    with (
        voltagent.VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db") as sdk,
        sdk.trace(agent_id="a", parent=GOOD) as kept,
    ):
        pass
    store = Store(tmp_path / "t.db")
    try:
        found = store.trace(kept.id)
        assert found is not None
        assert found.parent_trace_id == str(UUID(TRACE))
    finally:
        store.close()


# Two processes.

HERE = [str(Path(voltagent.__file__).parents[1]), *(path for path in sys.path if path.endswith("site-packages"))]

SERVICE = """
import voltagent
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass

@voltagent.tool
def look_up(order):
    return {"order": order}

@voltagent.agent(name="Service")
def answer(order):
    return look_up(order)

def application(environ, start_response):
    answer(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]

server = make_server("127.0.0.1", 0, voltagent.WSGIMiddleware(application), handler_class=Quiet)
print(server.server_port, flush=True)
server.handle_request()
server.server_close()
"""

ASGI_SERVICE = """
import asyncio, socket, sys, threading
import uvicorn, voltagent

@voltagent.tool
async def look_up(order):
    return {"order": order}

@voltagent.agent(name="Service")
async def answer(order):
    return await look_up(order)

async def application(scope, receive, send):
    await answer(scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
    server.should_exit = True

listening = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(voltagent.ASGIMiddleware(application), lifespan="off", log_level="error")
server = uvicorn.Server(config)
print(listening.getsockname()[1], flush=True)
server.run(sockets=[listening])
"""

CALLER = """
import sys
import httpx, voltagent

@voltagent.tool
def ask(order):
    with httpx.Client(event_hooks={"request": [voltagent.trace_request]}, trust_env=False, timeout=60) as client:
        return client.get(f"http://127.0.0.1:{sys.argv[1]}/?{order}").text

@voltagent.agent(name="Caller")
def caller():
    return ask("A-1001")

assert caller() == "done"
"""


def program(code: str, url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "VOLTAGENT_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    }
    start = f"import sys; sys.path[:0] = {HERE!r}\n"
    command = [sys.executable, "-c", start + textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def spans_of(server: Server) -> Iterator[dict[str, Any]]:
    for request in server.requests:
        for resource in request.json["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                yield from scope["spans"]


@pytest.mark.parametrize("service_code", [SERVICE, ASGI_SERVICE], ids=["wsgi", "asgi"])
def test_a_trace_over_two_processes_is_one_tree(service_code: str) -> None:
    with Server() as collector:
        with program(service_code, collector.url) as service:
            assert service.stdout is not None
            port = service.stdout.readline().strip()
            with program(CALLER, collector.url, port) as caller:
                assert caller.communicate(timeout=120)[1] == ""
            assert service.communicate(timeout=120)[1] == ""
        assert (caller.returncode, service.returncode) == (0, 0)
        spans = {span["spanId"]: span for span in spans_of(collector)}
    assert len({span["traceId"] for span in spans.values()}) == 1

    def path(span: dict[str, Any]) -> list[str]:
        above = spans.get(span.get("parentSpanId", ""))
        return [*(path(above) if above else []), span["name"].split()[-1]]

    assert max((path(span) for span in spans.values()), key=len) == [
        "Caller", "Caller", "ask", "/", "Service", "look_up",
    ]  # fmt: skip
    assert [span["name"] for span in spans.values() if "parentSpanId" not in span] == ["invoke_workflow Caller"]
