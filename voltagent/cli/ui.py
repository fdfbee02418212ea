"""``voltagent ui``: the local store as a page in the browser."""

from __future__ import annotations

import argparse
import errno
import logging
import sys
import threading
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltagent.cli import add_command
from voltagent.cli.arguments import add_db, exists
from voltagent.cli.numbers import whole_number
from voltagent.cli.terminal import encodable
from voltagent.core.guard import logger
from voltagent.errors import VoltAgentError
from voltagent.records.reading import list_traces, open_store
from voltagent.render.text import printable
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.viewer_address import DEFAULT_PORT, announced

if TYPE_CHECKING:
    from voltagent.server.server import Server

PORTS: Final = range(DEFAULT_PORT, DEFAULT_PORT + 20)  # tried one after the other
_IN_TERMINAL: Final = ("www-browser", "links", "elinks", "lynx", "w3m")  # these would overwrite our output

_EXAMPLES: Final = """\
examples:
  voltagent ui                          the local store
  voltagent ui --db run.db              another store
  voltagent ui --port 8080 --no-open    for a browser on another machine, after
                                        ssh -L 8080:localhost:8080 HOST there

The page shows what other processes record while they run. It is served to this
machine only. Other programs, in any language, may send to the same port: OTLP to
/v1/traces, or the REST API. Ctrl-C ends the command with exit status 0."""


class UnusablePortError(VoltAgentError):
    """The server cannot listen; the message gives the reason and a remedy."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "ui",
        _run,
        "show traces in the browser, live",
        "Show the local store as a page in the browser: a list of traces, each as a tree and a time line, "
        "and metrics over time.",
        _EXAMPLES,
    )
    parser.add_argument("--port", type=whole_number(most=65_535), metavar="PORT",
                        help=f"a port; 0 for any free one (default: {DEFAULT_PORT}, or the next free one)")  # fmt: skip
    parser.add_argument("--no-open", action="store_true", help="do not open the browser, only print the address")
    add_db(parser)


def _run(arguments: argparse.Namespace) -> int:
    serve(arguments.db, arguments.port, browse=not arguments.no_open)
    return 0


def serve(path: Path, port: int | None = None, *, at: str = "", browse: bool = True) -> None:
    """Serve a store until Ctrl-C, and open the browser.

    Args:
        path: the store's file. It may not exist yet.
        port: ``None`` for the default port, or the next free one.
        at: the part of the page to open, such as ``#/trace/3f2a``.
        browse: whether to open a browser; if there is none, only the address is printed.

    Raises:
        UnusablePortError: the server cannot listen.
        StoreError: the file is not a store, or cannot be read.
    """
    try:
        with open_store(path, missing_is_empty=True) as store:
            list_traces(store, limit=1)  # reports a problem with the file now, and not only on the page
            with _listening(store, port) as server:
                address = f"{server.url}/{at}"
                _announce(path, address)
                if browse:
                    # in a thread, because some browsers block until they are closed
                    threading.Thread(target=open_browser, args=(address,), daemon=True).start()
                with _log_on_stderr(), announced(path, int(server.url.rpartition(":")[2])):
                    server.serve_forever()
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has printed ^C: begin a new line


def _listening(store: Store, port: int | None) -> Server:
    """Return a server on the port, or without one on the first of the usual ports that is free."""
    from voltagent.server.server import Server  # no other command needs it

    ports = PORTS if port is None else (port,)
    for number in ports:
        try:
            return Server(store, number)
        except OSError as exc:  # noqa: PERF203 - the next port may be free
            if port is not None or exc.errno != errno.EADDRINUSE:
                raise UnusablePortError(
                    f"port {number} cannot be used: {exc.strerror or exc}. Name another with --port, or --port 0 "
                    "for any free one."
                ) from exc
    raise UnusablePortError(
        f"the ports {ports[0]} to {ports[-1]} are all in use: stop another `voltagent ui`, or use --port 0"
    )


@contextmanager
def _log_on_stderr() -> Generator[None]:
    """Log to stderr: here the library is the program, and its page refers to the log."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _announce(path: Path, address: str) -> None:
    print(encodable(printable(f"voltagent is at {address}  (Ctrl-C ends it)")), flush=True)
    if not exists(path):
        hint = "Run a program that uses voltagent, or send to this address: what comes appears by itself."
        print(encodable(printable(f"Nothing has been recorded yet: there is no {path}. {hint}")), flush=True)


def open_browser(address: str) -> None:
    """Open an address in a browser with a window, if there is one."""
    try:
        browser = webbrowser.get()
        if getattr(browser, "name", "") not in _IN_TERMINAL:
            browser.open(address)
    except (webbrowser.Error, OSError):
        pass  # the address is printed
