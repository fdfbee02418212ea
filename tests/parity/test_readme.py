"""Every Python block of 0.1.1's own README runs on ours, against a real server.

The text is read from the older package's metadata, in its own environment. Its complete programs run as they are, but
for the server's address; the fragments run inside a function that has the names they take for granted.
"""

from __future__ import annotations

import ast
import asyncio
import re
import subprocess
import sys
import textwrap
from functools import cache
from typing import Any

import voltagent
from tests.helpers import older_package
from tests.helpers.history_api import HistoryAPI

KINDS = ("agent", "tool", "memory", "retriever")


@cache
def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", older_package.readme(), re.DOTALL | re.MULTILINE)


def programs() -> list[str]:
    return [block for block in blocks() if "asyncio.run(" in block]


def fragments() -> list[str]:
    return [block for block in blocks() if "asyncio.run(" not in block]


def with_values(block: str) -> str:
    """A block of the API reference, with values where it names types: ``timeout: int = 30`` becomes ``timeout=30``."""
    block = re.sub(r'^( +)"(\w+)": (str|Optional\[\w+\])(?=,|$)', _entry, block, flags=re.MULTILINE)
    return re.sub(r"^( +)(\w+): (\w+(?:\[[^=#\n]*\])?)( = [^,#\s]+)?(?=,|\s)", _argument, block, flags=re.MULTILINE)


VALUES: dict[str, Any] = {
    "agentId": "a", "userId": "u", "conversationId": "c", "name": "n", "instructions": "i", "input": {"x": 1},
    "output": {"y": 2}, "metadata": {"snake_key": 1}, "tags": ["t"], "status": "completed", "status_message": "failed",
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "base_url": "https://api.voltagent.dev",
    "public_key": "pk", "secret_key": "sk",
}  # fmt: skip


def _entry(match: re.Match[str]) -> str:
    return f'{match[1]}"{match[2]}": {VALUES[match[2]]!r}'


def _argument(match: re.Match[str]) -> str:
    if match[2] in VALUES:
        return f"{match[1]}{match[2]}={VALUES[match[2]]!r}"
    return f"{match[1]}{match[2]}={match[4].removeprefix(' = ')}"


def test_the_readme_has_what_we_think_it_has() -> None:
    assert len(programs()) == 7
    assert len(fragments()) > 14
    assert "https://api.voltagent.dev" in blocks()[0]


def test_its_programs_run_as_they_are() -> None:
    imports = "import asyncio\nfrom voltagent import VoltAgentSDK, TraceStatus\n"  # of the blocks that lean on others
    for program in programs():
        with HistoryAPI() as api:
            code = program if program.startswith("import ") else imports + program
            code = code.replace("https://api.voltagent.dev", api.url)
            command = [sys.executable, "-W", "error", "-X", "utf8", "-c", code]
            path = {"PYTHONPATH": str(older_package.PROGRAMS.parents[1])}
            done = subprocess.run(command, env=path, capture_output=True, encoding="utf-8", timeout=120)
            assert (done.returncode, done.stderr) == (0, ""), program
            assert_all_recorded(api, program)


def assert_all_recorded(api: HistoryAPI, program: str) -> None:
    events = [body["event_name"] for body in api.bodies("POST /history-events")]
    for kind in KINDS:
        starts = [name for name in events if name.startswith(f"{kind}:") and name.endswith("start")]
        ends = [name for name in events if name.startswith(f"{kind}:") and name.endswith(("success", "error"))]
        assert len(starts) == len(ends) == program.count(f".add_{kind}("), (kind, events)
    assert len(api.bodies("POST /history")) == 1
    ending = api.requests[-1]
    assert ending.method == "PATCH"
    assert ending.json["status"] == "completed"


def test_its_fragments_run() -> None:
    for fragment in fragments():
        with HistoryAPI() as api:
            run_fragment(fragment, api.url)
            traces, events = api.bodies("POST /history"), api.bodies("POST /history-events")
            assert len(traces) >= 1, fragment
            ends = [body for body in events if body["event_name"].endswith(("success", "error"))]
            assert len(ends) == len(events) - len(ends), fragment  # what the fragment left open, `shutdown` ended


FRAME = """
async def main(VoltAgentSDK, TraceStatus, url):
    sdk = VoltAgentSDK(base_url="https://api.voltagent.dev", public_key="pk", secret_key="sk")
    first = sdk
    trace = sdk.trace(agent_id="around the fragment")
    agent = trace.add_agent(name="agent")
    tool, memory, retriever = (add(name="n") for add in (agent.add_tool, agent.add_memory, agent.add_retriever))
    options = {"name": "sub"}
    async def risky_api_call():
        raise ConnectionError("no route")
    call_external_api = risky_api_call
    try:
        pass
BODY
    finally:
        await first.shutdown()
        await sdk.shutdown()
"""


def run_fragment(fragment: str, url: str) -> None:
    code = FRAME.replace("BODY", textwrap.indent(with_values(fragment), " " * 8)).replace(
        "https://api.voltagent.dev", url
    )
    try:
        tree = ast.parse(code)
    except SyntaxError as exc:
        raise AssertionError(f"not Python: {exc}\n{code}") from exc
    names: dict[str, Any] = {}
    exec(compile(tree, "<a fragment of 0.1.1's README>", "exec"), names)
    asyncio.run(names["main"](voltagent.VoltAgentSDK, voltagent.TraceStatus, url))
