"""Hide what resources of Kubernetes and Terraform hold, whose type says that it is secret."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from voltagent.capture.pieces import decode_deep
from voltagent.processors.parts import Undecoded, part_of
from voltagent.processors.secrets.vocabulary.words import CERTIFICATES

# The field that says so, its value, where the values are, and, if not all, their names.
_RESOURCES: Final = (
    ("kind", "Secret", frozenset(("data", "stringData")), frozenset[str]()),
    ("type", "random_password", frozenset(("instances", "values")), frozenset(("result",))),
)


def may_be_resource(keys: dict[str, Any]) -> bool:
    """Return whether a dictionary has the fields of a resource that may hold secrets."""
    # `keys.keys().isdisjoint(some)` looks up each of some, `some.isdisjoint(keys)` all keys, in one step.
    return any(kind in keys and not keys.keys().isdisjoint(holders) for kind, _, holders, _ in _RESOURCES)


def hide_in_resource(value: dict[str, Any], hide: Callable[[dict[str, Any], str, str], None]) -> None:
    """Call ``hide`` for each secret of a resource, with the dictionary that holds it, its key and the secret."""
    for kind, which, holders, names in _RESOURCES:
        own = value.get(kind)
        if type(own) is str and own == which:
            for holder in value.keys() & holders:
                value[holder] = _without_secrets(value[holder], names, hide)


def _without_secrets(value: Any, names: frozenset[str], hide: Callable[[dict[str, Any], str, str], None]) -> Any:
    """Hide the secrets in a value of a resource and return it; a part is encoded again."""
    if type(value) is Undecoded:
        return part_of([_without_secrets(item, names, hide) for item in decode_deep(value)])
    if type(value) is list:
        for number, item in enumerate(value):
            value[number] = _without_secrets(item, names, hide)
    elif type(value) is dict:
        for key, item in value.items():
            if type(item) is str and item and (key in names if names else not key.endswith(CERTIFICATES)):
                hide(value, key, item)
            elif key == "attributes":
                value[key] = _without_secrets(item, names, hide)
    return value
