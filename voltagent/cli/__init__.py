"""The command line: ``voltagent …`` and ``python -m voltagent …``.

A command is a module or package of this folder, with the command's name (``_`` for ``-``), and :data:`COMMANDS` lists
it. It has a function ``add(commands)``, which adds its parser with :func:`add_command`, and one that runs it. All other
modules are what commands share.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from voltagent._version import VERSION
from voltagent.cli.arguments import UsageError
from voltagent.cli.terminal import encodable
from voltagent.core.naming import nearest
from voltagent.errors import VoltAgentError
from voltagent.render.text import printable

COMMANDS: Final = ("show", "traces", "ui", "tail", "run", "export", "push", "prune", "doctor", "record-fixture", "mcp")

_OWN_OPTIONS: Final = ("-h", "--help", "--version")
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")

_ABOUT: Final = """\
See what your AI agents did.

Programs record into the local store, an SQLite file, unless their settings name
a server. These commands read that store."""

_EXAMPLES: Final = """\
examples:
  voltagent show                     the newest trace as a tree
  voltagent show 3f2a -v             that with this beginning of an id, in full
  voltagent show "Support Agent"     the newest trace of that agent
  voltagent traces --errors          the traces in which something failed
  voltagent ui                       everything in the browser, live
  voltagent run app.py               a program, with its model calls recorded
  voltagent doctor                   why nothing arrives

`voltagent COMMAND --help` describes a command. The exit status is 0; 1 if there
is nothing to show or something is wrong; 2 if the command line is wrong."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Invalid arguments raise ``SystemExit(2)``, as argparse does."""
    given = sys.argv[1:] if argv is None else argv
    try:
        if not given:
            _parser(given).print_help()
            return 0
        _refuse_unknown_command(given[0])
        arguments, unknown = _parser(given).parse_known_args(given)
        if unknown:
            arguments.refuse(_what_is_unknown(unknown[0], arguments.options()))
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except VoltAgentError as exc:
        print(encodable(printable(f"voltagent: {exc}"), sys.stderr), file=sys.stderr)
        return 2 if isinstance(exc, UsageError) else 1
    except BrokenPipeError:  # the reader closed the pipe, as in `voltagent traces | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
    description: str,
    examples: str = "",
    usage: str = "",
) -> argparse.ArgumentParser:
    """Add a command to the parser, and return its own, for its arguments.

    Args:
        commands: what ``add_subparsers`` returned.
        name: the command.
        run: runs it, and returns the exit status.
        about: a line for the list of commands.
        description: what it does; wrapped to the width of a terminal.
        examples: text for the end of its help, as it is.
        usage: its arguments in one line, where a list of all options would be many.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        usage=f"voltagent {name} {usage}" if usage else None,
        description=textwrap.fill(description, 80),
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, refuse=parser.error, options=lambda: _OPTION.findall(parser.format_help()))
    return parser


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; it loads the module of the command that was given only."""
    parser = argparse.ArgumentParser(
        prog="voltagent",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"voltagent {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in _wanted(given):
        import_module(f"voltagent.cli.{name.replace('-', '_')}").add(commands)
    return parser


def _refuse_unknown_command(name: str) -> None:
    """Exit with the nearest command if there is none of this name, or with the nearest option if it is one."""
    if name in COMMANDS or any(option.startswith(name) for option in _OWN_OPTIONS):
        return
    if name.startswith("-"):
        problem = _what_is_unknown(name, _OWN_OPTIONS)
    else:
        near = nearest(name, COMMANDS)
        hint = f"did you mean `voltagent {near}`?" if near else f"the commands are {', '.join(COMMANDS)}"
        problem = f"there is no command {name!r}; {hint}"
    print(encodable(printable(f"voltagent: {problem}"), sys.stderr), file=sys.stderr)
    raise SystemExit(2)


def _what_is_unknown(argument: str, options: Sequence[str]) -> str:
    """Name an argument that the command does not take, and the nearest of its options."""
    if not argument.startswith("-"):
        return f"there is one argument too many: {argument!r}"
    name = argument.partition("=")[0]
    near = nearest(name, options)
    return f"there is no option {name}" + (f"; did you mean {near}?" if near else "")


def _wanted(given: Sequence[str]) -> Sequence[str]:
    """Return the given command; all commands for a list of them: some import httpx, which takes longer than others."""
    if given and given[0] == "--version":
        return ()
    return given[:1] if given and given[0] in COMMANDS else COMMANDS
