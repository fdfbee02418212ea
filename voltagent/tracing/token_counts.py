"""Count the tokens of a trace once, however many callers return the same response of a model.

A response counts at the innermost operation that has it. An agent's own tokens are those set explicitly, else those of
a result that nothing below it has counted, else the sum over the operations below it with no other agent in between. A
trace's are those set explicitly, else those of its agents and of its operations outside any agent.

Operations of one trace may end in several threads at once. Nothing here waits: sums are kept as lists, to which
appending is atomic.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from voltagent.capture.usage import alone, summed
from voltagent.core.span import AGENT, MODEL_CALLS, TRACE, PartialUsage, Span, TraceInfo

if TYPE_CHECKING:
    from voltagent.capture.results import Response

_MOST_KNOWN: Final = 4096  # responses that are remembered; beyond it the oldest is forgotten
_MOST_HELD: Final = 256  # objects among them that cannot be referred to weakly
_LONGEST: Final = 512  # usages in a list before they are added up
_FOREIGN: Final = object()  # marks the id of a response that another instrumentation recorded


class _Sum:
    """Usages that are added up when they are read, or when there are many."""

    __slots__ = ("_adding", "_usages")

    def __init__(self) -> None:
        self._usages: list[dict[str, Any]] = []
        self._adding = threading.Lock()  # never waited for

    def add(self, usage: dict[str, Any]) -> None:
        """Add a usage."""
        usages = self._usages
        usages.append(usage)
        if len(usages) > _LONGEST and self._adding.acquire(blocking=False):
            try:
                number = len(usages)
                usages[:number] = [summed(usages[:number]) or {}]  # one step: a reader sees it before or after
            finally:
                self._adding.release()

    def total(self) -> dict[str, Any] | None:
        """Return the sum of all of them."""
        usages = self._usages[:]
        return summed(usages) if len(usages) != 1 else alone(usages[0])


class TokenCounts:
    """What was counted in one trace."""

    __slots__ = ("_anonymous", "_below", "_held", "_kinds_below", "_own", "calls_below", "known")

    def __init__(self) -> None:
        self.known: dict[int | str, object] = {}  # ids of responses, and ids of objects with the object itself
        self._held = 0
        self._below: dict[Span, _Sum] = {}  # by agent: what the operations below it used
        self._own = _Sum()  # of agents that have ended, and of operations inside no agent
        self.calls_below: dict[Span, list[dict[str, Any]]] = {}  # by model call: what calls inside it used
        # For traces with spans of other instrumentations, which repeat numbers without saying whose they are:
        self._kinds_below: dict[Span, set[str]] | None = None  # by span: the kinds below it that had tokens
        self._anonymous: dict[Span, list[tuple[Any, Any]]] = {}  # by span: prompt and completion tokens below it

    def watch(self) -> None:
        """Remember from now on below which spans something was counted."""
        if self._kinds_below is None:
            self._kinds_below = {}

    def note(self, span: Span) -> None:
        """Note that an operation with tokens has ended."""
        kinds = self._kinds_below
        if kinds is not None and len(kinds) < _MOST_KNOWN:
            for above in _above(span):
                kinds.setdefault(above, set()).add(span.kind)

    def note_anonymous(self, span: Span, usage: Mapping[str, Any]) -> None:
        """Note that a response of which only the numbers are known was counted at ``span``."""
        if len(self._anonymous) < _MOST_KNOWN:
            for above in _above(span):
                self._anonymous.setdefault(above, []).append(_numbers(usage))

    def note_call(self, around: Span, usage: dict[str, Any]) -> None:
        """Note what a model call inside another one used."""
        if around.end_ns is not None:
            return
        inside = self.calls_below.setdefault(around, [])
        if len(inside) < _LONGEST:
            inside.append(usage)

    def unless_counted(self, span: Span, usage: dict[str, Any]) -> dict[str, Any] | None:
        """Return what counts of the usage of a model call, which may repeat that of a call inside it, or of all."""
        inside = self.calls_below.get(span)
        numbers = _numbers(usage)
        if inside is None or None in numbers or numbers not in map(_numbers, (*inside, summed(inside) or {})):
            return usage
        return self.counted_already(span, usage)

    def counted_already(self, span: Span, usage: dict[str, Any]) -> dict[str, Any] | None:
        """Return what counts of a usage whose tokens were counted: its cost, if calls inside have none."""
        inside = self.calls_below.get(span)
        is_new = inside is not None and "cost" in usage and not any("cost" in one for one in inside)
        return {"cost": usage["cost"]} if is_new else None

    def counted_below(self, span: Span, kinds: Collection[str] | None) -> bool:
        """Return whether an operation of one of these kinds (``None``: of any) below the span had tokens."""
        found = (self._kinds_below or {}).get(span, set())
        return bool(found if kinds is None else found.intersection(kinds))

    def _repeats(self, span: Span, usage: Mapping[str, Any]) -> bool:
        """Return whether a response with the same numbers and without an id was counted below the span."""
        return _numbers(usage) in self._anonymous.get(span, ())

    def new_ones(self, responses: Sequence[Response], span: Span) -> list[Response]:
        """Return the responses of a span that were not counted before; from now on they are."""
        return [
            response
            for response in responses
            if self._take_if_new(response) and not (self._anonymous and self._repeats(span, response.usage))
        ]

    def _take_if_new(self, response: Response) -> bool:
        """Remember a response by its id and its object; return whether it was not counted before."""
        _, holder, identifier, _ = response
        known, is_new = self.known, True
        if holder is not None:
            found = known.get(id(holder))
            if found is None or (found() if type(found) is ref else found) is not holder:
                try:
                    known[id(holder)] = ref(holder)
                except TypeError:
                    known[id(holder)] = self._held_holder(holder)
            else:
                is_new = False
        if identifier is not None:
            mark = object()
            is_new = known.setdefault(identifier, mark) is mark and is_new
        if len(known) > _MOST_KNOWN:
            self._forget_oldest()
        return is_new

    def knows(self, holder: object) -> bool:
        """Return whether a response with this usage object was counted."""
        known = self.known.get(id(holder))
        return holder is not None and (known() if type(known) is ref else known) is holder

    def is_recorded(self, identifier: str) -> bool:
        """Return whether a response with this id was counted at an operation that this library recorded by itself."""
        return self.known.get(identifier, _FOREIGN) is not _FOREIGN

    def note_foreign(self, identifier: str) -> None:
        """Note that the response with this id was counted at an operation of another instrumentation."""
        if identifier in self.known:
            self.known[identifier] = _FOREIGN

    def _forget_oldest(self) -> None:
        """Keep the table of known responses within its bound."""
        try:
            while len(self.known) > _MOST_KNOWN:
                self.known.pop(next(iter(self.known)), None)
        except (RuntimeError, StopIteration):  # another thread is at it
            pass

    def _held_holder(self, holder: object) -> object:
        """Return what to remember of a dict, which cannot be referred to weakly.

        The dict itself is kept until the trace ends, or there are many.
        """
        self._held += 1
        return holder if self._held <= _MOST_HELD else object()

    def add_below(self, agent: Span, usage: dict[str, Any]) -> None:
        """Add to what the operations below an agent used."""
        found = self._below.get(agent)
        if found is None:
            found = self._below.setdefault(agent, _Sum())
        found.add(usage)

    def add_own(self, usage: dict[str, Any]) -> None:
        """Add to the tokens of the trace what an agent used, or an operation inside no agent."""
        self._own.add(usage)

    def take_below(self, agent: Span) -> dict[str, Any] | None:
        """Return what the operations below an agent used; no longer counted with the trace by itself."""
        found = self._below.pop(agent, None)
        return None if found is None else found.total()

    def total(self) -> dict[str, Any] | None:
        """Return the tokens of the trace; of agents that have not ended what is below them."""
        own = self._own.total()
        still_open = [found.total() for agent, found in list(self._below.items()) if agent.usage is None]
        return summed(usage for usage in (own, *still_open) if usage is not None) if still_open else own


def counts_of(trace: TraceInfo) -> TokenCounts:
    """Return the counts of a trace, made at the first response in it."""
    counts: TokenCounts | None = trace.counts
    if counts is None:
        counts = trace.counts = TokenCounts()
    return counts


def _above(span: Span) -> Iterator[Span]:
    """Yield the spans around a span, from the inside, except for the trace."""
    above = span.parent
    while above is not None and above.kind != TRACE:
        yield above
        above = above.parent


def _numbers(usage: Mapping[str, Any]) -> tuple[Any, Any]:
    return usage.get("prompt_tokens"), usage.get("completion_tokens")


def set_usage(span: Span, usage: dict[str, Any] | None) -> None:
    """Set the usage that a caller gave, but for what calls inside a model call have counted."""
    counts: TokenCounts | None = span.trace.counts
    if usage is not None and counts is not None and span.kind in MODEL_CALLS:
        usage = counts.unless_counted(span, usage)
    if usage is not None:
        span.usage = usage


def settle(span: Span) -> None:
    """Give an agent or a trace that ends its tokens, and count those of an operation with what is around it."""
    counts: TokenCounts | None = span.trace.counts
    if counts is not None:
        counts.calls_below.pop(span, None)  # nothing looks there any more
    if span.kind == TRACE:
        if span.usage is None and counts is not None:
            span.usage = _sum_in(span.trace, counts.total())
        return
    if span.kind == AGENT:
        below = None if counts is None else counts.take_below(span)
        if span.usage is None:
            span.usage = _sum_in(span.trace, below)
        if span.usage is not None:
            counts = counts_of(span.trace)
            counts.add_own(span.usage)
            counts.note(span)
    elif span.usage is not None:
        agent, calls = _around(span)
        counts = counts_of(span.trace) if counts is None else counts
        for call in calls:
            counts.note_call(call, span.usage)
        counts.note(span)
        if agent is None:
            counts.add_own(span.usage)
        else:
            counts.add_below(agent, span.usage)


def _sum_in(trace: TraceInfo, usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a sum of this process; if others record in the same trace, it is marked as a part of the whole."""
    return PartialUsage(usage) if trace.is_spread and usage is not None else usage


def _around(span: Span) -> tuple[Span | None, list[Span]]:
    """Return the nearest agent around an operation, and the model calls around it in that agent."""
    above = span.parent
    calls: list[Span] = []
    while above is not None and above.kind != AGENT:
        if above.kind in MODEL_CALLS:
            calls.append(above)
        above = above.parent
    return above, calls
