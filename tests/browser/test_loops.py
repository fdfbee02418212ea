"""What makes long traces readable: folded loops, previews of inputs, failures that are seen from afar, what changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import sync_api
from tests.browser.play import Step
from tests.browser.site import Site
from tests.browser.test_trace import names, recorded, row
from voltagent.core.span import AGENT, COMPLETED, ERROR
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]


def _pages(count: int, failing: int) -> list[Step]:
    return [
        Step("tool", "fetch_page", 2 * place, 1, {"url": f"https://pages.example/{place}"}, {"text": f"page {place}"},
             error={"message": "gone"} if place < failing else None)
        for place in range(count)
    ]  # fmt: skip


LOOP = [
    Step("agent", "crawler", 0, 250, {"site": "pages.example"}, steps=[*_pages(99, 12), Step("tool", "sum", 220, 5)])
]


def test_equal_siblings_fold_into_one_row_that_opens(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, LOOP, 300)}")
    expect(names(page)).to_have_text(["desk", "crawler", "fetch_page", "sum"])
    group = row(page, "fetch_page")
    expect(group).to_contain_text("fetch_page\u00d7 99,12 failed")
    group.click()
    table = page.locator(".details .by-name")
    expect(table.locator("tbody tr")).to_have_text(["fetch_page991299 ms1.0 ms1.0 ms"])
    page.keyboard.press("ArrowRight")
    expect(names(page).nth(3)).to_have_text("fetch_page")
    page.keyboard.press("ArrowLeft")
    expect(names(page)).to_have_text(["desk", "crawler", "fetch_page", "sum"])
    page.keyboard.press("e")
    expect(page.locator(".details h2")).to_have_text("fetch_page")
    expect(page.locator(".details .failure")).to_contain_text("gone")


def test_four_equal_siblings_stay_as_they_are(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, _pages(4, 0), 300)}")
    expect(names(page)).to_have_text(["desk", *["fetch_page"] * 4])


def test_a_row_shows_how_its_input_begins(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, _pages(2, 0), 300)}")
    previews = ["https://pages.example/0", "https://pages.example/1"]
    expect(page.locator(".rows .input-preview")).to_have_text(previews)


def test_a_model_call_shows_what_the_question_was(site: Site, new_page: Open):
    messages = [
        {"role": "system", "content": "Be brief. " * 40}, {"role": "user", "content": "Where is Rome?"},
        {"role": "assistant", "content": "In Italy."},
        {"role": "user", "content": [{"type": "text", "text": "And **Oslo**?"}]},
    ]  # fmt: skip
    trace = recorded(site, [Step("llm", "call", 0, 1, {"messages": messages}, "x")], 10)
    page = new_page(f"#/trace/{trace}")
    expect(page.locator(".rows .input-preview")).to_have_text("And **Oslo**?")
    page.goto(f"{site.url}#/calls?kind=llm")
    expect(page.locator(".rows .input-start")).to_have_text("And **Oslo**?")


def test_the_trace_has_statistics_by_name(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, LOOP, 300)}")
    expect(page.locator(".details .by-name tbody th")).to_have_text(["crawler", "fetch_page", "sum"])
    expect(page.locator(".details .by-name tbody tr").nth(1)).to_contain_text("9912")


def test_the_statistics_of_a_large_trace_count_what_comes_after_its_first_rows(site: Site, new_page: Open):
    page = new_page(f"#/trace/{recorded(site, _pages(700, 0), 800)}")
    expect(page.locator(".details .by-name tbody tr")).to_contain_text("700")


def test_a_failure_is_seen_on_a_collapsed_parent_and_in_the_list(site: Site, new_page: Open):
    failing = [Step("agent", "outer", 0, 50, steps=[Step("tool", "t", 1, 2, error={"message": "no"})])]
    recorded(site, failing, 300, "with-failures")
    recorded(site, [Step("tool", "t", 0, 1)], 300, "without")
    page = new_page("#/")
    expect(page.locator(".rows .failed-inside")).to_have_count(1)
    page.get_by_label("errors", exact=True).select_option("has errors")
    expect(page.locator(".rows .agent")).to_have_text(["with-failures"])
    page.get_by_label("errors", exact=True).select_option("no errors")
    expect(page.locator(".rows .agent")).to_have_text(["without"])
    page.go_back()
    expect(page.locator(".rows .agent")).to_have_text(["with-failures"])
    page.locator(".rows .agent").click()
    expect(row(page, "outer")).to_be_visible()
    page.get_by_role("button", name="Collapse").click()
    expect(row(page, "outer")).to_contain_text("1 failed")


def test_find_looks_into_inputs_and_outputs(site: Site, new_page: Open):
    steps = [Step("tool", "one", 0, 1, {"q": "Rome"}, "x"), Step("tool", "two", 2, 1, {"q": "y"}, 'in "ROME" 100%')]
    page = new_page(f"#/trace/{recorded(site, [*steps, Step('tool', 'three', 4, 1, {'q': 'z'})], 10)}")
    page.get_by_label("Find in this trace").fill("rome")
    expect(page.locator(".rows .found .name")).to_have_text(["one", "two"])
    page.get_by_label("Find in this trace").fill('"ROME" 100%')
    expect(page.locator(".rows .found .name")).to_have_text(["two"])


def test_a_comparison_marks_rows_whose_contents_changed_and_d_visits_them(site: Site, new_page: Open):
    def steps(prompt: str, answer: str) -> list[Step]:
        return [Step("tool", "same", 0, 1, {"a": 1}, "x"), Step("llm", "call", 2, 1, {"p": prompt}, answer)]

    ids = [recorded(site, steps("be kind", "yes"), 10, "a"), recorded(site, steps("be rude", "no"), 10, "b")]
    page = new_page(f"#/compare/{'/'.join(ids)}")
    expect(page.locator(".rows .changed")).to_have_text(["≠ input, output"])
    page.keyboard.press("d")
    expect(page.locator(".rows [aria-selected=true] .name")).to_have_text("call")


def test_both_sides_say_all_in_which_an_operation_differs(site: Site, new_page: Open):
    ids = []
    for name, model, mood, error in (("a", "m-1", "kind", None), ("b", "m-2", "rude", {"message": "late"})):
        root = site.run.recorder.start_trace(name, b"{}")
        facts = {"instructions": f"You are a {mood} helper, and you answer in at most two sentences."}
        bot = site.run.recorder.start(root, AGENT, "Bot", b"{}", facts=facts)
        bot.model = model
        if error is None:
            site.run.recorder.end(bot, COMPLETED, output=b'"done"')
        else:
            site.run.recorder.end(bot, ERROR, json.dumps(error).encode())
        site.run.recorder.succeed(root, b"{}")
        site.run.save()
        ids.append(site.run.store.traces(Filter(agent=name))[0].id)
    page = new_page(f"#/compare/{'/'.join(ids)}?row=1")
    head = "instructions, model, output, error differ"
    expect(page.locator(".half:has(> .side)")).to_have_text([f"A {head}", f"B {head}"])
    forms = page.locator(".half .reading").first.get_by_role("button")
    expect(page.locator(".half .changed-text")).to_have_text(["kind", "rude"])
    expect(forms.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(forms.nth(0)).to_have_text("Text")
    expect(forms.nth(2)).to_have_attribute("aria-pressed", "false")


def test_the_only_row_that_differs_and_none_at_all_are_shown(site: Site, new_page: Open):
    steps = [[Step("tool", "t", 0, took, {"a": 1}, out)] for took, out in ((1, "x"), (9, "x"), (1, "y"))]
    one, slower, other = (recorded(site, step, 10, f"agent-{place}") for place, step in enumerate(steps))
    page = new_page(f"#/compare/{one}/{slower}")
    expect(page.locator(".half h2")).to_have_count(2)
    page.keyboard.press("d")
    expect(page.locator("#message")).to_have_text("No row differs in anything but its time")
    page.goto(f"{site.url}#/compare/{one}/{other}?row=1")
    expect(page.locator(".rows .changed")).to_have_text(["\u2260 output"])
    page.keyboard.press("d")
    expect(page.locator("#message")).to_have_text("This is the only row that differs")


def test_a_folded_loop_has_its_usual_time(site: Site, new_page: Open):
    def loop(count: int, gap: float) -> list[Step]:
        return [Step("tool", "fetch_page", gap * place, 1, {"n": place}) for place in range(count)]

    for count, gap in ((6, 10), (9, 10), (6, 11)):
        recorded(site, loop(count, gap), 300)
    page = new_page(f"#/trace/{recorded(site, loop(7, 20), 300)}")
    group = row(page, "fetch_page")
    expect(group).to_contain_text("121 ms")
    page.keyboard.press("u")
    expect(group.locator(".delta")).to_have_text("+65 ms")
    expect(group.locator(".delta")).to_have_attribute("title", "usually 56 ms")
    group.click()
    expect(page.locator(".details .facts")).to_contain_text("usually56 ms")


def test_a_trace_is_exported_and_its_link_is_copied(site: Site, new_page: Open, tmp_path: Path):
    trace = recorded(site, [Step("tool", "one", 0, 1, {"q": 2**60}, "x")], 10)
    page = new_page(f"#/trace/{trace}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#message")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"#/trace/{trace}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export", exact=True).click()
    waiting.value.save_as(tmp_path / "saved.json")
    saved = json.loads((tmp_path / "saved.json").read_text("utf-8"))
    assert saved["format"] == "voltagent-trace"
    assert saved["operations"][0]["input"] == {"q": 2**60}
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export page").click()
    assert waiting.value.suggested_filename == f"trace-{trace}.html"
    waiting.value.save_as(tmp_path / "saved.html")
    assert (tmp_path / "saved.html").read_text("utf-8").startswith("<!doctype html>")


def test_texts_are_compared_by_line_and_word(site: Site, new_page: Open):
    page = new_page()
    pieces = page.evaluate(
        """async ([one, other]) => (await import("/diff.js")).differences(one, other)""",
        ["first line\nYou are a kind helper.\nlast", "first line\nYou are a very rude helper.\nlast"],
    )
    assert [piece["text"] for piece in pieces if piece["changed"]] == ["kind"]
    assert "".join(piece["text"] for piece in pieces) == "first line\nYou are a kind helper.\nlast"
    for text in ("", "a", "a\n", "\n\n", "x" * 200_000):
        whole = page.evaluate('async text => (await import("/diff.js")).differences(text, "b\\na")', text)
        assert "".join(piece["text"] for piece in whole) == text


def test_a_changed_system_prompt_is_marked_word_by_word(site: Site, new_page: Open):
    ids = []
    for mood in ("kind", "rude"):
        messages = [{"role": "system", "content": f"You are a {mood} helper."}, {"role": "user", "content": "Hello"}]
        ids.append(recorded(site, [Step("llm", "call", 0, 1, {"messages": messages}, "x")], 10, mood))
    page = new_page(f"#/compare/{'/'.join(ids)}?row=1")
    expect(page.locator(".half .changed-text")).to_have_text(["kind", "rude"])
    expect(page.locator(".half .message.unlike")).to_have_count(2)
    expect(page.locator(".heads .differing")).to_have_text(["input differs in 1 operation"])


def test_a_difference_at_the_end_of_long_facts_is_shown_and_marked(site: Site, new_page: Open):
    ids = []
    for mood in ("kind", "rude"):
        tags = (*(f"tag-{number}" for number in range(30)), f"is-{mood}")
        root = site.run.trace("desk", ended=False, tags=tags)
        facts = {"instructions": "You are a helper of the desk. " * 200 + f"Be {mood}."}
        site.run.recorder.succeed(site.run.recorder.start(root, "agent", "helper", b"{}", facts=facts), b"{}")
        site.run.recorder.succeed(root, b"{}")
        site.run.save()
        ids.append(site.run.store.traces()[0].id)
    page = new_page(f"#/compare/{'/'.join(ids)}")
    marks = page.locator(".differing-facts .changed-text")
    expect(marks).to_have_text(["kind", "rude", "kind", "rude"])


def test_escape_closes_the_panel_and_the_marks_before_it_clears_the_filters(site: Site, new_page: Open):
    recorded(site, [Step("tool", "t", 0, 1)], 10)
    page = new_page("#/?agent=desk")
    expect(page.locator(".rows > .line")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(".filters .more > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".filters .panel")).to_be_hidden()
    expect(page.locator(".marked")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".marked")).to_be_hidden()
    expect(page).to_have_url(re.compile("agent=desk"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"#/(\?at=.*)?$"))
