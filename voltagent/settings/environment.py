"""The only reader of ``os.environ``: the variables of settings, and what terminals and networks need."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import Final

from voltagent.errors import ValidationError
from voltagent.settings import parsers
from voltagent.settings.readers import otel_variables


def value(variable: str) -> str:
    """Return the value of a variable without surrounding space; empty if it is not set."""
    return os.environ.get(variable, "").strip()


def raw(variable: str) -> str:
    """Return the value of a variable as it is; empty if it is not set."""
    return os.environ.get(variable, "")


def variables() -> list[str]:
    """Return the names of all variables, sorted."""
    return sorted(os.environ)


_OF_NETWORK: Final = frozenset(("ssl_cert_file", "ssl_cert_dir", "sslkeylogfile"))


def network_environment() -> tuple[tuple[str, str], ...]:
    """Return the variables that say how to reach a network: of proxies and of certificates."""
    found = ((name.lower(), setting) for name, setting in os.environ.items())
    return tuple(sorted((name, setting) for name, setting in found if name.endswith("_proxy") or name in _OF_NETWORK))


def key_log_file() -> str | None:
    """Return the file that Python's ``ssl`` writes session keys to, if the environment names one."""
    return os.environ.get("SSLKEYLOGFILE") or None


def certificate_places() -> tuple[str | None, list[str]]:
    """Return the file of certificates that the environment names for all programs, and the folders."""
    folders = os.environ.get("SSL_CERT_DIR") or ""
    return os.environ.get("SSL_CERT_FILE") or None, folders.split(os.pathsep) if folders else []


def names_destination() -> bool:
    """Return whether the environment says where to record, so that decorators may start without a constructor call."""
    names = (
        "VOLTAGENT_PUBLIC_KEY",
        "VOLTAGENT_SECRET_KEY",
        "VOLTAGENT_EXPORTER",
        "VOLTAGENT_LOCAL_PATH",
        "VOLTAGENT_BASE_URL",
    )
    return any(value(name) for name in names)


def keys_are_in_environment() -> bool:
    """Return whether the environment has both keys."""
    return all(value(name) for name in ("VOLTAGENT_PUBLIC_KEY", "VOLTAGENT_SECRET_KEY"))


def otlp_headers_are_in_environment() -> bool:
    """Return whether the environment has headers for OTLP, which usually hold a key."""
    return any(value(name) for name in otel_variables("HEADERS"))


def debug_is_wanted() -> bool:
    """Return whether the environment asks for the log, where there is no SDK whose setting it would be."""
    return _is_on("VOLTAGENT_DEBUG")


def quiet_is_wanted() -> bool:
    """Return whether the environment asks for nothing on stderr, before or without an SDK whose setting it would be."""
    return _is_on("VOLTAGENT_QUIET")


def _is_on(variable: str) -> bool:
    try:
        return parsers.flag(variable, value(variable) or False)
    except ValidationError:
        return False


def colour_is_wanted() -> bool:
    """Return whether the environment lets terminals have colours (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def pager() -> list[str]:
    """Return the command that long output goes through on a terminal; empty if the environment wants none."""
    given = os.environ.get("VOLTAGENT_PAGER", os.environ.get("PAGER"))
    try:
        command = shlex.split("less -FRX" if given is None else given)
    except ValueError:  # an open quotation mark
        return []
    return [] if command == ["cat"] else ["less", "-FRX"] if command == ["less"] else command


def local_path() -> Path:
    """Return the path of the local store by the environment alone: other invalid settings do not matter to readers."""
    given = value("VOLTAGENT_LOCAL_PATH")
    return parsers.store("VOLTAGENT_LOCAL_PATH", given) if given else default_local_path()


def default_local_path() -> Path:
    """Return ``voltagent/traces.db`` in the user's data folder.

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
    """Return the folder ``spool`` beside the default local store."""
    return default_local_path().with_name("spool")
