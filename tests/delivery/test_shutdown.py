"""When the end of a process gives a destination up."""

from __future__ import annotations

from voltagent.delivery.shutdown import Shutdown
from voltagent.exporters import Verdict

ACCEPTED, UNAVAILABLE = {Verdict.ACCEPTED}, {Verdict.UNAVAILABLE}


def test_a_destination_that_is_busy_for_a_moment_is_not_given_up() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.note(ACCEPTED | UNAVAILABLE, 1.0)
    stop.note(UNAVAILABLE, 2.5)
    assert not stop.is_over(2.5)
    stop.note(UNAVAILABLE, 3.0)
    assert stop.is_over(3.0)


def test_a_destination_that_never_answers_is_given_up_after_the_first_moment() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.note(UNAVAILABLE, 0.1)
    assert not stop.is_over(0.1)
    stop.note(UNAVAILABLE, 0.5)
    assert stop.is_over(0.5)
