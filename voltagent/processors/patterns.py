"""Parts of regular expressions."""

from __future__ import annotations

import sys
from typing import Final

_HAS_ATOMIC_GROUPS: Final = sys.version_info >= (3, 11)


def atomic(pattern: str, name: str) -> str:
    """A pattern that is matched once and never matched shorter; ``name`` is one that no other group has."""
    return f"(?>{pattern})" if _HAS_ATOMIC_GROUPS else f"(?=(?P<{name}>{pattern}))(?P={name})"
