"""Token sums of traces and agents that have none stored: running ones, or those of other programs.

The rule is that of :mod:`voltagent.tracing.token_counts`: an agent without its own usage has that of the operations
below it with no other agent in between; a trace has that of its agents, and of its operations outside any agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic_core import to_json

from voltagent.capture.usage import summed
from voltagent.storage.traces import columns

_DEPTH: Final = 200  # spans of other programs may be each other's parents

# As an SQL expression in a query over `traces`: the usages that make up that of a trace, one per line. It reads only
# operations with a usage, by their index, and from each the path up to the nearest agent.
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

_EXACT: Final = 10**12  # a count beyond it is added as a floating-point number, of which no sum is too large


def sum_of(column: str) -> str:
    """Return the SQL expression for the sum of a column of counts: SQLite's own fails if that takes over 63 bits."""
    large = f"typeof({column}) = 'integer' AND {column} NOT BETWEEN -{_EXACT} AND {_EXACT}"
    return f"sum(CASE WHEN {large} THEN {column} + 0.0 ELSE {column} END)"


def usage_of(operations: Sequence[Any]) -> dict[str, Any] | None:
    """Return what the operations of a trace used together: its agents, and operations that no agent counts.

    Operations have ``id``, ``parent_id``, ``kind`` and ``usage``.
    """
    around = {one.id: (one.parent_id, one.kind == "agent") for one in operations}
    agents = {one.id: one.usage for one in operations if one.kind == "agent"}
    counted: list[Mapping[str, Any]] = []
    for one in operations:
        agent = None if one.kind == "agent" else _nearest_agent(one.parent_id, around)
        if one.usage is not None and (agent is None or agents[agent] is None):
            counted.append(one.usage)
    return summed(counted)


def with_sums(rows: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Return the rows of all operations of a trace, with sums for agents without usage.

    Rows have values by column name; ``id``, ``parent_id``, ``kind`` and ``usage`` are required.
    """
    if not any(_lacks_usage(row) for row in rows):
        return list(rows)
    parts: dict[str, list[str]] = {}
    around = {row["id"]: (row["parent_id"], row["kind"] == "agent") for row in rows}
    for row in rows:
        if row["usage"] is not None and row["kind"] != "agent":
            agent = _nearest_agent(row["parent_id"], around)
            if agent is not None:
                parts.setdefault(agent, []).append(columns.text(row["usage"]))
    return [_filled(row, parts[row["id"]]) if _lacks_usage(row) and row["id"] in parts else row for row in rows]


def _nearest_agent(above: str | None, around: dict[Any, tuple[str | None, bool]]) -> str | None:
    """Return the nearest agent above an operation, by its id."""
    for _ in range(_DEPTH):
        if above not in around or around[above][1]:
            return above if above in around else None
        above = around[above][0]
    return None


def _lacks_usage(row: Mapping[str, Any]) -> bool:
    return row["kind"] == "agent" and row["usage"] is None


def _filled(row: Mapping[str, Any], parts: Sequence[str]) -> Mapping[str, Any]:
    usage = columns.summed_usage("\n".join(parts))
    return {**dict(row), "usage": None if not usage else to_json(usage).decode()}
