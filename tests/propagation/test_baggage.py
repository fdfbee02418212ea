"""User, conversation and tags for a block, and for the next process as far as the setting ``baggage`` allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest

import voltagent
from tests.helpers.internals import span_of
from tests.helpers.memory import Memory
from voltagent import extract, inject, propagated, tool, trace
from voltagent.core.context import PROPAGATED, Propagated
from voltagent.errors import ValidationError
from voltagent.handles import TraceHandle
from voltagent.propagation import continued, propagated_by
from voltagent.records import TraceRecord
from voltagent.testing import record

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ALL = ("user_id", "conversation_id", "tags")


@tool
def step() -> None: ...


@trace(user_id="own", tags=["own"])
def with_own() -> None: ...


def facts(trace: TraceRecord) -> tuple[Any, ...]:
    return trace.user_id, trace.conversation_id, trace.tags


def opened(handle: TraceHandle) -> tuple[Any, ...]:
    """The same of a trace that is open, and belongs to an SDK with settings of its own."""
    span = span_of(handle)
    return span.trace.user_id, span.trace.conversation_id, (*(span.tags or ()), *span.more_tags)


def test_traces_started_in_the_block_have_its_values() -> None:
    with record() as run:
        with propagated(user_id=7, conversation_id=UUID(int=1), tags=["a"]):
            step()
            with_own()
            with propagated(user_id="inner", tags=["b", "a"]):
                step()
        step()
    assert [facts(root) for root in run.traces] == [
        ("7", str(UUID(int=1)), ("a",)),
        ("own", str(UUID(int=1)), ("own", "a")),
        ("inner", str(UUID(int=1)), ("a", "b")),
        (None, None, ()),
    ]


def test_an_open_trace_gets_what_it_lacks() -> None:
    with record() as run:

        @trace(user_id="own")
        def outer() -> None:
            with propagated(user_id="block", conversation_id="c", tags=["t"]):
                step()

        outer()
    assert facts(run.trace) == ("own", "c", ("t",))


@pytest.mark.parametrize(
    ("values", "message"),
    [({"user_id": b"x"}, "user_id of propagated"), ({"conversation_id": 1.5}, "conversation_id of"),
     ({"tags": "a"}, "must be a list"), ({"tags": [1]}, "must be a list")],
)  # fmt: skip
def test_values_of_other_types_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message), propagated(**values):
        pass
    assert PROPAGATED.get() is None


@pytest.fixture
def sdk() -> Iterator[voltagent.VoltAgentSDK]:
    with voltagent.VoltAgentSDK(exporter=Memory(), baggage=["user_id", "tags"]) as sdk:
        yield sdk


def test_allowed_values_go_out_as_baggage(sdk: voltagent.VoltAgentSDK) -> None:
    with propagated(user_id="ann, bob", conversation_id="secret", tags=["x,y", "é"]), sdk.trace(agent_id="a"):
        headers = inject({"Baggage": "other=1;p=2,voltagent.user_id=old"})
    assert set(headers) == {"traceparent", "baggage"}
    members = dict(member.split("=", 1) for member in headers["baggage"].split(","))
    assert {key: unquote(value) for key, value in members.items()} == {
        "other": "1;p=2", "voltagent.user_id": "ann, bob", "voltagent.tags": '["x,y","é"]',
    }  # fmt: skip
    assert headers["baggage"].isascii()


def test_without_the_setting_nothing_goes_out_or_comes_in() -> None:
    with voltagent.VoltAgentSDK(exporter=Memory()) as sdk, propagated(user_id="ann"):
        with sdk.trace(agent_id="a"):
            assert "baggage" not in inject({})
        handle = sdk.trace(agent_id="b", parent={"traceparent": GOOD, "baggage": "voltagent.conversation_id=c"})
        assert span_of(handle).trace.conversation_id is None


def test_a_trace_takes_what_is_allowed_from_its_caller(sdk: voltagent.VoltAgentSDK) -> None:
    baggage = 'voltagent.user_id=ann%20b, voltagent.conversation_id=c ,voltagent.tags=%5B"t"%5D;p=1,x=y,,=,voltagent.no'
    headers = {"traceparent": GOOD, "baggage": baggage}
    assert opened(sdk.trace(agent_id="a", parent=headers)) == ("ann b", None, ("t",))
    with continued(extract(headers)):
        step()
        assert opened(sdk.trace(agent_id="a", user_id="own")) == ("own", None, ("t",))
        assert json.dumps(inject({})).count("ann%20b") == 1  # handed on


def test_the_user_of_the_trace_goes_out_too(sdk: voltagent.VoltAgentSDK) -> None:
    with sdk.trace(agent_id="a", user_id="u"):
        assert inject({})["baggage"] == "voltagent.user_id=u"


@pytest.mark.parametrize("baggage", ["", "voltagent.tags=[", "voltagent.tags=7", "voltagent.user_id", "%%%", "\x00=1"])
def test_malformed_baggage_is_ignored(baggage: str) -> None:
    assert propagated_by(baggage, ALL) == Propagated()


def test_baggage_stays_within_its_limit(sdk: voltagent.VoltAgentSDK) -> None:
    with propagated(user_id="u" * 9000, tags=["t"]):
        found = inject({"baggage": "x=" + "y" * 8000})
    assert len(found["baggage"]) <= 8192
    assert found["baggage"].startswith("x=")
