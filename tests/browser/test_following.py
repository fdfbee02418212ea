"""A trace that runs, in a browser: it is followed; what never ends has a mark of its own; times say their zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.play import MS, hand_clock
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]


def test_following_selects_what_is_recorded_as_it_comes(site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False)
    first = site.run.recorder.start(root, "agent", "first", b"{}")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    selected = page.locator(".rows [aria-selected=true] .name")
    expect(selected).to_have_text("desk")
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    expect(selected).to_have_text("first")
    for name in ("second", "third"):
        site.run.recorder.start(first, "tool", name, b'{"step": "next"}')
        site.run.save()
        expect(selected).to_have_text(name)
        expect(page.locator(".details h2")).to_have_text(name)

    page.keyboard.press("Home")  # to look at something ends it
    expect(page.locator(".details h2")).to_have_text("desk")
    site.run.recorder.start(first, "tool", "fourth", b"{}")
    site.run.save()
    expect(page.locator(".rows .name", has_text="fourth")).to_be_visible()
    expect(selected).to_have_text("desk")
    site.run.recorder.end(root, "completed")
    site.run.save()
    expect(page.get_by_role("button", name="Follow")).to_be_hidden()


def test_what_never_ended_has_a_mark_of_its_own(site: Site, new_page: Open):
    with hand_clock() as hands:
        hands[0] -= 3_600_000 * MS
        root = site.run.trace("silent", ended=False)
        site.run.recorder.start(root, "tool", "stuck", b"{}")
        done = site.run.trace("ended", ended=False)
        site.run.recorder.start(done, "tool", "left-open", b"{}")
        site.run.recorder.end(done, "completed")
    site.run.save()
    page = new_page()
    mark = page.locator(".rows > .line", has_text="silent").locator(".status")
    expect(mark).to_have_class(re.compile("unfinished"))
    expect(mark).to_have_attribute("title", "unfinished")
    page.locator(".rows .agent", has_text="silent").click()
    expect(page.locator(".headline .status")).to_contain_text("unfinished")
    expect(page.get_by_role("button", name="Follow")).to_be_hidden()
    expect(page.get_by_role("button", name="Next error")).to_be_hidden()
    stuck = page.locator(".rows > .line", has=page.locator(".name", has_text="stuck"))
    expect(stuck.locator(".state")).to_have_text("unfinished")
    expect(stuck.locator(".bar")).to_have_class(re.compile("unfinished"))
    page.keyboard.press("Escape")
    page.locator(".rows .agent", has_text="ended").click()
    left = page.locator(".rows > .line", has=page.locator(".name", has_text="left-open"))
    expect(left.locator(".state")).to_have_text("unfinished")
    page.get_by_role("link", name="Calls").click()
    for name in ("stuck", "left-open"):
        row = page.locator(".rows > .line", has=page.locator(".agent", has_text=name))
        expect(row.locator(".status")).to_have_attribute("title", "unfinished")
        expect(row.locator(".took")).to_have_text("")


@pytest.mark.parametrize(
    "address", ["#/", "#/metrics", "#/conversations", "#/users", "#/conversation/c-1", "#/trace/{id}"]
)
def test_every_page_says_its_time_zone(address: str, site: Site, new_page: Open):
    site.run.trace("desk", user_id="ada", conversation_id="c-1")
    site.run.save()
    page = new_page(address.format(id=site.run.store.traces()[0].id))
    expect(page.locator("main")).to_contain_text("+00:00")


@pytest.mark.parametrize("width", [1280, 360])
def test_every_function_of_a_trace_is_there_at_every_width(width: int, site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False)
    site.run.recorder.succeed(site.run.recorder.start(root, "tool", "step", b"{}"), b"{}")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}", width=width)
    for name in (
        "Expand",
        "Collapse",
        "Usual times",
        "Follow",
        "Run before",
        "Last success",
        "Compare …",
        "Copy link",
        "Export",
    ):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
