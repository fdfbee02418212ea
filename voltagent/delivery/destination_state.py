"""Whether a destination can be sent to: four states, and one table of the transitions between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final

from voltagent.exporters import Outcome, Verdict
from voltagent.exporters.http_status import RETRY_AFTER_CAP

_NOTHING_TRIED: Final = 0.02  # seconds of pause after a batch in which no event was tried, to avoid a busy loop
_AGAIN: Final = (Verdict.RETRY, Verdict.UNAVAILABLE)


class State(Enum):
    """What is known of a destination."""

    __hash__ = object.__hash__  # in C: each member is one object

    UP = "up"
    DOWN = "down"  # not tried before `until`
    PROBING = "probing"  # the next batch is one event, to see whether it is back
    UNAUTHORIZED = "unauthorized"  # it refused the key: not tried before `until`, and what comes meanwhile is dropped


class Signal(Enum):
    """What may change it."""

    __hash__ = object.__hash__

    ANSWERED = "answered"  # it took an event, or refused one for good
    UNAVAILABLE = "unavailable"
    KEY_REFUSED = "key refused"
    TIME = "time"  # `until` has come


# for each state, what follows each signal in the order above
_ROWS: Final = {
    State.UP: (State.UP, State.DOWN, State.UNAUTHORIZED, State.UP),
    State.DOWN: (State.UP, State.DOWN, State.UNAUTHORIZED, State.PROBING),  # answered: a request from before that
    State.PROBING: (State.UP, State.DOWN, State.UNAUTHORIZED, State.PROBING),
    State.UNAUTHORIZED: (State.UP, State.UNAUTHORIZED, State.UNAUTHORIZED, State.PROBING),
}
TRANSITIONS: Final[Mapping[tuple[State, Signal], State]] = MappingProxyType(
    {(state, signal): after for state, row in _ROWS.items() for signal, after in zip(Signal, row, strict=True)}
)


class DestinationState:
    """The state of one destination. Times are on :func:`voltagent.core.clock.monotonic`."""

    __slots__ = ("current", "until")

    def __init__(self) -> None:
        self.current = State.UP
        self.until = 0.0  # it is left alone until then, in whichever state

    def is_quiet(self, now: float) -> bool:
        """Return whether it must be left alone; a pause that has ended changes the state."""
        if now < self.until:
            return True
        self.current = TRANSITIONS[self.current, Signal.TIME]
        return False

    def note(self, outcomes: Sequence[Outcome], began: float, now: float, probe: float, auth: float) -> None:
        """Draw the conclusions from the answers to a batch that ``began`` then.

        ``probe`` and ``auth`` are the seconds for which it is left alone if it is down, or refused the key.
        """
        requested, is_auth = 0.0, False
        verdicts: set[Verdict] = set()
        for outcome in outcomes:
            verdicts.add(outcome.verdict)
            if outcome.reason == "auth":
                is_auth = True
            elif outcome.retry_after and outcome.verdict in _AGAIN:
                requested = max(requested, outcome.retry_after)
        if requested:
            self.until = now + min(requested, RETRY_AFTER_CAP)
        signal = None
        if is_auth:
            signal, self.until = Signal.KEY_REFUSED, now + auth
        elif Verdict.UNAVAILABLE in verdicts and Verdict.ACCEPTED not in verdicts:
            signal, self.until = Signal.UNAVAILABLE, max(self.until, began + probe)
        elif Verdict.ACCEPTED in verdicts or Verdict.REFUSED in verdicts:
            signal = Signal.ANSWERED
        elif verdicts == {Verdict.UNTRIED}:
            self.until = max(self.until, now + _NOTHING_TRIED)
        if signal is not None:
            self.current = TRANSITIONS[self.current, signal]
