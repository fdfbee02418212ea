"""VoltAgentSDK: waiting, reports, the default SDK, secrets, and the older package's methods."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

import voltagent
from tests.helpers.server import Server
from tests.helpers.wire import Arrived
from voltagent import ValidationError, VoltAgentSDK, current, tool
from voltagent.core import context
from voltagent.core.hints import take_unsaved
from voltagent.sdk import PendingReport

KEYS = {"public_key": "pk_test", "secret_key": "sk_canary_123"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@tool
def ping() -> str:
    return "pong"


# Waiting.


def test_flush_blocks_in_sync_code_and_reports(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, flush_interval=60, **KEYS)
    ping()
    report = sdk.flush()
    assert (report.recorded, report.accepted, report.pending, dict(report.dropped)) == (4, 4, 0, {})
    assert report.done()
    assert repr(report).startswith("Report(recorded=4, accepted=4")
    sdk.shutdown()


def test_flush_never_blocks_a_running_loop(server: Server) -> None:
    server.delay = 0.2
    seen = []

    async def main() -> None:
        sdk = VoltAgentSDK(base_url=server.url, flush_interval=60, **KEYS)
        ping()
        pending = sdk.flush()
        assert isinstance(pending, PendingReport)
        assert not pending.done()
        assert pending.pending == 4  # the counts at that moment
        assert "pending" in repr(pending)
        ticker = asyncio.ensure_future(_ticks(seen))
        report = await pending
        assert len(seen) > 2, "the loop went on while we waited"
        ticker.cancel()
        assert (report.accepted, report.pending) == (4, 0)
        assert await asyncio.create_task(sdk.flush()) == await sdk.flush()
        await sdk.shutdown()

    asyncio.run(main())


async def _ticks(seen: list[int]) -> None:
    while True:
        seen.append(1)
        await asyncio.sleep(0.01)


def test_a_cancelled_waiter_does_not_cancel_the_sending(server: Server) -> None:
    server.delay = 0.05

    async def main() -> None:
        sdk = VoltAgentSDK(base_url=server.url, flush_interval=60, **KEYS)
        ping()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(sdk.flush(), 0.01)
        assert (await sdk.flush()).accepted == 4
        await sdk.shutdown()

    asyncio.run(main())


def test_a_pending_report_is_taken_where_coroutines_are(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, **KEYS)
    ping()
    assert asyncio.run(sdk.flush()).accepted == 4
    pending = sdk.shutdown()
    pending.close()
    with pytest.raises(KeyError):
        pending.throw(KeyError("x"))


def test_the_sdk_is_a_context_manager_of_both_kinds(server: Server) -> None:
    with VoltAgentSDK(base_url=server.url, flush_interval=60, **KEYS) as sdk:
        ping()
    assert sdk.stats().accepted == 4

    async def main() -> None:
        async with VoltAgentSDK(base_url=server.url, flush_interval=60, **KEYS) as again:
            ping()
        assert again.stats().accepted == 4

    asyncio.run(main())


def test_without_auto_flush_nothing_is_sent_before_flush(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, auto_flush=False, flush_interval=0.001, **KEYS)
    ping()
    threading.Event().wait(0.1)
    assert server.requests == []
    assert sdk.flush().accepted == 4
    sdk.shutdown()


# Which SDK.


def test_the_newest_open_sdk_is_the_default_one(server: Server) -> None:
    first = VoltAgentSDK(base_url=server.url, **KEYS)
    second = VoltAgentSDK(base_url=server.url, **KEYS)
    ping()
    assert (first.stats().recorded, second.stats().recorded) == (0, 4)
    with first.trace(agent_id="a"):
        ping()  # the SDK that owns the current handle
    tool(sdk=second)(lambda: ping())()
    second.shutdown()
    ping()
    assert first.stats().recorded == 2 + 2 + 4
    assert second.stats().recorded == 4 + 4 + 2
    tool(sdk=second)(lambda: None)()  # was shut down: it just runs
    assert second.stats().recorded == 4 + 4 + 2
    first.shutdown()
    ping()
    assert first.stats().recorded == 8
    assert [hint.name for hint in take_unsaved()] == ["second-sdk", "after-shutdown"]


def test_after_shutdown_handles_are_inert(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, **KEYS)
    open_trace = sdk.trace(agent_id="a")
    sdk.shutdown()
    before = sdk.stats()
    assert not sdk.trace(agent_id="late")
    with open_trace:
        assert not open_trace.add_tool(name="t")
        ping()
    open_trace.end()
    after = sdk.stats()
    assert after.recorded == after.accepted + sum(after.dropped.values()) + after.pending
    assert after.accepted == before.accepted == 2
    assert sdk.flush().pending == 0
    assert sdk.shutdown().accepted == 2


def test_an_sdk_that_records_nothing_leaves_the_trace_of_another_alone(server: Server) -> None:
    off = VoltAgentSDK(enabled=False)
    over = VoltAgentSDK(base_url=server.url, **KEYS)
    over.shutdown()
    with VoltAgentSDK(base_url=server.url, **KEYS) as sdk, sdk.trace(agent_id="outer") as outer:
        for silent in (off, over):
            with silent.trace(agent_id="inner") as inner:
                assert not inner
            inner.end(output="of the inner one")
        assert current().id == outer.id
        outer.end(output="of the outer one")
    assert "of the outer one" in str(server.bodies())
    assert "of the inner one" not in str(server.bodies())


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ping()
    assert context.ACTIVE == []  # from here on a decorated call costs next to nothing
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "local")
    ping()
    assert not current()


# The older package's ways.


def test_the_methods_of_the_older_package(server: Server) -> None:
    async def main() -> None:
        sdk = VoltAgentSDK(base_url=server.url, **KEYS)
        trace = await sdk.create_trace(agentId="a", userId="u", tags=["t"])
        history = await sdk.get_trace(trace.id)
        assert history is not None
        assert (history.id, history.agent_id, history.user_id, history.tags) == (trace.id, "a", "u", ["t"])
        assert await sdk.get_trace("unknown") is None
        event = await sdk.add_event_to_trace(trace.id, {"name": "tool:start", "type": "tool", "input": {"x": 1}})
        assert (event.history_id, event.event_type, event.event_name) == (trace.id, "tool", "tool:start")
        tool = await trace.add_tool({"name": "t"})
        updated = await sdk.update_event(tool.id, metadata={"a_b": 1}, status="completed")
        assert updated.id == tool.id
        ended = await sdk.update_trace(trace.id, status="completed", output={"x": 1})
        assert ended.id == trace.id
        await sdk.update_trace("made-elsewhere", metadata={"k": 1})
        await tool.success()
        await trace.end()
        report = await sdk.shutdown()
        assert report.recorded == report.accepted

    asyncio.run(main())
    assert "PATCH /history/made-elsewhere" in [request.line for request in server.requests]


def test_an_update_without_a_field_is_not_recorded(tmp_path: Path) -> None:
    """The local store counted it as lost."""
    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "traces.db")
    with sdk.trace(agent_id="a") as trace, trace.add_tool(name="t") as tool:
        sdk.update_event(tool.id, status=None)
        sdk.update_trace(trace.id)
    report = sdk.shutdown()
    assert (report.dropped, report.recorded) == ({}, 4)


def test_the_client_of_an_sdk_has_its_settings(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url + "/", timeout=7, **KEYS)
    assert (sdk.client.base_url, sdk.client.timeout, sdk.client) == (server.url, 7, sdk.client)
    assert sdk.config.secret_key == "sk_canary_123"
    sdk.shutdown()


def test_a_child_of_an_ended_handle_stays_in_its_trace(server: Server) -> None:
    with VoltAgentSDK(base_url=server.url, **KEYS) as sdk, sdk.trace(agent_id="a") as trace:
        agent = trace.add_agent(name="A")
        agent.success()
        agent.add_tool(name="late").success()
    assert Arrived(server).tree() == [["a", ["A", ["late"]]]]


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"base_url": "none"}, "base_url"),
        ({"public_key": "pk"}, "secret_key"),
        ({"exporter": "fax"}, "exporter"),
        ({"exporter": 5}, "exporter must be a name, several separated by commas, or an exporter, got int"),
        ({"exporter": ["local", 5]}, "exporter must be a name, several separated by commas, or an exporter, got int"),
        ({"transport": 5}, r"transport must be an httpx\.BaseTransport, got int"),
        (
            {"transport": httpx.AsyncHTTPTransport()},
            r"transport must be an httpx\.BaseTransport, got AsyncHTTPTransport",
        ),
        ({"timeout": -1}, "timeout"),
        ({"redact": 5}, "redact"),
        ({"redact": "password"}, "redact"),
        ({"redact": ["password", 5]}, "redact must contain key names and compiled patterns only, got list with int"),
        ({"serializers": [1]}, r"serializers must be a mapping of types to functions, .* got list"),
        ({"serializers": {"a": 1}}, "serializers must be a mapping .* got a key of type str"),
        ({"serializers": {dict: 1}}, "serializers must be a mapping .* got int for dict"),
        ({"exporter": []}, "exporter"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_name(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        VoltAgentSDK(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("wrong", "shown"), [("5", "str"), ([1], "list"), (True, "bool"), (float("nan"), "nan")])
@pytest.mark.parametrize("name", ["flush", "shutdown"])
def test_a_wrong_time_to_wait_is_refused_and_nothing_ends(name: str, wrong: object, shown: str) -> None:
    with VoltAgentSDK(exporter="local") as sdk:
        with pytest.raises(ValidationError, match=f"timeout must be a number of seconds, got {shown}"):
            getattr(sdk, name)(wrong)
        ping()
        assert sdk.stats().recorded == 4


def test_an_unknown_argument_suggests_the_nearest() -> None:
    with pytest.raises(TypeError, match="did you mean 'flush_interval'"):
        VoltAgentSDK(flushinterval=1)  # type: ignore[call-arg]


def test_the_secret_is_nowhere(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, **KEYS)
    texts = [repr(sdk), str(sdk), repr(sdk.settings), repr(sdk.config), repr(sdk.client), repr(sdk.stats())]
    assert not [text for text in texts if "sk_canary" in text]
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="secret"):
            copier(sdk)
    sdk.shutdown()


# Public.


def test_what_is_public_is_listed_and_there() -> None:
    for name in voltagent.__all__:
        assert getattr(voltagent, name) is not None
    assert set(voltagent.__all__) <= set(dir(voltagent))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        voltagent.nonsense  # type: ignore[attr-defined]


def test_every_public_name_has_a_docstring() -> None:
    for name in voltagent.__all__:
        thing = getattr(voltagent, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            assert inspect.getdoc(thing), name


def test_importing_the_package_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys, threading; import wrapt, pydantic; before = set(sys.modules); import voltagent;"
        "new = set(sys.modules) - before;"
        "bad = {'httpx', 'json', 'sqlite3', 'http.server', 'difflib', 'uuid', 'zoneinfo', 'pydantic.main',"
        " 'pydantic.types'} & new;"
        "parts = {name.split('.')[1] for name in new if name.startswith('voltagent.')};"
        "bad |= parts - {'_version', 'capture', 'core', 'decorators', 'errors', 'handles', 'tracing'};"
        "assert not bad, bad; assert threading.active_count() == 1; print('ok')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.stdout == "ok\n", ran.stderr


def test_ids_may_be_uuids_and_nothing_else_than_texts(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, **KEYS)
    identifier = uuid4()
    sdk.update_trace(identifier, metadata={"k": 1})  # type: ignore[arg-type]
    assert sdk.flush().accepted == 1
    assert server.requests[0].path == f"/history/{identifier}"
    for call in (sdk.get_trace, sdk.update_trace, sdk.update_event):
        with pytest.raises(ValidationError, match="id"):
            call([])  # type: ignore[operator]
    sdk.shutdown()


def test_an_end_that_is_given_stays_unless_it_is_before_the_start(server: Server) -> None:
    early, start, later = (f"2020-01-31T12:00:0{second}+00:00" for second in range(3))

    async def main() -> dict[str, str]:
        async with VoltAgentSDK(base_url=server.url, **KEYS) as sdk:
            trace = await sdk.create_trace(agent_id="a")
            mine = [await trace.add_event({"name": "e", "type": "t", "startTime": start}) for _ in range(2)]
            names = {event.id: name for event, name in zip(mine, ("later", "early"), strict=True)}
            await mine[0].update(end_time=later)
            await mine[1].update(end_time=early)
            await sdk.update_event("made-elsewhere", end_time=early)
            await trace.end()
        return names

    names = asyncio.run(main())
    patches = [(request.path, request.json) for request in server.requests if request.method == "PATCH"]
    ends = {path.rpartition("/")[2]: body["end_time"] for path, body in patches if "events" in path}
    found = {names.get(name, "foreign"): datetime.fromisoformat(end) for name, end in ends.items()}
    expected = {"later": later, "early": start, "foreign": early}
    assert found == {name: datetime.fromisoformat(end) for name, end in expected.items()}


def test_a_mistake_in_the_environment_is_seen_on_stderr() -> None:
    code = "import voltagent\n@voltagent.tool\ndef f(): return 1\nf(); f()"
    environment = {**os.environ, "VOLTAGENT_PUBLIC_KEY": "pk_only"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0
    assert ran.stderr.count("secret_key is missing") == 1
    assert "Traceback" not in ran.stderr


def test_a_client_of_the_users_own_is_used_and_left_open(server: Server) -> None:
    with httpx.Client(headers={"x-own": "1"}, event_hooks={"request": [_mark]}) as client:
        sdk = VoltAgentSDK(base_url=server.url, http_client=client, **KEYS)
        ping()
        assert sdk.shutdown().accepted == 4
        assert not client.is_closed
    assert {request.headers["x-marked"] for request in server.requests} == {"yes"}
    with pytest.raises(ValidationError, match=r"http_client must be an httpx\.Client, got str"):
        VoltAgentSDK(base_url=server.url, http_client="client", **KEYS)  # type: ignore[arg-type]


def _mark(request: httpx.Request) -> None:
    request.headers["x-marked"] = "yes"


class TestDebug:
    PROGRAM = """
        import logging, os, sys
        from voltagent import tool

        if "BASIC" in os.environ:
            logging.basicConfig(level=logging.WARNING)

        @tool
        def work(name, password): return name

        work("w", password="hunter2")
    """

    def run(self, **variables: str) -> list[str]:
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(self.PROGRAM)],
            env={**os.environ, "VOLTAGENT_DEBUG": "1", **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (ran.returncode, ran.stdout) == (0, "")
        assert "hunter2" not in ran.stderr
        return ran.stderr.splitlines()

    def test_it_says_where_records_go_and_what_became_of_them(self, tmp_path: Path) -> None:
        path = tmp_path / "t.db"
        where, batch, end = self.run(VOLTAGENT_EXPORTER="local", VOLTAGENT_LOCAL_PATH=str(path))
        assert where.startswith(f"voltagent DEBUG recording to local {path}; spool: off; settings given: ")
        assert "exporter (environment)" in where
        assert re.fullmatch(r"voltagent DEBUG local: 4 events in \d+ ms: 4 accepted", batch)
        assert end.endswith("local: done: 4 recorded, 4 accepted, 0 pending, dropped: none")

    def test_it_says_that_nothing_is_recorded(self) -> None:
        (line,) = self.run()
        assert "nothing is recorded" in line
        (line,) = self.run(VOLTAGENT_EXPORTER="local", VOLTAGENT_ENABLED="false")
        assert line.endswith("nothing is recorded: enabled is false")

    def test_beside_logging_of_the_programs_own_each_line_comes_once(self, tmp_path: Path) -> None:
        path = str(tmp_path / "t.db")
        assert len(self.run(VOLTAGENT_EXPORTER="local", VOLTAGENT_LOCAL_PATH=path, BASIC="1")) == 3

    def test_no_key_is_shown(self) -> None:
        secret = "sk_live_very_secret_0123456789"
        lines = self.run(
            VOLTAGENT_PUBLIC_KEY="pk_known", VOLTAGENT_SECRET_KEY=secret, VOLTAGENT_BASE_URL="http://u:pw@127.0.0.1:9"
        )
        assert not any(secret in line or "u:pw" in line for line in lines)

    def test_it_goes_to_the_stderr_of_the_moment_and_nowhere_once_that_is_closed(self, tmp_path: Path) -> None:
        program = """
            import io, os, sys
            os.environ["VOLTAGENT_DEBUG"] = "1"
            from voltagent import VoltAgentSDK
            own = sys.stderr
            sys.stderr = first = io.StringIO()
            sdk = VoltAgentSDK(exporter="local", local_path=sys.argv[1])
            sys.stderr = second = io.StringIO()
            sdk.trace(agent_id="a").end()
            sdk.shutdown()
            sys.stderr = None
            VoltAgentSDK(exporter="local", local_path=sys.argv[1]).shutdown()
            sys.stderr = open(sys.argv[1] + ".log", "w")
            sys.stderr.close()
            VoltAgentSDK(exporter="local", local_path=sys.argv[1]).shutdown()
            sys.stderr = own
            assert "recording to" in first.getvalue(), first.getvalue()
            assert "done: 2 recorded" in second.getvalue(), second.getvalue()
        """
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "t.db")],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
