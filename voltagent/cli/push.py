"""``voltagent push``: send stored traces to a destination later."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from voltagent import settings
from voltagent.cli import add_command
from voltagent.cli.arguments import add_db, add_filters, chosen, opened, wanted_by
from voltagent.cli.numbers import number
from voltagent.cli.terminal import encodable, fitted
from voltagent.core import clock
from voltagent.delivery.push import Result, push
from voltagent.errors import ValidationError
from voltagent.exporters.building import build_exporter
from voltagent.records.reading import list_traces
from voltagent.render.text import printable, short_id
from voltagent.storage.spool.destination import Destination, destinations
from voltagent.storage.traces.records import TraceSummary
from voltagent.storage.traces.store import Store

_EXAMPLES: Final = """\
examples:
  voltagent push                       all that was not sent there yet
  voltagent push 3f2a 77c1             these two traces
  voltagent push --agent order-desk    those of an agent
  VOLTAGENT_EXPORTER=otlp OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 \\
      voltagent push

`voltagent doctor` shows the settings. The store remembers what was sent where: an
interrupted push continues where it stopped, and nothing is sent twice. The exit
status is 0 if all was sent, 1 if any was rejected or is left, 130 after Ctrl-C."""

_REMOTE: Final = ("auto", "rest", "otlp")
_ALL: Final = 2**31
_SHOWN: Final = 5  # rejected traces to list


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "push",
        _run,
        "send stored traces to a server",
        "Send stored traces to the destination of the settings, the oldest first.",
        _EXAMPLES,
        "[TRACE ...] [FILTER ...] [--exporter {auto,rest,otlp}] [--again]\n"
        "                      [--unfinished] [--wait SECONDS] [--db PATH]",
    )
    parser.add_argument(
        "traces",
        nargs="*",
        metavar="TRACE",
        help="ids, prefixes of ids, or names of agents (default: all)",
    )
    add_filters(parser)
    parser.add_argument("--exporter", choices=_REMOTE, help="the destination (default: that of the settings)")
    parser.add_argument("--again", action="store_true", help="include traces that were sent there, or rejected, before")
    parser.add_argument("--unfinished", action="store_true",
                        help="include traces that are running or never ended, as cancelled")  # fmt: skip
    parser.add_argument(
        "--wait",
        type=number("a number from 0 to 86400", 86_400),
        default=30.0,
        metavar="SECONDS",
        help="give up if the destination is unreachable for this long (default: %(default)g)",
    )
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Send the chosen traces to every remote destination; return the worst exit status."""
    in_force = settings.load({"exporter": arguments.exporter})
    names = [name for name in in_force.exporter if name in _REMOTE]
    if not names:
        raise ValidationError(
            "there is no destination to push to: set VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY, or "
            "VOLTAGENT_BASE_URL to a server on this machine, or choose one with --exporter"
        )
    with opened(arguments.db) as store, _interrupted() as is_interrupted:
        return max(_push_to(name, store, in_force, arguments, is_interrupted) for name in names)


def _push_to(
    name: str,
    store: Store,
    in_force: settings.Settings,
    arguments: argparse.Namespace,
    is_interrupted: Callable[[], bool],
) -> int:
    """Send what was not sent to one destination yet; return the exit status."""
    destination = _destination(name, in_force)
    place = f"{destination.kind} {destination.url} {destination.key}"
    traces, notes = _selected(store, arguments, place)
    for note in notes:
        print(note)
    if not traces:
        print(encodable(printable(f"nothing to send to {destination.kind} {destination.url}")))
        return 0
    bar = Bar(len(traces))
    result = push(
        store,
        [trace.id for trace in traces],
        build_exporter(name, in_force),
        place,
        should_stop=is_interrupted,
        progress=bar.show,
        wait=arguments.wait,
        timeout=in_force.timeout,
        max_retries=in_force.max_retries,
        retry_delay=in_force.retry_delay,
    )
    bar.clear()
    _summarize(result, f"{destination.kind} {destination.url}")
    if result.stopped == "interrupted":
        return 130
    return 1 if result.rejected or result.left else 0


def _destination(name: str, in_force: settings.Settings) -> Destination:
    """Return the destination. ``auto`` is the platform with either wire, so it is the same place as ``rest``."""
    name = "rest" if name == "auto" else name
    return destinations(replace(in_force, exporter=(name,)))[name]


def _selected(store: Store, arguments: argparse.Namespace, place: str) -> tuple[list[TraceSummary], list[str]]:
    """Return the traces to send, oldest first, and notes about those that are left out."""
    wanted = wanted_by(arguments)
    named: list[str | None] = [chosen(store, identifier).id for identifier in arguments.traces]

    def find_traces(not_pushed_to: str | None) -> list[TraceSummary]:
        filters = [replace(wanted, not_pushed_to=not_pushed_to, id=name) for name in dict.fromkeys(named or (None,))]
        traces = [trace for one in filters for trace in list_traces(store, one, _ALL)]
        return sorted(traces, key=lambda trace: trace.start_ns)

    new = find_traces(None if arguments.again else place)
    known = len(find_traces(None)) - len(new)
    ended = [trace for trace in new if arguments.unfinished or trace.status != "running"]
    notes = (
        [_count(known, "was", "were") + " sent there, or rejected, before (--again sends them again)"] if known else []
    )
    if len(new) > len(ended):
        notes.append(_count(len(new) - len(ended), "still runs", "still run") + ": left out (--unfinished sends them)")
    return ended, notes


def _count(number: int, one: str, more: str) -> str:
    return f"{number} trace{'' if number == 1 else 's'} {one if number == 1 else more}"


def _summarize(result: Result, where: str) -> None:
    """Print how many traces were sent, rejected and left, and why."""
    for name, reason in list(result.refusals.items())[:_SHOWN]:
        print(encodable(printable(f"trace {short_id(name)}: {reason}")))
    if len(result.refusals) > _SHOWN:
        print(f"... and {len(result.refusals) - _SHOWN} more were rejected")
    gone = f", {result.gone} deleted meanwhile" if result.gone else ""
    total = result.sent + result.rejected + result.left + result.gone
    summary = f"{total} to {where}: {result.sent} sent, {result.rejected} rejected, {result.left} left{gone}"
    print(encodable(printable(summary)))
    if result.stopped:
        print(encodable(printable(f"stopped: {result.stopped}")))
    if result.left:
        print("run the same command again to continue where this one stopped")


@contextmanager
def _interrupted() -> Generator[Callable[[], bool]]:
    """Yield a function that reports whether the user has pressed Ctrl-C; the second one interrupts at once."""
    interrupted = threading.Event()

    def note(number: int, _: object) -> None:
        if interrupted.is_set():
            signal.default_int_handler(number, None)
        interrupted.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted.is_set
    finally:
        signal.signal(signal.SIGINT, before)


class Bar:
    """Progress on standard error: a bar on a terminal, else a line now and then."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._terminal = sys.stderr.isatty()
        self._due = clock.monotonic() + (0.0 if self._terminal else 2.0)

    def show(self, result: Result) -> None:
        """Show the progress, if the last time was long enough ago."""
        now = clock.monotonic()
        if now < self._due:
            return
        done = result.sent + result.rejected + result.gone
        if self._terminal:
            self._due = now + 0.1
            sys.stderr.write(f"\r\x1b[K{encodable(self.line(done, result), sys.stderr)}")
        else:
            self._due = now + 5.0
            sys.stderr.write(f"{done} of {self._total} traces\n")
        sys.stderr.flush()

    def line(self, done: int, result: Result) -> str:
        """Return the bar, as wide as the terminal allows."""
        width = shutil.get_terminal_size((80, 24)).columns - 1
        facts = f" {done}/{self._total}" + (f"  {result.rejected} rejected" if result.rejected else "")
        space = max(0, min(40, width - len(facts) - 2))
        filled = space * done // max(1, self._total)
        return fitted(f"[{'#' * filled}{'.' * (space - filled)}]{facts}", width)

    def clear(self) -> None:
        """Erase the bar."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
