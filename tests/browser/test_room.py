"""What is very long or very deep, in a browser: the rest of the page keeps its width."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.look import box, until
from tests.browser.play import MS, hand_clock
from tests.browser.site import Site
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]

_LONG = "on and on " * 60


_WHOLE = """selector => {
  const all = [...document.querySelectorAll(selector)];
  return all.length > 0 && all.every(one => one.clientWidth > 0 && one.scrollWidth <= one.clientWidth);
}"""


@pytest.mark.parametrize("width", [1280, 390, 360])
def test_all_that_differs_between_two_traces_fits_the_page(site: Site, new_page: Open, width: int):
    ids = []
    for name, place in (("one", "Rome"), ("two", "Oslo")):
        question = f"What is the weather in {place}, and what should be worn there? https://example.org/{place * 30}"
        root = site.run.trace(f"weather-{name}", ended=False, input=json.dumps({"question": question}).encode())
        call = site.run.recorder.start(root, "llm", "call", b"{}")
        call.model = f"a-model-with-a-long-name-{name * 9}"
        site.run.recorder.add(call, usage={"prompt_tokens": 123_456 if name == "one" else 98_765, "cost": 1.23})
        for span in (call, root):
            site.run.recorder.succeed(span, b"{}")
        site.run.save()
        ids.append(site.run.store.traces(Filter(agent=f"weather-{name}"))[0].id)
    page = new_page(f"#/compare/{'/'.join(ids)}", width=width)
    expect(page.locator(".differing-facts tbody th", has_text="tokens")).to_have_count(1)
    until(page, _WHOLE, ".differing-facts")
    until(page, _WHOLE, ".differing-facts td")
    until(page, _WHOLE, ".differing-facts th")


@pytest.mark.parametrize("screen", [1280, 360])
def test_the_names_of_a_deep_tree_stay_in_view(site: Site, new_page: Open, screen: int):
    parent = site.run.trace("deep", ended=False)
    for level in range(60):
        parent = site.run.recorder.start(parent, "agent", f"level-{level}", b"{}")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}", width=screen)
    expect(page.locator(".rows .name").first).to_be_visible()
    page.keyboard.press("End")
    last = page.locator(".rows .what", has_text="level-59")
    expect(last.locator(".name")).to_be_in_viewport(ratio=1)
    over = page.evaluate(
        """() => [...document.querySelectorAll(".rows .what")].map(
          what => what.querySelector(".name").getBoundingClientRect().right - what.getBoundingClientRect().right)"""
    )
    assert max(over) <= 0


def test_long_names_and_tags_leave_width_for_the_rest(site: Site, new_page: Open):
    span = site.run.trace(_LONG, ended=False, tags=("t" * 300, "short"))
    site.run.recorder.succeed(site.run.recorder.start(span, "agent", _LONG, b"{}"), b"{}")
    site.run.recorder.succeed(span, b"{}")
    tagged = site.run.trace("desk", ended=False, input=b'{"question":"where is it?"}', tags=("t" * 300,))
    site.run.recorder.succeed(tagged, b"{}")
    site.run.save()
    page = new_page()
    desk = f'.rows > .line[data-key="{site.run.store.traces(Filter(agent="desk"))[0].id}"]'
    assert box(page, f"{desk} .tag")["width"] < 200
    until(page, _WHOLE, f"{desk} .input-start")  # all of it can be read
    page.locator(".rows .agent", has_text="on and on").click()
    expect(page.get_by_role("treegrid")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(".details h2")).to_have_text(_LONG.strip())
    for heading in (".trace-head h1", ".details h2"):
        assert box(page, heading)["height"] < 60, "two lines"
    page.get_by_role("link", name="Metrics").click()
    expect(page.locator(".totals tbody tr")).to_have_count(1)
    assert box(page, ".totals .group-name")["width"] < 330
    assert box(page, ".key-line button")["width"] < 330


def test_labels_of_the_time_axis_are_whole_or_absent(site: Site, new_page: Open):
    parent = site.run.trace("short", ended=False)
    site.run.recorder.succeed(site.run.recorder.start(parent, "tool", "t", b"{}"), b"{}")
    site.run.recorder.succeed(parent, b"{}")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    expect(page.locator(".heading .tick").first).to_have_text("0")
    for wide in (1280, 1130, 1000, 900, 800):
        page.set_viewport_size({"width": wide, "height": 700})
        until(page, "wide => innerWidth === wide", wide)
        page.get_by_role("button", name="Expand").click()  # draws the axis anew
        until(
            page,
            """() => { const end = document.querySelector(".heading .time").getBoundingClientRect().right + 12;
            const ticks = [...document.querySelectorAll(".heading .tick")];
            return ticks.length > 1 && ticks.every(tick => {
              const range = document.createRange(); range.selectNodeContents(tick);
              return range.getBoundingClientRect().right <= end; }); }""",
        )


@pytest.mark.parametrize("width", [1280, 1000, 800, 360])
def test_labels_of_the_time_axis_do_not_overlap_and_are_not_cut(site: Site, new_page: Open, width: int):
    for took in (51, 134, 267, 999, 4_400, 61_000):
        with hand_clock() as hands:
            span = site.run.trace(f"took {took}", ended=False)
            hands[0] += took * MS
            site.run.recorder.succeed(span, b"{}")
    site.run.save()
    for trace in site.run.store.traces():
        page = new_page(f"#/trace/{trace.id}", width=width)
        expect(page.locator(".heading .tick").first).to_have_text("0")
        until(
            page,
            """() => {
            const box = node => {
              const range = document.createRange();
              range.selectNodeContents(node);
              return range.getBoundingClientRect();
            };
            const bottom = document.querySelector(".tree .heading").getBoundingClientRect().bottom;
            const labels = [...document.querySelectorAll(".heading .tick")].map(box);
            return labels.every((label, place) => label.bottom <= bottom
              && (place + 1 === labels.length || label.right < labels[place + 1].left)); }""",
        )


def test_names_and_costs_are_whole_where_models_have_long_names(site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False)
    agent = site.run.recorder.start(root, "agent", "Weather agent", b"{}")
    call = site.run.recorder.start(agent, "llm", "chat.completions", b"{}")
    call.model = "gpt-5-mini-2026-01-15-with-a-suffix"
    site.run.recorder.add(call, usage={"prompt_tokens": 1200, "cached_tokens": 1000, "cost": 0.1 * 0.00027})
    for span in (call, agent, root):
        site.run.recorder.succeed(span, b"{}")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    expect(page.locator(".rows .model")).to_have_count(1)
    until(page, _WHOLE, ".rows .name")
    until(
        page,
        "selector => [...document.querySelectorAll(selector)].every(one => one.scrollWidth <= one.clientWidth)",
        ".rows .cost",
    )
    page.locator(".rows .name", has_text="chat.completions").click()
    expect(page.locator(".usage")).to_contain_text("cost$0.000027")
    expect(page.locator(".usage")).not_to_contain_text("$0.00002700")


def test_steps_of_a_large_trace_are_written_in_full(site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False)
    for _ in range(10_001):
        site.run.recorder.succeed(site.run.recorder.start(root, "tool", "step", b"{}"), b"{}")
    site.run.recorder.succeed(root, b"{}")
    site.run.save()
    page = new_page("", width=1280)
    expect(page.locator(".rows .operations")).to_have_text("10\u202f001")
    until(page, _WHOLE, ".rows .operations")


@pytest.mark.parametrize("line", ['  File "/app/step.py", line 7, in step', "x" * 500])
def test_of_a_very_long_stack_the_end_is_shown_at_first(site: Site, new_page: Open, line: str):
    root = site.run.trace(ended=False)
    stack = "\n".join(["Traceback (most recent call last):", *[line] * 300, "ValueError: no"])
    site.run.recorder.end(root, "error", json.dumps({"message": "no", "stack": stack}).encode())
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    shown = page.locator(".stack")
    expect(shown).to_contain_text(re.compile("ValueError: no$"))
    expect(shown).not_to_contain_text("Traceback")
    shown.get_by_role("button").click()
    expect(shown).to_have_text(stack)


def test_a_stack_is_shown_to_its_end_where_it_says_what_failed(site: Site, new_page: Open):
    lines = [f'  File "app.py", line {number}, in step_{number}' for number in range(40)]
    error = {"message": "no", "stack": "\n".join(["Traceback (most recent call last):", *lines, "ValueError: no"])}
    span = site.run.trace("failing", ended=False)
    site.run.recorder.end(span, "error", json.dumps(error).encode())
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    expect(page.locator(".stack")).to_contain_text("ValueError: no")
    expect(page.locator(".stack button")).to_have_count(0)


def test_durations_of_hours_are_written_in_full(site: Site, new_page: Open):
    with hand_clock() as hands:
        span = site.run.trace("patient", ended=False)
        hands[0] += (23 * 60 + 59) * 60 * 10**9
        site.run.recorder.succeed(span, b"{}")
    site.run.save()
    for address in ("", f"#/trace/{site.run.store.traces()[0].id}"):
        page = new_page(address)
        expect(page.locator(".rows .took")).to_have_text("23 h 59 min")
        until(page, _WHOLE, ".rows .took")


def test_the_time_axis_has_steps_of_a_clock(new_page: Open):
    script = """async seconds => { const { ticks } = await import('/timeline.js');
    return ticks({ from: 0, to: seconds * 1e6 }, 0, 1000).map(tick => tick.label).join(", "); }"""
    page = new_page()
    assert page.evaluate(script, 0.05) == "0, 10 ms, 20 ms, 30 ms, 40 ms"
    assert page.evaluate(script, 134) == "0, 30 s, 60 s, 90 s, 120 s"
    assert page.evaluate(script, 1500) == "0, 5 min, 10 min, 15 min, 20 min"
    assert page.evaluate(script, 10_500) == "0, 30 min, 60 min, 90 min, 120 min, 150 min"
    assert page.evaluate(script, 100_000) == "0, 5 h, 10 h, 15 h, 20 h, 25 h"
