"""The search for anything that may be a secret: one expression finds what all checks find, as fast as one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic_core import to_json

from tests.helpers.hostile_texts import hostile_texts
from tests.helpers.longest_steps import measured
from tests.helpers.pace import hold, hold_processor
from voltagent.core import clock
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.checks import patterns
from voltagent.processors.secrets.text.engine import fast_check
from voltagent.processors.secrets.text.first_look import is_suspect
from voltagent.processors.secrets.text.looks import is_suspect_text
from voltagent.processors.secrets.text.searches.answers import ANSWERS
from voltagent.processors.secrets.text.searches.commands import COMMANDS
from voltagent.processors.secrets.text.searches.configuration import CONFIGURATION
from voltagent.processors.secrets.text.searches.connections import CONNECTIONS
from voltagent.processors.secrets.text.searches.tool_files import TOOLS

FRAGMENTS = (
    *(
        "password",
        "key",
        "token",
        "secret",
        "auth",
        "code",
        "security",
        "phrase",
        "recovery",
        "user",
        "webhook",
        "basic",
    ),
    *(
        "sk-",
        "ghp_",
        "eyJ",
        "$2a$",
        "A1B2C3D4E5",
        "hunter2",
        "abc",
        "for ",
        "of ",
        "is ",
        "by",
        "-p",
        "-u",
        "--",
        "://",
    ),
    *(
        " ",
        ":",
        "=",
        '"',
        "'",
        "\\",
        "@",
        "[",
        "]",
        "(",
        ")",
        "\n",
        "\t",
        ".",
        "\x00",
        "\\u00",
        "é",
        "\u2028",
        "\u212a",
    ),
)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join))
def test_one_search_for_all_checks_finds_what_each_of_them_finds(text: str) -> None:
    checks = map(fast_check, patterns())
    if text.isascii():
        assert is_suspect_text(text) == any(check(text) is not None for check in checks)


def test_after_slow_pieces_others_are_searched_by_several_expressions_to_the_same_end() -> None:
    beginnings = " ".join(f"key {one} pass of auth {one} token for a pin {one} EAA AK --x" for one in "abcdefgh" * 40)
    for _ in range(4):
        assert not is_suspect_text(beginnings)
    assert is_suspect_text("password: hunter2 " + beginnings)
    for text in hostile_texts(4):
        assert not is_suspect_text(f"{text} and so on. {text}")
        for secret in ("password: hunter2", "token=abc123def", "-u bob:hunter2", "ghp_0123456789abcdefABCD"):
            assert is_suspect_text(f"{text} and so on. {secret}")


_seeds = count(1)  # other texts for each test: those of another one have their states in the engine's cache


@pytest.mark.slow
@pytest.mark.parametrize("end", [" ", "\u2026 "])
def test_no_step_of_a_search_takes_5_ms_in_texts_that_fill_the_cache_of_the_engine(end: str) -> None:
    Redactor()
    texts = hostile_texts(32, next(_seeds))
    payloads = [to_json(end.join(texts[number : number + 4])) for number in range(0, len(texts), 4)]
    with measured() as step:
        for payload in payloads:
            is_suspect(payload)
    hold_processor(step.seconds, 0.005, step.where)


@pytest.mark.slow
def test_no_step_of_redaction_takes_5_ms_in_texts_that_fill_the_cache_of_the_engine() -> None:
    groups = (*COMMANDS, *CONFIGURATION, *CONNECTIONS, *TOOLS)
    texts = hostile_texts(14, next(_seeds), "|".join(group.check for group in groups))
    payload = to_json(["password=hunter22xy1 and so on. ", " ".join(texts)])
    Redactor().apply(to_json({"password": "hunter22xy1"}))
    with measured() as step:
        Redactor().apply(payload)
    hold_processor(step.seconds, 0.005, step.where)


def test_no_step_of_a_look_at_a_text_of_megabytes_takes_5_ms() -> None:
    by, line = Redactor(), "The quick brown fox jumps over 42 lazy dogs.\n"
    by.text(line * 10_000)
    text = line * 400_000
    with measured() as step:
        assert by.text(text) is text
    hold_processor(step.seconds, 0.005, step.where)
    # where a piece ends, too
    for length in range(len(line) * 2_912 - 20, len(line) * 2_912 + 60, 7):
        assert "hunter2Zx9" not in by.text(f"{(line * 3_000)[:length]} password=hunter2Zx9 {line * 9}")


@pytest.mark.parametrize(
    "secret", ["password: hunter2", "insert into t (a, password, b)\nvalues (1)", '{"the password of it": 1}']
)
@pytest.mark.parametrize("word", ["word ", "word", "word\n", '","'])
def test_a_secret_is_found_wherever_a_long_text_is_divided(secret: str, word: str) -> None:
    for before in range(900, 1100, 7):
        for text in (word * (before // len(word)) + " " * (before % len(word)), "x" * before + " "):
            assert is_suspect_text(f"{text}{secret} {word * 300}")


@pytest.mark.parametrize(
    "text",
    [
        "\n$ pass show web\nhunter2zx",
        "\nuser@host> printenv token\nhunter2zx",
        "\n>>> key\n'hunter2zx'",
        'x\n> var.token\n"hunter2zx"',
        "api_token\n---------\nhunter2zx",
        "secret \r\n   ----\r\nhunter2zx",
    ],
)
def test_a_guard_is_part_of_what_its_check_finds(text: str) -> None:
    guarded = [group for group in (*ANSWERS, *TOOLS) if group.guard]
    found = [group for group in guarded if fast_check(group.check)(text) is not None]
    assert found
    assert all(fast_check(group.guard)(text) is not None for group in found)


def test_the_states_for_source_code_fit_the_cache_of_the_engine() -> None:
    folder = Path(json.__file__).parent.parent
    source = "".join(
        (folder / f"{name}.py").read_text("utf-8") for name in ("argparse", "ast", "calendar", "cmd", "csv")
    )
    lines = [line for line in source.splitlines() if line.isascii() and not is_suspect_text(line)]
    texts = ["\n".join(lines[first : first + 100]) for first in range(0, len(lines), 100)]
    *names, tokens = patterns()
    two, together = (fast_check("|".join(names)), fast_check(tokens)), fast_check("|".join((*names, tokens)))
    apart = min(sum(_seconds(one, texts) for one in two) for _ in range(5))
    # 0.6 of it; 10 times and more where they do not fit
    hold(min(_seconds(together, texts) for _ in range(5)), 4 * apart, "one search for all")


def _seconds(search: Callable[[str], object], texts: list[str]) -> float:
    began = clock.thread_seconds()
    for text in texts:
        search(text)
    return clock.thread_seconds() - began
