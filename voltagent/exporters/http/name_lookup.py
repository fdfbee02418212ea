"""Name look-ups under gevent at the end of a process.

gevent looks names up on threads of its own. From Python 3.12 on no thread can start while the interpreter ends, so a
program that connects for the first time then would lose all that it recorded.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from voltagent.core.guard import pass_on_interrupt


def look_up_here() -> bool:
    """Have gevent look names up on the thread that needs them, from now on; return whether that is a change."""
    gevent: Any = sys.modules.get("gevent")
    if gevent is None:
        return False
    hub, blocking = gevent.get_hub(), importlib.import_module("gevent.resolver.blocking")
    try:
        if isinstance(hub.resolver, blocking.Resolver):
            return False
    except RuntimeError as exc:  # it has none yet, and none with threads can be made any more
        pass_on_interrupt(exc)
    hub.resolver = blocking.Resolver(hub)
    return True
