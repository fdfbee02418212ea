"""Draws the pictures of the viewer in ``docs/``: ``python -m tests.browser.screenshots docs``.

From a day's work that is recorded by the real SDK on a fixed clock, so that the same pictures come out again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import seed
from tests.browser.chromium import FLAGS, program
from tests.browser.site import Site, open_site

_NOW = 1_795_270_500  # seconds since the epoch: what the pictures call today
_WIDE = (1280, 720)
_NARROW = (360, 720)


def pictures(site: Site) -> Iterator[tuple[str, str, tuple[int, int], str]]:
    """Name, address, size and colours of each picture."""
    traces = [trace for trace in site.run.store.traces(limit=200) if trace.agent_id == "support-desk"]
    broken = next(trace for trace in traces if trace.errors)
    whole = next(trace for trace in traces if not trace.errors)
    error = next(one for one in site.run.store.operations(broken.id) if one.status == "error")
    writer = next(one for one in site.run.store.operations(broken.id) if one.name == "writer")
    yield "viewer-list", f"#/?at={broken.id}", _WIDE, "light"
    yield "viewer-trace", f"#/trace/{broken.id}?operation={error.id}", _WIDE, "light"
    yield "viewer-trace-dark", f"#/trace/{broken.id}?operation={writer.id}", _WIDE, "dark"
    yield "viewer-trace-narrow", f"#/trace/{broken.id}", _NARROW, "light"
    yield "viewer-metrics", "#/metrics?by=agent&within=1d", _WIDE, "light"
    yield "viewer-calls", "#/calls?kind=tool&sort=error&order=asc", _WIDE, "light"
    yield "viewer-comparison", f"#/compare/{whole.id}/{broken.id}?row=7", _WIDE, "light"


def draw(browser: Browser, site: Site, folder: Path) -> None:
    for name, address, (width, height), colours in pictures(site):
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=colours, timezone_id="UTC", reduced_motion="reduce")
        page = context.new_page()
        page.clock.set_fixed_time(_NOW)
        page.goto(site.url + address)
        page.locator("main .rows > .line, main .plot").first.wait_for()
        page.locator(".details h2, .table .rows > .line, .totals").first.wait_for(state="attached")
        if "/compare/" not in address:  # which is not live
            page.locator("#live[data-state=live]").wait_for(state="attached")
        page.screenshot(path=folder / f"{name}.png")
        context.close()


def main(folder: Path) -> None:
    place = Path(tempfile.mkdtemp())
    with ThreadPoolExecutor(1) as threads:  # recorded where no event loop of Playwright's runs
        threads.submit(seed.fill, place / "traces.db", now_ns=_NOW * 10**9).result()
    try:
        with open_site(place / "traces.db") as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program(), args=FLAGS)
            draw(browser, site, folder)
            browser.close()
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
