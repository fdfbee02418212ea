"""When the end of a process gives a destination up."""

from __future__ import annotations

from voltagent.delivery.shutdown import Shutdown
from voltagent.exporters import Verdict

ACCEPTED, UNAVAILABLE, RETRY = {Verdict.ACCEPTED}, {Verdict.UNAVAILABLE}, {Verdict.RETRY}


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


def test_a_destination_that_takes_single_events_only_is_given_up() -> None:
    """Such as a disk that has no space for a batch, but for the one event with which it is tried again."""
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.note(ACCEPTED, 0.1)
    for moment in (0.2, 1.2):
        stop.note(UNAVAILABLE, moment)
        stop.note(ACCEPTED, moment + 0.9, is_probe=True)
        assert not stop.is_over(moment + 0.9)
    stop.note(UNAVAILABLE, 2.2)
    assert stop.is_over(2.2)


def test_a_destination_that_only_puts_off_gets_no_more_time_than_a_silent_one() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    for moment in (1.0, 2.0, 3.0, 4.9):
        stop.note(RETRY, moment)
        assert not stop.is_over(moment)
    stop.note(RETRY | ACCEPTED, 4.95)
    stop.note(RETRY, 9.9)
    assert not stop.is_over(9.9)
    stop.note(RETRY, 9.96)
    assert stop.is_over(9.96)


def test_a_pause_beyond_that_time_is_not_waited_for() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.note(RETRY, 4.0)
    stop.expect_pause(4.9)
    assert not stop.is_over(4.0)
    stop.expect_pause(5.5)
    assert stop.is_over(4.0)


def test_a_deadline_of_the_program_is_kept_whatever_the_destination_says() -> None:
    stop = Shutdown(0.0, 30.0)
    stop.note(RETRY, 20.0)
    stop.expect_pause(29.0)
    assert not stop.is_over(29.9)


def test_what_this_library_works_is_not_the_silence_of_a_destination() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.leave_out(1.0, 9.0)
    assert stop.seconds_left(9.0, 0.0) == 4.0
    stop.note(UNAVAILABLE, 8.4)
    assert not stop.is_over(8.4)
    stop.leave_out(-5.0, -1.0)  # it began later
    assert stop.seconds_left(9.0, 0.0) == 4.0
    assert stop.seconds_left(31.0, 0.0) < 0


def test_a_thread_that_hangs_is_not_waited_for() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    assert not any(stop.is_stuck("here", moment / 10, 0.0) for moment in range(52))
    assert stop.is_stuck("here", 5.3, 0.0)
    assert stop.is_over(5.3)


def test_a_thread_that_gives_up_by_itself_may_finish() -> None:
    stop = Shutdown(0.0, 30.0, gives_up=True)
    stop.note(UNAVAILABLE, 1.0)
    assert stop.is_over(1.0)
    assert not stop.is_stuck("ending", 1.0, 0.0)
    assert not stop.is_stuck("ending", 1.1, 0.0)
    assert stop.is_stuck("ending", 4.1, 0.0), "it hangs at its end"


def test_a_thread_that_works_is_waited_for() -> None:
    moving, unknown, closer = (Shutdown(0.0, 30.0, gives_up=True) for _ in range(3))
    for moment in range(290):
        assert not moving.is_stuck(moment // 20, moment / 10, 0.0)
        assert not unknown.is_stuck(None, moment / 10, 0.0)
        assert not closer.is_stuck("here", moment / 10, moment / 10 - 1.0), "the destination answers"


def test_a_thread_that_hangs_has_the_time_that_the_program_gave() -> None:
    stop = Shutdown(0.0, 30.0)
    assert not any(stop.is_stuck("here", moment / 10, 0.0) for moment in range(400))
