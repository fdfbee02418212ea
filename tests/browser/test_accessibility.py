"""axe-core finds nothing on any page, light or dark, wide or narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import axe
from tests.browser.chromium import sync_api
from tests.browser.conftest import Witness
from tests.browser.look import settled
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]


@pytest.fixture(autouse=True)
def _axe() -> None:
    axe.required()


def _pages(site: Site) -> Iterator[tuple[str, str]]:
    """The address of each page, and what is there when it is drawn."""
    traces = [trace for trace in site.run.store.traces(limit=200) if trace.agent_id == "support-desk"]
    broken = next(trace for trace in traces if trace.errors)
    whole = next(trace for trace in traces if not trace.errors)
    operations = site.run.store.operations(broken.id)
    failed = next(one for one in operations if one.status == "error")
    yield "#/", ".rows > .line"
    yield "#/?agent=nobody&metadata=a:b", ".chip"
    yield f"#/trace/{broken.id}", ".by-name"
    yield f"#/trace/{broken.id}?operation={failed.id}&find=order", ".details .stack"
    yield f"#/compare/{whole.id}/{broken.id}?row=4", ".half h2"
    yield f"#/conversation/{broken.conversation_id}", ".turn"
    yield "#/conversations", ".rows > .line"
    yield "#/users", ".rows > .line"
    yield "#/calls?kind=tool&sort=error&order=asc", ".rows > .line"
    yield "#/metrics?within=all", ".totals"
    yield "#/metrics?within=all&by=model", ".totals"
    yield "#/nowhere", ".empty"
    yield "#/trace/nothing", ".problem"


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_found_on_any_page(colours: str, width: int, day: Site, new_page: Open, witness: Witness):
    witness.expected.append("api/traces/nothing")  # which is answered with 404
    page = new_page("#/nowhere", width=width, color_scheme=colours, reduced_motion="reduce")
    found: dict[str, list[object]] = {}
    for address, drawn in _pages(day):
        page.evaluate("target => { location.hash = target; }", address)
        expect(page.locator(f"main {drawn}").first).to_be_attached()
        settled(page)
        if problems := axe.problems_in(page):
            found[address] = problems
    assert found == {}


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_is_found_in_what_opens(colours: str, day: Site, new_page: Open):
    trace = next(trace for trace in day.run.store.traces(limit=200) if trace.agent_id == "support-desk")
    page = new_page("#/?user=ada&errors=1", color_scheme=colours)
    expect(page.locator(".rows > .line").first).to_be_visible()
    page.locator(".more > summary").click()
    page.keyboard.press("x")
    assert axe.problems_in(page) == []
    page.evaluate("target => { location.hash = target; }", f"#/trace/{trace.id}")
    expect(page.locator(".by-name")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert axe.problems_in(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.locator("dialog .option").first).to_be_visible()
    assert axe.problems_in(page) == []
