"""What the pages on backends show are settings that the library takes, and they say what the index says."""

from __future__ import annotations

import re

import pytest

from tests.helpers.backends import PAGES, settings_shown
from voltagent import settings

ROWS = re.findall(
    r"^\| \[[^]]+\]\((\w+)\.md\) \| `?(\w+)`? \| ([\w ]+) \| ([\w ]+) \| (.+) \|$",
    (PAGES / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_index_has_every_page() -> None:
    assert sorted(page for page, *_ in ROWS) == sorted(path.stem for path in PAGES.glob("[a-z]*.md"))


@pytest.mark.parametrize(("page", "profile", "protocol", "gzip", "tried"), ROWS)
def test_the_settings_of_a_page_are_taken_as_they_are(
    page: str, profile: str, protocol: str, gzip: str, tried: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *more = settings_shown(page, **{"…": "x"})
    for name, value in first.items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    wire = found.otlp or found.platform_otlp
    assert wire is not None
    assert found.warnings == ()
    assert profile == "any" or wire.profiles == (profile,)
    assert wire.protocol == ("http/json" if protocol == "JSON" else "http/protobuf")
    assert wire.compression == "none" or gzip == "yes"
    for block in more:
        for name, value in block.items():
            monkeypatch.setenv(name, value)
        assert settings.load().warnings == ()


@pytest.mark.parametrize(("page", "profile", "protocol", "gzip", "tried"), ROWS)
def test_a_page_says_as_the_index_does_whether_it_was_tried(
    page: str, profile: str, protocol: str, gzip: str, tried: str
) -> None:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    assert {"## What is shown where", "## What was tried"} <= set(text.splitlines())
    if tried.startswith("**yes**"):
        version, date = re.findall(r"[\d.]+\d|\d{4}-\d\d-\d\d", tried)[0], tried[-10:]
        assert f"Version {version}, on {date}, with the settings above" in text


UNTRIED = re.findall(
    r"^\| ([^|]+) \| ((?:`[A-Z_]+=[^`]+` ?)+)\|", (PAGES / "README.md").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("backend", "cell"), UNTRIED, ids=[backend for backend, _ in UNTRIED])
def test_the_settings_of_a_backend_that_was_not_tried_are_taken(
    backend: str, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "otlp")
    for setting in re.findall(r"`([^`]+)`", cell):
        name, value = setting.replace("…", "x").split("=", 1)
        monkeypatch.setenv(name, value)
    assert settings.load().warnings == ()


def test_backends_that_were_not_tried_are_in_the_table() -> None:
    assert len(UNTRIED) == 5
