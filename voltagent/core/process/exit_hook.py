"""One exit hook, registered when the package is imported: those that are registered during exit are never called."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from voltagent.core.process.own_threads import innermost_frames

_calls: Final[list[Callable[[], None]]] = []
_began: Final[list[bool]] = []


def call_at_exit(function: Callable[[], None]) -> None:
    """Call a function when the process ends, after the exit hooks that the program registered since our import."""
    _calls.append(function)


def began() -> bool:
    """Return whether our hook has run: what is added now is not called any more."""
    return bool(_began)


def is_worker_process() -> bool:
    """Return whether ``multiprocessing``, multiprocess, loky, billiard (celery), Ray or rq started this process.

    It may be ended at any moment, without an exit hook.
    """
    loaded = (sys.modules.get(name) for name in _STARTERS)
    if any(process is not None and type(process.current_process()).__name__ != _MAIN for process in loaded):
        return True
    # Read as Ray stores it, and not by its functions: in a process that only imports Ray, there is no mode.
    ray_worker = getattr(sys.modules.get(_RAY), "global_worker", None)
    if ray_worker is not None and getattr(ray_worker, "mode", None) == _RAY_WORKER:
        return True
    return "rq" in sys.modules and _runs_job()


def _runs_job() -> bool:
    """Return whether rq forked this process for one job, behind which it calls ``os._exit``.

    It keeps that where nothing else can read it, but for the function that runs the job on the main thread.
    """
    frame = innermost_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_code.co_name != _JOB:
        frame = frame.f_back
    return frame is not None


_STARTERS: Final = ("multiprocessing.process", "multiprocess.process", "billiard.process")
_JOB: Final = "main_work_horse"
_RAY: Final = "ray._private.worker"
_RAY_WORKER: Final = 1  # `WORKER_MODE` there; a driver has 0
_MAIN: Final = "_MainProcess"  # all have this class for a process that they did not start


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
