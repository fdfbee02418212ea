"""The TLS context of a destination: whom it trusts, and a certificate of the client."""

from __future__ import annotations

import os
import ssl
from typing import NamedTuple

import httpx

from voltagent.errors import ValidationError
from voltagent.settings import certificate_places, key_log_file
from voltagent.settings.parsers import may_wait


class Certificates(NamedTuple):
    """Files in PEM form: trusted authorities (default: httpx's), and a client certificate with its key."""

    authorities: str | os.PathLike[str] | None = None
    client: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = None


def check_key_log() -> None:
    """Check the file for session keys separately: `ssl` would report a problem with it as one of a certificate."""
    path = key_log_file()
    if path is None:
        return
    try:
        if may_wait(path):  # a pipe that no program reads would be waited for: here that is an error
            os.close(os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = path
    except OSError as exc:
        raise ValidationError(f"the file in SSLKEYLOGFILE cannot be written: {exc.strerror}") from None


def _check_places() -> None:
    """Check what the environment names for all programs: a folder that is missing would just trust no server."""
    file, folders = certificate_places()
    if file is not None:
        if may_wait(file):
            raise ValidationError("SSL_CERT_FILE names a pipe or a device, and must name a file")
    elif folders and not any(map(os.path.isdir, folders)):
        raise ValidationError("SSL_CERT_DIR names no folder that exists, so that no server could be trusted")


def trusting(files: Certificates) -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities and presents the client certificate.

    Raises:
        ValidationError: a file cannot be used; the message names the setting.
    """
    check_key_log()
    name = "the file or folder of certificates that SSL_CERT_FILE or SSL_CERT_DIR names"
    try:
        if files.authorities is None:
            _check_places()
            context = httpx.create_ssl_context()
        else:
            name = "certificate (OTEL_EXPORTER_OTLP_CERTIFICATE)"
            context = ssl.create_default_context(cafile=files.authorities)
        if files.client is not None:
            name = "client_certificate or client_key (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and …_CLIENT_KEY)"
            context.load_cert_chain(files.client, files.client_key, password="")  # else it would prompt on the terminal
    except OSError as exc:
        why = (exc.reason if isinstance(exc, ssl.SSLError) else None) or exc.strerror
        raise ValidationError(
            f"{name} cannot be used: {why}; it must be in PEM format, with an unencrypted key"
        ) from None
    if files.client is None and files.client_key is not None:
        raise ValidationError(
            "client_key (OTEL_EXPORTER_OTLP_CLIENT_KEY) requires client_certificate (…_CLIENT_CERTIFICATE)"
        )
    return context
