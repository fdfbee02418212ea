"""URLs in settings: what may be shown of them, and whether they point to this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit


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
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # `127.1`, `0`, `0x7f000001`
        except (OSError, ValueError):
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
