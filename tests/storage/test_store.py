"""The local store: what is written comes back, in pieces or twice, in lists and by ids, and quickly."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.helpers.longest_steps import measured
from tests.helpers.pace import hold_processor
from tests.helpers.stored import Log, Run, names, run_sql
from voltagent.core import clock
from voltagent.core.span import (
    AGENT,
    CANCELLED,
    COMPLETED,
    ERROR,
    LLM,
    MEMORY,
    RETRIEVER,
    TOOL,
    Phase,
    Span,
    SpanEvent,
    TraceInfo,
)
from voltagent.records.queries import operation, operation_summaries
from voltagent.storage.file import StoreError
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import KNOWN_OPERATION, StoredOperation, StoredTrace
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.tokens import usage_of
from voltagent.tracing.recorder import Recorder


def text(span: Span) -> str:
    return clock.id_text(span.id)


def only(store: Store) -> tuple[StoredTrace, list[StoredOperation]]:
    (found,) = store.traces()
    trace = store.trace(found.id)
    assert trace is not None
    return trace, store.operations(trace.id)


# What is stored.


def test_a_run_is_stored_with_all_its_facts(run: Run) -> None:
    recorder = run.recorder
    root = recorder.start_trace(
        "support-v1",
        b'{"question":"why"}',
        b'{"deploy":{"region_name":"eu"}}',
        ("a", "b"),
        user_id="u1",
        conversation_id="c1",
        version="7",
        level="INFO",
        completion_start="2026-01-31T12:00:00+00:00",
    )
    bot = recorder.start(
        root, AGENT, "Bot", b'{"x":1}', b'{"model_parameters":{"model":"gpt-4"}}', facts={"instructions": "Be kind."}
    )
    search = recorder.start(bot, RETRIEVER, "kb", b'{"query":"why"}', tags=("slow",))
    recorder.add(search, metadata={"hits": 2}, tags=("cached", "slow"))
    recorder.add(search, metadata={"hits": 3, "top_score": 0.5})
    recorder.end(search, COMPLETED, output=b'{"result":["d1"]}')
    recall = recorder.start(bot, MEMORY, "notes", b"{}", operation="read")
    recorder.end(recall, ERROR, b'{"message":"gone","type":"KeyError"}')
    recorder.add(bot, usage={"prompt_tokens": 3, "completion_tokens": 4})
    recorder.succeed(bot, b'{"result":"because"}')
    recorder.end(root, COMPLETED, output=b'{"answer":42}')
    assert run.save() == {}

    trace, operations = only(run.store)
    assert trace == StoredTrace(
        id=text(root),
        agent_id="support-v1",
        name="support-v1",
        status="completed",
        start_ns=root.start_ns,
        end_ns=root.end_ns,
        user_id="u1",
        conversation_id="c1",
        parent_trace_id=None,
        version="7",
        level="INFO",
        tags=("a", "b"),
        usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        error=None,
        operations=3,
        errors=1,
        completion_start_ns=clock.parse_iso("2026-01-31T12:00:00+00:00"),
        metadata={"deploy": {"region_name": "eu"}},
        input={"question": "why"},
        output={"answer": 42},
        models=("gpt-4",),
        tokens=7,
    )
    assert [(o.name, o.kind, o.parent_id, o.agent_id, o.status) for o in operations] == [
        ("Bot", "agent", None, "support-v1", "completed"),
        ("kb", "retriever", text(bot), "Bot", "completed"),
        ("notes", "memory", text(bot), "Bot", "error"),
    ]
    agent, retriever, memory = operations
    assert agent.instructions == "Be kind."
    assert agent.metadata == {"model_parameters": {"model": "gpt-4"}}
    assert retriever.metadata == {"hits": 3, "top_score": 0.5}
    assert retriever.tags == ("slow", "cached")
    assert (retriever.input, retriever.output) == ({"query": "why"}, {"result": ["d1"]})
    assert (retriever.start_ns, retriever.end_ns) == (search.start_ns, search.end_ns)
    assert memory.operation == "read"
    assert memory.error == {"message": "gone", "type": "KeyError"}


@pytest.mark.parametrize("unit", ["word ", "слово ", "\U0001f600 ", "word " * 180_000 + "\U0001f600"])
def test_a_large_payload_is_stored_as_text_in_short_steps(run: Run, unit: str) -> None:
    value = unit * max(1, 900_000 // len(unit.encode()))
    payload = b'"%b"' % value.encode()
    run.trace()
    run.save()
    root = run.recorder.start_trace("bot", payload)
    tool = run.recorder.start(root, TOOL, "echo", payload)
    run.recorder.succeed(run.recorder.start(root, TOOL, "alone", payload), payload)
    run.save()
    run.recorder.update(tool, {"output": payload})
    run.recorder.succeed(root, payload)
    with measured() as step:
        run.save()
    trace = run.store.trace(text(root))
    assert trace is not None
    stored = [trace, *run.store.operations(trace.id)]
    assert [(one.input == value, one.output == value) for one in stored] == [(True, True)] * 3
    kinds = "SELECT DISTINCT typeof(input), typeof(output) FROM"
    for table in ("traces", "operations"):
        assert run_sql(run.store.path, f"{kinds} {table}") == [("text", "text")]
    hold_processor(step.seconds, 0.005, step.where)


def test_what_runs_is_seen_running_and_then_ended(run: Run) -> None:
    root = run.trace(ended=False)
    tool = run.recorder.start(root, TOOL, "slow", b'{"n":1}')
    run.save()
    trace, (operation,) = only(run.store)
    assert (trace.status, trace.end_ns) == ("running", None)
    assert (operation.status, operation.end_ns, operation.input) == ("running", None, {"n": 1})

    run.recorder.end(tool, CANCELLED, b'"stopped"')
    run.recorder.end(root, ERROR, b'{"message":"no"}')
    run.save()
    trace, (operation,) = only(run.store)
    assert (trace.status, trace.end_ns, trace.error) == ("error", root.end_ns, {"message": "no"})
    assert (operation.status, operation.end_ns, operation.error) == ("cancelled", tool.end_ns, "stopped")
    assert operation.input == {"n": 1}


def test_a_start_shows_nothing_of_the_end_that_is_still_to_come(run: Run) -> None:
    """The sender reads a span while its thread goes on: the end's fields are not checked for secrets yet."""
    root = run.trace(ended=False)
    tool = run.recorder.start(root, TOOL, "t", b"{}")
    started = list(run.log.events)
    run.recorder.add(tool, metadata={"secret": 1}, usage={"prompt_tokens": 1}, tags=("late",))
    run.recorder.end(tool, ERROR, b'"secret"', b'{"secret":1}')
    run.store.append(started)
    _, (operation,) = only(run.store)
    assert (operation.status, operation.error, operation.output, operation.metadata) == ("running", None, None, {})
    assert (operation.usage, operation.tags) == (None, ())


def test_updates_change_what_they_name(run: Run) -> None:
    root = run.trace(ended=False, metadata=b'{"a":1,"b":1,"c":1}')
    tool = run.recorder.start(root, TOOL, "t", b"{}", b'{"a":1}')
    run.save()
    run.recorder.update(root, {"metadata": b'{"b":2,"c":2}', "user_id": "u", "status": "working", "level": "DEBUG"})
    run.recorder.update(root, {"metadata": b'{"b":3}', "conversation_id": "c", "tags": b'["x"]'})
    run.recorder.update(tool, {"output": b'{"half":1}', "version": "2", "user_id": "not of an operation"})
    run.save()
    trace, (operation,) = only(run.store)
    assert trace.metadata == {"a": 1, "b": 3, "c": 2}
    assert (trace.user_id, trace.conversation_id, trace.level, trace.tags) == ("u", "c", "DEBUG", ("x",))
    assert (trace.status, operation.status) == ("running", "running")
    assert (operation.output, operation.version) == ({"half": 1}, "2")

    run.recorder.add(root, metadata={"c": 4})
    run.recorder.update(root, {"end_time": "2026-01-31T12:00:00+00:00", "status_message": b'"late"'})
    run.recorder.succeed(root, None)
    run.recorder.succeed(tool, b'{"whole":1}')
    run.save()
    trace, (operation,) = only(run.store)
    assert trace.metadata == {"a": 1, "b": 3, "c": 4}
    assert (trace.status, trace.end_ns, trace.error, trace.user_id) == ("completed", root.end_ns, "late", "u")
    assert operation.output == {"whole": 1}


def test_an_update_by_id_alone_finds_its_operation(run: Run) -> None:
    """`sdk.update_event(id)` and `update_trace(id)` may name what another process recorded."""
    root = run.trace(ended=False)
    tool = run.recorder.start(root, TOOL, "t", b"{}")
    run.save()
    trace_of_its_own = TraceInfo(text(tool), "", run.recorder)
    above = Span(trace_of_its_own, None, "trace", "", None, identifier=text(tool))
    run.recorder.update(Span(trace_of_its_own, above, "event", "", None, identifier=text(tool)), {"output": b'{"o":1}'})
    stand_in = Span(TraceInfo(text(root), "", run.recorder), None, "trace", "", None, identifier=text(root))
    run.recorder.update(stand_in, {"output": b'{"o":2}'})
    run.save()
    trace, (operation,) = only(run.store)
    assert (trace.output, trace.agent_id, operation.output) == ({"o": 2}, "bot", {"o": 1})


def test_a_custom_event_is_a_moment_until_it_is_ended(run: Run) -> None:
    root = run.trace(ended=False)
    facts = {"status_message": b'"careful"', "level": "WARNING", "output": b'{"o":1}'}
    point = run.recorder.point(root, "custom", "x:y", b'{"i":1}', b'{"m":1}', tags=("t",), facts=facts)
    dated = {"start_time": "2026-01-31T12:00:00Z", "end_time": "2026-01-31T12:00:01Z", "parent_event_id": text(point)}
    later = run.recorder.point(root, "custom", "dated", None, None, facts={**dated, "status": "error"})
    run.save()
    _, operations = only(run.store)
    second, first = operations  # in the order of time
    assert (first.status, first.end_ns, first.error, first.level) == ("completed", None, "careful", "WARNING")
    assert (first.kind, first.input, first.output, first.metadata) == ("custom", {"i": 1}, {"o": 1}, {"m": 1})
    assert (second.status, second.parent_id) == ("error", text(point))
    assert second.end_ns is not None
    assert second.end_ns - second.start_ns == 10**9

    run.recorder.end(point, COMPLETED, output=b'{"o":2}')
    run.recorder.end(later, CANCELLED)
    run.save()
    _, (second, first) = only(run.store)
    assert (first.status, first.end_ns, first.output) == ("completed", point.end_ns, {"o": 2})
    assert second.status == "cancelled"


@pytest.mark.parametrize("own", [None, {"prompt_tokens": 100}])
def test_usage_is_the_traces_own_else_the_sum_over_its_agents(run: Run, own: dict[str, int] | None) -> None:
    root = run.trace(ended=False)
    outer = run.recorder.start(root, AGENT, "outer", b"{}")
    for parent, kind, tokens in ((outer, AGENT, 5), (outer, AGENT, 7), (outer, TOOL, 1000)):
        span = run.recorder.start(parent, kind, "inner", b"{}")
        run.recorder.add(span, usage={"prompt_tokens": tokens, "total_tokens": tokens, "model": "x", "cost": 0.5})
        run.recorder.succeed(span, None)
    run.recorder.add(outer, usage={"prompt_tokens": 1})
    run.recorder.succeed(outer, None)
    run.recorder.add(root, usage=own)
    run.recorder.succeed(root, None)
    run.save()
    (trace,) = run.store.traces()
    assert trace.usage == (own or {"prompt_tokens": 13, "total_tokens": 12, "cost": 1.0})


def test_tokens_without_a_sum_are_summed_when_they_are_read(run: Run) -> None:
    root = run.trace(ended=False)
    spans = {"trace": root}
    for name, kind, parent, tokens in (
        ("bare", AGENT, "trace", None),
        ("call", TOOL, "bare", 1),
        ("deeper", TOOL, "call", 2),
        ("sub", AGENT, "deeper", None),
        ("its own", TOOL, "sub", 4),
        ("explicit", AGENT, "sub", 8),
        ("covered", TOOL, "explicit", 1000),
        ("outside", RETRIEVER, "trace", 16),
        ("below", TOOL, "outside", 32),
        ("quiet", AGENT, "trace", None),
    ):
        span = spans[name] = run.recorder.start(spans[parent], kind, name, b"{}")
        span.usage = None if tokens is None else {"prompt_tokens": tokens}
        span.status, span.end_ns = COMPLETED, span.start_ns  # as what other programs send: not through a recorder
        run.recorder.put((Phase.END, span, None), 0)
    run.save()
    (trace,) = run.store.traces()
    assert trace.usage == {"prompt_tokens": 63}
    listed = {one.name: (one.usage or {}).get("prompt_tokens") for one in run.store.operations(trace.id)}
    assert [listed[name] for name in ("bare", "sub", "explicit", "quiet", "call")] == [3, 4, 8, None, 1]
    summaries = {one.name: one for one in operation_summaries(run.store, trace.id)}
    assert summaries["bare"].usage == {"prompt_tokens": 3}
    found = operation(run.store, trace.id, summaries["sub"].id)
    assert found is not None
    assert found.usage == {"prompt_tokens": 4}


def test_sums_of_what_other_programs_sent_count_a_usage_without_a_total_by_its_parts(run: Run) -> None:
    root = run.trace(ended=False)
    bot = run.recorder.start(root, AGENT, "bot", b"{}")
    usages = (
        {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18, "cost": 0.5},
        {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25},
        {"completion_tokens": 4},
    )
    for parent, usage in ((bot, usages[0]), (bot, usages[1]), (root, usages[1]), (root, usages[2])):
        span = run.recorder.start(parent, LLM, "call", b"{}")
        span.usage, span.status, span.end_ns = dict(usage), COMPLETED, span.start_ns  # not through a recorder
        run.recorder.put((Phase.END, span, None), 0)
    for span in (bot, root):
        span.status, span.end_ns = COMPLETED, span.start_ns
        run.recorder.put((Phase.END, span, None), 0)
    run.save()
    expected = {"prompt_tokens": 12, "completion_tokens": 16, "total_tokens": 24, "cost": 1.0}
    (trace,) = run.store.traces()
    assert (trace.usage, trace.tokens, trace.cost) == (expected, 24, 1.0)
    found = run.store.operations(trace.id)
    assert usage_of(found) == expected
    assert next(one for one in found if one.name == "bot").tokens == 21
    for limits, matches in (({"min_tokens": 24}, 1), ({"max_tokens": 24}, 1), ({"min_tokens": 25}, 0)):
        assert len(run.store.traces(Filter(**limits))) == matches


def test_spans_that_are_each_others_parents_are_summed_once(run: Run) -> None:
    root = run.trace(ended=False)
    first = run.recorder.start(root, TOOL, "first", b"{}")
    second = run.recorder.start(first, TOOL, "second", b"{}")
    for span in (first, second):
        run.recorder.add(span, usage={"prompt_tokens": 1})
        run.recorder.succeed(span, None)
    run.save()
    run_sql(run.store.path, "UPDATE operations SET parent_id = ? WHERE name = 'first'", (clock.id_text(second.id),))
    (trace,) = run.store.traces()
    assert trace.usage is None or trace.usage["prompt_tokens"] <= 2


def test_ids_of_the_users_own_and_awkward_texts_are_kept(run: Run) -> None:
    name = "nul\0 quote'\" \u2028 \U0001f600 \x1b[31m"
    root = run.recorder.start_trace(name, None, identifier="order/1 '%_")
    run.recorder.point(root, name, name, None, None, identifier=name, tags=(name,))
    run.recorder.end(root, COMPLETED, output='{"o":"a\u2028b\u0085c"}'.encode())
    run.recorder.update(root, {"metadata": '{"k":"a\u2028b"}'.encode()})
    run.save()
    trace, (operation,) = only(run.store)
    assert (trace.id, trace.name, trace.output) == ("order/1 '%_", name, {"o": "a\u2028b\u0085c"})
    assert trace.metadata == {"k": "a\u2028b"}
    assert (operation.id, operation.kind, operation.name, operation.tags) == (name, name, name, (name,))


def test_one_event_that_cannot_be_stored_costs_no_other(run: Run) -> None:
    root = run.trace()
    half = run.recorder.start(root, TOOL, "half \ud800 pair", b"{}", tags=("\udfff",))
    run.recorder.add(half, usage={"prompt_tokens": 1, "raw": object()})
    huge = run.recorder.start(root, TOOL, "huge", b"{}")
    huge.start_ns = 2**70
    run.recorder.succeed(half, None)
    places = [place for place, event in enumerate(run.log.events) if event[1] is huge]
    refused = run.save()
    assert list(refused) == places
    assert "OverflowError" in refused[places[0]]
    trace, (operation,) = only(run.store)
    assert trace.status == "completed"
    assert (operation.name, operation.tags, operation.status) == ("half \ufffd pair", ("\ufffd",), "completed")
    assert operation.usage == {"prompt_tokens": 1, "raw": "object"}


def test_of_many_events_only_those_are_refused_that_cannot_be_stored(run: Run) -> None:
    root = run.trace()
    spans = [run.recorder.start(root, TOOL, f"tool {number} \udfff", b"{}") for number in range(200)]
    for span in spans[50:52]:
        span.start_ns = 2**70
    places = [place for place, event in enumerate(run.log.events) if event[1] in spans[50:52]]
    assert list(run.save()) == places
    _, operations = only(run.store)
    assert [operation.name for operation in operations] == [
        f"tool {number} \ufffd" for number in range(200) if number not in (50, 51)
    ]


# Twice, and in pieces.


def events_of(steps: list[tuple[int, str]]) -> list[SpanEvent]:
    """A program of random calls: each step names a span made so far and what happens under or to it."""
    log = Log()
    recorder = Recorder(log)
    spans = [recorder.start_trace("bot", b'{"i":0}', b'{"s":0,"t":0}')]
    for number, (which, what) in enumerate(steps):
        span = spans[which % len(spans)]
        if what == "start":
            spans.append(recorder.start(span, AGENT, f"n{number}", b'{"i":1}', b'{"s":1}', tags=("x",)))
        elif what == "trace":
            spans.append(recorder.start_trace("other", b'{"i":2}', above=span))
        elif what == "point":
            spans.append(recorder.point(span, "custom", f"p{number}", b"{}", None))
        elif span.end_ns is None and what == "update":
            recorder.update(span, {"metadata": b'{"u":%d}' % number, "output": b'{"o":%d}' % number})
        elif what == "end":
            recorder.add(span, metadata={"e": number}, usage={"prompt_tokens": number}, tags=(f"t{number}",))
            recorder.end(span, ERROR if number % 2 else COMPLETED, None, b'{"end":%d}' % number if number % 3 else None)
    return log.events


def contents(store: Store) -> list[object]:
    found = sorted(store.traces(limit=1000), key=lambda trace: trace.id)
    return [
        (
            store.trace(trace.id),
            sorted((replace(o, sequence=0) for o in store.operations(trace.id)), key=lambda o: o.id),
        )
        for trace in found
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["start", "end", "update", "point", "trace"])), max_size=25
    ),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    again=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_pieces_and_repetitions_make_no_difference(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]], cuts: list[int], again: list[bool]
) -> None:
    events = events_of(steps)
    folder = tmp_path_factory.mktemp("stores")
    whole, pieces = Store(folder / "whole.db"), Store(folder / "pieces.db")
    whole.append(events)
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for first, last, twice in zip(edges, edges[1:], again, strict=False):
        for _ in range(2 if twice else 1):
            pieces.append(events[first:last])
    assert contents(pieces) == contents(whole)
    whole.close()
    pieces.close()


def test_an_operation_whose_trace_is_not_known_is_kept_with_a_trace_to_show_it_in(path: Path, run: Run) -> None:
    root = run.recorder.start_trace("bot", b'{"password":"not redacted here"}', b'{"m":1}', user_id="u")
    (start,) = run.log.events
    run.log.events = []
    tool = run.recorder.start(root, TOOL, "t", b"{}")
    run.recorder.succeed(tool, None)
    run.save()
    trace, (operation,) = only(run.store)
    assert (trace.agent_id, trace.user_id, trace.status, trace.start_ns) == ("bot", "u", "running", root.start_ns)
    assert (trace.input, trace.metadata) == (None, {})  # in a forked child these were not redacted yet
    assert operation.name == "t"
    run.store.append([start])  # the process that owns the trace comes later
    trace, _ = only(run.store)
    assert (trace.input, trace.metadata) == ({"password": "not redacted here"}, {"m": 1})


# Lists.


def test_lists_are_newest_first_in_pages(run: Run) -> None:
    spans = [run.trace(f"t{number}") for number in range(5)]
    for span in spans[:4]:
        span.start_ns = 1000  # the same moment: then the order of arrival counts
    spans[4].start_ns = 1
    run.save()
    store = run.store
    assert names(store) == ["t3", "t2", "t1", "t0", "t4"]
    first = store.traces(limit=2)
    second = store.traces(Filter(before=first[-1].id), 2)
    assert [trace.agent_id for trace in (*first, *second)] == ["t3", "t2", "t1", "t0"]
    assert names(store, since_ns=1000) == ["t3", "t2", "t1", "t0"]
    assert names(store, until_ns=1000) == ["t4"]
    assert store.traces(limit=0) == []


def test_lists_are_filtered(run: Run) -> None:
    recorder = run.recorder
    root = recorder.start_trace("one", b'{"text":"50% of \\"it\\" caf\xc3\xa9_x"}', None, ("a",), user_id="u")
    tool = recorder.start(root, TOOL, "hammer", b'{"q":"nail"}', tags=("b",))
    recorder.end(tool, ERROR, b'{"message":"bent"}')
    recorder.end(root, ERROR, b'"broken"', b'{"o":"OUT"}')
    second = recorder.start_trace("two", b"{}", None, ("aa", 'a"b'), conversation_id="c")
    recorder.start(second, AGENT, "Bot", b"{}")
    recorder.succeed(recorder.start_trace("three", b"{}"), None)
    run.save()
    store = run.store
    assert names(store) == ["three", "two", "one"]
    assert names(store, agent="one") == names(store, status="error") == names(store, user="u") == ["one"]
    assert names(store, agent="Bot") == names(store, status="running") == names(store, conversation="c") == ["two"]
    assert names(store, status="completed") == ["three"]
    assert names(store, tag="a") == names(store, tag="b") == names(store, kind="tool") == ["one"]
    assert names(store, tag='a"b') == ["two"]
    assert names(store, agent="two", status="error") == []
    for needle in ("50%", '"it"', "café_", "HAMMER", "nail", "bent", "broken", "out", "one"):
        assert names(store, text=needle) == ["one"], needle
    whole = '50% of "it" café_x'
    for begins in range(len(whole)):  # whichever letter of it is the rarest
        for ends in range(begins + 1, len(whole) + 1):
            assert "one" in names(store, text=whole[begins:ends].upper().replace("É", "é")), (begins, ends)
    for needle in ("5%0", "cafe_x", "hammer_", "text_", "\\"):
        assert names(store, text=needle) == [], needle
    hostile = "'; DROP TABLE traces; --"
    for field in ("agent", "status", "tag", "user", "conversation", "kind", "text", "before"):
        assert names(store, **{field: hostile}) == []
    assert len(names(store)) == 3


def test_lists_use_their_indices(run: Run) -> None:
    run.trace()
    run.save()
    for conditions, index in (
        (Filter(), "traces_start"),
        (Filter(status="error"), "traces_status"),
        (Filter(user="u"), "traces_user"),
        (Filter(conversation="c"), "traces_conversation"),
        (Filter(agent="a"), "operations_agents"),
        (Filter(tag="a"), "operations_tags"),
        (Filter(), "operations_errors"),
        (Filter(), "operations_usage"),
    ):
        query, values = conditions.query(10)
        steps = " ".join(row[3] for row in run_sql(run.store.path, f"EXPLAIN QUERY PLAN {query}", values))
        assert index in steps, steps


def test_an_operation_is_looked_for_without_reading_payloads(run: Run) -> None:
    run.trace()
    run.save()
    steps = run_sql(run.store.path, f"EXPLAIN QUERY PLAN {KNOWN_OPERATION}", ("x",))
    assert [row[3] for row in steps if "SCAN operations" in str(row[3])] == [
        "SCAN operations USING COVERING INDEX sqlite_autoindex_operations_1"
    ]


def test_a_trace_is_found_by_the_beginning_of_its_id(run: Run) -> None:
    for identifier in ("ab-1", "ab-2", "abc", "a_c"):
        run.recorder.start_trace("bot", b"{}", identifier=identifier)
    run.save()
    for given_id, found in (("ab-1", "ab-1"), ("abc", "abc"), ("a_", "a_c"), ("ab-2", "ab-2"), ("ab-20", None)):
        trace = run.store.trace(given_id)
        assert (trace.id if trace else None) == found
    assert run.store.trace("x") is None
    assert run.store.trace("AB") is None
    with pytest.raises(StoreError, match="several traces begin with 'ab': ab-1, ab-2, abc"):
        run.store.trace("ab")


# How fast.


def test_a_large_store_is_filled_and_read_quickly(path: Path) -> None:
    """Far from the measured figures (100 000 events/s, 20 ms), so that only a wrong plan or index fails it."""
    run = Run(path)
    payload = b'{"q":"%s"}' % (b"some words " * 20)
    for number in range(2000):
        root = run.trace(f"a{number % 7}", ended=False, input=payload)
        for _ in range(9):
            run.recorder.succeed(run.recorder.start(root, TOOL, "t", payload), payload)
        run.recorder.succeed(root, payload)
    events = run.log.events
    began = time.thread_time()
    for first in range(0, len(events), 512):
        run.store.append(events[first : first + 512])
    hold_processor(time.thread_time() - began, len(events) / 20_000)
    for conditions in (Filter(), Filter(text="absent"), Filter(agent="a3"), Filter(kind="memory"), Filter(tag="t")):
        began = time.thread_time()
        run.store.traces(conditions)
        hold_processor(time.thread_time() - began, 0.1, str(conditions))
    run.store.close()
