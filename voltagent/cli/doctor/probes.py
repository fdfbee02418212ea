"""The requests of `voltagent doctor`, which store nothing.

REST gets a change of a trace that cannot exist (nothing has the nil UUID, RFC 9562 section 5.9): a server that accepts
the keys answers 404, else 401. OTLP gets an empty request, which its specification allows.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from voltagent.core import clock
from voltagent.exporters.calls import PendingRequest
from voltagent.exporters.http import Certificates, HttpDestination, HttpResponse, Unreachable
from voltagent.settings import Otlp, Settings
from voltagent.wire.otlp.encode import ENCODINGS, resource_message

_NIL_TRACE: Final = "00000000-0000-0000-0000-000000000000"
LOOKUP_HANGS: Final = "looking up the name hangs"
NO_HANDSHAKE: Final = "the TLS handshake timed out"
_GRACE: Final = 0.3  # seconds in which a request must end after its connection was cut
PLATFORM_KEYS: Final = frozenset(("x-public-key", "x-secret-key"))


@dataclass(frozen=True, slots=True)
class Probe:
    wire: str
    url: str  # of the API
    setting: str  # that sets it
    keys: Mapping[str, str] = field(repr=False)  # and all other headers that the user set
    headers: Mapping[str, str]
    method: str
    path: str
    body: bytes
    certificates: Certificates | None = None

    @property
    def place(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def rest_probe(settings: Settings) -> Probe:
    """Return a request that stores nothing: a change of a trace that cannot exist, without fields."""
    keys = {"x-public-key": settings.public_key or "", "x-secret-key": settings.secret_key or ""}
    return Probe(
        wire="rest",
        url=settings.base_url,
        setting="base_url (VOLTAGENT_BASE_URL)",
        keys={**(settings.headers or {}), **{name: key for name, key in keys.items() if key}},
        headers={"content-type": "application/json"},
        method="PATCH",
        path=f"/history/{_NIL_TRACE}",
        body=b"{}",
    )


def otlp_probe(given: Otlp, settings: Settings) -> Probe:
    """Return a request that stores nothing: one without spans."""
    parts = urlsplit(given.endpoint)
    encoding = ENCODINGS[given.protocol]
    body = encoding.request((), resource_message({"service.name": "voltagent", **given.resource}), {})
    packed = {"content-encoding": "gzip"} if given.compression == "gzip" else {}
    to_platform = given.endpoint.startswith(settings.base_url)
    return Probe(
        wire="otlp",
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        setting="base_url (VOLTAGENT_BASE_URL)" if to_platform else "otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)",
        keys=given.headers,
        headers={"content-type": encoding.content_type, **packed},
        method="POST",
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        body=gzip.compress(body, mtime=0) if packed else body,
        certificates=Certificates(given.certificate, given.client_certificate, given.client_key),
    )


def send(probe: Probe, keys: Mapping[str, str], limit: float) -> HttpResponse:
    """Send a probe and return the response.

    It runs on a thread that can be abandoned, because a name look-up has no timeout.

    Raises:
        Unreachable: there was no response.
    """
    ours = {name: key for name, key in keys.items() if name in PLATFORM_KEYS}
    headers = {**probe.headers, **ours}
    destination = HttpDestination(probe.url, headers, extra=keys, timeout=limit, certificates=probe.certificates)
    line = destination.line()
    call = PendingRequest(line, probe.method, probe.path, probe.body, clock.monotonic() + limit)
    call.start("voltagent-doctor")
    in_time = call.wait(limit + _GRACE)  # the timeouts of httpx come first: they explain better what took too long
    if not in_time:
        line.cut()
        if not call.wait(_GRACE):
            raise Unreachable(LOOKUP_HANGS)
    try:
        return call.result()
    except Unreachable as exc:
        if line.connected and str(exc).startswith("ConnectTimeout"):
            exc = Unreachable(NO_HANDSHAKE)
        raise exc if in_time or str(exc).startswith("Connect") else Unreachable("ReadTimeout") from None
    finally:
        line.close()
