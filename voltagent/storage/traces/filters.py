"""Which traces to list and in which order: conditions and orders as data, and their SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from voltagent.storage.traces.records import SUMMARY

# Using the index for statistics, this would read all agents.
_AGENT: Final = """
    agent_id = :agent OR id IN (
        SELECT trace_id FROM operations INDEXED BY operations_agents WHERE kind = 'agent' AND name = :agent)"""
_TAG: Final = """
    EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(traces.tags) THEN traces.tags END) WHERE value = :tag)
    OR id IN (
        SELECT o.trace_id FROM operations o, json_each(CASE WHEN json_valid(o.tags) THEN o.tags END) WHERE
        o.tags IS NOT NULL AND json_each.value = :tag)"""
# LIKE ignores case in ASCII. It is fast if the first character of the pattern is rare, so a part of the text that
# begins with a rare character is searched first: half the time for 50 000 operations with 2 KB of payload each. A
# full-text index would be faster, but would slow every insert.
_HOLDS: Final = r"({0} LIKE :rare ESCAPE '\' AND {0} LIKE :quoted ESCAPE '\')"
_PAYLOADS: Final = " OR ".join(map(_HOLDS.format, ("input", "output", "error")))
_TEXT: Final = rf"""
    name LIKE :plain ESCAPE '\' OR agent_id LIKE :plain ESCAPE '\' OR {_PAYLOADS} OR id IN (
        SELECT trace_id FROM operations WHERE name LIKE :plain ESCAPE '\' OR {_PAYLOADS})"""  # noqa: S608 - all of it is written here
_COMMON_FIRST: Final = ' etaoinsrhld"cum,.:0123456789fpgwyb_-/vkxjqz'  # in English texts and JSON, about

_HAS_ERRORS: Final = """
    (status = 'error' OR id IN (
        SELECT trace_id FROM operations INDEXED BY operations_errors WHERE status = 'error'))"""
_ERRORS: Final = "(SELECT count(*) FROM operations o WHERE o.trace_id = traces.id AND o.status = 'error')"


def _total(column: str) -> str:
    return f"(SELECT {column} FROM totals WHERE totals.trace_id = traces.id)"  # noqa: S608 - called with names of columns


def _in_totals(condition: str) -> str:
    return f"id IN (SELECT trace_id FROM totals WHERE {condition})"  # noqa: S608 - called with what is written here


_CONDITIONS: Final[Mapping[str, str]] = {
    "agent": _AGENT,
    "status": "status = :status",
    "tag": _TAG,
    "user": "user_id = :user",
    "conversation": "conversation_id = :conversation",
    "version": "version = :version",
    "environment": _in_totals("environment = :environment"),
    "text": _TEXT,
    "min_ns": "end_ns - start_ns >= :min_ns",
    "max_ns": "end_ns - start_ns <= :max_ns",
    "min_tokens": _in_totals("total_tokens >= :min_tokens"),
    "max_tokens": _in_totals("total_tokens <= :max_tokens"),
    "min_cost": _in_totals("cost >= :min_cost"),
    "max_cost": _in_totals("cost <= :max_cost"),
    "min_errors": f"{_ERRORS} >= :min_errors",
    "since_ns": "start_ns >= :since_ns",
    "until_ns": "start_ns < :until_ns",
    "has_errors": f"{_HAS_ERRORS} = :has_errors",
    "id": "id = :id",
    "not_pushed_to": "id NOT IN (SELECT trace_id FROM pushed WHERE destination = :not_pushed_to)",
}

# Conditions on one operation: the same operation must meet all of them. Both tables that may be searched have them.
_OF_OPERATION: Final[Mapping[str, str]] = {
    "kind": "kind = :kind",
    "name": "name = :name",
    "tool": "kind = 'tool' AND name = :tool",
    "model": "model = :model",
    "error_type": "error_type = :error_type",
    "called_by": "agent_id = :called_by",
    "failed": "(status = 'error') = :failed",
    "called_since_ns": "start_ns >= :called_since_ns",
    "called_until_ns": "start_ns < :called_until_ns",
}
_ONLY_OF_CALLS: Final = frozenset(("model", "error_type"))  # columns of the narrow table alone

_MODELS: Final = "(SELECT min(model) FROM calls WHERE calls.trace_id = traces.id)"
_COUNT: Final = "(SELECT count(*) FROM operations o WHERE o.trace_id = traces.id)"

# The orders of a list. Unknown values come last in descending order.
STATUSES: Final = ("running", "completed", "error", "cancelled")  # statuses of a trace
ORDERS: Final[Mapping[str, str]] = {
    "start": "start_ns",
    "duration": "coalesce(end_ns - start_ns, -1)",
    "tokens": f"coalesce({_total('total_tokens')}, -1)",
    "cached": f"coalesce({_total('cached_tokens')}, -1)",
    "cost": f"coalesce({_total('cost')}, -1)",
    "errors": _ERRORS,
    "operations": _COUNT,
    "agent": "agent_id COLLATE NOCASE",
    "name": "name COLLATE NOCASE",
    "status": "status",
    "model": f"coalesce({_MODELS}, '') COLLATE NOCASE",
    "user": "coalesce(user_id, '') COLLATE NOCASE",
    "conversation": "coalesce(conversation_id, '') COLLATE NOCASE",
    "version": "coalesce(version, '') COLLATE NOCASE",
    "environment": f"coalesce({_total('environment')}, '') COLLATE NOCASE",
    "tags": "coalesce(tags, '') COLLATE NOCASE",
}


@dataclass(frozen=True, slots=True)
class ScoreCondition:
    """A condition on a score by its name; without an operator, any value matches."""

    name: str
    operator: str = ""  # one of = > >= < <=
    value: float | str = 0  # a bool is 0 or 1

    @classmethod
    def parse(cls, text: str) -> ScoreCondition | None:
        """Parse ``NAME``, ``NAME:VALUE``, ``NAME>=0.5`` and the like; ``None`` if it is not such a condition."""
        found = _SCORE.fullmatch(text.strip())
        if found is None:
            return None
        name, operator, value = found["name"].strip(), found["operator"] or "", (found["value"] or "").strip()
        if not operator:
            return cls(name) if name else None
        number = _number(value)
        if operator not in (":", "=") and number is None:
            return None
        return cls(name, "=" if operator == ":" else operator, value if number is None else number)


_SCORE: Final = re.compile(r"(?P<name>[^:<>=]+)(?:(?P<operator>:|>=|<=|=|>|<)(?P<value>.*))?", re.DOTALL)


def _number(text: str) -> float | None:
    """Return the number that a string stands for, 0 and 1 for false and true; ``None`` if it is not a number."""
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which traces to list, and in which order; ``None`` means any. All conditions must match."""

    agent: str | None = None  # the trace's agent id, or the name of an agent in it
    status: str | None = None
    tag: str | None = None  # of the trace, or of an operation in it
    user: str | None = None
    conversation: str | None = None
    version: str | None = None
    environment: str | None = None
    text: str | None = None  # in a name, an input, an output or an error, of the trace or of an operation in it
    min_ns: int | None = None  # at least this duration
    max_ns: int | None = None  # at most this duration
    min_tokens: float | None = None
    max_tokens: float | None = None
    min_cost: float | None = None
    max_cost: float | None = None
    min_errors: int | None = None  # at least this many failed operations
    since_ns: int | None = None  # began at or after
    until_ns: int | None = None  # began before
    has_errors: bool | None = None  # whether the trace, or an operation in it, failed
    metadata: tuple[tuple[str, str], ...] = ()  # keys and values of the trace's metadata, or of an operation in it
    score: ScoreCondition | None = None
    # of one operation in it
    kind: str | None = None
    name: str | None = None
    tool: str | None = None  # a call of this tool
    model: str | None = None  # an agent or a call with this model
    error_type: str | None = None
    called_by: str | None = None  # the nearest agent around the operation
    failed: bool | None = None
    called_since_ns: int | None = None  # the operation began at or after
    called_until_ns: int | None = None  # the operation began before
    # restrict to certain traces
    id: str | None = None  # the whole id
    not_pushed_to: str | None = None  # a destination as `Store.mark_pushed` names it
    beside: Filter | None = None  # matches the trace as well, through another operation perhaps
    before: str | None = None  # a trace's id: list only those after it, for the next page
    # the order
    sort: str = "start"  # one of ORDERS
    ascending: bool = False

    def query(self, limit: int) -> tuple[str, dict[str, Any]]:
        """Return the SQL for the summaries of the traces, and its parameters."""
        where, values = self.where()
        # select the page first, so that the counts in each line are computed for the page only
        page = f"SELECT key FROM traces {where} {self._order} LIMIT :limit"  # noqa: S608 - values are bound
        query = f"SELECT {SUMMARY} FROM traces WHERE key IN ({page}) {self._order}"  # noqa: S608
        return query, {**values, "limit": limit}

    def ids_query(self, limit: int | None) -> tuple[str, dict[str, Any]]:
        """Return the SQL for the ids alone, and its parameters; a limit of ``None`` means no limit."""
        where, values = self.where()
        query = f"SELECT id FROM traces {where} {self._order} LIMIT :limit"  # noqa: S608
        return query, {**values, "limit": -1 if limit is None else limit}

    @property
    def selects(self) -> bool:
        """Whether there is any condition."""
        return any(getattr(self, one.name) != one.default for one in fields(self) if one.name not in _NO_CONDITIONS)

    @property
    def _order(self) -> str:
        way = "ASC" if self.ascending else "DESC"
        first = "" if self.sort == "start" else f"{ORDERS[self.sort]} {way}, "
        return f"ORDER BY {first}start_ns {way}, key {way}"

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return the SQL of the conditions on ``traces``, with WHERE if there are any, and its parameters."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _CONDITIONS if getattr(self, name) is not None}
        conditions = [_CONDITIONS[name] for name in values]
        if self.status is not None and self.status != "completed":
            conditions.append("status <> 'completed'")  # lets SQLite use the partial index
        for more, bound in (self._of_operation(), self._labels(), self._scores(), self._beside(), self._page()):
            conditions += more
            values |= bound
        if self.text is not None:
            quoted = json.dumps(self.text, ensure_ascii=False)[1:-1]
            values |= {"plain": _pattern(self.text), "quoted": _pattern(quoted), "rare": _pattern(_from_rarest(quoted))}
            del values["text"]
        return f"WHERE {' AND '.join(f'({one})' for one in conditions)}" if conditions else "", values

    def of_operation(self) -> tuple[list[str], dict[str, Any]]:
        """Return the SQL of the conditions on one operation, and its parameters."""
        values = {name: getattr(self, name) for name in _OF_OPERATION if getattr(self, name) is not None}
        return [_OF_OPERATION[name] for name in values], values

    def of_traces(self) -> Filter:
        """Return the filter without its conditions on one operation."""
        return replace(
            self, kind=None, name=None, tool=None, model=None, error_type=None, called_by=None, failed=None,
            called_since_ns=None, called_until_ns=None, before=None,
        )  # fmt: skip

    @property
    def is_about_calls(self) -> bool:
        """Whether a condition on one operation needs a column of the narrow table."""
        return any(getattr(self, name) is not None for name in _ONLY_OF_CALLS)

    def _of_operation(self) -> tuple[list[str], dict[str, Any]]:
        """Return the SQL for traces with an operation that matches, and its values."""
        conditions, values = self.of_operation()
        if not values:
            return [], {}
        table = "calls" if self.is_about_calls else "operations"
        return [f"id IN (SELECT trace_id FROM {table} WHERE {' AND '.join(conditions)})"], values  # noqa: S608 - values are bound

    def _labels(self) -> tuple[list[str], dict[str, Any]]:
        """Return the SQL for traces with these keys and values in the metadata, and its values."""
        conditions: list[str] = []
        values: dict[str, Any] = {}
        for number, (name, value) in enumerate(self.metadata):
            values |= {f"key{number}": name, f"value{number}": value}
            conditions.append(
                f"id IN (SELECT trace_id FROM labels WHERE name = :key{number} AND value = :value{number})"  # noqa: S608
            )
        return conditions, values

    def _scores(self) -> tuple[list[str], dict[str, Any]]:
        """Return the SQL for traces with such a score, and its values."""
        if self.score is None:
            return [], {}
        compared, values = "", {"score_name": self.score.name}
        if self.score.operator:
            kind = "= 'text'" if isinstance(self.score.value, str) else "<> 'text'"
            compared = f" AND type {kind} AND value {self.score.operator} :score_value"
            values["score_value"] = self.score.value  # type: ignore[assignment]
        return [f"id IN (SELECT trace_id FROM scores WHERE name = :score_name{compared})"], values  # noqa: S608

    def _beside(self) -> tuple[list[str], dict[str, Any]]:
        """Return the conditions of the other filter, whose parameters get names of their own."""
        where, values = ("", {}) if self.beside is None else self.beside.where()
        named = _PARAMETER.sub(lambda found: f":beside_{found[1]}" if found[1] in values else found[0], where)
        return [named.removeprefix("WHERE ")] if named else [], {f"beside_{name}": values[name] for name in values}

    def _page(self) -> tuple[list[str], dict[str, Any]]:
        """Return the condition that a trace comes after the one named by ``before`` in the chosen order."""
        if self.before is None:
            return [], {}
        first = "" if self.sort == "start" else f"{ORDERS[self.sort]}, "
        place = f"{first}start_ns, key"
        sign = ">" if self.ascending else "<"
        last = f"SELECT {place} FROM traces WHERE id = :before"  # noqa: S608 - values are bound
        return [f"({place}) {sign} ({last})"], {"before": self.before}


_PARAMETER: Final = re.compile(r":(\w+)")
_NO_CONDITIONS: Final = frozenset(("before", "sort", "ascending"))


def _from_rarest(text: str) -> str:
    """Return the text from its rarest character on."""
    return text[max(range(len(text)), key=lambda place: _rarity(text[place]), default=0) :]


def _rarity(character: str) -> int:
    """Rank a character. LIKE is fast only for ASCII first characters; all others rank as most common."""
    common = _COMMON_FIRST.find(character.lower())
    return len(_COMMON_FIRST) if common < 0 and character.isascii() else common


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
