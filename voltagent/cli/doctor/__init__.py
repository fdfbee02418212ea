"""``voltagent doctor``: the settings in force, whether each destination is reachable, and whether the key works."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, cast

from voltagent import settings
from voltagent._version import VERSION
from voltagent.cli import add_command
from voltagent.cli.doctor.checks import check
from voltagent.cli.doctor.finding import Finding, shown_url
from voltagent.cli.doctor.hints import check_hints
from voltagent.cli.doctor.prices import check_prices
from voltagent.cli.doctor.spool import look
from voltagent.cli.numbers import number
from voltagent.cli.terminal import encodable, style_for
from voltagent.errors import ValidationError
from voltagent.render.text import printable

_FILES: Final = ("certificate", "client_certificate", "client_key")
_PARTS: Final = ("wrapt", "httpx", "pydantic")
_COLOURS: Final[Mapping[str, str]] = {"ok": "running", "note": "tool", "wrong": "error"}

_UNITS: Final[Mapping[str, str]] = {
    "flush_interval": "s", "timeout": "s", "retry_delay": "s", "otlp_timeout": "s", "spool_size": "MiB",
}  # fmt: skip

_Row = dict[str, str]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "doctor",
        _run,
        "check the settings and the destinations",
        "Show the settings of this environment and their origins, send each destination one request that "
        "stores nothing, and check the local store. The exit status is 1 if something is wrong.",
    )
    seconds = number("a number above 0 and at most 60", 60, above_zero=True)
    parser.add_argument("--timeout", type=seconds, default=5.0, metavar="SECONDS",
                        help="the time for each request (default: %(default)g)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def _run(arguments: argparse.Namespace) -> int:
    """Show the settings, run all checks, and return 1 if something is wrong."""
    try:
        in_force = settings.load()
    except ValidationError as exc:
        rows, findings = [], [Finding("wrong", "settings", "value", str(exc), "correct the variable or unset it")]
    else:
        rows = _rows(in_force)
        checks = (
            _remarks(in_force),
            check(in_force, arguments.timeout),
            look(in_force),
            check_prices(in_force),
            check_hints(in_force),
        )
        findings = [finding for found in checks for finding in found]
    well = not any(finding.state == "wrong" for finding in findings)
    if arguments.json:
        found = [asdict(finding) for finding in findings]
        print(json.dumps({"ok": well, "versions": _versions(), "settings": rows, "findings": found}, indent=2))
    else:
        _print(rows, findings)
    return 0 if well else 1


def _versions() -> dict[str, str]:
    found = {"voltagent": VERSION, "python": platform.python_version()}
    return {**found, **{part: _version(part) for part in _PARTS}, "platform": platform.platform()}


def _version(part: str) -> str:
    try:
        return version(part)
    except PackageNotFoundError:  # installed without its metadata
        return "unknown"


def _rows(in_force: settings.Settings) -> list[_Row]:
    """Return each setting with its value and origin; secrets are not shown."""
    values: dict[str, object] = {name: getattr(in_force, name) for name in settings.setting_names()}
    if in_force.otlp is not None:
        for name in ("endpoint", "headers", "protocol", "compression", "timeout", *_FILES):
            values[f"otlp_{name}"] = getattr(in_force.otlp, name)
        values["profiles"], values["resource"] = in_force.otlp.profiles, in_force.otlp.resource
    return [
        {"name": name, "value": _shown(name, value), "origin": in_force.origin.get(name, "default")}
        for name, value in values.items()
    ]


def _shown(name: str, value: object) -> str:
    """Return the value of a setting without keys."""
    if value is None:
        return "none"
    if name in ("public_key", "secret_key"):
        return "pk_… (set)" if name == "public_key" and str(value).startswith("pk_") else "set"
    if isinstance(value, Mapping | tuple):
        names = cast("Mapping[str, str] | tuple[str, ...]", value)
        return ", ".join(f"{name}=…" if isinstance(value, Mapping) else name for name in names) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return shown_url(str(value)) if name in ("base_url", "otlp_endpoint") else str(value)


def _remarks(in_force: settings.Settings) -> list[Finding]:
    """Report settings that are valid but probably not intended."""
    findings = [Finding("note", "settings", "value", warning) for warning in in_force.warnings]
    if not in_force.enabled or in_force.sample_rate == 0:
        findings.append(Finding("note", "settings", "value", "recording is switched off",
                            "see enabled (VOLTAGENT_ENABLED) and sample_rate (VOLTAGENT_SAMPLE_RATE)"))  # fmt: skip
    if (in_force.public_key or "").startswith("sk_"):
        findings.append(Finding("wrong", "settings", "value", "public_key looks like a secret key",
                            "VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY seem to be swapped"))  # fmt: skip
    if not settings.names_destination():
        findings.append(Finding("note", "settings", "value",
                            "the environment sets no destination, so decorators alone record nothing",
                            "construct a VoltAgentSDK() in the program, or set VOLTAGENT_EXPORTER=local"))  # fmt: skip
    return findings


def _print(rows: list[_Row], findings: list[Finding]) -> None:
    style = style_for(sys.stdout)
    print(encodable("  ".join(f"{name} {number}" for name, number in _versions().items())))
    print()
    with_units = [{**row, "value": f"{row['value']} {_UNITS.get(row['name'], '')}".strip()} for row in rows]
    widths = [max((len(printable(row[column])) for row in with_units), default=0) for column in ("name", "value")]
    for row in with_units:
        name, value = (
            printable(row[column]).ljust(width) for column, width in zip(("name", "value"), widths, strict=True)
        )
        dim = row["origin"] == "default"
        print(encodable(style.paint(f"{name}  {value}  {row['origin']}", "dim" if dim else "")))
    print()
    for finding in findings:
        state = style.paint(finding.state.ljust(5), _COLOURS[finding.state])
        print(encodable(f"{state}  {finding.subject} {finding.step}: {printable(finding.text)}"))
        if finding.advice:
            print(encodable(f"       {printable(finding.advice)}"))
