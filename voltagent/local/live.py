"""``/api/live``: says when the store changed, as server-sent events (https://html.spec.whatwg.org/#server-sent-events)."""

from __future__ import annotations

from typing import Final

from voltagent.local.store import Store
from voltagent.local.web import Connection, Request, Stream

__all__ = ["STREAMS"]

_HEADERS: Final = {"Content-Type": "text/event-stream", "Connection": "close"}


def _live(connection: Connection, _: Store, __: Request) -> None:
    connection.start(200, _HEADERS)


STREAMS: Final = (Stream("/api/live", _live),)
