"""The version of this library, which requests and the command line say."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.2.0"
