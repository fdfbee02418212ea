"""Log messages about a destination: at most one per problem and minute, and one when the problem has ended."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from voltagent.core.context import suppress
from voltagent.core.guard import log, log_once, logger
from voltagent.delivery.account import Account
from voltagent.delivery.losses import note_answer
from voltagent.delivery.report import Report
from voltagent.exporters import Exporter, Outcome, Verdict


def _debug(text: str, *arguments: object) -> None:
    """Log a line about a batch. What a handler recorded of it would be a batch with a line of its own, without end."""
    with suppress():
        log(logging.DEBUG, text, *arguments)


# The losses that an answer explains; a refusal names its own reason.
_REASON_OF: Final = {Verdict.UNAVAILABLE: "", Verdict.RETRY: "retries_exhausted"}
_FINE: Final = (Verdict.ACCEPTED, Verdict.IN_FLIGHT, Verdict.WITH_END)


class LogMessages:
    """Logs messages about one destination, on the worker's thread only."""

    def __init__(self, exporter: Exporter, accounts: list[Account]) -> None:
        self._exporter, self._name = exporter, exporter.name
        self._accounts = accounts
        self._lost_by_ended = 0  # events of accounts that are no longer in use
        self.is_full = False  # an operation was refused, or others were evicted for it: set by any thread
        self._down = False
        self._lost_before = 0
        self._key_refused = False

    def report_answers(self, answers: Sequence[Outcome]) -> None:
        """Log what the answers to a batch mean for the user."""
        if self.is_full:
            self.is_full = False
            self._warn("queue_full", "the queue to %s is full: new operations, or the oldest traces, are dropped")
        reported: set[tuple[Verdict, str]] = set()
        for answer in answers:
            if answer.verdict not in _FINE and (answer.verdict, answer.reason) not in reported:
                reported.add((answer.verdict, answer.reason))
                self._trouble(answer)
        if self._down and not reported:
            self._down = self._key_refused = False
            lost = self._lost() - self._lost_before
            level = logging.WARNING if lost else logging.INFO
            log_once(f"{self._name}:recovered", level, "%s recovered, %d events lost", self._name, lost)

    def _lost(self) -> int:
        """Return how many events were lost so far."""
        return self._lost_by_ended + sum([sum(one.report().dropped.values()) for one in list(self._accounts)])

    def _trouble(self, answer: Outcome) -> None:
        """Log what a destination answered to an event that it did not accept, once for each state and reason."""
        if answer.verdict is Verdict.UNTRIED:
            return
        note_answer(self._exporter, _REASON_OF.get(answer.verdict, answer.reason), answer.detail)
        if answer.verdict is Verdict.REFUSED and answer.reason == "auth":
            self._note_down()
            if not self._key_refused:
                self._key_refused = True
                log(
                    logging.ERROR,
                    "%s refused the key (settings public_key and secret_key, VOLTAGENT_PUBLIC_KEY and "
                    "VOLTAGENT_SECRET_KEY): %s; events are dropped until it is accepted",
                    self._name,
                    answer.detail,
                )
        elif answer.verdict is Verdict.REFUSED:
            self._warn(answer.reason, "%s did not take an event (%s): %s", answer.reason, answer.detail)
        elif answer.verdict is Verdict.UNAVAILABLE:
            self._note_down()
            self._warn("unavailable", "%s is not available, events wait: %s", answer.detail)
        else:
            self._warn("retry", "%s did not take an event for now: %s", answer.detail)

    def _note_down(self) -> None:
        if not self._down:
            self._down = True
            self._lost_before = self._lost()

    def _warn(self, kind: str, text: str, *arguments: object) -> None:
        log_once(f"{self._name}:{kind}", logging.WARNING, text, self._name, *arguments)

    def report_batch(self, answers: Sequence[Outcome], seconds: float) -> None:
        """Log the outcome of a batch at debug level."""
        kinds = Counter(answer.reason or answer.verdict.value for answer in answers)
        became = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        _debug("%s: %d events in %.0f ms: %s", self._name, len(answers), seconds * 1000, became)

    def report_end(self, report: Report, *, is_last: bool) -> None:
        """Log the final counts of an account at debug level; ``is_last`` if it is not in use any more."""
        self._lost_by_ended += is_last * sum(report.dropped.values())
        if logger.isEnabledFor(logging.DEBUG):
            dropped = ", ".join(f"{number} {reason}" for reason, number in report.dropped.items()) or "none"
            counts = report.recorded, report.accepted, report.pending, dropped
            _debug("%s: done: %d recorded, %d accepted, %d pending, dropped: %s", self._name, *counts)

    def report_lost(self, number: int) -> None:
        """Log that the program ended before everything was sent."""
        if number:
            self._warn("shutdown_timeout", "%s did not take the last %d events in time", number)
