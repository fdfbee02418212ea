"""The filters and the order in a query of the viewer's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from voltagent.server import viewer_values as values
from voltagent.server.routing import Request, RequestError
from voltagent.storage.traces.filters import ORDERS, STATUSES, Filter, ScoreCondition

_TEXTS: Final = ("agent", "status", "tag", "user", "conversation", "version", "environment", "kind", "name", "tool",
                 "model", "error_type", "called_by", "text")  # fmt: skip
_TIMES: Final = {"since": "since_ns", "until": "until_ns", "called_since": "called_since_ns",
                 "called_until": "called_until_ns"}  # fmt: skip
_NUMBERS: Final = ("min_tokens", "max_tokens", "min_cost", "max_cost", "min_errors")
_DURATIONS: Final = {"min_ms": "min_ns", "max_ms": "max_ns"}
_FLAGS: Final = {"errors": "has_errors", "failed": "failed"}
_MOST_LABELS: Final = 10  # conditions on metadata
_LARGEST: Final = 2**62

# Before a parameter: the trace must match it as well, whatever the parameters of the same name say. It may be repeated:
# those with the same number of prefixes are about the same operation.
BESIDE: Final = "with."
_MOST_BESIDE: Final = 8  # prefixes
# Parameters about one operation of a trace.
OF_OPERATION: Final = frozenset(
    ("kind", "name", "tool", "model", "error_type", "called_by", "failed", "called_since", "called_until")
)
_NAMES: Final = frozenset(
    (*_TEXTS, *_TIMES, *_NUMBERS, *_DURATIONS, *_FLAGS, "score", "metadata",
     *(f"metadata.{number}" for number in range(2, _MOST_LABELS + 1)))
)  # fmt: skip


def filter_of(request: Request) -> Filter:
    """Read which traces a request is about, and in which order.

    Raises:
        RequestError: a parameter is not valid.
    """
    query = request.query
    beside = {name.removeprefix(BESIDE): value for name, value in query.items() if name.startswith(BESIDE)}
    chosen_beside = {name: value for name, value in beside.items() if _bare(name) in _NAMES and value}
    if any(name.startswith(BESIDE * (_MOST_BESIDE + 1)) for name in query):
        raise RequestError(400, f"{BESIDE} can be repeated at most {_MOST_BESIDE} times")
    if len(query.get("text", "")) > values.LONGEST_TEXT:
        raise RequestError(400, f"text must have at most {values.LONGEST_TEXT} characters")
    found: dict[str, Any] = {name: query.get(name) or None for name in _TEXTS}
    if found["status"] not in (None, *STATUSES):
        raise RequestError(400, f"status must be one of {', '.join(STATUSES)}, got {found['status'][:40]!r}")
    found |= {field: values.moment(request, name) for name, field in _TIMES.items()}
    found |= {name: values.real(request, name, 0, _LARGEST) for name in _NUMBERS}
    found |= {field: _nanoseconds(request, name) for name, field in _DURATIONS.items()}
    found |= {field: values.flag(request, name) for name, field in _FLAGS.items()}
    return Filter(
        **found,
        metadata=_labels(query),
        score=_score(query.get("score") or None),
        beside=filter_of(Request(request.method, request.path, query=chosen_beside)) if chosen_beside else None,
        before=query.get("before") or None,
        sort=values.choice(request, "sort", ORDERS, "start"),
        ascending=values.is_ascending(request),
    )


def chosen(request: Request) -> dict[str, str]:
    """Return the parameters of a request that choose traces, as they were given: for links to the list of them."""
    return {name: value for name, value in request.query.items() if _bare(name) in _NAMES and value}


def joined(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return parameters that choose what two sets of them both choose, also if both have one of the same name."""
    found = dict(own)
    for name, value in base.items():
        free = name
        while free in found or (free != name and free in base):
            free = f"{BESIDE}{free}"
        found[free] = value
    return found


def of_traces(query: Mapping[str, str]) -> dict[str, str]:
    """Let parameters about an operation choose the traces that have such a one, in which all is counted.

    Those that already do so are about another operation, and stay apart.
    """
    deeper = BESIDE if any(name in OF_OPERATION for name in query) else ""
    return {
        f"{deeper}{name}" if name in OF_OPERATION or name.startswith(BESIDE) else name: value
        for name, value in query.items()
    }


def _bare(name: str) -> str:
    """Return the name of a parameter without its prefixes."""
    return name[name.rfind(BESIDE) + len(BESIDE) :] if name.startswith(BESIDE) else name


def _nanoseconds(request: Request, name: str) -> int | None:
    found = values.real(request, name, 0, _LARGEST / 1_000_000)
    return None if found is None else int(found * 1_000_000)


def _labels(query: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Parse the filters by metadata, ``key:value``."""
    names = ("metadata", *(f"metadata.{number}" for number in range(2, _MOST_LABELS + 1)))
    given = [query[name] for name in names if query.get(name)]
    labels: list[tuple[str, str]] = []
    for text in given:
        key, colon, value = text.partition(":")
        if not (key and colon):
            raise RequestError(400, f"metadata must be key:value, got {text[:40]!r}")
        labels.append((key, value))
    return tuple(labels)


def _score(text: str | None) -> ScoreCondition | None:
    """Parse the filter by score."""
    if text is None:
        return None
    found = ScoreCondition.parse(text)
    if found is None:
        raise RequestError(400, f"score must be NAME, NAME:VALUE or NAME>=NUMBER, got {text[:40]!r}")
    return found
