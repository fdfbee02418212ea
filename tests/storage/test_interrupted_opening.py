"""A file whose opening is interrupted is opened again, and nothing of it stays open when it is closed or forgotten."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.bytecode_steps import BetweenSignals
from voltagent.core.process.descriptors import identity, identity_of, numbers
from voltagent.storage.file import File, Schema

SCHEMA = Schema("test file", 7, (("PRAGMA application_id = 7", "CREATE TABLE t (a)"),))
WHERE = ("storage/file/descriptors.py",)


def tables(file: File) -> int:
    return file.use(
        lambda connection: connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0], create=True
    )


def is_open(path: Path) -> bool:
    return any(identity(number) == identity_of(str(path)) for number in numbers())


def interrupt() -> None:
    raise KeyboardInterrupt


def forget(file: File) -> None:
    file.__del__()  # as at its end; the traceback of the interrupt may still refer to it
    file.connection = None
    other = File(file.path, file.schema)  # closes what finalizers left to close
    tables(other)
    other.close()


def use_and_close(file: File) -> None:
    assert tables(file) == 1
    file.close()


def opened(path: Path, at: int) -> tuple[File, BetweenSignals]:
    steps, file = BetweenSignals(WHERE, at, interrupt), File(path, SCHEMA)
    with suppress(KeyboardInterrupt):
        steps.run(lambda: tables(file))
    return file, steps


def count(path: Path) -> int:
    """Return how many steps there are, from a second run: an interrupt may hide some of the next, on 3.12 and 3.13."""
    opened(path, 0)[0].close()
    file, steps = opened(path, 0)
    file.close()
    return steps.count


# 3.13 says so of a connection that its traceback had: Python closes that one itself
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("end", [use_and_close, File.close, forget])
def test_an_interrupt_while_a_file_is_opened_leaves_nothing_open(end: Callable[[File], None], tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    use_and_close(File(path, SCHEMA))
    left_open = 0
    for at in range(1, count(path) + 1):
        assert count(path) >= at
        file, steps = opened(path, at)
        left_open += file.connection is None and is_open(path)
        end(file)
        if is_open(path):
            gc.collect(1)  # the interrupt, whose traceback has the connection that was never known to the file
        assert not is_open(path), steps.place
    assert left_open, "no interrupt came when the file was open already"
