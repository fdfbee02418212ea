"""What `voltagent doctor` reports about the programs themselves: their hints of the last week."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from voltagent.cli.doctor.finding import Finding
from voltagent.core.clock import iso_text
from voltagent.settings import Settings
from voltagent.storage.hints import load_hints

_SECTIONS: Final = {"lost-parent": ("parents", "lost")}
_MOST: Final = 20  # the newest; `--json` has the same


def check_hints(in_force: Settings) -> Iterator[Finding]:
    """List the places in programs of this user that record nothing, or not what was intended."""
    newest = load_hints(in_force.local_path)[-_MOST:]
    for hint in sorted(newest, key=lambda hint: hint.name in _SECTIONS):
        seen = iso_text(hint.time_ns)
        facts = {"name": hint.name, "place": hint.place, "last_seen": seen}
        subject, step = _SECTIONS.get(hint.name, ("program", "hint"))
        yield Finding(
            "note", subject, step, f"{hint.place}: {hint.text}", f"{hint.advice} (seen {seen[:16]} UTC)", facts
        )
