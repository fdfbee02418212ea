"""What a process lost on the way to each destination: one line for each on stderr, when the process ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from voltagent.core.process.stderr import add_exit_lines
from voltagent.delivery.report import Report
from voltagent.exporters import Exporter

_STORE: Final = "the store "  # the beginning of an error of the local one
_DOCTOR: Final = "run `voltagent doctor`"
_LONGEST: Final = 160  # characters of what a destination answered
_MOST_DESTINATIONS: Final = 8  # that are named; a process with more has other troubles
_NOT_LOST: Final = "fork"  # the parent process sends those

_WHY: Final[Mapping[str, str]] = {
    "auth": "the key was refused",
    "rejected": "they were refused",
    "too_large": "they were too large",
    "retries_exhausted": "it answered with errors",
    "queue_full": "more was recorded than could be sent",
    "serialize_error": "they could not be made safe to send",
    "shutdown_timeout": "the program ended before there was an answer",
}
# What an exception's text begins with before it says what happened: its type, and the number of the system's error.
TECHNICAL: Final = re.compile(r"^(?:[A-Za-z]+(?:Error|Timeout): )?(?:\[Errno -?\d+\] )?")


class _Destination:
    """The counts of all workers of one process that send to one destination."""

    def __init__(self) -> None:
        self.recorded = 0
        self.waiting = 0  # kept in the spool, because the destination did not take them
        self.lost: Counter[str] = Counter()
        self.answers: dict[str, str] = {}  # the last answer that explains a loss, by reason

    def lines(self, destination: str) -> Iterator[str]:
        """Yield the line for stderr that says how many events were lost, or wait on disk, and why."""
        lost = sum(self.lost.values())
        if lost:
            yield f"{lost} of {self.recorded} events to {destination} were lost: {self._why()}; {_DOCTOR}"
        elif self.waiting:
            answer = f": {self.answers['']}" if "" in self.answers else ""
            yield f"{self.waiting} of {self.recorded} events to {destination} wait in the spool{answer}; {_DOCTOR}"

    def _why(self) -> str:
        """Say the reasons of the losses, the most frequent first, with their numbers if there are several."""
        reasons = [(number, self._reason(reason)) for reason, number in self.lost.most_common()]
        if len(reasons) == 1:
            return reasons[0][1]
        return ", ".join(f"{number} because {reason}" for number, reason in reasons)

    def _reason(self, reason: str) -> str:
        answer = self.answers.get(reason) or (self.answers.get("") if reason == "shutdown_timeout" else None)
        if reason == "shutdown_timeout":
            put_off = self.answers.get("retries_exhausted")  # such answers were not enough yet to give them up
            if answer:
                return _unavailable(answer)
            if put_off:
                return f"it did not take them in time ({put_off})"
        return _WHY.get(reason, reason) + (f" ({answer})" if answer else "")


def _unavailable(answer: str) -> str:
    if answer.startswith("HTTP"):
        return f"it was not available ({answer})"
    return answer if answer.startswith(_STORE) else f"no connection ({answer})"


_destinations: Final[dict[str, _Destination]] = {}


def _destination(exporter: Exporter) -> _Destination | None:
    """Return the counts of a destination; ``None`` if there are too many to name it."""
    place = str(getattr(exporter, "place", exporter.name))  # as users know it
    if len(_destinations) >= _MOST_DESTINATIONS and place not in _destinations:
        return None
    return _destinations.setdefault(place, _Destination())


def note_answer(exporter: Exporter, reason: str, answer: str) -> None:
    """Remember the answer that explains the losses of this reason; ``""`` if the destination cannot be reached."""
    if answer and (found := _destination(exporter)) is not None:
        answer = answer.replace(f"{_STORE}{getattr(exporter, 'place', '')} ", _STORE, 1)  # which the line names already
        found.answers[reason] = TECHNICAL.sub("", answer)[:_LONGEST].strip()


def add_losses(exporter: Exporter, report: Report, *, keeps: bool) -> None:
    """Add the final counts of an SDK. ``keeps``: what is pending is in the spool, else it is lost."""
    found = _destination(exporter)
    if found is None:
        return
    found.recorded += report.recorded
    if keeps:
        found.waiting += report.pending
    elif report.pending:
        found.lost["shutdown_timeout"] += report.pending
    found.lost.update({reason: n for reason, n in report.dropped.items() if n and reason != _NOT_LOST})


def forget_losses() -> None:
    """Forget the losses in a forked child: the parent reports its own."""
    _destinations.clear()


def _lines() -> Iterator[str]:
    for destination, found in tuple(_destinations.items()):
        yield from found.lines(destination)


add_exit_lines(_lines)
