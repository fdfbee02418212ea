"""The range of time that statistics cover, and its buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voltagent.storage.traces import columns
from voltagent.storage.traces.store import Store

_LAST: Final = 2**63 - 1  # SQLite's largest integer
_MICROSECOND: Final = 1000  # nanoseconds
_HOUR: Final = 3600 * 10**9
# Operations may begin long after the last trace did, or before the first one if other processes wrote them. This steps
# from kind to kind in an index.
_EXTENT: Final = """
    WITH RECURSIVE kinds(kind) AS (
        SELECT min(kind) FROM operations
        UNION ALL SELECT (SELECT min(kind) FROM operations WHERE kind > kinds.kind) FROM kinds
        WHERE kind IS NOT NULL LIMIT 1000
    ), starts(first, last) AS (
        SELECT min(start_ns), max(start_ns) FROM traces WHERE start_ns >= :since AND start_ns < :until
        UNION ALL SELECT
            (SELECT min(start_ns) FROM operations WHERE kind = kinds.kind AND start_ns >= :since AND start_ns < :until),
            (SELECT max(start_ns) FROM operations WHERE kind = kinds.kind AND start_ns >= :since AND start_ns < :until)
        FROM kinds WHERE kind IS NOT NULL
    ) SELECT min(first), max(last) FROM starts"""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of time, divided into buckets. All times are nanoseconds since the epoch."""

    first: int
    end: int
    width: int  # of a bucket
    buckets: int  # how many

    @classmethod
    def of(cls, store: Store, since_ns: int | None, until_ns: int | None, buckets: int) -> TimeRange:
        """Return the range from ``since_ns`` on and before ``until_ns`` (default: all that is stored)."""
        first, end = _extent(store, since_ns, until_ns)
        width = -(-(end - first) // (buckets * _MICROSECOND)) * _MICROSECOND  # links name times in microseconds
        return cls(first, end, max(_MICROSECOND, width), buckets)

    def bucket_of(self, start: int) -> int:
        """Return the number of the bucket in which something began."""
        return int((start - self.first) // self.width)

    @property
    def starts(self) -> list[int]:
        """The start of each bucket."""
        return [self.first + number * self.width for number in range(self.buckets)]


def _extent(store: Store, since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
    """Return the start and end of the time range; what is stored supplies a missing limit."""
    if since_ns is not None and until_ns is not None:
        return since_ns, max(until_ns, since_ns + 1)
    rows = store.rows(_EXTENT, {"since": since_ns or 0, "until": _LAST if until_ns is None else until_ns})
    first, last = map(columns.start, rows[0]) if rows else (0, 0)
    first = first if since_ns is None else since_ns
    first = min(first, _LAST - 1) // _MICROSECOND * _MICROSECOND  # a program may have recorded any time
    return first, max(first + 1, min(_LAST, max(last + 1, first + _HOUR)) if until_ns is None else until_ns)
