"""One trace in a browser: the tree on its time line, what is selected, zoom, ten thousand rows; two traces; a talk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import SLOW, sync_api
from tests.browser.conftest import Witness
from tests.browser.look import box, until
from tests.browser.play import MS, Step, hand_clock
from tests.browser.site import Site
from tests.helpers.pace import hold
from voltagent.core import clock
from voltagent.core.span import Span
from voltagent.core.trace_ids import context_of
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

expect = sync_api().expect

Open = Callable[..., "Page"]

_MS = 1_000_000
_BEGIN = 1_900_000_000_000_000_000


def recorded(site: Site, steps: list[Step], took: float, agent_id: str = "desk", **more: object) -> str:
    """The id of a trace whose operations start and take what the steps say (ms)."""
    with hand_clock() as hands:
        hands[0] = _BEGIN
        root = site.run.trace(agent_id, ended=False, **more)
        _under(site, hands, root, _BEGIN, steps)
        hands[0] = _BEGIN + int(took * _MS)
        site.run.recorder.end(root, "completed")
    site.run.save()
    return str(site.run.store.traces(Filter(agent=agent_id))[0].id)


def _under(site: Site, hands: list[int], parent: Span, begin: int, steps: list[Step]) -> None:
    for step in steps:
        hands[0] = start = begin + int(step.at * _MS)
        payload = json.dumps(step.input).encode()
        if step.took is None:
            site.run.recorder.point(parent, step.kind, step.name, payload, None)
            continue
        span = site.run.recorder.start(parent, step.kind, step.name, payload)
        _under(site, hands, span, start, step.steps)
        hands[0] = start + int(step.took * _MS)
        error = json.dumps(step.error).encode() if step.error else None
        site.run.recorder.end(span, "error" if error else "completed", error, json.dumps(step.output).encode())


def names(page: Page) -> Locator:
    return page.locator(".rows .name")


def row(page: Page, name: str) -> Locator:
    return page.locator(".rows > .line", has=page.locator(".name").get_by_text(name, exact=True))


def test_traces_that_it_started_stand_where_it_started_them(site: Site, new_page: Open):
    recorder = site.run.recorder
    root = site.run.trace("caller", ended=False)
    ask = recorder.start(root, "tool", "ask", b"{}")
    called = recorder.start_trace("service", b'{"question":"Where is it?"}', remote=context_of(ask))
    recorder.succeed(ask, b"{}")
    recorder.succeed(recorder.start(root, "tool", "after", b"{}"), b"{}")
    recorder.succeed(root, b"{}")
    site.run.save()
    page = new_page(f"#/trace/{clock.id_text(root.id)}", width=1600)
    expect(names(page)).to_have_text(["caller", "ask", "service", "after"])
    heads = ["name", "calls", "failed", "total", "mean", "longest"]  # no tokens, no cost
    expect(page.locator(".by-name thead th")).to_have_text(heads)
    service = row(page, "service")
    expect(service).to_have_class(re.compile(r"\brunning\b"))
    expect(service).to_have_attribute("aria-level", "3")
    recorder.end(called, "error", b'{"message":"out of order"}')
    site.run.save()
    expect(service).to_have_class(re.compile(r"\berror\b"))  # by its own news, as nothing else changed
    service.locator(".name").click()
    details = page.locator(".details")
    expect(details).to_contain_text("Where is it?")
    expect(details).to_contain_text("out of order")
    expect(page.locator(".by-name")).to_have_count(0)
    expect(details.locator("header + p")).to_have_text("Open this trace")
    details.get_by_text("Open this trace").click()
    expect(page.locator("h1")).to_have_text("service")
    expect(names(page)).to_have_text(["service"])
    page.locator(".details").get_by_text(clock.id_text(root.id)).click()
    expect(names(page)).to_have_text(["caller", "ask", "service", "after"])
    service.get_by_text("open").click()
    expect(page.locator("h1")).to_have_text("service")


PARALLEL = [
    Step("agent", "planner", 0, 100),
    Step("agent", "gatherer", 100, 600, steps=[Step("tool", "fast", 10, 100), Step("tool", "slow", 20, 500)]),
    Step("memory", "notes", 700, 200),
    Step("custom", "moment", 950, None),
]


def test_bars_are_to_scale_and_the_critical_path_is_marked(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, PARALLEL, 1000)}", width=1600)
    expect(names(page)).to_have_text(["desk", "planner", "gatherer", "fast", "slow", "notes", "moment"])
    place = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".rows > .line")].map(row => {
          const [left, width] = [part => parseFloat(part.style.left), part => parseFloat(part.style.width)];
          const bar = row.querySelector(".bar");
          const path = [...row.querySelectorAll(".on-path")].map(part => [left(part), width(part)]).reverse();
          return [row.querySelector(".name").textContent, [left(bar), width(bar), path]];
        }))"""
    )
    near = pytest.approx
    assert place["desk"] == [0, 100, [near([90, 10])]]
    assert place["planner"] == [0, near(10), [near([0, 10])]]
    assert place["gatherer"] == [near(10), near(60), [near([10, 2]), near([62, 8])]]
    assert place["slow"] == [near(12), near(50), [near([12, 50])]]
    assert place["fast"] == [near(11), near(10), []], "it ran beside what was waited for"
    assert place["notes"] == [near(70), near(20), [near([70, 20])]]
    expect(page.locator(".heading .tick")).to_have_text(["0", "200 ms", "400 ms", "600 ms", "800 ms"])
    marks = page.locator(".rows .mark")
    for place, (kind, sort) in {1: ("agent", "agent"), 3: ("tool", "tool"), 6: ("custom", "other")}.items():
        expect(marks.nth(place)).to_have_attribute("title", kind)
        expect(marks.nth(place)).to_have_class(f"mark kind-{sort}")


def test_the_tree_is_walked_with_the_keyboard_like_a_tree_grid(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, PARALLEL, 1000)}")
    tree = page.get_by_role("treegrid")
    expect(tree).to_be_focused()
    selected = page.locator(".rows [aria-selected=true] .name")
    walk = "j planner, ArrowDown gatherer, ArrowRight fast, ArrowLeft gatherer, End moment, Home desk"
    for key, name in (step.split() for step in f"{walk}, p planner, p gatherer, p slow".split(", ")):
        page.keyboard.press(key)
        expect(selected).to_have_text(name)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(row(page, "gatherer")).to_have_attribute("aria-expanded", "false")
    expect(row(page, "gatherer")).to_contain_text("+2")
    expect(row(page, "slow")).to_have_count(0)
    facts = {"level": "2", "setsize": "4", "posinset": "2", "rowindex": "4"}
    for name, value in facts.items():
        expect(row(page, "gatherer")).to_have_attribute(f"aria-{name}", value)
    expect(tree).to_have_attribute("aria-rowcount", "6")
    expect(row(page, "gatherer")).to_have_id("node-2")
    expect(tree).to_have_attribute("aria-activedescendant", "node-2")
    row(page, "gatherer").locator(".toggle").click()
    expect(row(page, "slow")).to_be_visible()
    page.get_by_role("button", name="Collapse").click()
    expect(names(page)).to_have_text(["desk", "planner", "gatherer", "notes", "moment"])


def test_what_is_selected_is_shown_whole_and_can_be_copied(day: Site, new_page: Open):
    broken = next(
        trace for trace in day.run.store.traces(limit=200) if trace.agent_id == "support-desk" and trace.errors
    )
    page = new_page(f"#/trace/{broken.id}", permissions=["clipboard-read", "clipboard-write"])
    details = page.get_by_label("Details", exact=True)
    expect(details.locator("h2")).to_have_text("support-desk")
    expect(details).to_contain_text("environment")
    page.keyboard.press("e")
    expect(details.locator("h2")).to_have_text("carrier_status")
    expect(page).to_have_url(re.compile("operation="))
    error = details.locator(".failure").first
    expect(error).to_contain_text("CarrierTimeoutError: carrier did not answer within 2.0 s")
    expect(error).to_contain_text("Traceback (most recent call last)")
    expect(error.locator(".failure")).to_contain_text("ConnectionResetError")
    expect(details).to_contain_text(re.compile(r"duration\s*2\.0 s"))
    sections = details.locator(".section")
    sections.filter(has_text="Input").get_by_role("button", name="Copy").click()
    expect(page.locator("#message")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied == {"parcel": "JD0146000312", "carrier": "dhl"}
    page.reload()
    expect(details.locator("h2")).to_have_text("carrier_status")

    row(page, "writer").click()
    expect(details).to_contain_text("Say nothing that the facts do not say.")
    expect(details.locator(".usage")).to_contain_text("completion")


def test_values_are_folded_and_long_ones_are_cut(site: Site, new_page: Open):
    deep = {"level": {"level": {"level": {"bottom": "found"}}}}
    output = {
        "deep": deep,
        "list": list(range(250)),
        "text": "x" * 5000,
        "whole": 2**60 + 1,
        "none": None,
        "flag": True,
    }
    steps = [Step("tool", "big", 0, 1, {"lines": "\n".join(map(str, range(100)))}, output)]
    id = recorded(site, steps, 2, input=b'{"exact": 1152921504606846979}')
    page = new_page(f"#/trace/{id}", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".section", has_text="Input")).to_contain_text("exact1152921504606846979")
    row(page, "big").click()
    section = page.locator(".section", has_text="Output")
    expect(section).to_contain_text("whole1152921504606846977")
    expect(section.get_by_text("found")).to_be_hidden()
    levels = section.locator("summary > .key").get_by_text("level", exact=True)
    for opened in (1, 2):
        expect(levels).to_have_count(opened)  # what is inside is made when it is opened
        levels.last.click()
    expect(section.get_by_text("found")).to_be_visible()

    listed = section.locator("details", has=page.locator("summary", has_text="list")).last
    listed.locator("summary").click()
    expect(listed.locator(".entry")).to_have_count(100)
    listed.get_by_role("button", name=re.compile("100 more")).click()
    listed.get_by_role("button", name=re.compile("50 more")).click()
    expect(listed.locator(".entry")).to_have_count(250)

    text = section.locator(".string").filter(has_text="xxx")
    expect(text).to_have_text("x" * 600)
    section.get_by_role("button", name="show all 5\u202f000 characters").click()
    expect(text).to_have_text("x" * 5000)
    given = page.locator(".section", has_text="Input").locator(".string")
    expect(given).to_have_text(re.compile("^" + "\n".join(map(str, range(15))) + "$"))
    section.get_by_role("button", name="Copy").click()
    expect(page.locator("#message")).to_have_text("Copied")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == output


def test_a_search_in_the_trace_marks_and_walks(day: Site, new_page: Open):
    trace = next(one for one in day.run.store.traces(limit=200) if one.agent_id == "research-team")
    page = new_page(f"#/trace/{trace.id}")
    expect(page.locator(".rows > .line").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("reader-")
    expect(page.locator(".tools [role=status]")).to_have_text(re.compile(r"\d match(es)?"))
    page.keyboard.press("Enter")
    expect(page.locator(".rows [aria-selected=true] .name")).to_have_text("reader-1")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator(".tools [role=status]")).to_have_text("")
    expect(page.locator(".rows .unfound")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("find"))


def test_a_part_of_the_time_can_be_zoomed_and_sent(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, PARALLEL, 1000)}")
    row(page, "slow").click()
    page.keyboard.press("z")
    bar = row(page, "slow").locator(".bar")
    expect(bar).to_have_attribute("style", re.compile(r"left: 0%; width: 100%"))
    expect(page).to_have_url(re.compile("zoom=120000-620000"))
    page.reload()
    expect(bar).to_have_attribute("style", re.compile(r"left: 0%; width: 100%"))
    page.get_by_role("button", name="All of the time").click()
    expect(bar).to_have_attribute("style", re.compile(r"left: 12%; width: 50%"))

    small = box(page, ".minimap")
    page.mouse.move(small["x"] + small["width"] * 0.7, small["y"] + 20)
    page.mouse.down()
    page.mouse.move(small["x"] + small["width"] * 0.9, small["y"] + 20)
    page.mouse.up()
    expect(bar).to_be_hidden()
    expect(page).to_have_url(re.compile(r"zoom=(69|70)\d{4}-(89|90)\d{4}"))


def test_on_a_narrow_screen_the_details_are_a_sheet(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, PARALLEL, 1000)}", width=360, height=700)
    details = page.get_by_label("Details", exact=True)
    expect(details).to_be_hidden()
    row(page, "slow").click()
    expect(details).to_be_visible()
    expect(page.get_by_role("treegrid")).to_be_hidden()
    page.get_by_role("button", name="Tree").click()
    expect(page.get_by_role("treegrid")).to_be_visible()


def test_ten_thousand_operations_scroll_with_few_rows_in_the_document(site: Site, new_page: Open, record_property):
    root = site.run.trace("huge", ended=False)
    parent = root
    for number in range(10_000):
        if number % 100 == 0:
            if parent is not root:
                site.run.recorder.end(parent, "completed")
            parent = site.run.recorder.start(root, "agent", f"group-{number}", b"{}")
            continue
        span = site.run.recorder.start(parent, "tool", f"tool-{number}", b"{}")
        site.run.recorder.end(span, "error" if number == 7777 else "completed")
    site.run.recorder.end(root, "completed")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    expect(row(page, "group-0")).to_be_visible()
    count = "document.querySelectorAll('.rows > .line').length"
    assert page.evaluate(count) < 60
    assert page.evaluate("document.querySelectorAll('*').length") < 1900

    first = worked(page)
    page.evaluate(
        """async () => {
          const scroller = document.querySelector(".scroller");
          for (let step = 1; step <= 40; step += 1) {
            scroller.scrollTop = step * scroller.scrollHeight / 40;
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            if (!document.elementFromPoint(200, 500).closest(".line")) throw new Error("an empty frame");
          }
        }"""
    )
    jump = (worked(page) - first) / 40
    assert page.evaluate(count) < 60
    expect(row(page, "tool-9999")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator(".rows [aria-selected=true] .name")).to_have_text("tool-7777")
    figures = f"work until the first rows are there: {first:.0f} ms; for a jump of 250 rows: {jump:.1f} ms"
    record_property("figures", figures)
    print(figures)
    hold(first / 1000, 3 * SLOW, "the first rows")
    hold(jump / 1000, 0.06 * SLOW, "a jump")


def worked(page: Page) -> float:
    """Milliseconds of work in the page's own thread so far: the same however busy the machine is."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return 1000 * float(next(one["value"] for one in metrics if one["name"] == "ThreadTime"))


# Two traces.


def test_two_traces_are_compared_side_by_side(site: Site, new_page: Open):
    gathered = [PARALLEL[1].steps[1], Step("tool", "extra", 100, 50, error={"message": "no"})]
    slower = [Step("agent", "planner", 0, 300), Step("agent", "gatherer", 300, 600, steps=gathered)]
    slower.append(Step("memory", "notes", 900, 200))
    one, other = recorded(site, PARALLEL, 1000, "one"), recorded(site, slower, 1200, "two")
    page = new_page(f"#/compare/{one}/{other}")
    expect(row(page, "planner")).to_be_visible()
    texts = [
        "one 1.0 s 1.2 s +200 ms", "planner 100 ms 300 ms +200 ms", "gatherer 600 ms 600 ms",
        "fast only in A 100 ms \u2013",
        "slow 500 ms 500 ms", "extra only in B \u2013 50 ms", "notes 200 ms 200 ms", "moment only in A \u2013",
    ]  # fmt: skip
    expect(page.locator(".rows > .line")).to_have_text(texts, use_inner_text=True)
    row(page, "planner").click()
    expect(page.locator(".half h2")).to_have_text(["planner", "planner"])
    expect(page.locator(".half").first).to_contain_text("same input and output")
    expect(page.locator(".half .unlike")).to_have_count(0)
    for name in ("fast", "extra", "moment", "fast"):  # more or less time is no change
        page.keyboard.press("d")
        expect(page.locator(".rows [aria-selected=true] .name")).to_have_text(name)
        expect(page.locator(".half", has_text="It is not in this trace.")).to_have_count(1)


def test_a_comparison_leaves_out_what_a_trace_started(site: Site, new_page: Open):
    recorder, ids = site.run.recorder, list[str]()
    for question in (b'{"question":"one"}', b'{"question":"two"}'):
        root = site.run.trace("caller", ended=False)
        ask = recorder.start(root, "tool", "ask", b"{}")
        recorder.succeed(recorder.start_trace("service", question, remote=context_of(ask)), b"{}")
        recorder.succeed(ask, b"{}")
        recorder.succeed(root, b"{}")
        ids.append(clock.id_text(root.id))
    site.run.save()
    page = new_page(f"#/compare/{'/'.join(ids)}")
    expect(names(page)).to_have_text(["caller", "ask"])  # nothing is known here of what the service did


def test_a_comparison_marks_the_parts_of_values_that_differ(site: Site, new_page: Open):
    same, lists = {"k": 3, "deep": {"same": True}}, ([1, 2, 3], [1, 5])
    values = [{**same, "question": text, "list": numbers} for text, numbers in zip(("a", "b"), lists, strict=True)]
    ids = [recorded(site, [Step("tool", "t", 0, 1, value, "out")], 2, f"agent-{value['question']}") for value in values]
    page = new_page(f"#/compare/{'/'.join(ids)}?row=1")
    expect(page.locator(".half").first).to_contain_text("input differs")
    expect(page.locator(".half .entry.unlike")).to_have_text(["questiona", "12", "23", "questionb", "15"])


def test_two_marked_traces_are_compared_from_the_list(day: Site, new_page: Open):
    page = new_page("#/?agent=support-desk")
    expect(page.locator(".rows > .line").first).to_be_visible()
    for key in ("j", "x", "j", "x", "c"):
        page.keyboard.press(key)
    expect(page.locator(".heads h2")).to_have_count(2)
    expect(page).to_have_url(re.compile("#/compare/"))
    page.go_back()
    for place in (0, 1):
        page.locator(".rows .pick input").nth(place).click()
        expect(page.locator(".rows .pick input").nth(place)).to_be_checked()
    page.keyboard.press("c")  # a box that was clicked takes no key away
    expect(page.locator(".heads h2")).to_have_count(2)
    page.go_back()
    page.locator(".rows .agent").first.click()
    page.get_by_role("button", name="Run before").click()
    expect(page.locator(".heads h2")).to_have_count(2)


def test_a_conversation_is_read_turn_by_turn(day: Site, new_page: Open):
    trace = next(one for one in day.run.store.traces(limit=200) if one.conversation_id)
    page = new_page(f"#/trace/{trace.id}")
    page.locator(".trace-head a", has_text="conversation").click()
    turns = page.locator(".turn")
    spoken = day.run.store.traces(Filter(conversation=trace.conversation_id), limit=200)
    assert len(spoken) > 1
    begun = [datetime.fromtimestamp(one.start_ns // _MS / 1000, timezone.utc) for one in reversed(spoken)]
    moments = [f"{moment:%Y-%m-%d %H:%M:%S}.{round(moment.microsecond / 1000):03} +00:00" for moment in begun]
    expect(turns.locator(".headline > .dim:nth-child(3)")).to_have_text(moments)
    expect(turns.last.locator(".payload.in")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("treegrid")).to_be_visible()


def test_an_id_that_is_missing_has_a_message(site: Site, witness: Witness, new_page: Open):
    witness.expected.append("404")  # the browser itself writes it into the console
    page = new_page("#/trace/nowhere")
    expect(page.locator(".problem")).to_have_text("no trace has this id")


# Metrics.


def test_the_metrics_are_plotted_and_listed(day: Site, new_page: Open):
    page = new_page("#/metrics?within=7d", now=clock.nanoseconds() / 1e9)
    expect(page.locator(".plot svg")).to_have_count(5)
    planned = sum(
        operation.kind == "agent" and operation.name == "planner"
        for trace in day.run.store.traces(limit=1000)
        for operation in day.run.store.operations(trace.id)
    )
    calls = page.locator(".totals tbody tr", has_text="planner").locator("td").first
    expect(calls).to_have_text(str(planned))
    plot = page.locator(".plot", has_text="Calls").locator(".picture")
    plot.focus()
    with hand_clock() as hands:
        hands[0] -= 1000 * MS  # in the last stretch of time that the page shows
        for _ in range(200):
            day.run.recorder.start(day.run.trace("newer", ended=False), "agent", "newcomer", b"{}")
    day.run.save()
    expect(page.locator(".totals tbody tr", has_text="newcomer")).to_be_visible()
    expect(plot).to_be_focused()
    page.keyboard.press("ArrowLeft")
    values = page.locator(".plot", has_text="Calls").locator(".values")
    expect(values).to_be_visible()
    expect(values).to_contain_text("newcomer")
    until(
        page,
        r"""() => {
          const axis = [...document.querySelectorAll(".plot:nth-child(3) .axis")].map(mark => mark.textContent);
          return axis[0] === "0" && axis.every(text => /^([\d.]+ m?s|0|(\d\d-\d\d )?\d\d:\d\d)$/.test(text));
        }""",
    )

    page.mouse.move(0, 0)
    page.locator('.totals [data-key="group planner"] button').click()
    expect(page.locator('.totals [data-key="group planner"] button')).to_have_attribute("aria-pressed", "false")
    expect(page.locator('.totals [data-key="group planner"] button')).to_be_focused()
    page.get_by_label("Group by").select_option("model")
    expect(page.locator(".totals tbody tr", has_text="gpt-4.1-mini")).to_be_visible()
    expect(page).to_have_url(re.compile("by=model"))
    page.keyboard.press("t")
    expect(page.locator(".totals tbody tr", has_text="carrier_status").locator(".errors a").first).to_be_visible()
    page.go_back()
    expect(page.locator(".totals tbody tr", has_text="gpt-4.1-mini")).to_be_visible()
