"""What every test of decorated calls holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voltagent.core import context


@pytest.fixture(autouse=True)
def nothing_is_left_current() -> Iterator[None]:
    yield
    assert context.CURRENT.get() is None
