"""The pages on backends, read for the settings they show: the tests use exactly those."""

from __future__ import annotations

import re

from tests.helpers.examples import REPOSITORY

__all__ = ["PAGES", "settings_shown"]

PAGES = REPOSITORY / "docs" / "backends"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def settings_shown(page: str, **instead: str) -> list[dict[str, str]]:
    """The environment variables in each block of a page; ``instead`` puts a text of ours for one that is shown."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    for shown, ours in instead.items():
        text = text.replace(shown, ours)
    blocks = [re.findall(r"^([A-Z_]+)=(.+)$", block, re.MULTILINE) for block in _BLOCK.findall(text)]
    return [dict(found) for found in blocks if found]
