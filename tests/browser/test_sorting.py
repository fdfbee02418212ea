"""Lists: sorted by every column, narrowed by every fact, with a histogram; traces, conversations and users."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.look import box, only, settled
from tests.browser.play import MS, hand_clock
from tests.browser.site import Site
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = sync_api().expect

Open = Callable[..., "Page"]

_NOW = 1_795_270_500
_AGENTS = ".rows .agent"


@pytest.fixture
def three(site: Site) -> Site:
    """Three traces that differ in everything that a list can be sorted by."""
    with hand_clock() as hands:
        for number, (agent, milliseconds, failing) in enumerate(
            (("bravo", 30, 2), ("alpha", 10, 0), ("charlie", 20, 1))
        ):
            hands[0] = _NOW * 10**9 + number * 60_000 * MS
            root = site.run.trace(
                agent, ended=False, user_id=f"user-{agent}", conversation_id=f"talk-{agent}", version=f"v{number}"
            )
            root.metadata = b'{"channel": "%s"}' % agent.encode()
            for step in range(3):
                span = site.run.recorder.start(root, "llm", "answer", b"{}", b'{"model": "model-%d"}' % number)
                span.usage = {
                    "prompt_tokens": 100 * (number + 1),
                    "completion_tokens": 10,
                    "cached_tokens": 50 * number,
                    "cost": 0.01 * (3 - number),
                }
                hands[0] += milliseconds * MS // 3
                error = b'{"message": "gone", "type": "%sError"}' % agent.title().encode()
                site.run.recorder.end(
                    span, "error" if step < failing else "completed", error if step < failing else None
                )
            site.run.recorder.end(root, "completed")
    site.run.save()
    return site


def agents(page: Page) -> Locator:
    return page.locator(_AGENTS)


@pytest.mark.parametrize(
    ("heading", "first", "then"),
    [
        ("Name", "alpha bravo charlie", "charlie bravo alpha"),
        ("User", "alpha bravo charlie", "charlie bravo alpha"),
        ("Conversation", "alpha bravo charlie", "charlie bravo alpha"),
        ("Model", "bravo alpha charlie", "charlie alpha bravo"),
        ("Duration", "bravo charlie alpha", "alpha charlie bravo"),
        ("Tokens", "charlie alpha bravo", "bravo alpha charlie"),
        ("Cached", "charlie alpha bravo", "bravo alpha charlie"),
        ("Cost", "bravo alpha charlie", "charlie alpha bravo"),
        ("Errors", "bravo charlie alpha", "alpha charlie bravo"),
    ],
)
def test_the_list_is_sorted_by_every_column_both_ways(heading: str, first: str, then: str, three: Site, new_page: Open):
    page = new_page()
    expect(agents(page)).to_have_text(["charlie", "alpha", "bravo"])
    cell = page.get_by_role("columnheader").filter(has=page.get_by_role("button", name=heading))
    cell.get_by_role("button").click()
    expect(agents(page)).to_have_text(first.split())
    expect(cell).to_have_attribute("aria-sort", re.compile("ending"))
    cell.get_by_role("button").click()
    expect(agents(page)).to_have_text(then.split())
    page.reload()
    expect(agents(page)).to_have_text(then.split())
    page.go_back()
    expect(agents(page)).to_have_text(first.split())


def test_on_a_narrow_screen_the_order_is_chosen_from_a_list(three: Site, new_page: Open):
    page = new_page(width=360)
    page.get_by_label("Sort by").select_option("duration")
    expect(agents(page)).to_have_text(["bravo", "charlie", "alpha"])
    page.get_by_label("Order").click()
    expect(agents(page)).to_have_text(["alpha", "charlie", "bravo"])


def test_a_row_shows_models_tokens_cached_tokens_and_cost(three: Site, new_page: Open):
    page = new_page("#/?agent=charlie")
    row = page.locator(".rows > .line")
    for name, text in {"model": "model-2", "tokens": "930", "cached": "300", "cost": "$0.03", "errors": "1"}.items():
        expect(row.locator(f".{name}")).to_have_text(text)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("model", "model-1"), ("error type", "CharlieError"), ("version", "v0"), ("metadata", "channel:bravo"),
        ("min tokens", "700"), ("max tokens", "400"), ("min cost $", "0.07"), ("user", "user-alpha"),
        ("conversation", "talk-bravo"),
    ],
)  # fmt: skip
def test_the_panel_narrows_by_every_fact(label: str, value: str, three: Site, new_page: Open):
    page = new_page()
    expect(agents(page)).to_have_count(3)
    page.locator(".more > summary").click()
    page.locator(".panel").get_by_label(label, exact=True).fill(value)
    expect(agents(page)).to_have_count(1)
    chip = page.locator(".chip")
    expect(chip).to_contain_text(f"{label}: {value}")
    chip.click()
    expect(agents(page)).to_have_count(3)


def test_a_number_of_errors_leads_to_the_first_of_them(three: Site, new_page: Open):
    page = new_page("#/?agent=charlie")
    page.locator(".rows .errors a").click()
    expect(page.locator(".details .failure")).to_contain_text("CharlieError")


def test_the_histogram_shows_traces_and_errors_and_is_dragged_over(three: Site, new_page: Open):
    page = new_page()
    field = page.locator(".histogram .field")
    expect(page.locator(".histogram rect.traces")).to_have_count(3)
    expect(page.locator(".histogram rect.errors")).to_have_count(2)
    expect(page.locator(".histogram .sum")).to_have_text("3 traces, 2 with errors")
    settled(page)
    place = box(page, ".histogram .field")
    middle = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + place["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] * 0.7, middle, steps=4)
    page.mouse.up()
    expect(agents(page)).to_have_text(["alpha"])
    expect(page).to_have_url(re.compile("since=.*until="))
    expect(page.locator(".histogram .sum")).to_have_text("1 trace, 0 with errors")
    page.get_by_role("button", name="Clear").click()
    expect(agents(page)).to_have_count(3)
    expect(page.locator(".histogram rect.traces")).to_have_count(3)

    field.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    expect(field).to_have_attribute("aria-valuetext", re.compile("^3 traces, 2 with errors"))
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(agents(page)).to_have_text(["charlie"])


def test_conversations_are_listed_sorted_and_lead_to_their_turns(three: Site, new_page: Open):
    page = new_page("#/conversations")
    expect(agents(page)).to_have_text(["talk-charlie", "talk-alpha", "talk-bravo"])
    page.get_by_role("columnheader").filter(has_text="Cost").get_by_role("button").click()
    expect(agents(page)).to_have_text(["talk-bravo", "talk-alpha", "talk-charlie"])
    row = page.locator(".rows > .line").first
    for name, text in {"tokens": "330", "cost": "$0.09", "operations": "1 trace", "errors": "1"}.items():
        expect(row.locator(f".{name}").first).to_have_text(text)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("talk-bravo")
    expect(page.locator(".turn .headline")).to_contain_text("$0.09")
    page.keyboard.press("Escape")
    page.locator(".rows .errors a").first.click()
    only(page, _AGENTS, ["charlie"])


def test_users_are_listed_and_lead_to_their_traces(three: Site, new_page: Open):
    page = new_page("#/users?sort=tokens&order=asc")
    expect(agents(page)).to_have_text(["user-bravo", "user-alpha", "user-charlie"])
    page.locator(".rows .agent", has_text="user-alpha").click()
    expect(agents(page)).to_have_text(["alpha"])


def test_a_day_is_narrowed_and_sorted_as_the_store_does_it(day: Site, new_page: Open):
    page = new_page("#/?errors=1&sort=duration")
    expect(page.locator(".rows > .line").first).to_be_visible()
    failed = day.run.store.traces(Filter(has_errors=True), limit=500)
    expect(page.locator(".histogram .sum")).to_contain_text(f"{len(failed)} traces")
    longest = max(failed, key=lambda trace: (trace.end_ns or 0) - trace.start_ns)
    expect(page.locator(".rows > .line").first).to_have_attribute("data-key", longest.id)
