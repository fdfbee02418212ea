"""Functions of the user's that we call: nothing is recorded meanwhile, and what they raise stays in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from voltagent import agent, tool, trace
from voltagent.core.context import CURRENT, INERT, run_callback
from voltagent.testing import record


@tool
def inner(value: object) -> object:
    return value


def stray(value: Any) -> Any:
    inner("stray")
    return None


@pytest.mark.parametrize(
    "decorate",
    [
        agent(usage=stray),
        trace(agent_id=stray),
        trace(user_id=stray),
        trace(tags=stray),
        trace(metadata=stray),
        trace(metadata={"key": stray}),
        trace(parent=stray),
    ],
)
def test_callable_options_record_no_stray_traces(decorate: Callable[..., Any]) -> None:
    with record() as run:
        assert decorate(lambda: 1)() == 1
    assert run.find(name="inner") == []


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), GeneratorExit()])
def test_what_a_callback_raises_is_given_to_the_handler(error: BaseException) -> None:
    def fails() -> None:
        raise error

    assert run_callback(fails, on_error=lambda exc: exc) is error  # type: ignore[arg-type, return-value]
    assert CURRENT.get() is None


def test_a_ctrl_c_in_a_callback_propagates() -> None:
    def fails() -> None:
        assert CURRENT.get() is INERT
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_callback(fails, on_error=lambda exc: None)
    assert CURRENT.get() is None
