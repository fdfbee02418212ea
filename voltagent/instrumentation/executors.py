"""Carry the current operation into threads and pools of threads: what runs there is recorded under it.

Only our own variable is carried, never the program's whole context: the program must not behave in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent.core.context import CURRENT, current_span, set_current
from voltagent.core.guard import guard
from voltagent.core.span import Span
from voltagent.instrumentation.patches import Patch

# Threads that serve many callers: those get the operation of each task, not that of the task which started the thread.
_SERVING: Final = ("concurrent.futures", "multiprocessing", "voltagent")


class _Carried:
    """A function, to be called under the span that was current when it was handed over."""

    __slots__ = ("_function", "_span")

    def __init__(self, function: Callable[..., Any], span: Span | None) -> None:
        self._function = function
        self._span = span

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = CURRENT.get()
        set_current(self._span)
        try:
            return self._function(*args, **kwargs)
        finally:
            set_current(before)


def _submit(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args:  # else the program made a mistake, which `submit` reports
        args = (_Carried(args[0], current_span()), *args[1:])
    return wrapped(*args, **kwargs)


def _start(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with guard:
        span = current_span()
        if span is not None and not _serves(instance):
            _carry_into(instance, span)
    return wrapped(*args, **kwargs)


def _serves(thread: object) -> bool:
    fields: Mapping[str, Any] = vars(thread)
    target = fields.get("_target")
    module = getattr(type(thread), "__module__", "") if target is None else getattr(target, "__module__", None)
    return isinstance(module, str) and module.startswith(_SERVING)


def _carry_into(thread: Any, span: Span) -> None:
    run = thread.run

    def run_under_span() -> None:
        del thread.run  # a thread that refers to a function of its own would be left to the garbage collector
        set_current(span)
        run()

    thread.run = run_under_span


def _apply(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Hand a task to ``multiprocessing.pool.ThreadPool``; processes cannot take a span."""
    if args and _has_threads(instance):
        args = (_Carried(args[0], current_span()), *args[1:])
    return wrapped(*args, **kwargs)


def _has_threads(pool: Any) -> bool:
    return any(kind.__name__ == "ThreadPool" for kind in type(pool).__mro__)


PATCHES: Final[Mapping[str, tuple[Patch, ...]]] = {
    "concurrent.futures": (Patch("concurrent.futures.thread", "ThreadPoolExecutor", "submit", _submit),),
    "threading": (Patch("threading", "Thread", "start", _start),),
    "multiprocessing": tuple(
        Patch("multiprocessing.pool", "Pool", method, _apply)
        for method in ("apply_async", "imap", "imap_unordered", "_map_async")
    ),
}
