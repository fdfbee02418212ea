"""``/api/compare`` and what it needs: what differs between two traces, and what is usual for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from voltagent.records import comparison
from voltagent.records.reading import find_trace
from voltagent.render import answers
from voltagent.render.answers import Json
from voltagent.render.previews import cut
from voltagent.server import viewer_values as values
from voltagent.server.routing import Answer, Request, RequestError, Route, json_answer
from voltagent.storage.traces.records import StoredTrace
from voltagent.storage.traces.store import Store

_FACTS: Final = ("agent", "status", "version", "environment", "models", "duration", "operations", "errors", "tokens",
                 "cached", "cost", "tags", "user")  # fmt: skip
_LONGEST_FACT: Final = 2000  # characters of a prompt, input or output
_NAMES: Final = ("system", "instructions", "system_instruction", "prompt")


def _compare(store: Store, request: Request) -> Answer:
    """Answer with two traces side by side, and in which facts they differ."""
    traces = {side: _trace(store, request.query.get(side, "")) for side in ("left", "right")}
    left, right = values.lines(store, list(traces.values()))
    shown = [_facts(store, line, trace) for line, trace in zip((left, right), traces.values(), strict=True)]
    names = (*_FACTS[:5], "prompt", "input", "output", *_FACTS[5:])
    facts = [
        {"name": name, "left": _short(shown[0].get(name)), "right": _short(shown[1].get(name)),
         "differs": shown[0].get(name) != shown[1].get(name)}
        for name in names
    ]  # fmt: skip
    hashes = {side: comparison.hashes(store, trace.id) for side, trace in traces.items()}
    return json_answer({"left": left, "right": right, "facts": facts, "parts": comparison.PARTS, "hashes": hashes})


def _trace(store: Store, identifier: str) -> StoredTrace:
    trace = find_trace(store, identifier) if identifier else None
    if trace is None:
        raise RequestError(404, "no trace has this id")
    return trace


def _facts(store: Store, line: Json, trace: StoredTrace) -> Json:
    """Return the facts of a trace that are compared."""
    found = {name: line.get(name) for name in _FACTS}
    prompts = [text for text in comparison.instructions(store, trace.id) if text]
    found["prompt"] = "\n\n".join(prompts) or _prompt(trace.input)
    found["input"], found["output"] = _text(trace.input), _text(trace.output)
    return found


def _prompt(given: Any) -> str | None:
    """Return the system prompt in an input, if there is one by name."""
    fields: Mapping[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return next((fields[name] for name in _NAMES if isinstance(fields.get(name), str)), None)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_answer(value).body.decode()


def _short(value: Any) -> Any:
    return cut(value, _LONGEST_FACT) if isinstance(value, str) else value


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
