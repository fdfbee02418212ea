"""Call the hook of a redactor for every value inside a payload."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, Final

from pydantic_core import from_json

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.snapshot import Snapshot
from voltagent.core.context import run_callback

_FAILED: Final = "[redaction failed]"
_snapshot: Final = Snapshot()


class HookWalk:
    """One pass of a hook over a payload, outermost first, after the other rules.

    ``redact`` applies those rules to a collection that the hook returned in the place of a value.
    """

    def __init__(self, hook: Callable[[str, object], object], redact: Callable[[Any], Any]) -> None:
        self._hook = hook
        self._redact = redact

    def payload(self, value: Any, path: str) -> Any:
        """Return the payload with the values that the hook returned; the same object if it changed nothing."""
        return self._inside(value, path) if type(value) in (dict, list) else self._value(value, path)

    def _inside(self, value: Any, path: str) -> Any:
        """Let the function of the user see each value inside a container; return the same object if nothing changed."""
        if type(value) is dict:
            items = {key: self._value(item, _below(path, key)) for key, item in value.items()}
            return value if all(map(is_, items.values(), value.values())) else items
        if type(value) is list:
            parts = [self._value(item, _below(path, number)) for number, item in enumerate(value)]
            return value if all(map(is_, parts, value)) else parts
        return value

    def _value(self, value: Any, path: str) -> Any:
        """Let the function of the user see a value, and redact what it returns instead."""
        if type(value) is str and value == SECRET_TEXT:
            return value
        found: Any = run_callback(self._hook, path, value, on_error=lambda _: _FAILED)  # it may record, too
        if found is not value and type(found) is not str:
            found = self._redact(from_json(_snapshot.encode(found)))
        return self._inside(found, path)


def _below(path: str, step: str | int) -> str:
    return f"{path}.{step}" if path else str(step)
