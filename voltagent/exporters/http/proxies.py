"""The proxy of the environment for a URL, by the rules of httpx."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from voltagent.errors import ValidationError
from voltagent.settings import is_loopback

_PORTS: Final = {"http": 80, "https": 443}
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class UnusableProxyError(ValidationError):
    """A proxy variable of the environment has an unusable value."""


def proxy_place(url: str) -> str | None:
    """Return ``host:port`` of the proxy for a URL, without its password; ``None`` for direct requests."""
    proxy = proxy_for(httpx.URL(url))
    return None if proxy is None else httpx.URL(proxy).netloc.decode("ascii")


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy in the environment for a URL, by the rules of httpx (which are urllib's).

    This machine is reached without a proxy.

    Raises:
        ValidationError: it is unusable; the message names the variable and reveals nothing of its value.
    """
    port = url.port or _PORTS.get(url.scheme)
    # NO_PROXY may name a port
    if is_loopback(str(url)) or proxy_bypass(url.host) or proxy_bypass(f"{url.host}:{port}"):
        return None
    proxies = getproxies()
    scheme = url.scheme if proxies.get(url.scheme) else "all"
    proxy = proxies.get(scheme)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    wrong = _wrong_with_proxy(proxy)
    if wrong is not None:
        name = f"{scheme}_proxy"
        raise UnusableProxyError(f"the environment variable {name.upper()} (or {name}) is not a usable proxy: {wrong}")
    return proxy


def _wrong_with_proxy(proxy: str) -> str | None:
    """Return why the URL of a proxy cannot be used; ``None`` if it can."""
    try:
        url = httpx.URL(proxy)
        host = url.host  # decoded, which may fail
    except (httpx.InvalidURL, ValueError):
        return "it is not a valid URL"
    if url.scheme not in _SCHEMES:
        return f"its scheme must be one of {', '.join(_SCHEMES)}"
    if not host or ("%" in host and ":" not in host):  # a zone of an IPv6 address may have one
        return "it has no host" if not host else "its host has characters that no host can have"
    if url.port is not None and not 0 < url.port < 65536:
        return "its port must be from 1 to 65535"
    if url.scheme.startswith("socks") and find_spec("socksio") is None:
        return "SOCKS needs an optional package: pip install httpx[socks]"
    return None
