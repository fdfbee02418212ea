"""``voltagent export``: write one trace to a file, to keep or to share."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from voltagent import settings
from voltagent.cli import add_command
from voltagent.cli.arguments import (
    WHICH_TRACE,
    UsageError,
    add_db,
    add_filters,
    add_order,
    chosen,
    exists,
    nothing_matches,
    opened,
    wanted_by,
)
from voltagent.cli.terminal import encodable
from voltagent.errors import VoltAgentError
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.records.queries import unfinished
from voltagent.records.reading import events_of, operations_of, scores_of, trace_ids, traces_of
from voltagent.render.answers import recorded_trace
from voltagent.render.document import document
from voltagent.render.page import page
from voltagent.render.text import printable, strict_json
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store
from voltagent.wire.otlp.encode import ENCODINGS, resource_message

_ENDINGS: Final = {"": "json", ".json": "json", ".html": "html", ".htm": "html"}
_EXAMPLES: Final = """\
examples:
  voltagent export -o trace.html           the newest trace as a page to share
  voltagent export 3f2a -o trace.json      everything that is stored of the
                                           trace whose id begins with 3f2a
  voltagent export --errors --since 1d --limit 50 -o failed.json
                                           an array of traces, the newest first
  voltagent export --format otlp --profile openinference |
      curl -H 'content-type: application/json' --data-binary @- \\
      http://localhost:6006/v1/traces

The file is readable for you alone (mode 0600), as it holds inputs and outputs."""


class UnwritableError(VoltAgentError):
    """The file cannot be written; the text says why."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "export",
        _run,
        "write traces as a web page, JSON or OTLP",
        "Write the newest trace, or those that the filters choose, as a web page that needs no other file, as "
        "JSON, or as the JSON of an OTLP request.",
        _EXAMPLES,
        "[TRACE] [FILTER ...] [--sort ORDER] [--limit N]\n"
        "                        [--format {json,otlp,html}] [--profile NAME] [-o FILE] [--db PATH]",
    )
    parser.add_argument("trace", nargs="?", metavar="TRACE", help=WHICH_TRACE)
    add_filters(parser)
    add_order(parser, limit=1)
    parser.add_argument("--format", choices=tuple(_FORMATS),
                        help="what to write (default: html for a name that ends in .html, else json)")  # fmt: skip
    parser.add_argument("--profile", choices=settings.PROFILES, action="append",
                        help="naming convention of OTLP attributes; may be repeated (default: genai)")  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file to write (default: standard output)"
    )
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Write the chosen traces to a file or the standard output."""
    path: Path | None = arguments.output
    write = _FORMATS[arguments.format or _format_of(path)]
    with opened(arguments.db) as store:
        text = write(store, _chosen(store, arguments), tuple(arguments.profile or ("genai",)))
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
    """Return the format that a file's ending names."""
    ending = "" if path is None else path.suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(
            f"{path} ends in {ending}, which is not a known format: use .html or .json, or set the format with --format"
        )
    return _ENDINGS[ending]


def _chosen(store: Store, arguments: argparse.Namespace) -> list[StoredTrace]:
    """Return the trace that the user named, or those that the filters choose.

    Raises:
        NothingRecordedError: there is none.
        UsageError: there are a name and filters.
    """
    wanted = wanted_by(arguments)
    if arguments.trace is not None:
        if wanted.selects:
            raise UsageError("use either a trace or filters, not both")
        return [chosen(store, arguments.trace)]
    if not wanted.selects and arguments.limit == 1 and arguments.sort == "start":
        return [chosen(store, None)]
    found = traces_of(store, trace_ids(store, wanted, arguments.limit))
    if not found:
        raise nothing_matches(store, wanted)
    return found


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


def _json(store: Store, traces: Sequence[StoredTrace], _: tuple[str, ...]) -> str:
    """Return the document of one trace, or a list of them."""
    scores = scores_of(store, [trace.id for trace in traces])
    documents = [document(one, operations_of(store, one.id), scores.get(one.id, ())) for one in traces]
    return strict_json(documents[0] if len(documents) == 1 else documents, 2, ascii_only=False) + "\n"


def _otlp(store: Store, traces: Sequence[StoredTrace], profiles: tuple[str, ...]) -> str:
    """Return an ``ExportTraceServiceRequest`` in JSON, without what is still running, as OTLP has no such span."""
    requests = [_otlp_request(store, trace, profiles) for trace in traces]
    if len(requests) == 1:
        return requests[0] + "\n"
    spans = [one for request in requests for one in json.loads(request)["resourceSpans"]]
    return json.dumps({"resourceSpans": spans}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _otlp_request(store: Store, trace: StoredTrace, profiles: tuple[str, ...]) -> str:
    """Return one trace as an OTLP request in JSON, as an exporter would send it."""
    encoding, spans = ENCODINGS["http/json"], OpenSpans(profiles)
    messages = [message for message in map(spans.message, events_of(store, trace.id)) if message is not None]
    request = encoding.request(
        [encoding.span(message) for message in messages], resource_message(_resource(trace)), {"name": "voltagent"}
    )
    return request.decode()


def _resource(trace: StoredTrace) -> dict[str, str]:
    """Return what recorded the trace, as far as its metadata has it."""
    environment = trace.metadata.get("environment")
    about = {
        "service.name": trace.metadata.get("service_name") or "voltagent",
        "environment": environment,
        "deployment.environment.name": environment,
    }
    return {name: value for name, value in about.items() if isinstance(value, str)}


def _page(store: Store, traces: Sequence[StoredTrace], _: tuple[str, ...]) -> str:
    """Return the viewer's own page, with the traces in it."""
    scores = scores_of(store, [trace.id for trace in traces])
    gone = unfinished(store, [one.id for one in traces if one.status == "running"])
    recorded = [
        recorded_trace(one, operations_of(store, one.id), scores.get(one.id, ()), unfinished=one.id in gone)
        for one in traces
    ]
    return page(traces[0].name if len(traces) == 1 else f"{len(traces)} traces", recorded)


_FORMATS: Final[Mapping[str, Callable[[Store, Sequence[StoredTrace], tuple[str, ...]], str]]] = {
    "json": _json,
    "otlp": _otlp,
    "html": _page,
}
