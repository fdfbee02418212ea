"""Runs a program of this repository as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import voltagent

__all__ = ["REPOSITORY", "environment", "run"]

REPOSITORY = Path(__file__).parents[2]
_PACKAGE = Path(voltagent.__file__).parents[1]  # the checkout or the installed wheel: what this suite imports


def environment(store: Path, **more: str) -> dict[str, str]:
    """The environment of a program that records into a store, and of nothing else that is set here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOLTAGENT_", "OTEL_"))}
    kept.update(PYTHONPATH=str(_PACKAGE), PYTHONIOENCODING="utf-8", NO_COLOR="1", VOLTAGENT_LOCAL_PATH=str(store))
    return {**kept, **more}


def run(program: Path, *arguments: str, env: dict[str, str], cwd: Path | None = None) -> str:
    """What a program printed. It must end well and must not complain, not even by a warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program), *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
