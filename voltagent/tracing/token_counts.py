"""Count the tokens of a trace once, however many callers return the same response of a model.

A response counts at the innermost operation that has it. It is known by its id or its usage object; a copy without them
is known by its numbers (see :mod:`.response_copies`), but only above an operation that counted them: separate calls may
have equal numbers.

An agent's own tokens are those set explicitly, else those of a result that nothing below it has counted, else the sum
over the operations below it with no other agent in between. A trace's are those set explicitly, else those of its
agents and of its operations outside any agent.

Operations of one trace may end in several threads at once. Nothing here waits: sums are kept as lists, to which
appending is atomic.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from voltagent.capture.usage import alone, has_counts, summed
from voltagent.core.span import AGENT, MODEL_CALLS, TRACE, PartialUsage, Span, TraceInfo
from voltagent.tracing.response_copies import Counted, numbers_of, take_original

if TYPE_CHECKING:
    from voltagent.capture.results import Response

_MOST_KNOWN: Final = 4096  # responses that are remembered; beyond it the oldest is forgotten
_MOST_HELD: Final = 256  # objects among them that cannot be referred to weakly
_LONGEST: Final = 512  # usages in a list before they are added up, and usages below one operation that are remembered
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

    __slots__ = ("_below", "_held", "_kinds_below", "_own", "inside", "known", "made")

    def __init__(self) -> None:
        self.known: dict[int | str, object] = {}  # ids of responses, and ids of objects with the object itself
        self._held = 0
        self._below: dict[Span, _Sum] = {}  # by agent: what the operations below it used
        self._own = _Sum()  # of agents that have ended, and of operations inside no agent
        self.inside: dict[Span, list[Counted]] = {}  # by operation that has not ended: what was counted inside it
        self.made: dict[Span, list[Counted]] = {}  # by operation that has not ended: the responses that it counted
        # For traces with spans of other instrumentations: by span, the kinds below it that had tokens
        self._kinds_below: dict[Span, set[str]] | None = None

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

    def unless_counted(self, span: Span, usage: dict[str, Any]) -> dict[str, Any] | None:
        """Return what counts of the usage of a model call, which may repeat that of a call inside it, or of all."""
        inside = [one[0] for one in self._with_sum(span)]
        numbers = numbers_of(usage)
        if numbers == (None, None) or numbers not in map(numbers_of, inside):
            return usage
        self.made.pop(span, None)  # what it repeats is known inside it
        return self.counted_already(span, usage)

    def _with_sum(self, span: Span) -> list[Counted]:
        """Return what was counted inside an operation, and the sum of it."""
        inside = self.inside.get(span, [])[:]
        return [*inside, (_sum_of(inside), None, None, True)] if len(inside) > 1 else inside

    def counted_already(self, span: Span, usage: dict[str, Any]) -> dict[str, Any] | None:
        """Return what counts of a usage whose tokens were counted: its cost, if calls inside have none."""
        inside = self.inside.get(span)
        is_new = inside is not None and "cost" in usage and not any("cost" in one for one, *_ in inside)
        return {"cost": usage["cost"]} if is_new else None

    def counted_below(self, span: Span, kinds: Collection[str] | None) -> bool:
        """Return whether an operation of one of these kinds (``None``: of any) below the span had tokens."""
        found = (self._kinds_below or {}).get(span, set())
        return bool(found if kinds is None else found.intersection(kinds))

    def new_ones(self, responses: Sequence[Response], span: Span) -> list[Response]:
        """Return the responses of a span that were not counted before; from now on they are."""
        new = [response for response in responses if self._take_if_new(response)]
        if span in self.inside and span.kind not in MODEL_CALLS:  # of a model call see `unless_counted`
            new = self._without_copies(responses, new, span)
        if new:
            self.made.setdefault(span, []).extend([(usage, id, model, False) for usage, _, id, model in new])
        return new

    def _without_copies(self, responses: Sequence[Response], new: Sequence[Response], span: Span) -> list[Response]:
        """Return the new responses of a span without those that are copies of what was counted inside it.

        One response has one copy in a result: a second one with the same numbers is another response.
        """
        originals: dict[tuple[Any, Any], list[Counted]] = {}
        for one in self._with_sum(span) if new else ():
            originals.setdefault(numbers_of(one[0]), []).append(one)
        are_new = set(map(id, new))
        # in this order: also what was counted before takes its original away
        return [one for one in responses if not take_original(one, originals) and id(one) in are_new]

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


def _sum_of(counted: Iterable[Counted]) -> Mapping[str, Any]:
    return summed(usage for usage, _, _, is_sum in counted if not is_sum) or {}


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
    if span.kind == TRACE:
        if counts is not None and (span.usage is None or not has_counts(span.usage)):
            span.usage = _with_sum(span, counts.total())
        return
    is_given = span.usage is not None
    if span.kind == AGENT:
        below = None if counts is None else counts.take_below(span)
        if span.usage is None or not has_counts(span.usage):
            is_given = is_given and below is None
            span.usage = _with_sum(span, below)
        if span.usage is not None:
            counts = counts_of(span.trace)
            counts.add_own(span.usage)
            counts.note(span)
    elif span.usage is not None:
        agent = span.parent
        while agent is not None and agent.kind != AGENT:
            agent = agent.parent
        counts = counts_of(span.trace) if counts is None else counts
        counts.note(span)
        if agent is None:
            counts.add_own(span.usage)
        else:
            counts.add_below(agent, span.usage)
    if counts is not None:
        _pass_up(counts, span, is_given=is_given)


def _pass_up(counts: TokenCounts, span: Span, *, is_given: bool) -> None:
    """Add what was counted inside an operation that ends, and by itself, to what was inside the operation around it.

    Args:
        counts: those of the trace.
        span: the operation that ends.
        is_given: whether its usage is that of a response or of the caller, not a sum.
    """
    inside: list[Counted] | None = counts.inside.pop(span, None)
    made: list[Counted] | None = counts.made.pop(span, None)
    around = span.parent
    while around is not None and around.end_ns is not None:
        around = around.parent
    if around is None:
        return
    if span.kind == AGENT and is_given and inside is not None:  # its own usage stands for them
        inside = [(usage, identifier, model, True) for usage, identifier, model, _ in inside]
    if made is None and span.usage is not None and (is_given or (inside is not None and len(inside) > 1)):
        made = [(span.usage, None, None, not is_given)]
    counted = [*(inside or ()), *(made or ())]
    if counted:
        known = counts.inside.setdefault(around, counted)
        if known is not counted:
            known += counted  # one step: other operations may end at the same time
        if len(known) > _LONGEST:  # the older half counts only in the sum of all
            older = known[: _LONGEST // 2]
            known[: len(older)] = [(_sum_of(older), None, None, False)]


def _with_sum(span: Span, total: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what an agent or a trace used by a sum of this process, with the figures of its own that are no counts.

    If other processes record in the same trace, the sum is marked as a part of the whole.
    """
    if total is None:
        return span.usage
    usage = total if span.usage is None else {**total, **span.usage}
    return PartialUsage(usage) if span.trace.is_spread else usage
