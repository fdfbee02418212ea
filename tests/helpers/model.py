"""The history API as far as its behaviour is known: strict about order, deaf to repetition, with errors in front."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.helpers.server import Recorded, Reply, answer

Failure = Callable[[Recorded], "Reply | None"]


class Model:
    """A script for :class:`tests.helpers.server.Server`. What comes before what it needs is answered 404 or 400."""

    def __init__(self, failure: Failure | None = None) -> None:
        self.failure = failure
        self.histories: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.ended: list[str] = []
        self.order: list[str] = []  # what was stored, by event name or "trace", "end of trace"
        self.bodies: dict[tuple[str, str], set[bytes]] = defaultdict(set)  # by line and id: a retry has the same bytes
        self.complaints: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, request: Recorded) -> Reply:
        with self._lock:
            identifier = str(request.json.get("id", "")) if request.method == "POST" else ""
            self.bodies[request.line, identifier].add(request.body)
            failure = self.failure(request) if self.failure is not None else None
            return failure if failure is not None else self._store(request)

    def _store(self, request: Recorded) -> bytes:
        body = request.json
        if request.line == "POST /history":
            return self._create(self.histories, body, "trace")
        if request.line == "POST /history-events":
            if body["history_id"] not in self.histories:
                return self._complain(404, f"no history for {body['event_name']}")
            if body["parent_event_id"] is not None and body["parent_event_id"] not in self.events:
                return self._complain(400, f"no parent for {body['event_name']}")
            return self._create(self.events, body, body["event_name"])
        identifier = request.path.rpartition("/")[2]
        known = self.histories if request.path.startswith("/history/") else self.events
        if identifier not in known:
            return self._complain(404, f"no {request.path}")
        if "endTime" in body:
            self.ended.append(identifier)
            self.order.append("end of trace")
        return answer(200, {"id": identifier})

    def _create(self, known: dict[str, dict[str, Any]], body: dict[str, Any], name: str) -> bytes:
        if body["id"] in known:
            return answer(409, {"message": "exists"})
        known[body["id"]] = body
        self.order.append(name)
        return answer(201, {"id": body["id"]})

    def _complain(self, status: int, text: str) -> bytes:
        self.complaints.append(text)
        return answer(status, json.dumps({"message": text}).encode())

    def check(self, traces: int, tools: int = 1) -> None:
        """Everything is there, nothing came too early, and what came twice was the same."""
        assert self.complaints == []
        assert len(self.histories) == traces
        assert len(self.events) == 2 * traces * tools
        assert set(self.ended) == set(self.histories)
        assert all(len(bodies) == 1 for (line, _), bodies in self.bodies.items() if line.startswith("POST"))


def times(number: int, reply: Reply) -> Failure:
    """The first ``number`` requests get ``reply``."""
    left = iter(range(number))
    return lambda _: reply if next(left, None) is not None else None


def every(number: int, reply: Reply) -> Failure:
    """Every ``number``-th request gets ``reply``, the first one too."""
    counted = iter(range(10**9))
    return lambda _: reply if next(counted) % number == 0 else None
