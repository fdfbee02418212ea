"""The box of hints above the list: places of programs that record nothing, or not what is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.look import settled
from tests.browser.site import Site
from voltagent.core.hints import give_hint
from voltagent.storage import hints

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]


def test_there_is_no_box_without_hints(site: Site, new_page: Open):
    site.run.trace("desk")
    site.run.save()
    page = new_page()
    expect(page.locator(".rows > .line")).to_have_count(1)
    settled(page)
    expect(page.locator(".hints")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
def test_hints_are_in_a_box_that_opens(width: int, site: Site, new_page: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hints, "STORES", {})
    hints.save_hints_beside(site.path, make=True)
    for number, advice in ((1, "call it inside the trace"), (2, "<img src=x onerror=alert(1)>")):
        give_hint(f"late call {number}", f"app.py:{number}", "a call after shutdown() was not recorded", advice)
    hints.save_hints()
    page = new_page(width=width)
    box = page.locator(".hints")
    expect(box.locator("summary")).to_have_text("2 places in your programs that record nothing, or not what is meant")
    expect(box.locator("li").first).to_be_hidden()
    box.locator("summary").click()
    expect(box.locator("li")).to_have_count(2)
    expect(box).to_contain_text("app.py:1 a call after shutdown() was not recorded; call it inside the trace")
    expect(box).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box.locator("summary").click()
    expect(box.locator("li").first).to_be_hidden()
