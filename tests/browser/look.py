"""What a page shows, found and measured in one turn of the page itself.

A page draws whenever it learns something. Between two calls from here anything may have changed, so what is looked for
and what it says belong into one question, which is repeated until it is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import TIMEOUT

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

__all__ = ["Box", "box", "intercept", "only", "pumped", "settled", "until"]

Box = dict[str, float]

_BOX = """selector => {
  const all = document.querySelectorAll(selector);
  const { x, y, width, height } = all[0]?.getBoundingClientRect() || {};
  return all.length === 1 && width > 0 && height > 0 ? { x, y, width, height } : null;
}"""

_ONLY = """([selector, wanted]) => {
  const seen = new Set([...document.querySelectorAll(selector)].map(one => one.textContent));
  return seen.size === wanted.length && wanted.every(text => seen.has(text));
}"""

# a request that is made now is answered after those that were answered before; then what waits for them has its turn
_SETTLED = """async () => {
  await (await fetch("api/facets")).text();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
}"""

_PROBE = "**/api/facets?probe"


def until(page: Page, script: str, arg: object = None) -> Any:
    """What a function in the page gives, as soon as that is true."""
    return page.wait_for_function(script, arg=arg).json_value()


def box(page: Page, selector: str) -> Box:
    """Where the one element that a CSS selector finds is, as soon as there is one and it can be seen."""
    found: Box = until(page, _BOX, selector)
    return found


def only(page: Page, selector: str, texts: Collection[str]) -> None:
    """Wait until these texts, and no others, are those of what a CSS selector finds; how often does not matter."""
    assert texts, "nothing is what a page shows before it shows anything"
    until(page, _ONLY, [selector, list(texts)])


def intercept(page: Page, pattern: str | re.Pattern[str], handle: Callable[[Route], object]) -> None:
    """Give requests for an address to a function, and return when that is so.

    ``Page.route`` returns a moment before the browser has begun to: a request in between is not given to anything.
    """
    page.route(pattern, handle)
    page.route(_PROBE, lambda route: route.fulfill(body="intercepted"))
    until(page, f"async () => (await (await fetch('{_PROBE.removeprefix('**/')}')).text()) === 'intercepted'")
    page.unroute(_PROBE)


def pumped(page: Page, happened: Callable[[], object]) -> None:
    """Let the browser's events come in until something has happened here."""
    for _ in range(int(TIMEOUT / 10)):
        if happened():
            return
        page.wait_for_timeout(10)
    raise AssertionError("it did not happen")


def settled(page: Page) -> None:
    """Wait until the page has made what it makes of all answers that it has by now: for what must not change."""
    page.evaluate(_SETTLED)
