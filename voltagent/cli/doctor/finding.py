"""What a health check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from voltagent import settings


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        state: ``ok``, ``note`` (worth knowing) or ``wrong``.
        subject: a destination, or ``settings``.
        step: what was checked: ``dns``, ``connect``, ``tls``, ``http``, ``key``, ``file``, ``value`` or ``hint``.
        text: what was found, one sentence for people.
        advice: what to do about it.
        facts: the same for programs.
    """

    state: str
    subject: str
    step: str
    text: str
    advice: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


def shown_url(url: str) -> str:
    """Return a URL with ``…`` in place of each part that may be secret."""
    try:
        urlsplit(url)
    except ValueError:  # a redirect may name anything
        return "…"
    return settings.shown_url(url, "…")
