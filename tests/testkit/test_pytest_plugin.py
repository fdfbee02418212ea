"""The plugin in a project of its own, run by pytest in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import voltagent

pytestmark = pytest.mark.slow  # pytest in projects of its own

PACKAGE = Path(voltagent.__file__).parents[1]
PROGRAM = """
import voltagent

@voltagent.tool
def weather(city): return "sunny"

@voltagent.agent
def writer(text): return text

@voltagent.agent
def assistant(question):
    weather("Rome")
    return writer(question)
"""
TEST = """
from agent import assistant

def test_agent(voltagent_run):
    assistant("What now?")
    voltagent_run.tool("weather").called_with(city="Rome")
    voltagent_run.assert_count(1, kind="agent", name="writer")
    assert voltagent_run.matches_snapshot()

def test_other():
    from voltagent.testing import record
    with record() as run:
        assistant("x")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text(PROGRAM)
    (tmp_path / "test_agent.py").write_text(TEST)
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOLTAGENT_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "voltagent.testkit.pytest_plugin", "-p", "no:cacheprovider",
         "-p", "no:randomly", "-c", os.devnull, "--rootdir", str(project), *arguments, str(project)],
        cwd=project, capture_output=True, encoding="utf-8", timeout=120,
        env={**kept, "PYTHONPATH": str(PACKAGE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONIOENCODING": "utf-8",
             "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_snapshots_are_written_compared_and_differ(project: Path):
    status, text = run(project, "-k", "test_agent")
    assert status == 1
    assert "run pytest with --voltagent-snapshots=update" in text
    assert not (project / "__snapshots__").exists()

    assert run(project, "--voltagent-snapshots=update")[0] == 0
    (file,) = (project / "__snapshots__").iterdir()
    assert file.name == "test_agent.test_agent.txt"
    assert file.read_text(encoding="utf-8").splitlines()[2] == '   ├─ tool weather  {"city": "Rome"}'
    assert run(project)[0] == 0

    (project / "agent.py").write_text(PROGRAM.replace("writer(question)", "writer(question + '!')"))
    status, text = run(project)
    assert status == 1
    assert '+    └─ agent writer  {"text": "What now?!"}' in text


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ('    weather("Rome")\n', "", "no call of tool 'weather' was recorded"),
        ('weather("Rome")', 'weather("Oslo")', 'city: expected "Rome", got "Oslo"'),
        (
            "@voltagent.tool",
            "@voltagent.tool(name='wether')",
            "no call of tool 'weather' was recorded; did you mean 'wether'?",
        ),
        (
            "return writer(question)",
            "writer(question); return writer(question)",
            "expected 1 x agent writer, recorded 2",
        ),
    ],
)
def test_a_mutated_agent_fails_with_a_message_that_names_the_mutation(project: Path, was: str, now: str, message: str):
    assert was in PROGRAM
    (project / "agent.py").write_text(PROGRAM.replace(was, now))
    status, text = run(project, "-k", "test_agent")
    assert status == 1
    assert message in text
    assert "voltagent run" in text  # the section with the tree
    assert "trace assistant\n" in text


FAILING = """
import voltagent
from voltagent.testing import record, replay

@voltagent.tool
def weather(city):
    return {}[city]

@voltagent.tool
def steps():
    yield 1
    raise ValueError("no second step")

@voltagent.tool
def echo(text):
    return text

def test_call():
    weather("Rome")

def test_generator():
    list(steps())

def test_assertion(voltagent_run):
    voltagent_run.assert_count(1, kind="tool")

def test_replay():
    with record() as run:
        echo("a")
    with replay(run.trace):
        echo("b")
"""


def test_a_report_shows_the_program_and_no_frame_of_the_library(project: Path):
    (project / "test_agent.py").write_text(FAILING)
    text = run(project)[1]
    assert "4 failed" in text
    assert re.findall(r"voltagent/(?:testkit|decorators)/\w+\.py:\d+", text) == []


def test_the_tree_of_a_block_is_shown_too(project: Path):
    (project / "test_agent.py").write_text(TEST + "    assert False\n")
    text = run(project, "-k", "test_other")[1]
    assert "voltagent run" in text
    assert "└─ agent writer" in text


def test_the_entry_point_names_the_plugin():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\nvoltagent = "voltagent.testkit.pytest_plugin"' in text
