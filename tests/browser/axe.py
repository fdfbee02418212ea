"""axe-core in a page: what an accessibility checker finds there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["problems_in", "required"]

_FOLDER: Final = Path(__file__).parents[2] / ".npm"
_SCRIPT: Final = _FOLDER / "node_modules" / "axe-core" / "axe.min.js"

_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const text = node => `${node.target} ${node.failureSummary}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(text).join(" | ")}`);
}"""


def required() -> None:
    """Skip the test without axe-core, which `make check` installs from npm."""
    if not _SCRIPT.exists():
        pytest.skip("no accessibility test: axe-core is missing (npm, then make .npm/.installed)")


def problems_in(page: Page) -> list[Any]:
    """What axe-core finds in a page, each as its rule, the elements and what to do."""
    page.evaluate(_SCRIPT.read_text("utf-8"))
    found: list[Any] = page.evaluate(_RUN)
    return found
