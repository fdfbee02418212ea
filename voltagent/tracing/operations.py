"""Start, update and end spans from the options that a user passes to the explicit API.

Handles and the SDK's own methods pass what a user wrote. It is validated first
(:mod:`voltagent.capture.options`), so wrong input raises before anything is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, cast

from voltagent.capture import option_values, options
from voltagent.capture.exceptions.formatting import format_failure
from voltagent.capture.snapshot import LIMIT, METADATA_LIMIT
from voltagent.capture.usage import checked_usage, report_misspelt
from voltagent.core import clock, introspection
from voltagent.core.context import INERT, current_span
from voltagent.core.guard import guard
from voltagent.core.span import (
    AGENT,
    LLM,
    MEMORY,
    RETRIEVER,
    TOOL,
    TRACE,
    Failure,
    Remote,
    Span,
    TraceInfo,
    make_facts,
)
from voltagent.errors import ValidationError
from voltagent.tracing.recorder import Recorder

_PLAIN: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))  # in which no result of a model can be
_MOST_KEYS: Final = 200  # of a usage that is not valid as a whole

_WITH_ARTICLE: Final = {
    AGENT: "an agent",
    TOOL: "a tool",
    MEMORY: "a memory",
    RETRIEVER: "a retriever",
    LLM: "a model call",
}


def start_trace(recorder: Recorder | None, described: Any, keywords: Mapping[str, Any]) -> Span:
    """Start a trace from options as ``VoltAgentSDK.trace`` takes them; inert without a recorder."""
    given = options.checked_trace(described, keywords)
    above = current_span()
    if above is not None and not above.recording:
        return above
    if recorder is None:
        return INERT
    start_time = given.get("start_time")
    about: dict[str, Any] = {key: given.get(key) for key in ("user_id", "conversation_id", "version", "level")}
    return recorder.start_trace(
        given["agent_id"],
        _payload(recorder, given.get("input"), recorder.capture_input),
        _metadata(recorder, given.get("metadata")),
        given.get("tags"),
        identifier=given.get("id"),
        start_ns=None if start_time is None else clock.parse_iso(start_time),
        above=above if above is not None and above.trace.recorder is not None else None,
        remote=remote_parent(given.get("parent")),
        completion_start=given.get("completion_start_time"),
        **about,
    )


def start(parent: Span, kind: str, described: Any, keywords: Mapping[str, Any]) -> Span:
    """Start an operation of a kind under ``parent``, from options as ``add_agent`` and its likes take them."""
    known = options.LLM if kind == LLM else options.OPERATION
    given = options.checked(_WITH_ARTICLE[kind], known, described, keywords, ("name",))
    if not parent.recording:
        return parent
    recorder = cast("Recorder", parent.trace.recorder)
    metadata: Any = given.get("metadata")
    about_model: dict[str, Any] = dict(given.get("model_parameters", {}))
    if "model" in given:
        about_model["model"] = given["model"]
    if about_model:
        metadata = {"model_parameters": about_model} | dict(metadata or {})
    span = recorder.start(
        parent,
        kind,
        given["name"],
        _payload(recorder, given.get("input"), recorder.capture_input),
        _metadata(recorder, metadata),
        operation=given.get("operation", "write") if kind == MEMORY else None,
        tags=given.get("tags"),
        facts=make_facts({key: given.get(key) for key in ("instructions", "version", "level")}),
    )
    if "model" in given and span.recording:
        span.model = given["model"]
    return span


def remote_parent(given: object) -> Remote | None:
    """Return the span of another process that ``parent=`` names; ``None`` where it names none."""
    if given is None:
        return None
    from voltagent.propagation import parent_of  # with hashlib and re, which most programs never need

    return parent_of(given)


def point(parent: Span, given: Mapping[str, Any]) -> Span:
    """Record a custom event from checked options."""
    if not parent.recording:
        return INERT
    recorder = cast("Recorder", parent.trace.recorder)
    facts = {key: given[key] for key in ("status", "level", "version", "end_time") if key in given}
    limit = _share(given)
    if "parent_event_id" in given:  # as the id it was made with: a server may know it by another
        known = recorder.known.get(given["parent_event_id"])
        facts["parent_event_id"] = given["parent_event_id"] if known is None else known.id
    if "status_message" in given:
        facts["status_message"] = _message(recorder, parent.trace, given["status_message"])
    if "output" in given:
        facts["output"] = _payload(recorder, given["output"], recorder.capture_output, limit)
    start_time = given.get("start_time")
    if start_time is not None:
        facts["start_time"] = start_time
    if "end_time" in facts:
        if start_time is None:
            facts["start_time"] = facts["end_time"]  # a moment: an event that ends now or before did not begin later
        else:
            facts["end_time"] = _not_before(clock.parse_iso(start_time), facts["end_time"])
    return recorder.point(
        parent,
        given["type"],
        given["name"],
        _payload(recorder, given.get("input"), recorder.capture_input, limit),
        _metadata(recorder, given.get("metadata")),
        tags=given.get("tags"),
        facts=make_facts(facts),
        identifier=given.get("id"),
    )


def _not_before(start_ns: int | None, end_time: str) -> str:
    """Return the end of an event: as given, unless it is before the start; then the start."""
    end_ns = clock.parse_iso(end_time)
    return end_time if start_ns is None or end_ns is None or end_ns >= start_ns else clock.iso_text(start_ns)


def _find_start(span: Span) -> int | None:
    """Find when a span began, in nanoseconds since the epoch; ``None`` if another process made it."""
    if not span.trace.agent_id:
        return None
    given = span.facts.get("start_time") if span.facts else None
    return span.start_ns if given is None else clock.parse_iso(given)


def update_fields(recorder: Recorder, span: Span, given: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare the fields of an UPDATE event from checked options: what is not a string becomes JSON text."""
    fields = dict(given)
    if "end_time" in fields:
        fields["end_time"] = _not_before(_find_start(span), fields["end_time"])
    for name, captured in (("input", recorder.capture_input), ("output", recorder.capture_output)):
        if name in fields:
            fields[name] = _payload(recorder, fields[name], captured, _share(given))
    fields["metadata"] = _metadata(recorder, fields.get("metadata"))
    if "status_message" in fields:
        message = _message(recorder, span.trace, fields["status_message"])
        fields["status_message"] = format_failure(message) if isinstance(message, Failure) else message
    if "usage" in fields:
        fields["usage"] = recorder.snapshot.encode(checked_usage(fields["usage"]))
    if "tags" in fields:
        fields["tags"] = recorder.snapshot.encode(list(fields["tags"]))
    return {name: value for name, value in fields.items() if value is not None}


def end(call: str, span: Span, status: str, message: object, output: object, metadata: object, usage: object) -> None:
    """End a span as a ``call`` of the user's says; the first end counts, and a later one is logged.

    Values that are not valid are reported and left out: what ends here may have succeeded.
    """
    checked_usage = keep_new_usage(call, span, usage)
    extra = keep_valid_metadata(call, metadata)
    if not span.recording:
        return
    recorder = cast("Recorder", span.trace.recorder)
    if span.end_ns is not None:
        recorder.end(span, status)
        return
    if extra or checked_usage is not None:
        recorder.add(span, metadata=extra or None, usage=checked_usage)
    if id(type(output)) not in _PLAIN:
        output = _answer(recorder, span, output)
    recorder.end(
        span, status, _message(recorder, span.trace, message), _payload(recorder, output, recorder.capture_output)
    )


def _answer(recorder: Recorder, span: Span, output: Any) -> Any:
    """Return the answer in the result of a model, whose tokens and model are taken; any other output as it is."""
    with guard:
        kind = cast("type[object]", type(output))
        results, calls_model = recorder.results, span.kind == LLM
        any_shape = calls_model or span.kind == AGENT
        if results is None or not (any_shape or results.is_client_type(kind)):
            return output
        found = None if kind is list else results.read_result(output, any_shape=any_shape)
        found = results.streams.packed(output, any_shape=calls_model) if found is None else found
        if found is not None:
            recorder.take_result(span, found)
            if found.answer is not None and (calls_model or found.of_client):
                return found.answer
    return output


def keep_new_usage(call: str, span: Span, usage: object) -> dict[str, Any] | None:
    """Return the valid part of a token usage, unless it is that of a response which was counted in this trace.

    An agent or a trace may repeat it: what is set there replaces the sum.
    """
    if usage is not None and span.recording and span.kind not in (AGENT, TRACE):
        counts = span.trace.counts
        if counts is not None and counts.knows(usage):
            return None
    return keep_valid_usage(call, usage)


def keep_valid_usage(call: str, usage: object) -> dict[str, Any] | None:
    """Return the valid part of a token usage, and report the rest with the name of the call."""
    try:
        checked = checked_usage(usage)
    except ValidationError as exc:
        options.report_unsuitable(call, exc)
    else:
        report_misspelt(call, checked)
        return checked
    is_dict = introspection.has_base(cast(type, type(usage)), dict)
    items: Iterable[tuple[Any, Any]] = cast(Any, dict).items(usage) if is_dict else ()
    valid = {key: value for key, value in islice(items, _MOST_KEYS) if _is_usage({key: value})}
    return checked_usage(valid) or None


def _is_usage(given: object) -> bool:
    try:
        return checked_usage(given) is not None
    except ValidationError:
        return False


def keep_valid_metadata(call: str, metadata: object) -> dict[str, Any]:
    """Return metadata as a dictionary of our own; report what is not a mapping with the name of the call."""
    try:
        return option_values.metadata(metadata)
    except ValidationError as exc:
        options.report_unsuitable(call, exc)
        return {}


def _metadata(recorder: Recorder, value: object) -> bytes | None:
    return None if value is None else recorder.snapshot.encode_object(value, METADATA_LIMIT)


def _payload(recorder: Recorder, value: object, captured: bool, limit: int = LIMIT) -> bytes | None:
    return recorder.snapshot.encode_object(value, limit) if value is not None and captured else None


def _share(given: Mapping[str, Any]) -> int:
    """Return how many bytes an input or output may have, in an event that may have both."""
    return LIMIT // 2 if "input" in given and "output" in given else LIMIT


def _message(recorder: Recorder, trace: TraceInfo, message: object) -> Failure | bytes | None:
    """Encode a status message: an exception as its record, anything else as JSON text."""
    if message is None:
        return None
    kind = cast(type, type(message))
    if introspection.has_base(kind, BaseException):
        return recorder.failure(
            trace, cast(BaseException, message), message=recorder.capture_input and recorder.capture_output
        )
    encoded = recorder.snapshot.encode(message, METADATA_LIMIT)
    if encoded[:1] in (b'"', b"{"):
        return encoded
    return recorder.snapshot.encode(encoded.decode(), METADATA_LIMIT)  # the API takes texts and objects, nothing else
