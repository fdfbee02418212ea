"""The REST destination: one request per event, in order if one depends on another, otherwise concurrently."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_core import from_json, to_json

from voltagent.core import clock
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.json_objects import cut_marker
from voltagent.core.span import TRACE, Phase, Span, SpanEvent, is_operation
from voltagent.exporters import ACCEPTED, UNTRIED, Outcome, Verdict, http_status
from voltagent.exporters.http import HttpDestination, HttpResponse, Line, Unreachable
from voltagent.exporters.rest_batch import Round
from voltagent.exporters.scores import without_route
from voltagent.settings import shown_url
from voltagent.storage.spool.codec import pack, unpack
from voltagent.wire.rest import encode

if TYPE_CHECKING:
    import httpx

_MEMORY: Final = 10_000  # traces whose server-chosen ids are remembered
_TRIMMED: Final = 8192  # characters to keep of a payload that was too large for the server
_NO_SUCH_API: Final = frozenset((404, 405, 410, 501))  # in response to a create: this server has no such API
_OF_ERRORS: Final = 200  # characters of server text in a log line


class RestExporter:
    """Sends events to the REST history API, over up to ``connections`` kept-alive connections.

    Args:
        base_url: the API's address, to which paths such as ``/history`` are appended.
        public_key, secret_key: sent with every request as ``x-public-key`` and ``x-secret-key``; neither if both are
            empty.
        headers: further headers; they cannot replace the keys or those that frame a request.
        timeout: seconds of wall time for one request, including at most 3 for connecting.
        transport: an httpx transport for all requests (default: one per connection, with the environment's proxy).
        connections: limit of concurrent requests.
    """

    name = "rest"

    def __init__(
        self,
        base_url: str,
        public_key: str,
        secret_key: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        connections: int = 16,
        may_move: bool = False,
    ) -> None:
        fixed = {"content-type": "application/json"}
        if public_key or secret_key:
            fixed |= {"x-public-key": public_key, "x-secret-key": secret_key}
        self._secrets = [key for key in (secret_key, public_key) if key]
        self._destination = HttpDestination(base_url, fixed, extra=headers, timeout=timeout, transport=transport)
        self.place = shown_url(base_url)
        self._connections = connections
        self._may_move = may_move
        self.moved = False  # the server has no such API
        self._begin()

    def _begin(self) -> None:
        self.last_answer = 0.0  # on `clock.monotonic`; the worker reads it while it waits for the last batch
        self._idle: list[Line] = []
        self._is_closed = False
        self._lent: dict[Line, object] = {}  # with the borrowers
        self._ids: OrderedDict[int | str, dict[int | str, str]] = OrderedDict()  # trace -> our id -> the server's
        self._round: Round | None = None
        self._trailing: list[Round] = []  # earlier rounds with unanswered requests

    def export(self, batch: Sequence[SpanEvent], deadline: float) -> Sequence[Outcome]:
        """Send the events; see :class:`voltagent.exporters.Exporter`."""
        # kept until the next one, because its answers are read until the sender has accounted for them
        current = self._round = Round(self._send, self, batch, deadline)
        outcomes = current.run()
        if current.trails:
            self._trailing.append(current)
        return outcomes

    def late(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the outcomes of unanswered requests; see :class:`voltagent.exporters.Trailing`."""
        found = [pair for trailing in self._trailing for pair in trailing.late()]
        self._trailing = [trailing for trailing in self._trailing if trailing.trails]
        return found

    def answered(self) -> list[tuple[SpanEvent, Outcome]]:
        """Return the settled events of the current batch; see :class:`voltagent.exporters.Trailing`."""
        current = self._round
        return [] if current is None else current.answered()

    def forget(self, trace_id: int | str) -> None:
        """Forget an ended trace; ids chosen by the server are kept for a while, as a child may still come."""
        if trace_id in self._ids:
            self._ids.move_to_end(trace_id, last=False)

    def memory(self, trace_id: int | str) -> bytes | None:
        """Return the ids that the server chose in a trace; see :class:`voltagent.exporters.Remembering`."""
        chosen = self._ids.get(trace_id)
        return pack({"rest": tuple(chosen.items())}) if chosen else None

    def restore(self, trace_id: int | str, memory: bytes) -> None:
        """Restore ids that the server chose for another process."""
        known = unpack(memory)
        if "rest" in known:
            self._ids[trace_id] = {**dict(known["rest"]), **self._ids.get(trace_id, {})}

    def after_fork(self) -> None:
        """In a forked child: drop the connections, which are the parent's."""
        inherited = [*self._idle, *self._lent]
        self._begin()
        for line in inherited:
            line.let_go()

    def close(self) -> None:
        """Close the connections: the idle ones now, those that threads still use as they give them back."""
        self._is_closed = True
        lines, self._idle = self._idle, []
        for line in lines:
            line.close()

    def free(self) -> int:
        """Return how many more connections may be borrowed."""
        return self._connections - len(self._lent)

    def most(self) -> int:
        """Return the limit of connections."""
        return self._connections

    def borrow(self, borrower: object) -> Line:
        """Return a connection for one thread."""
        self._is_closed = False
        try:
            line = self._idle.pop()
        except IndexError:
            line = self._destination.line()
        self._lent[line] = borrower
        return line

    def give_back(self, line: Line, borrower: object, *, is_broken: bool = False) -> None:
        """Take back the connection of a thread, once; a broken one is closed."""
        if self._lent.get(line) is borrower:
            if is_broken:
                line.close()
            del self._lent[line]
            self._idle.append(line)
        if self._is_closed:  # looked at afterwards, as another thread may close meanwhile
            self.close()

    def _send(self, event: SpanEvent, line: Line, deadline: float) -> Outcome:
        """Send one event and return its outcome."""
        phase, span, fields = event
        if phase is Phase.SCORE:
            return without_route("by the REST history API")  # which has no place for scores
        try:
            answer = self._ask(event, line, deadline)
        except Unreachable as exc:
            return Outcome(Verdict.UNAVAILABLE, detail=self._shown(str(exc)))
        except Exception as exc:  # a payload that cannot be encoded costs its own event only
            pass_on_interrupt(exc)
            return Outcome(Verdict.REFUSED, "serialize_error", type(exc).__name__)
        self.last_answer = clock.monotonic()
        stored = 200 <= answer.status < 300
        if stored and phase in (Phase.START, Phase.POINT):
            self._follow(span, answer)
        if stored or (answer.status == 409 and fields is None and not _patches(phase, span)):
            return ACCEPTED  # 409 in response to a create: an earlier attempt succeeded
        if self._may_move and answer.status in _NO_SUCH_API and phase is Phase.START and span.kind == TRACE:
            self.moved = True
            return UNTRIED
        return http_status.outcome_of_response(answer.status, answer.headers, self._text_of(answer))

    def _ask(self, event: SpanEvent, line: Line, deadline: float) -> HttpResponse:
        """Send an event; again after its start if the server does not know that, and cut if it is too large."""
        phase, span, fields = event
        chosen = self._ids.get(span.trace.id) or {}

        def ids(identifier: int | str) -> str:
            return chosen.get(identifier) or clock.id_text(identifier)

        request = encode.request(event, ids)
        answer = line.send(*request, deadline)
        if answer.status == 404 and request.method == "PATCH" and span.trace.agent_id:  # else others made it
            line.send(*encode.request((Phase.START if _started(span) else Phase.POINT, span, None), ids), deadline)
            return line.send(*request, deadline)
        if answer.status == 413:
            trimmed = _trimmed(span)
            if trimmed is not None:
                return line.send(*encode.request((phase, trimmed, fields), ids), deadline)
        return answer

    def _follow(self, span: Span, answer: HttpResponse) -> None:
        """Remember an id that the server chose: it identifies the object there from now on."""
        ours = clock.id_text(span.id)
        if b'"id"' not in answer.body or b'"id":"%b"' % ours.encode("utf-8", "replace") in answer.body:
            return
        try:
            found: Any = from_json(answer.body)
        except ValueError:
            return  # any 2xx means stored, whatever the body is
        theirs: Any = cast("dict[str, Any]", found).get("id") if isinstance(found, dict) else None
        if isinstance(theirs, int) and not isinstance(theirs, bool):
            theirs = str(theirs)
        if isinstance(theirs, str) and theirs and theirs != ours:
            self._ids.setdefault(span.trace.id, {})[span.id] = theirs
            if len(self._ids) > _MEMORY:
                self._ids.popitem(last=False)

    def _text_of(self, answer: HttpResponse) -> str:
        return self._shown(answer.body[: 4 * _OF_ERRORS].decode("utf-8", "replace"))

    def _shown(self, text: str) -> str:
        """Return foreign text for the log: without the keys, escaped, and truncated."""
        for key in self._secrets:
            text = text.replace(key, "[redacted]")
        return ascii(text)[1:-1][:_OF_ERRORS]


def _patches(phase: Phase, span: Span) -> bool:
    return phase is Phase.END and span.kind == TRACE


def _started(span: Span) -> bool:
    return span.kind == TRACE or is_operation(span)


def _trimmed(span: Span) -> Span | None:
    """Return a copy with truncated payloads, for a server that refused the event as too large; ``None`` if that cannot
    help.
    """
    cut = copy.copy(span)
    cut.input, cut.output = _cut(span.input), _cut(span.output)
    return None if cut.input is span.input and cut.output is span.output else cut


def _cut(payload: bytes | None) -> bytes | None:
    if payload is None or len(payload) <= 2 * _TRIMMED:
        return payload
    text = payload.decode("utf-8", "replace")
    return cut_marker("json", len(text), "size", to_json(text[:_TRIMMED]))
