"""Several events at once are made safe as one after the other would be."""

from __future__ import annotations

import copy
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pydantic_core import from_json, to_json

from tests.processors.secret_cases import hidden_cases
from voltagent.capture.exceptions.failures import capture_failure
from voltagent.capture.snapshot import Snapshot
from voltagent.core.span import TRACE, Failure, Phase, SharedFacts, Span, SpanEvent, TraceInfo
from voltagent.processors.pipeline import Pipeline
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.text.first_look import PIECE, is_suspect

PAYLOADS = [None, b'{"x":1}', b'{"q":"the weather"}', b'{"password":"hunter2-correct"}', b'{"x":"hunter2-correct"}',
            b'{"key":"the key to success"}', b'"%s"' % (b"word " * 1_500), b'"%s"' % (b"word " * 14_000),
            b'{"x":"%shunter2-correct"}' % (b"word " * 200), b'{"x":"%s the key to it"}' % (b"word " * 200),
            b'{"x":"%spassword=hunter2-correct"}' % (b"word " * 200),
            b'{"result":["%s","password=hunter2-","correct"]}' % (b"word " * 200)]  # fmt: skip
FACTS: list[Any] = [None, SharedFacts(tool_description="Add")]
NAMES = ["agent", "tool", "password=hunter2-correct"]


@st.composite
def runs(draw: st.DrawFn) -> list[SpanEvent]:
    trace = TraceInfo(1, draw(st.sampled_from(NAMES)), None)
    trace.user_id = draw(st.sampled_from([None, "u", "token=abcdefgh12345678"]))
    root = Span(trace, None, TRACE, "agent", draw(st.sampled_from(PAYLOADS)), identifier=1)
    made = [root]
    for number in range(draw(st.integers(0, 20))):
        span = Span(
            trace, root, "tool", draw(st.sampled_from(NAMES)), draw(st.sampled_from(PAYLOADS)), identifier=2 + number
        )
        span.facts = draw(st.sampled_from(FACTS))
        span.tags = draw(st.sampled_from([None, None, ("a",)]))
        made.append(span)
    for span in made:
        span.output = draw(st.sampled_from(PAYLOADS))
        span.more_metadata = draw(st.sampled_from([(), (), (b'{"token":"hunter2-correct"}',)]))
    starts: list[SpanEvent] = [(Phase.START, span, None) for span in made]
    ends: list[SpanEvent] = [(Phase.END, span, None) for span in reversed(made)]
    if draw(st.booleans()):  # each ends before the next one starts
        return [
            starts[0],
            *(event for pair in zip(starts[1:], reversed(ends[:-1]), strict=True) for event in pair),
            ends[-1],
        ]
    return [*starts, *ends]


def content(events: list[SpanEvent]) -> list[object]:
    return [
        (phase, span.name, span.agent_id, span.trace.user_id, span.input, span.output, span.more_metadata, span.tags)
        for phase, span, _ in events
    ]


@settings(max_examples=30)
@given(runs())
def test_many_are_made_safe_as_one_by_one(events: list[SpanEvent]) -> None:
    others = copy.deepcopy(events)
    together, alone = Pipeline(Redactor()), Pipeline(Redactor())
    for _ in range(2):  # the second time, names are known
        assert together.many(events) == events
        assert [alone(event) for event in others] == others
        assert content(events) == content(others)
    assert b"hunter2-correct" not in b"".join(
        span.input or b"" for _, span, _ in events if b"password" in (span.input or b"")
    )


class Listed(Redactor):
    """Lists what is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.searched: list[bytes] = []

    def is_suspect(self, texts: bytes) -> bool:
        self.searched.append(texts)
        return super().is_suspect(texts)


@pytest.mark.parametrize("size", [10, 3_000, 20_000, 40_000])
def test_each_payload_is_searched_once(size: int) -> None:
    redactor = Listed()
    root = Span(TraceInfo(1, "agent", None), None, TRACE, "agent", None, identifier=1)
    payloads = [b'"%05d%s"' % (number, b"x" * size) for number in range(40)]
    spans = [Span(root.trace, root, "tool", "tool", None, identifier=2 + number) for number in range(40)]
    for span, payload in zip(spans, payloads, strict=True):
        span.output = payload
    Pipeline(redactor).many([(Phase.END, span, None) for span in spans])
    assert b"\n".join(redactor.searched) == b"\n".join(payloads)
    assert all(text in payloads or len(text) <= PIECE for text in redactor.searched)


REPEATED = [
    b'{"x":"%s"}' % (b"word " * 200),
    b'{"x":"%s the key to a password"}' % (b"word " * 200),  # suspicious at first sight
]


def ended(*outputs: bytes) -> list[SpanEvent]:
    trace = TraceInfo(1, "agent", None)
    spans = [Span(trace, None, TRACE, "agent", None, identifier=1 + number) for number in range(len(outputs))]
    for span, output in zip(spans, outputs, strict=True):
        span.output = output
    return [(Phase.END, span, None) for span in spans]


@pytest.mark.parametrize("payload", REPEATED)
@pytest.mark.parametrize("is_first_alone", [True, False])
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_payload_that_comes_again_is_not_searched_again(
    payload: bytes, is_first_alone: bool, is_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[bytes] = []

    def searches(text: bytes, own: Any) -> bool:
        searched.append(text)
        return is_suspect(text, own)

    monkeypatch.setattr("voltagent.processors.redaction.is_suspect", searches)
    pipeline = Pipeline(Redactor())
    for alone in (is_first_alone, is_alone):
        events = ended(payload, b'{"x":1}')
        assert ([*map(pipeline, events)] if alone else pipeline.many(events)) == events
    assert b"".join(searched).count(payload) <= 2  # among others, and alone
    assert sum(text == payload for text in searched) <= 1
    assert all(payload not in text for text in searched[-1:])


def test_what_is_known_of_payloads_takes_little_memory() -> None:
    redactor = Redactor()
    redactor.apply(REPEATED[1])  # what is compiled with the first of them
    tracemalloc.start()
    try:
        for size in range(1_000, 70_000, 100):
            redactor.apply(b'"%s"' % (b"x" * size))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2.2 * 2**20


def test_a_payload_known_to_be_clean_is_searched_for_the_secrets_of_its_call() -> None:
    pipeline = Pipeline(Redactor())
    text = b'{"x":"%shunter2-correct"}' % (b"word " * 200)
    pipeline.many(ended(text))
    (event,) = ended(text)
    event[1].input = b'{"password":"hunter2-correct"}'
    pipeline.many([(Phase.START, event[1], None), event])
    assert b"hunter2" not in (event[1].output or b"hunter2")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"result":"data: {\\"t\\":\\"password=hun\\"}\\ndata: {\\"t\\":\\"ter2-correct\\"}\\n\\ndata: %s\\n"}',
        b'{"status":1,"result":["the password is ","hunter2-correct","%s"]}',
    ],
)
@pytest.mark.parametrize("is_alone", [True, False])
def test_an_output_that_was_an_input_is_searched_for_a_secret_that_is_split_over_it(
    payload: bytes, is_alone: bool
) -> None:
    payload %= b"word " * 200
    pipeline = Pipeline(Redactor())
    (event,) = ended(b"1")
    event[1].input = payload
    pipeline.many([(Phase.START, event[1], None)])
    pipeline(event)
    (event,) = ended(payload)
    assert ([pipeline(event)] if is_alone else pipeline.many([event])) == [event]
    assert b"hunter2-correct" not in (event[1].output or payload)
    assert b"ter2-correct" not in (event[1].output or payload)


def test_a_hook_sees_a_payload_each_time() -> None:
    seen: list[str] = []

    def hook(path: str, value: object) -> object:
        seen.append(path)
        return value

    pipeline = Pipeline(Redactor(hook=hook))
    for _ in range(2):
        pipeline.many(ended(REPEATED[0]))
    assert seen == ["output.x"] * 2 or seen == ["output", "output.x"] * 2


def whole(span: Span) -> tuple[object, ...]:
    """All that the processors may change in a span."""
    facts, trace = dict(span.facts or {}), span.trace
    return (span.name, span.agent_id, trace.user_id, span.input, span.output, span.metadata, span.tags, facts,
            span.usage, span.error, span.more_metadata, span.more_tags)  # fmt: skip


@settings(max_examples=30)
@given(runs(), st.booleans())
def test_what_passes_a_second_time_stays_as_it_is(events: list[SpanEvent], is_hooked: bool) -> None:
    # a hook that makes of its own result another one
    pipeline = Pipeline(Redactor(hook=lambda _, value: f"{value}!"))
    pipeline = pipeline if is_hooked else Pipeline(Redactor())
    secret = "password=hunter2-correct"
    span = Span(events[0][1].trace, events[0][1], "tool", "a", to_json({"a": [secret] * 40_000}), identifier=99)
    span.metadata, span.tags = to_json({"n": 1, "token": "hunter2-correct"}), (secret,)
    span.facts = {"tool_description": secret, "instructions": "n" * 2_000_000}
    span.usage = {"prompt_tokens": 3, "token": "hunter2-correct"}
    span.error = Failure("ValueError", "ValueError", 1)
    span.error.message = secret
    span.output, span.more_tags = to_json({"a": "x" * 2_000_000, "password": "hunter2-correct"}), (secret,)
    update: Any = (Phase.UPDATE, span, {"output": to_json({"password": "hunter2-correct"}), "level": "INFO"})
    once = pipeline.many([*events, (Phase.START, span, None), update, (Phase.END, span, None)])
    safe = [event for event in once if event is not None]
    before = [(phase, whole(span), fields) for phase, span, fields in safe]
    assert [event is not None for event in pipeline.many(safe)] == [True] * len(safe)
    assert [(phase, whole(span), fields) for phase, span, fields in safe] == before
    assert b"hunter2-correct" not in repr(before[-3:]).encode()


@pytest.mark.parametrize("half", [chr(0xD800), chr(0xDCFF)])
def test_half_a_character_in_any_place_hides_no_secret(half: str) -> None:
    secret = "hunter22xy1"
    text = f"{half}password={secret} {half}"
    values = {
        "a": [text],
        text: 1,
        f"{half}password": secret,
        "b": text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"),
    }
    trace = TraceInfo(1, f"agent {text}", None)
    trace.user_id = text
    span = Span(trace, None, TRACE, f"{half} token={secret}", Snapshot().encode(values), identifier=1)
    span.metadata, span.tags = Snapshot().encode({"n": values}), (text, f"{half}{secret}")
    span.error = capture_failure(ValueError(text, half + secret))
    span.output = Snapshot().encode({"result": [half, text]})
    update: Any = (Phase.UPDATE, span, {"comment": f"{half}{secret}", "value": text})
    for event in Pipeline(Redactor()).many([(Phase.START, span, None), update, (Phase.END, span, None)]):
        assert event is not None
        assert secret not in repr((whole(span), event[2]))


def test_a_secret_is_found_between_other_texts() -> None:
    for case in hidden_cases(1404):
        text = to_json({"x": case[0]})
        assert is_suspect(b"\n".join((b'{"a":1}', text, b'{"b":"c"}'))) >= is_suspect(text), text


def test_a_secret_split_over_the_chunks_of_a_stream_is_found_among_many() -> None:
    chunks = ["xx gh", "p_", "AbCdEfGhIjKl", "MnOpQrStUvWxYz0123456789"]
    trace = TraceInfo(1, "a", None)
    span = Span(trace, None, TRACE, "a", None, identifier=1)
    span.output = to_json({"result": chunks})
    Pipeline(Redactor()).many([(Phase.END, span, None)])
    assert from_json(span.output)["result"] == ["xx [redacted]", "", "", ""]
