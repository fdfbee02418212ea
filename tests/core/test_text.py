"""Texts of megabytes are joined, encoded and decoded as any other."""

from __future__ import annotations

import pytest

from voltagent.core.text import decode_utf8, encode_utf8, join_texts, replace_surrogates, split_text


@pytest.mark.parametrize("unit", ["a", "é", "я", "\U0001f600", "aя\U0001f600"])
def test_very_long_texts_are_joined_encoded_and_decoded_to_the_same(unit: str) -> None:
    parts = [unit * 700_000, "x", unit * 9, *[unit] * 9_000, unit * 1_100_000]
    text = "".join(parts)
    assert join_texts(parts) == text
    assert join_texts([]) == ""
    assert encode_utf8(text) == text.encode()
    assert decode_utf8(encode_utf8(text)) == text
    assert "".join(split_text(text, 3, len(text) - 5)) == text[3:-5]


def test_a_very_long_text_without_half_a_character_stays_the_same() -> None:
    text = "я" * 100_000
    assert replace_surrogates(text) is text
    assert replace_surrogates(text + chr(0xD800)) == text + "\ufffd"
