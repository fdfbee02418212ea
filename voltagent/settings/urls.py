"""URLs in settings: what may be shown of them, and whether they point to this machine."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = ("localhost", "::1", "0:0:0:0:0:0:0:1", "0.0.0.0", "::")  # noqa: S104 - as a destination
# All of it is this machine (RFC 6890), also in short (`127.1`) or as IPv6; so are names below `localhost` (RFC 6761).
_LOOPBACK_NET: Final = re.compile(r"(::ffff:)?127(\.[0-9]{1,3}){1,3}")


def without_credentials(url: str, mark: str = "") -> str:
    """Return a URL without its user and password; ``mark`` stands in their place."""
    return re.sub(r"//[^/?#]*@", f"//{mark}@" if mark else "//", url, count=1)


def shown_url(url: str, mark: str = "") -> str:
    """Return a URL without the parts that may be secret: user, password and query; ``mark`` stands in their place."""
    place, query, _ = without_credentials(url, mark).partition("#")[0].partition("?")
    return f"{place}?{mark}" if query and mark else place


def is_loopback(url: str) -> bool:
    """Return whether a URL points to this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return host in _LOOPBACK or host.endswith(".localhost") or _LOOPBACK_NET.fullmatch(host) is not None
