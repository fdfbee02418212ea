"""How inputs begin, for lists and trees: read in steps, so that prompts of megabytes do not fill the memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from voltagent.render.previews import WITH_MESSAGES, json_preview
from voltagent.storage.traces import columns
from voltagent.storage.traces.store import Store

HAS_MESSAGES: Final = f"kind IN {WITH_MESSAGES}"

_WHOLE: Final = 2**20  # characters of one input
MOST: Final = 2**25  # characters of all inputs of one answer; the others are shown as they begin
_CHUNK: Final = 32  # inputs to read at once
_QUERIES: Final = {
    "traces": """
        SELECT id, substr(input, 1, :whole), user_id, conversation_id FROM traces
        WHERE id IN (SELECT value FROM json_each(:given))""",
    "operations": f"""
        SELECT key, substr(input, 1, CASE WHEN {HAS_MESSAGES} THEN :whole ELSE :longest END) FROM operations
        WHERE key IN (SELECT value FROM json_each(:given))""",  # noqa: S608 - all of it is written here
}


def previews(
    store: Store, table: Literal["traces", "operations"], chosen: Sequence[str | int], longest: int
) -> dict[Any, str]:
    """Return how inputs begin, in about ``longest`` characters: those of traces by id, or of operations by key.

    Those of traces leave out the user and the conversation, which lists show beside them.
    """
    found: dict[Any, str] = {}
    for name, text, *beside in _inputs(store, _QUERIES[table], chosen, longest):
        shown = [one for one in beside if isinstance(one, str)]
        preview = None if text is None else json_preview(columns.text(text), longest, shown)
        if preview is not None:
            found[name] = preview
    return found


def _inputs(store: Store, query: str, chosen: Sequence[str | int], longest: int) -> Iterator[tuple[Any, ...]]:
    """Yield the beginnings of inputs; some are read whole, within a limit for all, as they are easier to understand."""
    left = MOST
    for place in range(0, len(chosen), _CHUNK):
        given = json.dumps(chosen[place : place + _CHUNK])
        rows = store.rows(query, {"whole": _WHOLE if left > 0 else longest, "longest": longest, "given": given})
        left -= sum(len(text) for _, text, *_ in rows if text is not None)
        yield from rows
