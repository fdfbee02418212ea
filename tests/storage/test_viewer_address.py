"""Programs find the viewer that runs on their store."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.helpers.pace import until
from voltagent import VoltAgentSDK
from voltagent.storage.traces.viewer_address import announced, running_port


def test_a_handle_has_the_page_of_its_trace_and_the_end_is_logged_while_a_viewer_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "traces.db"
    caplog.set_level(logging.INFO, "voltagent")
    with VoltAgentSDK(local_path=path) as sdk:
        first = sdk.trace(agent_id="bot", id="a/b c")
        assert first.url == "http://127.0.0.1:3141/#/trace/a%2Fb%20c"
        first.end()
        sdk.flush()
        assert [record for record in caplog.records if "ended" in record.message] == []
        with announced(path, 4444):
            assert running_port(path) == 4444
            second = sdk.trace(agent_id="bot")
            tool = second.add_tool(name="t")
            assert tool.url == second.url == f"http://127.0.0.1:4444/#/trace/{second.id}"
            second.end()
            sdk.flush()
            assert [record.message for record in caplog.records if "ended" in record.message] == [
                f"trace bot ended: {second.url}"
            ]
        assert running_port(path) is None
        assert not path.with_name("traces.db-viewer.lock").exists()


def test_a_store_that_is_not_there_gets_no_file(tmp_path: Path) -> None:
    with announced(tmp_path / "traces.db", 4444):
        assert list(tmp_path.iterdir()) == []


def test_a_store_that_a_program_makes_later_is_announced_then(tmp_path: Path) -> None:
    path = tmp_path / "traces.db"
    with announced(path, 4444), VoltAgentSDK(local_path=path) as sdk:
        sdk.trace(agent_id="bot").end()
        sdk.flush()
        until(lambda: running_port(path) == 4444)
        assert sdk.trace(agent_id="bot").url.startswith("http://127.0.0.1:4444/")
    assert running_port(path) is None
