"""W3C Trace Context: what is read, what is written, and that a request carries it through real servers and clients."""

from __future__ import annotations

import asyncio
import contextvars
import string
import threading
from collections.abc import Iterator
from email.message import Message
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
from hypothesis import given, strategies as st

from tests.helpers.internals import span_of
from tests.helpers.server import Server
from tests.helpers.sink import recording
from voltagent import propagation
from voltagent.core import context as _context, trace_ids
from voltagent.core.span import Remote
from voltagent.handles import open_trace
from voltagent.propagation import (
    ASGIMiddleware,
    WSGIMiddleware,
    continued,
    extract,
    incoming,
    inject,
    outgoing,
    parent_of,
    parse,
    trace_request,
    traceparent,
)
from voltagent.tracing.sampling import Sampling

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
PARENT = Remote(TRACE, SPAN)

# Traceparent.


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-fd", True),  # flags that this version does not know
        (f"00-{TRACE}-{SPAN}-fc", False),
        (f" \t{GOOD} ", True),
        (f"cc-{TRACE}-{SPAN}-01", True),  # a version to come
        (f"cc-{TRACE}-{SPAN}-01-what-comes-then", True),
        (f"cc-{TRACE}-{SPAN}-01-", True),
        (f"cc-{TRACE}-{SPAN}-ff", True),  # of the flags of a version to come, only this one counts
    ],
)
def test_valid_parents(text: str, sampled: bool) -> None:
    assert parse(text) == Remote(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "-",
        GOOD + "-more",
        GOOD + "\n",
        GOOD.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-+1",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",  # a digit, but not one of ours
        f"cc-{TRACE}-{SPAN}-01.more",
        f"{GOOD},{GOOD}",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 10_000,
    ],
)
def test_parents_that_are_not_valid(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("flags", ["02", "03"])
def test_a_trace_id_that_is_random_is_marked_so_wherever_it_continues(flags: str) -> None:
    came = parse(f"00-{TRACE}-{SPAN}-{flags}")
    assert came == Remote(TRACE, SPAN, flags == "03", random=True)
    with continued(came):
        assert inject({})["traceparent"] == f"00-{TRACE}-{SPAN}-{flags}"
        with recording(sampling=Sampling(follow_parent=False)) as (recorder, _):
            with open_trace(recorder, {"agent_id": "a"}, {}) as trace:
                assert inject({})["traceparent"] == f"00-{TRACE}-{trace_ids.span_id(span_of(trace).id)}-03"
    with recording() as (recorder, _), open_trace(recorder, {"agent_id": "a", "parent": GOOD}, {}):
        assert inject({})["traceparent"].endswith("-01")


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans(), st.booleans())
def test_what_is_written_is_read_back(trace: int, span: int, sampled: bool, random: bool) -> None:
    context = Remote(f"{trace:032x}", f"{span:016x}", sampled, random=random)
    text = traceparent(context)
    assert len(text) == 55
    assert parse(text) == context


@given(st.text(string.hexdigits + "-" + " ,=", max_size=70) | st.text())
def test_any_text_is_read_or_ignored(text: str) -> None:
    found = parse(text, text)
    if found is not None:
        assert text.strip(" \t")[3:35] == found.trace_id


# Tracestate.


def state_of(text: str) -> str:
    found = parse(GOOD, text)
    assert found is not None, "a state that is not valid leaves the parent standing"
    return found.state


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("a=1,b=2", "a=1,b=2"),
        (" a=1 ,\tb=2 ", "a=1,b=2"),
        ("a=1,,b=2,", "a=1,b=2"),  # empty members are allowed
        ("a=1,b=2,a=3", "a=1,b=2"),  # one member per key
        ("0tenant@v=x,a_-*/9=y", "0tenant@v=x,a_-*/9=y"),
        ("1=1,a@=1,a@b@c=1", "1=1,a@=1,a@b@c=1"),  # level 2 of the specification allows these keys, too
        ("a= x", "a= x"),  # a space within a value, though not at its end
        ("a=" + "v" * 256, "a=" + "v" * 256),
        ("k" * 256 + "=v", "k" * 256 + "=v"),
        (f"{'t' * 241}@{'s' * 14}=v", f"{'t' * 241}@{'s' * 14}=v"),
        (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
    ],
)
def test_valid_states(text: str, kept: str) -> None:
    assert state_of(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "=1",
        "a=",
        "A=1",
        "@v=1",
        "_a=1",
        "a =1",
        "a=1=2",
        "a=ä",
        "a=\x01",
        "a=1\r\nb: 2",
        "a=" + "v" * 257,
        "k" * 257 + "=v",
        "a=1,B=2",
        ",".join(f"k{n}=v" for n in range(33)),
        "a=1," * 4000,
    ],
)
def test_states_that_break_the_rules_are_dropped_whole(text: str) -> None:
    assert state_of(text) == ""


def test_a_long_state_loses_its_long_members_first_and_then_the_last_ones() -> None:
    short = [f"s{n}={'v' * 50}" for n in range(8)]
    long = f"long={'v' * 200}"
    assert state_of(",".join([short[0], long, *short[1:]])) == ",".join(short)
    many = [f"s{n:02}={'v' * 60}" for n in range(20)]
    kept = state_of(",".join(many)).split(",")
    assert kept == many[:7]
    assert 512 - 65 < len(",".join(kept)) <= 512


# Headers.


def multi() -> Message:
    message = Message()
    message["TraceParent"] = GOOD
    message["tracestate"] = "a=1"
    message["Tracestate"] = "b=2"
    return message


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": GOOD, "tracestate": "a=1,b=2"},
        {"Traceparent": GOOD, "TRACESTATE": ["a=1", "b=2"]},
        {b"traceparent": GOOD.encode(), b"tracestate": b"a=1,b=2"},
        [("traceparent", GOOD), ("tracestate", "a=1"), ("x", "y"), ("tracestate", "b=2")],
        [(b"traceparent", GOOD.encode()), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")],
        httpx.Headers([("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b=2")]),
        multi(),
    ],
)
def test_headers_of_many_kinds(headers: Any) -> None:
    assert extract(headers) == Remote(TRACE, SPAN, True, "a=1,b=2")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        [],
        {"tracestate": "a=1"},
        {"traceparent": "junk", "tracestate": "a=1"},
        {"traceparent": [GOOD, GOOD]},
        {"traceparent": None},
        {"traceparent": 7, 8: GOOD},
        {b"traceparent": b"\xff\xfe"},
        [("traceparent", GOOD), ("Traceparent", GOOD)],
        httpx.Headers([("traceparent", GOOD), ("traceparent", GOOD)]),
    ],
)
def test_headers_without_a_valid_parent(headers: Any) -> None:
    assert extract(headers) is None


def test_broken_headers_raise_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.core.guard.Guard.strict", False)
    assert extract(object()) is None  # type: ignore[arg-type]
    assert extract([("only one",)]) is None  # type: ignore[list-item]


def test_a_parent_is_taken_in_every_form() -> None:
    assert parent_of(GOOD) == parent_of({"traceparent": GOOD}) == parent_of(PARENT) == PARENT
    assert parent_of(None) is None
    assert parent_of("junk") is None


# Going out.


def test_the_current_operation_goes_out() -> None:
    with recording() as (recorder, _):
        with open_trace(recorder, {"agent_id": "a"}, {}) as trace:
            assert extract(inject({})) == Remote(trace.id.replace("-", ""), trace.id.replace("-", "")[16:])
            with trace.add_tool(name="t") as tool:
                sent = inject({"Accept": "*/*"})
    assert sent == {
        "Accept": "*/*",
        "traceparent": f"00-{trace.id.replace('-', '')}-{tool.id[-17:].replace('-', '')}-01",
    }


def test_a_continued_trace_goes_out_in_the_trace_it_continues_with_its_state() -> None:
    with recording() as (recorder, _), open_trace(recorder, {"agent_id": "a"}, {}) as trace:
        span_of(trace).trace.remote = Remote(TRACE, SPAN, True, "a=1")
        found = extract(inject({}))
    assert found == Remote(TRACE, trace_ids.span_id(span_of(trace).id), True, "a=1")


def test_nothing_is_injected_where_nothing_is_open() -> None:
    assert inject({"traceparent": "mine"}) == {"traceparent": "mine"}
    with _context.suppress():
        assert outgoing() is None
        assert inject({}) == {}


def test_what_came_in_is_handed_on_where_nothing_is_recorded() -> None:
    given = Remote(TRACE, SPAN, False, "a=1")
    with continued(given):
        assert inject({"Traceparent": "old", "TraceState": "old=1", "x": "y"}) == {
            "x": "y",
            "traceparent": f"00-{TRACE}-{SPAN}-00",
            "tracestate": "a=1",
        }
        with _context.suppress():
            assert outgoing() == given
    assert incoming() is None


def test_an_old_state_does_not_stay_beside_a_new_parent() -> None:
    with continued(PARENT):
        assert inject({"tracestate": "old=1"}) == {"traceparent": GOOD}


def test_the_event_hook_works_in_sync_and_async_clients() -> None:
    async def go(url: str) -> None:
        async with httpx.AsyncClient(event_hooks={"request": [trace_request]}) as client:
            await client.get(url)

    with Server() as server, continued(Remote(TRACE, SPAN, True, "a=1")):
        with httpx.Client(event_hooks={"request": [trace_request]}) as client:
            client.get(server.url, headers={"traceparent": "old"})
        asyncio.run(go(server.url))
        arrived = [(request.headers["traceparent"], request.headers["tracestate"]) for request in server.requests]
    assert arrived == [(GOOD, "a=1")] * 2


# Middleware.


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        scope["seen"].append(incoming())
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(incoming()).encode()})


def test_asgi() -> None:
    async def ask(headers: dict[str, str]) -> str:
        transport = httpx.ASGITransport(app=ASGIMiddleware(asgi_app))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return (await client.get("/", headers=headers)).text

    async def both() -> list[str]:
        return list(await asyncio.gather(ask({"traceparent": GOOD}), ask({}), ask({"traceparent": "junk"})))

    assert asyncio.run(both()) == [repr(PARENT), "None", "None"]
    seen: list[Any] = []
    asyncio.run(ASGIMiddleware(asgi_app)({"type": "lifespan", "seen": seen}, None, None))  # type: ignore[arg-type]
    assert seen == [None]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


OUTSIDE: contextvars.ContextVar[str] = contextvars.ContextVar("outside", default="")


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/list":
        return [repr(incoming()).encode()]  # type: ignore[return-value]
    OUTSIDE.set("set by the application")
    return streamed(environ)


def streamed(environ: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield repr(incoming()).encode()
        yield b"|"
        yield repr(incoming()).encode()
    finally:
        environ["closed"].append(incoming())


def test_wsgi_over_a_real_server() -> None:
    closed: list[Any] = []
    after: list[Any] = []
    wrapped = WSGIMiddleware(wsgi_app)

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        environ["closed"] = closed
        body = wrapped(environ, start_response)
        after.append((incoming(), OUTSIDE.get()))
        return body

    with make_server("127.0.0.1", 0, outer, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            texts = [
                httpx.get(f"{url}{path}", headers=headers).text
                for path, headers in (
                    ("/list", {"traceparent": GOOD}),
                    ("/stream", {"traceparent": GOOD, "tracestate": "a=1"}),
                    ("/stream", {"traceparent": "junk"}),
                    ("/stream", [("traceparent", GOOD), ("traceparent", GOOD)]),
                )
            ]
        finally:
            server.shutdown()
            thread.join()
    with_state = Remote(TRACE, SPAN, True, "a=1")
    assert texts == [repr(PARENT), f"{with_state!r}|{with_state!r}", "None|None", "None|None"]
    assert closed == [with_state, None, None]
    assert [found for found, _ in after] == [None] * 4
    assert after[1][1] == "set by the application", "the application's own context variables reach the server's side"


def test_wsgi_leaves_a_file_to_the_server() -> None:
    from wsgiref.util import FileWrapper

    body = FileWrapper(None)  # type: ignore[arg-type]
    app = WSGIMiddleware(lambda environ, start_response: body)
    assert app({"HTTP_TRACEPARENT": GOOD, "wsgi.file_wrapper": FileWrapper}, lambda *_: None) is body


def test_a_body_that_is_given_up_is_closed_in_its_context() -> None:
    closed: list[Any] = []
    app = WSGIMiddleware(lambda environ, start_response: streamed({"closed": closed}))
    body = app({"HTTP_TRACEPARENT": GOOD}, lambda *_: None)
    assert next(iter(body)) == repr(PARENT).encode()
    body.close()  # type: ignore[attr-defined]
    assert closed == [PARENT]
    assert incoming() is None


def test_the_public_names_exist() -> None:
    assert all(hasattr(propagation, name) for name in propagation.__all__)
