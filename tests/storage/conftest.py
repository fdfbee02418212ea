"""A store at a path whose folders do not exist yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.stored import Run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "by us" / "traces.db"


@pytest.fixture
def run(path: Path) -> Iterator[Run]:
    run = Run(path)
    yield run
    run.store.close()
