"""``voltagent show``: one trace as a tree."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from voltagent.cli import browser, tree
from voltagent.cli.arguments import WHICH_TRACE, add_db, chosen, count, note_destination, opened
from voltagent.cli.for_agent import failures_first
from voltagent.cli.terminal import encodable, style_for
from voltagent.records import build_trace
from voltagent.storage.traces.queries import unfinished


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "show",
        help="one trace as a tree",
        description="Show one trace as a tree: kind, name, duration, tokens, and errors.",
    )
    parser.add_argument(
        "trace",
        nargs="?",
        metavar="TRACE",
        help=WHICH_TRACE,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show inputs, outputs, metadata and stacks, too")
    parser.add_argument("--json", action="store_true", help="print everything that is stored of the trace, as JSON")
    parser.add_argument(
        "--for-agent", action="store_true", help="print what failed first, and where, in a few lines for a coding agent"
    )
    parser.add_argument("--tokens", type=count, default=2000, metavar="N",
                        help="length of the output of --for-agent, roughly (default: %(default)s tokens)")  # fmt: skip
    parser.add_argument("--web", action="store_true", help="open its page in the browser, with `voltagent ui`")
    add_db(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    note_destination(arguments.db)
    store = opened(arguments.db)
    try:
        trace = chosen(store, arguments.trace)
        operations = [] if arguments.web else store.operations(trace.id)
        is_left_behind = bool(unfinished(store, (trace.id,)))
    finally:
        store.close()
    if arguments.web:
        browser.show(arguments.db, trace.id)
        return 0
    if arguments.json:
        print(json.dumps({**asdict(trace), "operations": [asdict(one) for one in operations]}, indent=2))
        return 0
    if arguments.for_agent:
        print(encodable(failures_first(build_trace(trace, operations), arguments.tokens)))
        return 0
    if is_left_behind:
        trace, operations = tree.left_behind(trace), [tree.left_behind(one) for one in operations]
    for line in tree.lines(trace, operations, style_for(sys.stdout), verbose=arguments.verbose):
        print(encodable(line))
    return 0
