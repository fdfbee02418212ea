"""The search for anything that may be a secret: one expression finds what all checks find, as fast as one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, strategies as st

from tests.helpers.pace import hold
from voltagent.core import clock
from voltagent.processors.secrets.text.prefilter import fast_check, is_suspect_text, patterns, prefilter

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
    names, tokens = prefilter()
    assert is_suspect_text(text) == (names(text) is not None or tokens(text) is not None)


def test_after_two_slow_texts_others_are_searched_by_two_expressions_to_the_same_end() -> None:
    beginnings = " ".join(f"key {one} pass of auth {one} token for a pin {one} EAA AK --x" for one in "abcdefgh" * 40)
    for _ in range(4):
        assert not is_suspect_text(beginnings)
    assert is_suspect_text("password: hunter2 " + beginnings)


def test_the_states_for_source_code_fit_the_cache_of_the_engine() -> None:
    folder = Path(json.__file__).parent.parent
    source = "".join(
        (folder / f"{name}.py").read_text("utf-8") for name in ("argparse", "ast", "calendar", "cmd", "csv")
    )
    lines = [line for line in source.splitlines() if line.isascii() and not is_suspect_text(line)]
    texts = ["\n".join(lines[first : first + 100]) for first in range(0, len(lines), 100)]
    names, tokens = map(fast_check, patterns(is_ascii=True))
    together = fast_check("|".join(patterns(is_ascii=True)))
    apart = min(_seconds(names, texts) + _seconds(tokens, texts) for _ in range(5))
    # 0.6 of it; 10 times and more where they do not fit
    hold(min(_seconds(together, texts) for _ in range(5)), 4 * apart, "one search for all")


def _seconds(search: Callable[[str], object], texts: list[str]) -> float:
    began = clock.thread_seconds()
    for text in texts:
        search(text)
    return clock.thread_seconds() - began
