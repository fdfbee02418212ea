"""``voltagent export``: write one trace to a file, to keep or to share."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from voltagent import settings
from voltagent.cli.arguments import WHICH_TRACE, UsageError, add_db, chosen, exists, opened
from voltagent.cli.terminal import encodable
from voltagent.errors import VoltAgentError
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.render import html
from voltagent.render.document import document
from voltagent.render.text import duration, moment, printable, tokens
from voltagent.storage.traces.records import StoredOperation, StoredTrace
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp.encode import ENCODINGS, resource_message

_ENDINGS: Final = {"": "json", ".json": "json", ".html": "html", ".htm": "html"}
_EXAMPLES: Final = """\
examples:
  voltagent export -o trace.html           the newest trace, as a page to share
  voltagent export 3f2a -o trace.json      everything that is stored of the trace whose id begins so
  voltagent export 3f2a --format otlp --profile openinference | curl -H 'content-type: application/json' \\
      --data-binary @- http://localhost:6006/v1/traces

A file is made readable for you alone (mode 0600): it holds inputs and outputs."""


class UnwritableError(VoltAgentError):
    """The file cannot be written; the text says why."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "export",
        help="one trace as JSON, OTLP or a web page",
        description="Write one trace as JSON, as an OTLP request (JSON), or as a web page that needs nothing else.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "trace",
        nargs="?",
        metavar="TRACE",
        help=WHICH_TRACE,
    )
    parser.add_argument("--format", choices=tuple(_FORMATS),
                        help="what to write (default: html for a name that ends in .html, else json)")  # fmt: skip
    parser.add_argument("--profile", choices=settings.PROFILES, action="append",
                        help="what OTLP attributes are called; may be repeated (default: genai)")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to (default: standard output)")
    add_db(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    path: Path | None = arguments.output
    write = _FORMATS[arguments.format or _format_of(path)]
    store = opened(arguments.db)
    try:
        text = write(store, chosen(store, arguments.trace), tuple(arguments.profile or ("genai",)))
    finally:
        store.close()
    content = text.encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _save(path, content)
        print(encodable(printable(f"wrote {path}")))
    return 0


def _format_of(path: Path | None) -> str:
    """The format that a file's ending names."""
    ending = "" if path is None else path.suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(
            f"{path} ends in {ending}, which is no known format: use .html or .json, or name the format with --format"
        )
    return _ENDINGS[ending]


def _save(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; what stood there stays until the new one is whole."""
    try:
        if exists(path) and not path.is_file():  # a device or a pipe
            path.write_bytes(content)
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise UnwritableError(f"{path} cannot be written: {exc.strerror or exc}") from exc


# ---------------------------------------------------------------------------------------------------------------- JSON


def _json(store: Store, trace: StoredTrace, _: tuple[str, ...]) -> str:
    return json.dumps(document(trace, store.operations(trace.id)), ensure_ascii=False, indent=2) + "\n"


# ---------------------------------------------------------------------------------------------------------------- OTLP


def _otlp(store: Store, trace: StoredTrace, profiles: tuple[str, ...]) -> str:
    """An ``ExportTraceServiceRequest`` in the JSON form; what still runs is not in it, as OTLP knows no such span."""
    encoding, spans = ENCODINGS["http/json"], OpenSpans(profiles)
    messages = [message for message in map(spans.message, store.events(trace.id)) if message is not None]
    request = encoding.request(
        [encoding.span(message) for message in messages], resource_message(_resource(trace)), {"name": "voltagent"}
    )
    return request.decode() + "\n"


def _resource(trace: StoredTrace) -> dict[str, str]:
    """What recorded the trace, as far as its metadata says it."""
    environment = trace.metadata.get("environment")
    about = {
        "service.name": trace.metadata.get("service_name") or "voltagent",
        "environment": environment,
        "deployment.environment.name": environment,
    }
    return {name: value for name, value in about.items() if isinstance(value, str)}


# ---------------------------------------------------------------------------------------------------------------- page


def _page(store: Store, trace: StoredTrace, _: tuple[str, ...]) -> str:
    about = [
        ("started", moment(trace.start_ns)),
        ("took", duration(trace.start_ns, trace.end_ns)),
        ("status", trace.status),
        ("tokens", tokens(trace.usage).removesuffix(" tokens")),
        ("user", trace.user_id or ""),
        ("conversation", trace.conversation_id or ""),
        ("tags", ", ".join(trace.tags)),
        ("id", trace.id),
    ]
    root = _entry(trace, None, "trace", trace.name)
    operations = [_entry(one, one.parent_id, one.kind, _title(one)) for one in store.operations(trace.id)]
    return html.page(trace.name, [(name, value) for name, value in about if value], [root, *operations])


def _title(operation: StoredOperation) -> str:
    return f"{operation.operation} {operation.name}" if operation.operation else operation.name


def _entry(record: StoredTrace | StoredOperation, parent_id: str | None, kind: str, name: str) -> html.Entry:
    instructions = record.instructions if isinstance(record, StoredOperation) else None
    details = (("instructions", instructions), ("input", record.input), ("output", record.output))
    return html.Entry(
        record.id,
        parent_id,
        kind,
        name,
        record.status,
        record.start_ns,
        record.end_ns,
        record.usage,
        record.error,
        (*details, ("metadata", record.metadata or None), ("tags", ", ".join(record.tags) or None)),
    )


_FORMATS: Final[Mapping[str, Callable[[Store, StoredTrace, tuple[str, ...]], str]]] = {
    "json": _json,
    "otlp": _otlp,
    "html": _page,
}
