"""The same program under voltagent 0.1.1 and under ours: what each sends, compared field by field.

`tests/programs/switch.py` uses what works on 0.1.1. What may differ is data, below; each difference must be met by the
program (a stale one fails) and has its row in docs/migrating.md.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import older_package
from tests.helpers.history_api import HistoryAPI, Request

ABSENT = "<absent>"
Diff = tuple[str, str, Any, Any]  # request's label, field, value under 0.1.1, value under ours
USAGE = r"prompt_tokens|completion_tokens|total_tokens|cached_tokens"


@dataclass(frozen=True, slots=True)
class Difference:
    """One intended difference: in which requests, in which field, from what to what; and where users read about it."""

    requests: str
    field: str
    before: Callable[[Any], bool]
    now: Callable[[Any], bool]
    row: str

    def covers(self, diff: Diff) -> bool:
        label, field, before, now = diff
        return bool(
            re.search(self.requests, label)
            and re.fullmatch(self.field, field)
            and self.before(before)
            and self.now(now)
        )


def eq(value: Any) -> Callable[[Any], bool]:
    return lambda other: bool(other == value)


def anything_sent(value: Any) -> bool:
    return bool(value != ABSENT)


absent, null, now = eq(ABSENT), eq(None), eq("<now>")
START = r"^POST .* start #\d$"
END = r"^POST .* (success|error) #\d$"
TRACE_END = r"^PATCH trace [^/]* #\d$"
CAMEL, SNAKE = r"metadata(\.[a-z]+[A-Za-z]*)+", r"metadata\.\w*_\w*(\.\w+)*"

DIFFERENCES = [
    Difference(r"^POST .* / ", "id", absent, anything_sent, "ids of operations"),
    Difference(END, "end_time", null, now, "the end of an operation"),
    Difference(TRACE_END, "endTime", absent, now, "the end of a trace"),
    Difference("^POST .*broken store error", "event_name", eq("memory:error"), eq("memory:write_error"),
               "an error of a memory"),
    Difference(END, rf"metadata\.usage\.({USAGE})", anything_sent, absent, "usage"),
    Difference(END, r"metadata\.usage\.[a-z]+Tokens", absent, anything_sent, "usage"),
    Difference(TRACE_END, rf"usage\.({USAGE})", anything_sent, absent, "usage"),
    Difference(TRACE_END, r"usage\.[a-z]+Tokens", absent, anything_sent, "usage"),
    *(
        Difference(requests, field, before, after, "keys of metadata")
        for requests in ("^POST trace support-v1 #1", "^POST .*/ Support Agent success #1", "^PATCH .*search start #1")
        for field, before, after in ((SNAKE, anything_sent, absent), (CAMEL, absent, anything_sent))
    ),
    Difference("^POST .*search success #1", r"metadata\.cacheHit", absent, eq(True), "metadata at the end"),
    Difference("^PATCH trace by-hand #3", r"metadata\.agentId", absent, eq("by-hand"), "metadata at the end"),
    Difference("^POST .*with an exception error", r"status_message\.name", absent, eq("ValueError"),
               "exceptions"),
    Difference("^POST .*with an exception error", r"status_message\.stack", null, eq("ValueError: not raised\n"),
               "exceptions"),
    Difference("^PATCH trace failing #1", r"metadata\.error", eq("no such page"), absent,
               "exceptions"),
    Difference("^PATCH trace failing #1", r"metadata\.error\.(message|type|name|stack)", absent, anything_sent,
               "exceptions"),
]  # fmt: skip


# Requests that only ours makes, with the row of docs/migrating.md.
MORE_REQUESTS = {
    "POST trace failing / unlucky start / unlucky error #1": "what is still open at `shutdown()` or exit",
}


@cache
def under_the_older_package() -> dict[str, Request]:
    with HistoryAPI() as api:
        older_package.run("switch.py", api.url)
        return api.labelled()


@cache
def under_ours() -> dict[str, Request]:
    program = str(older_package.PROGRAMS / "switch.py")
    with HistoryAPI() as api:
        command = [sys.executable, "-W", "error", program, api.url]
        path = {"PYTHONPATH": str(older_package.PROGRAMS.parents[1])}
        done = subprocess.run(command, env=path, capture_output=True, encoding="utf-8", timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        return api.labelled()


def diffs() -> list[Diff]:
    theirs, ours = under_the_older_package(), under_ours()
    found: list[Diff] = []
    for label in sorted(theirs.keys() & ours.keys()):
        before, after = theirs[label].body, ours[label].body
        for field in sorted(before.keys() | after.keys()):
            pair = before.get(field, ABSENT), after.get(field, ABSENT)
            if pair[0] != pair[1]:
                found.append((label, field, *pair))
    return found


def test_the_same_requests_are_made() -> None:
    theirs, ours = under_the_older_package(), under_ours()
    assert sorted(ours) == sorted([*theirs, *MORE_REQUESTS])
    assert {label: (each.method, each.path) for label, each in theirs.items()} == {
        label: (ours[label].method, ours[label].path) for label in theirs
    }
    assert len(theirs) > 45


@pytest.mark.parametrize("run", [under_the_older_package, under_ours])
def test_nothing_is_named_before_it_is_stored(run: Callable[[], dict[str, Request]]) -> None:
    stored = {"trace event of core", "trace untouched"}  # the program changes these two without making them
    for label, request in run().items():
        own = label.removeprefix("POST ").rpartition(" #")[0]
        named = {
            name for value in (*request.body.values(), request.path) for name in re.findall("<(trace .*?)>", str(value))
        }
        assert named - {own} <= stored
        stored.add(own)


def test_headers_are_the_same() -> None:
    theirs, ours = under_the_older_package(), under_ours()
    names = ("content-type", "x-public-key", "x-secret-key", "x-team")
    for label, request in theirs.items():
        assert [ours[label].headers.get(name) for name in names] == [request.headers.get(name) for name in names]


def test_bodies_differ_only_where_they_should() -> None:
    unexpected = [diff for diff in diffs() if not any(each.covers(diff) for each in DIFFERENCES)]
    assert not unexpected


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda each: f"{each.requests} {each.field}")
def test_each_listed_difference_is_met(difference: Difference) -> None:
    assert any(difference.covers(diff) for diff in diffs())


def test_the_low_level_client_sends_the_very_same() -> None:
    assert not [diff for diff in diffs() if " core" in diff[0] or "untouched" in diff[0]]


def test_each_listed_difference_is_explained_to_users() -> None:
    text = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text("utf-8")
    rows = set(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))
    assert {*(each.row for each in DIFFERENCES), *MORE_REQUESTS.values()} <= rows
