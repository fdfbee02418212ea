"""Lines for users name the command as their shell finds it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from voltagent.core.process import executable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="paths of programs")


def test_the_command_is_named_as_the_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "a clone" / ".venv" / "bin"
    programs.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(programs.parents[1])
    assert executable.command() == "voltagent"  # there is none: the package is not installed
    (programs / "voltagent").touch(0o755)
    assert executable.command() == ".venv/bin/voltagent"
    monkeypatch.chdir(tmp_path)
    assert executable.command() == "'a clone/.venv/bin/voltagent'"
    monkeypatch.chdir(programs)
    assert executable.command() == f"'{programs}/voltagent'"
    monkeypatch.setenv("PATH", str(programs))
    assert executable.command() == "voltagent"
