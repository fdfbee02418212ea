"""The contexts that are kept while a garbage collection runs, for an error of CPython before 3.12.

There, a garbage collection can start inside `ContextVar.set` while C code walks the context's map. A finalizer that
sets a variable, its own or one of `decimal`, then frees that map, and the process crashes. So each collection keeps the
map of the context in which it starts, until a call outside any collection shows that the walk has ended: the next
recorded call, the sender before it sleeps, or the end of recording, as a map keeps the objects of the program in it.
One `set` may cause several collections, hence more than one map.
"""

from __future__ import annotations

import contextvars
import gc
import sys
from collections import deque
from functools import partial
from itertools import islice
from typing import Any, Final

if sys.version_info >= (3, 12):
    KEPT_CONTEXTS: Final[Any] = False

    def drop_contexts() -> None:
        """Do nothing: the error is mended."""

    watch_collections = stop_watching_collections = drop_contexts

else:
    _MOST_KEPT: Final = 4

    # Code that sets `context.CURRENT` itself, to save a call, first calls `drop_contexts` if there are any.
    KEPT_CONTEXTS: Final[Any] = deque[contextvars.Context](maxlen=_MOST_KEPT)

    class _Copies:
        """Yields one copy of the current context; reading ``start`` keeps one."""

        __slots__ = ()
        __iter__ = partial(islice, iter(contextvars.copy_context, object()), 1)
        start = property(KEPT_CONTEXTS.extend)

    class _Running(set[str]):
        """Non-empty during a garbage collection."""

        __slots__ = ()
        start = property(None, set.update)  # pyright: ignore
        stop = property(None, set.difference_update)  # pyright: ignore

    _running: Final = _Running()
    # Called with "start" or "stop" and a dictionary, without bytecode: what a signal handler raised would get lost. And
    # with few calls within calls: Python prints an error if a collection starts where the stack ends.
    # To run in another context makes variables forget the values that they have looked up: what a finalizer sets inside
    # of a `set` is freed when that ends.
    _run_elsewhere: Final[Any] = contextvars.Context().run
    _callbacks: Final[tuple[Any, ...]] = (partial(_run_elsewhere, setattr, _running), partial(getattr, _Copies()))

    def watch_collections() -> None:
        """Keep the context of each collection from now on, as recording begins."""
        if _callbacks[0] not in gc.callbacks:
            gc.callbacks.extend(_callbacks)

    def stop_watching_collections() -> None:
        """Stop keeping contexts, as recording has ended."""
        for callback in _callbacks:
            if callback in gc.callbacks:
                gc.callbacks.remove(callback)
        drop_contexts()

    def drop_contexts() -> None:
        """Drop the contexts that were kept, unless a collection is running."""
        if not _running:
            KEPT_CONTEXTS.clear()
