"""When the export of a batch must end: one object for all that waits in it, which another thread may bring forward."""

from __future__ import annotations

from collections.abc import Sequence


class Deadline(float):
    """A moment on :func:`voltagent.core.clock.monotonic`. Those who shut down meanwhile add an earlier one to a list.

    A float: an exporter that does not look again takes it for the moment that was known when it began.
    """

    sooner: Sequence[float] = ()


def ends_by(deadline: float) -> float:
    """Return the moment by which an export must end, as far as is known now."""
    return min((deadline, *deadline.sooner)) if isinstance(deadline, Deadline) else deadline
