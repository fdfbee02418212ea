"""What a program sees of an exception, to compare runs with and without us."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import voltagent

OURS = str(Path(voltagent.__file__).parent) + os.sep


def frames(exception: BaseException) -> tuple[list[str], int]:
    """The functions in a traceback, without ours; and how many were ours."""
    names, ours, step = [], 0, exception.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename.startswith(OURS):
            ours += 1
            if step.tb_next is None and type(exception) is not RuntimeError:
                # thrown into a generator that had not started: our frame stands for the user's
                names.append("async_body" if code.co_flags & inspect.CO_ASYNC_GENERATOR else "body")
        else:
            names.append(code.co_name)
        step = step.tb_next
    return names, ours


def described(exception: BaseException | None, decorators: int = 1, depth: int = 6) -> Any:
    """All that a program can see of an exception, and of those behind it."""
    if exception is None or depth == 0:
        return None
    names, ours = frames(exception)
    assert ours <= decorators, f"{ours} frames of ours in {exception!r}"
    return (
        type(exception),
        exception.args,
        names,
        exception.__suppress_context__,
        described(exception.__cause__, decorators, depth - 1),
        described(exception.__context__, decorators, depth - 1),
    )


class Signal(Exception):
    """An exception of the user's own, with an identity."""
