"""What the commands that read the local store have in common."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from voltagent import settings
from voltagent.core import clock
from voltagent.errors import VoltAgentError
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store


class NothingRecordedError(VoltAgentError):
    """There is nothing to show; the text says what to do."""


def add_db(parser: argparse.ArgumentParser) -> None:
    """Let the user name another store."""
    parser.add_argument("--db", type=Path, metavar="PATH", help="the store's file (default: %(default)s)",
                        default=settings.local_path())  # fmt: skip


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Let the user say which traces are meant; see :func:`wanted_by`."""
    parser.add_argument("--agent", help="the trace's agent id, or the name of an agent in it")
    parser.add_argument("--status", choices=("running", "completed", "error", "cancelled"), help="how it went")
    parser.add_argument("--tag", help="a tag of the trace, or of an operation in it")
    parser.add_argument("--user", help="the user's id")
    parser.add_argument("--conversation", help="the conversation's id")
    parser.add_argument("--text", help="a text in a name, input, output or error (upper and lower case alike)")
    parser.add_argument("--tool", help="the name of a tool that was called")
    parser.add_argument("--model", help="the model of an agent or a call")
    parser.add_argument("--errors", action="store_true", help="the trace, or an operation in it, failed")
    parser.add_argument("--min-ms", type=_milliseconds, metavar="MS", help="took at least that many milliseconds")
    parser.add_argument("--since", type=_moment, metavar="TIME",
                        help="began at or after: an age (90s, 30m, 12h, 7d, 2w) or an ISO 8601 time")  # fmt: skip
    parser.add_argument("--until", type=_moment, metavar="TIME", help="began before: likewise")


def wanted_by(arguments: argparse.Namespace) -> Filter:
    """The filter that the options of :func:`add_filters` make."""
    names = ("agent", "status", "tag", "user", "conversation", "text", "tool", "model")
    return Filter(
        **{name: getattr(arguments, name) for name in names},
        has_errors=arguments.errors or None,
        min_ns=arguments.min_ms,
        since_ns=arguments.since,
        until_ns=arguments.until,
    )


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def _moment(text: str) -> int:
    """Nanoseconds since the epoch of an age or of an ISO 8601 time."""
    age = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", text.strip().lower(), re.ASCII)
    if age is not None:
        return clock.nanoseconds() - int(float(age[1]) * _UNITS[age[2]] * 10**9)
    moment = clock.parse_iso(text)
    if moment is None or not -(2**63) <= moment < 2**63:
        raise argparse.ArgumentTypeError(f"must be an age such as 90s, 12h or 7d, or an ISO 8601 time, not {text!r}")
    return moment


def _milliseconds(text: str) -> int:
    """An option's number of milliseconds, as nanoseconds."""
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"must be a number of milliseconds, not {text!r}")
    return int(float(text) * 10**6)


def count(text: str) -> int:
    """An option's whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def opened(path: Path) -> Store:
    """The store at ``path``.

    Raises:
        NothingRecordedError: there is none.
    """
    if _is_missing(path):
        raise NothingRecordedError(
            f"nothing has been recorded yet: there is no {path}. Run a program that uses voltagent, or name its store "
            "with --db or VOLTAGENT_LOCAL_PATH."
        )
    return Store(path)


def chosen(store: Store, identifier: str | None) -> StoredTrace:
    """The trace that the user means: by its id, or how that begins; by default the newest.

    Raises:
        NothingRecordedError: there is none.
    """
    if identifier is None:
        newest = store.traces(limit=1)
        if not newest:
            raise NothingRecordedError(f"nothing has been recorded in {store.path} yet")
        identifier = newest[0].id
    trace = store.trace(identifier)
    if trace is None:
        raise NothingRecordedError(f"no trace has the id {identifier!r}, or one that begins so, in {store.path}")
    return trace


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it may be there: the store says what is wrong with it
        return False
    return False


def exists(path: Path) -> bool:
    """Whether a file or folder exists. False if this user may not look, where `Path.exists` raises."""
    try:
        return path.exists()
    except OSError:
        return False
