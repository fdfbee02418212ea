"""The tokens of traces and agents that were recorded without a sum: that still run, or that other programs sent.

The rule is that of :mod:`voltagent.tracing.token_counts`: an agent without usage of its own has that of the operations
below it with no other agent in between; a trace that of its agents and of its operations inside no agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic_core import to_json

from voltagent.storage.traces import columns

_DEPTH: Final = 200  # spans of other programs may be each other's parents

# As an expression in a query of `traces`: the usages that make up that of a trace, one on each line. Only operations
# with a usage are read, by the index of those, and from each the way up to the nearest agent.
PARTS_OF_TRACE: Final = f"""(
    WITH RECURSIVE used(usage, above, steps) AS (
        SELECT o.usage, o.parent_id, CASE WHEN o.kind = 'agent' THEN NULL ELSE 0 END FROM operations o
        WHERE o.trace_id = traces.id AND o.usage IS NOT NULL
        UNION ALL
        SELECT used.usage, p.parent_id, used.steps + 1 FROM used JOIN operations p
        ON p.trace_id = traces.id AND p.id = used.above
        WHERE used.steps < {_DEPTH} AND p.kind <> 'agent'
    )
    SELECT group_concat(used.usage, char(10)) FROM used
    LEFT JOIN operations p ON p.trace_id = traces.id AND p.id = used.above
    WHERE used.steps IS NULL OR p.id IS NULL OR (p.kind = 'agent' AND p.usage IS NULL))"""  # noqa: S608 - all of it is written here

# Of a row of `records.OPERATION_SUMMARY`.
_ID, _PARENT, _KIND, _USAGE = 1, 3, 4, 14


def with_sums(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """The rows of all operations of a trace, agents without usage with that of the operations below them."""
    if not any(row[_KIND] == "agent" and row[_USAGE] is None for row in rows):
        return rows
    parts: dict[str, list[str]] = {}
    around = {row[_ID]: (row[_PARENT], row[_KIND] == "agent") for row in rows}
    for row in rows:
        if row[_USAGE] is not None and row[_KIND] != "agent":
            agent = _nearest_agent(row[_PARENT], around)
            if agent is not None:
                parts.setdefault(agent, []).append(columns.text(row[_USAGE]))
    return [_filled(row, parts[row[_ID]]) if _lacks_usage(row) and row[_ID] in parts else row for row in rows]


def _nearest_agent(above: str | None, around: dict[Any, tuple[str | None, bool]]) -> str | None:
    for _ in range(_DEPTH):
        if above not in around or around[above][1]:
            return above if above in around else None
        above = around[above][0]
    return None


def _lacks_usage(row: Sequence[Any]) -> bool:
    return row[_KIND] == "agent" and row[_USAGE] is None


def _filled(row: Sequence[Any], parts: Sequence[str]) -> Sequence[Any]:
    usage = columns.summed_usage("\n".join(parts))
    return (*row[:_USAGE], None if not usage else to_json(usage).decode(), *row[_USAGE + 1 :])
