"""``voltagent run``: run an unchanged program and record its model calls."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any, Final

from voltagent.cli import add_command
from voltagent.core import context
from voltagent.errors import VoltAgentError
from voltagent.instrumentation import instrument
from voltagent.sdk import from_environment

_EXAMPLES: Final = """\
examples:
  voltagent run app.py --port 8000     a file, with its own arguments
  voltagent run -m package             a module

The requests of the clients openai, anthropic and google-genai are recorded, and
threads, executors and processes keep the current operation. Records go to the
destination that the environment names (VOLTAGENT_...), else to the local store."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "run",
        _run,
        "run a program, and record its model calls",
        "Run a Python program as `python` would, and record its model calls.",
        _EXAMPLES,
        "[-m] PROGRAM [ARGUMENT ...]",
    )
    parser.add_argument("-m", dest="is_module", action="store_true", help="the program is a module, as for `python -m`")
    parser.add_argument("program", metavar="PROGRAM", help="a file, a folder with a __main__.py, or a module")
    rest = parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="passed to the program")
    rest.required = False  # in the error message for a missing PROGRAM


class NoProgramError(VoltAgentError):
    """The program to run does not exist."""


def _run(arguments: argparse.Namespace) -> int:
    """Run a program as ``python`` would, with recording by the environment and the clients instrumented."""
    program: str = arguments.program
    if not arguments.is_module and not Path(program).exists():
        raise NoProgramError(f"no file {program} exists; for a module, write voltagent run -m {program}")
    sys.argv = [program, *arguments.arguments]
    sys.path[0] = str(Path.cwd() if arguments.is_module else Path(program).resolve().parent)
    context.on_first_use(lambda: from_environment(always=True))
    instrument()
    if not arguments.is_module:
        runpy.run_path(program, run_name="__main__")
        return 0
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except ImportError as exc:
        if _began(exc):
            raise
        raise NoProgramError(f"the module {program} cannot be run: {exc}") from None
    return 0


def _began(exc: ImportError) -> bool:
    """Return whether code of the program raised this, and not the search for its module."""
    traceback = None if exc.__traceback__ is None else exc.__traceback__.tb_next  # below the frame that called runpy
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") != runpy.__name__:
            return True
        traceback = traceback.tb_next
    return False
