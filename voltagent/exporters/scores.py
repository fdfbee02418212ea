"""Send scores separately from spans: as OTLP log records, to Langfuse, or as feedback to the platform."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from voltagent.core import clock
from voltagent.core.deadline import ends_by
from voltagent.core.guard import log_once
from voltagent.core.span import SpanEvent
from voltagent.exporters import ACCEPTED, UNTRIED, Outcome, Verdict, http_status
from voltagent.exporters.calls import PendingRequest
from voltagent.exporters.http import HttpDestination, HttpResponse, Line, Unreachable
from voltagent.wire.otlp.encode import ENCODINGS, OtlpMessage
from voltagent.wire.otlp.logs import logs_request, score_record
from voltagent.wire.scores import FEEDBACK_PATH, LANGFUSE_PATH, feedback, langfuse_score

_TRACES: Final = "/v1/traces"
_LOGS: Final = "/v1/logs"
_PUBLIC: Final = "/api/public/otel/v1/traces"  # where the platform and Langfuse accept OTLP
_STEP: Final = 0.05  # seconds between two checks whether a request must end sooner
_NO_ROUTE: Final = "scores cannot be sent %s: they are kept in the local store only, if it is a destination"


class ScoreRoute(NamedTuple):
    """The path and format of scores: several per request, or one each."""

    path: str
    content_type: str
    encode: Callable[[Sequence[SpanEvent]], bytes]
    is_batched: bool


def score_route(
    path: str, profiles: Sequence[str], protocol: str, resource: OtlpMessage, scope: OtlpMessage
) -> ScoreRoute | None:
    """Return the route for scores that belongs to an OTLP traces route; ``None`` if none is documented."""
    if path.endswith(_PUBLIC):
        base = path.removesuffix(_PUBLIC)
        if "langfuse" in profiles:
            return ScoreRoute(base + LANGFUSE_PATH, "application/json", _encode_langfuse, is_batched=False)
        if profiles[0] == "voltops":
            return ScoreRoute(base + FEEDBACK_PATH, "application/json", _encode_feedback, is_batched=False)
    if not path.endswith(_TRACES):
        return None
    as_json = protocol == "http/json"

    def encode_logs(events: Sequence[SpanEvent]) -> bytes:
        return logs_request([score_record(event) for event in events], resource, scope, as_json=as_json)

    return ScoreRoute(
        path.removesuffix(_TRACES) + _LOGS, ENCODINGS[protocol].content_type, encode_logs, is_batched=True
    )


def _encode_feedback(events: Sequence[SpanEvent]) -> bytes:
    return feedback(events[0])


def _encode_langfuse(events: Sequence[SpanEvent]) -> bytes:
    return langfuse_score(events[0])


class ScoreSender:
    """Sends scores to one route, one request at a time, within the time that the sender has."""

    def __init__(
        self, route: ScoreRoute, destination: Callable[[], HttpDestination], shown: Callable[[str], str]
    ) -> None:
        self._route = route
        self._make_destination = destination  # not before the first score, because most programs give none
        self._destination: HttpDestination | None = None
        self._shown = shown  # prepares a server's text for the log
        self._line: Line | None = None

    def send(self, events: Sequence[SpanEvent], deadline: float) -> list[Outcome]:
        """Send scores by ``deadline``, which may be brought forward; return one outcome for each."""
        if self._route.is_batched:
            return [self._post(events, deadline)] * len(events)
        outcomes: list[Outcome] = []
        for event in events:
            halted = outcomes and outcomes[-1].verdict in (Verdict.UNAVAILABLE, Verdict.UNTRIED, Verdict.RETRY)
            outcomes.append(UNTRIED if halted else self._post([event], deadline))
        return outcomes

    def _post(self, events: Sequence[SpanEvent], deadline: float) -> Outcome:
        """Send scores in one request, and keep its connection for the next."""
        if clock.monotonic() >= ends_by(deadline):
            return UNTRIED
        destination = self._destination = self._destination or self._make_destination()
        line, self._line = self._line or destination.line(), None
        call = PendingRequest(line, "POST", self._route.path, self._route.encode(events), deadline)
        call.start("voltagent-scores")
        while not call.wait(_STEP) and not call.is_over():
            pass
        try:
            answer = call.result()
        except Unreachable as exc:
            late = clock.monotonic() >= ends_by(deadline)
            return UNTRIED if late else Outcome(Verdict.UNAVAILABLE, detail=self._shown(str(exc)))
        self._line = call.line
        return outcome_of_score(answer, self._shown(answer.body[:800].decode("utf-8", "replace")), self._route.path)

    def let_go(self) -> None:
        """In a forked child: drop the connection, which is the parent's."""
        line, self._line = self._line, None
        if line is not None:
            line.let_go()

    def close(self) -> None:
        """Close the connection."""
        line, self._line = self._line, None
        if line is not None:
            line.close()


def outcome_of_score(answer: HttpResponse, text: str, path: str) -> Outcome:
    """Return the outcome of the scores in a request."""
    if answer.status in http_status.NO_ROUTE:
        return without_route(f"to {path}, which the server does not have")
    return http_status.outcome_of_response(answer.status, answer.headers, text)


def without_route(place: str) -> Outcome:
    """Return the outcome of scores that a destination has no route for, which is logged once: nothing is lost.

    Args:
        place: where scores cannot be sent, for the warning.
    """
    log_once(f"scores:{place}", logging.WARNING, _NO_ROUTE, place)
    return ACCEPTED
