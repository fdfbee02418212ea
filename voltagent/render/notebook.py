"""What a handle shows of its trace where it is the last line of a notebook's cell.

In a notebook what was recorded is remembered here for a while, as most destinations keep nothing that could be shown;
elsewhere nothing is remembered. Looking changes nothing: it sends, ends and waits for nothing, and shows no more than
would have been sent, by the same functions on copies.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from voltagent.core.clock import id_text
from voltagent.core.guard import guard
from voltagent.core.json_objects import merge_objects
from voltagent.core.protocols import Sink
from voltagent.core.span import TRACE, Phase, Span, SpanEvent, SpanFacts, TraceInfo, is_custom_event
from voltagent.render.answers import Json, recorded_trace
from voltagent.render.page import frame
from voltagent.render.text import printable
from voltagent.storage.traces.facts import counts_of, model_of
from voltagent.storage.traces.records import StoredOperation, StoredTrace
from voltagent.storage.traces.tokens import usage_of

MOST_SPANS: Final = 10_000
MOST_BYTES: Final = 32 * 2**20
MOST_OPERATIONS: Final = 500  # below what a cell shows
LONGEST_VALUE: Final = 20_000  # characters of an input or output
_LEAST_HEIGHT: Final = 320  # pixels of a frame
_MOST_HEIGHT: Final = 640
_FRAME_HEIGHT: Final = 220  # without rows
_ROW_HEIGHT: Final = 26
_MOST_SHOWN: Final = 5  # traces below one cell

_NOT_SAFE: Final = "[could not be made safe to show]"
_OLDER_IS_GONE: Final = "What began earlier is no longer in memory."
_ALONE: Final = "Only this is known here: operations below it are remembered where the SDK was made in a notebook."
_AS_STORED: Final = "As it is in the local store by now; await sdk.flush() stores the rest."


def is_running() -> bool:
    """Return whether this program is a notebook, or any other session of IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return shell is not None and shell() is not None


_began: deque[Span] = deque(maxlen=_MOST_SHOWN + 1)  # traces that began in the cell that runs, if cells are watched
_watched: list[Any] = []  # the shells whose cells show what they recorded


def watch_cells(shell: Any) -> None:
    """Show the trees of the traces that a cell recorded below that cell, from now on.

    Args:
        shell: the running ``IPython.core.interactiveshell.InteractiveShell``.
    """
    if shell not in _watched:
        _watched.append(shell)
        shell.events.register("pre_run_cell", _forget_cell)
        shell.events.register("post_run_cell", partial(_show_cell, shell))


def _forget_cell(*_: object) -> None:
    _began.clear()


def _forget_shown(span: Span) -> None:
    """Show a trace once below a cell, also if its handle is the last line of it; again if it was still running."""
    for one in list(_began):
        if one is span and span.end_ns is not None:
            _began.remove(one)


def _show_cell(shell: Any, *_: object) -> None:
    """Show the traces that began in the cell that has ended."""
    spans = list(_began)
    _began.clear()
    for span in spans[:_MOST_SHOWN]:
        with guard:  # what cannot be shown must not fail the cell
            witness: Witness | None = getattr(span.trace.recorder, "witness", None)
            if witness is not None:
                title = f"voltagent: trace {printable(span.name)} {span.status or 'running'}"
                shell.display_pub.publish({"text/html": shown(span, witness), "text/plain": title})
    if len(spans) > _MOST_SHOWN:
        more = "voltagent: this cell recorded more traces; `voltagent traces` lists all that are stored"
        shell.display_pub.publish({"text/plain": more})


class NotebookSpans:
    """A sink in front of the sink, which remembers the latest spans: up to 10 000, with 32 MiB of payload, about."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._spans: deque[Span] = deque(maxlen=MOST_SPANS)
        self.size = 0  # of their payloads; threads may overwrite each other's addition

    def put(self, event: SpanEvent, size: int) -> bool:
        """Pass an event on, and remember what begins."""
        taken = self._sink.put(event, size)
        if taken:
            phase, span, _ = event
            if phase in (Phase.START, Phase.POINT):
                self._spans.append(span)
                if _watched and span.kind == TRACE:
                    _began.append(span)
            self.size += size
            if self.size > MOST_BYTES:
                self._forget()
        return taken

    def of(self, trace: TraceInfo) -> list[Span]:
        """Return the spans of a trace, in the order in which they began."""
        return [span for span in self._spans.copy() if span.trace is trace]

    def _forget(self) -> None:
        """Let go of the older half."""
        try:
            for _ in range(len(self._spans) // 2):
                self._spans.popleft()
        except IndexError:
            pass  # another thread is at it, too
        self.size = sum(map(_held, self._spans.copy()))


class Witness:
    """What one SDK's handles can show.

    Args:
        process: what an event passes before it is sent.
        memory: what was recorded lately, in a notebook.
        stored: the spans that the local store has of the trace with this id, where records go there.
    """

    def __init__(
        self,
        process: Callable[[SpanEvent], SpanEvent | None],
        memory: NotebookSpans | None = None,
        stored: Callable[[str], Sequence[Span]] | None = None,
    ) -> None:
        self.process = process
        self.memory = memory
        self._stored = stored

    def spans(self, span: Span) -> tuple[list[Span], str]:
        """Return a span, the known spans of its trace, and notes about them."""
        if self.memory is not None:
            found = self.memory.of(span.trace)
            return [span, *found], "" if span.root in found else _OLDER_IS_GONE
        if self._stored is not None:
            with guard:  # a file that cannot be read must not fail the cell
                return [span, *self._stored(id_text(span.trace.id))], _AS_STORED
        return [span], _ALONE

    def safe(self, span: Span) -> Span | None:
        """Return a copy of the span as it is sent, also before the sender reaches it; ``None`` if it is not sent."""
        if span.trace.recorder is None:  # from the store: it was sent
            return span
        sent = copy.copy(span)
        sent.facts = None if span.facts is None else span.facts.copy()
        for phase in (Phase.START, Phase.END):
            if self.process((phase, sent, None)) is None:
                return None
        return sent


def shown(span: Span, witness: Witness) -> str:
    """Return HTML of the span and those below it, with notes about them: the viewer's own page in a frame."""
    spans, note = witness.spans(span)
    top, *below = _within(span, spans)
    listed, left = below[:MOST_OPERATIONS], len(below) - MOST_OPERATIONS
    operations = [_operation(one, span, witness) for one in listed]
    trace = _trace(top, operations, witness)
    notes = [note] if note else []
    if left > 0:
        notes.append(f"{left} more are not shown")
    kind = top.kind
    facts = f"{kind} {trace.name}: {trace.status}, {len(below)} operation{'' if len(below) == 1 else 's'}"
    found = framed(facts, notes, recorded_trace(trace, operations, kind=kind), len(listed))
    _forget_shown(span)
    return found


def framed(facts: str, notes: Sequence[str], trace: Json, rows: int) -> str:
    """Return the viewer's page of a trace with this many operations, as high as they need, in a frame."""
    height = max(_LEAST_HEIGHT, min(_MOST_HEIGHT, _FRAME_HEIGHT + _ROW_HEIGHT * rows))
    return frame(f"voltagent {facts}", notes, [trace], height)


def _held(span: Span) -> int:
    return len(span.input or b"") + len(span.metadata or b"") + len(span.output or b"")


def _within(span: Span, spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the first one, and once each those below it; by their ids, as a stored span is another object."""
    top = id_text(span.id)
    seen = {top}
    yield span
    for one in spans:
        identifier = id_text(one.id)
        above = one.parent
        while above is not None and id_text(above.id) != top:
            above = above.parent
        if above is not None and identifier not in seen:
            seen.add(identifier)
            yield one


class _CellFacts(NamedTuple):
    """What traces and operations have in common, as it is sent."""

    name: str
    operation: str | None
    status: str
    usage: dict[str, Any] | None
    error: Any
    instructions: str | None
    input: Any
    output: Any
    metadata: dict[str, Any]
    tags: tuple[str, ...]


def _facts(span: Span, witness: Witness) -> _CellFacts:
    """Return what may be shown of a span: as it would be sent, after redaction."""
    sent = witness.safe(span)
    if sent is None:
        return _CellFacts(_NOT_SAFE, None, span.status or "running", None, None, None, None, None, {}, ())
    facts: SpanFacts = sent.facts or {}
    is_moment = is_custom_event(span.kind)
    usage = None if sent.usage is None else dict(sent.usage)
    return _CellFacts(
        sent.name,
        sent.operation,
        span.status or facts.get("status") or ("completed" if is_moment else "running"),
        usage,
        shortened(_value(sent.error if isinstance(sent.error, bytes) else facts.get("status_message"))),
        shortened(facts.get("instructions")),
        shortened(_value(sent.input)),
        shortened(_value(sent.output or facts.get("output"))),
        {name: shortened(value) for name, value in merge_objects((sent.metadata, *sent.more_metadata)).items()},
        (*(sent.tags or ()), *sent.more_tags),
    )


def _operation(span: Span, top: Span, witness: Witness) -> StoredOperation:
    """Return an operation of a running trace as the store's, which the renderer of trees takes."""
    facts = _facts(span, witness)
    above = span.parent
    counts = counts_of(facts.usage)
    return StoredOperation(
        sequence=0, id=id_text(span.id), trace_id=id_text(top.id),
        parent_id=None if above is None or id_text(above.id) == id_text(top.id) else id_text(above.id), kind=span.kind,
        name=facts.name, operation=facts.operation, agent_id=span.agent_id, status=facts.status, start_ns=span.start_ns,
        end_ns=span.end_ns, version=None, level=None, tags=facts.tags, usage=facts.usage, error=facts.error,
        model=span.model or model_of(span.kind, facts.metadata), tokens=counts.total_tokens,
        cached_tokens=counts.cached_tokens, cost=counts.cost, instructions=facts.instructions, metadata=facts.metadata,
        input=facts.input, output=facts.output,
    )  # fmt: skip


def _trace(top: Span, operations: Sequence[StoredOperation], witness: Witness) -> StoredTrace:
    """Return what stands at the top: a trace, or the operation whose handle is shown."""
    facts, trace = _facts(top, witness), top.trace
    usage = facts.usage
    if usage is None and top.kind == TRACE:
        usage = usage_of(operations)
    counts = counts_of(usage)
    models = dict.fromkeys(one.model for one in operations if one.model)
    return StoredTrace(
        id=id_text(top.id), agent_id=trace.agent_id if top.kind == TRACE else facts.name, name=facts.name,
        status=facts.status, start_ns=top.start_ns, end_ns=top.end_ns, user_id=trace.user_id,
        conversation_id=trace.conversation_id, parent_trace_id=None, version=trace.version, level=trace.level,
        tags=facts.tags, usage=usage, error=facts.error, operations=len(operations),
        errors=sum(one.status == "error" for one in operations), models=tuple(models), tokens=counts.total_tokens,
        cached_tokens=counts.cached_tokens, cost=counts.cost, completion_start_ns=None, metadata=facts.metadata,
        input=facts.input, output=facts.output,
    )  # fmt: skip


def shortened(value: Any) -> Any:
    """Return a value, or the beginning of its text if it is large: a notebook's file holds what its cells show."""
    if value is None:
        return None
    text = value if isinstance(value, str) else to_json(value, inf_nan_mode="null").decode("utf-8", "replace")
    return value if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def _value(payload: object) -> Any:
    return from_json(payload) if isinstance(payload, bytes) else None
