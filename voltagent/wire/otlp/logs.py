"""Scores as log records of OTLP: the event ``gen_ai.evaluation.result`` of the GenAI conventions.

Source: opentelemetry-proto 1.x (``logs/v1/logs.proto``) and the events of OpenTelemetry's GenAI conventions, read in
November 2026. A record refers to the span that was evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic_core import to_json

from voltagent.core import trace_ids
from voltagent.core.scores import score_of
from voltagent.core.span import SpanEvent
from voltagent.wire.otlp import protobuf
from voltagent.wire.otlp.encode import OtlpMessage, attribute_message

EVENT_NAME: Final = "gen_ai.evaluation.result"
_INFO: Final = 9  # severity number


def score_record(event: SpanEvent) -> OtlpMessage:
    """Return the log record of a score: its value as a number, or as a label if it is a string."""
    score = score_of(event)
    _, span, _ = event
    context = trace_ids.context_of(span)
    named: list[tuple[str, Any]] = [("gen_ai.evaluation.name", score.name)]
    if isinstance(score.value, str):
        named.append(("gen_ai.evaluation.score.label", score.value))
    else:
        named.append(("gen_ai.evaluation.score.value", float(score.value)))
    if isinstance(score.value, bool):
        named.append(("gen_ai.evaluation.score.label", "true" if score.value else "false"))
    if score.comment is not None:
        named.append(("gen_ai.evaluation.explanation", score.comment))
    return {
        "timeUnixNano": str(max(score.time_ns, 0)),
        "severityNumber": _INFO,
        "severityText": "INFO",
        "body": {"stringValue": EVENT_NAME},  # for receivers that do not know event names
        "attributes": [attribute_message(name, value) for name, value in named],
        "traceId": context.trace_id,
        "spanId": context.span_id,
        "observedTimeUnixNano": str(max(score.time_ns, 0)),
        "eventName": EVENT_NAME,
    }


def logs_request(records: Sequence[OtlpMessage], resource: OtlpMessage, scope: OtlpMessage, *, as_json: bool) -> bytes:
    """Return the body of an ``ExportLogsServiceRequest`` in JSON or protobuf."""
    if as_json:
        scope_logs = {"scope": scope, "logRecords": list(records)}
        return to_json({"resourceLogs": [{"resource": resource, "scopeLogs": [scope_logs]}]})
    encoded = (protobuf.delimited(2, protobuf.encoded(record, protobuf.LOG_RECORD)) for record in records)
    inside = protobuf.delimited(1, protobuf.encoded(scope, protobuf.SCOPE)) + b"".join(encoded)
    described = protobuf.delimited(1, protobuf.encoded(resource, protobuf.RESOURCE))
    return protobuf.delimited(1, described + protobuf.delimited(2, inside))
