"""The REST exporter next to a real server: order within a batch, connections, the server's ids, headers, proxies."""

from __future__ import annotations

import socket
import threading
import time
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from tests.helpers.model import Model
from tests.helpers.pace import PATIENCE, TooSlow, within
from tests.helpers.server import Raw, Recorded, Server, answer, hang
from voltagent.core import clock
from voltagent.core.deadline import Deadline
from voltagent.core.span import COMPLETED, TOOL, TRACE, Phase, Span, SpanEvent, TraceInfo
from voltagent.exporters import ACCEPTED, Outcome, Verdict
from voltagent.exporters.http import HttpDestination, Unreachable
from voltagent.exporters.rest import RestExporter
from voltagent.exporters.rest_batch import needs

NUMBERS = count(1)


def trace(agent_id: str = "agent") -> Span:
    identifier = clock.new_id()
    return Span(TraceInfo(identifier, agent_id, None), None, TRACE, agent_id, b"{}", identifier=identifier)


def tool(parent: Span, name: str = "tool") -> Span:
    return Span(parent.trace, parent, TOOL, name, b"{}")


def start(span: Span) -> SpanEvent:
    return (Phase.START, span, None)


def end(span: Span) -> SpanEvent:
    span.status, span.end_ns = COMPLETED, span.start_ns + 1
    return (Phase.END, span, None)


def whole(tools: int = 1) -> list[SpanEvent]:
    root = trace()
    pairs = [(start(each), end(each)) for each in (tool(root) for _ in range(tools))]
    return [start(root), *(event for pair in pairs for event in pair), end(root)]


def export(exporter: RestExporter, batch: list[SpanEvent], seconds: float = PATIENCE) -> list[Outcome]:
    return list(exporter.export(batch, time.monotonic() + seconds))


# Order.


@given(st.lists(st.tuples(st.sampled_from(["trace", "tool", "end", "update"]), st.integers(0, 9)), max_size=40))
def test_what_needs_what(steps: list[tuple[str, int]]) -> None:
    spans: list[Span] = []
    batch: list[SpanEvent] = []
    for step, number in steps:
        chosen = spans[number % len(spans)] if spans else None
        if step == "trace" or chosen is None:
            spans.append(trace())
            batch.append(start(spans[-1]))
        elif step == "tool":
            spans.append(tool(chosen))
            batch.append(start(spans[-1]))
        elif step == "end" and chosen.end_ns is None:
            batch.append(end(chosen))
        else:
            batch.append((Phase.UPDATE, chosen, {"level": "INFO"}))
    left, then = needs(batch)
    before: list[set[int]] = [set() for _ in batch]
    for earlier, later_ones in enumerate(then):
        for later in later_ones:
            assert later > earlier, "so the order of the batch is one that works"
            before[later] |= before[earlier] | {earlier}
    assert [len([e for e in then if number in e]) for number in range(len(batch))] == left
    starts = {span.id: number for number, (phase, span, _) in enumerate(batch) if phase is Phase.START}
    for number, (phase, span, _) in enumerate(batch):
        if span.parent is not None:
            assert starts[span.trace.id] in before[number]
            assert starts[span.parent.id] in before[number]
        if phase is not Phase.START:
            assert starts[span.id] in before[number]
        if phase is Phase.END and span.parent is None:
            assert {n for n in range(number) if batch[n][1].trace is span.trace} <= before[number]


def test_siblings_go_at_the_same_time_and_what_depends_in_order() -> None:
    model = Model()
    under_way, most = 0, 0
    changed = threading.Condition()

    def script(request: Recorded) -> Any:
        nonlocal under_way, most
        with changed:
            under_way += 1
            most = max(most, under_way)
            changed.notify_all()
            if request.line == "POST /history-events":
                changed.wait_for(lambda: most > 4, PATIENCE)  # they come while others are not answered
            under_way -= 1
        return model(request)

    with Server(script) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        assert export(exporter, whole(tools=30)) == [ACCEPTED] * 62
        exporter.close()
        assert 4 < most <= 16
        assert server.connections <= 16
    model.check(1, 30)


def test_a_quick_server_gets_the_order_of_the_batch_over_one_connection() -> None:
    with Server() as server:
        exporter = RestExporter(server.url, "pk", "sk", connections=1)
        batch = [*whole(3), *whole(3)]
        assert export(exporter, batch) == [ACCEPTED] * 16
        assert server.connections == 1
        ids = [request.json.get("id") for request in server.requests if request.method == "POST"]
        assert [i for i in ids if i in {clock.id_text(e[1].id) for e in batch}] == [
            clock.id_text(span.id) for phase, span, _ in batch if phase is Phase.START
        ]
        exporter.close()


def test_what_depends_on_a_failure_is_not_tried() -> None:
    root, other = trace("bad"), trace("good")
    child = tool(root)
    batch = [start(root), start(child), end(child), end(root), start(other), end(other)]
    for status, verdict in ((400, Verdict.REFUSED), (500, Verdict.RETRY)):
        with Server(lambda r, status=status: answer(status if b'"bad"' in r.body else 200)) as server:  # type: ignore[misc]
            exporter = RestExporter(server.url, "pk", "sk")
            verdicts = [outcome.verdict for outcome in export(exporter, batch)]
            assert verdicts == [verdict, *[Verdict.UNTRIED] * 3, Verdict.ACCEPTED, Verdict.ACCEPTED]
            assert len(server.requests) == 3
            exporter.close()


@pytest.mark.parametrize("reply", [answer(503), answer(401), answer(429, retry_after="9")])
def test_the_rest_of_a_batch_is_spared_where_it_would_fare_no_better(reply: bytes) -> None:
    with Server(reply) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        outcomes = export(exporter, [event for _ in range(20) for event in whole()])
        assert sum(outcome.verdict is not Verdict.UNTRIED for outcome in outcomes) == len(server.requests) <= 16
        exporter.close()
        if len(server.requests) > 4:
            raise TooSlow("more connections were opened, as the first answer took its time")


def test_the_deadline_ends_it_and_blames_no_server() -> None:
    with Server(hang) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        with within(0.8):
            outcomes = export(exporter, whole(), seconds=0.2)
        assert {outcome.verdict for outcome in outcomes} == {Verdict.UNTRIED}
        deadline = Deadline(time.monotonic() + PATIENCE)
        deadline.sooner = sooner = list[float]()
        timer = threading.Timer(0.1, lambda: sooner.append(time.monotonic()))
        timer.start()
        with within(0.8):
            assert {outcome.verdict for outcome in exporter.export(whole(), deadline)} == {Verdict.UNTRIED}
        timer.join()
        exporter.close()


# Ids.


@pytest.mark.parametrize("wrap", [str, int])
def test_ids_that_the_server_chose_are_followed(wrap: Any) -> None:
    chosen: dict[str, Any] = {}
    events = count(100)

    def script(request: Recorded) -> bytes:
        if request.method != "POST":
            return answer(200)
        chosen[request.json["id"]] = theirs = wrap(next(events))
        return answer(201, {"created": True, "id": theirs, "other": [1]})

    root = trace()
    child = tool(root)
    inner = tool(child)
    with Server(script) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        batches = [[start(root), start(child), start(inner)], [end(inner), end(child), end(root)]]
        for batch in batches:
            assert set(export(exporter, batch)) == {ACCEPTED}
        exporter.forget(root.trace.id)
        late = tool(root)
        assert export(exporter, [start(late)]) == [ACCEPTED], "a child may come after the end"
        exporter.close()
        theirs = {span: str(chosen[clock.id_text(span.id)]) for span in (root, child, inner)}
        bodies = [r.json for r in server.requests if r.path == "/history-events"]
        assert {body["history_id"] for body in bodies} == {theirs[root]}
        above = [body["parent_event_id"] for body in bodies[:4]]
        assert above[:2] == [None, theirs[child]]
        assert sorted(above[2:]) == sorted([theirs[inner], theirs[child]]), "ends may overtake each other"
        assert server.requests[5].line == f"PATCH /history/{theirs[root]}"
        assert {body["id"] for body in bodies[:2]} == {clock.id_text(child.id), clock.id_text(inner.id)}, "ours stay"


# Headers and the way.


def test_headers() -> None:
    extra = {"x-team": "a", "X-Secret-Key": "other", "Content-Length": "3", "Host": "evil", "user-agent": "mine"}
    with Server() as server:
        exporter = RestExporter(server.url + "/base/", "pk", "sk", headers=extra)
        assert export(exporter, [start(trace())]) == [ACCEPTED]
        exporter.close()
        (request,) = server.requests
        assert request.line == "POST /base/history"
        given = {name: request.headers.get(name) for name in ("x-team", "x-secret-key", "x-public-key", "user-agent")}
        assert given == {"x-team": "a", "x-secret-key": "sk", "x-public-key": "pk", "user-agent": "mine"}
        assert request.headers["host"] == f"127.0.0.1:{server.port}"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["content-length"] == str(len(request.body))


def test_without_keys_no_key_is_sent() -> None:
    with Server() as server:
        exporter = RestExporter(server.url, "", "")
        assert export(exporter, [start(trace())]) == [ACCEPTED]
        exporter.close()
        assert not {"x-public-key", "x-secret-key"} & set(server.requests[0].headers)


def test_the_secret_is_not_in_the_representation() -> None:
    exporter = RestExporter("http://127.0.0.1:9", "pk_public", "sk_secret")
    parts = [part for part in vars(exporter).values() if type(part).__module__.startswith("voltagent.")]
    assert parts
    assert "sk_secret" not in repr([exporter, *parts])


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(each, raising=False)
    with Server() as proxy:
        monkeypatch.setenv(name, proxy.url)
        exporter = RestExporter("http://api.example", "pk", "sk")
        assert export(exporter, [start(trace())]) == [ACCEPTED]
        exporter.close()
        assert proxy.requests[0].line == "POST http://api.example/history"
        monkeypatch.setenv("NO_PROXY", "api.example")
        direct = RestExporter("http://api.example:9", "pk", "sk", timeout=0.2)
        assert export(direct, [start(trace())])[0].verdict is Verdict.UNAVAILABLE
        assert len(proxy.requests) == 1


def test_a_given_transport_is_used_as_it_is() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    exporter = RestExporter("https://api.example", "pk", "sk", transport=httpx.MockTransport(handle))
    assert set(export(exporter, whole(3))) == {ACCEPTED}
    exporter.close()
    assert len(seen) == 8
    assert seen[0].url == "https://api.example/history"


def test_a_closed_exporter_opens_again() -> None:
    with Server() as server:
        exporter = RestExporter(server.url, "pk", "sk")
        for _ in range(3):
            assert export(exporter, [start(trace())]) == [ACCEPTED]
            exporter.close()
        assert server.connections == 3


def test_connections_are_kept_alive() -> None:
    with Server() as server:
        exporter = RestExporter(server.url, "pk", "sk", connections=1)
        for _ in range(20):
            assert export(exporter, [start(trace())]) == [ACCEPTED]
        assert server.connections == 1
        exporter.close()


def test_all_connections_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(hang) as server:
        exporter = RestExporter(server.url, "pk", "sk", connections=1)
        exporter.borrow(object())
        outcomes = export(exporter, whole())
        assert [outcome.verdict for outcome in outcomes] == [Verdict.UNAVAILABLE, *[Verdict.UNTRIED] * 3]


def test_a_thread_that_cannot_start_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    model = Model()
    with Server(model) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        with monkeypatch.context() as patched:
            batch = whole(5)
            start_thread = threading.Thread.start
            patched.setattr(
                threading.Thread,
                "start",
                lambda thread: no_thread(thread) if thread.name == "voltagent-rest" else start_thread(thread),
            )
            assert export(exporter, batch) == [ACCEPTED] * 12
        exporter.close()
    model.check(1, 5)


def test_a_connection_that_a_thread_gives_back_after_the_end_is_closed() -> None:
    closed = threading.Event()

    def keep(connection: socket.socket) -> None:
        connection.sendall(answer(200, {}))
        if not connection.recv(1):
            closed.set()

    with Server(Raw(keep)) as server:
        exporter = RestExporter(server.url, "pk", "sk")
        borrower = object()
        line = exporter.borrow(borrower)
        assert line.send("POST", "/x", b"{}", time.monotonic() + PATIENCE).status == 200
        exporter.close()  # the batch is done, but its thread is not
        exporter.give_back(line, borrower)
        assert closed.wait(PATIENCE)


def test_a_connection_is_not_taken_back_from_the_next_borrower() -> None:
    first, second = object(), object()
    exporter = RestExporter("http://127.0.0.1:9", "pk", "sk", connections=1)
    line = exporter.borrow(first)
    exporter.give_back(line, first)
    assert exporter.borrow(second) is line
    exporter.give_back(line, first)  # as by a thread that was ended between giving it back and noting that
    assert exporter.free() == 0
    exporter.give_back(line, second)
    assert exporter.free() == 1


def test_the_connection_says_what_went_wrong_in_one_line() -> None:
    line = HttpDestination("http://127.0.0.1:9", {}).line()
    with pytest.raises(Unreachable, match="Connect") as caught:
        line.send("POST", "/x", b"{}", time.monotonic() + 1)
    assert "\n" not in str(caught.value)
    with pytest.raises(Unreachable, match="no time"):
        line.send("POST", "/x", b"{}", time.monotonic() - 1)
