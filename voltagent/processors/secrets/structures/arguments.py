"""Find the secrets in a list of arguments: what follows a flag, and what a flag has attached."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from voltagent.processors.secrets.text.scan import SHORTEST_TEXT
from voltagent.processors.secrets.text.searches.commands import attached_password, is_flag_value, password_flags
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder, is_weak_secret
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.names import Strength

_SETTERS: Final = frozenset(("set", "setx", "setenv", "set-env", "config", "configure", "config:set"))
_MOST_SET: Final = 16  # arguments up to the value
_USER_FLAGS: Final = ("-u", "--user", "-U", "--proxy-user", "-E", "--cert")
_COOKIE_FLAG: Final = ("curl", "-b")  # before a name and a value, or the name of a file
_LONGEST_COMMAND: Final = 256  # characters
_LONGEST_FLAG: Final = 64  # characters
_SHORT_FLAG: Final = 2  # characters


def hide_set_value(
    items: list[Any], strength: Callable[[str], Strength], hide: Callable[[list[Any], int, str], None]
) -> None:
    """Hide what a command sets, in ``["aws", "configure", "set", "aws_secret_access_key", "…"]``."""
    if _SETTERS.isdisjoint([item for item in items[:_MOST_SET] if type(item) is str]):
        return
    for number, (name, value) in enumerate(pairwise(items[:_MOST_SET]), 1):
        if type(name) is not str or type(value) is not str or name[:1] == "-":
            continue
        found = strength(name)
        if is_weak_secret(name, value) if found is Strength.WEAK else found and has_password_form(value):
            hide(items, number, value)


class ArgumentList:
    """A list of arguments, whose strings are examined in turn."""

    __slots__ = ("_items", "_of_command", "_strength", "flag")

    def __init__(self, items: list[Any], strength: Callable[[str], Strength]) -> None:
        self._items, self._strength = items, strength
        self.flag = ""  # before the next argument
        self._of_command: frozenset[str] | None = None  # the flags of the command that take a password

    def secret_in(self, value: str) -> str | None:
        """Return the next argument, or its end, if that is a secret; only one with a flag before it or in it is."""
        flag, self.flag = self.flag, ""
        if value[:1] == "-" and 1 < len(value) <= _LONGEST_FLAG and "=" not in value and ":" not in value:
            self.flag = value
            first = self._items[0]
            if type(first) is str and attached_password(first[-_LONGEST_COMMAND:], value):
                return value
        return self._behind(flag, value) if flag else None

    def _behind(self, flag: str, value: str) -> str | None:
        if self._takes_password(flag) and not is_placeholder(value):
            return value
        _, colon, password = value.partition(":")
        if flag in _USER_FLAGS and colon and not is_placeholder(password):
            return password if not password.isdigit() or len(password) >= SHORTEST_TEXT else None
        first = self._items[0]
        if flag == _COOKIE_FLAG[1] and type(first) is str and first.rpartition("/")[2] == _COOKIE_FLAG[0]:
            _, equals, cookie = value.partition("=")
            return cookie if equals and not is_placeholder(cookie) else None
        is_value = len(flag) > _SHORT_FLAG and value[:1] != "-"
        return value if is_value and is_flag_value(flag, value, self._strength(flag.lstrip("-"))) else None

    def _takes_password(self, flag: str) -> bool:
        if self._of_command is None:
            beginning = [item[-_LONGEST_COMMAND:] for item in self._items[:3] if type(item) is str]
            self._of_command = password_flags(" ".join(beginning))
        return flag in self._of_command or (len(flag) == _SHORT_FLAG and flag.lower() in self._of_command)
