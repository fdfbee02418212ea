"""What `voltagent doctor` reports about the local store."""

from __future__ import annotations

import os
from pathlib import Path

from voltagent.cli.arguments import dangling_link, exists
from voltagent.cli.doctor.finding import Finding
from voltagent.records.reading import open_store
from voltagent.render.text import size
from voltagent.storage.file import StoreError


def check_store(path: Path) -> Finding:
    """Report the state of the local store. Opening it for reading has no side effects."""
    path = path.absolute()
    facts: dict[str, object] = {"path": str(path), "exists": exists(path), "writable": _is_writable(path)}
    exc, advice = "", "allow this user to write there, or set VOLTAGENT_LOCAL_PATH to another file"
    if exists(path):
        facts["bytes"] = sum(part.stat().st_size for part in (path, Path(f"{path}-wal")) if exists(part))
        try:
            with open_store(path) as store:
                facts["traces"], facts["schema"] = store.extent()
        except StoreError as problem:
            exc, advice = str(problem), "set VOLTAGENT_LOCAL_PATH to another file, or move this one away"
    link = dangling_link(path)
    if link is not None:
        exc = f"{link} is a link to {link.readlink()}, which does not exist"
        advice = "create what the link names or remove the link, or set VOLTAGENT_LOCAL_PATH to another file"
    elif not exc and not facts["writable"]:
        exc = f"{path} is not writable"
    if exc:
        return Finding("wrong", "local", "file", exc, advice, facts)
    if not exists(path):
        return Finding("ok", "local", "file", f"{path} does not exist yet; the first record creates it", facts=facts)
    count = "1 trace" if facts["traces"] == 1 else f"{facts['traces']} traces"
    text = f"{path} has {count} in {size(int(str(facts['bytes'])))} (schema {facts['schema']}) and is writable"
    return Finding("ok", "local", "file", text, facts=facts)


def _is_writable(path: Path) -> bool:
    """Return whether this process can write the file, or create it."""
    if exists(path):
        return path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    above = next(one for one in (path, *path.parents) if os.path.lexists(one))
    # unlike `Path.is_dir`, never raises, as for a link into a folder that may not be looked at
    return os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK)  # noqa: PTH112
