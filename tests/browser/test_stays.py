"""What a page shows stays while the page learns something else: the same nodes, with focus, selection and folds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.browser.chromium import sync_api
from tests.browser.look import box, intercept, settled, until
from tests.browser.play import MS, hand_clock
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]

# Remembers the nodes that a selector finds, and from now on what comes and goes under `main`.
_WATCH = """selector => {
  window.stayed = [...document.querySelectorAll(selector)].flatMap(one => [one, ...one.querySelectorAll("*")]);
  if (!stayed.length) throw new Error(`nothing is ${selector}`);
  window.changes = [];
  const name = node => node.className?.baseVal ?? node.className ?? node.nodeValue;
  new MutationObserver(all => changes.push(...all.flatMap(one => [
    ...[...one.removedNodes].map(node => `- ${name(node)}`), ...[...one.addedNodes].map(node => `+ ${name(node)}`),
    ...(one.type === "attributes" && one.oldValue !== one.target.getAttribute(one.attributeName)
      ? [`${one.attributeName} of ${name(one.target)}`] : []),
    ...(one.type === "characterData" ? [`text ${one.target.nodeValue}`] : []),
  ]))).observe(document.querySelector("main"), {
    childList: true, subtree: true, characterData: true, attributes: true, attributeOldValue: true });
}"""

_STAYED = "() => stayed.every(one => one.isConnected)"

# Selects the text of the one element that a selector finds.
_SELECT = """selector => {
  const all = document.querySelectorAll(selector);
  if (all.length !== 1) throw new Error(`${all.length} are ${selector}`);
  getSelection().selectAllChildren(all[0]);
  return String(getSelection());
}"""


def watch(page: Page, selector: str) -> None:
    page.evaluate(_WATCH, selector)


def select(page: Page, selector: str) -> str:
    """Select the text of an element, as with the mouse. Returns the text."""
    text: str = page.evaluate(_SELECT, selector)
    assert text
    return text


def stayed(page: Page, selected: str, focused: str) -> None:
    """All that is watched is still there, the selected text is selected, and what had the focus has it."""
    assert page.evaluate(_STAYED)
    assert page.evaluate("String(getSelection())") == selected
    assert page.evaluate("selector => document.activeElement.matches(selector)", focused)


def changes(page: Page) -> list[str]:
    seen: list[str] = page.evaluate("changes")
    return seen


def heard(page: Page, site: Site, what: str) -> None:
    """Something that the page does not show is recorded: wait until the page has requested it, and drawn the answer."""
    with page.expect_response(re.compile(f"/api/{what}")) as answered:
        site.run.recorder.start(site.run.trace("unseen", ended=False), "custom", "unseen", b"{}")
        site.run.save()
    answered.value.finished()
    settled(page)


def test_the_rows_of_the_list_stay_when_traces_arrive_or_go_on(site: Site, new_page: Open):
    going = site.run.trace("desk", ended=False, input=b'{"question": "going on"}')
    site.run.trace("desk", input=b'{"question": "where is it?"}', tags=("red",))
    site.run.save()
    older, newer = (trace.id for trace in reversed(site.run.store.traces()))
    page = new_page("#/?agent=desk")
    expect(page.locator("#live")).to_have_text("live")
    quiet, row = (f'.rows > .line[data-key="{id}"]' for id in (older, newer))
    page.locator(row).get_by_role("checkbox").click()
    expect(page.locator(row).get_by_role("checkbox")).to_be_checked()
    selected = select(page, f"{row} .input-start")
    settled(page)
    site.run.recorder.succeed(going, b"{}")
    site.run.save()
    expect(page.locator(f"{quiet} .status")).to_have_attribute("title", "completed")

    watch(page, ".rows > .line")
    heard(page, site, "traces")
    assert changes(page) == [], "nothing that it shows is another"

    site.run.trace("desk", input=b'{"question": "newer"}')
    site.run.save()
    expect(page.locator(".rows .input-start")).to_contain_text(["newer", "where is it?", "going on"])
    stayed(page, selected, f"{row} input")
    expect(page.locator(row).get_by_role("checkbox")).to_be_checked()
    assert [one for one in changes(page) if one.startswith("-")] == []
    assert [one for one in changes(page) if one.startswith("+")] == ["+ line completed fresh"]


def test_a_trace_that_arrives_between_press_and_release_does_not_take_the_click(site: Site, new_page: Open):
    site.run.trace("meant")
    site.run.save()
    page = new_page()
    expect(page.locator("#live")).to_have_text("live")
    place = box(page, ".rows > .line .took")
    page.mouse.move(place["x"] + 4, place["y"] + 4)
    page.mouse.down()
    site.run.trace("newcomer")
    site.run.save()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "3")
    page.mouse.up()
    expect(page.locator("h1")).to_have_text("meant")


def test_what_is_looked_at_in_a_running_trace_stays_while_it_goes_on(site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False)
    deep = b'{"question": "where is it?", "deep": {"deep": {"deep": {"bottom": 1}}}}'
    open_tool = site.run.recorder.start(root, "tool", "asked", deep)
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    page.locator(".rows .name", has_text="asked").click()
    details = page.locator(".details")
    expect(details.locator("h2")).to_have_text("asked")
    details.locator(".branch:not([open]) > summary").click()
    expect(details.locator(".branch[open]")).to_have_count(3)
    selected = select(page, '.details [data-key="Input"] .string')
    details.locator('[data-key="Input"] .copy').focus()
    watch(page, ".details .section, .details header, .trace-head h1, .rows .what")

    site.run.recorder.succeed(site.run.recorder.start(root, "tool", "another", b"{}"), b"{}")
    site.run.save()
    expect(page.locator(".rows .name")).to_have_text(["desk", "asked", "another"])
    expect(page.locator(".headline")).to_contain_text("2 operations")
    stayed(page, selected, '[data-key="Input"] .copy')

    page.evaluate("stayed = stayed.filter(one => one.closest('.section, h1'))")  # its status is another now
    site.run.recorder.succeed(open_tool, b'{"found": true}')
    site.run.save()
    expect(details.locator(".section .title")).to_have_text(["Input", "Output"])
    expect(details.locator("header .status")).to_have_text(re.compile("completed"))
    stayed(page, selected, '[data-key="Input"] .copy')
    expect(details.locator(".branch[open]")).to_have_count(4)  # the output is one, too


def test_links_above_a_tree_keep_the_focus_while_the_trace_goes_on(site: Site, new_page: Open):
    root = site.run.trace("desk", ended=False, conversation_id="c-1", user_id="ada")
    site.run.save()
    page = new_page(f"#/trace/{site.run.store.traces()[0].id}")
    link = page.locator(".headline a", has_text="conversation")
    link.focus()
    watch(page, ".headline a")
    site.run.recorder.start(root, "tool", "another", b"{}")
    site.run.recorder.end(root, "completed")
    site.run.save()
    expect(page.locator(".headline")).to_contain_text("1 operation")
    expect(page.locator(".headline .status")).to_have_text(re.compile("completed"))
    expect(link).to_be_focused()
    assert page.evaluate(_STAYED)


def test_the_metrics_stay_where_they_are_read(site: Site, new_page: Open):
    with hand_clock() as hands:
        run(site, hands, "reader", "writer")
        site.run.save()
        # in the last stretch of time, also where another one begins now
        page = new_page("#/metrics?within=7d", now=hands[0] / 1e9)
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator(".totals tbody tr")).to_have_count(2)
        values = page.locator(".plot", has_text="Calls").locator(".values")
        page.locator(".plot", has_text="Calls").locator(".picture").focus()
        page.keyboard.press("ArrowLeft")
        expect(values).to_contain_text("reader1writer1")
        selected = select(page, '.totals tr[data-key="group reader"] bdi')
        settled(page)

        watch(page, ".key-line button, .totals tr, .plot, .tabs a")
        heard(page, site, "metrics")
        assert changes(page) == [], "nothing that it shows is another"

        run(site, hands, "writer")
        site.run.save()
    expect(values).to_contain_text("writer2reader1")  # what is read is written anew
    expect(page.locator(".totals tr").nth(1)).to_contain_text("writer2")
    stayed(page, selected, '.picture[aria-label^="Calls"]')


def run(site: Site, hands: list[int], *agents: str) -> None:
    root = site.run.trace("desk", ended=False)
    for agent in agents:
        span = site.run.recorder.start(root, "agent", agent, b"{}")
        hands[0] += MS
        site.run.recorder.succeed(span, b"{}")


def test_the_metrics_of_the_page_are_hidden_at_once_and_keep_the_focus(site: Site, new_page: Open):
    with hand_clock() as hands:
        run(site, hands, "reader", "writer")
    site.run.save()
    page = new_page("#/metrics?within=7d")
    expect(page.locator("#live")).to_have_text("live")
    button = page.locator('.totals [data-key="group reader"] button')
    expect(button).to_be_visible()
    settled(page)
    intercept(page, "**/api/metrics*", lambda route: None)  # it needs no answer to hide what it has
    button.focus()
    watch(page, ".totals button, .key-line button")
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".totals tr", has_text="reader")).to_have_class("off")
    until(page, "() => !document.querySelector('.plot .picture').getAttribute('aria-label').includes('reader')")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(_STAYED)


def test_metrics_of_nothing_lead_back_to_the_plots(site: Site, new_page: Open):
    site.run.recorder.succeed(site.run.recorder.start(site.run.trace("desk", ended=False), "tool", "t", b"{}"), b"{}")
    site.run.save()
    page = new_page("#/metrics?within=all&by=tool")
    for _ in range(2):
        expect(page.locator(".plots > .plot")).to_have_count(5)
        expect(page.locator(".metrics-body .totals")).to_have_count(1)
        page.keyboard.press("a")
        expect(page.locator(".metrics-body")).to_contain_text("No traces yet")
        expect(page.locator(".metrics-body > *")).to_have_count(1)
        page.keyboard.press("t")


def test_turns_of_a_conversation_stay_as_they_were_opened(site: Site, new_page: Open):
    deep = b'{"question": "where is it?", "deep": {"deep": {"deep": {"bottom": 1}}}}'
    site.run.trace("desk", input=deep, conversation_id="c-1")
    site.run.save()
    page = new_page("#/conversation/c-1")
    expect(page.locator("#live")).to_have_text("live")
    page.locator(".branch:not([open]) > summary").click()
    expect(page.locator(".branch[open]")).to_have_count(3)
    page.keyboard.press("j")
    selected = select(page, ".payload .string")
    settled(page)
    watch(page, ".turn")
    heard(page, site, "conversations")
    assert changes(page) == []

    site.run.trace("desk", input=b'{"question": "and now?"}', conversation_id="c-1")
    site.run.save()
    expect(page.locator(".turn")).to_have_count(2)
    stayed(page, selected, ".turn:first-child a")
    expect(page.locator(".branch[open]")).to_have_count(3)


def test_a_copy_button_copies_what_is_shown_by_now(site: Site, new_page: Open):
    """An element that stays does what the newest drawing of it would do."""
    page = new_page()
    pressed = page.evaluate(
        """async () => {
          const [{ button, element }, { patch }] = [await import("/dom.js"), await import("/patch.js")];
          const place = element("div");
          const pressed = [];
          const draw = (words) => patch(place, [
            element("i", { "data-key": words }), button("press", () => pressed.push(words), { title: words }),
            element("details", { shows: () => words }, words)]);
          draw("one");
          const [mark, press, fold] = place.children;
          draw("two");
          const kept = [...place.children].map((now, at) => now === [mark, press, fold][at]);
          press.click();
          draw("two");
          const folded = place.lastChild.textContent;
          return { pressed, kept, title: press.title, folded, parts: place.children.length };
        }"""
    )
    assert pressed == {"pressed": ["two"], "kept": [False, True, False], "title": "two", "folded": "two", "parts": 3}


def test_children_are_matched_by_key_whatever_comes_goes_and_moves(new_page: Open):
    made, moved = new_page().evaluate(
        """async () => {
          const [{ element }, { patch }] = [await import("/dom.js"), await import("/patch.js")];
          const place = element("ul");
          document.querySelector("main").append(place);
          const item = (key) => element("li", { "data-key": key, tabindex: 0 }, key);
          const draw = (keys) => patch(place, [...keys].map(item));
          const texts = [], moved = [];
          const nodes = {};
          for (const keys of ["abc", "xabc", "bc", "cb", "", "aab", "ba", "b"]) {
            draw(keys);
            texts.push(place.textContent);
            const b = [...place.children].find(one => one.dataset.key === "b");
            if (nodes.b && b && keys !== "aab") moved.push(nodes.b === b && document.activeElement === b);
            if (b) (nodes.b = b).focus();
          }
          return [texts, moved];
        }"""
    )
    assert made == ["abc", "xabc", "bc", "cb", "", "aab", "ba", "b"]
    assert moved == [True] * 5
