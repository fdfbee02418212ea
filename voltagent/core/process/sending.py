"""The threads that send. What the program has run on one, such as a finalizer, must not wait for what only it does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from voltagent.core.process import exit_hook
from voltagent.core.process.thread_marks import ThreadMarks

_threads: Final = ThreadMarks()
send_here: Final = _threads.run
is_sending: Final = _threads.has_this


def start_thread(work: Callable[[], None], name: str) -> bool:
    """Do work that sends on a daemon thread; return false if none can be started."""
    return exit_hook.start_thread(lambda: send_here(work), name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget_others)
