"""``voltagent run``: a program that is not edited runs as by itself, and what it does is recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.examples import environment
from voltagent.records import load_traces

_PROGRAM = """\
import sys, threading
import voltagent

@voltagent.tool
def inner(): ...

@voltagent.agent
def outer():
    thread = threading.Thread(target=inner)
    thread.start()
    thread.join()

if __name__ == "__main__":
    outer()
    print(sys.argv[1:])
    sys.exit(3)
"""


@pytest.mark.parametrize("how", [["app.py"], ["-m", "app"]])
def test_a_program_runs_with_its_arguments_and_exit_status(how: list[str], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(_PROGRAM)
    store = tmp_path / "traces.db"
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", "run", *how, "--port", "80"],
        cwd=tmp_path,
        env=environment(store),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "['--port', '80']\n", "")
    (trace,) = load_traces(store)
    assert trace.agent_id == "outer"


@pytest.mark.parametrize("name", ["missing_module", "missing_package.inner", "xml", "json.missing", ".x"])
def test_a_module_that_cannot_be_run_is_named_without_a_traceback(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", "run", "-m", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(f"voltagent: the module {name} cannot be run: ")


@pytest.mark.parametrize("how", [["app.py"], ["-m", "app"]])
def test_an_import_that_fails_in_the_program_has_its_traceback(how: list[str], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import missing_module\n")
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", "run", *how], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'missing_module'\n")


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", "run", "missing.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "missing.py" in done.stderr
