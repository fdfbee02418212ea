"""``/observability/…``: the routes of the platform's local server, so that what reads those can read this store.

Paths, parameters and answers are those of VoltAgent's ``server-core`` package as of July 2026. Answers are
``{"success": true, "data": …}``, or ``{"success": false, "error": text}``. This store has no logs and is no agent's
memory: those routes answer with nothing found, in the form that a console expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic_core import to_json

from voltagent.server.console_spans import Json, find_span, find_trace, spans_of
from voltagent.server.routing import Answer, Request, Route, json_answer
from voltagent.storage.traces.store import Filter, Store, StoreError

__all__ = ["ROUTES", "span_tree"]

_MOST_TRACES: Final = 100  # of one answer
_MOST_SPANS: Final = 2_000  # and of a trace in a list; each takes a tenth of a millisecond
_DEEPEST: Final = 50  # of a tree: what is deeper stands beside its parent, as JSON nests only so far


class _NotFound(Exception):  # noqa: N818 - an answer; it does not leave this room
    """There is nothing with this id; the text is what a console shows."""


def _answering(serve: Callable[[Store, Request], Any]) -> Callable[[Store, Request], Answer]:
    def handle(store: Store, request: Request) -> Answer:
        try:
            found = serve(store, request)
            return Answer(body=_SUCCESS % found) if isinstance(found, bytes) else _success(found)
        except _NotFound as fault:
            return json_answer({"success": False, "error": str(fault)}, 404)
        except ValueError as fault:
            return json_answer({"success": False, "error": str(fault)}, 400)
        except StoreError as fault:
            return json_answer({"success": False, "error": str(fault)}, 500)

    return handle


_SUCCESS: Final = b'{"success":true,"data":%b}'


def _success(data: Any) -> Answer:
    return json_answer({"success": True, "data": data})


# ----------------------------------------------------------------------------------------------------- traces and spans


def _traces(store: Store, request: Request) -> bytes:
    """The newest traces; ``entityId`` is the agent of a trace, or one in it. Of a large one how it begins, and how many
    spans it has: the whole is at its own path.
    """
    found: list[bytes] = []
    spans = 0
    # agents are all there is
    entities = Filter(agent=request.query.get("entityId") or None)
    listed = store.traces(entities, _MOST_TRACES) if request.query.get("entityType", "agent") == "agent" else ()
    for trace in listed:
        spans += 1 + trace.operations
        if found and spans > _MOST_SPANS:
            break
        found.append(_trace_of(store, trace.id, _MOST_SPANS))
    return b'{"traces":[%b],"count":%d}' % (b",".join(found), len(found))


def _trace(store: Store, request: Request) -> bytes:
    return _trace_of(store, _known_trace(store, request))


def _trace_of(store: Store, trace_id: str, most: int | None = None) -> bytes:
    """A trace as JSON text, with so many spans at most: each is in it twice, and written once."""
    texts: dict[str, bytes] = {}
    bones: list[Json] = []
    for span in spans_of(store, trace_id, most=most):
        texts[span["spanId"]] = to_json(span, inf_nan_mode="null")
        bones.append({name: span[name] for name in ("traceId", "spanId", "parentSpanId") if name in span})
    if not bones:  # deleted meanwhile
        raise _NotFound("Trace not found")
    tree = [_tree_text(node, texts) for node in span_tree(bones)]
    count = len(texts) if most is None or len(texts) < most else _count(store, trace_id)
    return b'{"traceId":%b,"spans":[%b],"tree":[%b],"spanCount":%d}' % (
        to_json(bones[0]["traceId"]), b",".join(texts.values()), b",".join(tree), count,
    )  # fmt: skip


def _count(store: Store, trace_id: str) -> int:
    return 1 + int(store.rows("SELECT count(*) FROM operations WHERE trace_id = ?", (trace_id,))[0][0])


def _tree_text(node: Json, texts: Mapping[str, bytes]) -> bytes:
    """A node of :func:`span_tree` and what is below it; that is never deeper than JSON goes."""
    below = b",".join([_tree_text(child, texts) for child in node["children"]])
    return b'%b,"children":[%b],"depth":%d}' % (texts[node["spanId"]][:-1], below, node["depth"])


def _known_trace(store: Store, request: Request) -> str:
    trace_id = find_trace(store, request.captured[0])
    if trace_id is None:
        raise _NotFound("Trace not found")
    return trace_id


def _span(store: Store, request: Request) -> Json:
    span = find_span(store, request.captured[0])
    if span is None:
        raise _NotFound("Span not found")
    return span


def span_tree(spans: Iterable[Json]) -> list[Json]:
    """Spans with their ``children`` and ``depth``; those whose parent is not there stand at the top."""
    nodes: dict[str, Json] = {span["spanId"]: {**span, "children": [], "depth": 0} for span in spans}
    holders: dict[str | None, Json] = {}  # span -> the node that its children go into
    for identifier, above in _outermost_first(nodes):
        node = nodes[identifier]
        if above is not None:
            node["depth"] = min(nodes[above]["depth"] + 1, _DEEPEST)
            holders[above]["children"].append(node)
        holders[identifier] = node if node["depth"] < _DEEPEST else holders[above]
    return [node for node in nodes.values() if node.get("parentSpanId") not in nodes]


def _outermost_first(nodes: dict[str, Json]) -> Iterable[tuple[str, str | None]]:
    """Every span that hangs together with the top, with its parent. What is its own ancestor does not."""
    below: dict[str | None, list[str]] = {}
    for identifier, node in nodes.items():
        parent = node.get("parentSpanId")
        below.setdefault(parent if parent in nodes else None, []).append(identifier)
    waiting: list[tuple[str, str | None]] = [(identifier, None) for identifier in below.get(None, ())]
    while waiting:
        yield from waiting
        waiting = [(child, parent) for parent, _ in waiting for child in below.get(parent, ())]


def _status(store: Store, _: Request) -> Json:
    counted = store.rows("SELECT (SELECT count(*) FROM traces), (SELECT count(*) FROM operations)")
    traces, operations = counted[0] if counted else (0, 0)
    return {
        "enabled": True,
        "storage": "sqlite",
        "storageAdapter": "SQLite",
        "storagePersistent": True,
        "storageDisplayName": "voltagent local store",
        "storageDescription": "The SQLite file of the Python library's local exporter",
        "websocket": True,
        "traceCount": traces,
        "spanCount": traces + operations,
        "logCount": 0,
        "resumableStream": {"enabled": False, "store": None, "storeDisplayName": None},
        "message": "Observability is enabled with sqlite storage",
    }


# ----------------------------------------------------------------------------------------------------------------- logs


def _trace_logs(store: Store, request: Request) -> Json:
    _known_trace(store, request)
    return {"traceId": request.captured[0], "logs": [], "count": 0}


def _span_logs(store: Store, request: Request) -> Json:
    return {"spanId": _span(store, request)["spanId"], "logs": [], "count": 0}


_LOG_FILTERS: Final = ("traceId", "spanId", "severityNumber", "severityText", "startTime", "endTime", "limit")


def _logs(_: Store, request: Request) -> Json:
    given = {name: request.query[name] for name in _LOG_FILTERS if name in request.query}
    return {"logs": [], "count": 0, "filter": given}


# --------------------------------------------------------------------------------------------------------------- memory


def _page(request: Request) -> Json:
    """An empty page, with the limits that were asked for."""
    limit = _number(request, "limit") or 50
    return {"total": 0, "limit": min(limit, 200), "offset": _number(request, "offset")}


def _number(request: Request, name: str) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _users(_: Store, request: Request) -> Json:
    return {"users": [], **_page(request)}


def _conversations(_: Store, request: Request) -> Json:
    return {"conversations": [], **_page(request)}


def _conversation(_: Store, __: Request) -> Json:
    raise _NotFound("Conversation not found")


def _working_memory(_: Store, request: Request) -> Json:
    scope = request.query.get("scope")
    if scope not in ("conversation", "user"):
        raise ValueError("Invalid scope. Expected 'conversation' or 'user'.")
    if scope == "conversation" or not request.query.get("userId"):
        raise _NotFound("Working memory not found")
    nothing = dict.fromkeys(("agentId", "agentName", "content", "format", "template"))
    return {"scope": scope, **nothing}


_SERVED: Final[dict[str, Callable[[Store, Request], Any]]] = {
    "/observability/traces": _traces,
    "/observability/traces/{id}": _trace,
    "/observability/spans/{id}": _span,
    "/observability/status": _status,
    "/observability/traces/{id}/logs": _trace_logs,
    "/observability/spans/{id}/logs": _span_logs,
    "/observability/logs": _logs,
    "/observability/memory/users": _users,
    "/observability/memory/conversations": _conversations,
    "/observability/memory/conversations/{id}/messages": _conversation,
    "/observability/memory/conversations/{id}/steps": _conversation,
    "/observability/memory/working-memory": _working_memory,
}
ROUTES: Final = tuple(Route("GET", pattern, _answering(serve)) for pattern, serve in _SERVED.items())
