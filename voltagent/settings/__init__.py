"""Settings: a constructor argument, else the environment, else a default.

:func:`load` validates everything once. An invalid value raises :class:`voltagent.ValidationError`, naming the setting.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from voltagent.core.naming import nearest
from voltagent.errors import ValidationError
from voltagent.settings import environment, parsers
from voltagent.settings.environment import (
    certificate_places as certificate_places,
    colour_is_wanted as colour_is_wanted,
    debug_is_wanted as debug_is_wanted,
    default_local_path as default_local_path,
    default_spool_path as default_spool_path,
    key_log_file as key_log_file,
    keys_are_in_environment as keys_are_in_environment,
    local_path as local_path,
    names_destination as names_destination,
    network_environment as network_environment,
    otlp_headers_are_in_environment as otlp_headers_are_in_environment,
    pager as pager,
    quiet_is_wanted as quiet_is_wanted,
)
from voltagent.settings.model import (
    DEFAULT_BASE_URL as DEFAULT_BASE_URL,
    Arguments as Arguments,
    Otlp as Otlp,
    Settings as Settings,
)
from voltagent.settings.readers import (
    BAGGAGE as BAGGAGE,
    EXPORTERS as EXPORTERS,
    INSTRUMENTS as INSTRUMENTS,
    OTLP_READERS as OTLP_READERS,
    PROFILES as PROFILES,
    READERS as READERS,
)
from voltagent.settings.urls import (
    is_loopback as is_loopback,
    shown_url as shown_url,
    without_credentials as without_credentials,
)

# Arguments of the constructor of an SDK that are no settings.
CONSTRUCTOR_ONLY: Final = (
    "follow_parent",
    "http_client",
    "keep_errors",
    "otel_context",
    "redact",
    "sampler",
    "serializers",
    "transport",
)

_PLATFORM_TRACES: Final = "/api/public/otel/v1/traces"  # where the platform takes OTLP, under its base URL
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"
_PREFIX: Final = "VOLTAGENT_"
_DESCRIBED: Final = (
    ("service.name", "service_name"),
    ("environment", "environment"),  # Langfuse and the platform
    ("deployment.environment.name", "environment"),  # OpenTelemetry's conventions
)


def load(arguments: Mapping[str, object] | None = None) -> Settings:
    """Return the settings from constructor arguments, then the environment, then the defaults.

    An argument that is ``None`` counts as not given, and so does an environment variable that is empty.

    Raises:
        TypeError: an argument no setting has, with the nearest name.
        ValidationError: a value that does not fit, or one key without the other; the text names the setting.
    """
    arguments = arguments or {}
    _refuse_unknown(arguments, {**READERS, **OTLP_READERS, "resource": None})
    for name, value in arguments.items():
        if name != "prices":  # a table of all models is large, and is read as it is
            parsers.refuse_huge(name, value)
    values: dict[str, Any] = {}
    origin = dict.fromkeys(READERS, "default")
    for name, (variable, reader) in READERS.items():
        if arguments.get(name) is not None:
            values[name], origin[name] = reader(name, arguments[name]), "argument"
        elif variable is not None and environment.value(variable):
            values[name], origin[name] = reader(variable, environment.raw(variable)), "environment"
    if "service_name" not in values and environment.value("OTEL_SERVICE_NAME"):
        values["service_name"], origin["service_name"] = environment.value("OTEL_SERVICE_NAME"), "environment"
    warnings = [
        *misspelt_variables(),
        *_switched_off(values, origin),
        *_complete(values, origin),
        *_unused(arguments, values["exporter"]),
    ]
    given = parsers.attributes("resource", "" if arguments.get("resource") is None else arguments["resource"])
    if "otlp" in values["exporter"]:
        read = {name: _read_otlp(name, arguments, origin) for name in OTLP_READERS}
        values["otlp"] = _otlp(read, _resource(_from_variable(warnings), given, values, origin), values)
    if "auto" in values["exporter"]:
        values["platform_otlp"] = _otlp(dict.fromkeys(OTLP_READERS), _resource({}, given, values, origin), values)
    return Settings(**values, warnings=tuple(warnings), origin=origin)


def _refuse_unknown(given: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Raise a ``TypeError`` for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            names = (*known, *CONSTRUCTOR_ONLY)
            near = nearest(name, names)
            hint = f"; did you mean {near!r}?" if near else f"; known are {', '.join(sorted(names))}"
            raise TypeError(f"unknown setting {name!r}{hint}")


def misspelt_variables() -> list[str]:
    """Return warnings about variables of the environment that look like ours and are not: they have no effect."""
    known = {variable for variable, _ in READERS.values() if variable is not None}
    return [_misspelt(name, known) for name in environment.variables() if _looks_like_ours(name) and name not in known]


def _looks_like_ours(name: str) -> bool:
    return name.upper().startswith(("VOLTAGENT_", "VOLT_AGENT_", "VOLTAGNET_", "VOLTAGENTS_"))


def _misspelt(name: str, known: Collection[str]) -> str:
    """Return a warning that names the nearest known variable, compared without what all of them begin with."""
    suffixes = {variable.removeprefix(_PREFIX): variable for variable in known}
    suffix = re.sub(r"^VOLT_?A?GE?N?E?TS?_", "", name.upper())
    near = suffix if suffix in suffixes else nearest(suffix, suffixes)
    hint = f"did you mean {suffixes[near]}?" if near else "docs/settings.md lists those that are read"
    return f"the variable {name} is unknown and has no effect; {hint}"


def _switched_off(values: dict[str, Any], origin: dict[str, str]) -> tuple[str, ...]:
    """Heed OpenTelemetry's switch, where ours was not set; only ``true`` counts, as its specification says."""
    word = environment.value("OTEL_SDK_DISABLED").lower()
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
    unused = [name for name in OTLP_READERS if arguments.get(name) is not None]
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
        raise ValidationError(f"{missing} is missing: {keys[0]} was given without it (also as {READERS[missing][0]})")
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
    """Return the settings of the OTLP wire: to the platform if there are keys and no endpoint, else to the endpoint."""
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
    """Return what the spans come from: arguments over the environment, and in each the settings over the attributes."""

    def described(source: str) -> dict[str, str]:
        pairs = [(key, values.get(name)) for key, name in _DESCRIBED if origin[name] == source]
        return {key: value for key, value in pairs if value}

    return {**from_variable, **described("environment"), **given, **described("argument")}


def _from_variable(warnings: list[str]) -> Mapping[str, str]:
    """Return the attributes of the environment; none if it is malformed, as often another program has set it."""
    try:
        return parsers.attributes(_RESOURCE, environment.raw(_RESOURCE))
    except ValidationError as exc:
        warnings.append(f"{exc}; all of it is left out")
        return {}


def _read_otlp(name: str, arguments: Mapping[str, object], origin: dict[str, str]) -> Any:
    """Return a setting of OTLP from its argument, else the first of its variables that is set, and note which."""
    variables, reader = OTLP_READERS[name]
    if arguments.get(name) is not None:
        origin[name] = "argument"
        return reader(name, arguments[name])
    for variable in variables:
        if environment.value(variable):
            origin[name] = "environment"
            return reader(variable, environment.raw(variable))
    return None


def setting_names() -> tuple[str, ...]:
    """Return the names of all settings, for documents and ``voltagent doctor``."""
    return tuple(f.name for f in fields(Settings) if f.name in READERS)
