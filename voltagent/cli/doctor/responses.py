"""What the response of a destination means."""

from __future__ import annotations

from typing import Final

from voltagent.cli.doctor.finding import Finding, shown_url
from voltagent.cli.doctor.probes import PLATFORM_KEYS, Probe
from voltagent.exporters import http_status
from voltagent.exporters.http import HttpResponse

# The API is gone. A 404 may also mean that the object of a request is unknown.
GONE: Final = http_status.NO_ROUTE - {404} | {410}


def reached(probe: Probe, response: HttpResponse) -> Finding:
    """Report whether a working destination gives this response."""
    status = response.status
    url = shown_url(probe.url + probe.path) if probe.wire == "otlp" else shown_url(probe.url)
    text = f"{url} returned HTTP {status}"
    exc = _error_of(probe, response)
    if exc is not None:
        return Finding("wrong", probe.wire, "http", f"{text}: {exc[0]}", exc[1], {"status": status})
    if status == 429:
        text += ": it limits the rate of requests"
    return Finding("note" if status == 429 else "ok", probe.wire, "http", text, facts={"status": status})


def _error_of(probe: Probe, response: HttpResponse) -> tuple[str, str] | None:
    """Return what is wrong and what to do; ``None`` if nothing is, or only the key."""
    status = response.status
    if (status >= 500 and status not in GONE) or status in http_status.RETRIED["rest"] - {429}:
        return "the server reports an error", "try again later, or ask its operator"
    if 300 <= status < 400:
        to = shown_url(response.headers.get("location", ""))[:200]
        return f"it redirects to {to}", f"redirects are not followed: set the final address in {probe.setting}"
    if status == 407:
        return "the proxy requires a password", "set it in HTTPS_PROXY or HTTP_PROXY"
    if probe.wire == "rest":
        no_api = (
            "there is no REST history API",
            "set VOLTAGENT_EXPORTER to auto, which chooses the API, or to otlp",
        )
        return no_api if status in GONE else None
    if status == 415:
        return "it does not accept this protocol", "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json"
    not_found = "nothing accepts traces at this path", f"the path usually ends in /v1/traces: check {probe.setting}"
    return not_found if status == 404 or status in GONE else None


def key_refused(probe: Probe, status: int) -> Finding:
    """Explain a 401 or 403, by which keys were sent and to what."""
    facts = {"status": status}
    which = "VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY"
    if not PLATFORM_KEYS & set(probe.keys):
        which = "OTEL_EXPORTER_OTLP_HEADERS" if probe.wire == "otlp" else which
    if not probe.keys:
        return Finding("wrong", probe.wire, "key", f"the server requires a key (HTTP {status}), and none is set",
                       f"set {which}", facts)  # fmt: skip
    if status == 401:
        return Finding("wrong", probe.wire, "key", "the server does not know the key (HTTP 401)",
                       f"check {which}: copied completely, and both from the same project", facts)  # fmt: skip
    return Finding("wrong", probe.wire, "key", "the key is not allowed to record (HTTP 403)",
                   f"check the permissions of {which}; a firewall or proxy may also respond so", facts)  # fmt: skip
