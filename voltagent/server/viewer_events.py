"""``/api/live``: says when the store changed, as server-sent events (https://html.spec.whatwg.org/#server-sent-events)."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from pydantic_core import to_json

from voltagent.core import clock
from voltagent.server.routing import Connection, Request, Stream
from voltagent.storage.traces.feed import Feed
from voltagent.storage.traces.queries import writers_gone
from voltagent.storage.traces.store import Store

_HEADERS: Final = {"Content-Type": "text/event-stream", "Connection": "close"}
_LOOK: Final = 0.25  # seconds between looks
_QUIET: Final = 15.0  # seconds after which a line says that the connection is alive
_MOST_IDS: Final = 500  # of one event
_DEATHS: Final = 3.0  # seconds between looks for killed programs: that is no change in the store


def _live(connection: Connection, store: Store, request: Request) -> None:
    """An event ``change`` with the ids of the traces in which something began or ended; none for other changes.

    A program that was killed while it recorded is a change, too. With ``trace=ID``, changes of other traces are not
    told.
    """
    gone = writers_gone(store)  # before it is said that the store is watched: those who die from then on are told of
    feed = Feed(store.path)
    try:
        connection.start(200, _HEADERS)
        connection.send(b": the store is watched\n\n")
        _tell(connection, store, feed, gone, request.query.get("trace"))
    finally:
        feed.close()


def _tell(connection: Connection, store: Store, feed: Feed, gone: Set[str], wanted: str | None) -> None:
    said = looked = clock.monotonic()
    while connection.pause(_LOOK):
        news = feed.look()
        ids = news.trace_ids
        died = False
        if clock.monotonic() - looked >= _DEATHS:
            before, gone, looked = gone, writers_gone(store), clock.monotonic()
            died = not gone <= before
        if died or (news.changed and (wanted is None or not ids or wanted in ids)):
            connection.send(b"event: change\ndata: %s\n\n" % to_json({"traces": ids[:_MOST_IDS]}))
        elif clock.monotonic() - said < _QUIET:
            continue
        else:
            connection.send(b": alive\n\n")
        said = clock.monotonic()


STREAMS: Final = (Stream("/api/live", _live),)
