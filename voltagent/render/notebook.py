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
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pydantic_core import from_json

from voltagent.capture.usage import summed
from voltagent.core.clock import id_text
from voltagent.core.guard import guard
from voltagent.core.json_objects import merge_objects
from voltagent.core.span import AGENT, TRACE, Phase, Sink, Span, SpanEvent, SpanFacts, TraceInfo, is_custom_event
from voltagent.render.html import Entry, piece
from voltagent.render.text import printable

MOST_SPANS: Final = 10_000
MOST_BYTES: Final = 32 * 2**20
_MOST_SHOWN: Final = 5  # traces below one cell

_NOT_SAFE: Final = "[could not be made safe to show]"
_OLDER_IS_GONE: Final = "What began earlier is no longer in memory."
_ALONE: Final = "Only this is known here: operations below it are remembered where the SDK was made in a notebook."
_AS_STORED: Final = "As it is in the local store by now; await sdk.flush() stores the rest."


def is_running() -> bool:
    """Whether this program is a notebook, or any other session of IPython."""
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


def _show_cell(shell: Any, *_: object) -> None:
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
            if event[0] in (Phase.START, Phase.POINT):
                self._spans.append(event[1])
                if _watched and event[1].kind == TRACE:
                    _began.append(event[1])
            self.size += size
            if self.size > MOST_BYTES:
                self._forget()
        return taken

    def of(self, trace: TraceInfo) -> list[Span]:
        """The spans of a trace, in the order in which they began."""
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
        processors: what an event passes before it is sent.
        memory: what was recorded lately, in a notebook.
        stored: the spans that the local store has of the trace with this id, where records go there.
    """

    def __init__(
        self,
        processors: Sequence[Callable[[SpanEvent], SpanEvent | None]],
        memory: NotebookSpans | None = None,
        stored: Callable[[str], Sequence[Span]] | None = None,
    ) -> None:
        self.processors = processors
        self.memory = memory
        self._stored = stored

    def spans(self, span: Span) -> tuple[list[Span], str]:
        """Return a span, the known spans of its trace, and notes about them."""
        if self.memory is not None:
            found = self.memory.of(span.trace)
            return [span, *found], "" if _root(span) in found else _OLDER_IS_GONE
        if self._stored is not None:
            with guard:  # a file that cannot be read must not fail the cell
                return [span, *self._stored(id_text(span.trace.id))], _AS_STORED
        return [span], _ALONE

    def safe(self, span: Span) -> Span | None:
        """A copy of the span as it is sent, also where the sender has not come to it yet; ``None`` where it is not."""
        if span.trace.recorder is None:  # from the store: it was sent
            return span
        sent = copy.copy(span)
        sent.facts = None if span.facts is None else span.facts.copy()
        for phase in (Phase.START, Phase.END):
            event: SpanEvent | None = (phase, sent, None)
            for process in self.processors:
                event = None if event is None else process(event)
            if event is None:
                return None
        return sent


def shown(span: Span, witness: Witness) -> str:
    """Return HTML of the span and those below it, with notes about them."""
    spans, note = witness.spans(span)
    entries = [_entry(one, witness) for one in _within(span, spans)]
    if span.kind == TRACE and entries[0].usage is None:  # its own where given, else the sum over its agents
        entries[0] = replace(entries[0], usage=summed(one.usage or {} for one in entries if one.kind == AGENT))
    return piece(entries, (note,) if note else ())


# ------------------------------------------------------------------------------------------------------------- pieces


def _root(span: Span) -> Span:
    while span.parent is not None:
        span = span.parent
    return span


def _held(span: Span) -> int:
    return len(span.input or b"") + len(span.metadata or b"") + len(span.output or b"")


def _within(span: Span, spans: Sequence[Span]) -> Iterator[Span]:
    """The first one, and once each those below it; by their ids, as a stored span is another object."""
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


def _entry(span: Span, witness: Witness) -> Entry:
    identifier, parent = id_text(span.id), None if span.parent is None else id_text(span.parent.id)
    status, sent = span.status or "running", witness.safe(span)
    if sent is None:
        return Entry(identifier, parent, span.kind, _NOT_SAFE, status, span.start_ns, span.end_ns)
    facts: SpanFacts = sent.facts or {}
    is_moment = is_custom_event(span.kind)
    details = (
        ("instructions", facts.get("instructions")),
        ("input", _value(sent.input)),
        ("output", _value(sent.output or facts.get("output"))),
        ("metadata", merge_objects((sent.metadata, *sent.more_metadata)) or None),
        ("tags", ", ".join((*(sent.tags or ()), *sent.more_tags)) or None),
    )
    return Entry(
        identifier,
        parent,
        span.kind,
        f"{sent.operation} {sent.name}" if sent.operation else sent.name,
        span.status or facts.get("status") or ("completed" if is_moment else "running"),
        span.start_ns,
        span.end_ns,
        sent.usage,
        _value(sent.error if isinstance(sent.error, bytes) else facts.get("status_message")),
        details,
    )


def _value(payload: object) -> Any:
    return from_json(payload) if isinstance(payload, bytes) else None
