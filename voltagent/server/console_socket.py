"""``/ws/observability``: spans as they begin and end, over a WebSocket, in the form of the platform's local server.

The messages are those of VoltAgent's ``server-core`` package as of July 2026: ``CONNECTION_SUCCESS`` at the start,
``OBSERVABILITY_EVENT`` for each span that begins (``span:start``) or ends (``span:end``, ``span:error``); a ``PING`` is
answered with ``PONG``, ``SUBSCRIBE`` with ``SUBSCRIPTION_SUCCESS``. No logs are kept, so none are sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from voltagent.core import clock, trace_ids
from voltagent.server.console_spans import Json, spans_of
from voltagent.server.routing import Connection, Request, Stream
from voltagent.server.websocket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Incoming,
    Message,
    ProtocolError,
    accept,
    close_frame,
    frame,
)
from voltagent.storage.traces.feed import Change, Feed, News
from voltagent.storage.traces.store import Store, StoreError

__all__ = ["STREAMS", "Times"]

_AT_ONCE: Final = 500  # ids in one query
_AWAY: Final = 1001
_DRAIN: Final = 1.0  # seconds to read on after a client broke the protocol
_PENDING: Final = 0.05  # seconds without a byte after which it has sent all


class Times:
    """Seconds. Class attributes, so that a test can have shorter ones."""

    look: float = 0.1  # between looks at the store
    ping: float = 30.0  # of silence before the client is asked whether it is there
    silence: float = 90.0  # before it is taken to be gone


def _serve(connection: Connection, store: Store, request: Request) -> None:
    headers = accept(request.headers)
    if headers is None:
        connection.start(426, {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Content-Length": "0",
                               "Connection": "Upgrade, close"})  # fmt: skip
        return
    feed = Feed(store.path)
    try:
        connection.start(101, headers)
        _Session(connection, store, feed, _Wanted.of(request)).run()
    finally:
        feed.close()


class _Wanted(NamedTuple):
    """What a client asked for in the query; it filters root spans only, as the platform's server does."""

    entity_id: str | None
    entity_type: str | None

    @classmethod
    def of(cls, request: Request) -> _Wanted:
        kind = request.query.get("entityType")
        entity = request.query.get("entityId") or request.query.get("agentId")
        return cls(entity or None, kind if kind in ("agent", "workflow") else None)

    def takes(self, span: Json) -> bool:
        if self.entity_id is None or "parentSpanId" in span:
            return True
        attributes = span["attributes"]
        if self.entity_type is not None and attributes["entity.type"] != self.entity_type:
            return False
        return bool(attributes["entity.id"] == self.entity_id)


class _Session:
    """One client, from the handshake to the close."""

    def __init__(self, connection: Connection, store: Store, feed: Feed, wanted: _Wanted) -> None:
        self._connection = connection
        self._store = store
        self._feed = feed
        self._wanted = wanted
        self._incoming = Incoming()
        self._heard = self._asked = clock.monotonic()

    def run(self) -> None:
        self._say("CONNECTION_SUCCESS", data=self._greeting())
        looked = clock.monotonic()
        while self._listen(max(0.001, looked + Times.look - clock.monotonic())):
            if clock.monotonic() - looked >= Times.look:
                self._look()
                looked = clock.monotonic()

    def _greeting(self) -> Json:
        about = {"entityId": self._wanted.entity_id, "entityType": self._wanted.entity_type}
        return {
            "message": "Connected to observability stream",
            **{name: value for name, value in about.items() if value is not None},
            "timestamp": clock.nanoseconds() // 1_000_000,
        }

    def _listen(self, seconds: float) -> bool:
        """Answer what the client says; whether to go on."""
        data = self._connection.receive(seconds)
        if data is None:
            return self._is_there()
        self._heard = clock.monotonic()
        try:
            return bool(data) and all(self._answer(message) for message in self._incoming.feed(data))
        except ProtocolError as fault:
            return self._break_off(fault.code)

    def _is_there(self) -> bool:
        now = clock.monotonic()
        if now - self._heard >= Times.silence:
            return self._close(_AWAY)
        if now - max(self._heard, self._asked) >= Times.ping:
            self._asked = now
            self._connection.send(frame(PING, b""))
        return True

    def _answer(self, message: Message) -> bool:
        if message.opcode == CLOSE:
            return self._close(int.from_bytes(message.payload[:2], "big") or 1000)
        if message.opcode == PING:
            self._connection.send(frame(PONG, message.payload))
        elif message.opcode in (TEXT, BINARY):
            self._reply(message.payload)
        return True

    def _reply(self, payload: bytes) -> None:
        try:
            said: Any = from_json(payload)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._connection.send(_message({"type": "ERROR", "success": False, "error": "Invalid message format"}))
        elif said.get("type") == "PING":  # pyright: ignore[reportUnknownMemberType]
            self._say("PONG")
        elif said.get("type") == "SUBSCRIBE":  # pyright: ignore[reportUnknownMemberType]
            self._say("SUBSCRIPTION_SUCCESS", data={"subscribed": True})

    def _say(self, kind: str, **more: Any) -> None:
        self._connection.send(_message({"type": kind, "success": True, **more}))

    def _look(self) -> None:
        try:
            news = self._feed.look()
        except StoreError:
            return  # it is being made, or busy: nothing is lost, and the next look is soon
        self._tell(news)

    def _tell(self, news: News) -> None:
        for event in _events(self._store, news):
            if self._wanted.takes(event["span"]):
                self._say("OBSERVABILITY_EVENT", data=event)

    def _close(self, code: int) -> bool:
        self._connection.send(close_frame(code))
        return False

    def _break_off(self, code: int) -> bool:
        """Close on a client that broke the protocol. What it has sent is read first: a connection that is closed over
        unread bytes is reset, and the reason is lost with it.
        """
        self._close(code)
        until = clock.monotonic() + _DRAIN
        while clock.monotonic() < until and self._connection.receive(_PENDING):
            pass
        return False


def _message(value: Json) -> bytes:
    return frame(TEXT, to_json(value, inf_nan_mode="null"))


# --------------------------------------------------------------------------------------------------------- the events


def _events(store: Store, news: News) -> Iterator[Json]:
    """Starts from the outside in, then ends from the inside out."""
    changes: list[Change[Any]] = [*news.traces, *news.operations]
    spans = dict(_spans(store, news))
    found = [(change, spans[key]) for change in changes if (key := _key(change)) in spans]
    for change, span in sorted(found, key=lambda pair: pair[0].record.start_ns):
        if change.began:
            yield {"type": "span:start", "span": _begun(span), "timestamp": span["startTime"]}
    found.reverse()  # a trace comes after its operations where they ended at the same time
    for change, span in sorted(found, key=lambda pair: pair[0].record.end_ns or pair[0].record.start_ns):
        if change.ended:
            kind = "span:error" if span["status"]["code"] == 2 else "span:end"
            yield {"type": kind, "span": span, "timestamp": span.get("endTime", span["startTime"])}


def _spans(store: Store, news: News) -> Iterator[tuple[tuple[str, str], Json]]:
    wanted: dict[str, list[str]] = {trace_id: [] for trace_id in news.trace_ids}
    for change in news.operations:
        wanted[change.record.trace_id].append(change.record.id)
    for trace_id, operations in wanted.items():
        for start in range(0, max(1, len(operations)), _AT_ONCE):
            for span in spans_of(store, trace_id, operations[start : start + _AT_ONCE]):
                yield (trace_id, span["spanId"]), span


def _key(change: Change[Any]) -> tuple[str, str]:
    record = change.record
    return getattr(record, "trace_id", record.id), trace_ids.span_id(record.id)


_OF_THE_END: Final[Sequence[str]] = ("output", "usage.", "error.", "cancel", "ai.response.")


def _begun(span: Json) -> Json:
    """The span as it was when it began."""
    about = {name: value for name, value in span["attributes"].items() if not name.startswith(tuple(_OF_THE_END))}
    if "agent.state" in about:
        about["agent.state"] = "running"
    kept = {name: value for name, value in span.items() if name not in ("endTime", "duration")}
    return {**kept, "attributes": about, "status": {"code": 0}, "events": []}


STREAMS: Final = (Stream("/ws/observability", _serve),)
