"""What a handle shows in a notebook: by plain calls, and in a real kernel."""

from __future__ import annotations

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


def document(handle: Any) -> Document:
    html = handle._repr_html_()
    assert html is not None
    return Document(html)


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
    text = document(trace).text
    for word in ("trace desk", "agent Clerk", "tool look_up", "agent Still at it", "checkpoint handover", "5 tokens",
                 "Be brief.", "<b>where?</b>", "LookupError: no order none", "on its way", "human"):  # fmt: skip
        assert word in text, word
    assert text.count("running") == 1
    assert "sk-live" not in text, "nothing is shown that would not be sent"
    assert "Traceback (most recent call last)" in text
    below = document(clerk).text
    assert ("agent Clerk" in below, "tool look_up" in below) == (True, True)
    assert ("trace desk" in below, "Still at it" in below) == (False, False)
    assert sdk.stats().accepted == 0
    assert server.requests == [], "looking sends nothing"
    assert trace.status == "completed"
    sdk.shutdown()
    assert "5 tokens" in document(trace).text, "and after it was sent it is there still"


@pytest.mark.usefixtures("notebook")
def test_looking_ends_nothing_and_shows_what_runs() -> None:
    sdk = VoltAgentSDK(exporter="local")
    trace = sdk.trace(agent_id="desk")
    agent = trace.add_agent(name="Clerk")
    assert document(trace).text.count("running") == 2
    assert (trace.status, agent.status) == ("running", "running")
    agent.success()
    trace.end()
    assert document(trace).text.count("running") == 0
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
    monkeypatch.setattr(recorder_of(sdk).witness, "processors", (lambda event: None,))
    with sdk.trace(agent_id="desk", input={"name": "ada"}) as trace:
        pass
    text = document(trace).text
    assert "could not be made safe to show" in text
    assert ("ada" in text, "desk" in text) == (False, False)
    sdk.shutdown()


def test_without_a_notebook_the_local_store_is_read(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(local_path=tmp_path / "t.db", auto_flush=False)
    trace, clerk = work(sdk)
    early = document(trace).text
    assert "trace desk" in early
    assert "look_up" not in early
    assert "As it is in the local store by now" in early
    sdk.flush()
    text = document(trace).text
    for word in ("agent Clerk", "tool look_up", "5 tokens", "LookupError: no order none", "As it is in the local"):
        assert word in text
    assert "tool look_up" in document(clerk).text
    sdk.shutdown()


def test_without_both_a_handle_shows_itself_and_says_so(server: Server) -> None:
    with VoltAgentSDK(base_url=server.url) as sdk:
        _, clerk = work(sdk)
        text = document(clerk).text
    assert "agent Clerk" in text
    assert "Only this is known here" in text
    assert "look_up" not in text
    assert recorder_of(sdk).witness is not None
    assert recorder_of(sdk).witness.memory is None, "and nothing is remembered"


def test_what_is_not_recorded_shows_nothing() -> None:
    assert current_trace()._repr_html_() is None
    with VoltAgentSDK(exporter="local") as sdk, suppress():
        assert sdk.trace(agent_id="a")._repr_html_() is None


# -------------------------------------------------------------------------------------------------------- the memory


def test_the_memory_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_notebook, "MOST_SPANS", 20)
    monkeypatch.setattr(_notebook, "MOST_BYTES", 1000)
    sink = ListSink()
    memory = NotebookSpans(sink)
    recorder = Recorder(memory)
    root = recorder.start_trace("desk", b"{}")
    recorder.witness = _notebook.Witness((Redactor().process,), memory)
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


# ---------------------------------------------------------------------------------------------------------- a kernel

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
        document = Document(shown["text/html"])
        for word in ("trace desk", "agent clerk", "tool look_up", "on its way", "<script>alert(1)</script>"):
            assert word in document.text
        assert "hunter2" not in shown["text/html"]
        assert not document.attributes("script")
        assert server.requests == []
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
        shutil.rmtree(sockets)
