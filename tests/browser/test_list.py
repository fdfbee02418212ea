"""The list of traces, in a browser: what it shows, narrows, remembers and learns while it is open."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.conftest import Witness
from tests.browser.look import box, intercept, only, pumped, settled, until
from tests.browser.play import MS, hand_clock
from tests.browser.site import Site, open_site
from tests.helpers import examples
from voltagent.render.text import duration
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

expect = sync_api().expect

Open = Callable[..., "Page"]

_RECORDER = """
import sys
from voltagent import VoltAgentSDK
with VoltAgentSDK(flush_interval=0.05) as sdk:
    trace = sdk.trace(agent_id="newcomer", input={"question": "how long?"})
    tool = trace.add_tool(name="slow-tool", input={})
    sdk.flush()
    print("started", flush=True)
    sys.stdin.readline()
    tool.success(output={"answer": 42})
    trace.end(output={"answer": 42})
"""


def rows(page: Page) -> Locator:
    return page.locator(".rows > .line")


AGENTS = ".rows .agent"


def test_traces_are_listed_newest_first_with_their_figures(site: Site, new_page: Open):
    with hand_clock() as hands:
        for name in ("first", "second"):
            span = site.run.trace(name, ended=False, user_id="ada", conversation_id="c-1", tags=("red",))
            tool = site.run.recorder.start(span, "tool", "t", b"{}")
            site.run.recorder.succeed(tool, b"{}")
            span.usage = {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234}
            hands[0] += 94 * MS
            site.run.recorder.succeed(span, b"{}")
    site.run.save()
    page = new_page()
    expect(page.locator(AGENTS)).to_have_text(["second", "first"])
    row = rows(page).first
    expect(row.locator(".status")).to_have_attribute("title", "completed")
    shown = {"user": "ada", "conversation": "c-1", "operations": "1", "errors": "", "tag": "red", "took": "94 ms"}
    for name, text in shown.items():
        expect(row.locator(f".{name}")).to_have_text(text)
    expect(row.locator(".tokens")).to_have_text(re.compile("^1\u202f234$"))
    expect(page).to_have_title("Traces · voltagent")


def test_an_empty_store_says_how_to_get_a_first_trace(site: Site, new_page: Open):
    page = new_page()
    expect(page.get_by_text("No traces yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("with VoltAgentSDK():")
    site.run.trace("arrived")
    site.run.save()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_text("No traces yet")).to_be_hidden()


def test_what_another_process_records_appears_and_goes_on(site: Site, new_page: Open):
    site.run.trace("before")
    site.run.save()
    page = new_page()
    expect(rows(page)).to_have_count(1)
    environment = examples.environment(site.path)
    program = [sys.executable, "-c", _RECORDER]
    with subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "started\n"
        expect(rows(page)).to_have_count(2)
        newest = rows(page).filter(has_text="newcomer")
        expect(newest.locator(".status")).to_have_attribute("title", "running")
        grown = newest.locator(".took").inner_text()
        expect(newest.locator(".took")).not_to_have_text(grown)  # it grows

        trace = new_page(newest.locator("a").get_attribute("href"))
        bar = trace.locator(".rows .line", has_text="slow-tool").locator(".bar")
        expect(bar).to_have_class(re.compile("running"))
        other.stdin.write("\n")
        other.stdin.close()
        assert other.wait(60) == 0
    expect(newest.locator(".status")).to_have_attribute("title", "completed")
    expect(bar).to_have_class(re.compile("completed"))
    expect(trace.locator(".headline .status")).to_have_text(re.compile("completed"))


def test_what_is_recorded_while_the_page_connects_is_not_missed(site: Site, new_page: Open):
    site.run.trace("before")
    site.run.save()
    page = new_page()
    held: list[Route] = []
    intercept(page, "**/api/live*", lambda route: held.append(route))
    page.reload()
    expect(rows(page)).to_have_count(1)
    pumped(page, lambda: held)
    site.run.trace("meanwhile")
    site.run.save()
    held.pop().continue_()
    expect(rows(page)).to_have_count(2)


def test_a_request_whose_name_says_all_is_not_repeated_in_its_row(site: Site, new_page: Open):
    for name, path in (("GET /health", "/health"), ("GET /orders/{number}", "/orders/7")):
        site.run.trace(name, input=b'{"method":"GET","path":"%s"}' % path.encode())
    site.run.save()
    page = new_page()
    expect(rows(page)).to_have_count(2)
    expect(page.locator(".input-start")).to_have_text(["GET /orders/7"])


def test_a_row_shows_the_status_of_a_response_that_is_no_answer(site: Site, new_page: Open):
    for code in (200, 307, 404):
        span = site.run.trace(f"GET /{code}", ended=False)
        site.run.recorder.add(span, metadata={"status_code": code})
        site.run.recorder.succeed(span, None)
    site.run.save()
    page = new_page()
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".status-code")).to_have_text(["HTTP 404", "HTTP 307"])


def test_filters_narrow_the_list_and_stand_in_the_address_bar(day: Site, new_page: Open):
    page = new_page()
    expect(rows(page).first).to_be_visible()
    page.get_by_label("agent", exact=True).fill("invoice-reader")
    only(page, AGENTS, ["invoice-reader"])
    page.get_by_label("status").select_option("error")
    failed = len(day.run.store.traces(Filter(agent="invoice-reader", status="error"), limit=200))
    assert failed > 0
    expect(page.locator(".rows .status.error")).to_have_count(failed)
    expect(rows(page)).to_have_count(failed)
    expect(page).to_have_url(re.compile("agent=invoice-reader.*status=error"))

    page.reload()
    expect(rows(page)).to_have_count(failed)
    expect(page.get_by_label("status")).to_have_value("error")

    page.go_back()
    expect(page.locator(".rows .status.completed").first).to_be_visible()
    expect(page.get_by_label("status")).to_have_value("")
    page.go_forward()
    expect(rows(page)).to_have_count(failed)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(AGENTS, has_text="support-desk").first).to_be_visible()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("text=lithium", {"research-team"}),
        ("tag=nightly", {"invoice-reader"}),
        ("user=ada&agent=support-desk", {"support-desk"}),
        ("kind=retriever&agent=research-team", {"research-team"}),
        ("min_ms=5000", {"research-team"}),
        ("within=15m&agent=nobody", set()),
    ],
)
def test_an_address_with_filters_can_be_sent(query: str, shown: set[str], day: Site, new_page: Open):
    page = new_page(f"#/?{query}")
    if shown:
        only(page, AGENTS, shown)
    else:
        expect(page.get_by_text("No trace matches.")).to_be_visible()
        expect(rows(page)).to_have_count(0)


def test_the_keyboard_moves_opens_searches_and_explains(day: Site, new_page: Open):
    page = new_page()
    expect(rows(page).first).to_be_visible()
    for key in ("j", "j", "ArrowDown", "k"):
        page.keyboard.press(key)
    selected = page.locator(".rows > .line[aria-selected=true]")
    expect(selected).to_have_id("row-1")
    expect(page.get_by_role("grid")).to_have_attribute("aria-activedescendant", "row-1")
    agent = selected.locator(".agent").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(agent)
    page.go_back()
    expect(selected).to_have_id("row-1")

    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("lithium")
    expect(page.locator(AGENTS, has_text="support-desk")).to_have_count(0)
    page.keyboard.press("Escape")  # leaves the field
    page.keyboard.press("Escape")  # clears the filters
    expect(page.locator(AGENTS, has_text="support-desk").first).to_be_visible()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("mark for comparison")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_older_traces_are_loaded_while_scrolling(site: Site, new_page: Open):
    for number in range(350):
        site.run.trace(f"bot-{number:03}")
    site.run.save()
    page = new_page()
    expect(rows(page).first).to_contain_text("bot-349")
    scroller = page.locator(".scroller")
    for loaded in (200, 300, 350):
        scroller.evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight; }")
        expect(page.locator(".rows")).to_have_attribute("style", re.compile(f"height: {loaded * 48}px"))
    scroller.evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight; }")
    expect(page.locator(".rows > .line", has_text="bot-000")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('.rows > .line').length") < 60, "only rows in view are there"


def test_dark_and_light_follow_the_system_and_the_switch(site: Site, new_page: Open):
    site.run.trace("bot")
    site.run.save()
    is_now = "colour => getComputedStyle(document.body).backgroundColor === colour"
    dark, light = "rgb(20, 23, 28)", "rgb(255, 255, 255)"
    until(new_page(color_scheme="dark"), is_now, dark)
    page = new_page(color_scheme="light")
    until(page, is_now, light)
    button = page.get_by_role("button", name="Colours")
    button.click()
    expect(button).to_have_text("☀")
    until(page, is_now, light)
    button.click()
    until(page, is_now, dark)
    page.reload()
    expect(rows(page)).to_have_count(1)
    assert page.evaluate(is_now, dark), "the choice is remembered"


@pytest.mark.parametrize(
    ("address", "last"),
    [
        ("#/", ".rows > .line"),
        ("#/trace/{id}", ".rows > .line"),
        ("#/metrics", ".totals"),
        ("#/conversation/{conversation}", ".turn"),
        ("#/compare/{id}/{other}", ".half"),
    ],
)
def test_every_page_fits_360_pixels(address: str, last: str, day: Site, new_page: Open):
    one, other = [trace for trace in day.run.store.traces() if trace.agent_id == "support-desk"][:2]
    page = new_page(address.format(id=one.id, other=other.id, conversation=one.conversation_id), width=360, height=700)
    expect(page.locator(f"main {last}").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    right = page.evaluate("[...document.querySelectorAll('main > *')].map(part => part.getBoundingClientRect().right)")
    assert 0 < max(right) <= 361


def test_when_the_server_goes_the_page_says_so_and_keeps_what_it_shows(
    new_page: Open, witness: Witness, tmp_path: Path
):
    with open_site(tmp_path / "other.db") as going:
        going.run.trace("bot")
        going.run.save()
        witness.expected.append(going.url)
        page = new_page()
        page.goto(going.url)
        expect(page.locator("#live")).to_have_text("live")
        expect(rows(page)).to_have_count(1)
        witness.expected.append("ERR_")  # the browser itself writes into the console that it could not connect
    expect(page.locator("#live")).to_have_text("no server")
    expect(rows(page)).to_have_count(1)


def test_metrics_stay_where_asking_for_newer_ones_fails(day: Site, witness: Witness, new_page: Open):
    witness.expected.append("ERR_FAILED")  # the browser itself writes it into the console
    page = new_page("#/metrics?within=7d")
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator(".totals")).to_be_visible()
    intercept(page, "**/api/metrics*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        day.run.trace("newer")
        day.run.save()
    settled(page)
    expect(page.locator(".totals")).to_be_visible()
    page.get_by_label("Group by").select_option("tool")
    expect(page.locator(".problem")).to_be_visible()


def test_what_arrives_does_not_push_away_what_is_looked_at(site: Site, new_page: Open):
    for number in range(150):
        site.run.trace(f"bot-{number:03}")
    site.run.save()
    page = new_page()
    expect(rows(page).first).to_contain_text("bot-149")
    page.locator(".scroller").evaluate("scroller => { scroller.scrollTop = 50 * 48; }")
    looked_at = f'.rows > .line[data-key="{site.run.store.traces(Filter(agent="bot-099"))[0].id}"]'
    before = box(page, looked_at)
    site.run.trace("newcomer")
    site.run.save()
    expect(page.locator(".rows")).to_have_attribute("style", re.compile("height: 4848px"))
    assert box(page, looked_at) == before
    page.keyboard.press("Home")
    expect(page.locator(".rows > .line", has_text="newcomer")).to_be_visible()


def test_the_list_stays_where_it_is_when_what_stands_above_it_arrives(day: Site, new_page: Open):
    page = new_page()
    late: list[Route] = []
    intercept(page, re.compile(r"/api/(histogram|facets)(\?(?!probe)|$)"), lambda route: late.append(route))
    page.goto("about:blank")
    late.clear()  # what the first page requested meanwhile
    page.goto(f"{day.url}#/")
    expect(rows(page).first).to_be_visible()
    pumped(page, lambda: len(late) == 2)
    before = box(page, "#row-0")
    for route in late:
        route.continue_()
    expect(page.locator(".histogram .sum")).to_contain_text("traces")
    assert box(page, "#row-0") == before


def test_leaving_a_trace_leads_back_to_the_list_as_it_was(day: Site, new_page: Open):
    page = new_page("#/?agent=invoice-reader")
    page.locator(AGENTS).nth(3).click()
    expect(page.get_by_role("treegrid")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".rows > .line[aria-selected=true]")).to_have_id("row-3")
    only(page, AGENTS, ["invoice-reader"])


def test_what_a_page_notes_does_not_call_back_a_user_who_leaves_it(day: Site, new_page: Open):
    trace = day.run.store.traces()[0]
    page = new_page(f"#/trace/{trace.id}")
    expect(page.get_by_role("treegrid")).to_be_visible()
    page.evaluate(
        """async trace => {
      const { go, note } = await import('/route.js');
      go('#/?agent=invoice-reader');
      note(`#/trace/${trace}?operation=1`); // as an answer does that comes before the browser reports the new address
    }""",
        trace.id,
    )
    only(page, AGENTS, ["invoice-reader"])
    expect(page).to_have_url(re.compile("agent=invoice-reader$"))


def test_durations_are_written_as_in_the_terminal(new_page: Open):
    moments = [0, 0.4, 4, 9.94, 9.95, 40, 994.9, 995, 9949, 9950, 94_000, 999_499, 999_500]
    moments += [3.4e6, 59.94e6, 59.95e6, 125e6, 3.78e9]
    script = "async all => { const { duration } = await import('/format.js'); return all.map(duration); }"
    assert new_page().evaluate(script, moments) == [duration(0, round(moment * 1000)) for moment in moments]
