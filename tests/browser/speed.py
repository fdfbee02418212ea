"""How quick the viewer's page is with 100,000 operations: ``python -m tests.browser.speed``.

Prints for each step of a user the median of its times in milliseconds, beside its limit: from the step to the next
picture in which the page shows the result. The browser and the server run on the same machine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import FLAGS, program
from tests.browser.site import Site, open_site
from tests.helpers.big_store import LARGE_TRACE, fill

_OPERATIONS = 100_000
_ROUNDS = 5

# Does something in the page, and gives the milliseconds until a condition holds in a picture that was drawn after it.
_UNTIL = """async ([act, done]) => {
  const [doIt, isDone] = [new Function(act), new Function(`return ${done}`)];
  const began = performance.now();
  doIt();
  for (;;) {
    await new Promise(frame => requestAnimationFrame(() => setTimeout(frame)));
    if (isDone()) return performance.now() - began;
    if (performance.now() - began > 30000) throw new Error(`${act}: not within 30 s`);
  }
}"""


# Rows of a list that are others than before, or none.
_OTHERS = """!document.querySelector('.rows > .line[data-key=old]')
  || !document.querySelector('.scroller:not([hidden])')"""


class Step(NamedTuple):
    """What is measured: its name, the limit in milliseconds, and a function that gives those of one round."""

    name: str
    limit: float
    measure: Callable[[Page, int], float]


def _goes(target: str, done: str) -> Callable[[Page, int], float]:
    """From a change of the address until a condition holds; before it, the page is somewhere else."""

    def measure(page: Page, number: int) -> float:
        page.evaluate("location.hash = '#/nowhere'")
        page.wait_for_selector("main .empty")
        return _measure(page, f"location.hash = {target!r}", done)

    return measure


def _measure(page: Page, act: str, done: str) -> float:
    taken: float = page.evaluate(_UNTIL, [act, done])
    return taken


def _narrowed(target: str) -> Callable[[Page, int], float]:
    """From a filter or an order on the list until its rows are there: they are others than before, or none."""

    def measure(page: Page, number: int) -> float:
        page.evaluate("location.hash = '#/?limit=1'")
        page.wait_for_selector(".rows > .line")
        page.wait_for_timeout(300)
        marked = "for (const row of document.querySelectorAll('.rows > .line')) row.dataset.key = 'old'; "
        act = f"{marked}location.hash = {target!r}"
        return _measure(page, act, _OTHERS)

    return measure


def _key(*names: str) -> Callable[[Page, int], float]:
    """From a key press until another row is marked; the keys take turns, so that there is always another row."""

    def measure(page: Page, number: int) -> float:
        key = names[number % len(names)]
        act = (
            "window.before = document.querySelector('[aria-selected=true]')?.id; "
            f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{ key: {key!r}, bubbles: true }}))"
        )
        return _measure(page, act, "document.querySelector('[aria-selected=true]')?.id !== window.before")

    return measure


def steps(site: Site) -> Iterator[Step]:
    large = site.run.store.traces(limit=1)[0].id
    rows = "document.querySelectorAll('.rows > .line').length > 10"
    yield Step("the list: first rows", 600, _goes("#/", rows))
    for name, query in {
        "agent": "agent=Bot+3", "status": "status=error", "has errors": "errors=1", "tool": "tool=tool+3",
        "model": "model=model-1", "error type": "error_type=KeyError",
        "tag": "tag=slow", "user": "user=user-5", "metadata": "metadata=model_parameters.temperature:0.2",
        "min duration": "min_ms=100000",
    }.items():  # fmt: skip
        yield Step(f"filter: {name}", 300, _narrowed(f"#/?{query}"))
    for sort in ("duration", "tokens", "cost", "errors", "agent", "operations"):
        yield Step(f"sort by {sort}", 300, _narrowed(f"#/?sort={sort}&order=desc"))
    yield Step("search for a text that occurs nowhere", 1000, _narrowed("#/?text=occurs+nowhere"))
    yield Step(f"a trace of {LARGE_TRACE} operations: first rows", 500, _goes(f"#/trace/{large}", rows))
    yield Step("a key in it", 50, _key("j", "k"))
    yield Step("a page down in it", 50, _key("PageDown", "PageUp"))
    yield Step("to its end", 50, _key("End", "Home"))
    yield Step("calls", 600, _goes("#/calls", rows))
    yield Step("calls of a tool, the longest first", 300, _goes("#/calls?kind=tool&name=tool+3&sort=duration", rows))
    yield Step("calls of a model, the dearest first", 300, _goes("#/calls?counted=1&sort=tokens", rows))
    yield Step("Metrics", 600, _goes("#/metrics?within=all", "document.querySelector('.totals tbody tr')"))
    yield Step("conversations", 600, _goes("#/conversations", rows))
    yield Step("users", 600, _goes("#/users", "document.querySelector('.rows > .line')"))


def measured(site: Site) -> Iterator[tuple[Step, float]]:
    """Each step with the median of its times."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        page: Any = browser.new_page(viewport={"width": 1280, "height": 760}, timezone_id="UTC")
        page.goto(site.url)
        page.wait_for_selector(".rows > .line")
        for step in steps(site):
            yield step, statistics.median(step.measure(page, number) for number in range(_ROUNDS))
        browser.close()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.db"
        with ThreadPoolExecutor(1) as threads:  # without the event loop of Playwright
            threads.submit(lambda: fill(path, _OPERATIONS).close()).result()
        print(f"{path.stat().st_size / 1e6:.0f} MB\n   median    limit")
        slow = 0
        with open_site(path) as site:
            for step, milliseconds in measured(site):
                slow += milliseconds > step.limit
                mark = " !" if milliseconds > step.limit else ""
                print(f"{milliseconds:6.0f} ms {step.limit:5.0f} ms  {step.name}{mark}", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
