"""Numbers on the command line: each function returns a parser for the ``type=`` of an option."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

AGES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}  # seconds
SIZES: Final = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "k": 2**10, "m": 2**20, "g": 2**30,
    "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip


def whole_number(least: int = 0, most: int | None = None) -> Callable[[str], int]:
    """Parse a whole number between two bounds, which are included."""
    wanted = "a whole number" + (f" of at least {least}" if least else "")
    wanted = wanted if most is None else f"a number from {least} to {most}"

    def parse(text: str) -> int:
        is_number = text.isdecimal() and len(text) <= 18  # SQLite's integers have 19 digits
        if not is_number or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text[:40]!r}")
        return int(text)

    return parse


def number(wanted: str, most: float = 1e15, *, above_zero: bool = False) -> Callable[[str], float]:
    """Parse a number of at least 0.

    Args:
        wanted: what an error message calls it, such as ``"a number of at least 0"``.
        most: the largest number that is accepted.
        above_zero: whether to refuse 0.
    """

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most or (above_zero and not value):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return value

    return parse


def with_unit(text: str, units: Mapping[str, int]) -> float | None:
    """Parse a number with a unit, such as ``12h``; ``None`` if it is not one."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    return None if found is None or found[2] not in units else float(found[1]) * units[found[2]]
