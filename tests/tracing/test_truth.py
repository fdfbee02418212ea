"""Records say what happened: times, ends, levels, codes, names, and under which trace a call belongs.

A recorder over a list stands where the level of an update event, or a recorder that was shut down, is what is tested.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import datetime
import enum
import json
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pydantic
import pytest
from pydantic import BaseModel, TypeAdapter

from tests.helpers.sink import ListSink, recording
from tests.helpers.trees import names_of
from voltagent import Report, ValidationError, VoltAgentSDK, agent, current, tool, trace
from voltagent.core import clock, guard
from voltagent.handles import open_trace
from voltagent.records import load_traces
from voltagent.sdk import PendingReport
from voltagent.testing import Run, record
from voltagent.tracing.recorder import Recorder
from voltagent.types import VoltAgentConfig

HOUR = 3_600_000_000_000


@tool
def work(value: object = None) -> object:
    return value


# Durations.


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_clock_that_is_set_changes_no_duration(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    def body() -> None:
        monkeypatch.setattr(clock, "nanoseconds", lambda: time.time_ns() + step)

    with record() as run:
        tool(body)()
    for one in (run.trace, run.tool()):
        assert one.duration is not None
        assert 0 <= one.duration < 60


@pytest.mark.parametrize("seconds", [-60_000_000_000, 10_000_000_000, 253_000_000_000])
def test_a_clock_at_a_time_that_64_bits_do_not_express_loses_no_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: int
) -> None:
    monkeypatch.setattr(clock, "nanoseconds", lambda: seconds * 10**9)
    with VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db") as sdk:
        work()
        report = sdk.flush()
    assert (report.recorded, report.accepted) == (4, 4)
    (trace,) = load_traces(path=tmp_path / "t.db")
    assert abs(trace.start.year - 1970) in range(290, 293)
    assert trace.duration is not None
    assert 0 <= trace.duration < 60


def test_a_start_in_the_future_is_kept_and_marked_and_the_end_is_not_before_it() -> None:
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        sdk.trace(agent_id="a", start_time=start, metadata={"k": 1}).success()
        sdk.trace(agent_id="b", start_time="2020-01-01T00:00:00Z").success()
    past, future = run.traces
    assert (future.start, future.duration) == (start, 0)
    assert future.metadata == {"k": 1, "start_in_future": True}
    assert past.metadata == {}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_datetime_without_a_zone_means_local_time(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        naive = datetime.datetime(2026, 1, 31, 12)
        with record() as run, VoltAgentSDK(exporter="none") as sdk:
            sdk.trace(agent_id="a", start_time=naive).success()
            sdk.trace(agent_id="b", start_time="2026-01-31T12:00:00").success()
        found = {one.agent_id: one.start for one in run.traces}
        assert found["a"].timestamp() == naive.timestamp()
        assert found["b"] == naive.replace(tzinfo=datetime.timezone.utc)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("naive", [datetime.datetime(2026, 3, 8, 2, 30), datetime.datetime(2026, 11, 1, 1, 30)])
def test_a_local_time_that_comes_twice_or_never_is_read_as_python_does(
    monkeypatch: pytest.MonkeyPatch, naive: datetime.datetime, fold: int
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        start = naive.replace(fold=fold)
        with record() as run, VoltAgentSDK(exporter="none") as sdk:
            sdk.trace(agent_id="a", start_time=start).success()
        assert run.trace.start.timestamp() == start.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31T17:30:00+0530",
        "2026-01-31T07:00:00.0-05:00",
        "2026-01-31 12:00:00+00",
        "2026-01-31T14:00:00,0+02",
    ],
)
def test_a_time_may_be_written_in_each_usual_form(text: str) -> None:
    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        sdk.trace(agent_id="a", start_time=text).success()
    assert run.trace.start == datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    "start", ["0001-01-02T00:00:00Z", "1600-01-01", "9000-01-01", "2026-01-31" + "0" * 800_000, "\ud800" * 800_000]
)
def test_a_time_that_no_destination_can_express_is_refused(start: str) -> None:
    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        with pytest.raises(ValidationError, match="start_time"):
            sdk.trace(agent_id="a", start_time=start)
        with sdk.trace(agent_id="a") as handle:
            handle.update(completion_start_time=start)
    assert run.trace.status == "completed"


# Finished handles.


def elsewhere(function: Any) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_handle_whose_block_was_left_in_another_thread_takes_no_calls() -> None:
    def enter_here_leave_there() -> None:
        handle = sdk.trace(agent_id="left")
        handle.__enter__()
        elsewhere(lambda: handle.__exit__(None, None, None))
        assert not current()
        work()

    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        contextvars.Context().run(enter_here_leave_there)
    assert names_of(run) == [["left"], ["work", ["work"]]]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handle_whose_block_was_left_in_another_task_takes_no_calls(is_async: bool) -> None:
    async def enter_here_leave_there() -> None:
        handle = sdk.trace(agent_id="left")
        handle.__enter__()

        async def leave() -> None:
            handle.__exit__(None, None, None)

        await (asyncio.create_task(leave()) if is_async else asyncio.to_thread(handle.__exit__, None, None, None))
        assert not current()
        work()

    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        asyncio.run(enter_here_leave_there())
    assert names_of(run) == [["left"], ["work", ["work"]]]


def test_a_handle_that_was_current_in_a_block_left_elsewhere_takes_no_calls_after_its_end() -> None:
    with record() as run:
        handle = VoltAgentSDK(exporter="none").trace(agent_id="ended")
        block = handle.as_current()
        block.__enter__()
        thread = threading.Thread(target=block.__exit__, args=(None, None, None))
        thread.start()
        thread.join()
        work("before its end")
        handle.success()
        assert not current()
        work("after its end")
    ended, alone = run.traces
    assert (len(ended.children), len(alone.children)) == (1, 1)


def test_two_blocks_that_are_left_elsewhere_take_no_calls() -> None:
    def run_both() -> None:
        outer = sdk.trace(agent_id="outer")
        outer.__enter__()
        inner = outer.add_agent(name="inner")
        inner.__enter__()
        elsewhere(lambda: (inner.__exit__(None, None, None), outer.__exit__(None, None, None)))
        assert not current()
        work()

    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        contextvars.Context().run(run_both)
    assert names_of(run) == [["outer", ["inner"]], ["work", ["work"]]]


def test_a_block_that_is_left_elsewhere_changes_nothing_there() -> None:
    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        handle = sdk.trace(agent_id="left")
        contextvars.Context().run(handle.__enter__)
        block = sdk.trace(agent_id="kept open").as_current()
        contextvars.Context().run(block.__enter__)
        with sdk.trace(agent_id="here"):
            handle.__exit__(None, None, None)
            block.__exit__()
            work()
    assert ["here", ["work"]] in names_of(run)


def test_inside_its_block_an_ended_handle_still_takes_calls() -> None:
    with record() as run, VoltAgentSDK(exporter="none") as sdk:
        with sdk.trace(agent_id="ended") as handle:
            handle.success()
            work()
        work()
    assert names_of(run) == [["ended", ["work"]], ["work", ["work"]]]


def test_an_ended_handle_of_an_sdk_that_was_shut_down_takes_no_calls() -> None:
    def steps() -> Any:
        with open_trace(old, {"agent_id": "old"}, {}) as handle:
            yield handle

    def run() -> None:
        nonlocal new_sink
        unfinished = steps()
        next(unfinished).success()
        old.alive = False
        with recording() as (_, new_sink):
            work()
            assert not current()
        unfinished.close()

    new_sink = ListSink()
    old = Recorder(ListSink())
    contextvars.Context().run(run)
    assert new_sink.tree() == [["work", ["work"]]]


# Cancellations and control flow.


def named(module: str, name: str, base: type = Exception, **attributes: Any) -> type[BaseException]:
    return type(name, (base,), {"__module__": module, **attributes})


CANCELLED = [
    named("trio", "Cancelled", BaseException),
    named("trio._core._exceptions", "Cancelled", BaseException),
    named("greenlet", "GreenletExit", BaseException),
    named("mine", "Stopped", named("greenlet", "GreenletExit", BaseException)),
    asyncio.CancelledError,
    KeyboardInterrupt,
    SystemExit,
]


def ended_by(error: BaseException) -> Run:
    def fails() -> None:
        raise error

    with record() as run:
        with pytest.raises(type(error)):
            tool(fails)()
    return run


@pytest.mark.parametrize("kind", CANCELLED)
def test_a_cancellation_is_no_error(kind: type[BaseException]) -> None:
    run = ended_by(kind())
    assert run.tool().status == "cancelled" == run.trace.status


@pytest.mark.parametrize("kind", [named("mine", "Cancelled", BaseException), named("mine", "CancelledError")])
def test_what_is_only_named_so_is_an_error(kind: type[BaseException]) -> None:
    run = ended_by(kind())
    assert run.tool().status == "error" == run.trace.status


def test_a_group_of_nothing_but_cancellations_is_one() -> None:
    group: Any = getattr(__import__("builtins"), "BaseExceptionGroup", None)
    if group is None:
        pytest.skip("this Python has no exception groups")
    stops = [kind() for kind in CANCELLED]
    assert ended_by(group("g", [*stops, group("h", stops)])).tool().status == "cancelled"
    assert ended_by(group("g", [*stops, group("h", [ValueError()])])).tool().status == "error"
    assert ended_by(group("g", stops * 20_000)).tool().status == "cancelled"
    assert ended_by(group("g", [*stops * 20_000, ValueError()])).tool().status == "error"
    nested, doubled = stops[0], group("g", stops[:1])
    for _ in range(500):
        nested, doubled = group("g", [nested]), group("g", [doubled, doubled])
    assert ended_by(nested).tool().status == "cancelled"
    assert ended_by(doubled).tool().status == "error"  # 2^500 members: it is not known


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (named("celery.exceptions", "Retry"), "WARNING"),
        (named("mine", "Later", named("celery.exceptions", "Retry")), "WARNING"),
        (named("click.exceptions", "Abort", RuntimeError), "WARNING"),
        (named("click.exceptions", "Exit", RuntimeError), "WARNING"),
        (named("pydantic_ai.exceptions", "ModelRetry"), "WARNING"),
        (named("mine", "NotFound", named("werkzeug.exceptions", "HTTPException"), code=404), "WARNING"),
        (named("mine", "Broken", named("werkzeug.exceptions", "HTTPException"), code=500), None),
        (named("mine", "Retry"), None),
        (ValueError, None),
    ],
)
def test_control_flow_of_a_framework_is_an_error_at_level_warning(kind: type[BaseException], level: Any) -> None:
    def fails() -> None:
        raise kind

    with recording() as (_, sink), pytest.raises(kind):
        tool(fails)()
    assert sink.only.status == "error"
    assert (sink.only.facts or {}).get("level") == level
    updates = [fields for phase, span, fields in sink.events if phase.value == "update" and span is sink.only]
    assert updates == ([{"level": level}] if level else [])
    assert sink.only.trace.level == level, "the trace that it opened has it as well"


@pytest.mark.parametrize("name", ["code", "status_code"])
def test_a_code_that_the_class_has_is_recorded_and_no_property_is_called(name: str) -> None:
    called: list[object] = []
    assert ended_by(named("mine", "Refused", **{name: 403})()).tool().error["code"] == 403
    assert ended_by(named("mine", "Asks", **{name: property(called.append)})()).tool().error.get("code") is None
    assert called == []


def with_fields(kind: type[BaseException], **fields: Any) -> BaseException:
    error = kind()
    error.__dict__.update(fields)
    return error


class Codes(str, enum.Enum):
    DENIED = "denied"


class InSlots(Exception):
    __slots__ = ("code", "status_code")

    def __init__(self, code: object) -> None:
        self.code = code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (named("mine", "Denied", code=Codes.DENIED)(), "denied"),
        (InSlots(42), 42),
        (InSlots(None), None),
        (with_fields(ValueError, response={"Error": {"Code": "AccessDenied"}}), "AccessDenied"),
        (with_fields(ValueError, response={"Error": None}), None),
        (named("mine", "SlotsOver", InSlots, code=403)(5), 5),
        (with_fields(named("mine", "Unset", code=500), code=None), None),
        (named("mine", "Hidden", named("mine", "Shown", code=500), code=None)(), None),
        (named("mine", "Another", named("mine", "Shown", code=500), code=None, status_code=404)(), 404),
        (with_fields(named("mine", "Other", status_code=500), code=None), 500),
    ],
)
def test_a_code_is_that_which_the_exception_shows(error: BaseException, code: object) -> None:
    assert ended_by(error).tool().error.get("code") == code


# Names.


def test_a_decorated_call_is_named_after_its_class() -> None:
    class Assistant:
        @agent
        def __call__(self, question: str) -> str:
            return question

    with record() as run:
        assert Assistant()("q") == "q"
    assert run.agent().name == "Assistant"


@pytest.mark.parametrize("decorator", [tool, trace, agent(name="x")])
def test_the_hooks_of_class_creation_can_be_decorated(decorator: Any) -> None:
    class Base:
        seen: tuple[Any, ...] = ()

        @decorator
        def __init_subclass__(cls, **keywords: Any) -> None:
            cls.seen = tuple(keywords.items())
            super().__init_subclass__()

        @decorator
        def __class_getitem__(cls, item: Any) -> Any:
            return cls, item

    with record() as run:

        class Derived(Base, extra=1):
            pass

        assert Derived.seen == (("extra", 1),)
        assert Derived[int] == (Derived, int)
    assert run.traces


# Reports, keys, log messages.


def test_a_report_is_a_value_like_any_other() -> None:
    report = Report(3, 1, {"rejected": 1}, 1, destinations={"rest": Report(1)})
    assert copy.copy(report) == copy.deepcopy(report) == pickle.loads(pickle.dumps(report)) == report
    assert hash(report) == hash(copy.deepcopy(report))
    assert dataclasses.asdict(report)["dropped"] == {"rejected": 1}
    assert {report: 1}[dataclasses.replace(report)] == 1
    with pytest.raises(TypeError):
        report.dropped["rejected"] = 2  # type: ignore[index]


class _Answer(BaseModel):
    """A response of a service that reports what was sent, as FastAPI has it."""

    sent: PendingReport


def test_pydantic_writes_and_reads_what_flush_returns_as_a_report() -> None:
    report = Report(3, 1, {"rejected": 1}, 1, destinations={"rest": Report(1)})
    with VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk") as sdk:
        with sdk.trace(agent_id="a"):
            pass
        found = sdk.shutdown(timeout=0.01)
    assert found.recorded == 2
    for kind in (TypeAdapter(Report), TypeAdapter(PendingReport)):
        for one in (report, copy.copy(found)):
            assert kind.validate_json(kind.dump_json(one)) == kind.validate_python(kind.dump_python(one)) == one
    kind = TypeAdapter(PendingReport)
    assert kind.validate_json(kind.dump_json(found)) == kind.validate_python(found) == found
    assert _Answer.model_validate_json(_Answer(sent=found).model_dump_json()).sent == found
    assert kind.json_schema() == TypeAdapter(Report).json_schema()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_flush_and_shutdown_return_is_copied_as_a_report(protocol: int) -> None:
    with VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk") as sdk:
        for found in (sdk.flush(timeout=0.01), sdk.shutdown(timeout=0.01)):
            report = found.result()
            assert copy.copy(found) == copy.deepcopy(found) == pickle.loads(pickle.dumps(found, protocol)) == report
            assert type(copy.deepcopy(found)) is Report
            assert dataclasses.asdict(found) == dataclasses.asdict(report)  # type: ignore[call-overload]
            assert json.loads(json.dumps(found, default=dataclasses.asdict)) == dataclasses.asdict(report)
            assert (found == report, report == found, found == copy.copy(found), found == 1) == (
                True,
                True,
                True,
                False,
            )
            assert {found, report} == {report}
            assert found + report == report + found == found + found == report + report
            assert dataclasses.replace(report, recorded=7).recorded == 7
            assert dataclasses.replace(found, recorded=7) == dataclasses.replace(report, recorded=7)  # type: ignore[type-var]
            if sys.version_info >= (3, 13):
                assert copy.replace(found, recorded=7) == copy.replace(report, recorded=7)
            assert report.dropped.fromkeys(["a"], 1) == {"a": 1}  # type: ignore[attr-defined]


def test_a_report_that_was_awaited_equals_only_itself() -> None:
    async def awaited(sdk: VoltAgentSDK) -> object:
        sdk.trace({"name": "a"}).end()
        found = sdk.flush(timeout=0.05)
        await found
        return found

    with VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk") as sdk:
        found, complete = asyncio.run(awaited(sdk)), sdk.flush(timeout=0.05)
        assert (found == complete, complete == found, complete == complete.result()) == (False, False, True)
        assert found == found


def test_what_an_event_loop_still_waits_for_is_only_equal_to_itself() -> None:
    async def flushed_twice() -> None:
        sdk = VoltAgentSDK(exporter="rest", base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk")
        sdk.trace(agent_id="a")
        first, second = sdk.flush(timeout=0.1), sdk.flush(timeout=0.1)
        before = hash(first)
        assert first != second
        assert len({first, second}) == 2
        assert await first == await second
        assert hash(first) == before
        await sdk.shutdown(timeout=0)

    asyncio.run(flushed_twice())


def test_a_dump_of_a_config_is_no_key() -> None:
    config = VoltAgentConfig(base_url="http://127.0.0.1:9", public_key="pk", secret_key="sk")
    with pytest.raises(ValidationError, match="dumps do not contain the secret key"):
        VoltAgentSDK(**config.model_dump())


@pytest.mark.parametrize("placeholder", ["[redacted]", "[REDACTED]", "<redacted>", "***", "**********"])
def test_what_logs_and_dumps_have_for_a_secret_is_no_secret(placeholder: str) -> None:
    where: dict[str, Any] = {"base_url": "http://127.0.0.1:9", "public_key": "pk"}
    with pytest.raises(ValidationError, match="dumps do not contain the secret key"):
        VoltAgentSDK(**where, secret_key=placeholder)
    with pytest.raises(pydantic.ValidationError, match="dumps do not contain the secret key"):
        VoltAgentConfig(**where, secret_key=placeholder)
    for value in (placeholder, f"Bearer {placeholder}"):
        for name in ("headers", "otlp_headers"):
            with pytest.raises(ValidationError, match=f"the value of authorization in {name} stands for a secret"):
                VoltAgentSDK(**where, exporter="rest,otlp", secret_key="sk", **{name: {"authorization": value}})
    VoltAgentSDK(**where, secret_key="sk", headers={"if-match": "*", "x-note": "redacted"}).shutdown()


def test_the_log_remembers_a_bounded_number_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LAST_LOGGED", {})
    for number in range(20_000):
        guard.log_once(f"kind {number}" * 100, 10, "message")
    assert len(guard.LAST_LOGGED) <= 1024
    assert sum(map(len, guard.LAST_LOGGED)) <= 1024 * 512
