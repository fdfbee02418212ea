"""What ``voltagent doctor`` reports about the spool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from voltagent import settings
from voltagent.cli.arguments import dangling_link, exists
from voltagent.cli.doctor.finding import Finding
from voltagent.core.clock import iso_text
from voltagent.storage.spool.destination import destinations
from voltagent.storage.spool.inspection import Contents, contents


def look(in_force: settings.Settings) -> Iterator[Finding]:
    """Report the events that wait on disk, by destination; with the spool off, only those left from before."""
    folder = in_force.spool or settings.default_spool_path()
    try:
        found = contents(folder)
    except OSError as exc:
        yield _wrong(f"{folder} cannot be read ({exc.strerror})", folder)
        return
    if in_force.spool is not None:
        yield _folder(folder, found)
    known = {(name, one.key) for name, one in destinations(in_force).items()}
    for file in found:
        if file.events or file.corrupt or file.damaged or file.untold:
            yield _file(file, is_ours=(file.kind, file.key) in known, is_on=in_force.spool is not None)


def _folder(folder: Path, found: list[Contents]) -> Finding:
    """Report what waits in the spool folder, and whether the folder can be written to."""
    facts: dict[str, object] = {
        "path": str(folder),
        "events": sum(file.events for file in found),
        "bytes": sum(file.bytes for file in found),
        "corrupt": sum(file.corrupt for file in found) + sum(file.damaged for file in found),
    }
    link = dangling_link(folder)
    if link is not None:
        return _wrong(
            f"{link} is a link to {link.readlink()}, which does not exist: events wait in memory only", folder
        )
    existing = next(above for above in (folder, *folder.parents) if exists(above))
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return _wrong(f"{folder} is not writable: events wait in memory only", folder)
    events = facts["events"]
    text = (
        f"{folder}: {_counted(events, 'event')} in {_counted(len(found), 'file')}"
        if found
        else f"{folder}: nothing waits"
    )
    return Finding("ok", "spool", "file", text, facts=facts)


def _wrong(text: str, folder: Path) -> Finding:
    advice = "allow this user to write there, or set VOLTAGENT_SPOOL to another folder"
    return Finding("wrong", "spool", "file", text, advice, {"path": str(folder)})


def _file(file: Contents, *, is_ours: bool, is_on: bool) -> Finding:
    """Report what waits in one file of the spool, for which destination and since when."""
    facts: dict[str, object] = {
        "path": str(file.path), "exporter": file.kind, "url": file.url, "events": file.events, "corrupt": file.corrupt,
        "bytes": file.bytes, "since": None if file.since_ns is None else iso_text(file.since_ns), "in_use": file.in_use,
    }  # fmt: skip
    if file.untold:
        return Finding("note", "spool", "file", file.untold, facts=facts)
    if file.damaged:
        return Finding("note", "spool", "file", f"{file.path.name} cannot be read",
                       "delete it: its events are lost", facts)  # fmt: skip
    text = f"{_counted(file.events, 'event')} for {file.kind} {file.url}".rstrip()
    if file.since_ns is not None:
        text += f" since {iso_text(file.since_ns)[:19]} UTC"
    if file.corrupt:
        text += f", and {file.corrupt} that cannot be read"
    if file.in_use:
        return Finding("note", "spool", "file", f"{text} (from a program that is still running)", facts=facts)
    if is_ours and is_on:
        return Finding("note", "spool", "file", f"{text}: the next program that records here sends them", facts=facts)
    advice = "set VOLTAGENT_SPOOL" if is_ours else "it belongs to another URL or key; set these, or delete the file"
    return Finding("note", "spool", "file", f"{text}, which nothing in this environment sends", advice, facts)


def _counted(number: object, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
