"""Why a destination gave no response, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final, TypeAlias

from voltagent.cli.doctor.finding import Finding
from voltagent.cli.doctor.probes import LOOKUP_HANGS, NO_HANDSHAKE, Probe
from voltagent.errors import ValidationError
from voltagent.exporters.http import Unreachable, UnusableProxyError, proxy_place

_PROXIES: Final = "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"

Diagnosis: TypeAlias = tuple[str, str, str]  # step, text, advice


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an exception: httpx wraps the errors of the operating system."""
    cause = exc.__cause__ or exc.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def unreachable(probe: Probe, exc: Unreachable, limit: float) -> Finding:
    """Report why there was no response: a timeout, or the first known cause in the chain of exceptions."""
    proxy = proxy_place(probe.url)
    place, setting = (f"the proxy {proxy}", _PROXIES) if proxy else (probe.place, probe.setting)
    diagnosis = _out_of_time(place, setting, str(exc), limit)
    if diagnosis is None and str(exc).startswith("ProxyError"):
        diagnosis = (
            "connect",
            f"{place} does not allow connections to {probe.place}",
            f"check {_PROXIES} and NO_PROXY",
        )
    connecting = str(exc).startswith("ConnectError")  # TLS included
    for cause in _causes(exc):
        diagnosis = diagnosis or _diagnose_tls(probe, cause, connecting=connecting)
        diagnosis = diagnosis or _diagnose(place, setting, cause, connecting=connecting)
    step, text, advice = diagnosis or (
        "http",
        f"{place} was reached, but closed the connection or does not speak HTTP",
        f"check scheme and port in {setting}: another service may use this port",
    )
    return Finding("wrong", probe.wire, step, text, advice)


def _out_of_time(place: str, setting: str, text: str, limit: float) -> Diagnosis | None:
    """Explain what took too long: the lookup, the connection, the handshake or the response."""
    if text == LOOKUP_HANGS:
        text = f"looking up the name of {place} took longer than {limit:g} s"
        return "dns", text, "check the name server and the network of this machine"
    if text == NO_HANDSHAKE:
        return "tls", f"{place} was reached, but the TLS handshake timed out", f"does it speak TLS? check {setting}"
    if text.startswith("ConnectTimeout"):
        advice = f"check host and port in {setting}, and firewall, VPN and proxy"
        return "connect", f"no connection to {place}: it timed out", advice
    if text.startswith("ReadTimeout"):
        advice = f"it may be overloaded, or another service uses this port: check {setting}"
        return "http", f"{place} was reached, but did not respond within {limit:g} s", advice
    return None


def _diagnose_tls(probe: Probe, cause: BaseException, *, connecting: bool) -> Diagnosis | None:
    """Explain why a TLS handshake failed; ``None`` if the cause is another."""
    place = probe.place  # not the proxy: TLS passes through it
    if isinstance(cause, ssl.SSLCertVerificationError):
        which = "OTEL_EXPORTER_OTLP_CERTIFICATE" if probe.wire == "otlp" else "SSL_CERT_FILE"
        advice = f"if a proxy or your own certificate authority issued it, set {which} to the file of that authority"
        return "tls", f"the certificate of {place} is not trusted: {cause.verify_message}", advice
    if isinstance(cause, ssl.SSLError) and "CERTIFICATE_REQUIRED" in (cause.reason or ""):
        advice = "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and …_CLIENT_KEY, or pass an http_client"
        return "tls", f"{place} requires a client certificate", advice
    hung_up = connecting and isinstance(cause, ConnectionResetError | BrokenPipeError | ConnectionAbortedError)
    if isinstance(cause, ssl.SSLError) or (hung_up and probe.url.startswith("https:")):
        text = f"{place} was reached, but the TLS handshake failed ({_system_text(cause)})"
        return "tls", text, f"if it speaks plain HTTP, use http:// in {probe.setting}"
    return None


def _diagnose(place: str, setting: str, cause: BaseException, *, connecting: bool) -> Diagnosis | None:
    """Explain why there is no connection; ``None`` if the cause is another."""
    if isinstance(cause, socket.gaierror | UnicodeError):
        text = f"the name of {place} cannot be looked up ({_system_text(cause)})"
        return "dns", text, f"check its spelling in {setting}, and the network of this machine"
    if isinstance(cause, ConnectionRefusedError):
        advice = f"start the server, or check host and port in {setting}"
        return "connect", f"nothing listens at {place}: the connection was refused", advice
    if isinstance(cause, OSError) and connecting:
        text = f"{place} cannot be reached ({_system_text(cause)})"
        return "connect", text, "check the network of this machine, and the proxy if there is one"
    return None


def not_sent(probe: Probe, exc: Exception) -> Finding:
    """Explain why a request could not be prepared."""
    # without the message of the exception, which may quote a proxy's URL with its password
    kind = type(exc).__name__
    if isinstance(exc, UnusableProxyError):
        return Finding("wrong", probe.wire, "value", str(exc), f"check {_PROXIES}")
    if isinstance(exc, ValidationError):
        return Finding("wrong", probe.wire, "tls", str(exc), "check the files in these settings")
    return Finding("wrong", probe.wire, "value", f"a request to {probe.place} cannot be prepared ({kind})",
                   f"check {probe.setting}, and {_PROXIES}")  # fmt: skip


def _system_text(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLError) and exc.reason:
        return exc.reason
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
