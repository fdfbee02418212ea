"""Facts for filters, orders and sums: model, token counts, cost, error type, metadata.

They are stored in narrow tables (see :mod:`voltagent.storage.traces.migrations`), so that queries over many traces do
not read payloads. Pure functions over recorded values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.usage import counted, is_count
from voltagent.core.json_objects import merge_objects
from voltagent.core.kinds import EXTENDED
from voltagent.storage.traces import columns

Label: TypeAlias = "tuple[str, str]"  # a key of metadata as written, those of nested objects with dots, and a value

_LONGEST_NAME: Final = 200  # characters of a key, including the keys of enclosing objects
_LONGEST_VALUE: Final = 500
_MOST_LABELS: Final = 64  # per operation
_DEEPEST: Final = 4  # levels of nested metadata
_LONGEST_TYPE: Final = 200
_LARGEST: Final = 2**62  # SQLite's integers have 64 bits
_WITH_MODEL: Final = frozenset(("agent", "llm", *EXTENDED))  # kinds whose metadata may name a model


class UsageCounts(NamedTuple):
    """The numbers of one usage; ``None`` if it has none."""

    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    total_tokens: int | float | None = None
    cached_tokens: int | float | None = None
    cost: float | None = None  # in the currency of the price table, usually US dollars


COUNTS: Final = UsageCounts._fields
NO_COUNTS: Final = UsageCounts()


class CallRow(NamedTuple):
    """A row of table ``calls``: an operation with a model, a usage or an error."""

    trace_id: str
    id: str
    kind: str
    name: str
    agent_id: str | None
    status: str
    start_ns: int
    end_ns: int | None
    model: str | None
    error_type: str | None
    prompt_tokens: int | float | None
    completion_tokens: int | float | None
    total_tokens: int | float | None
    cached_tokens: int | float | None
    cost: float | None
    summed: int  # 1 if the counts are the sum over its child operations, which are counted there


CALL_COLUMNS: Final = CallRow._fields


def counts_of(usage: Mapping[str, Any] | None) -> UsageCounts:
    """Return the numbers of a usage, in any known spelling."""
    if not usage:
        return NO_COUNTS
    get = usage.get
    prompt, completion, total = get("prompt_tokens"), get("completion_tokens"), get("total_tokens")
    cached, cost = get("cached_tokens"), get("cost")
    if prompt is None and completion is None and total is None and cost is None:
        found = counted(dict(usage)) or {}
        prompt, completion, total, cached, cost = map(found.get, COUNTS)
    prompt, completion, total = _number(prompt), _number(completion), _number(total)
    if total is None and (prompt is not None or completion is not None):
        total = (prompt or 0) + (completion or 0)
    return UsageCounts(prompt, completion, total, _number(cached), _number(cost))


def _number(value: Any) -> Any:
    if value is None or (type(value) is int and -_LARGEST < value < _LARGEST):
        return value
    return value if is_count(value) and abs(value) < _LARGEST else None


def model_of(kind: str, metadata: Mapping[str, Any]) -> str | None:
    """Return the model that the metadata of an agent or a model call names, by its parameters or directly."""
    if kind not in _WITH_MODEL:
        return None
    parameters: object = metadata.get("model_parameters") or metadata.get("modelParameters")
    own: object = cast("Mapping[str, Any]", parameters).get("model") if isinstance(parameters, Mapping) else None
    return next((name for name in (own, metadata.get("model")) if isinstance(name, str) and name), None)


def error_type(error: object) -> str:
    """Classify an error: by the exception's type, else its code, else the beginning of the message."""
    if isinstance(error, Mapping):
        fields = cast("Mapping[str, Any]", error)
        for name in ("type", "name", "code"):
            value: object = fields.get(name)
            if isinstance(value, str | int) and str(value):
                return str(value)[:_LONGEST_TYPE]
        error = fields.get("message")
    text = error if isinstance(error, str) else ""
    return text.partition("\n")[0].partition(":")[0].strip()[:_LONGEST_TYPE] or "error"


def environment_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the environment in the metadata of a trace."""
    found: object = metadata.get("environment")
    return found if isinstance(found, str) and found else None


def labels_of(metadata: Mapping[str, Any]) -> list[Label]:
    """Return the strings, numbers and booleans of metadata with their keys, all as strings; at most 64."""
    found: dict[Label, None] = {}
    for label in _leaves("", metadata, 0):
        found[label] = None
        if len(found) == _MOST_LABELS:
            break
    return list(found)


def _leaves(prefix: str, metadata: Mapping[str, Any], depth: int) -> Iterator[Label]:
    """Yield the values in metadata with their names, those of nested objects with dots."""
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if len(name) > _LONGEST_NAME:
            continue
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _leaves(f"{name}.", cast("dict[str, Any]", value), depth + 1)
        else:
            items = cast("list[object]", value) if isinstance(value, list) else [value]
            yield from ((name, text) for text in map(_text, items) if text is not None)


def _text(value: object) -> str | None:
    """Return a value as metadata is searched for it; ``None`` if it is too long or not a simple value."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_VALUE else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else None


class Metadata:
    """Decodes metadata and caches the result: most operations of a batch have the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._labels: dict[tuple[Any, ...], list[Label]] = {}

    def of(self, parts: tuple[Any, ...]) -> dict[str, Any]:
        """Merge the metadata in some JSON objects; later ones win."""
        found = self._known.get(parts)
        if found is None:
            found = self._known[parts] = _merged(parts)
        return found

    def labels(self, parts: tuple[Any, ...]) -> list[Label]:
        """Return the labels of the merged metadata."""
        found = self._labels.get(parts)
        if found is None:
            found = self._labels[parts] = labels_of(self.of(parts))
        return found


def _merged(parts: Iterable[Any]) -> dict[str, Any]:
    return merge_objects(parts, lambda part: from_json(part) if isinstance(part, bytes) else columns.merged((part,)))
