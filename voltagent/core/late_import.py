"""Modules that only annotations name: imported when ``typing.get_type_hints`` evaluates these, and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LateModule:
    """Stands for a module in annotations, which are strings until a program evaluates them.

    A module imports the real one for type checkers, and assigns this to the same name otherwise::

        if TYPE_CHECKING:
            import httpx
        else:
            httpx = LateModule("httpx")
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)
