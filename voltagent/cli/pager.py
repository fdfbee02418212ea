"""Write long output through a pager, as `git` and `man` do, if it does not fit on the terminal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable

from voltagent import settings
from voltagent.cli.terminal import encodable


def write(lines: Iterable[str], *, paged: bool = True) -> None:
    """Print lines, through the pager of the environment if they do not fit on the terminal.

    Args:
        lines: the lines without line ends.
        paged: ``False`` never starts a pager.
    """
    text = [encodable(line) for line in lines]
    pager = settings.pager() if paged and sys.stdout.isatty() and sys.stdin.isatty() else None
    if pager and len(text) >= shutil.get_terminal_size((80, 24)).lines and shutil.which(pager[0]) is not None:
        _page(pager, "\n".join(text) + "\n")
    else:
        for line in text:
            print(line)


def _page(pager: list[str], text: str) -> None:
    """Show a text in a pager, which the user may leave at any time."""
    sys.stdout.flush()
    with subprocess.Popen(pager, stdin=subprocess.PIPE, text=True, encoding=sys.stdout.encoding) as process:  # noqa: S603 - the user's own
        try:
            process.communicate(text)
        except BrokenPipeError:
            pass  # the user has left the pager
        except KeyboardInterrupt:
            process.wait()
