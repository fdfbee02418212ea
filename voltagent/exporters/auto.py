"""The platform, by whichever wire it speaks: the REST history API, or OTLP where the server has moved on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from voltagent.core.guard import log_once
from voltagent.core.span import SpanEvent
from voltagent.exporters import Outcome
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter


class AutoExporter:
    """Sends over REST until the server says that this API is gone; over OTLP for the rest of the process's life.

    ``rest`` must have been made with ``may_move=True``: it then leaves untried what a server without the API refused,
    so that the same events come again, and nothing is lost.
    """

    def __init__(self, rest: RestExporter, otlp: OtlpExporter) -> None:
        self._rest = rest
        self._otlp = otlp
        self._current: RestExporter | OtlpExporter = rest
        self.place = rest.place

    @property
    def name(self) -> str:
        """The wire in use: ``rest`` or ``otlp``."""
        return self._current.name

    @property
    def last_answer(self) -> float:
        """When the destination answered last, on ``_clock.monotonic``."""
        return self._current.last_answer

    @last_answer.setter
    def last_answer(self, moment: float) -> None:
        self._current.last_answer = moment

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Send the events; see :class:`voltagent.exporters.Exporter`."""
        outcomes = self._current.export(batch, deadline)
        if self._current is self._rest and self._rest.moved:
            log_once("auto:moved", logging.WARNING, "the server has no REST history API; sending OTLP instead")
            self._current = self._otlp
            self._rest.close()
        return outcomes

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Outcomes of requests that were left waiting, on either wire."""
        return [*self._rest.late(), *self._otlp.late()]

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """The events of the batch under way that are settled."""
        return self._current.answered()

    def forget(self, trace_id: int | str) -> None:
        """Forget a trace that has ended."""
        self._current.forget(trace_id)

    def memory(self, trace_id: int | str) -> bytes | None:
        """What another process would have to know of a trace."""
        return self._current.memory(trace_id)

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Know what another process knew of a trace, on whichever wire."""
        self._rest.restore(trace_id, memory)
        self._otlp.restore(trace_id, memory)

    def set_deadline(self, deadline: float) -> None:
        """End an ``export`` that is going on by ``deadline``. From any thread."""
        self._rest.set_deadline(deadline)
        self._otlp.set_deadline(deadline)

    def after_fork(self) -> None:
        """In a forked child: the connections are the parent's, what was learnt of the server still holds."""
        self._rest.after_fork()
        self._otlp.after_fork()

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()
        self._otlp.close()
