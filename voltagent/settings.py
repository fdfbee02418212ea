"""Configuration: a constructor argument, else the environment, else a default. The only reader of ``os.environ``.

:func:`load` validates everything once. What is wrong raises :class:`voltagent.ValidationError`, with the setting named.
"""

from __future__ import annotations

import difflib
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypedDict, cast
from urllib.parse import urlsplit

from voltagent.errors import ValidationError

__all__ = ["EXPORTERS", "Settings", "default_local_path", "load", "names_destination"]

DEFAULT_BASE_URL: Final = "https://api.voltagent.dev"
EXPORTERS: Final = ("rest", "local", "none")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_TRUE: Final = frozenset(("1", "true", "yes", "on"))
_FALSE: Final = frozenset(("0", "false", "no", "off"))


@dataclass(frozen=True, slots=True)
class Settings:
    """The validated settings of one SDK. Times are in seconds."""

    base_url: str = DEFAULT_BASE_URL
    public_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    exporter: tuple[str, ...] = ("local",)
    local_path: Path = Path()
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
    debug: bool = False
    headers: Mapping[str, str] | None = field(default=None, repr=False)
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
    debug: bool | None
    headers: Mapping[str, str] | None


# ---------------------------------------------------------------------------------------------------- one value each


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def _header_text(name: str, value: object) -> str:
    text = _text(name, value).strip()
    if not text or not text.isascii() or not text.isprintable():
        # no repr here: the value may be a key
        raise ValidationError(f"{name} must be a printable ASCII text without line breaks; check how it was copied")
    return text


def _url(name: str, value: object) -> str:
    text = _text(name, value).strip()
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text):
        raise ValidationError(
            f"{name} is not a URL such as {DEFAULT_BASE_URL}; it needs http:// or https:// and a host"
        )
    return text.rstrip("/")


def _flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _wrong(name, value, "true or false (also 1/0, yes/no, on/off)")


def _number(name: str, value: object, *, least: float, most: float = math.inf) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, value, "a number") from None
    if not (least <= number <= most) or math.isinf(number):
        limits = f"at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise ValidationError(f"{name} must be {limits}, not {number:g}")
    return number


def _seconds(name: str, value: object) -> float:
    return _number(name, value, least=0.001, most=86_400)


def _delay(name: str, value: object) -> float:
    return _number(name, value, least=0, most=86_400)


def _count(name: str, value: object) -> int:
    number = _number(name, value, least=0, most=1_000_000)
    if not number.is_integer():
        raise _wrong(name, value, "a whole number")
    return int(number)


def _rate(name: str, value: object) -> float:
    return _number(name, value, least=0, most=1)


def _exporters(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        names = [word.strip() for word in value.split(",") if word.strip()]
    elif isinstance(value, list | tuple):
        names = [_text(name, word) for word in cast("list[object]", value)]
    else:
        raise _wrong(name, value, "a name, or several with commas")
    for word in names:
        if word not in EXPORTERS:
            raise ValidationError(f"{name} has an unknown exporter {word!r}; known are {', '.join(EXPORTERS)}")
    if not names:
        raise ValidationError(f"{name} is empty; name one of {', '.join(EXPORTERS)}")
    return tuple(dict.fromkeys(names))


def _path(name: str, value: object) -> Path:
    path = cast("str | os.PathLike[str]", value)
    if not isinstance(value, str | os.PathLike) or not os.fspath(path):
        raise _wrong(name, path, "a file path")
    return Path(os.fsdecode(path)).expanduser()


def _headers(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "a mapping of header names to texts")
    given = cast("Mapping[object, object]", value)
    return {_header_text(f"a name in {name}", key): _header_text(f"a value in {name}", given[key]) for key in given}


def _wrong(name: str, value: object, wanted: str) -> ValidationError:
    shown = "an empty text" if value == "" else f"a value of type {type(value).__name__}"
    return ValidationError(f"{name} must be {wanted}; it is {shown} that does not fit")


_Reader = Callable[[str, object], Any]
# setting -> (environment variable or None, reader)
_READERS: Final[Mapping[str, tuple[str | None, _Reader]]] = {
    "base_url": ("VOLTAGENT_BASE_URL", _url),
    "public_key": ("VOLTAGENT_PUBLIC_KEY", _header_text),
    "secret_key": ("VOLTAGENT_SECRET_KEY", _header_text),
    "exporter": ("VOLTAGENT_EXPORTER", _exporters),
    "local_path": ("VOLTAGENT_LOCAL_PATH", _path),
    "enabled": ("VOLTAGENT_ENABLED", _flag),
    "auto_flush": (None, _flag),
    "flush_interval": ("VOLTAGENT_FLUSH_INTERVAL", _seconds),
    "timeout": ("VOLTAGENT_TIMEOUT", _seconds),
    "max_retries": ("VOLTAGENT_MAX_RETRIES", _count),
    "retry_delay": (None, _delay),
    "sample_rate": ("VOLTAGENT_SAMPLE_RATE", _rate),
    "capture_input": ("VOLTAGENT_CAPTURE_INPUT", _flag),
    "capture_output": ("VOLTAGENT_CAPTURE_OUTPUT", _flag),
    "environment": ("VOLTAGENT_ENVIRONMENT", _text),
    "service_name": ("VOLTAGENT_SERVICE_NAME", _text),
    "debug": ("VOLTAGENT_DEBUG", _flag),
    "headers": (None, _headers),
}
_SECRETS: Final = frozenset(("public_key", "secret_key", "headers"))

# ------------------------------------------------------------------------------------------------------- all of them


def load(arguments: Mapping[str, object] | None = None) -> Settings:
    """The settings from constructor arguments, then the environment, then the defaults.

    An argument that is ``None`` counts as not given, and so does an environment variable that is empty.

    Raises:
        TypeError: an argument no setting has, with the nearest name.
        ValidationError: a value that does not fit, or one key without the other; the text names the setting.
    """
    arguments = arguments or {}
    refuse_unknown(arguments, _READERS)
    values: dict[str, Any] = {}
    origin = dict.fromkeys(_READERS, "default")
    for name, (variable, reader) in _READERS.items():
        if arguments.get(name) is not None:
            values[name], origin[name] = reader(name, arguments[name]), "argument"
        elif variable is not None and os.environ.get(variable, "").strip():
            values[name], origin[name] = reader(variable, os.environ[variable]), "environment"
    if "enabled" not in values and os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        values["enabled"], origin["enabled"] = False, "environment"
    warnings = _complete(values, origin)
    return Settings(**values, warnings=warnings, origin=origin)


def refuse_unknown(
    given: Mapping[str, object], known: Mapping[str, object] | Sequence[str], what: str = "setting"
) -> None:
    """Raise a ``TypeError`` for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"
            raise TypeError(f"unknown {what} {name!r}{hint}")


def _complete(values: dict[str, Any], origin: Mapping[str, str]) -> tuple[str, ...]:
    """Fill in what follows from other settings: the destination and the store's path."""
    values.setdefault("local_path", default_local_path())
    keys = [name for name in ("public_key", "secret_key") if name in values]
    if len(keys) == 1:
        missing = "secret_key" if keys == ["public_key"] else "public_key"
        raise ValidationError(f"{missing} is missing: {keys[0]} was given without it (also as {_READERS[missing][0]})")
    if "exporter" in values:
        if "rest" in values["exporter"] and not keys and not _is_loopback(values.get("base_url", DEFAULT_BASE_URL)):
            raise ValidationError(
                "exporter 'rest' needs public_key and secret_key (also as VOLTAGENT_PUBLIC_KEY and …_SECRET_KEY)"
            )
        return ()
    values["exporter"] = ("rest",) if keys or _is_loopback(values.get("base_url", "")) else ("local",)
    if values["exporter"] == ("local",) and origin["base_url"] != "default":
        return ("base_url is set but no keys are: recording goes to the local store; set public_key and secret_key",)
    return ()


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in _LOOPBACK


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


def known_settings() -> tuple[str, ...]:
    """The names of all settings, for documents and ``voltagent doctor``."""
    return tuple(f.name for f in fields(Settings) if f.name in _READERS)
