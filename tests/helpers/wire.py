"""What arrived at a REST server, checked against the rules that hold for every run, and as a tree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.helpers.server import Recorded, Server

HISTORY = {"id", "agent_id", "userId", "conversationId", "startTime", "completionStartTime", "status", "input", "tags",
           "metadata", "version", "level"}  # fmt: skip
EVENT = {"id", "history_id", "event_type", "event_name", "start_time", "end_time", "status", "status_message", "level",
         "version", "parent_event_id", "tags", "metadata", "input", "output"}  # fmt: skip
ENDS = ("success", "error")


class Arrived:
    """The requests of one run, by what they are."""

    def __init__(self, server: Server) -> None:
        self.requests: list[Recorded] = list(server.requests)
        self.creates = [r.json for r in self.requests if r.line == "POST /history"]
        self.events = [r.json for r in self.requests if r.line == "POST /history-events"]
        self.patches = [(r.path, r.json) for r in self.requests if r.method == "PATCH"]
        self._check()

    def event(self, name: str, display: str | None = None) -> dict[str, Any]:
        found = [
            e
            for e in self.events
            if e["event_name"] == name and display in (None, (e["metadata"] or {}).get("displayName"))
        ]
        assert len(found) == 1, f"{len(found)} events {name} of {display}"
        return found[0]

    @property
    def starts(self) -> list[dict[str, Any]]:
        found = [e for e in self.events if e["event_name"].endswith("start")]
        return sorted(found, key=lambda e: e["start_time"])  # siblings go side by side: they arrive in any order

    def tree(self) -> list[Any]:
        """[agent_id, [display name, …children], …] for every trace, children by their start."""
        return [
            [create["agent_id"], *(self._branch(e) for e in self.starts if self._top(e, create))]
            for create in sorted(self.creates, key=lambda c: c["startTime"])
        ]

    @staticmethod
    def _top(event: dict[str, Any], create: dict[str, Any]) -> bool:
        return event["history_id"] == create["id"] and event.get("parent_event_id") is None

    def _branch(self, start: dict[str, Any]) -> list[Any]:
        below = (self._branch(e) for e in self.starts if e.get("parent_event_id") == start["id"])
        return [start["metadata"]["displayName"], *below]

    def _check(self) -> None:
        """Names, parents before children, one end per start, its own start as its parent, the trace's end last."""
        seen: dict[str, dict[str, Any]] = {}
        ended: set[str] = set()
        for request in self.requests:
            assert request.headers["content-type"] == "application/json"
            body = request.json
            if request.line == "POST /history":
                assert set(body) <= HISTORY, body
                assert body["status"] == "working"
                assert body["metadata"]["agentId"] == body["agent_id"]
                datetime.fromisoformat(body["startTime"])
                seen[body["id"]] = body
            elif request.line == "POST /history-events":
                assert set(body) <= EVENT, body
                assert body["history_id"] in seen, "the trace comes first"
                assert body["history_id"] not in ended or body["event_name"].endswith(ENDS), "the trace's end is last"
                parent = body.get("parent_event_id")
                assert parent is None or parent in seen, "parents come first"
                if body["event_name"].endswith(ENDS) and parent in seen and "event_name" in seen[parent]:
                    start = seen[parent]
                    assert start["event_name"].startswith(body["event_name"].rpartition("_")[0].split(":")[0])
                    assert parent not in ended, "one end per start"
                    assert body["start_time"] == start["start_time"]
                    assert datetime.fromisoformat(body["end_time"]) >= datetime.fromisoformat(start["start_time"])
                    ended.add(parent)
                seen[body["id"]] = body
            else:
                assert request.method == "PATCH"
                identifier = request.path.rpartition("/")[2]
                assert identifier in seen
                if request.path.startswith("/history/") and "endTime" in body:
                    assert body["endTime"] == body["end_time"]
                    assert body["status"] in ("completed", "error")
                    assert identifier not in ended
                    ended.add(identifier)
        assert len({b["id"] for b in seen.values()}) == len(seen)
