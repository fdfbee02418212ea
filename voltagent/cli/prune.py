"""``voltagent prune``: delete traces and free the space."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from voltagent.cli import add_command
from voltagent.cli.arguments import add_db, add_filters, opened, wanted_by
from voltagent.cli.numbers import AGES, SIZES, whole_number, with_unit
from voltagent.cli.terminal import encodable
from voltagent.core import clock
from voltagent.render.text import printable, size
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.prune import Pruned, prune
from voltagent.storage.traces.store import Store

_EXAMPLES: Final = """\
examples:
  voltagent prune --older-than 7d            what began more than a week ago
  voltagent prune --keep 1000                all but the newest 1000
  voltagent prune --max-size 200MB           the oldest, until the rest fits
  voltagent prune --agent order-desk --status completed
  voltagent prune --older-than 7d --dry-run  only show what would be deleted

All conditions must hold. --keep spares the newest of the traces that the filters
select. --max-size stops as soon as the data is small enough."""

_ALL: Final = 2**31


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "prune",
        _run,
        "delete traces",
        "Delete traces from the store, and return the space to the file system.",
        _EXAMPLES,
        "[--older-than AGE] [--keep N] [--max-size SIZE] [FILTER ...]\n"
        "                       [--all] [--dry-run] [-y] [--db PATH]",
    )
    parser.add_argument(
        "--older-than", type=_age, metavar="AGE", help="began at least this long ago: 90s, 30m, 12h, 7d or 2w"
    )
    parser.add_argument("--keep", type=whole_number(), metavar="N", help="keep the newest N")
    parser.add_argument(
        "--max-size", type=_size, metavar="SIZE", help="delete the oldest until the data is no larger: 500MB, 2GiB"
    )
    add_filters(parser)
    parser.add_argument("--all", action="store_true", help="everything, without any other condition")
    parser.add_argument("--dry-run", action="store_true", help="delete nothing; show what would be deleted")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask before --all")
    add_db(parser)


def _age(text: str) -> int:
    seconds = with_unit(text, AGES)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"must be a number and a unit, such as 12h or 7d, got {text!r}")
    return min(int(seconds * 1e9), 2**62)


def _size(text: str) -> int:
    found = with_unit(text, SIZES)
    if found is None:
        raise argparse.ArgumentTypeError(f"must be a number and a unit, such as 500MB or 2GiB, got {text!r}")
    return int(found)


def _run(arguments: argparse.Namespace) -> int:
    """Delete the chosen traces, or with ``--dry-run`` report what would be deleted."""
    wanted = wanted_by(arguments)
    conditions = (arguments.older_than, arguments.keep, arguments.max_size)
    chooses = wanted.selects or any(one is not None for one in conditions)
    if chooses == arguments.all:
        arguments.refuse(
            "--all goes without any other condition"
            if chooses
            else "say what to delete, such as --older-than 7d, or --all"
        )
    with opened(arguments.db) as store:
        traces = _selected(store, wanted, arguments)
        if arguments.all and not arguments.dry_run and not _confirmed(arguments, len(traces)):
            return 1
        pruned = prune(store, traces, max_bytes=arguments.max_size, orphans=arguments.all, dry_run=arguments.dry_run)
    print(encodable(printable(_summary(pruned, arguments))))
    return 0


def _selected(store: Store, wanted: Filter, arguments: argparse.Namespace) -> list[str]:
    """Return the ids of the traces to delete, oldest first."""
    found = store.traces(wanted, limit=_ALL)[arguments.keep or 0 :]
    if arguments.older_than is not None:
        until = clock.nanoseconds() - arguments.older_than
        found = [trace for trace in found if trace.start_ns < until]
    return [trace.id for trace in reversed(found)]


def _confirmed(arguments: argparse.Namespace, number: int) -> bool:
    """Return whether the user agrees to delete everything."""
    if arguments.yes:
        return True
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        arguments.refuse("--all needs --yes if there is no terminal to confirm it")
    print(encodable(printable(f"Delete all {number} traces in {arguments.db}? [y/N] ")), end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _summary(pruned: Pruned, arguments: argparse.Namespace) -> str:
    """Return the line that reports what was deleted and how much space that gave back."""
    if not pruned.traces and not pruned.operations:
        return f"nothing to delete in {arguments.db}"
    what = f"{pruned.traces} trace{'' if pruned.traces == 1 else 's'} with {pruned.operations} operations"
    space = size(max(0, pruned.before - pruned.after))
    if arguments.dry_run:
        return f"would delete {what}, about {space}; {size(pruned.after)} would stay"
    return f"deleted {what}; {space} given back, {size(pruned.after)} stay"
