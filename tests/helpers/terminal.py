"""What a program writes to a terminal."""

from __future__ import annotations

import os


def read_all(descriptor: int) -> bytes:
    """Read a terminal until its other end is closed, and close it."""
    seen = b""
    try:
        while chunk := os.read(descriptor, 65536):
            seen += chunk
    except OSError:
        pass  # the other end is closed
    os.close(descriptor)
    return seen
