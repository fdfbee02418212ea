"""A hint is given once for each place, logged, stored beside the local store, and never more than a bounded number."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from voltagent.core import clock, hints
from voltagent.core.hints import Hint, caller_place, code_place, give_hint, take_unsaved
from voltagent.core.process import stderr
from voltagent.storage.hints import hints_file, load_hints, save_hints, save_hints_beside


def test_a_hint_is_given_once_for_each_place(caplog: pytest.LogCaptureFixture) -> None:
    assert give_hint("twice", "app.py:1", "it is wrong", "mend it")
    assert not give_hint("twice", "app.py:1", "it is wrong", "mend it")
    assert give_hint("twice", "app.py:2", "it is wrong", "mend it")
    assert give_hint("other", "app.py:1", "it is wrong", "mend it")
    assert [record.getMessage() for record in caplog.records] == [
        f"app.py:{line}: it is wrong; mend it" for line in (1, 2, 1)
    ]
    assert [(hint.name, hint.place) for hint in take_unsaved()] == [
        ("twice", "app.py:1"), ("twice", "app.py:2"), ("other", "app.py:1"),
    ]  # fmt: skip
    assert take_unsaved() == []


def test_many_threads_give_one_hint(caplog: pytest.LogCaptureFixture) -> None:
    given: list[bool] = []
    start = threading.Barrier(8)

    def give() -> None:
        start.wait()
        given.append(give_hint("name", "place", "text", "advice"))

    threads = [threading.Thread(target=give) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given.count(True) == 1
    assert len(caplog.records) == 1


def test_hints_are_bounded() -> None:
    assert [give_hint("name", f"app.py:{line}", "x" * 10_000, "y") for line in range(1000)].count(True) == 256
    assert len(take_unsaved()[0].text) == 500


def test_a_place_is_a_line_of_the_program() -> None:
    def function() -> str:
        return caller_place()

    assert function() == f"{__file__}:{function.__code__.co_firstlineno + 1} (function)"
    assert code_place(function.__code__) == f"{__file__}:{function.__code__.co_firstlineno} (function)"


@pytest.mark.parametrize(("aloud", "quiet", "shown"), [(True, False, True), (False, False, False), (True, True, False)])
def test_without_logging_a_hint_is_on_stderr(
    aloud: bool, quiet: bool, shown: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    stderr.set_quiet(quiet)
    try:
        give_hint("name", "app.py:1", "100 % wrong", "mend it", aloud=aloud)
    finally:
        stderr.set_quiet(False)
    assert capsys.readouterr().err == ("voltagent: app.py:1: 100 % wrong; mend it\n" if shown else "")


@pytest.mark.parametrize("make", [False, True])
def test_hints_are_stored_beside_the_store(tmp_path: Path, make: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.storage.hints.STORES", {})
    store = tmp_path / "new" / "traces.db"
    save_hints_beside(store, make=make)
    give_hint("a", "app.py:1", "text", "advice")
    save_hints()
    assert hints_file(store).exists() == make  # a folder is made for a local store only
    assert [hint.name for hint in load_hints(store)] == (["a"] if make else [])
    if make:
        assert hints_file(store).stat().st_mode & 0o777 == 0o600
        give_hint("b", "app.py:1", "text", "advice")
        save_hints()
        hints.GIVEN.clear()
        give_hint("a", "app.py:1", "newer", "advice")  # another process, at the same place
        save_hints()
        assert [(hint.name, hint.text) for hint in load_hints(store)] == [("b", "text"), ("a", "newer")]
        assert [path.name for path in store.parent.iterdir()] == [hints_file(store).name]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{}", b"[1, null, {}]", b'[{"name": 1}]', b"[[]]"])
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.storage.hints.STORES", {})
    store = tmp_path / "traces.db"
    hints_file(store).write_bytes(content)
    assert load_hints(store) == []
    save_hints_beside(store, make=True)
    give_hint("a", "app.py:1", "text", "advice")
    save_hints()
    assert len(load_hints(store)) == 1


def test_a_hint_is_forgotten_after_a_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.storage.hints.STORES", {})
    store = tmp_path / "traces.db"
    save_hints_beside(store, make=True)
    week = 7 * 24 * 3600 * 10**9
    hints.UNSAVED.append(Hint("old", "app.py:1", "text", "advice", clock.nanoseconds() - week - 10**9))
    hints.UNSAVED.append(Hint("new", "app.py:1", "text", "advice", clock.nanoseconds() - week + 10**11))
    save_hints()
    assert [hint.name for hint in load_hints(store)] == ["new"]


def test_a_folder_that_cannot_be_written_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.storage.hints.STORES", {})
    (tmp_path / "file").write_text("")
    save_hints_beside(tmp_path / "file" / "traces.db", make=True)
    give_hint("a", "app.py:1", "text", "advice")
    save_hints()
