"""One exit hook, registered when the package is imported: those that are registered during exit are never called."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

_calls: Final[list[Callable[[], None]]] = []
_began: Final[list[bool]] = []


def call_at_exit(function: Callable[[], None]) -> None:
    """Call a function when the process ends, after the exit hooks that the program registered since our import."""
    _calls.append(function)


def began() -> bool:
    """Return whether our hook has run: what is added now is not called any more."""
    return bool(_began)


def is_worker_process() -> bool:
    """Return whether ``multiprocessing``, loky or billiard (celery) started this process.

    It may be ended at any moment, without an exit hook.
    """
    loaded = (sys.modules.get(name) for name in _STARTERS)
    return any(process is not None and type(process.current_process()).__name__ != _MAIN for process in loaded)


_STARTERS: Final = ("multiprocessing.process", "billiard.process")
_MAIN: Final = "_MainProcess"  # both have this class for a process that they did not start


# Packages with an `import` inside of a function that sending a record needs.
_PACKAGES: Final = frozenset(
    ("voltagent", "httpx", "httpcore", "h11", "pydantic", "pydantic_core", "certifi", "idna", "ssl", "socket", "re",
     "datetime", "_datetime", "encodings", "stringprep", "urllib", "sqlite3", "warnings", "enum", "ast")
)  # fmt: skip
_loaded: Final[dict[str, ModuleType]] = {}  # their modules, as they were when the exit hooks ran


@contextmanager
def imports_kept() -> Generator[None]:
    """Let what is inside import the modules that sending needs, also while the interpreter is being torn down.

    It has emptied the table of modules then, and so an `import` of a module that is still there fails.
    """
    added = [name for name in _loaded if sys.modules.get(name) is None] if sys.is_finalizing() else []
    sys.modules.update({name: _loaded[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            sys.modules.pop(name, None)


def _run() -> None:
    _began.append(True)
    for function in _calls:
        function()
    _loaded.update({name: one for name, one in sys.modules.items() if name.partition(".")[0] in _PACKAGES})


atexit.register(_run)
