"""The table of settings: the environment variable of each, and the function that validates its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voltagent.settings import parsers

INSTRUMENTS: Final = ("openai", "anthropic", "google-genai", "concurrent.futures", "threading", "multiprocessing")
BAGGAGE: Final = ("user_id", "conversation_id", "tags")
EXPORTERS: Final = ("auto", "rest", "otlp", "local", "none")
PROFILES: Final = ("voltops", "genai", "openinference", "langfuse")


def otel_variables(what: str) -> tuple[str, str]:
    """Return OpenTelemetry's two variables for one thing: the one for traces wins."""
    return f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"


# setting -> (environment variable or None, reader)
READERS: Final[Mapping[str, tuple[str | None, parsers.Reader]]] = {
    "base_url": ("VOLTAGENT_BASE_URL", parsers.url),
    "public_key": ("VOLTAGENT_PUBLIC_KEY", parsers.header_text),
    "secret_key": ("VOLTAGENT_SECRET_KEY", parsers.secret_key),
    "exporter": ("VOLTAGENT_EXPORTER", parsers.names(EXPORTERS)),
    "local_path": ("VOLTAGENT_LOCAL_PATH", parsers.store),
    "spool": ("VOLTAGENT_SPOOL", parsers.switch_or_path),
    "spool_size": ("VOLTAGENT_SPOOL_SIZE", parsers.mebibytes),
    "enabled": ("VOLTAGENT_ENABLED", parsers.flag),
    "auto_flush": (None, parsers.flag),
    "flush_interval": ("VOLTAGENT_FLUSH_INTERVAL", parsers.seconds),
    "timeout": ("VOLTAGENT_TIMEOUT", parsers.seconds),
    "max_retries": ("VOLTAGENT_MAX_RETRIES", parsers.count),
    "retry_delay": (None, parsers.delay),
    "sample_rate": ("VOLTAGENT_SAMPLE_RATE", parsers.rate),
    "capture_input": ("VOLTAGENT_CAPTURE_INPUT", parsers.flag),
    "capture_output": ("VOLTAGENT_CAPTURE_OUTPUT", parsers.flag),
    "environment": ("VOLTAGENT_ENVIRONMENT", parsers.text),
    "service_name": ("VOLTAGENT_SERVICE_NAME", parsers.text),
    "instrument": ("VOLTAGENT_INSTRUMENT", parsers.switch_or_names(INSTRUMENTS)),
    "baggage": ("VOLTAGENT_BAGGAGE", parsers.names(BAGGAGE)),
    "debug": ("VOLTAGENT_DEBUG", parsers.flag),
    "quiet": ("VOLTAGENT_QUIET", parsers.flag),
    "prices": ("VOLTAGENT_PRICES", parsers.mapping_or_path),
    "headers": (None, parsers.headers),
    "profiles": ("VOLTAGENT_PROFILES", parsers.names(PROFILES)),
}
# Read only for the exporter "otlp": the program's own OpenTelemetry may be set up in ways that are not ours.
OTLP_READERS: Final[Mapping[str, tuple[tuple[str, ...], parsers.Reader]]] = {
    "otlp_endpoint": (otel_variables("ENDPOINT"), parsers.otlp_endpoint),
    "otlp_headers": (otel_variables("HEADERS"), parsers.headers),
    "otlp_protocol": (otel_variables("PROTOCOL"), parsers.otlp_protocol),
    "otlp_compression": (otel_variables("COMPRESSION"), parsers.one_of("none", "gzip")),
    "otlp_timeout": (otel_variables("TIMEOUT"), parsers.otlp_timeout),
    "otlp_certificate": (otel_variables("CERTIFICATE"), parsers.file),
    "otlp_client_certificate": (otel_variables("CLIENT_CERTIFICATE"), parsers.file),
    "otlp_client_key": (otel_variables("CLIENT_KEY"), parsers.file),
}
