"""What a trace says about the parent that it has lost: see :mod:`voltagent.tracing.lost_parents`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from voltagent.render.text import printable, short_id

_KEYS = ("lost_parent", "lostParent")  # as recorded, and as the REST API spells it


def lost_parent(metadata: object) -> list[str]:
    """Return lines about the probable parent, the cause and the fix; none if the trace has not lost a parent."""
    if not isinstance(metadata, Mapping):
        return []
    fields = cast("Mapping[str, Any]", metadata)
    about = next((fields[key] for key in _KEYS if isinstance(fields.get(key), Mapping)), None)
    if about is None:
        return []
    parent = _field(about, "probable_parent")
    known: Mapping[str, Any] = cast("Mapping[str, Any]", parent) if isinstance(parent, Mapping) else {}
    whose = f"{known.get('kind', 'operation')} {known.get('name', '?')} in {short_id(str(_field(known, 'trace_id')))}"
    where = f"{_field(about, 'place_is')} {_field(about, 'place')}"
    return [
        printable(f"lost its parent, probably {whose}: {_field(about, 'cause')}"),
        printable(f"{where}; {_field(about, 'fix')}"),
    ]


def _field(fields: Mapping[str, Any], name: str) -> Any:
    first, *others = name.split("_")
    return fields.get(name, fields.get(first + "".join(map(str.capitalize, others)), "?"))
