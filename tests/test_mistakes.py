"""Every row of docs/mistakes.md: a program or command makes the mistake, and shows what the page says it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.helpers.examples import REPOSITORY, environment
from tests.helpers.pace import PATIENCE
from tests.helpers.server import Server, answer, unused_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork")

KEYS = "VOLTAGENT_PUBLIC_KEY=pk VOLTAGENT_SECRET_KEY=sk"
FETCH = """
@tool
def fetch(): return 1
"""
MISCOUNTED = """
@tool
def fetch(): voltagent.current().record(usage={"inptu_tokens": 3})
with VoltAgentSDK(): fetch()
"""
LAZY = """
async def get(): ...
@tool
def fetch(): return get()
with VoltAgentSDK(): fetch().close()
"""
ITEMS = """
@tool
def fetch(): return (x for x in ())
with VoltAgentSDK(): fetch()
"""
ROUTE = """
kept = []
class app:
    @staticmethod
    def get(path): return lambda f: kept.append(f) or f
@trace
@app.get("/orders")
def orders(): ...
"""
LATE = "with VoltAgentSDK() as sdk: "
BUFFERED = """
import subprocess, sys, time
sdk = VoltAgentSDK(auto_flush=False)
sdk.trace(name="a").end()
time.sleep(0.2)
subprocess.run([sys.executable, "-m", "voltagent", "traces"])
"""
THREADS = """
sdk = VoltAgentSDK()
@tool
def fetch(): return 1
@trace
def main():
    with ThreadPoolExecutor() as pool: pool.submit(fetch).result()
main(); sdk.flush()
from voltagent.records import load_traces
print(*(run.agent_id for run in load_traces()), "(a trace of its own for each call in a thread)")
"""
STRUCTURED = """
class BaseTool: __module__ = "langchain_core.tools"
class StructuredTool(BaseTool):
    def __call__(self): ...
tool(StructuredTool())
"""
STORED = LATE + "sdk.trace(name='a').end()"
OPTION = LATE + "sdk.trace(name='a').add_tool({'name': 'b', 'metdata': {}})"
METHOD = LATE + "sdk.trace(name='a').add_tool(name='b').sucess()"

# How a row begins -> variables of the environment, a program, and a command that is run after it.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "voltagent: nothing has been recorded yet": ("", FETCH + "fetch()", "traces"),
    "voltagent: … events to … were lost: no": (f"VOLTAGENT_BASE_URL=REFUSED {KEYS}", FETCH + "fetch()", ""),
    "voltagent: … events to … were lost: the": (f"VOLTAGENT_BASE_URL=SERVER {KEYS}", FETCH + "fetch()", ""),
    "secret_key is missing": ("VOLTAGENT_PUBLIC_KEY=pk", FETCH + "fetch()", ""),
    "base_url is set but": ("VOLTAGENT_BASE_URL=https://example.org", FETCH + "fetch()", ""),
    "the variable": ("VOLTAGENT_EXPORTR=local", FETCH + "fetch()", ""),
    "records go to": (KEYS, "", "show"),
    "a program is recording": ("", BUFFERED, ""),
    "cannot import name": ("", "raise ImportError(\"cannot import name 'tool' from 'voltagent'\")", ""),  # 0.1.1's
    "the tool 'fetch' returns a coroutine": ("", LAZY, ""),
    "the tool 'fetch' returns a generator": ("", ITEMS, ""),
    "@app.get": ("", ROUTE, ""),
    "this call comes after": ("", FETCH + LATE + "fetch()\nfetch()", ""),
    "this trace comes after": ("", LATE + "pass\nsdk.trace(name='a')", ""),
    "another VoltAgentSDK": ("", "logging.basicConfig()\none = VoltAgentSDK()\ntwo = VoltAgentSDK()", ""),
    "@tool decorates 'fetch' twice": ("", FETCH + "fetch = tool(fetch)", ""),
    "a trace of its own for each call in a thread": ("", THREADS, ""),
    "@tool has no option": ("", "tool(nmae='x')", ""),
    "@tool takes options by name": ("", "tool('fetch')", ""),
    "@tool cannot decorate the class": ("", "class Shop: ...\ntool(Shop)", ""),
    "@tool cannot decorate the StructuredTool": ("", STRUCTURED, ""),
    "agent_id is missing": ("", "VoltAgentSDK().trace()", ""),
    "a tool has no option": ("", OPTION, ""),
    "local_path is a folder": ("", "VoltAgentSDK(local_path=os.getcwd())", ""),
    "record(): usage has no count": ("", MISCOUNTED, ""),
    "a trace takes its options by name": ("", "VoltAgentSDK().trace('chat')", ""),
    "unknown setting": ("", "VoltAgentSDK(base_ur='x')", ""),
    "'ToolHandle' object": ("", METHOD, ""),
    "a VoltAgentSDK holds": ("", "pickle.dumps(VoltAgentSDK())", ""),
    "voltagent: there is no command": ("", "", "shwo"),
    "no trace has the id": ("", STORED, "show ffff"),
    "which is not a known format": ("", STORED, "export -o trace.pdf"),
}

# Each program runs in a process of its own, forked from one that has imported everything: an import takes as long as
# twenty of these programs.
DRIVER = """
import json, logging, os, pickle, sys
from concurrent.futures import ThreadPoolExecutor
import voltagent.exporters.local, voltagent.exporters.rest, voltagent.records
from voltagent import VoltAgentSDK, agent, tool, trace
from voltagent.cli import main as command

children = []
program = None
for folder, variables, code, line in json.load(open(sys.argv[1])):
    children.append(os.fork())
    if children[-1]:
        if len(children) == 4:  # at once
            for child in children:
                os.waitpid(child, 0)
            children = []
        continue
    os.chdir(folder)
    os.environ.update(variables, XDG_DATA_HOME=folder, HOME=folder)
    for stream in (1, 2):
        os.dup2(os.open("shown", os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    if line and code and os.fork():
        os.wait()
        code = ""
    program = code or f"sys.exit(command({line.split()!r}))"
    open("program.py", "w").write(program)
    break
if program is None:
    for child in children:
        os.waitpid(child, 0)
else:
    exec(compile(program, "program.py", "exec"))
"""


def rows() -> list[str]:
    """What is seen, of each row of the page."""
    page = (REPOSITORY / "docs" / "mistakes.md").read_text(encoding="utf-8")
    first = [row.split(" | ")[0] for row in page.splitlines() if row.startswith("| ")]
    return [cell.removeprefix("| ").strip("`") for cell in first if cell != "| what you see"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each mistake writes, to stdout and stderr."""
    top = tmp_path_factory.mktemp("mistakes")
    folders = {name: top / str(number) for number, name in enumerate(MISTAKES)}
    with Server(lambda _: answer(401, {"error": "no"})) as server:
        places = {"SERVER": server.url, "REFUSED": f"http://127.0.0.1:{unused_port()}"}
        tasks = []
        for name, (settings, code, line) in MISTAKES.items():
            folders[name].mkdir()
            pairs = (setting.split("=", 1) for setting in settings.split())
            variables = {variable: places.get(value, value) for variable, value in pairs}
            tasks.append((str(folders[name]), variables, code, line))
        (top / "tasks.json").write_text(json.dumps(tasks))
        env = environment(top)
        del env["VOLTAGENT_LOCAL_PATH"]
        arguments = [sys.executable, "-W", "ignore", "-c", DRIVER, str(top / "tasks.json")]
        subprocess.run(arguments, env=env, timeout=4 * PATIENCE, check=True)
    return {name: (folder / "shown").read_text(encoding="utf-8") for name, folder in folders.items()}


@pytest.mark.parametrize("row", rows())
def test_a_row_is_what_happens(row: str, shown: dict[str, str]) -> None:
    (name,) = [name for name in MISTAKES if row.startswith(name)]
    text = name if name.startswith("a trace of its own") else row.rstrip("…")
    pattern = ".+".join(re.escape(part) for part in text.split("…"))
    assert re.search(pattern, shown[name]), shown[name]


def test_every_mistake_has_its_row() -> None:
    assert all(sum(row.startswith(name) for row in rows()) == 1 for name in MISTAKES)
    assert len(rows()) == len(MISTAKES)
