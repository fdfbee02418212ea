"""Every number of the Metrics page leads to the calls behind it, and a comparison says what differs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import sync_api
from tests.browser.look import only, settled, until
from tests.browser.site import Site
from tests.browser.test_sorting import three

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["three"]

expect = sync_api().expect

Open = Callable[..., "Page"]

_AGENTS = ".rows .agent"  # of traces
_TRACES = ".calls .rows .conversation"  # of calls: the agent of the trace of each


def test_rows_of_the_metrics_lead_to_the_calls_behind_them(three: Site, new_page: Open):
    page = new_page("#/metrics?within=all&by=model")
    row = page.locator(".totals tbody tr", has_text="model-0")
    cells = {"calls": "3", "errors": "2", "error rate": "66.7 %", "tokens": "330", "cost": "$0.09"}
    for label, text in cells.items():
        expect(row.locator(f'td[data-label="{label}"]')).to_have_text(text)
    for label in cells:
        row.locator(f'td[data-label="{label}"] a').click()
        only(page, _TRACES, ["bravo"])
        expect(page.locator(".calls .rows > .line")).to_have_count(2 if label.startswith("error") else 3)
        page.go_back()
        expect(row).to_be_visible()
    row.locator(".types a").click()
    only(page, _TRACES, ["bravo"])
    expect(page.locator(".calls .rows > .line")).to_have_count(2)


def test_the_metrics_are_sorted_and_grouped_by_everything(three: Site, new_page: Open):
    page = new_page("#/metrics?within=all&by=model")
    names = page.locator(".totals tbody .group-name")
    cost = page.get_by_role("columnheader", name="cost")
    cost.get_by_role("button").click()
    expect(cost).to_have_attribute("aria-sort", "descending")
    expect(names).to_have_text(["model-0", "model-1", "model-2"])
    cost.get_by_role("button").click()
    expect(cost).to_have_attribute("aria-sort", "ascending")
    expect(names).to_have_text(["model-2", "model-1", "model-0"])
    for by, first in {"user": "user-", "conversation": "talk-", "version": "v", "metadata:channel": ""}.items():
        page.get_by_label("Group by").select_option(by)
        expect(names).to_have_count(3)
        expect(names.first).to_contain_text(first)
        expect(page).to_have_url(re.compile("by=" + by.replace(":", "(:|%3A)")))
    page.get_by_label("Group by").select_option("day")
    expect(names).to_have_count(1)
    total = page.locator(".totals tfoot")
    expect(total.locator('td[data-label="calls"]')).to_have_text("3")
    page.locator(".types-table").get_by_role("link", name="BravoError").click()
    only(page, _TRACES, ["bravo"])


@pytest.mark.parametrize("how", ["pointer", "keyboard"])
def test_a_bar_leads_to_the_calls_behind_it(how: str, three: Site, new_page: Open):
    page = new_page("#/metrics?within=all&by=model")
    plot = page.locator(".plot", has_text="Calls").locator(".picture")
    expect(page.locator(".plot", has_text="Calls").locator("rect")).to_have_count(3)
    settled(page)
    if how == "keyboard":
        plot.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        expect(plot).to_have_attribute("aria-valuetext", re.compile("model-0 3"))
        page.keyboard.press("Enter")
    else:
        bar = page.locator(".plot", has_text="Calls").locator("rect").first.bounding_box()
        assert bar is not None
        page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    only(page, _TRACES, ["bravo"])
    expect(page).to_have_url(re.compile("#/calls.*called_since=.*called_until="))


@pytest.mark.parametrize("width", [360, 1280])
def test_calls_are_narrowed_by_several_filters(width: int, three: Site, new_page: Open):
    page = new_page("#/calls", width=width)
    rows = page.locator(".calls .rows > .line")
    expect(rows).to_have_count(9)
    page.get_by_label("failed").select_option("1")
    expect(rows).to_have_count(3)
    page.get_by_label("kind").select_option("llm")
    page.locator(".more > summary").click()
    page.get_by_label("model", exact=True).fill("model-0")
    expect(rows).to_have_count(2)
    only(page, _TRACES, ["bravo"])
    expect(page).to_have_url(re.compile("failed=1.*model=model-0|model=model-0.*failed=1"))
    page.get_by_label("model", exact=True).blur()
    page.locator(".calls .scroller, .table").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator(".more[open]")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("answer")
    expect(page).to_have_url(re.compile("name=answer"))
    expect(rows).to_have_count(2)
    page.get_by_label("agent", exact=True).fill("charlie")
    expect(page.locator(".empty")).to_have_text("No call matches.")
    page.get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(9)
    agents = page.locator(".rows .user").all_inner_texts()
    page.get_by_label("agent", exact=True).fill(agents[0])
    expect(rows).to_have_count(agents.count(agents[0]))
    only(page, ".rows .user", [agents[0]])
    page.get_by_role("link", name="Their traces").click()
    expect(page.locator(".chips")).to_contain_text(f"called by: {agents[0]}")


def test_the_agent_of_calls_is_distinguished_from_that_of_their_traces(three: Site, new_page: Open):
    page = new_page("#/calls?agent=bravo")
    expect(page.locator(".chips")).to_contain_text("in traces with agent: bravo")
    expect(page.get_by_label("agent", exact=True)).to_have_value("")
    only(page, _TRACES, ["bravo"])


def test_figures_of_tokens_are_left_out_where_no_group_has_any(site: Site, new_page: Open):
    root = site.run.trace(ended=False)
    call = site.run.recorder.start(root, "llm", "chat", b"{}")
    site.run.recorder.add(call, usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    site.run.recorder.succeed(call, b"{}")
    site.run.recorder.succeed(site.run.recorder.start(root, "tool", "search", b"{}"), b"{}")
    site.run.recorder.succeed(root, b"{}")
    site.run.save()
    page = new_page("#/metrics?within=all&by=tool")
    plots, heads = page.locator(".plot:visible figcaption"), page.locator(".totals thead th")
    expect(plots).to_have_text(["Calls", "Errors", "Duration, p95"])
    expect(heads).to_have_text(["tool", "calls▼", "errors", "error rate", "p50", "p95", "p99", "error types"])
    expect(page.locator(".totals tfoot td")).to_have_count(7)
    page.get_by_label("Group by").select_option("user")
    expect(page.locator(".metrics-body")).to_contain_text("Nothing")
    page.get_by_label("Group by").select_option("day")
    expect(plots).to_have_text(["Calls", "Errors", "Duration, p95", "Tokens", "Cost"])
    expect(heads).to_have_count(13)
    expect(page.locator('.totals tbody td[data-label="tokens"]')).to_have_text("5")


def test_a_filter_of_the_metrics_stays_beside_that_of_a_figure(three: Site, new_page: Open):
    page = new_page("#/metrics?within=all&by=model&failed=1")
    expect(page.locator(".totals tbody .group-name")).to_have_text(["model-0", "model-2"])
    page.locator(".totals tbody tr", has_text="model-0").locator('td[data-label="calls"] a').click()
    expect(page.locator(".calls .rows > .line")).to_have_count(3)
    expect(page.locator(".chips")).to_contain_text("in traces with failed")
    page.get_by_role("link", name="Their traces").click()
    only(page, _AGENTS, ["bravo"])


def test_calls_are_sorted_by_every_column_and_lead_to_their_operation(three: Site, new_page: Open):
    page = new_page("#/calls?counted=1")
    traces = page.locator(_TRACES)
    expect(traces).to_have_count(9)
    for title in (
        "Status",
        "Call",
        "Agent",
        "Model",
        "Started",
        "Trace",
        "Duration",
        "Tokens",
        "Cached",
        "Cost",
        "Error",
    ):
        page.locator(".heading").get_by_role("button", name=re.compile(f"^{title}")).click()
        expect(page.locator(".heading [aria-sort]")).to_contain_text(title)
        expect(traces).to_have_count(9)
    page.locator(".heading").get_by_role("button", name="Cost").click()
    dearest = page.locator(".calls .rows > .line").first
    name = dearest.locator(".who .agent").text_content()
    dearest.locator(".took").click()
    expect(page).to_have_url(re.compile("#/trace/.*operation="))
    expect(page.locator(".tree .line[aria-selected=true] .name")).to_have_text(name or "")
    page.go_back()
    expect(traces).to_have_count(9)


@pytest.mark.parametrize(("width", "scale"), [(360, 1), (640, 2), (1280, 1), (1600, 1)])
@pytest.mark.parametrize("address", ["#/", "#/calls?counted=1", "#/conversations"])
def test_no_column_of_a_list_is_lost_at_any_width(address: str, width: int, scale: int, three: Site, new_page: Open):
    """What a row holds stands inside it, and nothing stands on anything else."""
    page = new_page(address, width=width, height=700, device_scale_factor=scale)
    expect(page.locator(".rows > .line").first).to_be_visible()
    assert until(page, _APART) == "apart"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


_APART = """() => {
  for (const row of document.querySelectorAll(".rows > .line, .heading:not([style])")) {
    const [whole, cells] = [row.getBoundingClientRect(), [...row.children].filter(one => one.textContent.trim())];
    if (!whole.height) continue;
    const boxes = cells.map(one => [one, one.getBoundingClientRect()]);
    for (const [one, box] of boxes) {
      if (row.matches(".rows > *") && (!box.width || !box.height)) return `${one.className} is not shown`;
      if (box.bottom > whole.bottom + 1 || box.right > whole.right + 1) return `${one.className} is outside`;
      for (const [other, its] of boxes) {
        const [wide, high] = [Math.min(box.right, its.right) - Math.max(box.left, its.left),
                              Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top)];
        if (one !== other && wide > 1 && high > 2) return `${one.className} on ${other.className}`;
      }
    }
  }
  return "apart";
}"""


@pytest.mark.parametrize(("width", "height", "scale"), [(360, 720, 1), (640, 360, 2)])
def test_the_metrics_are_legible_on_small_screens(width: int, height: int, scale: int, three: Site, new_page: Open):
    page = new_page("#/metrics?within=all&by=model", width=width, height=height, device_scale_factor=scale)
    expect(page.locator(".totals")).to_be_visible()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("main *")].filter(one => one.firstChild?.nodeType === 3)
             .map(one => parseFloat(getComputedStyle(one).fontSize)))"""
    )
    assert small >= 9
    cells = "[...document.querySelectorAll('.totals td, .totals th')]"
    right = page.evaluate(f"Math.max(...{cells}.map(one => one.getBoundingClientRect().right))")
    assert right <= width
    drawn = page.evaluate(
        "[...document.querySelectorAll('.plot .axis')].map(one => one.getBoundingClientRect().height)"
    )
    assert min(drawn) >= 9, "the axis is not drawn in small"


def test_a_comparison_lists_the_facts_that_differ(three: Site, new_page: Open):
    ids = {trace.agent_id: trace.id for trace in three.run.store.traces()}
    page = new_page(f"#/compare/{ids['bravo']}/{ids['charlie']}")
    facts = page.locator(".differing-facts")
    for text in ("version", "v0", "v2", "model-0", "tokens", "+600", "cost", "\N{MINUS SIGN}$0.06"):
        expect(facts).to_contain_text(text)
    page.get_by_role("button", name="Swap").click()
    expect(facts).to_contain_text("\N{MINUS SIGN}600")


def test_both_sides_of_a_comparison_open_and_scroll_together(site: Site, new_page: Open):
    deep = b'{"question": "%s", "deep": {"deep": {"deep": {"bottom": 1, "lines": [%s]}}}}'
    for text in (b"one", b"two"):
        site.run.trace("desk", input=deep % (text, b",".join(b"%d" % number for number in range(60))))
    site.run.save()
    one, other = (trace.id for trace in site.run.store.traces())
    page = new_page(f"#/compare/{other}/{one}")
    halves = [page.locator(f'.half[data-side="{side}"]') for side in (0, 1)]
    folds = [half.locator(".branch:not([open])") for half in halves]
    expect(folds[0]).to_have_count(1)
    folds[0].locator("summary").first.click()
    expect(halves[1].locator(".branch[open]")).to_have_count(3)
    expect(halves[0].locator(".branch[open]")).to_have_count(3)
    halves[1].locator(".section > summary", has_text="Input").click()
    expect(halves[0].locator(".section:not([open])")).to_have_count(1)
    halves[1].locator(".section > summary", has_text="Input").click()
    until(
        page,
        """() => {
          const tops = [...document.querySelectorAll(".half .section")].map(one => one.getBoundingClientRect().top);
          return new Set(tops).size === 2;
        }""",
    )
    page.locator(".sides.details").evaluate("sides => { sides.scrollTop = 120; }")
    after = page.evaluate(
        "[...document.querySelectorAll('.half .section')].map(one => one.getBoundingClientRect().top)"
    )
    assert after[0] == after[1], "what belongs together stays side by side"


def test_a_trace_is_compared_with_any_other_one_and_with_the_last_success(day: Site, new_page: Open):
    traces = [trace for trace in day.run.store.traces(limit=500) if trace.agent_id == "support-desk"]
    broken = next(trace for trace in traces if trace.errors)
    page = new_page(f"#/trace/{broken.id}")
    page.get_by_role("button", name="Last success").click()
    expect(page).to_have_url(re.compile(f"compare/.*/{broken.id}"))
    first = page.url.split("/")[-2]
    assert not next(trace for trace in traces if trace.id == first).errors
    page.go_back()
    expect(page.locator(".details h2")).to_be_visible()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".option").first).to_be_visible()
    wanted = next(trace for trace in day.run.store.traces(limit=500) if trace.agent_id == "research-team")
    dialog.get_by_role("searchbox").fill(wanted.id)
    expect(dialog.locator(".option")).to_have_count(1)
    dialog.locator(".option").click()
    expect(page).to_have_url(re.compile(f"compare/{wanted.id}/{broken.id}"))
    page.get_by_role("button", name="Another trace for A").click()
    dialog.locator(".option").first.click()
    expect(page).to_have_url(re.compile(f"compare/(?!{wanted.id}).*/{broken.id}"))


def test_each_step_is_compared_with_its_usual_duration(day: Site, new_page: Open):
    broken = next(
        trace for trace in day.run.store.traces(limit=500) if trace.agent_id == "support-desk" and trace.errors
    )
    page = new_page(f"#/trace/{broken.id}")
    page.keyboard.press("u")
    row = page.locator(".rows > .line", has=page.locator(".name", has_text="carrier_status"))
    expect(row.locator(".delta")).to_have_class(re.compile("longer"))
    expect(page.locator(".rows .delta").nth(3)).to_be_visible()
    row.click()
    expect(page.locator(".details .facts:not(.usage)")).to_contain_text("usually")
    page.keyboard.press("u")
    expect(page.locator(".rows .delta")).to_have_count(0)
