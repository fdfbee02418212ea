"""Carry the current operation into threads, processes and pools of them: what runs there is recorded under it.

Only our own variables are carried, never the program's whole context: the program must not behave in another way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent.core.guard import guard
from voltagent.core.handover import Activation, Moment, Work
from voltagent.core.open_operations import place_in_program
from voltagent.instrumentation.patches import Patch

# Threads and processes that serve many callers: those get the operation of each task, not that of the task which
# happened to start them.
_SERVING: Final = ("concurrent.futures", "multiprocessing", "joblib.externals.loky", "loky", "billiard", "voltagent")


def _hand_over(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Hand over the function that is the first argument of ``submit`` and its likes."""
    if args and callable(args[0]):  # else the program made a mistake, which the executor reports
        args = (Work(args[0], Moment.now()), *args[1:])
    return wrapped(*args, **kwargs)


def _start_thread(wrapped: Callable[..., Any], thread: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Start a thread under the current operation; that of a server only notes where it was started."""
    with guard:
        moment = Moment.now()
        if not moment.is_empty:
            if _serves(thread):
                thread._voltagent_place = place_in_program(sys._getframe(1))  # noqa: SLF001 - of the first task  # pyright: ignore
            else:
                _carry_into(thread, moment)
    return wrapped(*args, **kwargs)


def _serves(started: object) -> bool:
    fields: Mapping[str, Any] = vars(started)
    target = fields.get("_target")
    module = getattr(type(started), "__module__", "") if target is None else getattr(target, "__module__", None)
    return isinstance(module, str) and module.startswith(_SERVING)


def _carry_into(thread: Any, moment: Moment) -> None:
    """Let a thread run with what is current now."""
    run = thread.run

    def run_in_moment() -> None:
        del thread.run  # a thread that refers to a function of its own would be left to the garbage collector
        moment.enter()
        run()

    thread.run = run_in_moment


def _start_process(wrapped: Callable[..., Any], process: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Start a process under the current operation.

    A forked process inherits what is current; any other unpickles its process object, and this with it.
    """
    serves = True
    with guard:
        serves = _serves(process)
        moment = Moment.now()
        if not serves:
            process._voltagent = Activation(moment)  # noqa: SLF001 - ours
    try:
        return wrapped(*args, **kwargs)
    finally:
        if hasattr(process, "_voltagent"):
            del process._voltagent  # noqa: SLF001


_POOL_METHODS: Final = ("apply_async", "imap", "imap_unordered", "_map_async")
_EXECUTORS: Final = (
    ("concurrent.futures.thread", "ThreadPoolExecutor"),
    ("concurrent.futures.process", "ProcessPoolExecutor"),
    ("loky.process_executor", "ProcessPoolExecutor"),
    ("joblib.externals.loky.process_executor", "ProcessPoolExecutor"),
)

PATCHES: Final[Mapping[str, tuple[Patch, ...]]] = {
    "concurrent.futures": tuple(Patch(module, owner, "submit", _hand_over) for module, owner in _EXECUTORS),
    "threading": (Patch("threading", "Thread", "start", _start_thread),),
    "multiprocessing": (
        *(Patch("multiprocessing.pool", "Pool", method, _hand_over) for method in _POOL_METHODS),
        Patch("multiprocessing.process", "BaseProcess", "start", _start_process),
    ),
}
