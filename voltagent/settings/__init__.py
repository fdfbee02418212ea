"""Configuration: a constructor argument, else the environment, else a default. The only reader of ``os.environ``.

:func:`load` validates everything once. What is wrong raises :class:`voltagent.ValidationError`, with the setting named.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from voltagent.core.naming import nearest
from voltagent.errors import ValidationError
from voltagent.settings import parsers

DEFAULT_BASE_URL: Final = "https://api.voltagent.dev"
INSTRUMENTS: Final = ("openai", "anthropic", "google-genai", "concurrent.futures", "threading", "multiprocessing")
BAGGAGE: Final = ("user_id", "conversation_id", "tags")
EXPORTERS: Final = ("auto", "rest", "otlp", "local", "none")
PROFILES: Final = ("voltops", "genai", "openinference", "langfuse")
_PLATFORM_TRACES: Final = "/api/public/otel/v1/traces"  # where the platform takes OTLP, under its base URL
_LOOPBACK: Final = ("localhost", "::1")
_LOOPBACK_NET: Final = re.compile(r"127(\.[0-9]{1,3}){3}")  # all of it is this machine (RFC 6890)


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
    certificate: Path | None = None  # files in PEM form: whom to trust, and who we are
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
        raise TypeError("voltagent settings hold the secret key and cannot be pickled; pass the keys by environment")


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


def _otel(what: str) -> tuple[str, str]:
    """OpenTelemetry's two variables for one thing: the one for traces wins."""
    return f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"


# setting -> (environment variable or None, reader)
_READERS: Final[Mapping[str, tuple[str | None, parsers.Reader]]] = {
    "base_url": ("VOLTAGENT_BASE_URL", parsers.url),
    "public_key": ("VOLTAGENT_PUBLIC_KEY", parsers.header_text),
    "secret_key": ("VOLTAGENT_SECRET_KEY", parsers.secret_key),
    "exporter": ("VOLTAGENT_EXPORTER", parsers.names(EXPORTERS)),
    "local_path": ("VOLTAGENT_LOCAL_PATH", parsers.path),
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
_OTLP_READERS: Final[Mapping[str, tuple[tuple[str, ...], parsers.Reader]]] = {
    "otlp_endpoint": (_otel("ENDPOINT"), parsers.otlp_endpoint),
    "otlp_headers": (_otel("HEADERS"), parsers.headers),
    "otlp_protocol": (_otel("PROTOCOL"), parsers.otlp_protocol),
    "otlp_compression": (_otel("COMPRESSION"), parsers.one_of("none", "gzip")),
    "otlp_timeout": (_otel("TIMEOUT"), parsers.otlp_timeout),
    "otlp_certificate": (_otel("CERTIFICATE"), parsers.file),
    "otlp_client_certificate": (_otel("CLIENT_CERTIFICATE"), parsers.file),
    "otlp_client_key": (_otel("CLIENT_KEY"), parsers.file),
}
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"

# ------------------------------------------------------------------------------------------------------- all of them


def load(arguments: Mapping[str, object] | None = None) -> Settings:
    """The settings from constructor arguments, then the environment, then the defaults.

    An argument that is ``None`` counts as not given, and so does an environment variable that is empty.

    Raises:
        TypeError: an argument no setting has, with the nearest name.
        ValidationError: a value that does not fit, or one key without the other; the text names the setting.
    """
    arguments = arguments or {}
    refuse_unknown(arguments, {**_READERS, **_OTLP_READERS, "resource": None})
    values: dict[str, Any] = {}
    origin = dict.fromkeys(_READERS, "default")
    for name, (variable, reader) in _READERS.items():
        if arguments.get(name) is not None:
            values[name], origin[name] = reader(name, arguments[name]), "argument"
        elif variable is not None and os.environ.get(variable, "").strip():
            values[name], origin[name] = reader(variable, os.environ[variable]), "environment"
    if "service_name" not in values and os.environ.get("OTEL_SERVICE_NAME", "").strip():
        values["service_name"], origin["service_name"] = os.environ["OTEL_SERVICE_NAME"].strip(), "environment"
    warnings = [
        *misspelt_variables(),
        *_switched_off(values, origin),
        *_complete(values, origin),
        *_unused(arguments, values["exporter"]),
    ]
    given = parsers.attributes("resource", "" if arguments.get("resource") is None else arguments["resource"])
    if "otlp" in values["exporter"]:
        read = {name: _read_otlp(name, arguments, origin) for name in _OTLP_READERS}
        values["otlp"] = _otlp(read, _resource(_from_variable(warnings), given, values, origin), values)
    if "auto" in values["exporter"]:
        values["platform_otlp"] = _otlp(dict.fromkeys(_OTLP_READERS), _resource({}, given, values, origin), values)
    return Settings(**values, warnings=tuple(warnings), origin=origin)


def refuse_unknown(
    given: Mapping[str, object], known: Mapping[str, object] | Sequence[str], what: str = "setting"
) -> None:
    """Raise a ``TypeError`` for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {near!r}?" if near else f"; known are {', '.join(sorted(known))}"
            raise TypeError(f"unknown {what} {name!r}{hint}")


def misspelt_variables() -> list[str]:
    """Warnings about variables of the environment that look like ours and are not: they have no effect."""
    known = {variable for variable, _ in _READERS.values() if variable is not None}
    return [_misspelt(name, known) for name in sorted(os.environ) if _looks_like_ours(name) and name not in known]


def _looks_like_ours(name: str) -> bool:
    return name.upper().startswith(("VOLTAGENT_", "VOLT_AGENT_", "VOLTAGNET_", "VOLTAGENTS_"))


def _misspelt(name: str, known: Collection[str]) -> str:
    """A warning that names the nearest known variable, compared without what all of them begin with."""
    suffixes = {variable.removeprefix(_PREFIX): variable for variable in known}
    suffix = re.sub(r"^VOLT_?A?GE?N?E?TS?_", "", name.upper())
    near = suffix if suffix in suffixes else nearest(suffix, suffixes)
    hint = f"did you mean {suffixes[near]}?" if near else "docs/settings.md lists those that are read"
    return f"the variable {name} is unknown and has no effect; {hint}"


_PREFIX: Final = "VOLTAGENT_"


def _switched_off(values: dict[str, Any], origin: dict[str, str]) -> tuple[str, ...]:
    """Heed OpenTelemetry's switch, where ours was not set; only ``true`` counts, as its specification says."""
    word = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower()
    if "enabled" in values or word in ("", "false"):
        return ()
    if word != "true":
        return ("OTEL_SDK_DISABLED is neither true nor false, and counts as false",)
    values["enabled"], origin["enabled"] = False, "environment"
    return ()


def _unused(arguments: Mapping[str, object], exporter: Sequence[str]) -> list[str]:
    """Return warnings about settings of a protocol that is not in use: they have no effect."""
    if "otlp" in exporter:
        return []
    unused = [name for name in _OTLP_READERS if arguments.get(name) is not None]
    if arguments.get("resource") is not None and "auto" not in exporter:
        unused.append("resource")
    return [f"{name} is set, but exporter 'otlp' is not: it has no effect" for name in unused]


def _complete(values: dict[str, Any], origin: Mapping[str, str]) -> tuple[str, ...]:
    """Fill in what follows from other settings: the destination, and where files are."""
    values.setdefault("local_path", default_local_path())
    if isinstance(values.get("spool"), bool):
        values["spool"] = default_spool_path() if values["spool"] else None
    keys = [name for name in ("public_key", "secret_key") if name in values]
    if len(keys) == 1:
        missing = "secret_key" if keys == ["public_key"] else "public_key"
        raise ValidationError(f"{missing} is missing: {keys[0]} was given without it (also as {_READERS[missing][0]})")
    if "exporter" in values:
        if (
            {"rest", "auto"} & set(values["exporter"])
            and not keys
            and not is_loopback(values.get("base_url", DEFAULT_BASE_URL))
        ):
            raise ValidationError(
                "exporter 'rest' needs public_key and secret_key (also as VOLTAGENT_PUBLIC_KEY and …_SECRET_KEY)"
            )
        return ()
    loopback = is_loopback(values.get("base_url", ""))
    values["exporter"] = ("auto",) if keys else ("rest",) if loopback else ("local",)
    if values["exporter"] == ("local",) and origin["base_url"] != "default":
        return ("base_url is set but no keys are: recording goes to the local store; set public_key and secret_key",)
    return ()


def _otlp(read: Mapping[str, Any], resource: Mapping[str, str], settings: Mapping[str, Any]) -> Otlp:
    """The settings of the OTLP wire: to the platform where there are keys and no endpoint, else to the endpoint."""
    names = (("x-public-key", "public_key"), ("x-secret-key", "secret_key"))
    keys = {header: settings[name] for header, name in names if name in settings}
    to_platform = read["otlp_endpoint"] is None and bool(keys)
    platform = settings.get("base_url", DEFAULT_BASE_URL) + _PLATFORM_TRACES
    return Otlp(
        endpoint=platform if to_platform else read["otlp_endpoint"] or "http://localhost:4318/v1/traces",
        headers={**(read["otlp_headers"] or {}), **(keys if to_platform else {})},  # keys go to their own origin only
        protocol=read["otlp_protocol"] or ("http/json" if to_platform else "http/protobuf"),
        compression=read["otlp_compression"] or "none",
        timeout=read["otlp_timeout"] or settings.get("timeout", 10.0),
        profiles=settings.get("profiles") or (("voltops",) if to_platform else ("genai",)),
        resource=resource,
        certificate=read["otlp_certificate"],
        client_certificate=read["otlp_client_certificate"],
        client_key=read["otlp_client_key"],
    )


def _resource(
    from_variable: Mapping[str, str], given: Mapping[str, str], values: Mapping[str, Any], origin: Mapping[str, str]
) -> Mapping[str, str]:
    """What the spans come from: arguments over the environment, and in each the settings over the attributes."""

    def described(source: str) -> dict[str, str]:
        pairs = [(key, values.get(name)) for key, name in _DESCRIBED if origin[name] == source]
        return {key: value for key, value in pairs if value}

    return {**from_variable, **described("environment"), **given, **described("argument")}


_DESCRIBED: Final = (
    ("service.name", "service_name"),
    ("environment", "environment"),  # Langfuse and the platform
    ("deployment.environment.name", "environment"),  # OpenTelemetry's conventions
)


def _from_variable(warnings: list[str]) -> Mapping[str, str]:
    """Return the attributes of the environment; none if it is malformed, as often another program has set it."""
    try:
        return parsers.attributes(_RESOURCE, os.environ.get(_RESOURCE, ""))
    except ValidationError as exc:
        warnings.append(f"{exc}; all of it is left out")
        return {}


def _read_otlp(name: str, arguments: Mapping[str, object], origin: dict[str, str]) -> Any:
    variables, reader = _OTLP_READERS[name]
    if arguments.get(name) is not None:
        origin[name] = "argument"
        return reader(name, arguments[name])
    for variable in variables:
        if os.environ.get(variable, "").strip():
            origin[name] = "environment"
            return reader(variable, os.environ[variable])
    return None


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"//[^/@]*@", "//", url, count=1)


_OF_NETWORK: Final = frozenset(("ssl_cert_file", "ssl_cert_dir", "sslkeylogfile"))


def network_environment() -> tuple[tuple[str, str], ...]:
    """The variables that say how to reach a network: of proxies and of certificates."""
    found = ((name.lower(), value) for name, value in os.environ.items())
    return tuple(sorted((name, value) for name, value in found if name.endswith("_proxy") or name in _OF_NETWORK))


def key_log_file() -> str | None:
    """The file that Python's ``ssl`` writes session keys to, if the environment names one."""
    return os.environ.get("SSLKEYLOGFILE") or None


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in _LOOPBACK or _LOOPBACK_NET.fullmatch(host) is not None


def names_destination() -> bool:
    """Whether the environment alone says where to record, so that decorators may start without a constructor call."""
    names = (
        "VOLTAGENT_PUBLIC_KEY",
        "VOLTAGENT_SECRET_KEY",
        "VOLTAGENT_EXPORTER",
        "VOLTAGENT_LOCAL_PATH",
        "VOLTAGENT_BASE_URL",
    )
    return any(os.environ.get(name, "").strip() for name in names)


def keys_are_in_environment() -> bool:
    """Whether the environment has both keys."""
    return all(os.environ.get(name, "").strip() for name in ("VOLTAGENT_PUBLIC_KEY", "VOLTAGENT_SECRET_KEY"))


def otlp_headers_are_in_environment() -> bool:
    """Whether the environment has headers for OTLP, which usually hold a key."""
    return any(os.environ.get(name, "").strip() for name in _otel("HEADERS"))


def debug_is_wanted() -> bool:
    """Whether the environment asks for the log, where there is no SDK whose setting it would be."""
    return _is_on("VOLTAGENT_DEBUG")


def quiet_is_wanted() -> bool:
    """Whether the environment asks for nothing on stderr, before or without an SDK whose setting it would be."""
    return _is_on("VOLTAGENT_QUIET")


def _is_on(variable: str) -> bool:
    try:
        return parsers.flag(variable, os.environ.get(variable, "").strip() or False)
    except ValidationError:
        return False


def colour_is_wanted() -> bool:
    """Whether the environment lets terminals have colours (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def pager() -> list[str]:
    """The command that long output goes through on a terminal; empty if the environment wants none."""
    given = os.environ.get("VOLTAGENT_PAGER", os.environ.get("PAGER"))
    try:
        command = shlex.split("less -FRX" if given is None else given)
    except ValueError:  # an open quotation mark
        return []
    return [] if command == ["cat"] else ["less", "-FRX"] if command == ["less"] else command


def local_path() -> Path:
    """Where the local store is, by the environment alone: what else is wrong there does not matter to its readers."""
    given = os.environ.get("VOLTAGENT_LOCAL_PATH", "").strip()
    return parsers.path("VOLTAGENT_LOCAL_PATH", given) if given else default_local_path()


def default_local_path() -> Path:
    """``voltagent/traces.db`` in the user's data folder.

    That is ``$XDG_DATA_HOME`` or ``~/.local/share`` (XDG Base Directory Specification), on Windows ``%LOCALAPPDATA%``,
    and without a home the folder for temporary files, under a name with the user's number.
    """
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        folder = os.environ.get(variable, "")
        if folder and Path(folder).is_absolute():  # the specification says to ignore a relative path
            return Path(folder) / "voltagent" / "traces.db"
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if home is not None and home.is_dir():
        return home / ".local" / "share" / "voltagent" / "traces.db"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"voltagent-{user}" / "traces.db"


def default_spool_path() -> Path:
    """The folder ``spool`` beside the default local store."""
    return default_local_path().with_name("spool")


def setting_names() -> tuple[str, ...]:
    """The names of all settings, for documents and ``voltagent doctor``."""
    return tuple(f.name for f in fields(Settings) if f.name in _READERS)
