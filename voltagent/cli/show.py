"""``voltagent show``: one trace as a tree, or one operation in full."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from voltagent.cli import add_command, browser, pager, tree
from voltagent.cli.arguments import WHICH_TRACE, NothingRecordedError, add_db, chosen, count, note_destination, opened
from voltagent.cli.for_agent import failures_first
from voltagent.cli.numbers import whole_number
from voltagent.cli.terminal import Style, encodable, style_for
from voltagent.core.scores import Score
from voltagent.records.building import build_trace
from voltagent.records.queries import unfinished
from voltagent.records.reading import operations_of, scores_of
from voltagent.records.started import started_traces
from voltagent.render.reading import MOST_LINES
from voltagent.render.text import strict_json
from voltagent.storage.traces.records import StoredOperation, StoredTrace

_EXAMPLES: Final = """\
examples:
  voltagent show                  the newest trace as a tree
  voltagent show 3f2a -v          that whose id begins with 3f2a, with inputs and outputs
  voltagent show 3f2a look_up     one operation in full, by its name or its id
  voltagent show --depth 2        two levels of the tree"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "show",
        _run,
        "show a trace as a tree, or one operation in full",
        "Show one trace as a tree: kind, name, duration, model, tokens, cost and errors.",
        _EXAMPLES,
    )
    parser.add_argument("trace", nargs="?", metavar="TRACE", help=WHICH_TRACE)
    parser.add_argument("operation", nargs="?", metavar="OPERATION",
                        help="one operation, in full: its id, a prefix of its id, or its name")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="also show inputs, outputs, metadata and stacks")
    parser.add_argument("--depth", type=count, metavar="N", help="levels of operations at most (default: all)")
    parser.add_argument("--lines", type=whole_number(), default=MOST_LINES, metavar="N",
                        help="lines of one input or output with -v; 0 for all (default: %(default)s)")  # fmt: skip
    parser.add_argument("--no-pager", action="store_true", help="do not start a pager on a terminal")
    parser.add_argument("--json", action="store_true", help="print everything that is stored of the trace, as JSON")
    parser.add_argument(
        "--for-agent", action="store_true", help="print what failed first, and where, in a few lines for a coding agent"
    )
    parser.add_argument("--tokens", type=count, default=2000, metavar="N",
                        help="length of the output of --for-agent, roughly (default: %(default)s tokens)")  # fmt: skip
    parser.add_argument("--web", action="store_true", help="open its page in the browser, with `voltagent ui`")
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Print one trace, or one operation of it, in the form that the options choose."""
    note_destination(arguments.db)
    with opened(arguments.db) as store:
        trace = chosen(store, arguments.trace)
        operations = [] if arguments.web else operations_of(store, trace.id)
        started = [] if arguments.web else started_traces(store, trace.id)
        left_behind = unfinished(store, [trace.id, *(one.id for one in started)])
        scores = [] if arguments.web else scores_of(store, [trace.id]).get(trace.id, [])
    if arguments.web:
        browser.show(arguments.db, trace.id)
        return 0
    step = None if arguments.operation is None else _step(trace, operations, arguments.operation)
    if arguments.json:
        whole = {**asdict(trace), "operations": [asdict(one) for one in operations]} if step is None else asdict(step)
        whole["scores"] = [one._asdict() for one in scores if step is None or one.operation_id == step.id]
        print(strict_json(whole, 2))
        return 0
    if arguments.for_agent:
        print(encodable(failures_first(build_trace(trace, operations), arguments.tokens, started)))
        return 0
    if trace.id in left_behind:
        trace, operations = tree.left_behind(trace), [tree.left_behind(one) for one in operations]
        step = None if step is None else tree.left_behind(step)
    started = [tree.left_behind(one) if one.id in left_behind else one for one in started]
    style = style_for(sys.stdout)
    shown = (
        tree.lines(
            trace,
            operations,
            style,
            verbose=arguments.verbose,
            depth=arguments.depth,
            most=arguments.lines or None,
            scores=scores,
            started=started,
        )
        if step is None
        else _whole_step(step, [one for one in scores if one.operation_id == step.id], style)
    )
    pager.write(shown, paged=not arguments.no_pager)
    return 0


def _step(trace: StoredTrace, operations: Sequence[StoredOperation], wanted: str) -> StoredOperation:
    """Return the operation that the user named by its id, the beginning of its id, or its name.

    Raises:
        NothingRecordedError: none or several match.
    """
    found = [one for one in operations if one.id == wanted]
    found = found or [one for one in operations if one.id.startswith(wanted)]
    found = found or [one for one in operations if one.name == wanted]
    if not found:
        raise NothingRecordedError(f"no operation of the trace {trace.id} has the id or the name {wanted!r}")
    if len(found) > 1:
        ids = ", ".join(one.id[:13] for one in found[:5])
        raise NothingRecordedError(f"{len(found)} operations match {wanted!r}: choose one by its id, such as {ids}")
    return found[0]


def _whole_step(step: StoredOperation, scores: Sequence[Score], style: Style) -> Iterator[str]:
    yield tree.line("", tree.title(step), tree.facts(step), style)
    yield tree.about(step, style)
    yield from tree.details(step, style, None, scores)
