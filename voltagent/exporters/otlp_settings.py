"""Checks of what an OTLP exporter is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from voltagent.errors import ValidationError
from voltagent.settings import parsers

# Not for the user to set: they frame the request.
_OURS: Final = frozenset(("accept-encoding", "connection", "content-encoding", "content-length", "content-type",
                          "host", "transfer-encoding"))  # fmt: skip


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Origin and path of the endpoint, which is used as it was given."""
    try:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
        if any(character.isspace() for character in endpoint):
            raise ValueError
    except ValueError:
        raise ValidationError("endpoint is not a URL such as http://localhost:4318/v1/traces") from None
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", (parts.path or "/") + query


def check_choice(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise ValidationError(f"{name} has an unknown value {value!r}; known are {', '.join(known)}")


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    given = {name.lower(): value for name, value in parsers.headers("headers", headers).items()}
    return {name: value for name, value in given.items() if name not in _OURS}
