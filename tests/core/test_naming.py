"""The nearest name is suggested only if it is likely to be what was meant."""

from __future__ import annotations

import pytest

from voltagent.core.naming import nearest

_TRACE = ("agent_id", "conversation_id", "metadata", "name", "parent", "tags", "user_id", "version", "input")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("nmae", _TRACE, "name"),
        ("usr", _TRACE, "user_id"),
        ("nput", _TRACE, "input"),
        ("Metadata", _TRACE, "metadata"),
        ("conversationid", _TRACE, "conversation_id"),
        ("operation", _TRACE, None),
        ("status", _TRACE, None),
        ("version", ("metadata", "name", "operation", "tags"), None),
        ("api_key", ("public_key", "secret_key", "base_url"), None),
        ("shwo", ("show", "traces"), "show"),
    ],
)
def test_a_name_that_merely_shares_characters_is_not_suggested(
    name: str, known: tuple[str, ...], meant: str | None
) -> None:
    assert nearest(name, known) == meant
