"""The states of a destination: the table of transitions, walked in any order."""

from __future__ import annotations

from itertools import product

from hypothesis import given, strategies as st

from voltagent.delivery.destination_state import TRANSITIONS, DestinationState, Signal, State
from voltagent.exporters import ACCEPTED, Outcome, Verdict

PROBE, AUTH = 1.0, 30.0
ANSWERS = {
    "accepted": ACCEPTED,
    "refused": Outcome(Verdict.REFUSED, "rejected"),
    "key refused": Outcome(Verdict.REFUSED, "auth"),
    "not now": Outcome(Verdict.RETRY),
    "not for 5 s": Outcome(Verdict.RETRY, retry_after=5.0),
    "down": Outcome(Verdict.UNAVAILABLE),
    "down for 400 s": Outcome(Verdict.UNAVAILABLE, retry_after=400.0),
    "untried": Outcome(Verdict.UNTRIED),
}
STEPS = st.lists(
    st.one_of(st.floats(0.0, 40.0), st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=4)), max_size=40
)


def test_the_table_has_a_row_for_every_state_and_signal() -> None:
    assert set(TRANSITIONS) == set(product(State, Signal))


@given(STEPS)
def test_every_walk_follows_the_table_and_keeps_to_the_pauses(steps: list[float | list[str]]) -> None:
    state, now = DestinationState(), 100.0
    for step in steps:
        before = state.current
        if isinstance(step, float):
            now += step
            quiet = state.is_quiet(now)
            assert quiet == (now < state.until)
            assert state.current in ((before,) if quiet else (before, TRANSITIONS[before, Signal.TIME]))
            continue
        outcomes = [ANSWERS[name] for name in step]
        state.note(outcomes, now, now, PROBE, AUTH)
        assert state.current in {before, *(TRANSITIONS[before, signal] for signal in Signal)}
        assert state.until <= now + 300.0, "no destination is left alone for longer"
        if any(outcome.reason == "auth" for outcome in outcomes):
            assert state.current is State.UNAUTHORIZED
            assert state.until == now + AUTH
        elif "accepted" in step:
            assert state.current is State.UP
        elif {"down", "down for 400 s"} & set(step):
            assert state.current in (State.DOWN, State.UNAUTHORIZED)
            assert state.until >= now + PROBE


@given(STEPS)
def test_what_is_down_is_probed_before_it_is_up(steps: list[float | list[str]]) -> None:
    state, now = DestinationState(), 0.0
    for step in steps:
        before = state.current
        if isinstance(step, float):
            now += step
            state.is_quiet(now)
            assert not (before in (State.DOWN, State.UNAUTHORIZED) and state.current is State.UP)
        else:
            state.note([ANSWERS[name] for name in step], now, now, PROBE, AUTH)
