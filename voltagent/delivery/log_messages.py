"""What a lane says in the log: one line per kind of trouble and minute, and one when it is over."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from voltagent.core.guard import log_once, logger
from voltagent.delivery.losses import LossCount
from voltagent.delivery.report import Report
from voltagent.exporters import Outcome, Verdict


def format_report(report: Report) -> str:
    """The counts as a line."""
    dropped = ", ".join(f"{number} {reason}" for reason, number in report.dropped.items()) or "none"
    return f"{report.recorded} recorded, {report.accepted} accepted, {report.pending} pending, dropped: {dropped}"


# Which losses an answer explains; those of a refusal have the reason that it names.
_REASON_OF: Final = {Verdict.UNAVAILABLE: "", Verdict.RETRY: "retries_exhausted"}


class LogMessages:
    """The log lines about one destination."""

    def __init__(self, name: str, losses: LossCount) -> None:
        self._name = name
        self._losses = losses
        self._down = False
        self._lost_before = 0
        self._key_refused = False

    def heard(self, answers: Sequence[Outcome], dropped: Mapping[str, int]) -> None:
        """Say what the answers to a batch mean to the user."""
        lost = sum(dropped.values())
        logged: set[tuple[Verdict, str]] = set()
        for answer in answers:
            if answer.verdict is not Verdict.ACCEPTED and (answer.verdict, answer.reason) not in logged:
                logged.add((answer.verdict, answer.reason))
                self._trouble(answer, lost)
        if self._down and not logged:
            self._down = self._key_refused = False
            lost -= self._lost_before
            level = logging.WARNING if lost else logging.INFO
            log_once(f"{self._name}:recovered", level, "%s recovered, %d events lost", self._name, lost)

    def _trouble(self, answer: Outcome, lost: int) -> None:
        if answer.verdict is Verdict.UNTRIED:
            return
        self._losses.saw(_REASON_OF.get(answer.verdict, answer.reason), answer.detail)
        if answer.verdict is Verdict.REFUSED and answer.reason == "auth":
            self._goes_down(lost)
            if not self._key_refused:
                self._key_refused = True
                logger.error(
                    "%s refused the key (settings public_key and secret_key, VOLTAGENT_PUBLIC_KEY and "
                    "VOLTAGENT_SECRET_KEY): %s; events are dropped until it is accepted",
                    self._name,
                    answer.detail,
                )
        elif answer.verdict is Verdict.REFUSED:
            self._say(answer.reason, "%s did not take an event (%s): %s", answer.reason, answer.detail)
        elif answer.verdict is Verdict.UNAVAILABLE:
            self._goes_down(lost)
            self._say("unavailable", "%s is not available, events wait: %s", answer.detail)
        else:
            self._say("retry", "%s did not take an event for now: %s", answer.detail)

    def _goes_down(self, lost: int) -> None:
        if not self._down:
            self._down = True
            self._lost_before = lost

    def _say(self, kind: str, text: str, *arguments: object) -> None:
        log_once(f"{self._name}:{kind}", logging.WARNING, text, self._name, *arguments)

    def batch(self, answers: Sequence[Outcome], seconds: float) -> None:
        """Say, to those who debug, what became of a batch."""
        if logger.isEnabledFor(logging.DEBUG):
            kinds = Counter(answer.reason or answer.verdict.value for answer in answers)
            became = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
            logger.debug("%s: %d events in %.0f ms: %s", self._name, len(answers), seconds * 1000, became)

    def finished(self, report: Report) -> None:
        """Say, to those who debug, how it ended."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s: done: %s", self._name, format_report(report))

    def full(self) -> None:
        """Say that the queue is full."""
        self._say("queue_full", "the queue to %s is full, new operations are not recorded")

    def left_behind(self, number: int) -> None:
        """Say that the end came before everything was sent."""
        if number:
            self._say("shutdown_timeout", "%s did not take the last %d events in time", number)
