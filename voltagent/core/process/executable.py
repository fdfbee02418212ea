"""How a shell runs this library, for lines that name a command to users."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def command() -> str:
    """Return how a shell finds the command ``voltagent``: by its name, or by its path in an environment not active."""
    try:
        own = Path(sys.executable).with_name("voltagent")
        if shutil.which("voltagent") is not None or shutil.which(own) is None:
            return "voltagent"
        below = own.is_relative_to(Path.cwd()) and own.parent != Path.cwd()
        return shlex.quote(str(own.relative_to(Path.cwd()) if below else own))
    except Exception:  # no executable, a current folder that was deleted
        return "voltagent"
