"""The report of a flush or shutdown, which is also awaitable."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any

from voltagent.core.awaitable import Pending
from voltagent.delivery.report import Report


class PendingReport(Pending[Report]):
    """The report of a ``flush`` or ``shutdown``: what was sent, what was dropped and why, and what is pending.

    It is complete at once unless an asyncio loop runs in this thread; then ``await`` it. To ``dataclasses.asdict`` and
    to pydantic it is a `Report`, and a copy of it, also by pickling, is one: the counts of that moment. Complete at
    once, it equals a report with the same counts. `asdict` reads one count after another, so take a copy first while
    events are on their way.
    """

    __slots__ = ("_is_report", "_stats", "_then")
    # what `asdict` and `pprint` look for
    __dataclass_fields__ = {field.name: field for field in dataclasses.fields(Report)}  # noqa: RUF012
    __dataclass_params__ = Report.__dataclass_params__  # type: ignore[attr-defined]

    def __init__(
        self, future: Future[Report], stats: Callable[[], Report], then: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(future)
        self._stats = stats
        self._then = then  # what only a loop can do at the end: close the connections of async code
        self._is_report = future.done()  # not later, because a hash must stay what it was

    def __new__(cls, *_: Any, **fields: Any) -> Any:
        """Make one, or, of the fields of a report, as ``dataclasses.replace`` does, a report."""
        return Report(**fields) if fields else super().__new__(cls)

    def __replace__(self, /, **changes: Any) -> Report:
        return dataclasses.replace(self._report, **changes)

    def __add__(self, other: Report | PendingReport) -> Report:
        return self._report + (other._report if isinstance(other, PendingReport) else other)

    def __radd__(self, other: Report) -> Report:
        return other + self._report

    def __eq__(self, other: object) -> bool:
        if self is other or not self._is_report or (isinstance(other, PendingReport) and not other._is_report):
            return self is other
        return self._report == (other._report if isinstance(other, PendingReport) else other)

    def __hash__(self) -> int:
        return hash(self._report) if self._is_report else object.__hash__(self)

    def __await__(self) -> Generator[Any, Any, Report]:
        report = yield from super().__await__()
        if self._then is not None:
            yield from self._then().__await__()
        return report

    def __reduce__(self) -> tuple[Callable[[Report], Report], tuple[Report]]:
        return copy.copy, (self._report,)  # not with the sender and its locks

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: Any) -> Any:
        """Return the schema of a `Report`: this is written as one, and becomes one, as what is read from JSON does."""
        from pydantic_core import core_schema

        def counts(given: Any) -> Any:
            return given._report if isinstance(given, cls) else given  # noqa: SLF001 - of this class

        report = handler.generate_schema(Report)
        written = core_schema.wrap_serializer_function_ser_schema(
            lambda given, write: write(counts(given)), schema=report
        )
        return core_schema.no_info_before_validator_function(counts, report, serialization=written)

    @property
    def _report(self) -> Report:
        return self.result() if self.done() else self._stats()

    @property
    def recorded(self) -> int:
        """Events recorded so far."""
        return self._report.recorded

    @property
    def accepted(self) -> int:
        """Events that the destination has accepted."""
        return self._report.accepted

    @property
    def dropped(self) -> Mapping[str, int]:
        """Events given up, by reason."""
        return self._report.dropped

    @property
    def pending(self) -> int:
        """Events that are still waiting."""
        return self._report.pending

    @property
    def sampled_out(self) -> int:
        """Traces that sampling left out; no other count includes them."""
        return self._report.sampled_out

    @property
    def sampled_out_events(self) -> int:
        """Events of these that were recorded because, with ``keep_errors``, the trace might have failed."""
        return self._report.sampled_out_events

    @property
    def destinations(self) -> Mapping[str, Report]:
        """The counts of each destination by its name, if there are several."""
        return self._report.destinations


for _name in ("done", "result"):
    vars(Pending)[_name].__qualname__ = f"PendingReport.{_name}"  # what Python names if an argument is misspelt
