"""What every test starts from: our faults show, and neither the user's environment nor home is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from voltagent import _context, _guard


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("VOLTAGENT_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def strict_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Faults of ours raise in the tests; a test of the guard itself switches this off."""
    monkeypatch.setattr(_guard.Guard, "strict", True)
    _guard._last_said.clear()
    yield
    _guard._last_said.clear()


@pytest.fixture(autouse=True)
def nothing_is_live() -> Iterator[None]:
    """Every test starts as a fresh process does: no recorder, the environment not asked."""
    before = list(_context.ACTIVE)
    _context.ACTIVE[:] = [_context.ENVIRONMENT]
    yield
    _context.ACTIVE[:] = before
