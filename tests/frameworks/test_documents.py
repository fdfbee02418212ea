"""The programs of docs/frameworks.md run, record the tree beneath them, and send what they send without us."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks import apis
from tests.helpers.examples import REPOSITORY, environment
from tests.helpers.server import Server
from voltagent.records import OperationRecord, TraceRecord, load_traces

_DOCUMENT = (REPOSITORY / "docs" / "frameworks.md").read_text(encoding="utf-8")
_PROGRAM = re.compile(r"^### ([^\n]+)\n\n```py\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Those that need the previous major version of openai stand in an environment of their own.
_WITH_OPENAI_2 = {"CrewAI", "DSPy", "LlamaIndex", "smolagents"}
_ALL = [(match[1], match[2], match[3]) for match in _PROGRAM.finditer(_DOCUMENT)]
_IS_OPENAI_2 = version("openai").startswith("2.")
PROGRAMS = [program for program in _ALL if (program[0] in _WITH_OPENAI_2) == _IS_OPENAI_2]
_OURS = re.compile(r"^(?:@voltagent\.\w+|voltagent\.instrument\(.*\)|import voltagent)\n", re.MULTILINE)
_MODELS = ("gpt-5-mini-2026", "claude-sonnet-5-2026", "gemini-2026")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(apis.reply) as running:
        yield running


def run(code: str, folder: Path, url: str) -> str:
    """What a program printed, with every client sent to the fake server."""
    folder.mkdir(exist_ok=True)  # a home of its own: DSPy keeps answers there
    program = folder / "program.py"
    program.write_text(code, encoding="utf-8")
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    urls = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url, "GOOGLE_GEMINI_BASE_URL": url}
    quiet = {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false"}
    env = environment(folder / "traces.db", HOME=str(folder), **dict.fromkeys(names, "k"), **urls, **quiet)
    if "SSL_CERT_FILE" in os.environ:
        env["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
    done = subprocess.run(
        [sys.executable, str(program)], env=env, cwd=folder, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sent(server: Server) -> list[Any]:
    """The bodies of all requests to models, without what is random in them."""
    return [_without_ids(json.loads(one.body)) for one in server.requests if one.method == "POST"]


def _without_ids(body: Any) -> Any:
    text = json.dumps(body, sort_keys=True)
    return json.loads(re.sub(r'"[^"]*[0-9a-f]{8}-[0-9a-f-]{27}[^"]*"', '"an id"', text))


def outline(record: TraceRecord | OperationRecord, indent: str = "") -> list[str]:
    """The operations below a record, as the document shows them."""
    lines: list[str] = []
    for one in record.children:
        status = "" if one.status == "completed" else f" [{one.status}]"
        lines += [f"{indent}{one.kind} {one.name}{status}", *outline(one, f"{indent}  ")]
    return lines


def test_every_program_of_the_document_is_found():
    assert len(_ALL) == _DOCUMENT.count("```py\n") > 9
    assert {name for name, *_ in _ALL} > _WITH_OPENAI_2


@pytest.mark.parametrize(("name", "code", "tree"), PROGRAMS, ids=[name for name, *_ in PROGRAMS])
def test_a_program_of_the_document_records_the_tree_beneath_it(
    name: str, code: str, tree: str, server: Server, tmp_path: Path
):
    printed = run(code, tmp_path, server.url)
    store = tmp_path / "traces.db"
    (trace,) = load_traces(store)
    assert outline(trace) == tree.splitlines()
    found = list(trace.walk())
    calls = [one for one in found if one.kind == "llm"]
    tools = [one for one in found if one.kind == "tool"]
    for call in calls:
        assert (call.metadata or {})["model_parameters"]["model"] in _MODELS
        assert call.usage is not None
        assert call.usage["total_tokens"] > 0
    if calls:
        assert trace.usage is not None
        assert trace.usage["total_tokens"] == sum((call.usage or {})["total_tokens"] for call in calls)
    for one in tools:
        assert one.input == {"city": "Oslo"}, "the framework's context is not recorded"
        assert one.output == {"result": "sunny in Oslo"}
    with_us, server.requests[:] = sent(server), []
    without = _OURS.sub("", code)
    assert "voltagent" not in without
    assert run(without, tmp_path / "without", server.url) == printed
    assert sent(server) == with_us, "requests and tool schemas are equal with and without us"
