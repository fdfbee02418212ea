"""The spans of one batch on their way over OTLP: requests that are not too large, and what the answers mean."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltagent.core.guard import log_once
from voltagent.core.span import Phase, SpanEvent
from voltagent.exporters import ACCEPTED, UNTRIED, Outcome, Verdict
from voltagent.exporters.http import HttpResponse
from voltagent.wire.otlp.encode import OtlpMessage, trimmed

if TYPE_CHECKING:
    from voltagent.exporters.otlp import OtlpExporter

FRAME: Final = 8  # bytes that a span costs in a request beside its own
_REQUESTS: Final = 32  # for one batch: finding one bad span among 256 takes 16
_ONE_REQUEST: Final = (Verdict.REFUSED, Verdict.IN_FLIGHT)  # which say nothing of the other requests of a batch
_TRIED_AGAIN: Final = (Verdict.UNTRIED, Verdict.RETRY, Verdict.UNAVAILABLE)
WITH_END: Final = Outcome(Verdict.WITH_END)  # OTLP knows neither the start of a span nor a change of it


@dataclass(frozen=True, slots=True)
class Item:
    """A span on its way."""

    number: int  # of its event in the batch
    message: OtlpMessage | None  # None of a plain span, which is small
    content: bytes


class SpanBatch:
    """The spans of one batch on their way, in as few requests as the destination takes them."""

    def __init__(
        self, exporter: OtlpExporter, batch: Sequence[SpanEvent], deadline: float, outcomes: list[Outcome | None]
    ) -> None:
        self._batch = batch
        self._exporter = exporter
        self._deadline = deadline
        self._outcomes = outcomes
        self._requests = 0
        self._halted = False

    def run(self, items: Sequence[Item]) -> None:
        """Send them all, in requests that are not too large."""
        start = size = 0
        for place, item in enumerate(items):
            cost = len(item.content) + FRAME
            if size and size + cost > self._exporter.space:
                self._deliver(items[start:place])
                start, size = place, 0
            size += cost
        self._deliver(items[start:])

    def _deliver(self, items: Sequence[Item]) -> None:
        """Send spans in one request, in halves if it is too large or refused; leave it waiting if it hangs."""
        if not items:
            return
        if self._halted:
            self._settle(items, UNTRIED)
            return
        self._requests += 1
        outcome, answer = self._exporter.post(items, self._batch, self._deadline)
        if outcome.verdict is Verdict.ACCEPTED and answer is not None:
            self._accepted(items, answer)
        elif self._can_split(answer, items):
            self._deliver(items[: len(items) // 2])
            self._deliver(items[len(items) // 2 :])
        elif outcome.reason == "too_large" and len(items) == 1:
            message = items[0].message or self._exporter.message(self._batch[items[0].number])
            small = Item(items[0].number, None, self._exporter.encoded(trimmed(message)))
            self._settle(items, self._exporter.post([small], self._batch, self._deadline)[0])
        else:
            # a missing endpoint, or one that refuses the key, refuses the rest of the batch, too
            self._halted = outcome.verdict not in _ONE_REQUEST or outcome.reason == "auth"
            self._settle(items, outcome)

    def _can_split(self, answer: HttpResponse | None, items: Sequence[Item]) -> bool:
        """Return whether halves may fare better: all of it was too much, or one span in it was bad."""
        if answer is None or len(items) == 1:
            return False
        return answer.status == 413 or (answer.status in (400, 422) and self._requests < _REQUESTS)

    def _accepted(self, items: Sequence[Item], answer: HttpResponse) -> None:
        """Settle a request that was accepted, with the number of spans that a partial success rejects."""
        count, message = self._exporter.rejected(answer)
        self._settle(items, ACCEPTED)
        if count:  # which ones it does not say, and they must not be sent again
            self._settle(items[-count:], Outcome(Verdict.REFUSED, "rejected", f"partial success: {message}"))
        elif message:
            log_once("otlp:warning", logging.WARNING, "the OTLP destination warns: %s", message)

    def _settle(self, items: Sequence[Item], outcome: Outcome) -> None:
        for item in items:
            self._outcomes[item.number] = outcome


def as_their_ends(batch: Sequence[SpanEvent], outcomes: Sequence[Outcome | None]) -> list[Outcome]:
    """Return the outcomes, in which an event without a form of its own shares that of the end of its span."""
    found = [outcome or UNTRIED for outcome in outcomes]
    ends = {id(span): outcome for (phase, span, _), outcome in zip(batch, found, strict=True) if phase is Phase.END}
    for number, (_, span, _) in enumerate(batch):
        end = ends.get(id(span)) if found[number] is WITH_END else None
        if end is not None and end.verdict is Verdict.ACCEPTED:
            found[number] = ACCEPTED
        elif end is not None and end.verdict in _TRIED_AGAIN:
            found[number] = UNTRIED
    return found
