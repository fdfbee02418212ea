"""A stored trace in a form to compare: whichever way it came into the store, the same run reads the same."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from voltagent.core import trace_ids
from voltagent.records import OperationRecord
from voltagent.storage.traces.filters import Filter
from voltagent.storage.traces.records import StoredOperation
from voltagent.storage.traces.store import Store
from voltagent.testing import Run

__all__ = ["Tree", "differences", "names_of", "only_trace", "tree"]

_DERIVED = ("tokens", "cached_tokens", "cost")  # from the usage
Tree = dict[str, dict[str, Any]]  # "trace", and the span id of each operation -> field -> value


def only_trace(store: Store) -> str:
    """The id of the one trace that is there."""
    (found,) = store.traces(Filter())
    return found.id


def tree(store: Store, trace_id: str | None = None) -> Tree:
    """All that is stored of a trace, by the 16 digits that every wire has of an id."""
    found = store.trace(trace_id or only_trace(store))
    assert found is not None
    whole = {"trace": {field.name: getattr(found, field.name) for field in fields(found) if field.name not in _DERIVED}}
    for operation in store.operations(found.id):
        whole[_digits(operation.id)] = _fields(operation)
    return whole


def _fields(operation: StoredOperation) -> dict[str, Any]:
    named = {
        field.name: getattr(operation, field.name)
        for field in fields(operation)
        if field.name != "sequence" and field.name not in _DERIVED
    }
    parent = operation.parent_id
    return {**named, "id": _digits(operation.id), "parent_id": None if parent is None else _digits(parent)}


def _digits(identifier: str) -> str:
    return identifier if len(identifier) == 16 else trace_ids.span_id(identifier)


def differences(left: Tree, right: Tree) -> dict[str, tuple[Any, Any]]:
    """What is not the same, as ``{"kb-search.output": (left, right)}``."""
    assert set(left) == set(right), "the same operations"
    return {
        f"{left[key]['name']}.{name}": (value, right[key][name])
        for key in left
        for name, value in left[key].items()
        if value != right[key][name]
    }


def names_of(run: Run) -> list[Any]:
    """What a run recorded, as nested [name, children...] lists of all traces."""
    return [[trace.agent_id, *map(_names, trace.children)] for trace in run.traces]


def _names(call: OperationRecord) -> list[Any]:
    return [call.name, *map(_names, call.children)]
