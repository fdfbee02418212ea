"""The validated settings of an SDK, and the arguments that they come from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypedDict

DEFAULT_BASE_URL: Final = "https://api.voltagent.dev"


@dataclass(frozen=True, slots=True)
class Otlp:
    """How traces go out as OTLP. ``headers`` hold keys and are in no repr."""

    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    protocol: str
    compression: str
    timeout: float
    profiles: tuple[str, ...]
    resource: Mapping[str, str]
    certificate: Path | None = None  # files in PEM form: trusted authorities, and our own
    client_certificate: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The validated settings of one SDK. Times are in seconds."""

    base_url: str = DEFAULT_BASE_URL
    public_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    exporter: tuple[str, ...] = ("local",)
    local_path: Path = Path()
    spool: Path | None = None  # the folder; None: no spool
    spool_size: float = 256.0  # MiB
    enabled: bool = True
    auto_flush: bool = True
    flush_interval: float = 5.0
    timeout: float = 30.0
    max_retries: int = 3
    retry_delay: float = 1.0
    sample_rate: float = 1.0
    capture_input: bool = True
    capture_output: bool = True
    environment: str | None = None
    service_name: str | None = None
    instrument: tuple[str, ...] = ()
    baggage: tuple[str, ...] = ()
    debug: bool = False
    quiet: bool = False
    prices: Mapping[str, Any] | Path | None = field(default=None, repr=False)  # of models, or the file that has them
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    profiles: tuple[str, ...] = ()
    otlp: Otlp | None = None  # for the exporter "otlp"
    platform_otlp: Otlp | None = None  # for "auto", where the platform has moved on
    warnings: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict[str, str])

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "voltagent settings hold the secret key and cannot be pickled; pass the keys in environment variables"
        )


class Arguments(TypedDict, total=False):
    """The settings as a constructor takes them; ``None`` counts as not given."""

    base_url: str | None
    public_key: str | None
    secret_key: str | None
    local_path: str | os.PathLike[str] | None
    spool: bool | str | os.PathLike[str] | None
    spool_size: float | None
    enabled: bool | None
    auto_flush: bool | None
    flush_interval: float | None
    timeout: float | None
    max_retries: int | None
    retry_delay: float | None
    sample_rate: float | None
    capture_input: bool | None
    capture_output: bool | None
    environment: str | None
    service_name: str | None
    instrument: bool | str | Sequence[str] | None
    baggage: str | Sequence[str] | None
    debug: bool | None
    quiet: bool | None
    prices: Mapping[str, Mapping[str, Any]] | str | os.PathLike[str] | None
    headers: Mapping[str, str] | None
    profiles: str | Sequence[str] | None
    otlp_endpoint: str | None
    otlp_headers: str | Mapping[str, str] | None
    otlp_protocol: str | None
    otlp_compression: str | None
    otlp_timeout: float | None
    otlp_certificate: str | os.PathLike[str] | None
    otlp_client_certificate: str | os.PathLike[str] | None
    otlp_client_key: str | os.PathLike[str] | None
    resource: Mapping[str, str] | None
