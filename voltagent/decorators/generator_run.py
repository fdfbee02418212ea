"""One run of a generator: the current span during its steps, and the record of the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from voltagent.capture.snapshot import NOTHING, Items
from voltagent.core import clock
from voltagent.core.context import BESIDE, CURRENT, INERT, nearest_open, set_current
from voltagent.core.guard import Guard
from voltagent.core.kept_contexts import KEPT_CONTEXTS, drop_contexts
from voltagent.core.span import Span
from voltagent.decorators.call_plan import NO_CHUNKS, NO_CLIENTS, CallPlan

if TYPE_CHECKING:
    from voltagent.capture.results.streams import Assembly

MOST_TAKEN: Final = 4096  # of the last items, for the callback of `usage`
# Bypasses any property of a subclass: an exception is an object of the user.
_traceback_of: Final[Callable[[BaseException], Any]] = BaseException.__dict__["__traceback__"].__get__

__tracebackhide__ = True  # reports of pytest show the functions of the program, and not this frame between them


class GeneratorRun:
    """Accompanies a generator that runs. Its span is current only while the generator's own code runs.

    Each step may come from another thread, task or context, so what was current there is restored by value.
    """

    __slots__ = ("_add", "_assembly", "_before", "_first", "_items", "_left", "_mark", "_no_chunks", "_number",
                 "_outside", "_own", "_plan", "_producing", "_span", "_started", "_taken", "_waiting", "incoming",
                 "running", "thrown")  # fmt: skip

    def __init__(
        self,
        plan: CallPlan,
        caller: Span | None,
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        begun: tuple[Span, bool] | None = None,
    ) -> None:
        """Start the record, under the span that was current at the call, or else is current now.

        ``begun`` is the record of a call that has returned a stream, and whether the call began outside any trace.
        """
        here = CURRENT.get()
        span: Span | None = None
        if begun is not None:
            span, self._outside = begun
        else:
            above = here if caller is None or here is INERT else caller
            if BESIDE or (above is not None and above.end_ns is not None):
                above = nearest_open(above)
            span = plan.begin(above, instance, args, kwargs) if above is not INERT else None
            self._outside = above is None
        self._plan = plan
        self._span = INERT if span is None else span
        self._own = here if span is None else span  # what is current inside the generator
        self._before = here
        self._assembly: Assembly | None = None  # set at the first item that may be a chunk of a model's answer
        self._no_chunks = NO_CHUNKS if plan.any_shape else NO_CLIENTS
        self._taken: deque[Any] | None = deque(maxlen=MOST_TAKEN) if plan.gives_usage else None
        self._add: Callable[[Any], None] | None = None  # set at an item that was recorded as it is
        self.incoming: Any = None  # what the consumer sent or threw: `None` for a plain `next`
        self._left = False
        self.thrown = False  # whether the next step throws an exception in
        self.running = False
        self._number = 0
        self._first: float | None = None
        self._waiting = 0.0
        try:
            self._items = _items(plan, self._span)
            self._producing = 0.0 if begun is None else _seconds_since_start(self._span)
            self._mark = clock.monotonic()
        except BaseException as exc:
            plan.fail(self._span, self._outside, exc)  # an interrupt: there is no run that could end it
            raise
        self._started = self._mark - self._producing

    @property
    def span(self) -> Span:
        """The record of this run; inert if it is not recorded."""
        return self._span

    def enter(self) -> None:
        """Note that the generator's code runs from here."""
        self._before = CURRENT.get()
        if KEPT_CONTEXTS:  # `set_current`, at the cost of one call less for each item
            drop_contexts()
        CURRENT.set(self._own)
        now = clock.monotonic()
        self._waiting += now - self._mark
        self._mark = now
        self.running = True

    def leave(self, item: Any) -> Any:
        """Note that the generator yielded an item and the consumer's code runs from here; return the item."""
        self._own = CURRENT.get()
        if KEPT_CONTEXTS:  # :meth:`pause`, likewise
            drop_contexts()
        CURRENT.set(self._before)
        self.running = False
        now = clock.monotonic()
        self._producing += now - self._mark
        self._mark = now
        self._number += 1
        if self._first is None:
            self._first = now - self._started
        try:
            if self._add is not None and id(cast(object, type(item))) in self._no_chunks:
                self._add(item)
            else:
                self._keep(item)
        except BaseException as exc:
            Guard.swallowed(exc)
        return item

    def _keep(self, item: Any) -> None:
        """Take a snapshot of an item, unless it is a chunk of a model's answer: chunks are assembled."""
        if self._taken is not None:
            self._taken.append(item)
        items = self._items
        is_chunk = id(cast(object, type(item))) not in self._no_chunks and self._assemble(item)
        if items is not None and not (is_chunk and not items.count):
            if not items.count and self._assembly is not None and self._assembly.has_chunks:
                self._add_answer(items)  # other items follow on chunks
            answer = None if self._assembly is None or self._plan.hides_result else self._assembly.answer
            items.add(self._plan.shown(item) if answer is None else answer)
            is_changed = self._assembly is not None or self._taken is not None or self._plan.hides_result
            self._add = None if is_changed else items.add

    def _assemble(self, item: Any) -> bool:
        """Add an item to the assembled answer; return whether it is a chunk of one that may be recorded."""
        assembly = self._assembly
        if assembly is None:
            recorder = self._span.trace.recorder
            if recorder is None or recorder.results is None:
                return False
            assembly = self._assembly = recorder.results.streams.Assembly(any_shape=self._plan.any_shape)
        return assembly.add(item) and not self._plan.hides_result

    def _add_answer(self, items: Items) -> None:
        found = None if self._assembly is None else self._assembly.result()
        if found is not None and found.answer is not None:
            items.add(found.answer)

    def catch(self, exception: BaseException) -> None:
        """Note the exception that the consumer threw in, without our own frame in its traceback."""
        traceback = _traceback_of(exception)
        BaseException.with_traceback(exception, None if traceback is None else traceback.tb_next)
        self.thrown = True
        self.incoming = exception
        self._left = self._left or isinstance(exception, GeneratorExit)

    def take(self) -> Any:
        """Return what the consumer sent or threw, and forget it, so that no object of the user is kept alive."""
        value, self.incoming = self.incoming, None
        self.thrown = False
        return value

    def pause(self) -> None:
        """Note that the consumer's code runs from here, without an item."""
        set_current(self._before)
        self.running = False
        now = clock.monotonic()
        self._producing += now - self._mark
        self._mark = now

    def returned(self, value: Any = None) -> None:
        """Record that the generator returned."""
        self.pause()
        self._complete(value, abandoned=self._left)
        self._plan.succeed(self._span, self._outside, value, is_run=True)

    def settled(self, result: Any) -> None:
        """Record that the call had one result and no items."""
        self.pause()
        self._plan.succeed(self._span, self._outside, result)

    def raised(self, exception: BaseException) -> None:
        """Record that an exception left the generator. A generator that was closed has not failed."""
        self.pause()
        abandoned = isinstance(exception, GeneratorExit)
        self._complete(None, abandoned=abandoned, failed=not abandoned)
        if abandoned:
            self._plan.succeed(self._span, self._outside, None, is_run=True)
        else:
            self._plan.fail(self._span, self._outside, exception)

    def _complete(self, value: Any, *, abandoned: bool, failed: bool = False) -> None:
        """Record what is known when a run ends: its metadata, the tokens and the output."""
        span = self._span
        if span.end_ns is not None:
            return
        try:
            recorder = span.trace.recorder
            if recorder is None:
                return
            recorder.add(span, metadata=self._facts(abandoned))
            is_given = self._taken is not None and not failed and self._take_usage(value)
            found = None if self._assembly is None else self._assembly.result()
            if found is not None:
                is_new = recorder.take_result(span, found, counts=not self._plan.gives_usage)
                if is_given and not is_new:
                    self._plan.leave_out_counted(span, found)
            if span.output is None and self._items is not None:
                if found is not None and found.answer is not None and not self._items.count:
                    self._items.add(found.answer)
                    self._items.is_one = True
                span.output = self._items.encode_object(NOTHING if value is None else self._plan.shown(value))
        except BaseException as exc:
            Guard.swallowed(exc)

    def _take_usage(self, value: Any) -> bool:
        """Call the callback of ``usage`` with what the generator returned, else with a list of its items."""
        items, self._taken = list(self._taken or ()), None
        return self._plan.take_given_usage(self._span, items if value is None else value)

    def _facts(self, abandoned: bool) -> dict[str, Any]:
        """Return the metadata of a run: how many items, and the times in milliseconds."""
        facts: dict[str, Any] = {
            "items": self._number,
            "producing_ms": round(self._producing * 1000, 3),
            "waiting_ms": round(self._waiting * 1000, 3),
        }
        if self._first is not None:
            facts["time_to_first_item_ms"] = round(self._first * 1000, 3)
        if abandoned:
            facts["abandoned"] = True
        return facts


def _seconds_since_start(span: Span) -> float:
    return max(0, clock.monotonic_ns() + span.trace.clock_offset - span.start_ns) / 1e9


def _items(plan: CallPlan, span: Span) -> Items | None:
    """Return what collects the items of a run; ``None`` if results are not recorded."""
    try:
        recorder = span.trace.recorder
        if span is not INERT and recorder is not None and plan.captures_output(span):
            return Items(recorder.snapshot)
    except BaseException as exc:
        Guard.swallowed(exc)
    return None
