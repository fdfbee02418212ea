"""What was stored goes out later as it would have gone out at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.helpers.rich_trace import rich_events, spans
from tests.helpers.stored import Run
from voltagent.core.span import Phase, Remote, Span, SpanEvent
from voltagent.exporters.rest_batch import needs
from voltagent.storage.traces.replay import replayed
from voltagent.storage.traces.store import Store
from voltagent.wire.rest import encode
from voltagent.wire.rest.ids import end_id


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[list[SpanEvent], list[SpanEvent]]]:
    """The events of a rich trace, and the same again from a store."""
    recorded = rich_events()
    store = Store(tmp_path / "t.db")
    assert store.append(recorded) == {}
    (trace,) = store.traces()
    yield recorded, store.events(trace.id)
    store.close()


def is_operation(event: SpanEvent) -> bool:
    return event[1].kind in ("agent", "tool", "memory", "retriever")


def test_operations_become_the_same_rest_requests(stored: tuple[list[SpanEvent], list[SpanEvent]]) -> None:
    recorded, again = (
        {(event[0], end_id(event[1])): encode.request(event) for event in filter(is_operation, events)}
        for events in stored
    )
    assert again == recorded


def test_a_trace_becomes_the_same_requests_with_its_updates_in_them(
    stored: tuple[list[SpanEvent], list[SpanEvent]],
) -> None:
    recorded, again = stored
    first, last = again[0], again[-1]
    assert (first[0], last[0], last[1]) == (Phase.START, Phase.END, first[1])
    create, end = (json.loads(encode.request(event).body) for event in (first, last))
    as_recorded = json.loads(encode.request(recorded[0]).body)
    assert create == {**as_recorded, "conversationId": "c-9"}, "what an update said is there from the start"
    (ended,) = (event for event in recorded if event[0] is Phase.END and event[1].parent is None)
    assert end == json.loads(encode.request(ended).body)


def test_a_custom_event_has_its_fields_but_not_its_end(stored: tuple[list[SpanEvent], list[SpanEvent]]) -> None:
    recorded, again = (next(encode.request(event) for event in events if event[0] is Phase.POINT) for events in stored)
    assert json.loads(again.body) == {**json.loads(recorded.body), "status": "completed"}


@pytest.mark.parametrize("profile", ["voltops", "genai", "openinference", "langfuse"])
def test_all_become_the_same_otlp_spans(profile: str, stored: tuple[list[SpanEvent], list[SpanEvent]]) -> None:
    recorded, again = ({span["spanId"]: span for span in spans(events, profile)} for events in stored)
    early = [one for one in recorded if one not in again]
    assert not early
    for identifier, span in again.items():
        # the conversation came with an update after the first spans of the trace would have gone out
        assert without_conversation(span) == without_conversation(recorded[identifier])


def without_conversation(span: dict[str, Any]) -> dict[str, Any]:
    return {**span, "attributes": [one for one in span["attributes"] if "conversation" not in one["key"]]}


def test_what_failed_was_cancelled_or_still_runs_is_as_it_was(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    root = run.trace(ended=False)
    failed = run.recorder.start(root, "agent", "fails", b"{}")
    open_one = run.recorder.start(failed, "tool", "open", b"{}")
    run.recorder.end(failed, "error", b'"boom"')
    assert run.save() == {}
    (trace,) = run.store.traces()
    phases = [(phase.value, span.name, span.status) for phase, span, _ in run.store.events(trace.id)]
    assert phases == [
        ("start", "bot", None),
        ("start", "fails", "error"),
        ("start", "open", None),
        ("end", "fails", "error"),
    ]
    assert open_one.parent is failed
    assert run.store.events("no such trace") == []


def test_a_trace_that_continues_another_one_stays_in_its_tree(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    remote = Remote("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", state="vendor=a b,other=c")
    root = run.recorder.start_trace("bot", None, remote=remote)
    run.recorder.succeed(run.recorder.start(root, "tool", "t", None), None)
    run.recorder.succeed(root, None)
    recorded = spans(run.log.events, "genai")
    assert run.save() == {}
    assert spans(run.store.events(run.store.traces()[0].id), "genai") == recorded
    assert recorded[1]["parentSpanId"] == "00f067aa0ba902b7"
    assert recorded[1]["traceState"] == "vendor=a b,other=c"


def test_an_update_that_came_from_elsewhere_is_part_of_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    root = run.trace(metadata=b'{"a":1}')
    run.recorder.update(root, {"metadata": b'{"late":true}', "user_id": "ada"})
    assert run.save() == {}
    *_, (phase, span, _) = run.store.events(run.store.traces()[0].id)
    assert (phase, span.metadata, span.more_metadata, span.trace.user_id) == (
        Phase.END, b'{"a":1}', (b'{"late":true}',), "ada",
    )  # fmt: skip


def test_a_moment_that_was_ended_is_one_moment(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    root = run.trace(ended=False)
    span = run.recorder.point(root, "checkpoint", "half way", None, b'{"a":1}', identifier="my own")
    run.recorder.add(span, metadata={"b": 2})
    run.recorder.end(span, "error", b'"lost"', b'{"x":1}')
    assert run.save() == {}
    _, (phase, again, _) = run.store.events(run.store.traces()[0].id)
    assert (phase, again.id, json.loads(again.metadata or b"")) == (Phase.POINT, "my own", {"a": 1, "b": 2})
    body = json.loads(encode.request((phase, again, None)).body)
    assert (body["status"], body["status_message"], body["output"]) == ("error", "lost", {"x": 1})
    assert body["end_time"]


def test_a_parent_that_is_not_there_keeps_its_id(tmp_path: Path) -> None:
    run = Run(tmp_path / "t.db")
    root = run.trace(ended=False)
    above = run.recorder.start(root, "agent", "elsewhere", b"{}")
    below = run.recorder.start(above, "tool", "here", b"{}")
    run.log.events = [event for event in run.log.events if event[1] is not above]
    assert run.save() == {}
    *_, (_, again, _) = run.store.events(run.store.traces()[0].id)
    assert encode.request((Phase.START, again, None)) == encode.request((Phase.START, below, None))


# A parent's place among the rows before it (or none), when it began, and how long it took: also backwards.
_ROWS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 50), st.integers(-20, 20)), max_size=25)


def _row(identifier: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    empty = (
        "version",
        "level",
        "tags",
        "usage",
        "error",
        "metadata",
        "update_metadata",
        "end_metadata",
        "input",
        "output",
    )
    about = {"id": identifier, "agent_id": "a", "name": "n", "status": "completed", "start_ns": start, "end_ns": end}
    return {**dict.fromkeys(empty), **about, **more}


@given(_ROWS)
def test_nothing_comes_before_what_it_needs(rows: list[tuple[int, int, int]]) -> None:
    operations = []
    for number, (parent, start, took) in enumerate(rows):
        parent_id = f"s{parent}" if parent < number else None
        operations.append(
            _row(f"s{number}", start, start + took, parent_id=parent_id, kind="tool", operation=None, instructions=None)
        )
    about_trace = dict.fromkeys(("completion_start_ns", "user_id", "conversation_id", "parent_trace_id", "remote"))
    trace = _row("t", 25, 26, **about_trace)
    events = replayed(trace, operations)
    assert len(events) == 2 + 2 * len(rows)
    seen: set[tuple[Phase, Span]] = set()
    for phase, span, _ in events:
        assert span.parent is None or (Phase.START, span.parent) in seen
        assert phase is Phase.START or (Phase.START, span) in seen
        seen.add((phase, span))
    assert events[0][1].parent is None
    assert events[-1][1].parent is None
    waits, then = needs(events)
    assert all(later > number for number, laters in enumerate(then) for later in laters)
    assert waits[0] == 0
