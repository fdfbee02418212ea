"""``/api/live``: changes of the store as server-sent events (https://html.spec.whatwg.org/#server-sent-events)."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from pydantic_core import to_json

from voltagent.core import clock
from voltagent.records.feed import Feed, News
from voltagent.records.queries import writers_gone
from voltagent.server.routing import Request, Stream, StreamConnection
from voltagent.storage.traces.store import Store

_HEADERS: Final = {"Content-Type": "text/event-stream", "Connection": "close"}
_LOOK: Final = 0.25  # seconds between looks
_QUIET: Final = 15.0  # seconds without an event after which a comment keeps the connection alive
_MOST_IDS: Final = 500  # of one event
DEATHS: Final = 3.0  # seconds between checks for killed programs, which do not change the store


def _live(connection: StreamConnection, store: Store, request: Request) -> None:
    """Send an event ``change`` with the ids of the traces in which something began or ended; none for other changes.

    A trace that began or ended is news of the one that started it, too.
    A program that was killed while it recorded is a change, too. ``trace=ID`` omits changes of other traces.
    """
    # before the client is notified that the store is watched, so that it learns of every death from then on
    gone = writers_gone(store)
    feed = Feed(store.path)
    try:
        connection.start(200, _HEADERS)
        connection.send(b": the store is watched\n\n")
        _send_changes(connection, store, feed, gone, request.query.get("trace"))
    finally:
        feed.close()


def _send_changes(connection: StreamConnection, store: Store, feed: Feed, gone: Set[str], wanted: str | None) -> None:
    """Send the ids of changed traces as server-sent events, until the client leaves."""
    sent = looked = clock.monotonic()
    while connection.pause(_LOOK):
        news = feed.look()
        ids = _concerned(news)
        died = False
        if clock.monotonic() - looked >= DEATHS:
            before, gone, looked = gone, writers_gone(store), clock.monotonic()
            died = not gone <= before
        if died or (news.changed and (wanted is None or not ids or wanted in ids)):
            connection.send(b"event: change\ndata: %s\n\n" % to_json({"traces": ids[:_MOST_IDS]}))
        elif clock.monotonic() - sent < _QUIET:
            continue
        else:
            connection.send(b": alive\n\n")
        sent = clock.monotonic()


def _concerned(news: News) -> list[str]:
    """Return the ids of the traces that changed, and of those that started them and show them in their trees."""
    started_by = [change.record.parent_trace_id for change in news.traces]
    return list(dict.fromkeys([*news.trace_ids, *filter(None, started_by)]))


STREAMS: Final = (Stream("/api/live", _live),)
