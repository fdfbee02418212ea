"""When to stop sending: the policy of ``shutdown()`` and of the end of a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from voltagent.exporters import SETTLED, Verdict

if TYPE_CHECKING:
    from voltagent.delivery.account import Account

TAKES: Final = 3  # looks at the queues; the last one, for what came meanwhile, when all before it is sent
SILENCE: Final = 5.0  # seconds without any answer, after which it gives up
REFUSED_SECONDS: Final = 2.0  # seconds that it spends on a destination that says no
_FIRST: Final = 0.5  # a refusal in the first half second is tried once more
_FIRST_TRY: Final = 1.25  # seconds for the first try of a request; it is tried again in the time that is left
_KEPT_SILENCE: Final = 2.0  # the same where a spool keeps what is left
_KEPT_RETRIES: Final = 0.5

_LATE: Final = 0.25  # seconds after its end by which the thread that sends should have noticed it
STUCK: Final = 3.0  # seconds in which a thread that does anything at all gets on, also on a busy machine
_ANSWERED: Final = frozenset((*SETTLED, Verdict.RETRY))


class Shutdown:
    """Until when to send: a deadline, and with ``gives_up`` no longer than there is hope.

    Args:
        began: now, on :func:`voltagent.core.clock.monotonic`, as all times here.
        deadline: when it ends at the latest.
        gives_up: whether to stop early if the destination refuses every attempt or does not answer.
        is_kept: what is not sent is kept on disk, so there is no reason to wait for a destination.
    """

    def __init__(self, began: float, deadline: float, *, gives_up: bool = False, is_kept: bool = False) -> None:
        self.deadline = deadline
        self.takes = 0  # how often the queues were emptied, if it is the end of a process or of a run: see `TAKES`
        self._began = self._progress = began
        self._settled = began  # when something was last taken or refused for good, not put off
        self._is_hopeless = False
        self._place: object = None  # where the thread that sends was at the last look, and since when
        self._there_since = began
        self.has_hung = False  # that thread was waited for in vain
        self._try = min(_FIRST_TRY, max(0.0, deadline - began) / 3)
        self._gives_up = gives_up or is_kept
        self._silence, self._first, self._retries = SILENCE, _FIRST, REFUSED_SECONDS
        if is_kept:
            self._silence, self._first, self._retries = _KEPT_SILENCE, 0.0, _KEPT_RETRIES

    def seconds_left(self, now: float, last_answer: float) -> float:
        """Return how long to go on if nothing more is heard."""
        if self._is_hopeless:
            return 0.0
        if self._gives_up:
            return min(self.deadline, max(self._progress, last_answer) + self._silence) - now
        return self.deadline - now

    def batch_deadline(self, now: float) -> float:
        """Return the deadline of a batch that begins now: no single request may use up all the time."""
        return min(self.deadline, now + (min(self._try, self._silence) if self._gives_up else self._try))

    def leave_out(self, began: float, ended: float) -> None:
        """Do not count a time in which this library worked, and the destination had nothing to answer, as silence."""
        took = ended - max(began, self._began)
        if took > 0:
            self._progress += took
            self._settled += took

    def is_over(self, now: float) -> bool:
        """Return whether nothing more will be sent, whatever happens."""
        return self._is_hopeless or now >= self.deadline

    def give_up(self) -> None:
        """Send nothing more."""
        self._is_hopeless = True

    def is_stuck(self, place: object, now: float, last_answer: float) -> bool:
        """Return whether the thread that sends hangs, as in a function of the program that redacts or makes requests.

        Such a thread should have ended by now, and stays at the same place. One that works gets the time until the
        deadline. Nothing more is waited for then.

        Args:
            place: where the thread is; ``None`` if that is not known.
            now: as for all times here; to be called several times a second.
            last_answer: when the destination answered last.
        """
        if place is None or place != self._place:
            self._place, self._there_since = place, now
        is_late = self._is_hopeless or self.seconds_left(now, last_answer) <= -_LATE
        if not (self._gives_up and is_late and now - self._there_since >= STUCK):
            return False
        self.give_up()
        self.has_hung = True
        return True

    def note(self, verdicts: set[Verdict], now: float, *, is_probe: bool = False) -> None:
        """Note what a batch brought. That one event got through does not count: a disk may have space for no more."""
        if is_probe:
            verdicts = verdicts - _ANSWERED
        if Verdict.UNTRIED in verdicts:
            self._try *= 2  # the time may have been too short
        if verdicts & _ANSWERED:
            self._progress = now
        if not verdicts.isdisjoint(SETTLED):
            self._settled = now
        elif self._gives_up and Verdict.RETRY in verdicts and now - self._settled >= self._silence:
            self._is_hopeless = True  # it answers, and puts all off
        if self._gives_up and Verdict.UNAVAILABLE in verdicts and now - self._progress >= self._patience():
            self._is_hopeless = True

    def _patience(self) -> float:
        """Return seconds without an answer that count; a destination that gave some may just be busy for a moment."""
        return self._retries if self._progress > self._began else self._first

    def expect_pause(self, until: float) -> None:
        """Note that nothing can be sent before ``until``."""
        until_hopeless = min(self._progress + self._retries, self._settled + self._silence)
        if self._gives_up and until > until_hopeless:
            self._is_hopeless = True


class Progress:
    """Counts the seconds in which a destination was tried and accepted nothing, at exit and for later records.

    Args:
        accounts: all that send there.
        last_answer: gives when it answered last; 0 if that is not known.
    """

    def __init__(self, accounts: list[Account], last_answer: Callable[[], float]) -> None:
        self._accounts, self._last_answer = accounts, last_answer
        self.in_vain = 0.0  # seconds
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Note that the destination is tried from now on."""
        self._began, self._before = now, self._outcomes()

    def end(self, now: float) -> float:
        """Return for how many seconds up to now it accepted nothing, if anything was lost or still waits."""
        (accepted, lost), (accepted_before, lost_before) = self._outcomes(), self._before
        if lost == lost_before and all(account.is_settled(True) for account in list(self._accounts)):
            return 0.0
        since = (self._last_answer() or now) if accepted > accepted_before else self._began
        seconds = now - max(self._began, since)
        self.in_vain += seconds
        return seconds

    def _outcomes(self) -> tuple[int, int]:
        """Return how many events were accepted, and how many were lost."""
        counts = [{**account.outcomes} for account in list(self._accounts)]
        accepted = sum(count.pop(None, 0) for count in counts)
        return accepted, sum(sum(count.values()) for count in counts)
