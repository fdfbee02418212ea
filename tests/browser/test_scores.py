"""Scores in a browser: thumbs, a named score, a note, on traces and operations; they are shown and narrow the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.browser.chromium import sync_api
from tests.browser.hostile import CORPUS
from tests.browser.look import only
from tests.browser.site import Site
from tests.browser.test_hostile import HARMLESS
from voltagent.storage.traces.filters import Filter

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]


def _recorded(site: Site) -> str:
    root = site.run.trace("desk", ended=False)
    site.run.recorder.succeed(site.run.recorder.start(root, "tool", "step", b"{}"), b"{}")
    site.run.recorder.succeed(root, b"{}")
    site.run.trace("other")
    site.run.save()
    return site.run.store.traces(Filter(agent="desk"))[0].id


def test_thumbs_are_given_with_keys_and_taken_back(site: Site, new_page: Open):
    page = new_page(f"#/trace/{_recorded(site)}")
    expect(page.locator(".details h2")).to_be_visible()
    up = page.get_by_role("button", name="Thumbs up")
    page.keyboard.press("+")
    expect(up).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("-")
    expect(up).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("-")
    expect(page.get_by_role("button", name="Thumbs down")).to_have_attribute("aria-pressed", "false")


def test_a_named_score_and_a_note_are_written_without_the_mouse(site: Site, new_page: Open):
    trace = _recorded(site)
    page = new_page(f"#/trace/{trace}")
    expect(page.locator(".details h2")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".details h2")).to_have_text("step")
    page.keyboard.press("s")
    page.keyboard.type("accuracy")
    page.keyboard.press("Tab")
    page.keyboard.type("0.75")
    page.keyboard.press("Tab")
    page.keyboard.type("nearly")
    page.keyboard.press("Enter")
    line = page.locator(".scores dl")
    expect(line).to_contain_text("accuracy0.75nearly")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.keyboard.type("look again")
    page.get_by_role("button", name="Save the note").click()
    expect(
        page.locator(".rows > .line", has=page.locator(".name", has_text="step")).locator(".score").first
    ).to_be_visible()
    page.locator(".scores dl a").click()
    only(page, ".rows .agent", ["desk"])


def test_a_score_is_replaced_and_removed(site: Site, new_page: Open):
    trace = _recorded(site)
    page = new_page(f"#/trace/{trace}")
    form = page.locator(".score-form")
    for value in ("1", "2"):
        form.get_by_label("Name of the score").fill("grade")
        form.get_by_label("Value").fill(value)
        form.get_by_role("button", name="Add").click()
        expect(page.locator(".scores dl")).to_contain_text(f"grade{value}")
    page.locator(".scores").get_by_role("button", name="Remove").click()
    expect(page.locator(".scores dl")).to_have_count(0)


def test_thumbs_are_given_in_the_list(site: Site, new_page: Open):
    _recorded(site)
    page = new_page()
    row = page.locator(".rows > .line", has_text="desk")
    expect(row).to_be_visible()
    page.keyboard.press("End")
    expect(row).to_have_attribute("aria-selected", "true")
    page.keyboard.press("+")
    expect(row.locator(".score[title='thumbs up']")).to_be_visible()


def test_what_cannot_be_a_score_is_refused_in_words(site: Site, new_page: Open):
    page = new_page(f"#/trace/{_recorded(site)}")
    page.locator(".score-form").get_by_role("button", name="Add").click()
    expect(page.locator("#message")).to_have_text("A score needs a name and a value")


def test_hostile_scores_are_shown_as_text(site: Site, new_page: Open):
    trace = _recorded(site)
    page = new_page(f"#/trace/{trace}")
    expect(page.locator(".details h2")).to_be_visible()
    sent = page.evaluate(
        """async ([trace, texts]) => {
          const { post } = await import("/api.js");
          for (const text of texts) {
            await post("scores", { trace, name: text.slice(0, 100), value: text, comment: text });
          }
          return texts.length;
        }""",
        [trace, CORPUS[::25]],
    )
    assert sent == 20
    expect(page.locator(".scores dl dt").nth(15)).to_be_visible()
    assert page.evaluate(HARMLESS) == []
    page.evaluate("location.hash = '#/'")
    expect(page.locator(".rows .score").first).to_be_attached()
    assert page.evaluate(HARMLESS) == []
    page.evaluate("location.hash = '#/metrics?within=all'")
    expect(page.locator(".score-figures").first).to_be_attached()
    assert page.evaluate(HARMLESS) == []
