"""A virtual environment for each peer, made once and kept under ``.bench/venvs`` of the checkout."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contestants import Contestant

__all__ = ["CACHE", "environment", "interpreter"]

CACHE = Path(__file__).parents[1] / ".bench"

# glibc gives memory back to the system, and takes it again page by page, depending on what lies at the end of the heap.
# By chance that is nothing, or 3.5 µs for each 8 KB, and so it may be in one contestant and not in another. All of them
# keep what was freed, as any program does that has once freed a block of 32 MB: these are the limits that glibc sets
# then by itself. On other systems they have no effect.
_KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26)}


def interpreter(contestant: Contestant) -> Path:
    """The Python that runs a contestant. It is made where it is not there yet.

    Raises:
        OSError, subprocess.SubprocessError: it cannot be installed; the text says why.
    """
    if not contestant.requirements:
        return Path(sys.executable)
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]} {' '.join(contestant.requirements)}"
    home = CACHE / "venvs" / contestant.adapter
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark = home / ".installed"  # written last: a run that was broken off leaves nothing that counts as made
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *contestant.requirements)
        mark.write_text(wanted)
    return python


def environment(contestant: Contestant) -> dict[str, str]:
    """Return the environment of a contestant's process: no settings, and this checkout only if it is under test.

    All have the same limits of the allocator.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VOLTAGENT_", "OTEL_", "LANGFUSE_", "LANGSMITH_", "LANGCHAIN_", "LOGFIRE_"))
    }
    kept.update(_KEPT_MEMORY)
    spec = importlib.util.find_spec("voltagent")
    if not contestant.requirements and spec is not None and spec.origin is not None:
        kept["PYTHONPATH"] = str(Path(spec.origin).parents[1])
    return kept


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
