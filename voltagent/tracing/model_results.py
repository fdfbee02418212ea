"""What the result of a model call adds to its span: model, tokens, cost and finish reason."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_core import from_json

from voltagent.capture.snapshot import METADATA_LIMIT, Snapshot
from voltagent.capture.usage import has_counts, summed
from voltagent.core.guard import Guard, pass_on_interrupt
from voltagent.core.json_objects import encode_plain
from voltagent.core.span import AGENT, MODEL_CALLS, TRACE, Span
from voltagent.tracing.token_counts import TokenCounts, counts_of, settle

if TYPE_CHECKING:
    from voltagent.capture.prices import Prices
    from voltagent.capture.results import ModelResult
    from voltagent.tracing.recorder import Recorder

_PARAMETERS: Final = b'"model_parameters"'
_MODEL: Final = b'"model'
_SHORT: Final = 1024  # bytes of metadata for which it is remembered what they say about the model
_plain: Final = Snapshot()


def take_result(recorder: Recorder, span: Span, found: ModelResult, *, counts: bool = True) -> bool:
    """Take model, tokens and finish reason from what a call returned, unless they are set already.

    Args:
        span: the span of the call.
        found: what was read from the result.
        counts: whether its tokens count. False if they are set in another way; then no span above counts them
            either. A response that an operation below has counted is never counted again.

    Returns:
        Whether it has a response that was not counted before.
    """
    if span.end_ns is not None:
        return False
    token_counts: TokenCounts = span.trace.counts or counts_of(span.trace)
    new = token_counts.new_ones(found.responses, span)
    calls_model = span.kind in MODEL_CALLS
    if span.model is None and (new or calls_model):
        span.model = found.model
    if calls_model:
        _describe(recorder, span, found)
    if not new or not counts or (span.usage is not None and has_counts(span.usage)):
        return bool(new)
    if len(new) == 1:
        usage = new[0].usage
        usage = usage if recorder.prices is None else _priced(recorder.prices, usage, new[0].model or found.model)
    else:
        usage = summed(_priced(recorder.prices, one.usage, one.model or found.model) for one in new) or {}
    if span.kind == TRACE:
        token_counts.add_own(usage)
    elif span.kind == AGENT and len(new) < len(found.responses):
        token_counts.add_below(span, usage)  # some of the responses in its result were counted below it
    elif calls_model and span in token_counts.inside:  # a framework may give its own id to a client's response
        span.usage = token_counts.unless_counted(span, usage)
    else:
        span.usage = usage if span.usage is None else {**usage, **span.usage}
    return True


def _describe(recorder: Recorder, span: Span, found: ModelResult) -> None:
    """Add what the result of a model call says of it; these are short texts."""
    facts: dict[str, str] = {}
    if found.finish_reason is not None:
        facts["finish_reason"] = found.finish_reason
    if found.response_id is not None:
        facts["response_id"] = found.response_id
    if found.model is not None and found.model != span.model:  # the option says another name
        facts["response_model"] = found.model
    if facts:
        try:
            text = encode_plain(facts)
        except Exception as exc:  # a lone surrogate
            pass_on_interrupt(exc)
            text = recorder.snapshot.encode_object(facts, METADATA_LIMIT)
        if span.more_metadata or len(text) > METADATA_LIMIT:
            recorder.add_metadata(span, text)
        else:
            span.more_metadata = (text,)


def _priced(prices: Prices | None, usage: dict[str, Any], model: str | None) -> dict[str, Any]:
    """Return a usage with its cost, if the model has a price and the usage does not name a cost."""
    if prices is None or model is None or "cost" in usage:
        return usage
    cost = prices.cost(model, usage)
    return usage if cost is None else {**usage, "cost": cost}


def _name_model(recorder: Recorder, span: Span) -> None:
    """Record which model answered, and which was requested; without an answer the requested one is the model."""
    metadata = span.metadata
    texts = (metadata,) if metadata is not None and _PARAMETERS in metadata else ()
    for text in span.more_metadata:
        if _PARAMETERS in text:
            texts = (*texts, text)
    compare = _compare_models if sum(map(len, texts)) < _SHORT else _compare_models.__wrapped__
    requested, more = compare(texts, span.model)
    if span.model is None:
        span.model = requested
    elif more is not None:
        recorder.add_metadata(span, more)


def settle_model(recorder: Recorder, span: Span) -> None:
    """Count the tokens of a span that is ending."""
    try:
        if span.model is not None or span.kind in MODEL_CALLS:
            _name_model(recorder, span)
        if recorder.prices is not None and span.usage is not None:
            span.usage = _priced(recorder.prices, span.usage, span.model or _named_model(span))
        settle(span)
    except Exception as exc:
        Guard.swallowed(exc)


def _named_model(span: Span) -> str | None:
    """Return the model that the metadata of an agent, or of any other operation with tokens, names."""
    texts = tuple(text for text in (span.metadata, *span.more_metadata) if text and _MODEL in text)
    fields = [from_json(text) for text in texts]
    named = [one.get("model") for one in fields]
    parameters = [one.get("model_parameters") for one in fields]
    named += [cast("dict[str, Any]", one).get("model") for one in parameters if isinstance(one, dict)]
    return next((name for name in reversed(named) if isinstance(name, str)), None)


@lru_cache(maxsize=512)  # most calls of a program request the same model with the same parameters
def _compare_models(texts: tuple[bytes, ...], model: str | None) -> tuple[str | None, bytes | None]:
    """Return the model that pieces of metadata name, and what to add to them if another one answered."""
    parameters: dict[str, Any] = {}
    for text in texts:
        given = from_json(text).get("model_parameters")
        parameters = cast("dict[str, Any]", given) if isinstance(given, dict) else parameters
    requested = parameters.get("model")
    name = requested if isinstance(requested, str) else None
    if model is None or requested == model:
        return name, None
    both = {} if requested is None else {"requested_model": requested}
    found = {"model_parameters": {**parameters, "model": model}, **both}
    return name, _plain.encode_object(found, METADATA_LIMIT)
