"""Health checks for `voltagent doctor`: one harmless request per destination.

If keys were sent and not refused, the same request without them shows whether the server checks keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from voltagent.cli.doctor.finding import Finding
from voltagent.cli.doctor.local_store import check_store
from voltagent.cli.doctor.probes import Probe, otlp_probe, rest_probe, send
from voltagent.cli.doctor.responses import GONE, key_refused, reached
from voltagent.cli.doctor.unreachable import not_sent, unreachable
from voltagent.exporters import http_status
from voltagent.exporters.http import HttpResponse, Unreachable
from voltagent.settings import Settings


def check(settings: Settings, limit: float) -> Iterator[Finding]:
    """Yield the findings for each destination in the settings; ``limit`` is seconds for one request. Never raises."""
    for name in settings.exporter:
        if name == "local":
            yield check_store(settings.local_path)
        elif name == "none":
            yield Finding("note", "none", "value", "the exporter is 'none': nothing is recorded")
        elif name == "rest":
            yield from _run(rest_probe(settings), limit)
        elif name == "otlp" and settings.otlp is not None:
            yield from _run(otlp_probe(settings.otlp, settings), limit)
        elif name == "auto":
            yield from _auto(settings, limit)


def _auto(settings: Settings, limit: float) -> Iterator[Finding]:
    """Check the platform by either wire: OTLP only if the response to REST leaves open which API the server has."""
    found = list(_run(rest_probe(settings), limit))
    statuses = {finding.facts.get("status") for finding in found}
    is_gone = bool(statuses & GONE)
    if settings.platform_otlp is None or not (is_gone or (404 in statuses and found[-1].state == "note")):
        yield from found
        return
    other = list(_run(otlp_probe(settings.platform_otlp, settings), limit))
    has_otlp = not any(finding.facts.get("status") == 404 or finding.facts.get("status") in GONE for finding in other)
    if is_gone and has_otlp:
        yield Finding("note", "rest", "http", "this server has no REST history API; 'auto' sends OTLP instead")
    elif is_gone or has_otlp:
        yield from (one for one in found if is_gone or one.step != "key")
    else:
        yield from found
    if is_gone or has_otlp:
        yield from other


def _run(probe: Probe, limit: float) -> Iterator[Finding]:
    """Send a probe and report what its response means: is the destination reachable, and does the key work."""
    try:
        response = send(probe, probe.keys, limit)
    except Unreachable as exc:
        yield unreachable(probe, exc, limit)
        return
    except Exception as exc:  # made before anything is sent: certificates, proxies
        yield not_sent(probe, exc)
        return
    finding = reached(probe, response)
    yield finding
    if response.status in http_status.KEY_REFUSED:
        yield key_refused(probe, response.status)
    elif finding.state == "ok" and probe.keys:
        yield _key_accepted(probe, response, limit)


def _key_accepted(probe: Probe, response: HttpResponse, limit: float) -> Finding:
    """Report a key that was not refused, after checking that a request without it is."""
    try:
        without_key = send(probe, {}, limit).status
    except Unreachable:
        without_key = response.status
    if without_key in http_status.KEY_REFUSED:
        return Finding("ok", probe.wire, "key", f"the key works (without it: HTTP {without_key})")
    return Finding("note", probe.wire, "key", "the key was not refused, but neither is a request without one",
                   f"if you expect the server to check keys, see {probe.setting}")  # fmt: skip
