"""Several windows of the page in one browser: they share one stream of events, so that any number of them works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.browser.chromium import sync_api
from tests.browser.conftest import Witness
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]

MANY = 9  # a browser opens six connections to a host


def _windows(first: Page, site: Site, witness: Witness, count: int, streams: list[str]) -> list[Page]:
    """The first window and others of the same browser; `streams` gets the address of each stream that is opened."""
    expect(first.locator("#live")).to_have_text("live")
    context = first.context
    context.on("request", lambda request: streams.append(request.url) if "/api/live" in request.url else None)
    first.reload()
    expect(first.locator("#live")).to_have_text("live")
    pages = [first]
    for _ in range(count - 1):
        page = context.new_page()
        witness.watch(page)
        page.goto(site.url)
        pages.append(page)
    return pages


def test_any_number_of_windows_works_with_one_stream(site: Site, new_page: Open, witness: Witness):
    site.run.trace("before")
    site.run.save()
    streams: list[str] = []
    pages = _windows(new_page(), site, witness, MANY, streams)
    for page in pages:
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator(".rows > .line")).to_have_count(1)
    site.run.trace("newer")
    site.run.save()
    for page in pages:
        page.bring_to_front()
        expect(page.locator(".rows > .line")).to_have_count(2)
    assert len(streams) == 1, "one window has the stream"


def test_another_window_takes_the_stream_over_when_the_first_one_closes(site: Site, new_page: Open, witness: Witness):
    site.run.trace("before")
    site.run.save()
    streams: list[str] = []
    first, second, third = _windows(new_page(), site, witness, 3, streams)
    expect(third.locator(".rows > .line")).to_have_count(1)
    first.close()
    site.run.trace("newer")
    site.run.save()
    for page in (second, third):
        page.bring_to_front()
        expect(page.locator(".rows > .line")).to_have_count(2)
    site.run.trace("newest")
    site.run.save()
    for page in (second, third):
        page.bring_to_front()
        expect(page.locator(".rows > .line")).to_have_count(3)
    assert len(streams) == 2, "one after the other"


def test_without_a_secure_context_each_window_has_a_stream(site: Site, new_page: Open, witness: Witness):
    site.run.trace("before")
    site.run.save()
    streams: list[str] = []
    page = new_page("#/nowhere")
    page.context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(site.url)
    pages = _windows(page, site, witness, 2, streams)
    site.run.trace("newer")
    site.run.save()
    for page in pages:
        page.bring_to_front()
        expect(page.locator(".rows > .line")).to_have_count(2)
    assert len(streams) >= 2


def test_a_window_of_a_trace_follows_that_trace_only(site: Site, new_page: Open, witness: Witness):
    going = site.run.trace("going", ended=False)
    site.run.trace("other")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[-1].id}")
    expect(page.locator("#live")).to_have_text("live")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/api/traces/" in request.url else None)
    site.run.trace("another")
    site.run.save()
    other = page.context.new_page()
    witness.watch(other)
    other.goto(site.url)
    expect(other.locator(".rows > .line")).to_have_count(3)
    page.bring_to_front()
    site.run.recorder.succeed(site.run.recorder.start(going, "tool", "step", b"{}"), b"{}")
    site.run.save()
    expect(page.locator(".rows .name")).to_have_text(["going", "step"])
