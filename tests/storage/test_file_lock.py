"""A lock of a file is released, or can be released again, whichever bytecode of its release an interrupt comes at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.bytecode_steps import TRACED_LATER, BetweenSignals
from voltagent.storage.file_lock import FileLock

FILES = ("storage/file_lock.py",)


def interrupt() -> None:
    raise KeyboardInterrupt


def lock(path: Path) -> FileLock:
    found = FileLock.acquire(path)
    assert found is not None, "it is held"
    return found


@pytest.mark.parametrize("delete", [False, True])
def test_a_release_that_was_interrupted_can_be_repeated(delete: bool, tmp_path: Path) -> None:
    path, number, places = tmp_path / "f", 0, list[str]()
    for _ in range(3):  # 3.12 traces few bytecodes at first
        steps = BetweenSignals(FILES, 0, interrupt)
        held = lock(path)
        steps.run(lambda held=held: held.release(delete=delete))
        number = max(number, steps.count)
    for at in range(1, number + 1):
        held = lock(path)
        steps = BetweenSignals(FILES, at, interrupt)
        try:
            steps.run(lambda held=held: held.release(delete=delete))
        except KeyboardInterrupt:
            places.append(steps.place)
            held.release(delete=delete)
        lock(path).release()
    assert len(places) > (0 if TRACED_LATER else 2)


@pytest.mark.parametrize("delete", [False, True])
def test_a_release_that_is_repeated_leaves_the_lock_of_another_holder(delete: bool, tmp_path: Path) -> None:
    path = tmp_path / "f"
    first = lock(path)
    Path(f"{path}.lock").unlink()  # as after an interrupt right behind its deletion
    second = lock(path)
    first.release(delete=delete)
    assert FileLock.acquire(path) is None
    assert second.is_held()
