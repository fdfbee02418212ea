"""The type of a word: what a span can say, under a name that each profile has for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from voltagent.wire.otlp.span_view import Facts

# Gives a value (string, flag, number, a list of strings, a dict of named parts) or None.
Word: TypeAlias = Callable[[Facts], Any]
