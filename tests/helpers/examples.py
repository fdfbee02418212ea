"""Runs a program of this repository as a user would, and reads what it recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import voltagent
from voltagent.storage.traces.records import StoredOperation, StoredTrace
from voltagent.storage.traces.store import Store

__all__ = ["REPOSITORY", "environment", "lines", "operations", "run", "traces"]

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


def traces(store: Path) -> list[StoredTrace]:
    """The traces in a store, the oldest first."""
    reading = Store(store)
    try:
        found = [reading.trace(summary.id) for summary in reversed(reading.traces(limit=1000))]
    finally:
        reading.close()
    return [trace for trace in found if trace is not None]


def operations(store: Path, trace: StoredTrace) -> list[StoredOperation]:
    """The operations of a trace, in the order in which they began."""
    reading = Store(store)
    try:
        return reading.operations(trace.id)
    finally:
        reading.close()


def lines(store: Path, trace: StoredTrace) -> list[str]:
    """A trace as text: every operation under its parent, with kind, name, and its status where it is not completed."""
    found = operations(store, trace)

    def below(parent: str | None, indent: str) -> list[str]:
        out: list[str] = []
        for one in found:
            if one.parent_id == parent:
                kind = f"{one.kind} {one.operation}" if one.operation else one.kind
                status = "" if one.status == "completed" else f" [{one.status}]"
                out += [f"{indent}{kind} {one.name}{status}", *below(one.id, indent + "  ")]
        return out

    return below(None, "")
