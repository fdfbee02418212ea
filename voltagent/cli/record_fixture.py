"""``voltagent record-fixture``: a stored trace as a small file to replay in a test."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from voltagent.cli import add_command
from voltagent.cli.arguments import WHICH_TRACE, NothingRecordedError, add_db, chosen, opened
from voltagent.errors import VoltAgentError


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "record-fixture",
        _run,
        "write a trace as a file to replay in a test",
        "Write a trace as a small JSON file, from which voltagent.testing.replay() answers calls.",
        "example:\n  voltagent record-fixture 3f2a -o tests/refund.json",
    )
    parser.add_argument("trace", nargs="?", metavar="TRACE", help=WHICH_TRACE)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file to write (default: standard output)"
    )
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Write a recorded trace as a file that tests replay."""
    from voltagent.records.reading import record_of
    from voltagent.testkit.recording_file import recording_text

    with opened(arguments.db) as store:
        trace = chosen(store, arguments.trace)
        text = recording_text(record_of(store, trace))
    if trace.status == "running":
        raise NothingRecordedError(f"the trace {trace.id} has not ended: record a run that has")
    if arguments.output is None:
        print(text, end="")
        return 0
    try:
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise VoltAgentError(f"{arguments.output} cannot be written: {exc.strerror or exc}") from exc
    print(f"wrote {arguments.output}")
    return 0
