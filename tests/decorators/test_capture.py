"""What a decorated call records of arguments, results, usage and metadata, and what stays here.

A recorder over a list shows what is recorded before redaction, so that nothing else hides it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections import UserDict
from collections.abc import AsyncIterator, Iterator
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import pydantic
import pytest
from typing_extensions import NotRequired, Required, TypedDict, Unpack

import voltagent
from tests.helpers.sink import ListSink, loads, recording
from voltagent import (
    Secret,
    agent,
    current_agent,
    memory,
    retriever,
    tool,
    trace,
)
from voltagent.capture.exceptions.formatting import format_failure
from voltagent.core import context as _context
from voltagent.handles import open_trace
from voltagent.processors.redaction import Redactor

if TYPE_CHECKING:
    from decimal import Decimal

FIVE = [agent, tool, memory, retriever, trace]


@pytest.fixture
def sink() -> Iterator[ListSink]:
    with recording() as (_, sink):
        yield sink


# Usage, metadata.


class Usage(NamedTuple):
    prompt_tokens: int


def test_usage_comes_from_record_then_the_option_then_the_result(sink: ListSink, caplog: Any) -> None:
    class Answer(pydantic.BaseModel):
        usage: dict[str, int]

    def broken(result: Any) -> Any:
        raise LookupError("no usage here")

    counted = {"input_tokens": 3, "output_tokens": 4}
    agent(lambda: {"usage": counted}, name="result")()
    agent(lambda: Answer(usage=counted), name="model")()
    agent(lambda: {"usage": counted}, name="option", usage=lambda result: {"total_tokens": 9})()
    agent(lambda: {"usage": counted}, name="broken", usage=broken)()
    agent(lambda: {"usage": counted}, name="junk", usage=lambda result: 7)()
    tool(lambda: {"usage": counted}, name="tool")()

    @agent(usage=lambda result: {"total_tokens": 9})
    def recorded() -> None:
        current_agent().record(usage={"total_tokens": 1})

    recorded()
    picked = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert [span.usage for span in sink.operations] == [
        picked, picked, {"total_tokens": 9}, None, None, None, {"total_tokens": 1},
    ]  # fmt: skip
    reported = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(reported) == 2
    assert "usage=" in reported[0]
    assert "LookupError" in reported[0]


def test_options_of_a_trace_may_be_functions_of_the_arguments(sink: ListSink, caplog: Any) -> None:
    class User:
        def __init__(self, number: int) -> None:
            self.id = number

    served = []

    class Desk:
        @trace(
            agent_id=lambda args: f"desk-{args['worker']}",
            user_id=lambda args: args["user"].id,
            conversation_id=lambda args: UUID(int=5),
            version=lambda args: args["nothing"],
            tags=lambda args: [args["worker"]],
            metadata={"fixed": 1, "lane": lambda args: args["worker"], "bad": lambda args: 1 / 0},
            capture_input=["worker"],
        )
        def serve(self, user: User, worker: str = "fast", *rest: int, **more: int) -> None:
            served.append(user)

    user = User(7)
    Desk().serve(user)
    root = sink.spans[0]
    assert served == [user]
    assert (root.trace.agent_id, root.name) == ("desk-fast", "desk-fast")
    assert (root.trace.user_id, root.trace.conversation_id) == ("7", str(UUID(int=5)))
    assert (root.trace.version, root.tags) == (None, ("fast",))
    assert loads(root.metadata) == {"fixed": 1, "lane": "fast", "bad": None}
    assert loads(root.input) == {"worker": "fast"}
    reported = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [re.findall("version=|bad|KeyError|ZeroDivisionError", line) for line in reported] == [
        ["version=", "KeyError"],
        ["bad", "ZeroDivisionError"],
    ]


def test_a_user_function_that_raises_leaves_call_and_default_alone(sink: ListSink, caplog: Any) -> None:
    @trace(agent_id=lambda args: None, user_id=lambda args: object(), metadata=lambda args: "no mapping")
    def run() -> int:
        return 1

    assert run() == 1
    root = sink.spans[0]
    assert (root.trace.agent_id, root.trace.user_id, root.metadata) == ("run", None, None)


@pytest.mark.parametrize("exc", [SystemExit, GeneratorExit, asyncio.CancelledError, RecursionError])
def test_whatever_a_users_option_raises_stays_out_of_the_call(sink: ListSink, exc: type[BaseException]) -> None:
    def failing(_: Any) -> Any:
        raise exc

    @trace(user_id=failing, metadata={"m": failing})
    def outer() -> Any:
        return agent(lambda: "result", usage=failing, name="inner")()

    assert outer() == "result"
    assert [(span.name, span.status) for span in sink.spans] == [("outer", "completed"), ("inner", "completed")]


# Capture.


def test_capture_off_keeps_arguments_results_and_messages_here(sink: ListSink) -> None:
    @tool(capture_input=False)
    def no_input(x: str) -> str:
        return x

    @tool(capture_output=False)
    def no_output(x: str) -> str:
        raise ValueError(x)

    @tool(capture_input=["shown"])
    def some(shown: str, hidden: str = "h") -> str:
        if hidden == "raise":
            raise ValueError(hidden)
        return shown

    @tool(capture_input=["k", "a"])
    def named(a: int, b: int, **more: Any) -> None: ...

    @tool(capture_input=["more"])
    def all_named(a: int, **more: Any) -> None: ...

    no_input("canary")
    some("yes", hidden="canary")
    named(1, 2, k="yes", other="canary")
    all_named(1, k="yes")
    for call in (lambda: no_output("canary"), lambda: some("yes", "raise")):
        with pytest.raises(ValueError, match=r"canary|raise"):
            call()
    spans = {span.name: span for span in sink.operations}
    assert spans["no_input"].input is None
    assert loads(spans["no_input"].output) == {"result": "canary"}
    assert spans["no_output"].output is None
    assert spans["no_output"].error.message is None  # type: ignore[union-attr]
    assert spans["no_output"].error.type == "ValueError"  # type: ignore[union-attr]
    some_spans = [span for span in sink.operations if span.name == "some"]
    assert [loads(span.input) for span in some_spans] == [{"shown": "yes"}] * 2
    assert some_spans[1].error.message is None  # type: ignore[union-attr]
    assert loads(spans["named"].input) == {"a": 1, "more": {"k": "yes"}}
    assert loads(spans["all_named"].input) == {"more": {"k": "yes"}}
    assert spans["no_output"].parent.error.message is None  # type: ignore[union-attr]


@pytest.mark.parametrize("off", ["capture_input", "capture_output"])
def test_what_the_sdk_switched_off_stays_off(off: str) -> None:
    @tool(capture_input=True, capture_output=True)
    def call(x: int) -> int:
        return x

    with recording(**{off: False}) as (_, sink):
        call(1)
    assert (sink.only.input is None) == (off == "capture_input")
    assert (sink.only.output is None) == (off == "capture_output")


CANARY = "can" + "ary"
Token = Annotated[str, Secret]


@tool
def guarded(
    user: str,
    key: Annotated[str, Secret],
    token: Token = "canary-default",
    opened: pydantic.SecretStr | None = None,
    *rest: Annotated[str, Secret()],
    later: Later = "canary-later",
    unknown: Decimal | None = None,
    **more: Token,
) -> None:
    if user == "fail":
        raise ValueError(key)


Later = Annotated[str, Secret]


def test_secret_parameters_never_leave(sink: ListSink) -> None:
    guarded("u", "canary-1", "canary-2", pydantic.SecretStr("canary-3"), "canary-4", extra="canary-5")
    guarded("u", key="canary-6", token="canary-7")
    with pytest.raises(ValueError, match="canary-8"):
        guarded("fail", "canary-8")

    def local(key: Annotated[str, Secret], shown: int) -> None: ...

    local.__annotations__ = {"key": Annotated[str, Secret], "shown": int}  # as without `from __future__`
    tool(local)("canary-9", 1)
    for span in sink.spans:
        for text in (span.input, span.output, repr(getattr(span.error, "message", None)).encode()):
            assert b"canary" not in (text or b"")
    first = loads(sink.operations[0].input)
    assert first["user"] == "u"
    assert first["key"] == first["later"] == first["more"] == first["rest"] == voltagent.capture.secrets.SECRET_TEXT
    assert loads(sink.operations[-1].input) == {"key": "[redacted]", "shown": 1}


def test_the_text_of_an_exception_does_not_slip_out_further_up(sink: ListSink) -> None:
    @tool
    def login(key: Annotated[str, Secret]) -> None:
        raise ValueError(f"bad key {key}")

    @agent
    def passes() -> None:
        login(CANARY)

    @agent
    def wraps() -> None:
        try:
            login(CANARY)
        except ValueError as exc:
            raise LookupError(f"no login: {exc}") from exc

    @agent
    def fails_otherwise() -> None:
        with contextlib.suppress(ValueError):
            login(CANARY)
        raise KeyError("told")

    def flow(run: Any) -> None:
        with pytest.raises((ValueError, LookupError)), open_trace(_context.default_recorder(), {"agent_id": "t"}, {}):
            run()

    for run in (passes, wraps, fails_otherwise):
        flow(run)
    texts = [format_failure(span.error).decode() for span in sink.spans if span.error is not None]  # type: ignore[arg-type]
    assert len(texts) == 9
    assert not any(CANARY in text for text in texts)
    assert sum("told" in text for text in texts) == 2


def test_a_name_known_only_around_a_function_may_mark_a_secret(sink: ListSink) -> None:
    Key = Annotated[str, Secret]

    @tool
    def inside(key: Key, other: str) -> None: ...

    class Desk:
        Pin = Annotated[int, Secret]

        @tool(name="method")
        def serve(self, pin: Pin, other: str) -> None: ...

    inside("canary", "shown")
    Desk().serve(12345, "shown")
    assert [loads(span.input) for span in sink.operations] == [
        {"key": "[redacted]", "other": "shown"},
        {"pin": "[redacted]", "other": "shown"},
    ]


class Inner(TypedDict):
    pin: NotRequired[Token]


class Credentials(TypedDict, total=False):
    user: str
    key: Required[Annotated[str, Secret]]
    inner: list[Inner]
    again: Credentials | None


@dataclasses.dataclass
class Session:
    user: str
    login: Credentials
    keys: list[Annotated[str, Secret]]


class Stamped(NamedTuple):
    n: int
    token: Token | None
    login: Credentials


LOGIN: Any = {"user": "me", "key": "canary-1", "inner": [{"pin": "canary-2"}], "again": {"key": "canary-3"}}
SHOWN: Any = {"user": "me", "key": "[redacted]", "inner": [{"pin": "[redacted]"}], "again": {"key": "[redacted]"}}


def test_secret_fields_of_typed_dicts_never_leave(sink: ListSink) -> None:
    @tool
    def typed(
        login: Credentials,
        several: list[Credentials] = [LOGIN],
        maybe: Credentials | dict[str, Credentials] | None = None,
        *rest: Credentials,
        session: Session | None = None,
        stamped: Stamped | None = None,
        **more: Unpack[Credentials],
    ) -> None: ...

    session = Session("me", LOGIN, ["canary-4"])
    typed(LOGIN, [LOGIN], {"a": LOGIN}, LOGIN, session=session, stamped=Stamped(1, "canary-5", LOGIN), **LOGIN)
    typed(UserDict(LOGIN), MappingProxyType({"x": (LOGIN,)}))  # type: ignore[arg-type]
    first, second = (loads(span.input) for span in sink.operations)
    assert first == {
        "login": SHOWN,
        "several": [SHOWN],
        "maybe": {"a": SHOWN},
        "rest": [SHOWN],
        "session": {"user": "me", "login": SHOWN, "keys": "[redacted]"},
        "stamped": {"n": 1, "token": "[redacted]", "login": SHOWN},
        "more": SHOWN,
    }
    assert second["login"] == SHOWN
    assert second["several"] == {"x": [SHOWN]}
    assert b"canary" not in b"".join(span.input or b"" for span in sink.spans)


def test_a_model_hides_what_a_typed_dict_in_it_hides(sink: ListSink) -> None:
    class Holder(pydantic.BaseModel):
        login: dict[str, Any]
        typed: Credentials

    Holder.model_rebuild()
    tool(lambda holder: holder, name="held")(Holder(login={"user": "me"}, typed=LOGIN))
    assert loads(sink.only.output) == {"login": {"user": "me"}, "typed": SHOWN}


def test_secret_results_never_leave(sink: ListSink) -> None:
    @tool
    def plain() -> Annotated[str, Secret]:
        return "canary"

    @tool
    def later() -> tuple[int, Token] | None:
        return 1, "canary"

    @tool
    def opened() -> pydantic.SecretStr:
        return "canary"  # type: ignore[return-value]

    @tool
    def typed() -> list[Credentials]:
        return [LOGIN]

    @tool
    def items() -> Iterator[Token]:
        yield "canary"
        return "canary"

    @tool
    def typed_items() -> Iterator[Credentials]:
        yield LOGIN

    @tool
    def fails() -> Token:
        raise ValueError("canary")

    @tool
    async def awaited() -> Token:
        return "canary"

    @tool
    async def streamed() -> AsyncIterator[Token]:
        yield "canary"

    async def consume() -> None:
        await awaited()
        async for _ in streamed():
            pass

    for call in (plain, later, opened, typed):
        call()
    list(items())
    list(typed_items())
    with pytest.raises(ValueError, match="canary"):
        fails()
    asyncio.run(consume())
    assert {span.name: loads(span.output) for span in sink.operations} == {
        "plain": {"result": "[redacted]"},
        "later": {"result": "[redacted]"},
        "opened": {"result": "[redacted]"},
        "typed": {"result": [SHOWN]},
        "items": {"result": ["[redacted]"], "return": "[redacted]"},
        "typed_items": {"result": [SHOWN]},
        "fails": None,
        "awaited": {"result": "[redacted]"},
        "streamed": {"result": ["[redacted]"]},
    }
    assert [span.error.message for span in sink.spans if span.name == "fails"] == [None, None]  # type: ignore[union-attr]


def test_annotations_that_cannot_be_looked_into(sink: ListSink) -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError

    def call(odd: Any, unknown: Any, dotted: Any, other: Any) -> Any:
        return other

    call.__annotations__ = {
        "odd": Odd(),
        "unknown": "NotHere | list['NorThis']",
        "dotted": "voltagent.missing.Token | tests.decorators.test_capture.Token | nothing.at.all",
        "other": "list['Session']",
        "return": "Missing[Missing]",
    }
    assert tool(call)(1, 2, 3, 4) == 4
    assert loads(sink.only.input) == {"odd": "[redacted]", "unknown": 2, "dotted": 3, "other": 4}
    assert loads(sink.only.output) == {"result": 4}


def test_a_secret_alias_in_another_module_is_found(sink: ListSink) -> None:
    aliases = ModuleType("aliases")
    aliases.Token = Token  # type: ignore[attr-defined]

    def call(token: Any, pin: Any) -> None: ...

    call.__annotations__ = {"token": "aliases.Token | None", "pin": TypeVar("T", bound=Token)}
    call.__globals__["aliases"] = aliases
    try:
        tool(call)("canary", "canary")
    finally:
        del call.__globals__["aliases"]
    assert loads(sink.only.input) == {"token": "[redacted]", "pin": "[redacted]"}


def test_redaction_of_a_decorator_goes_with_its_spans(sink: ListSink) -> None:
    own = Redactor(["a"])
    for option in (own, ["a", re.compile("b")], lambda path, value: value):
        tool(lambda: None, redact=option)()
    assert sink.operations[0].redact is own
    assert all(isinstance(span.redact, Redactor) for span in sink.spans)
