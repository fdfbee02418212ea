"""The file of hints beside a local store: programs of this machine that record nothing, or not what was meant.

``voltagent doctor`` and the viewer read it. It is small, is replaced as a whole, and is never written on the thread of
a
recorded call: the sender writes it after a batch, and the exit hook writes what came later.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from voltagent.core import clock, hints
from voltagent.core.guard import guard
from voltagent.core.hints import Hint
from voltagent.core.process import exit_hook

_MOST: Final = 200  # hints in one file
_LARGEST: Final = 1 << 20  # bytes to read at most
_KEPT_NS: Final = 7 * 24 * 3600 * 10**9  # nanoseconds (a week) after which a hint that is not seen again is deleted
_MINUTE_NS: Final = 60 * 10**9
_MOST_STORES: Final = 8  # stores of one process

STORES: Final[dict[Path, bool]] = {}  # store -> whether its folder may be created


def hints_file(store: Path) -> Path:
    """Return the path of the hints file of a store."""
    return store.with_name(f"{store.name}-hints.json")


def save_hints_beside(store: Path, *, make: bool) -> None:
    """Save this process's hints beside a store from now on.

    Args:
        store: the file of the local store.
        make: whether to create the store's folder. A program that only records elsewhere uses an existing one.
    """
    if len(STORES) < _MOST_STORES or store in STORES:
        STORES[store] = make or STORES.get(store, False)


def save_hints() -> None:
    """Write new hints. Never raises; hints that cannot be written are lost."""
    new = hints.take_unsaved()
    if not new:
        return
    for store, make in tuple(STORES.items()):
        with guard:
            try:
                _save(store, new, make)
            except OSError:  # a read-only or full disk
                pass


def _save(store: Path, new: list[Hint], make: bool) -> None:
    """Replace the file of hints by one with the new ones added, the newest of each name and place."""
    if not store.parent.is_dir():
        if not make:
            return
        # imports sqlite3, which programs without a local store do not need
        from voltagent.storage.file import make_folder

        make_folder(store.parent)
    known = {(hint.name, hint.place): hint for hint in (*load_hints(store), *new)}
    newest = sorted(known.values(), key=lambda hint: hint.time_ns)[-_MOST:]
    file = hints_file(store)
    part = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        part.touch(mode=0o600)
        part.write_bytes(to_json([hint._asdict() for hint in newest]))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def load_hints(store: Path) -> list[Hint]:
    """Return the hints beside a store of the last week, newest last; an empty list if the file cannot be read."""
    try:
        with hints_file(store).open("rb") as file:
            found: object = from_json(file.read(_LARGEST))
    except (OSError, ValueError):
        return []
    items = cast("list[object]", found) if isinstance(found, list) else []
    read = [hint for hint in map(_hint, items[-_MOST:]) if hint is not None]
    oldest = clock.nanoseconds() - _KEPT_NS
    return sorted((hint for hint in read if hint.time_ns >= oldest), key=lambda hint: hint.time_ns)


def was_given(store: Path, name: str, place: str) -> bool:
    """Return whether a process has reported this at this place within the last minute."""
    since = clock.nanoseconds() - _MINUTE_NS
    return any((one.name, one.place) == (name, place) and one.time_ns >= since for one in load_hints(store))


def _hint(item: Any) -> Hint | None:
    """Return a stored hint; ``None`` if it is malformed."""
    try:
        name, place, text, advice, time_ns = (item[field] for field in Hint._fields)
    except (TypeError, KeyError, IndexError):
        return None
    if not all(isinstance(part, str) for part in (name, place, text, advice)) or type(time_ns) is not int:
        return None
    return Hint(name, place, text, advice, time_ns)


exit_hook.call_at_exit(save_hints)
