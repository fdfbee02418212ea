"""A real browser on a real server: Debian's Chromium, driven by Playwright, over a store of the test's own.

Where one of the two is missing these tests are skipped and say what is missing; with ``VOLTAGENT_REQUIRE_BROWSER=1``,
as in ``.ci/run``, that is a failure.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import seed
from tests.browser.chromium import FLAGS, REQUIRED, TIMEOUT, program, slowed, sync_api
from tests.browser.site import Site, open_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser is slow: `make test-slow` runs these tests."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


# For the package, and no longer: while Playwright runs, this thread has a running event loop, which the tests of other
# packages must not see.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    playwright_api = sync_api()
    playwright_api.expect.set_options(timeout=TIMEOUT)
    path = program()
    if path is None and REQUIRED:
        pytest.fail("VOLTAGENT_REQUIRE_BROWSER=1, but there is no Chromium")
    if path is None:
        pytest.skip("no test in a browser: there is no Chromium (apt-get install chromium)")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The viewer's server on a store of the test's own: empty, or with a day's work if `day` came first."""
    with open_site(tmp_path / "traces.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a day's work, recorded once."""
    path = tmp_path_factory.mktemp("day") / "traces.db"
    with ThreadPoolExecutor(1) as threads:  # without Playwright's event loop, as a program of the user's
        threads.submit(seed.fill, path).result(300)
    return path


@pytest.fixture
def day(filled: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """The site, with a day's work in its store. Name it before `new_page`."""
    copy_store(filled, tmp_path)
    site: Site = request.getfixturevalue("site")
    return site


def copy_store(source: Path, folder: Path) -> None:
    """Give the site, which opens `traces.db` in this folder, what another store holds."""
    assert not (folder / "traces.db").exists(), "the store is filled before the site opens it"
    for part in source.parent.iterdir():
        shutil.copy(part, folder)


@dataclass
class Witness:
    """What a page did that no page of ours may do. ``expected`` holds parts of what a test provokes."""

    origin: str
    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self.write)
        page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.request(request.url))
        page.on("dialog", self.dialog)

    def write(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.seen.append(f"{message.text} ({message.location.get('url')})")

    def request(self, url: str) -> None:
        if not url.startswith((self.origin, "data:")):
            self.seen.append(f"request to {url}")

    def dialog(self, dialog: Any) -> None:
        self.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        assert [text for text in self.seen if not any(part in text for part in self.expected)] == []


@pytest.fixture
def witness(site: Site) -> Iterator[Witness]:
    """Watches every page of a test, and fails it for an error in the console or a request to anywhere else."""
    watching = Witness(site.url)
    yield watching
    watching.check()


@pytest.fixture
def new_page(chromium: Browser, site: Site, witness: Witness) -> Iterator[Callable[..., Page]]:
    """Opens a page of the viewer, in a browser context of its own."""
    contexts: list[BrowserContext] = []

    def opened(
        address: str = "#/", *, width: int = 1280, height: int = 760, now: float | None = None, **options: Any
    ) -> Page:
        viewport = {"width": width, "height": height}
        context = chromium.new_context(viewport=viewport, timezone_id="UTC", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        if now is not None:  # before there is a page: one that runs would see the year 1970 for a moment
            context.clock.set_fixed_time(now)
        page = slowed(context.new_page())
        witness.watch(page)
        page.goto(site.url + address)
        return page

    yield opened
    for context in contexts:
        context.close()
