"""Hide the values of headers and cookies that stand in lists and dictionaries of their own."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded, part_of
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential
from voltagent.processors.secrets.vocabulary.names import Strength

_RAW_HEADERS: Final = "rawheaders"
LEAST_RAW: Final = len(_RAW_HEADERS)  # characters of a key of such a list


def hide_raw_headers(
    key: str, items: list[Any], strength: Callable[[str], Strength], hide: Callable[[list[Any], int, str], None]
) -> None:
    """Hide the values of a list under ``rawHeaders``, where names and values may stand in turn."""
    if (
        len(items) % 2 == 0
        and key.replace("_", "").replace("-", "").lower().endswith(_RAW_HEADERS)
        and all(type(item) is str for item in items)
    ):
        for number in range(0, len(items), 2):
            name, value = items[number : number + 2]
            if strength(name) is not Strength.NONE and is_credential(value):
                hide(items, number + 1, value)


def hide_cookies(cookies: dict[str, Any] | list[Any], hide: Callable[[Any, Any, str], None]) -> None:
    """Hide the values of cookies by their names, and of those with a name and a value in fields of their own."""
    if not isinstance(cookies, dict):
        for number, cookie in enumerate(cookies):
            if type(cookie) is Undecoded:
                some = decode_deep(cookie)
                hide_cookies(some, hide)
                cookies[number] = part_of(some)
            elif type(cookie) is dict and "name" in cookie and is_credential(str(cookie.get("value"))):
                hide(cookie, "value", cookie["value"])
        return
    for name, value in cookies.items():
        if type(value) is str and is_credential(value):
            hide(cookies, name, value)
