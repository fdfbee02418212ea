"""Texts that repeat one short part over and over: few repetitions are searched, and what is found holds for all."""

from __future__ import annotations

import re
import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.periods import Omission, find_omissions, place_with_omissions, with_omissions

redactor = Redactor()
AROUND = "Some words stand before it, and behind it as well. " * 8
PARTS = (
    "(password) ",
    'strcmp(password, "hunter2xyz");\n',
    "x-api-key: abcDEF123456\n",
    "password=hunter2xyz\n",
    "UPDATE users SET password='hunter2xyz' WHERE id=3;\n",
    "my password is hunter22 and the token is abc123def. ",
    '{"password":"hunter2xyz","id":1},',
    "Authorization: Bearer abcDEF123456789\n",
    "ghp_abcdefghij1234567890ABCDEFGH ",
    "postgres://user:hunter2@host:5432/db\n",
    "curl -u user:hunter2xyz https://x.y/z\n",
    "def f(token): return tokenizer.decode(token, password)\n",
    "sudo -S <<< word ",
    "-eyJ",
    "пароль: hunter2x ",
)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("times", [1, 2, 40])
def test_each_repetition_is_redacted_as_the_first_ones_are(part: str, times: int) -> None:
    few = redactor.text(AROUND + part * 12 + AROUND)
    assert few.startswith(AROUND)
    assert few.endswith(AROUND)
    inner = few[len(AROUND) : -len(AROUND)]
    single, is_whole = inner[: len(inner) // 12], len(inner) % 12 == 0
    if is_whole and single * 12 == inner:
        assert redactor.text(AROUND + part * 60 * times + AROUND) == AROUND + single * 60 * times + AROUND
    else:  # the last of them decides differently, or one secret covers several
        many = redactor.text(AROUND + part * 60 * times + AROUND)
        assert many.startswith(AROUND)
        assert "hunter2" not in many


@pytest.mark.parametrize("part", PARTS)
def test_a_longer_text_takes_no_more_work_in_its_search(part: str) -> None:
    short, long = (_calls((part * (size // len(part) + 1))[:size]) for size in (8_000, 64_000))
    assert long["search"] + long["match"] <= short["search"] + short["match"] + 200
    assert long["validate_python"] <= short["validate_python"] + 160  # the first look


def _calls(text: str) -> Counter[str]:
    """How often each function of C is called for a text."""
    calls = Counter[str]()
    redactor.text(text)  # which compiles the expressions

    def count(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            calls[function.__name__] += 1

    sys.setprofile(count)
    redactor.text(text)
    sys.setprofile(None)
    return calls


def test_what_differs_between_repetitions_is_found() -> None:
    text = "password=hunter2xyz\n" * 100 + "password=Zk81mQ4x77\n" + "password=hunter2xyz\n" * 100
    assert redactor.text(text) == "password=[redacted]\n" * 201


def test_a_secret_that_is_repeated_elsewhere_is_found_there() -> None:
    text = "password=hunter2xyz\n" * 200
    assert redactor.text(f"{text}see hunter2xyz") == f"{text}see hunter2xyz".replace("hunter2xyz", "[redacted]")


def test_no_stretch_goes_over_the_end_of_a_string() -> None:
    assert find_omissions("\0".join(["a long word "] * 500)) == []
    assert find_omissions("a long word " * 40 + "\0" + "a long word " * 40) == []


@pytest.mark.parametrize("part", ["abc", "a long word ", "x" * 40 + "yz" * 60])
def test_the_stretch_without_its_middle_repeats_as_before(part: str) -> None:
    text = f"before {part * (6000 // len(part))} behind"
    (omission,) = find_omissions(text)
    assert len(part) % omission.period == 0
    assert omission.length % omission.period == 0
    without = text[: omission.start] + text[omission.start + omission.length :]
    assert re.fullmatch(f"before (?:{part})+ behind", without) is not None
    assert len(without) < 3000


def test_several_stretches_are_found() -> None:
    text = "one=1 " * 400 + AROUND + "second: 2\n" * 300
    assert [omission.period for omission in find_omissions(text)] == [6, 10]


@pytest.mark.parametrize("text", ["", "a" * 5000, AROUND, "".join(map(str, range(3000))), "ab" * 400])
def test_a_text_that_repeats_no_part_or_few_times_is_searched_whole(text: str) -> None:
    assert all(omission.period >= 3 for omission in find_omissions(text))
    assert len(text) > 1000 or not find_omissions(text)


def test_ranges_get_their_places_in_the_whole_text() -> None:
    omission = Omission(50, 30, 10)
    found = [(1, 2), (32, 34), (42, 44), (52, 54), (61, 63)]
    assert with_omissions(found, [omission]) == [(1, 2), *((place, place + 2) for place in range(32, 90, 10)), (91, 93)]
    assert with_omissions([], [omission]) == []
    assert [place_with_omissions(place, [omission]) for place in (49, 50, 60)] == [49, 80, 90]


def test_a_range_over_what_is_left_out_covers_it() -> None:
    assert with_omissions([(5, 95)], [Omission(50, 30, 10)]) == [(5, 125)]
    assert with_omissions([(5, 95)], [Omission(50, 30, 10), Omission(100, 60, 20)]) == [(5, 185)]


def test_two_ranges_in_two_repetitions_may_alternate() -> None:
    found = [(place, place + 2) for place in range(0, 120, 20)]
    assert with_omissions(found, [Omission(50, 40, 10)]) == [(place, place + 2) for place in range(0, 160, 20)]


def test_what_does_not_repeat_is_found_out() -> None:
    assert with_omissions([(32, 34), (45, 47), (52, 54)], [Omission(50, 30, 10)]) is None
