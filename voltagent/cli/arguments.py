"""Arguments and messages that the commands for the local store share."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from voltagent import settings
from voltagent.cli.numbers import AGES, number, whole_number, with_unit
from voltagent.cli.terminal import encodable
from voltagent.core import clock
from voltagent.core.naming import nearest
from voltagent.errors import ValidationError, VoltAgentError
from voltagent.records.reading import open_store, select_trace
from voltagent.storage.traces.filters import ORDERS, STATUSES, Filter, ScoreCondition
from voltagent.storage.traces.liveness import has_live_writer
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store

WHICH_TRACE: Final = "its id, the beginning of its id, or the name of an agent (default: the newest)"


count: Final = whole_number(least=1)
_amount: Final = number("a number of at least 0")
_milliseconds: Final = number("a number of milliseconds", 1e9)


class UsageError(VoltAgentError):
    """The command line is wrong; the message explains what to write."""


class NothingRecordedError(VoltAgentError):
    """There is nothing to show; the message explains what to do."""


def add_db(parser: argparse.ArgumentParser) -> None:
    """Add the option that names another store."""
    parser.add_argument("--db", type=_store, metavar="PATH", help="the store's file (default: %(default)s)",
                        default=settings.local_path())  # fmt: skip


def _store(text: str) -> Path:
    path = Path(text)
    if os.path.isdir(path):  # noqa: PTH112 - unlike `Path.is_dir`, never raises: opening the file does, and is reported
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file, such as {path / 'traces.db'}")
    return path


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options that select traces; see :func:`wanted_by`."""
    group = parser.add_argument_group("filters, which must all hold")
    for name, about in _TEXTS.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=about)
    group.add_argument("--status", choices=STATUSES, help="status of the trace")
    group.add_argument("--errors", action="store_true", help="the trace, or an operation in it, failed")
    group.add_argument("--meta", type=_label, action="append", default=[], metavar="KEY=VALUE",
                       help="metadata of the trace, or of an operation in it; may be repeated")  # fmt: skip
    group.add_argument("--score", type=_score, metavar="SCORE",
                       help="has a score: NAME, NAME=VALUE, NAME>=0.5 and the like")  # fmt: skip
    group.add_argument("--min-ms", type=_nanoseconds, metavar="MS", help="took at least this many milliseconds")
    group.add_argument("--max-ms", type=_nanoseconds, metavar="MS", help="took at most this many milliseconds")
    for name, about in _AMOUNTS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=_amount, metavar="N", help=about)
    group.add_argument("--since", type=_moment, metavar="TIME",
                       help="began at or after: an age (90s, 30m, 12h, 7d, 2w) or an ISO 8601 time")  # fmt: skip
    group.add_argument("--until", type=_moment, metavar="TIME", help="began before: an age or a time, as for --since")


_TEXTS: Final = {
    "agent": "the trace's agent id, or the name of an agent in it",
    "tag": "a tag of the trace, or of an operation in it",
    "user": "the user's id",
    "conversation": "the conversation's id",
    "version": "the version that the trace was recorded with",
    "environment": "the environment that it was recorded in",
    "text": "a string in a name, input, output or error (case is ignored)",
    "kind": "has an operation of this kind: agent, tool, llm, memory, retriever, ...",
    "tool": "the name of a tool that was called",
    "model": "the model of an agent or a call",
    "error_type": "the type of an error in it, such as TimeoutError",
}
_AMOUNTS: Final = {
    "min_tokens": "used at least this many tokens",
    "max_tokens": "used at most this many tokens",
    "min_cost": "cost at least this much",
    "max_cost": "cost at most this much",
}


def wanted_by(arguments: argparse.Namespace) -> Filter:
    """Make the filter from the options of :func:`add_filters` and :func:`add_order`."""
    sort: str = getattr(arguments, "sort", None) or "start"
    return Filter(
        **{name: getattr(arguments, name) for name in (*_TEXTS, *_AMOUNTS)},
        status=arguments.status,
        has_errors=arguments.errors or None,
        metadata=tuple(arguments.meta),
        score=arguments.score,
        min_ns=arguments.min_ms,
        max_ns=arguments.max_ms,
        since_ns=arguments.since,
        until_ns=arguments.until,
        sort=sort,
        ascending=sort in _ALPHABETICAL,
    )


def add_order(parser: argparse.ArgumentParser, limit: int) -> None:
    """Add the options for the order and the number of traces."""
    parser.add_argument(
        "--sort",
        choices=tuple(ORDERS),
        default="start",
        metavar="ORDER",
        help="the latest, longest, most expensive and so on first: %(choices)s (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=count, default=limit, metavar="N", help="how many at most (default: %(default)s)"
    )


# Sorted from A to Z; all other orders begin with the largest.
_ALPHABETICAL: Final = frozenset(
    ("agent", "name", "status", "model", "user", "conversation", "version", "environment", "tags")
)


def _label(text: str) -> tuple[str, str]:
    """Parse a key and a value of metadata."""
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    return key, value


def _score(text: str) -> ScoreCondition:
    """Parse a condition on a score."""
    found = ScoreCondition.parse(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"must be NAME, NAME=VALUE or NAME>=NUMBER, got {text!r}")
    return found


def _nanoseconds(milliseconds: str) -> int:
    return int(_milliseconds(milliseconds) * 10**6)


def _moment(text: str) -> int:
    """Parse an age or an ISO 8601 time, as nanoseconds since the epoch."""
    age = with_unit(text, AGES)
    moment = clock.parse_iso(text) if age is None else max(clock.nanoseconds() - int(age * 10**9), -(2**63))
    if moment is None or not -(2**63) <= moment < 2**63:
        raise argparse.ArgumentTypeError(f"must be an age such as 90s, 12h or 7d, or an ISO 8601 time, got {text!r}")
    return moment


def opened(path: Path) -> Store:
    """Return the store at ``path``.

    Raises:
        NothingRecordedError: it does not exist.
    """
    if _is_missing(path):
        raise NothingRecordedError(
            _unstored(path)
            or f"nothing has been recorded yet: there is no {path}. Run a program that makes a VoltAgentSDK(), or any "
            "program with decorators and VOLTAGENT_EXPORTER=local; --db or VOLTAGENT_LOCAL_PATH names another store."
        )
    return open_store(path)


def nothing_stored(path: Path) -> NothingRecordedError:
    """Explain that a store has no traces."""
    return NothingRecordedError(_unstored(path) or f"nothing has been recorded yet in {path}.")


def note_destination(path: Path) -> None:
    """Write to stderr where the programs of this environment send their records, unless that is the store at ``path``.

    Has no effect if the user named another store than that of the environment.
    """
    place = _destination(path)
    if place:
        print(encodable(f"voltagent: {place}"), file=sys.stderr)


def _unstored(path: Path) -> str:
    """Explain that a program is recording but has stored nothing yet; an empty string if none is."""
    if not has_live_writer(path):
        return ""
    return (
        f"a program is recording, but has stored nothing in {path} yet: records arrive half a second after they were "
        "made; with auto_flush=False on flush(), shutdown() and exit"
    )


def _destination(path: Path) -> str:
    """Return why new records do not go to this store; empty if they do."""
    if path != settings.local_path():
        return ""
    try:
        in_force = settings.load()
    except ValidationError as exc:
        return f"nothing is recorded here, because of the environment: {exc}"
    if not in_force.enabled:
        return "recording is switched off in this environment (VOLTAGENT_ENABLED)"
    if "local" in in_force.exporter:
        return ""
    if in_force.exporter == ("none",):
        return "recording is switched off in this environment (VOLTAGENT_EXPORTER=none)"
    places = {
        "otlp": in_force.otlp.endpoint if in_force.otlp is not None else "",
        **dict.fromkeys(("auto", "rest"), in_force.base_url),
    }
    named = ", ".join(dict.fromkeys(settings.shown_url(places.get(name, "")) for name in in_force.exporter))
    return (
        f"records go to {named}, as the environment says, and not into this store; "
        f"VOLTAGENT_EXPORTER={','.join(in_force.exporter)},local records into both"
    )


# Filters whose values a user may misspell, with the lists of those that occur.
_NAMED: Final = {
    "agent": "agents", "tool": "tools", "model": "models", "error_type": "error_types", "kind": "kinds", "tag": "tags",
    "user": "users", "conversation": "conversations", "version": "versions", "environment": "environments",
}  # fmt: skip


def nothing_matches(store: Store, wanted: Filter) -> NothingRecordedError:
    """Return the error for filters that choose no trace, with the nearest value of the first one that is unknown."""
    from voltagent.records.queries import facets  # imported here, as only mistakes need it

    known, hint = facets(store), ""
    for name, values in _NAMED.items():
        value = getattr(wanted, name)
        if value is not None and value not in getattr(known, values):
            near = nearest(value, getattr(known, values))
            hint = f"; did you mean --{name.replace('_', '-')} {near!r}?" if near else ""
            break
    return NothingRecordedError(f"no trace matches the filters in {store.path}{hint}")


def chosen(store: Store, identifier: str | None) -> StoredTrace:
    """Select the trace with this id, the newest of an agent with this name, or the trace whose id begins like this.

    Without an identifier, select the newest trace.

    Raises:
        NothingRecordedError: no trace matches.
    """
    trace = select_trace(store, identifier)
    if trace is None and identifier is None:
        raise nothing_stored(store.path)
    if trace is None:
        from voltagent.records.queries import facets  # imported here, as only mistakes need it

        near = nearest(identifier or "", facets(store).agents)
        hint = f"did you mean {near!r}? " if near else ""
        raise NothingRecordedError(
            f"no trace has the id {identifier!r}, an id with this prefix, or an agent of this name, "
            f"in {store.path}; {hint}`voltagent traces` lists the traces"
        )
    return trace


def _is_missing(path: Path) -> bool:
    """Return whether a file is known not to exist; one in a folder that cannot be read may exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it may exist: the store explains the problem
        return False
    return False


def exists(path: Path) -> bool:
    """Return whether a file or folder exists. Returns false if this user may not look, where `Path.exists` raises."""
    try:
        return path.exists()
    except OSError:
        return False


def dangling_link(path: Path) -> Path | None:
    """Return the symbolic link, the path itself or a folder above it, that names a place which does not exist."""
    existing = next((one for one in (path, *path.parents) if os.path.lexists(one)), None)
    if existing is None or not os.path.islink(existing):  # noqa: PTH114 - unlike `Path.is_symlink`, never raises
        return None
    try:
        existing.stat()
    except FileNotFoundError:
        return existing
    except OSError:  # this user may not look there
        pass
    return None
