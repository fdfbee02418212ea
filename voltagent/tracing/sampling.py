"""Sampling by whole trace: which ones are recorded, and where the others wait if those that fail are to be kept.

The choice falls when a trace starts, and all that belongs to it follows. No lock is ever waited for here.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast
from weakref import WeakValueDictionary

from pydantic_core import from_json

from voltagent.core import clock
from voltagent.core.context import run_callback
from voltagent.core.guard import log_once
from voltagent.core.json_objects import cut_marker
from voltagent.core.span import ERROR, Phase, Remote, Span, SpanEvent

Sampler: TypeAlias = Callable[[dict[str, Any]], bool | float]
_Put: TypeAlias = Callable[[SpanEvent, int], bool]

_MOST_EVENTS: Final = 1000  # held back of one trace, in addition to the ends of what has started
_MOST_BYTES: Final = 2**20
MOST_TRACES: Final = 200  # held back at the same time
_LEFT_OUT: Final = (
    "a trace is left out, because the one it continues is not sampled by its caller; follow_parent=False records it"
)


class Sampling:
    """Which traces of one SDK are recorded.

    Args:
        rate: the share that is, 0 to 1.
        sampler: is given the facts of a trace (``agent_id``, ``user_id``, ``conversation_id``, ``version``, ``tags``,
            ``metadata``) and says whether it is recorded, or at which rate; instead of ``rate``.
        keep_errors: record a trace in which something fails, also where it was not chosen.
        follow_parent: a trace that continues one of another process goes with the decision that was made there.
    """

    def __init__(
        self,
        rate: float = 1.0,
        sampler: Sampler | None = None,
        *,
        keep_errors: bool = False,
        follow_parent: bool = True,
    ) -> None:
        self.chooses = rate < 1.0 or sampler is not None  # without, only the decision of a trace above counts
        self._rate = rate
        self._sampler = sampler
        self._keep_errors = keep_errors
        self._follow_parent = follow_parent
        self._open: WeakValueDictionary[int, TailBuffer] = WeakValueDictionary()
        # Left out so far. An addition runs no Python code in between, so that no thread can come between.
        self.traces = 0
        self.events = 0
        self.sink: _Put = _nowhere

    def over(self, put: _Put) -> _Put:
        """Return the function that takes the events of a recorder: that of the sink, unless events may be held back."""
        self.sink = put
        return self._put if self._keep_errors else put

    def _put(self, event: SpanEvent, size: int) -> bool:
        _, span, _ = event
        tail_buffer = span.trace.tail_buffer
        return self.sink(event, size) if tail_buffer is None else tail_buffer.put(event, size)

    def takes(
        self,
        above: Span | None,
        remote: Remote | None,
        agent_id: str,
        tags: tuple[str, ...] | None,
        metadata: bytes | None,
        about: Mapping[str, Any],
    ) -> bool:
        """Return whether a trace that starts is recorded. One that belongs to another one goes with that."""
        if remote is not None and self._follow_parent:
            if not remote.sampled:
                log_once("sampling:parent", logging.INFO, _LEFT_OUT)
            return remote.sampled
        if above is not None:
            return above.trace.tail_buffer is None or above.trace.tail_buffer.kept
        rate = self._rate
        if self._sampler is not None:
            rate = self._sampled(self._sampler, agent_id, tags, metadata, about)
        return rate >= 1.0 or clock.randomness.random() < rate

    @staticmethod
    def _sampled(
        sampler: Sampler,
        agent_id: str,
        tags: tuple[str, ...] | None,
        metadata: bytes | None,
        about: Mapping[str, Any],
    ) -> float:
        """Return the rate that the user's function returns for a trace."""
        facts: dict[str, Any] = {
            "agent_id": agent_id,
            **{name: about.get(name) for name in ("user_id", "conversation_id", "version")},
            "tags": list(tags or ()),
            "metadata": {} if metadata is None else from_json(metadata),
        }
        return run_callback(_rate_of, sampler, facts, on_error=_sampler_failed)

    def new_tail_buffer(self) -> TailBuffer | None:
        """Return a buffer in which an unsampled trace waits for its end; ``None``, and counted, if it must not wait."""
        if not self._keep_errors or len(self._open) >= MOST_TRACES:
            self.traces += 1
            return None
        tail_buffer = TailBuffer(self)
        self._open[id(tail_buffer)] = tail_buffer
        return tail_buffer

    def settled(self, tail_buffer: TailBuffer) -> None:
        """Note that a trace that waited is sent, or left out."""
        self._open.pop(id(tail_buffer), None)

    def after_fork(self) -> None:
        """In a forked child: count anew. The traces that wait are counted by the parent, but may fail here, too."""
        self.traces = self.events = 0
        uncounted = Sampling()
        uncounted.sink = self.sink
        waiting, self._open = self._open, WeakValueDictionary()
        for reference in waiting.valuerefs():
            tail_buffer = reference()
            if tail_buffer is not None:
                tail_buffer.after_fork(uncounted)

    def close(self) -> None:
        """Leave out what waits: nothing more will fail."""
        for reference in self._open.valuerefs():
            tail_buffer = reference()
            if tail_buffer is not None:
                tail_buffer.leave_out()


class TailBuffer:
    """The events of one trace that was not chosen, until something in it fails or it ends.

    Any thread may put an event. One thread at a time forwards them, in order, and no other waits for it.
    """

    __slots__ = ("__weakref__", "_bytes", "_events", "_gone", "_is_handing_on", "_sampling", "kept")

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._events: deque[tuple[SpanEvent, int]] = deque()
        self._bytes = 0
        self._gone = False
        self._is_handing_on = False
        self.kept = False  # something failed: all of it is recorded

    def put(self, event: SpanEvent, size: int) -> bool:
        """Add an event; return False if a START was refused, because the trace has ended or is too large."""
        phase, span, _ = event
        failed = _failed(event)
        if not (self.kept or failed) and not self._fits(event, size):
            self._sampling.events += 1
            return False
        self._events.append((event, size))
        self._bytes += size
        if self._gone:
            self._clear()
        elif self.kept or failed:
            self._keep()
        elif phase is Phase.END and span.parent is None:
            self.leave_out()
        return True

    def after_fork(self, sampling: Sampling) -> None:
        """Adapt to a forked child, where no thread is forwarding; count with ``sampling``."""
        self._sampling = sampling
        self._is_handing_on = False

    def _fits(self, event: SpanEvent, size: int) -> bool:
        """Return whether an event may be held. An end always is; its output is cut if it is too large."""
        phase, span, _ = event
        if phase is not Phase.END:
            return not self._gone and len(self._events) < _MOST_EVENTS and self._bytes + size <= _MOST_BYTES
        if span.output is not None and self._bytes + size > _MOST_BYTES:
            span.output = cut_marker("json", len(span.output.decode()), "size")
        return True

    def leave_out(self) -> None:
        """Drop the trace: it ended well, or nothing more is recorded."""
        if not (self._gone or self.kept):
            self._gone = True
            self._sampling.traces += 1
            self._sampling.settled(self)
        self._clear()

    def _clear(self) -> None:
        """Discard the events that waited, and count them as left out."""
        try:
            while True:
                self._events.popleft()
                self._sampling.events += 1
        except IndexError:
            pass

    def _keep(self) -> None:
        """Send what waits, and from now on everything: something in the trace has failed."""
        if not self.kept:
            self.kept = True
            self._sampling.settled(self)
        # A thread that comes while another forwards leaves the rest to it, and it looks once more when it is done. It
        # is a flag because between reading and setting it, and between that and `try`, there is no call, so no
        # interrupt either.
        while self._events:
            if self._is_handing_on:
                return
            self._is_handing_on = True
            try:
                self._hand_on()
            finally:
                self._is_handing_on = False

    def _hand_on(self) -> None:
        """Send the events in their order; each leaves the buffer before it is sent, so that none is sent twice."""
        events = self._events
        while events:
            event, size = events[0]
            del events[0]
            self._sampling.sink(event, size)


def _failed(event: SpanEvent) -> bool:
    phase, span, fields = event
    if phase is Phase.UPDATE:
        return fields is not None and fields.get("status") == ERROR
    return phase is Phase.END and span.status == ERROR


def _rate_of(sampler: Sampler, facts: dict[str, Any]) -> float:
    """Return the rate that the sampler of the program gives for a trace."""
    given = cast(object, sampler(facts))
    if isinstance(given, int | float) and 0 <= given <= 1:
        return float(given)
    wrong = f"must return a bool or a number from 0 to 1, got {type(given).__name__}"
    log_once("sampler", logging.WARNING, "sampler %s; recording the trace", wrong)
    return 1.0


def _sampler_failed(exc: BaseException) -> float:
    log_once("sampler", logging.WARNING, "sampler raised %s; recording the trace", type(exc).__qualname__, exc_info=exc)
    return 1.0


def _nowhere(_: SpanEvent, __: int) -> bool:
    return False
