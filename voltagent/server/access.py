"""Who may talk to the local server: this machine's programs, and the server's own page in a browser.

A browser lets every web page send requests to this machine. The rules here keep such pages out: one that points its own
name at 127.0.0.1 (DNS rebinding) is known by ``Host``, any other by ``Sec-Fetch-Site`` (https://www.w3.org/TR/fetch-metadata/)
and ``Origin``. There are no CORS headers, so that a preflight always fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from voltagent.server.routing import RequestError, media_type

# On every answer, whatever it is.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_LOOPBACK: Final = re.compile(r"(localhost|127(\.(0|[1-9][0-9]{0,2})){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_BODY_TYPES: Final = ("application/json", "application/x-protobuf")


def admit(method: str, raw_path: str, headers: Mapping[str, str]) -> None:
    """Let a request pass, by its head alone: what is refused has no body read.

    Raises:
        RequestError: 403 for a request from elsewhere, 415 for a body of another type.
    """
    host = headers.get("host", "")
    if _LOOPBACK.fullmatch(host) is None:
        raise RequestError(403, "this server is reachable as localhost, 127.0.0.1 and [::1] only")
    site = headers.get("sec-fetch-site", "none")
    if site not in ("same-origin", "none") and not _is_visit(method, raw_path, headers):
        raise RequestError(403, "requests from other sites are refused")
    if headers.get("origin", f"http://{host}").lower() != f"http://{host}".lower():
        raise RequestError(403, "requests from other origins are refused")
    if method in ("POST", "PATCH", "PUT") and media_type(headers) not in _BODY_TYPES:
        raise RequestError(415, f"the body must be {' or '.join(_BODY_TYPES)}")


def _is_visit(method: str, raw_path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a user followed a link to the page: that shows it to the user, not to the page with the link."""
    return (
        method == "GET"
        and raw_path == "/"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
