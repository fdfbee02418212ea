"""Health checks for `voltagent doctor`: one harmless request per destination.

REST gets a change of a trace that cannot exist (nothing has the nil UUID, RFC 9562 section 5.9): a server that accepts
the keys answers 404, else 401. OTLP gets an empty request, which its specification allows. If keys were sent and not
refused, the same request without them shows whether the server checks keys.
"""

from __future__ import annotations

import gzip
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from voltagent import settings as _settings
from voltagent.cli.arguments import exists
from voltagent.core import clock
from voltagent.errors import ValidationError
from voltagent.exporters import http_status
from voltagent.exporters.calls import PendingRequest
from voltagent.exporters.http import (
    Certificates,
    HttpDestination,
    HttpResponse,
    Unreachable,
    UnusableProxyError,
    proxy_place,
)
from voltagent.records.reading import open_store
from voltagent.settings import Otlp, Settings
from voltagent.storage.file import StoreError
from voltagent.wire.otlp.encode import ENCODINGS, resource_message

_NIL_TRACE: Final = "00000000-0000-0000-0000-000000000000"
_PROXIES: Final = "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
_LOOKUP_HANGS: Final = "looking up the name hangs"
_NO_HANDSHAKE: Final = "TLS was not agreed on in time"
_GRACE: Final = 0.3  # seconds in which a request whose connection was cut must be over
_PLATFORM_KEYS: Final = frozenset(("x-public-key", "x-secret-key"))
_GONE: Final = http_status.NO_ROUTE - {404} | {410}  # 404 may also mean that the object of a request is unknown


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    ``state`` is ``ok``, ``note`` (worth knowing) or ``wrong``; ``subject`` a destination, or ``settings``; ``step``
    how far it got: ``dns``, ``connect``, ``tls``, ``http``, ``key``, ``file``, or ``value``.
    """

    state: str
    subject: str
    step: str
    text: str
    advice: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


_Diagnosis: TypeAlias = tuple[str, str, str]  # step, text, advice


@dataclass(frozen=True, slots=True)
class _Question:
    wire: str
    url: str  # of the API
    setting: str  # that names it
    keys: Mapping[str, str] = field(repr=False)  # and all other headers of the user's
    headers: Mapping[str, str]
    method: str
    path: str
    body: bytes
    certificates: Certificates | None = None

    @property
    def place(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def check(settings: Settings, limit: float) -> Iterator[Finding]:
    """Look at each destination of the settings; ``limit`` is seconds for one request. Takes no exception to report."""
    for name in settings.exporter:
        if name == "local":
            yield _store(settings.local_path)
        elif name == "none":
            yield Finding("note", "none", "value", "the exporter is 'none': nothing is recorded")
        elif name == "rest":
            yield from _probe(_rest(settings), limit)
        elif name == "otlp" and settings.otlp is not None:
            yield from _probe(_otlp(settings.otlp, settings), limit)
        elif name == "auto":
            yield from _auto(settings, limit)


def shown_url(url: str) -> str:
    """Return a URL with ``…`` in the place of what may be secret in it."""
    try:
        urlsplit(url)
    except ValueError:  # a redirect may name anything
        return "…"
    return _settings.shown_url(url, "…")


# ------------------------------------------------------------------------------------------------------ the questions


def _rest(settings: Settings) -> _Question:
    keys = {"x-public-key": settings.public_key or "", "x-secret-key": settings.secret_key or ""}
    return _Question(
        wire="rest",
        url=settings.base_url,
        setting="base_url (VOLTAGENT_BASE_URL)",
        keys={**(settings.headers or {}), **{name: key for name, key in keys.items() if key}},
        headers={"content-type": "application/json"},
        method="PATCH",
        path=f"/history/{_NIL_TRACE}",
        body=b"{}",
    )


def _otlp(given: Otlp, settings: Settings) -> _Question:
    parts = urlsplit(given.endpoint)
    encoding = ENCODINGS[given.protocol]
    body = encoding.request((), resource_message({"service.name": "voltagent", **given.resource}), {})
    packed = {"content-encoding": "gzip"} if given.compression == "gzip" else {}
    to_platform = given.endpoint.startswith(settings.base_url)
    return _Question(
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


def _auto(settings: Settings, limit: float) -> Iterator[Finding]:
    """The platform by either wire: OTLP is tried only if the answer of REST leaves the question open."""
    found = list(_probe(_rest(settings), limit))
    statuses = {finding.facts.get("status") for finding in found}
    is_gone = bool(statuses & _GONE)
    if settings.platform_otlp is None or not (is_gone or (404 in statuses and found[-1].state == "note")):
        yield from found
        return
    other = list(_probe(_otlp(settings.platform_otlp, settings), limit))
    has_otlp = not any(finding.facts.get("status") == 404 or finding.facts.get("status") in _GONE for finding in other)
    if is_gone and has_otlp:
        yield Finding("note", "rest", "http", "this server has no REST history API; 'auto' sends OTLP instead")
    elif is_gone or has_otlp:
        yield from (one for one in found if is_gone or one.step != "key")
    else:
        yield from found
    if is_gone or has_otlp:
        yield from other


def _probe(question: _Question, limit: float) -> Iterator[Finding]:
    """Ask, and say what the answer means: whether it can be reached, and whether the key works."""
    try:
        answer = _answer(question, question.keys, limit)
    except Unreachable as exc:
        yield _unreachable(question, exc, limit)
        return
    except Exception as exc:  # made before anything is sent: certificates, proxies
        yield _unprepared(question, exc)
        return
    reached = _reached(question, answer)
    yield reached
    if answer.status in http_status.KEY_REFUSED:
        yield _key_refused(question, answer.status)
    elif reached.state == "ok" and question.keys:
        yield _key_taken(question, answer, limit)


def _answer(question: _Question, keys: Mapping[str, str], limit: float) -> HttpResponse:
    """Send the question on a thread that can be left: a name look-up has no limit of its own."""
    ours = {name: key for name, key in keys.items() if name in _PLATFORM_KEYS}
    headers = {**question.headers, **ours}
    destination = HttpDestination(question.url, headers, extra=keys, timeout=limit, certificates=question.certificates)
    line = destination.line()
    call = PendingRequest(line, question.method, question.path, question.body, clock.monotonic() + limit)
    call.start("voltagent-doctor")
    in_time = call.done.wait(limit + _GRACE)  # httpx has limits of its own, and explains better what was late
    if not in_time:
        line.cut()
        if not call.done.wait(_GRACE):
            raise Unreachable(_LOOKUP_HANGS)
    try:
        return call.result()
    except Unreachable as exc:
        if line.connected and str(exc).startswith("ConnectTimeout"):
            exc = Unreachable(_NO_HANDSHAKE)
        raise exc if in_time or str(exc).startswith("Connect") else Unreachable("ReadTimeout") from None
    finally:
        line.close()


# ------------------------------------------------------------------------------------------------------- no answer


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Return the causes of an exception: httpx wraps the errors of the operating system."""
    cause = exc.__cause__ or exc.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _unreachable(question: _Question, exc: Unreachable, limit: float) -> Finding:
    """Why no answer came: out of time, or what is at the bottom of the exception chain."""
    proxy = proxy_place(question.url)
    place, setting = (f"the proxy {proxy}", _PROXIES) if proxy else (question.place, question.setting)
    diagnosis = _out_of_time(place, setting, str(exc), limit)
    if diagnosis is None and str(exc).startswith("ProxyError"):
        diagnosis = (
            "connect",
            f"{place} does not allow connections to {question.place}",
            f"check {_PROXIES} and NO_PROXY",
        )
    connecting = str(exc).startswith("ConnectError")  # TLS included
    for cause in _causes(exc):
        diagnosis = diagnosis or _diagnose_tls(question, cause, connecting=connecting)
        diagnosis = diagnosis or _diagnose(place, setting, cause, connecting=connecting)
    step, text, advice = diagnosis or (
        "http",
        f"{place} was reached, but hung up, or what it speaks is not HTTP",
        f"check scheme and port in {setting}: something else may listen there",
    )
    return Finding("wrong", question.wire, step, text, advice)


def _out_of_time(place: str, setting: str, text: str, limit: float) -> _Diagnosis | None:
    if text == _LOOKUP_HANGS:
        text = f"looking up the name of {place} took longer than {limit:g} s"
        return "dns", text, "check this machine's name server and network"
    if text == _NO_HANDSHAKE:
        return "tls", f"{place} was reached, but TLS was not agreed on in time", f"does it speak TLS? check {setting}"
    if text.startswith("ConnectTimeout"):
        advice = f"check host and port in {setting}, and firewall, VPN and proxy"
        return "connect", f"no connection to {place} in time: no answer", advice
    if text.startswith("ReadTimeout"):
        advice = f"it may be overloaded, or something else listens there: check {setting}"
        return "http", f"{place} was reached, but gave no answer within {limit:g} s", advice
    return None


def _diagnose_tls(question: _Question, cause: BaseException, *, connecting: bool) -> _Diagnosis | None:
    place = question.place  # also where a proxy stands between: TLS goes through it
    if isinstance(cause, ssl.SSLCertVerificationError):
        which = "OTEL_EXPORTER_OTLP_CERTIFICATE" if question.wire == "otlp" else "SSL_CERT_FILE"
        advice = f"if a proxy or an authority of your own issues certificates, name its file in {which}"
        return "tls", f"the certificate of {place} is not trusted: {cause.verify_message}", advice
    if isinstance(cause, ssl.SSLError) and "CERTIFICATE_REQUIRED" in (cause.reason or ""):
        advice = "name its files in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and …_CLIENT_KEY, or pass an http_client"
        return "tls", f"{place} wants a certificate of ours", advice
    hung_up = connecting and isinstance(cause, ConnectionResetError | BrokenPipeError | ConnectionAbortedError)
    if isinstance(cause, ssl.SSLError) or (hung_up and question.url.startswith("https:")):
        text = f"{place} was reached, but does not speak TLS as we do ({_system_text(cause)})"
        return "tls", text, f"if it speaks plain HTTP, write http:// in {question.setting}"
    return None


def _diagnose(place: str, setting: str, cause: BaseException, *, connecting: bool) -> _Diagnosis | None:
    if isinstance(cause, socket.gaierror | UnicodeError):
        text = f"the name of {place} cannot be looked up ({_system_text(cause)})"
        return "dns", text, f"check how it is spelt in {setting}, and this machine's network"
    if isinstance(cause, ConnectionRefusedError):
        advice = f"start the server, or check host and port in {setting}"
        return "connect", f"nothing listens at {place}: the connection was refused", advice
    if isinstance(cause, OSError) and connecting:
        text = f"{place} cannot be reached ({_system_text(cause)})"
        return "connect", text, "check this machine's network, and the proxy if there is one"
    return None


def _unprepared(question: _Question, exc: Exception) -> Finding:
    # without the text of the exception: it may quote a proxy's URL with its password
    kind = type(exc).__name__
    if isinstance(exc, UnusableProxyError):
        return Finding("wrong", question.wire, "value", str(exc), f"check {_PROXIES}")
    if isinstance(exc, ValidationError):
        return Finding("wrong", question.wire, "tls", str(exc), "check the files that these name")
    return Finding("wrong", question.wire, "value", f"no request to {question.place} can be made ({kind})",
                   f"check {question.setting}, and {_PROXIES}")  # fmt: skip


def _system_text(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLError) and exc.reason:
        return exc.reason
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__


# --------------------------------------------------------------------------------------------------- what it answered


def _reached(question: _Question, answer: HttpResponse) -> Finding:
    """Whether an answer is one that a working destination gives."""
    status = answer.status
    url = shown_url(question.url + question.path) if question.wire == "otlp" else shown_url(question.url)
    text = f"{url} answers HTTP {status}"
    exc = _error_of(question, answer)
    if exc is not None:
        return Finding("wrong", question.wire, "http", f"{text}: {exc[0]}", exc[1], {"status": status})
    if status == 429:
        text += ": it asks to send less for now"
    return Finding("note" if status == 429 else "ok", question.wire, "http", text, facts={"status": status})


def _error_of(question: _Question, answer: HttpResponse) -> tuple[str, str] | None:
    """What is wrong with an answer, and what to do; ``None`` where nothing is, or only the key."""
    status = answer.status
    if (status >= 500 and status not in _GONE) or status in http_status.RETRIED["rest"] - {429}:
        return "the server reports an error", "try again later, or ask its operator"
    if 300 <= status < 400:
        to = shown_url(answer.headers.get("location", ""))[:200]
        return f"it sends us on to {to}", f"redirects are not followed: put the final address into {question.setting}"
    if status == 407:
        return "the proxy wants a password", "put it into HTTPS_PROXY or HTTP_PROXY"
    if question.wire == "rest":
        no_api = "there is no REST history API", "set VOLTAGENT_EXPORTER=auto, which finds the wire, or otlp"
        return no_api if status in _GONE else None
    if status == 415:
        return "it does not take this protocol", "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json"
    not_found = "no service takes traces at this path", f"the path usually ends in /v1/traces: check {question.setting}"
    return not_found if status == 404 or status in _GONE else None


def _key_refused(question: _Question, status: int) -> Finding:
    facts = {"status": status}
    which = "VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY"
    if not _PLATFORM_KEYS & set(question.keys):
        which = "OTEL_EXPORTER_OTLP_HEADERS" if question.wire == "otlp" else which
    if not question.keys:
        return Finding("wrong", question.wire, "key", f"the server wants a key (HTTP {status}), and none is set",
                       f"set {which}", facts)  # fmt: skip
    if status == 401:
        return Finding("wrong", question.wire, "key", "the key is not known there (HTTP 401)",
                       f"check {which}: both from one project, copied whole", facts)  # fmt: skip
    return Finding("wrong", question.wire, "key", "the key is not allowed to record there (HTTP 403)",
                   f"check what the key in {which} may do; a firewall or proxy may also answer so", facts)  # fmt: skip


def _key_taken(question: _Question, answer: HttpResponse, limit: float) -> Finding:
    """Report a key that was not refused, after checking that a request without it is."""
    try:
        stranger = _answer(question, {}, limit).status
    except Unreachable:
        stranger = answer.status
    if stranger in http_status.KEY_REFUSED:
        return Finding("ok", question.wire, "key", f"the key works (without it: HTTP {stranger})")
    return Finding("note", question.wire, "key", "the key was not refused, but neither is a request without one",
                   f"if that surprises you, check {question.setting}")  # fmt: skip


# -------------------------------------------------------------------------------------------------------- local store


def _store(path: Path) -> Finding:
    """The state of the local store. Opening it for reading changes nothing."""
    path = path.absolute()
    facts: dict[str, object] = {"path": str(path), "exists": exists(path), "writable": _is_writable(path)}
    exc, advice = "", "give yourself the right to write there, or name another file with VOLTAGENT_LOCAL_PATH"
    if exists(path):
        facts["bytes"] = sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if exists(part))
        store = open_store(path)
        try:
            facts["traces"], facts["schema"] = store.extent()
        except StoreError as problem:
            exc, advice = str(problem), "name another file with VOLTAGENT_LOCAL_PATH, or move this one away"
        finally:
            store.close()
    if not exc and not facts["writable"]:
        exc = f"{path} cannot be written"
    if exc:
        return Finding("wrong", "local", "file", exc, advice, facts)
    if not exists(path):
        return Finding("ok", "local", "file", f"{path} is not there yet; the first record makes it", facts=facts)
    count = "1 trace" if facts["traces"] == 1 else f"{facts['traces']} traces"
    text = f"{path} holds {count} in {_size(facts['bytes'])} (schema {facts['schema']}) and can be written"
    return Finding("ok", "local", "file", text, facts=facts)


def _is_writable(path: Path) -> bool:
    """Whether the file, or what has to be made for it, can be written by us."""
    if exists(path):
        return path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    above = next(folder for folder in path.parents if exists(folder))
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)


def _size(count: object) -> str:
    kib = int(str(count)) / 1024
    return f"{kib:.0f} KiB" if kib < 1024 else f"{kib / 1024:.1f} MiB"
