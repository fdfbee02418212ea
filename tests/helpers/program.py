"""Run a small program in an interpreter of its own, with a data folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import voltagent

_HERE = str(Path(voltagent.__file__).parents[1])
_PACKAGES = [path for path in sys.path if path.endswith("site-packages")]
_TESTS = str(Path(__file__).parents[2])  # behind the package, which may be an installed wheel
_START = f"import sys; sys.path[:0] = {[_HERE, *_PACKAGES]!r}\nimport faulthandler\n"


def run_program(
    code: str, folder: Path, *flags: str, timeout: float = 40.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a program wrote and how it ended. It may not run for longer than ``timeout`` seconds.

    ``folder`` is its home and its data folder.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VOLTAGENT_")}
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    program = _START + f"faulthandler.dump_traceback_later({timeout - 5}, exit=True)\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, *flags, "-c", program],
        env={**clean, **homes, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_script(
    code: str, folder: Path, *arguments: str, timeout: float = 60.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same of a file, ``script.py`` in ``folder``, which processes that are spawned can import."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code), encoding="utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VOLTAGENT_")}
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    paths = {"PYTHONPATH": os.pathsep.join([_HERE, *_PACKAGES, _TESTS])}
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**clean, **homes, **paths, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
