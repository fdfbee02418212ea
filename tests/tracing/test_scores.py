"""Scores: what a handle and the SDK record of them, before and after the end, and what is not valid."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest

from tests.helpers.memory import Memory
from voltagent import VoltAgentSDK, current
from voltagent.core.scores import Score, score_of
from voltagent.core.span import Phase
from voltagent.errors import ValidationError
from voltagent.storage.spool.codec import EventDecoder, encode_event


def scores(memory: Memory) -> list[Score]:
    return [score_of(event) for event in memory.accepted if event[0] is Phase.SCORE]


def test_a_score_names_the_trace_or_the_operation_and_its_time() -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        with sdk.trace(agent_id="bot") as trace, trace.add_tool({"name": "t"}) as tool:
            tool.score("exact", True)
            trace.score("quality", 0.5, comment="so so")
        trace_id, tool_id = trace.id, tool.id
    exact, quality = scores(memory)
    assert exact == Score(trace_id, tool_id, "exact", True, None, exact.time_ns)
    assert quality == Score(trace_id, None, "quality", 0.5, "so so", quality.time_ns)
    assert exact.time_ns <= quality.time_ns


def test_a_score_may_come_after_the_end_and_by_ids() -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        with sdk.trace(agent_id="bot") as trace, trace.add_tool({"name": "t"}) as tool:
            pass
        trace.score("thumbs", False)
        sdk.score(trace.id, "rank", 3)
        sdk.score("another", "note", "read it", operation_id=tool.id, comment="why")
    found = scores(memory)
    assert [(one.trace_id, one.operation_id, one.name, one.value) for one in found] == [
        (trace.id, None, "thumbs", False),
        (trace.id, None, "rank", 3),
        ("another", tool.id, "note", "read it"),
    ]


@pytest.mark.parametrize(
    ("given", "kept"), [(True, True), (3, 3), (0.25, 0.25), (Decimal("1.5"), 1.5), ("good", "good"), ("x" * 5000, None)]
)
def test_a_value_is_a_number_a_bool_or_a_string(given: Any, kept: Any) -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        sdk.score("t", "n", given)
    (score,) = scores(memory)
    assert score.value == kept if kept is not None else len(str(score.value)) <= 1000
    assert type(score.value) in (bool, int, float, str)


@pytest.mark.parametrize(
    ("name", "value", "comment"),
    [
        ("", 1, None),
        ("  ", 1, None),
        ("n" * 101, 1, None),
        (7, 1, None),
        ("n", None, None),
        ("n", [1], None),
        ("n", float("nan"), None),
        ("n", 2**80, None),
        ("n", 1, 5),
    ],
)
def test_what_is_not_valid_is_an_error_of_the_sdk_and_a_warning_of_a_handle(
    name: Any, value: Any, comment: Any, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        with pytest.raises(ValidationError):
            sdk.score("t", name, value, comment=comment)
        with caplog.at_level(logging.WARNING, "voltagent"), sdk.trace(agent_id="bot") as trace:
            trace.score(name, value, comment)
    assert scores(memory) == []


def test_an_inert_handle_takes_a_score_and_records_nothing() -> None:
    current().score("n", 1)


async def _scored(sdk: VoltAgentSDK) -> None:
    async with sdk.trace(agent_id="bot") as trace:
        await trace.score("n", 1)
    await sdk.score(trace.id, "m", 2)


def test_both_can_be_awaited() -> None:
    import asyncio

    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        asyncio.run(_scored(sdk))
    assert [one.name for one in scores(memory)] == ["n", "m"]


def test_secrets_are_redacted_in_comments_and_values() -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        sdk.score("t", "n", "password=hunter2hunter2", comment="the key is sk-" + "a1B2" * 12)
    (score,) = scores(memory)
    assert "hunter2" not in str(score.value)
    assert "a1B2a1B2" not in str(score.comment)


def test_a_score_survives_the_spool() -> None:
    memory = Memory()
    with VoltAgentSDK(exporter=memory) as sdk:
        sdk.score("t", "n", True, operation_id="o", comment="c")
    (event,) = memory.accepted
    assert score_of(EventDecoder().event(encode_event(event))) == score_of(event)
