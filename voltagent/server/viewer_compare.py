"""``/api/compare`` and what it needs: what differs between two traces, and what is usual for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, cast

from voltagent.records import comparison
from voltagent.records.reading import find_trace
from voltagent.render import answers
from voltagent.render.answers import Json
from voltagent.render.messages import conversation_of
from voltagent.render.previews import cut, in_fields, last_text, only_string
from voltagent.render.reading import joined_pieces, readable
from voltagent.server import viewer_values as values
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store

_FACTS: Final = ("agent", "status", "version", "environment", "models", "duration", "operations", "errors", "tokens",
                 "cached", "cost", "tags", "user")  # fmt: skip
_LONGEST_FACT: Final = 300  # characters of a prompt, input or output
_BEFORE: Final = 80  # of these, at most, before the first that differ
_PIECE: Final = 4096  # characters that are compared at once
_NAMES: Final = ("system", "instructions", "system_instruction", "prompt")


def _compare(store: Store, request: Request) -> Answer:
    """Answer with two traces side by side, and in which facts they differ."""
    traces = [_trace(store, request.query.get(side, "")) for side in ("left", "right")]
    lines = values.lines(store, traces)
    texts = {
        "input": _texts([trace.input for trace in traces], "user"),
        "output": _texts([joined_pieces(trace.output) for trace in traces], "assistant"),
    }
    shown = [
        {**_facts(store, line, trace), **{name: both[place] for name, both in texts.items()}}
        for place, (line, trace) in enumerate(zip(lines, traces, strict=True))
    ]
    names = (*_FACTS[:5], "prompt", "input", "output", *_FACTS[5:])
    facts = [
        {"name": name, "left": _excerpt(left, right), "right": _excerpt(right, left), "differs": left != right}
        for name, left, right in ((name, shown[0].get(name), shown[1].get(name)) for name in names)
    ]  # fmt: skip
    sides = zip(("left", "right"), traces, strict=True)
    hashes = {side: comparison.hashes(store, trace.id) for side, trace in sides}
    return json_answer(
        {"left": lines[0], "right": lines[1], "facts": facts, "parts": comparison.PARTS, "hashes": hashes}
    )


def _trace(store: Store, identifier: str) -> StoredTrace:
    trace = find_trace(store, identifier) if identifier else None
    if trace is None:
        raise RequestError(404, "no trace has this id")
    return trace


def _facts(store: Store, line: Json, trace: StoredTrace) -> Json:
    """Return the facts of a trace that are compared, but for its input and output."""
    found = {name: line.get(name) for name in _FACTS}
    prompts = [text for text in comparison.instructions(store, trace.id) if text]
    found["prompt"] = "\n\n".join(prompts) or _prompt(trace.input)
    return found


def _prompt(given: Any) -> str | None:
    """Return the system prompt in an input, if there is one by name."""
    fields: Mapping[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return next((fields[name] for name in _NAMES if isinstance(fields.get(name), str)), None)


def _texts(both: Sequence[Any], side: str) -> list[str | None]:
    """Return the input or output of both traces as texts, in the first form in which they differ.

    The forms are the last message of a side, or a string that is alone; then all messages, or the fields; then JSON.
    """
    last = [_last(value, side) for value in both]
    forms = (last, (_messages(value) for value in both), (_json(value) for value in both))
    return next((texts for texts in map(list, forms) if texts[0] != texts[1]), last)


def _last(value: Any, side: str) -> str | None:
    return last_text(value, side) or _messages(value)


def _messages(value: Any) -> str | None:
    if conversation_of(value) is not None:
        return "\n".join(readable(value, None))
    alone = only_string(value)
    if alone is not None:
        return alone
    return in_fields(cast("dict[str, Json]", value)) if isinstance(value, dict) and value else _json(value)


def _json(value: Any) -> str | None:
    return None if value is None else json_answer(value).body.decode()


def _excerpt(value: Any, other: Any) -> Any:
    """Return a value; of a long string the part in which it first differs from the other one."""
    if not isinstance(value, str):
        return value
    is_long = isinstance(other, str) and value != other and max(len(value), len(other)) > _LONGEST_FACT
    same = _common_length(value, other) if is_long else 0
    if same <= _BEFORE:
        return cut(value, _LONGEST_FACT)
    begin = value.find(" ", same - _BEFORE, same) + 1 or same - _BEFORE
    return "…" + cut(value[begin:], _LONGEST_FACT)


def _common_length(one: str, other: str) -> int:
    """Return how many characters two different strings begin with in common."""
    start = 0
    while one[start : start + _PIECE] == other[start : start + _PIECE]:
        start += _PIECE
    left, right = one[start : start + _PIECE], other[start : start + _PIECE]
    same = takewhile(lambda both: both[0] == both[1], zip(left, right, strict=False))
    return start + sum(1 for _ in same)


def _hashes(store: Store, request: Request) -> Answer:
    """By operation the hashes of its input, instructions, model and output."""
    return json_answer({"parts": comparison.PARTS, "hashes": comparison.hashes(store, request.captured[0])})


def _baseline(store: Store, request: Request) -> Answer:
    """Answer with what is usual for the agent of a trace: runs, durations, the last success."""
    found = comparison.usual(store, request.captured[0])
    if found is None:
        raise RequestError(404, "no trace has this id")
    return json_answer({
        "runs": found.runs,
        "duration": answers.microseconds(found.duration_ns),
        "last_success": found.last_success,
        "steps": _medians(found.steps),
        "loops": _medians(found.loops),
    })  # fmt: skip


def _medians(found: Mapping[str, tuple[float, int]]) -> Json:
    return {id: {"median": median / 1000, "count": number} for id, (median, number) in found.items()}


ROUTES: Final = (
    Route("GET", "/api/compare", _compare),
    Route("GET", "/api/traces/{id}/hashes", _hashes),
    Route("GET", "/api/traces/{id}/baseline", _baseline),
)
