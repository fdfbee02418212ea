"""The REST history API as a real server: keeps what arrives and answers with what it stored, as the platform does.

Requests are distinguished by a *label* that is the same however ids are chosen: where in its trace an event stands.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote

from tests.helpers.server import Recorded, Server, answer

__all__ = ["HistoryAPI", "Request", "flat"]

_TIMES = {"start_time", "end_time", "startTime", "endTime", "completionStartTime", "completion_start_time"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request with labels in the place of ids, and `<now>` in the place of times of this run."""

    label: str
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]  # flat: `{"metadata.agentId": …}`


class HistoryAPI(Server):
    """A server with ids of its own choice wherever a create brings none."""

    def __init__(self) -> None:
        super().__init__(self._store)
        self._lock = threading.Lock()
        self._objects: dict[str, dict[str, Any]] = {}
        self._creates: dict[str, dict[str, Any]] = {}
        self._answered: list[tuple[Recorded, str]] = []  # each request with the id of what it is about
        self._begun = datetime.now(timezone.utc)

    def _store(self, request: Recorded) -> bytes:
        body = request.json if request.body else {}
        with self._lock:
            if request.method == "POST":
                identifier = body.get("id") or f"chosen-by-the-server-{len(self._objects)}"
                self._creates[identifier] = body
                self._objects[identifier] = {**body, "id": identifier}
            else:
                identifier = unquote(request.path.rpartition("/")[2])
                self._objects.setdefault(identifier, _UNKNOWN | {"id": identifier}).update(body)
            self._answered.append((request, identifier))
            return answer(200, self._objects[identifier])

    def labelled(self) -> dict[str, Request]:
        """All requests so far by label."""
        labels: dict[str, str] = {}
        for identifier in self._objects:
            self._label(identifier, labels)
        counts: dict[str, int] = {}
        found = {}
        for request, target in self._answered:
            what = f"{request.method} {labels[target]}"
            counts[what] = counts.get(what, 0) + 1
            label = f"{what} #{counts[what]}"
            found[label] = Request(label, request.method, *self._readable(request, labels))
        return found

    def _label(self, identifier: str, labels: dict[str, str]) -> str:
        if identifier in labels:
            return labels[identifier]
        created = self._creates.get(identifier, {"agent_id": identifier})
        if "history_id" not in created:
            label = f"trace {created['agent_id']}"
        else:
            above = created.get("parent_event_id") or created["history_id"]
            name = (created.get("metadata") or {}).get("displayName") or created["event_type"]
            role = created["event_name"].rpartition(":")[2].removeprefix("write_")
            label = f"{self._label(above, labels)} / {name} {role}"
        while label in labels.values():
            label += "'"
        labels[identifier] = label
        return label

    def _readable(self, request: Recorded, labels: dict[str, str]) -> tuple[str, dict[str, str], dict[str, Any]]:
        collection, _, last = request.path.rpartition("/")
        path = f"{collection}/<{labels[unquote(last)]}>" if request.method == "PATCH" else request.path
        body = flat(request.json) if request.body else {}
        return path, request.headers, {name: self._plain(name, value, labels) for name, value in body.items()}

    def _plain(self, name: str, value: Any, labels: dict[str, str]) -> Any:
        if isinstance(value, str) and value in labels and name.endswith("id"):
            return f"<{labels[value]}>"
        if name in _TIMES and isinstance(value, str) and len(value) > 5:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return "<now>" if moment >= self._begun else moment.astimezone(timezone.utc).isoformat()
        return value


_UNKNOWN = {"agent_id": "", "history_id": "", "event_type": "", "event_name": "", "status": "error"}


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``; an empty dict stays a value."""
    found = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            found.update(flat(inner, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = inner
    return found
