"""The OpenTelemetry destination: ended operations as spans, many per OTLP/HTTP request.

OTLP has no message for the start of a span, so only ends and custom events are sent; starts and updates are part of the
span of their end, and share its outcome. Rules of the protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from voltagent._version import VERSION
from voltagent.core import clock
from voltagent.core.deadline import ends_by
from voltagent.core.span import Phase, SpanEvent
from voltagent.exporters import ACCEPTED, IN_FLIGHT, SETTLED, UNTRIED, Outcome, Verdict, http_status
from voltagent.exporters.calls import PendingRequest
from voltagent.exporters.http import Certificates, HttpDestination, HttpResponse, Line, Unreachable
from voltagent.exporters.otlp_batch import FRAME, Item, SpanBatch, as_their_ends
from voltagent.exporters.otlp_encoder import SpanEncoder
from voltagent.exporters.otlp_settings import check_choice, checked_headers, split_endpoint
from voltagent.exporters.otlp_spans import OpenSpans
from voltagent.exporters.scores import ScoreSender, score_route
from voltagent.processors.size_limit import MOST
from voltagent.settings import shown_url
from voltagent.wire.otlp.encode import ENCODINGS, OtlpMessage, resource_message
from voltagent.wire.otlp.profiles import PROFILES

if TYPE_CHECKING:
    import httpx

Protocol = Literal["http/json", "http/protobuf"]
Compression = Literal["none", "gzip"]

_LARGEST: Final = 4 * 2**20  # bytes of one request before compression
_STEP: Final = 0.1  # seconds between two looks at whether a request has to end sooner
_HANGS: Final = 0.4  # seconds; a request that takes longer is left waiting, and the next goes by another connection
_FLIGHTS: Final = 4  # requests that may be left waiting
_OF_ERRORS: Final = 200  # characters of server text


# OpenTelemetry's conventions for what made the spans; the platform also wants a version of the service.
_RESOURCE: Final = {
    "service.name": "voltagent",
    "service.version": VERSION,
    "telemetry.sdk.name": "voltagent",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.version": VERSION,
}


class OtlpExporter:
    """Sends ended spans to any backend that accepts OTLP over HTTP.

    Args:
        endpoint: the whole URL of the traces route, such as ``http://localhost:4318/v1/traces``.
        headers: sent with every request, such as keys of the backend; they cannot replace those that frame the request.
        protocol: ``http/protobuf`` (the default; every backend takes it) or ``http/json``.
        compression: ``gzip`` or ``none`` (the default).
        timeout: seconds of wall time for one request (default 10, as in the specification).
        resource: attributes of the source of the spans, such as ``service.name``.
        scope: name of the instrumentation (default ``voltagent``).
        profiles: naming conventions of attributes, one or several of ``voltops``, ``genai``, ``openinference``,
            ``langfuse``. The first one names the spans.
        certificate: a file in PEM form with the authorities to trust; else those of ``SSL_CERT_FILE`` and
            ``SSL_CERT_DIR``, else those that come with httpx.
        client_certificate, client_key: files in PEM form for servers that authenticate clients. The key may be in the
            same file as the certificate, and must not be encrypted.
        transport: an ``httpx`` transport for the requests, with its own certificates.

    Raises:
        ValidationError: an invalid value; the message names it.
    """

    name = "otlp"

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        protocol: Protocol = "http/protobuf",
        compression: Compression = "none",
        timeout: float = 10.0,
        resource: Mapping[str, str] | None = None,
        scope: str = "voltagent",
        profiles: tuple[str, ...] = ("genai",),
        certificate: str | os.PathLike[str] | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        base, self._path = split_endpoint(endpoint)
        self.place = shown_url(endpoint)
        check_choice("protocol", protocol, ENCODINGS)
        check_choice("compression", compression, ("none", "gzip"))
        for profile in profiles or ("",):
            check_choice("profiles", profile, PROFILES)
        self._encoding = ENCODINGS[protocol]
        self._gzip = compression == "gzip"
        fixed = {"content-type": self._encoding.content_type, **({"content-encoding": "gzip"} if self._gzip else {})}
        given = checked_headers(headers or {})
        self._secrets = [value for value in given.values() if len(value) > 5]
        named = {"user-agent": f"voltagent-python/{VERSION}", **given}
        files = Certificates(certificate, client_certificate, client_key)
        self._destination = HttpDestination(
            base, {**named, **fixed}, timeout=timeout, transport=transport, certificates=files
        )
        self._resource = resource_message({**_RESOURCE, **(resource or {})})
        self._scope: OtlpMessage = {"name": scope}
        self._spans = OpenSpans(profiles)
        # bytes of spans that fit into a request
        self.space = _LARGEST - len(self._encoding.request((), self._resource, self._scope)) - 2 * FRAME
        # each profile says all payloads once more, in its own words
        self._encoder = SpanEncoder(self._spans, self._encoding, min(MOST * len(set(profiles)), self.space - FRAME))
        route = score_route(self._path, profiles, protocol, self._resource, self._scope)
        self._scores = None
        if route is not None:
            described = {**named, "content-type": route.content_type}

            def beside() -> HttpDestination:
                return HttpDestination(base, described, timeout=timeout, transport=transport, certificates=files)

            self._scores = ScoreSender(route, beside, self._shown)
        self._line: Line | None = None
        self._under_way: tuple[Sequence[SpanEvent], Sequence[Outcome | None]] = (), ()
        self._flights: list[tuple[PendingRequest, list[SpanEvent]]] = []  # unanswered, with the events in them
        self._waits_for_all = False  # a late answer requires halving the batch, which needs answers in order
        self.last_answer = 0.0  # when the destination last answered, on `clock.monotonic`

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Send the spans of ended operations; see :class:`voltagent.exporters.Exporter`."""
        outcomes: list[Outcome | None] = [None] * len(batch)
        self._under_way = batch, outcomes
        SpanBatch(self, batch, deadline, outcomes).run(self._encoder.items(batch, outcomes))
        self._waits_for_all = False
        self._send_scores(batch, outcomes, deadline)
        for event, outcome in zip(batch, outcomes, strict=True):
            if outcome is ACCEPTED:
                self._spans.sent(event)
        return as_their_ends(batch, outcomes)

    def _send_scores(self, batch: Sequence[SpanEvent], outcomes: list[Outcome | None], deadline: float) -> None:
        """Send the scores of a batch after its spans, if the destination has a documented route for them."""
        numbers = [number for number, (phase, _, _) in enumerate(batch) if phase is Phase.SCORE]
        if not numbers or self._scores is None:
            return
        found = self._scores.send([batch[number] for number in numbers], deadline)
        for number, outcome in zip(numbers, found, strict=True):
            outcomes[number] = outcome

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes of unanswered requests; see :class:`voltagent.exporters.Trailing`."""
        over = [flight for flight in self._flights if flight[0].is_over()]
        self._flights = [flight for flight in self._flights if flight not in over]
        return [pair for call, events in over for pair in self._landed(call, events)]

    def _landed(self, call: PendingRequest, events: list[SpanEvent]) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes of a request that was answered after its batch."""
        outcome, answer = self._outcome_of(call)
        outcomes = [outcome] * len(events)
        if answer is not None and outcome.verdict is Verdict.ACCEPTED:
            count, message = self.rejected(answer)
            refused = Outcome(Verdict.REFUSED, "rejected", f"partial success: {message}")
            outcomes[len(events) - min(count, len(events)) :] = [refused] * min(count, len(events))
        elif answer is not None and answer.status in (400, 413, 422):
            self._waits_for_all = True
            outcomes = [UNTRIED] * len(events)
        for event, outcome in zip(events, outcomes, strict=True):
            if outcome is ACCEPTED:
                self._spans.sent(event)
        return list(zip(events, outcomes, strict=True))

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events of the current batch; see :class:`voltagent.exporters.Trailing`."""
        batch, outcomes = self._under_way
        found = zip(batch, as_their_ends(batch, outcomes), strict=True)
        return [(event, outcome) for event, outcome in found if outcome.verdict in SETTLED]

    def forget(self, trace_id: int | str) -> None:
        """Forget a trace that has ended."""
        self._spans.forget(trace_id)

    def memory(self, trace_id: int | str) -> bytes | None:
        """Return the state of a trace's open spans; see :class:`voltagent.exporters.Remembering`."""
        return self._spans.memory(trace_id)

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Restore the state of a trace from another process."""
        self._spans.restore(trace_id, memory)

    def after_fork(self) -> None:
        """Drop the connection and the open spans in a forked child: they are the parent's."""
        line, self._line = self._line, None
        if line is not None:
            line.let_go()
        flights, self._flights = self._flights, []
        for call, _ in flights:
            call.line.let_go()
        self._spans.clear()
        if self._scores is not None:
            self._scores.let_go()

    def close(self) -> None:
        """Close the connection."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if self._scores is not None:
            self._scores.close()

    def post(
        self, items: Sequence[Item], batch: Sequence[SpanEvent], deadline: float
    ) -> tuple[Outcome, HttpResponse | None]:
        """Send spans of a batch in one request; return the outcome, and the response if there is one.

        It is sent on its own thread, so that it can be abandoned if it drips or hangs in a name look-up, and left
        unanswered for others: :meth:`late` will return its outcome.
        """
        if clock.monotonic() >= ends_by(deadline):
            return UNTRIED, None
        body = self._encoding.request([item.content for item in items], self._resource, self._scope)
        line, self._line = self._line or self._destination.line(), None
        call = PendingRequest(line, "POST", self._path, _gzipped(body) if self._gzip else body, deadline)
        call.start("voltagent-otlp-request")
        while not call.wait(_STEP) and not call.is_over():
            now = clock.monotonic()
            may_leave = len(self._flights) < _FLIGHTS and not self._waits_for_all
            if may_leave and now - call.began >= _HANGS and now < ends_by(deadline):  # else it ends soon
                self._flights.append((call, [batch[item.number] for item in items]))
                return IN_FLIGHT, None
        return self._outcome_of(call)

    def _outcome_of(self, call: PendingRequest) -> tuple[Outcome, HttpResponse | None]:
        """Return the outcome of a request, and its answer if there is one; keep its connection for the next."""
        try:
            answer = call.result()
        except Unreachable as exc:
            if clock.monotonic() >= ends_by(call.deadline):
                return UNTRIED, None  # our time ran out: this says nothing of the server
            return Outcome(Verdict.UNAVAILABLE, detail=self._shown(str(exc))), None
        if self._line is None:
            self._line = call.line
        else:  # an answer that came late: the connection that was opened meanwhile is in use
            call.line.close()
        self.last_answer = clock.monotonic()
        text = self._shown(answer.body[: 4 * _OF_ERRORS].decode("utf-8", "replace"))
        return http_status.outcome_of_response(answer.status, answer.headers, text, "otlp"), answer

    def message(self, event: SpanEvent) -> OtlpMessage:
        """Return the message of a span that was encoded without one."""
        return self._spans.message(event) or {}

    def encoded(self, message: OtlpMessage) -> bytes:
        """Encode one span for the protocol."""
        return self._encoding.span(message)

    def rejected(self, answer: HttpResponse) -> tuple[int, str]:
        """Return the number of rejected spans in a successful response, and its message for the log."""
        kind = answer.headers.get("content-type", "")
        encoding = ENCODINGS["http/json"] if "json" in kind else self._encoding
        count, message = encoding.rejected(answer.body)
        return count, self._shown(message)

    def _shown(self, text: str) -> str:
        """Return foreign text for the log: without the headers' values, escaped, and truncated."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return ascii(text)[1:-1][:_OF_ERRORS]


def _gzipped(body: bytes) -> bytes:
    """Compress a body at the fastest level, without a timestamp, so that a retry sends the same bytes."""
    return gzip.compress(body, compresslevel=1, mtime=0)
