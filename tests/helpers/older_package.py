"""voltagent 0.1.1 in a virtual environment of its own, made once and kept, for the tests that compare with it.

The environment is `.venv-0.1.1` beside the tests. Where it cannot be made (no package index), those tests are skipped
with a line that says so; with `VOLTAGENT_REQUIRE_OLDER=1` in the environment, as `.ci/run` sets it, they fail instead.
`python -m tests.helpers.older_package` makes it beforehand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

__all__ = ["PROGRAMS", "python", "readme", "run"]

PROGRAMS = Path(__file__).parents[1] / "parity" / "programs"
_HOME = Path(__file__).parents[2] / ".venv-0.1.1"
# Read now: tests run without VOLTAGENT_ variables, and in a home of their own, where pip finds no settings.
_REQUIRED = os.environ.get("VOLTAGENT_REQUIRE_OLDER") == "1"
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VOLTAGENT_"))}


def run(program: str, *arguments: str) -> str:
    """What `tests/programs/<program>` prints under 0.1.1."""
    return _run([str(python()), str(PROGRAMS / program), *arguments])


def readme() -> str:
    """The text of 0.1.1's own README, from the metadata of its distribution."""
    code = "from importlib.metadata import metadata; print(metadata('voltagent').get_payload())"
    return _run([str(python()), "-X", "utf8", "-c", code])


def python() -> Path:
    """The interpreter that has 0.1.1; skips the test where there is none."""
    problem = _problem()
    if problem is None:
        return _interpreter(_HOME)
    text = f"voltagent 0.1.1 could not be installed to compare with: {problem}"
    if _REQUIRED:
        pytest.fail(text)
    pytest.skip(text)


@cache
def _problem() -> str | None:
    """Makes the environment where it is not there; what went wrong, once per process."""
    try:
        with _locked(_HOME.parent):
            if not _interpreter(_HOME).exists():
                _make()
    except (OSError, subprocess.SubprocessError) as exc:
        output: str = getattr(exc, "stderr", None) or str(exc)
        return output.strip().splitlines()[-1]
    return None


def _make() -> None:
    """Build beside its place and move it there whole: a run that is broken off leaves nothing half made."""
    building = Path(tempfile.mkdtemp(prefix=".venv-building-", dir=_HOME.parent))
    try:
        _run([sys.executable, "-m", "venv", str(building)])
        _run([str(_interpreter(building)), "-m", "pip", "install", "--quiet", "voltagent==0.1.1"])
        shutil.rmtree(_HOME, ignore_errors=True)
        building.rename(_HOME)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _interpreter(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, env=_ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=300, check=True, cwd=PROGRAMS
    )
    return done.stdout


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time: pytest-xdist's workers all come here first."""
    if os.name == "nt":  # no lock on folders there: two may build, and the last one's stays
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":  # before the suite runs, so that no test waits for a package index
    sys.exit(_problem())
