"""Names of the user's own in texts in which they stand too close together to examine each place."""

from __future__ import annotations

from voltagent.processors.redaction import Redactor

PROSE = "some words and more and none on one line " * 2_000


def redacted(text: str) -> str:
    return Redactor(keys=["n"]).text(text)


def test_prose_that_holds_such_a_name_everywhere_stays() -> None:
    assert redacted(PROSE) == PROSE


def test_a_value_after_the_name_is_hidden_in_it() -> None:
    found = redacted(f"{PROSE}\nn = Zk81mQ4x77pLw\n{PROSE}")
    assert "Zk81mQ4x77pLw" not in found
    assert found.startswith(PROSE)
    assert found.endswith(PROSE)
