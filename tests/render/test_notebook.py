"""What a handle shows in a notebook: by plain calls, and in a real kernel."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.test_export import Document
from tests.helpers.internals import recorder_of
from tests.helpers.pace import PATIENCE
from tests.helpers.server import Server
from tests.helpers.sink import ListSink
from voltagent import VoltAgentSDK, current_trace, suppress, tool
from voltagent.processors.redaction import Redactor
from voltagent.render import notebook as _notebook
from voltagent.render.notebook import NotebookSpans
from voltagent.tracing.recorder import Recorder


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process looks as one in which IPython runs."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        yield one


class Shown:
    """What a cell shows: the words around the frame, and the records of the page in it."""

    def __init__(self, html: str) -> None:
        outer = Document(html)
        (frame,) = outer.attributes("iframe")
        assert frame["sandbox"] == "allow-scripts"
        assert not outer.attributes("script")
        self.words = outer.text
        (self.trace,) = Document(frame["srcdoc"] or "").traces
        answer = self.trace["answer"]
        self.top = answer["trace"]
        self.rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["operations"]]
        things = [self.top, *self.rows]
        self.names = [f"{one['kind']} {one['name']}" for one in things]
        self.statuses = [one["status"] for one in things]
        self.text = json.dumps(self.trace, ensure_ascii=False)


def html_of(handle: Any) -> str:
    html: str | None = handle._repr_html_()
    assert html is not None
    return html


def document(handle: Any) -> Shown:
    return Shown(html_of(handle))


@tool
def look_up(order: str, api_key: str = "sk-live-1234567890abcdef") -> dict[str, str]:
    if order == "none":
        raise LookupError(f"no order {order}")
    return {"status": "on its way"}


def work(sdk: VoltAgentSDK) -> tuple[Any, Any]:
    with sdk.trace(agent_id="desk", input={"question": "<b>where?</b>"}, user_id="ada") as trace:
        with trace.add_agent(name="Clerk", instructions="Be brief.") as clerk:
            look_up("A-1")
            with pytest.raises(LookupError):
                look_up("none")
            clerk.record(usage={"prompt_tokens": 3, "completion_tokens": 2})
        trace.add_agent(name="Still at it", input={"n": 1})
        trace.add_event(name="handover", type="checkpoint", output={"to": "human"})
    return trace, clerk


@pytest.mark.usefixtures("notebook")
def test_a_trace_shows_its_tree_before_anything_was_sent(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, auto_flush=False)
    trace, clerk = work(sdk)
    shown = document(trace)
    assert shown.names == ["trace desk", "agent Clerk", "tool look_up", "tool look_up", "agent Still at it",
                           "checkpoint handover"]  # fmt: skip
    for word in ("Be brief.", "<b>where?</b>", "LookupError: no order none", "on its way", "human"):
        assert word in shown.text, word
    assert (shown.top["tokens"], shown.rows[0]["tokens"]) == (5, 5)
    assert shown.statuses.count("running") == 1
    assert "trace desk: completed, 5 operations" in shown.words
    assert "sk-live" not in html_of(trace), "nothing is shown that would not be sent"
    assert "Traceback (most recent call last)" in shown.text
    below = document(clerk)
    assert below.names == ["agent Clerk", "tool look_up", "tool look_up"]
    assert sdk.stats().accepted == 0
    assert server.requests == [], "looking sends nothing"
    assert trace.status == "completed"
    sdk.shutdown()
    assert document(trace).top["tokens"] == 5, "and after it was sent it is there still"


@pytest.mark.usefixtures("notebook")
def test_looking_ends_nothing_and_shows_what_runs() -> None:
    sdk = VoltAgentSDK(exporter="local")
    trace = sdk.trace(agent_id="desk")
    agent = trace.add_agent(name="Clerk")
    assert document(trace).statuses.count("running") == 2
    assert (trace.status, agent.status) == ("running", "running")
    agent.success()
    trace.end()
    assert document(trace).statuses.count("running") == 0
    sdk.shutdown()


@pytest.mark.usefixtures("notebook")
def test_a_trace_that_runs_shows_what_was_used_so_far() -> None:
    sdk = VoltAgentSDK(exporter="local")
    trace = sdk.trace(agent_id="desk")
    first = {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18, "cached_tokens": 4, "cost": 0.5}
    trace.add_llm(name="ask", model="gpt-5").success("Hello", usage=first)
    agent = trace.add_agent(name="Clerk")
    agent.add_llm(name="ask").success("Hello", usage={"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25})
    shown = document(trace)
    assert (shown.top["tokens"], shown.top["cached"], shown.top["cost"]) == (21, 4, 0.75)
    assert (shown.rows[0]["model"], shown.rows[0]["tokens"], shown.rows[0]["cost"]) == ("gpt-5", 18, 0.5)
    agent.success()
    trace.end()
    assert (document(trace).top["tokens"], document(trace).top["cost"]) == (21, 0.75)
    sdk.shutdown()


@pytest.mark.usefixtures("notebook")
def test_a_hook_sees_a_value_once_and_what_it_gives_is_shown() -> None:
    seen: list[object] = []

    def hook(path: str, value: object) -> object:
        seen.append(value)
        return value.upper() if isinstance(value, str) else value

    sdk = VoltAgentSDK(exporter="local", redact=hook, auto_flush=False)
    with sdk.trace(agent_id="desk", input={"name": "ada"}) as trace:
        pass
    assert "ADA" in document(trace).text
    assert "ADA" not in seen
    sdk.flush()
    seen.clear()
    assert "ADA" in document(trace).text
    assert seen == [], "its own result is not handed to it again"
    sdk.shutdown()


@pytest.mark.usefixtures("notebook")
def test_what_cannot_be_made_safe_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = VoltAgentSDK(exporter="local", auto_flush=False)
    monkeypatch.setattr(recorder_of(sdk).witness, "process", lambda event: None)
    with sdk.trace(agent_id="desk", input={"name": "ada"}) as trace:
        pass
    html = html_of(trace)
    assert "could not be made safe to show" in html
    assert '"ada"' not in Shown(html).text
    sdk.shutdown()


def test_without_a_notebook_the_local_store_is_read(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(local_path=tmp_path / "t.db", auto_flush=False)
    trace, clerk = work(sdk)
    early = document(trace)
    assert early.names == ["trace desk"]
    assert "As it is in the local store by now" in early.words
    sdk.flush()
    late = document(trace)
    assert late.names[:3] == ["trace desk", "agent Clerk", "tool look_up"]
    assert late.top["tokens"] == 5
    assert "LookupError: no order none" in late.text
    assert "As it is in the local" in late.words
    assert "tool look_up" in document(clerk).names
    sdk.shutdown()


def test_without_both_a_handle_shows_itself_and_says_so(server: Server) -> None:
    with VoltAgentSDK(base_url=server.url) as sdk:
        _, clerk = work(sdk)
        shown = document(clerk)
    assert shown.names == ["agent Clerk"]
    assert "Only this is known here" in shown.words
    assert recorder_of(sdk).witness is not None
    assert recorder_of(sdk).witness.memory is None, "and nothing is remembered"


def test_what_is_not_recorded_shows_nothing() -> None:
    assert current_trace()._repr_html_() is None
    with VoltAgentSDK(exporter="local") as sdk, suppress():
        assert sdk.trace(agent_id="a")._repr_html_() is None


# The memory.


def test_the_memory_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_notebook, "MOST_SPANS", 20)
    monkeypatch.setattr(_notebook, "MOST_BYTES", 1000)
    sink = ListSink()
    memory = NotebookSpans(sink)
    recorder = Recorder(memory)
    root = recorder.start_trace("desk", b"{}")
    recorder.witness = _notebook.Witness(Redactor().process, memory)
    for _ in range(30):
        recorder.succeed(recorder.start(root, "tool", "t", b"{}"), b"{}")
    assert len(memory.of(root.trace)) == 20
    assert "What began earlier is no longer in memory." in _notebook.shown(root, recorder.witness)
    for _ in range(30):
        recorder.succeed(recorder.start(root, "tool", "t", b"x" * 100), b"y" * 100)
        assert memory.size <= 1000
    assert 1 <= len(memory.of(root.trace)) <= 10
    sink.full = True
    before = memory.of(root.trace)
    recorder.start(root, "tool", "refused", b"{}")
    assert memory.of(root.trace) == before, "what the sink refused was not recorded"


# A kernel.

CELLS = """
from voltagent import VoltAgentSDK, agent, tool
sdk = VoltAgentSDK(base_url={url!r}, auto_flush=False)

@tool
def look_up(order, password="hunter2"):
    return {{"status": "on its way"}}

@agent
async def clerk(order):
    return look_up(order)

async with sdk.trace(agent_id="desk", input={{"order": "<script>alert(1)</script>"}}) as trace:
    await clerk("A-1")
trace
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kernels need another event loop there")
def test_the_last_line_of_a_cell_shows_the_tree_in_a_real_kernel(server: Server, tmp_path: Path) -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    (tmp_path / "home").mkdir()  # where IPython keeps its history
    sockets = tempfile.mkdtemp()  # no ports, which others could take first; the paths of sockets have to be short
    kernel = manager.KernelManager(transport="ipc", ip=f"{sockets}/k")
    kernel.start_kernel()
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        shown: dict[str, Any] = {}

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            assert message["msg_type"] != "error", content
            if message["msg_type"] == "execute_result":
                shown.update(content["data"])

        reply = client.execute_interactive(CELLS.format(url=server.url), timeout=PATIENCE, output_hook=take)
        assert reply["content"]["status"] == "ok"
        assert shown["text/plain"].startswith("<voltagent trace 'desk' ")
        document = Shown(shown["text/html"])
        assert document.names == ["trace desk", "agent clerk", "tool look_up"]
        for word in ("on its way", "<script>alert(1)</script>"):
            assert word in document.text
        assert "hunter2" not in shown["text/html"]
        assert server.requests == []
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
        shutil.rmtree(sockets)


@pytest.mark.usefixtures("notebook")
def test_what_a_cell_holds_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_notebook, "MOST_OPERATIONS", 3)
    monkeypatch.setattr(_notebook, "LONGEST_VALUE", 100)
    with VoltAgentSDK(exporter="local") as sdk, sdk.trace(agent_id="desk", input={"text": "x" * 500}) as trace:
        for number in range(5):
            trace.add_tool(name=f"t{number}").success()
    shown = document(trace)
    assert len(shown.rows) == 3
    assert "2 more are not shown" in shown.words
    assert "x" * 80 in shown.text
    assert "… (511 characters)" in shown.text
    assert "x" * 101 not in shown.text
