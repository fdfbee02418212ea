"""The settings of an SDK in a form that another process can be handed: plain values, and neither keys nor headers."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json, to_json

from voltagent import settings
from voltagent.settings import Settings

Portable = dict[str, Any]

# Settings that are handed over as they were given to the constructor. Those from the environment are there as well.
_AS_GIVEN: Final = (
    *("auto_flush", "base_url", "capture_input", "capture_output", "debug", "environment", "flush_interval"),
    *("instrument", "max_retries", "otlp_compression", "otlp_endpoint", "otlp_protocol", "otlp_timeout", "profiles"),
    *("quiet", "retry_delay", "sample_rate", "service_name", "spool_size", "timeout", "baggage"),
)
_PATHS: Final = ("otlp_certificate", "otlp_client_certificate", "otlp_client_key")
_KEYS: Final = "VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY"
_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"


def portable(of: Settings, names: Sequence[str], given: Mapping[str, Any], options: Mapping[str, Any]) -> Portable:
    """Describe an SDK for another process.

    Args:
        of: its settings.
        names: its destinations; those that are objects of the program's cannot be handed over.
        given: the settings as the constructor got them.
        options: its further arguments: ``redact``, ``serializers`` and flags.
    """
    arguments: dict[str, Any] = {name: given[name] for name in _AS_GIVEN if given.get(name) is not None}
    arguments |= {name: str(Path(given[name]).absolute()) for name in _PATHS if given.get(name) is not None}
    if "base_url" in arguments:
        arguments["base_url"] = settings.without_credentials(str(arguments["base_url"]))
    if of.spool is not None:
        arguments["spool"] = str(of.spool.absolute())
    if of.prices is not None:
        arguments["prices"] = from_json(to_json(of.prices)) if isinstance(of.prices, Mapping) else str(of.prices)
    if given.get("resource") is not None:
        arguments["resource"] = dict(given["resource"])
    arguments["local_path"] = str(of.local_path.absolute())
    arguments |= {name: options[name] for name in ("keep_errors", "follow_parent") if options.get(name) is not None}
    needs = {name: _needs(of, name, given) for name in names if name != "none"}
    return {"arguments": arguments, "needs": needs, "pickled": _pickled(options)}


def _needs(of: Settings, name: str, given: Mapping[str, Any]) -> str:
    """Return the environment variables without which a destination would refuse what is sent."""
    if name in ("rest", "auto"):
        return "" if of.public_key is None else _KEYS
    if name == "otlp" and of.otlp is not None:
        if "x-secret-key" in of.otlp.headers:
            return _KEYS
        return _HEADERS if given.get("otlp_headers") else ""
    return ""


def _pickled(options: Mapping[str, Any]) -> dict[str, bytes | None]:
    """Return functions and objects of the program's, as bytes of their own; ``None`` for what cannot be pickled."""
    found: dict[str, bytes | None] = {}
    for name in ("redact", "serializers"):
        if options.get(name) is not None:
            try:
                found[name] = pickle.dumps(options[name])
            except Exception:
                found[name] = None
    return found


def usable(described: Portable) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments for an SDK in this process, and what to report about them.

    Destinations that need keys are left out if the environment has none. If redaction cannot be done as in the other
    process, inputs and outputs are not recorded.
    """
    reports: list[str] = []
    names: list[str] = []
    for name, variables in described["needs"].items():
        if variables and not _has(variables):
            reports.append(f"nothing is recorded to {name!r} in this process: set {variables} in its environment")
        else:
            names.append(name)
    arguments = {**described["arguments"], "exporter": names or "none"}
    for name, data in described["pickled"].items():
        try:
            arguments[name] = pickle.loads(data or b"")  # noqa: S301 - it came with a function that was unpickled too
        except Exception:  # noqa: PERF203 - there are two at most
            if name == "redact":
                arguments |= {"capture_input": False, "capture_output": False}
                reports.append("redact= cannot be pickled: inputs and outputs are not recorded in this process")
    return arguments, reports


def _has(variables: str) -> bool:
    return settings.keys_are_in_environment() if variables == _KEYS else settings.otlp_headers_are_in_environment()
