"""Answers that come late, keys that come early: what was requested last is shown, and nothing is lost meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.conftest import Witness
from tests.browser.look import intercept, only, pumped, settled
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

expect = sync_api().expect

Open = Callable[..., "Page"]


@contextmanager
def held(page: Page, pattern: str) -> Iterator[Callable[[], None]]:
    """Keep back the answers to requests for an address: the function that this gives lets those that came go on.

    Each is made when it is requested, as by a server that is slow to send it.
    """
    requests: list[Route] = []
    answers: dict[Route, APIResponse] = {}
    answered: set[Route] = set()

    def keep(route: Route) -> None:
        requests.append(route)
        answers[route] = route.fetch()

    def let_go() -> None:
        pumped(page, lambda: len(answers) == len(requests))
        for route in [route for route in requests if route not in answered]:
            answered.add(route)
            with page.expect_event("requestfinished", lambda one, wanted=route.request: one == wanted):
                route.fulfill(response=answers[route])

    def release() -> None:
        pumped(page, lambda: len(requests) > len(answered))
        let_go()
        settled(page)

    matched = re.compile(pattern)
    intercept(page, matched, keep)
    yield release
    let_go()  # first: the browser answers by itself what nothing intercepts any more
    page.unroute(matched)


def three(site: Site) -> list[str]:
    """Ids of three traces, the newest first, of agents that are called `a`, `b` and `c`."""
    for name in ("c", "b", "a"):
        root = site.run.trace(name, ended=False, conversation_id="one")
        for kind in ("agent", "tool"):
            span = site.run.recorder.start(root, kind, f"{kind}-of-{name}", f'{{"said": "{kind} {name}"}}'.encode())
            site.run.recorder.succeed(span, b"{}")
        site.run.recorder.succeed(root, b"{}")
    site.run.save()
    return [trace.id for trace in site.run.store.traces()]


def test_a_list_that_was_narrowed_again_does_not_show_the_older_answer(site: Site, new_page: Open):
    three(site)
    page = new_page()
    expect(page.locator("#live")).to_have_text("live")
    only(page, ".rows .agent", ["a", "b", "c"])
    with held(page, "agent=a") as release:
        page.evaluate("location.hash = '#/?agent=a'")
        expect(page.get_by_label("agent", exact=True)).to_have_value("a")
        only(page, ".rows .agent", ["a", "b", "c"])
        page.locator(".rows > .line").nth(2).locator(".pick").click()  # what is shown can be used
        expect(page.locator(".marked")).to_contain_text("1 trace marked")
        page.evaluate("location.hash = '#/?agent=b'")
        only(page, ".rows .agent", ["b"])
        release()
        only(page, ".rows .agent", ["b"])
    expect(page.get_by_label("agent", exact=True)).to_have_value("b")


def test_a_list_that_is_left_before_its_answer_comes_back_as_it_was_wanted(site: Site, new_page: Open):
    newest = three(site)[0]
    page = new_page()
    only(page, ".rows .agent", ["a", "b", "c"])
    with held(page, "agent=a") as release:
        page.evaluate("location.hash = '#/?agent=a'")
        expect(page.get_by_label("agent", exact=True)).to_have_value("a")
        page.evaluate("id => { location.hash = `#/trace/${id}`; }", newest)
        expect(page.locator("h1")).to_have_text("a")
        release()
    page.keyboard.press("Escape")
    only(page, ".rows .agent", ["a"])


def test_a_trace_says_how_many_of_its_operations_are_here_and_counts_only_all_of_them(site: Site, new_page: Open):
    root = site.run.trace("large", ended=False)
    for number in range(400):
        span = site.run.recorder.start(root, "tool", "even" if number % 2 == 0 else "odd", b"{}")
        site.run.recorder.succeed(span, b"{}")
    site.run.recorder.succeed(root, b"{}")
    site.run.save()
    page = new_page()
    with held(page, r"/api/traces/[^/?]+$") as release:
        page.evaluate("id => { location.hash = `#/trace/${id}`; }", site.run.store.traces()[0].id)
        expect(page.locator(".trace-head")).to_contain_text("400 operations (300 loaded so far)")
        expect(page.locator(".details")).to_contain_text("duration")
        for missing in ("By name", "without its children"):
            expect(page.locator(".details")).not_to_contain_text(missing)
        expect(page.locator(".rows .on-path")).to_have_count(0)
        release()
    expect(page.locator(".trace-head")).not_to_contain_text("loaded so far")
    table = page.get_by_role("group", name="By name")
    expect(table.get_by_role("row")).to_have_text([re.compile("^name"), re.compile("200"), re.compile("200")])
    expect(page.locator(".details")).to_contain_text("without its children")


def test_a_filter_that_is_being_typed_does_not_call_back_a_user_who_left(site: Site, new_page: Open):
    newest = three(site)[0]
    page = new_page()
    only(page, ".rows .agent", ["a", "b", "c"])
    page.clock.install()  # the pause after the last letter ends when the test says so
    page.get_by_label("Search").press_sequentially("xyz")
    page.evaluate("id => { location.hash = `#/trace/${id}`; }", newest)
    expect(page.locator("h1")).to_have_text("a")
    page.clock.run_for(1000)
    expect(page.locator("h1")).to_have_text("a")
    expect(page).to_have_url(re.compile("#/trace/"))


def test_a_link_counts_that_is_followed_while_a_filter_is_being_typed(site: Site, new_page: Open):
    newest = three(site)[0]
    page = new_page()
    page.add_init_script("addEventListener('hashchange', (event) => window.holds && event.stopImmediatePropagation());")
    page.reload()
    only(page, ".rows .agent", ["a", "b", "c"])
    page.clock.install()
    page.get_by_label("Search").press_sequentially("xyz")
    # the pause ends after the link was followed, and before the page hears of it
    page.evaluate("id => { window.holds = true; location.hash = `#/trace/${id}`; }", newest)
    page.clock.run_for(1000)
    expect(page.get_by_label("Search")).to_have_value("xyz")
    expect(page).to_have_url(re.compile("#/trace/"))
    page.evaluate("window.holds = false; window.dispatchEvent(new HashChangeEvent('hashchange'));")
    expect(page.locator("h1")).to_have_text("a")


def test_a_link_to_the_same_page_takes_back_what_was_being_typed(site: Site, new_page: Open):
    three(site)
    page = new_page()
    only(page, ".rows .agent", ["a", "b", "c"])
    page.clock.install()
    page.get_by_label("Search").press_sequentially("xyz")
    page.evaluate("location.hash = '#/?agent=b'")
    only(page, ".rows .agent", ["b"])
    expect(page.get_by_label("Search")).to_have_value("")
    page.clock.run_for(1000)
    expect(page).to_have_url(re.compile(r"#/\?agent=b$"))
    page.get_by_label("Search").press_sequentially("tool-of")
    page.clock.run_for(1000)
    expect(page).to_have_url(re.compile("text=tool-of"))
    only(page, ".rows .agent", ["b"])
    expect(page.get_by_label("Search")).to_have_value("tool-of")


def test_a_filter_counts_when_its_field_is_left(site: Site, new_page: Open):
    three(site)
    page = new_page()
    only(page, ".rows .agent", ["a", "b", "c"])
    page.clock.install()
    page.keyboard.press("/")
    page.keyboard.type("tool-of-b")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("text=tool-of-b"))


def test_metrics_by_something_else_are_not_replaced_by_those_requested_before(site: Site, new_page: Open):
    three(site)
    page = new_page("#/metrics")
    expect(page.locator(".totals tbody tr")).to_contain_text(["agent-of-"] * 3)
    with held(page, "by=tool") as release:
        for by in ("tool", "agent"):
            page.get_by_label("Group by").select_option(by)
            expect(page.get_by_label("Group by")).to_have_value(by)
        release()
        expect(page.locator(".totals thead th").first).to_have_text("agent")
        expect(page.locator(".totals tbody tr")).to_contain_text(["agent-of-"] * 3)


def test_details_are_those_of_what_is_selected(site: Site, new_page: Open):
    newest = three(site)[0]
    tool = next(one.id for one in site.run.store.operations(newest) if one.kind == "tool")
    page = new_page(f"#/trace/{newest}")
    shown = page.locator(".details h2")
    expect(shown).to_have_text("a")
    with held(page, f"operations/{tool}") as release:
        for back in ("Home", "k"):  # to the trace, which needs no answer, and to its neighbour, which is requested
            page.keyboard.press("End")
            expect(page.locator(".rows [aria-selected=true] .name")).to_have_text("tool-of-a")
            page.keyboard.press(back)
            name = "agent-of-a" if back == "k" else "a"
            expect(shown).to_have_text(name)
            release()
            expect(shown).to_have_text(name)
    page.keyboard.press("End")
    expect(shown).to_have_text("tool-of-a")


def test_keys_and_buttons_before_a_trace_is_there_do_no_harm(site: Site, new_page: Open):
    newest = three(site)[0]
    tool = next(one.id for one in site.run.store.operations(newest) if one.kind == "tool")
    page = new_page()
    with held(page, f"traces/{newest}$") as release:
        page.evaluate("target => { location.hash = target; }", f"#/trace/{newest}?operation={tool}")
        expect(page.get_by_role("treegrid")).to_be_attached()
        for key in ("j", "k", "End", "e", "p", "n", "N", "z", "Enter", "ArrowLeft", "ArrowRight", "PageDown"):
            page.keyboard.press(key)
        for name in ("Expand", "Collapse"):
            page.get_by_role("button", name=name).click()
        page.locator(".minimap").dblclick()
        page.keyboard.press("/")
        page.keyboard.type("of")
        release()
        page.keyboard.type("-a")  # what was begun to be typed is not interrupted
    expect(page.get_by_label("Find in this trace")).to_have_value("of-a")
    expect(page.locator(".tools [role=status]")).to_have_text("2 matches")
    expect(page.locator(".details h2")).to_have_text("tool-of-a")
    expect(page).to_have_url(re.compile(f"operation={tool}"))


def test_a_trace_that_is_not_there_yet_is_shown_when_it_comes(site: Site, witness: Witness, new_page: Open):
    witness.expected.append("404")  # the browser itself writes it into the console
    page = new_page("#/trace/soon")
    expect(page.locator(".problem")).to_have_text("no trace has this id")
    expect(page.get_by_role("treegrid")).to_be_hidden()
    site.run.trace("desk", identifier="soon")
    site.run.save()
    expect(page.locator(".rows .name")).to_have_text(["desk"])
    expect(page.locator(".problem")).to_be_hidden()


def test_a_comparison_that_is_looked_for_does_not_call_back_a_user_who_left(site: Site, new_page: Open):
    three(site)
    site.run.trace("a")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    with held(page, "before=") as release:
        page.get_by_role("button", name="Run before").click()
        page.get_by_role("link", name="Metrics").click()
        expect(page.locator(".totals")).to_be_visible()
        release()
        expect(page.locator(".totals")).to_be_visible()
    expect(page).to_have_url(re.compile("#/metrics"))


@pytest.mark.parametrize("wanted", ["Run before", "Last success", "Compare …"])
def test_what_is_done_with_a_trace_waits_until_it_is_there(wanted: str, site: Site, new_page: Open):
    newest = three(site)[0]
    page = new_page("#/metrics")
    expect(page.locator(".totals")).to_be_visible()
    button = page.get_by_role("button", name=wanted, include_hidden=True)
    with held(page, f"traces/{newest}\\?limit=300$") as release:
        page.evaluate("id => { location.hash = `#/trace/${id}`; }", newest)
        expect(page.locator("[inert]", has=button)).to_have_count(1)
        release()
    button.click()
    expect(page.locator("#message.shown, dialog.choose")).to_be_visible()


def test_usual_times_that_come_after_the_user_left_change_nothing(site: Site, new_page: Open):
    newest = three(site)[0]
    site.run.trace("a")
    site.run.save()
    page = new_page(f"#/trace/{newest}")
    expect(page).to_have_title(re.compile("^a "))
    with held(page, "baseline") as release:
        page.get_by_role("button", name="Usual times").click()
        page.get_by_role("link", name="Metrics").click()
        expect(page.locator(".totals")).to_be_visible()
        release()
    expect(page).to_have_title(re.compile("^Metrics"))


@pytest.mark.parametrize("key", ["c", "?"])
def test_a_dialog_closes_when_the_user_goes_back(key: str, site: Site, new_page: Open):
    newest = three(site)[0]
    page = new_page("#/metrics")
    expect(page.locator(".totals")).to_be_visible()
    page.goto(f"{site.url}#/trace/{newest}")
    expect(page.locator(".rows .line").first).to_be_visible()
    page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page).to_have_title(re.compile("^Metrics"))
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_comparison_shows_the_row_that_its_address_names(site: Site, new_page: Open):
    one, other, *_ = three(site)
    page = new_page(f"#/compare/{one}/{other}?row=1.5")
    selected = page.locator(".rows .line[aria-selected=true]")
    expect(selected).to_have_id("pair-1")
    page.goto(f"{site.url}#/compare/{one}/{other}?row=2")
    expect(selected).to_have_id("pair-2")
    page.goto(f"{site.url}#/compare/{one}/{other}?row=99")
    expect(selected).to_have_id("pair-4")
    page.goto(f"{site.url}#/compare/{one}/{other}")
    expect(selected).to_have_id("pair-0")
