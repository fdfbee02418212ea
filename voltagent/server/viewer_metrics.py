"""``/api/metrics``, ``/api/histogram``, ``/api/conversations`` and ``/api/users``: figures over many traces, as JSON.

Every figure comes with the parameters that make a list show what is behind it: the list of calls where calls are
counted, else the list of traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from voltagent.records import statistics
from voltagent.records.metrics import MetricsGroup, ScoreGroup, Totals
from voltagent.records.overviews import SORTS, Overview, histogram, overviews
from voltagent.records.statistics import BY_METADATA, PERCENTILES
from voltagent.render import answers
from voltagent.render.answers import Json
from voltagent.server import viewer_values as values
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.server.viewer_filters import chosen, filter_of, joined, of_traces
from voltagent.storage.traces.store import Store

_MOST_BUCKETS: Final = 500
_MOST_GROUPS: Final = 100
_MOST_OVERVIEWS: Final = 500
_UNKNOWN: Final = "unknown"


def _metrics(store: Store, request: Request) -> Answer:
    """Answer with the figures of the Metrics page, grouped as requested, and the filters that lead to their calls."""
    by = request.query.get("by") or "agent"
    if not statistics.is_grouping(by):
        raise RequestError(400, f"by must be one of {', '.join(statistics.BY)} or metadata:KEY")
    sort = values.choice(request, "sort", statistics.SORTS, "calls")
    is_sorted, is_ascending = sort == "name" or bool(request.query.get("sort")), values.is_ascending(request)
    request = Request(request.method, request.path, query=of_traces(_without_sort(request)))
    within = filter_of(request)
    found = statistics.metrics(
        store,
        by,
        since_ns=within.since_ns,
        until_ns=within.until_ns,
        buckets=values.number(request, "buckets", 1, _MOST_BUCKETS) or 60,
        within=replace(within, since_ns=None, until_ns=None),  # calls are counted by when they began themselves
    )
    links = _Links(by, chosen(request))
    groups = statistics.sorted_groups(found.groups, sort, ascending=is_ascending)
    listed = groups if is_sorted else found.groups
    return json_answer({
        "by": by,
        "unit": "calls" if by in statistics.OF_CALLS else "traces",
        "buckets": [start // 1000 for start in found.starts],
        "width": found.width // 1000,
        "time_filter": links.time_filter,
        "error_filter": links.error_filter,
        "groups": [_group(group, links) for group in listed[:_MOST_GROUPS]],
        "more": max(0, len(found.groups) - _MOST_GROUPS),
        "totals": {"traces": found.traces, **_figures(found.total), "filter": links.all()},
        "error_types": [
            {"type": name, "count": number, "filter": {**links.of_calls(), "error_type": name}}
            for name, number in found.error_types
        ],
        "scores": [_score_group(one, links.base) for one in found.scores],
    })  # fmt: skip


def _without_sort(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.query.items() if name not in ("sort", "order")}


class _Links:
    """The parameters that make a list show what a figure is about."""

    def __init__(self, by: str, base: Mapping[str, str]) -> None:
        self.by = by
        self.base = dict(base)
        self._are_calls = by in statistics.OF_CALLS
        self.time_filter = ("called_since", "called_until") if self._are_calls else ("since", "until")
        self.error_filter = {"failed": "1"} if self._are_calls else {"errors": "1"}

    def of_calls(self) -> dict[str, str]:
        """Return the base, for calls: they are in the time, whenever their traces began."""
        times = {"since": "called_since", "until": "called_until"}
        return {times.get(name, name): value for name, value in self.base.items()}

    def all(self) -> dict[str, str]:
        """Return those of all groups."""
        if not self._are_calls:
            return self.base
        return joined(self.of_calls(), {"counted": "1"} if self.by == "model" else {"kind": self.by})

    def group(self, name: str) -> dict[str, str]:
        """Return those of a group."""
        return joined(self.of_calls() if self._are_calls else self.base, self._own(name))

    def errors(self, name: str) -> dict[str, str]:
        """Return those of the failed calls of a group; in a group of traces, trace and call are both in the time."""
        own = self._own(name)
        own.pop("counted", None)
        return joined({**self.of_calls(), **({} if self._are_calls else self.base)}, own)

    def _own(self, name: str) -> dict[str, str]:
        """Return the filter for the calls of one group."""
        if self.by.startswith(BY_METADATA):
            return {"metadata": f"{self.by.removeprefix(BY_METADATA)}:{name}"}
        if self.by in ("agent", "tool"):
            return {"kind": self.by, "name": name}
        if self.by == "model":
            return {"counted": "1", **({"unnamed": "1"} if name == _UNKNOWN else {"model": name})}
        return _day(name) if self.by == "day" else {self.by: name}


def _day(name: str) -> dict[str, str]:
    start = datetime.fromisoformat(name).astimezone()
    end = (datetime.fromisoformat(name) + timedelta(days=1)).astimezone()
    return {"since": str(int(start.timestamp()) * 10**6), "until": str(int(end.timestamp()) * 10**6)}


def _group(group: MetricsGroup, links: _Links) -> Json:
    """Return the figures of one group by time, with the filter that leads to its calls."""
    link = links.group(group.name)
    return {
        "name": group.name,
        "filter": link,
        "calls": [one.calls for one in group.buckets],
        "errors": [one.errors for one in group.buckets],
        **{f"p{percent}": [_percentile(one, percent) for one in group.buckets] for percent in PERCENTILES},
        "tokens": [one.tokens for one in group.buckets],
        "cost": [one.cost for one in group.buckets],
        "total": {
            **_figures(group.total),
            **{f"p{percent}": _percentile(group.total, percent) for percent in PERCENTILES},
        },
        "error_types": [
            {"type": name, "count": number, "filter": {**links.errors(group.name), "error_type": name}}
            for name, number in group.error_types
        ],
    }


def _figures(totals: Totals) -> Json:
    """Return sums over calls."""
    return {
        "calls": totals.calls,
        "errors": totals.errors,
        "error_rate": totals.error_rate,
        "tokens": totals.tokens,
        "cost": totals.cost,
    }


def _percentile(totals: Totals, percent: int) -> float | None:
    return answers.microseconds(totals.percentile(percent))


def _score_group(group: ScoreGroup, base: Mapping[str, str]) -> Json:
    """Return the figures of one name of score by time."""
    means = [total / number if number else None for total, number in zip(group.sums, group.counts, strict=True)]
    return {
        "name": group.name,
        "count": sum(group.counts),
        "filter": joined(base, {"score": group.name}),
        **answers.keep_known(mean=group.mean),
        "buckets": {"count": group.counts, "mean": means if group.mean is not None else [None] * len(means)},
        "values": [
            {"value": value, "count": number, "filter": joined(base, {"score": f"{group.name}:{value}"})}
            for value, number in group.values
        ],
    }


def _histogram(store: Store, request: Request) -> Answer:
    """Answer with the numbers of traces and errors over time."""
    number = values.number(request, "buckets", 1, _MOST_BUCKETS) or 60
    found = histogram(store, filter_of(request), number)
    return json_answer({
        "since": found.since_ns // 1000,
        "until": found.until_ns // 1000,
        "width": found.width_ns // 1000,
        "buckets": [(found.since_ns + place * found.width_ns) // 1000 for place in range(number)],
        "traces": found.traces,
        "errors": found.errors,
    })  # fmt: skip


def _overviews(by: str, name: str, show: Callable[[Overview], Json]) -> Callable[[Store, Request], Answer]:
    """Return the handler that answers with the list of conversations or users."""

    def answer(store: Store, request: Request) -> Answer:
        limit = values.number(request, "limit", 1, _MOST_OVERVIEWS) or 50
        found: Sequence[Overview] = overviews(
            store,
            by,
            filter_of(Request(request.method, request.path, query=_without_sort(request))),
            sort=values.choice(request, "sort", SORTS, "last"),
            ascending=values.is_ascending(request),
            limit=limit + 1,
            offset=values.number(request, "offset", 0, 10**9) or 0,
        )
        return json_answer({name: [show(one) for one in found[:limit]], "more": len(found) > limit})

    return answer


def _common(one: Overview) -> dict[str, Any]:
    """Return what the lines of conversations and users have in common."""
    return {
        "id": one.id,
        "traces": one.traces,
        "errors": one.errors,
        "first": one.first_ns // 1000,
        "last": one.last_ns // 1000,
        **answers.keep_known(tokens=one.tokens, cost=one.cost),
    }


def _conversation(one: Overview) -> Json:
    about = {"users": one.users, "agents": one.agents}
    return {**_common(one), **about, **answers.keep_known(input=one.input)}


def _user(one: Overview) -> Json:
    return {**_common(one), "conversations": one.conversations, "agents": one.agents}


ROUTES: Final = (
    Route("GET", "/api/metrics", _metrics),
    Route("GET", "/api/histogram", _histogram),
    Route("GET", "/api/conversations", _overviews("conversation", "conversations", _conversation)),
    Route("GET", "/api/users", _overviews("user", "users", _user)),
)
