"""The platform, over the wire that it supports: the REST history API, or OTLP if the server has dropped that."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from voltagent.core.guard import log_once
from voltagent.core.span import SpanEvent
from voltagent.exporters import Outcome
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter


class AutoExporter:
    """Sends over REST until the server reports that this API is gone; then over OTLP for the life of the process.

    ``rest`` needs ``may_move=True``: it then reports events that a server without the API refused as untried, so that
    they come again and none is lost.
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
        """When the destination last answered, on ``clock.monotonic``."""
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
        """Return the outcomes of unanswered requests, on either wire."""
        return [*self._rest.late(), *self._otlp.late()]

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events of the current batch."""
        return self._current.answered()

    def forget(self, trace_id: int | str) -> None:
        """Forget an ended trace."""
        self._current.forget(trace_id)

    def memory(self, trace_id: int | str) -> bytes | None:
        """Return the state of a trace for another process."""
        return self._current.memory(trace_id)

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Restore the state of a trace from another process, on either wire."""
        self._rest.restore(trace_id, memory)
        self._otlp.restore(trace_id, memory)

    def after_fork(self) -> None:
        """Drop the connections in a forked child; what is known of the server still applies."""
        self._rest.after_fork()
        self._otlp.after_fork()

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()
        self._otlp.close()
