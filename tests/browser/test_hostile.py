"""Whatever is recorded is shown as text: five hundred injections in every field, on every page, run nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.browser.chromium import sync_api
from tests.browser.conftest import Witness, copy_store
from tests.browser.hostile import CORPUS, fields
from tests.browser.look import intercept, pumped
from tests.browser.site import Site
from tests.helpers.stored import Run
from voltagent.core.span import Span

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

expect = sync_api().expect

Open = Callable[..., "Page"]

CONVERSATION = "<img src=x onerror=alert(1)>"

# All that the page's own code makes. An injection that became an element would be one of another kind, or carry a
# listener, an address or a style as an attribute.
HARMLESS = """() => {
  const ours = new Set(`HTML HEAD META TITLE LINK SCRIPT BODY HEADER A NAV SPAN BUTTON MAIN DIALOG DIV NOSCRIPT
    FORM INPUT TEXTAREA SELECT OPTION DATALIST LABEL DETAILS SUMMARY P H1 H2 BDI CODE PRE DL DT DD ASIDE SECTION
    CANVAS OL LI FIGURE FIGCAPTION TABLE CAPTION THEAD TBODY TFOOT TR TH TD STRONG EM DEL UL HR BLOCKQUOTE
    H3 H4 H5 H6 IMG B I KBD svg path g line rect text circle`.split(/\\s+/));
  const all = [...document.querySelectorAll("*")];
  const bad = all.filter(e => !ours.has(e.tagName)).map(e => e.tagName);
  const picture = /^data:image[/](png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$/; // no other image is ever made
  for (const e of document.images) if (!picture.test(e.getAttribute("src"))) bad.push("IMG");
  for (const e of all) for (const {name, value} of e.attributes) {
    const address = ["href", "src", "style", "action"].includes(name) && !value.startsWith("#");
    if (/^on/i.test(name) || (address && /javascript:|evil[.]example/i.test(value))) bad.push(`${e.tagName} ${name}`);
  }
  const loaded = [...document.scripts].map(e => e.getAttribute("src")).join();
  if (loaded !== "theme.js,main.js") bad.push(`scripts ${loaded}`);
  if (document.querySelectorAll("link, meta").length !== 11) bad.push("head");
  if (document.querySelector("form[action], base")) bad.push("form or base");
  if ("ran" in window) bad.push("it ran");
  return bad;
}"""


def record(run: Run) -> tuple[str, str]:
    """A trace per text, and one with all of them as operations; the ids of the latter and of the last one."""
    for number, text in enumerate(CORPUS):
        run.recorder.end(hostile_trace(run, text, f"{number}{text}"), "error")
    root = hostile_trace(run, CORPUS[0], CORPUS[1])
    for number, text in enumerate(CORPUS):
        payload = json.dumps(fields(text)).encode()
        metadata = json.dumps({**fields(text), "model_parameters": {"model": text}}).encode()
        kind = text if number % 5 == 0 else ("agent", "tool", "memory", "retriever")[number % 4]
        span = run.recorder.start(root, kind, text, payload, metadata, operation=text, tags=(text,))
        span.error = json.dumps(
            {"message": text, "type": text, "stack": text, "cause": fields(text), "code": text}
        ).encode()
        span.output = payload
        span.usage = {"prompt_tokens": 1, text: text}
        run.recorder.end(span, "error" if number % 2 else text)
    run.recorder.end(root, "completed")
    assert run.save() == {}
    return CORPUS[1], f"{len(CORPUS) - 1}{CORPUS[-1]}"


def hostile_trace(run: Run, text: str, identifier: str) -> Span:
    payload = json.dumps(fields(text)).encode()
    about = {"user_id": text, "conversation_id": CONVERSATION, "version": text, "level": text}
    span = run.recorder.start_trace(text, payload, payload, (text,), identifier=identifier, **about)
    span.error = json.dumps(text).encode()
    span.output = json.dumps(text).encode()
    return span


def address(page: str, *places: str) -> str:
    return f"#/{page}/" + "/".join(quote(place, safe="") for place in places)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, str]]:
    """A store with all of them, recorded once, and the two ids."""
    path = tmp_path_factory.mktemp("hostile") / "traces.db"
    run = Run(path)
    ids = record(run)
    run.store.close()
    return path, ids


@pytest.fixture
def ids(recorded: tuple[Path, tuple[str, str]], tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """The site has them all in its store: the id of the trace with all, and of the last one."""
    copy_store(recorded[0], tmp_path)
    request.getfixturevalue("site")
    return recorded[1]


# What is in view after a jump, as soon as it is loaded (older traces are when what is above is looked at) and drawn.
_SEEN = """async ([top, whole, part]) => {
  const [scroller, rows] = [document.querySelector(".scroller"), document.querySelector(".rows")];
  for (let frame = 0; frame < 3000; frame += 1) {
    scroller.scrollTop = top;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    if (rows.offsetHeight < Math.min(top + scroller.clientHeight, whole)) continue;
    return [...document.querySelectorAll(part)].map(one => one.textContent);
  }
  throw new Error(`only ${rows.offsetHeight} pixels of rows`);
}"""


def scrolled(page: Page, row: int, part: str) -> set[str]:
    """The texts of a part of all rows, one screen after the other; a row is `row` pixels high."""
    whole = row * (len(CORPUS) + 1)
    return {text for top in range(0, whole, 2000) for text in page.evaluate(_SEEN, [top, whole, part])}


def test_the_list_shows_them_as_text(ids: tuple[str, str], new_page: Open):
    page = new_page(height=3000)
    expect(page.locator(".rows > .line").first).to_be_visible()
    assert scrolled(page, 48, ".rows .agent") == set(CORPUS)
    assert page.evaluate(HARMLESS) == []


def test_a_trace_shows_them_as_text(ids: tuple[str, str], new_page: Open):
    page = new_page(address("trace", ids[0]), height=3000)
    expect(page.locator(".tree")).to_have_attribute("aria-rowcount", str(len(CORPUS) + 2))  # all, not the first alone
    assert scrolled(page, 26, ".rows .name") >= set(CORPUS)
    page.keyboard.press("End")
    expect(page.locator(".details h2")).to_have_text(CORPUS[-1].replace("\x00", ""))
    assert page.evaluate(HARMLESS) == []


def test_the_details_of_all_show_them_as_text(ids: tuple[str, str], new_page: Open):
    page = new_page(address("trace", ids[0]))
    expect(page.locator(".details h2")).to_be_visible()
    shown = page.evaluate(
        """async trace => {
          const [{ get, segment }, { details }] = [await import("/api.js"), await import("/details.js")];
          const { operations } = await get(`traces/${segment(trace)}`);
          const all = document.createElement("div");
          const wholes = operations.map(([id]) => get(`traces/${segment(trace)}/operations/${segment(id)}`));
          for (const whole of await Promise.all(wholes)) {
            const place = document.createElement("div");
            place.append(...details(whole, { self: 1, begin: 0, total: 1 }));
            all.append(place);
          }
          for (const fold of all.querySelectorAll("details")) fold.open = true;
          all.hidden = true; // in the page, where it would run, but not laid out: that takes longer than all the rest
          document.querySelector(".details").replaceChildren(all);
          return [...all.children].map(place => place.textContent);
        }""",
        ids[0],
    )
    for text, whole in zip(CORPUS, shown, strict=True):
        # name, operation, tag, status or error; input, output, metadata with five places each, one of them a key
        assert whole.count(text) >= 20, text
    assert page.evaluate(HARMLESS) == []


@pytest.mark.parametrize(
    ("target", "last"),
    [
        pytest.param(address("conversation", CONVERSATION), ".turn", id="conversation"),
        pytest.param(address("compare", CORPUS[1], f"{len(CORPUS) - 1}{CORPUS[-1]}"), ".half h2", id="compare"),
        pytest.param("#/calls?sort=error", ".rows > .line", id="calls"),
        pytest.param("#/metrics", ".totals", id="metrics"),
        pytest.param("#/metrics?by=tool", ".totals", id="tools"),
        pytest.param("#/metrics?by=model", ".totals", id="models"),
        pytest.param(
            f"#/?agent={quote(CORPUS[3])}&status={quote(CORPUS[4])}&kind={quote(CORPUS[5])}", ".empty", id="filters"
        ),
        pytest.param(f"#/{quote(CORPUS[0], safe='')}?{quote(CORPUS[1])}", ".empty", id="unknown"),
    ],
)
def test_other_pages_show_them_as_text(target: str, last: str, ids: tuple[str, str], new_page: Open):
    page = new_page(target)
    expect(page.locator(f"main {last}").first).to_be_visible()
    assert page.evaluate(HARMLESS) == []


def test_the_looking_itself_would_notice_and_the_policy_would_hold(
    ids: tuple[str, str], witness: Witness, new_page: Open, site: Site
):
    """A page that takes texts for HTML is noticed, and even there the content security policy lets nothing run."""
    witness.expected += ["Content Security Policy", "Refused to refresh", "404", "request to http", "ERR_"]
    page = new_page("#/nowhere")

    def careless(route: Route) -> None:
        ours = "made.append(...nodes(children));"
        source = route.fetch().text()
        assert ours in source
        html = "made.innerHTML += children.flat(Infinity).filter((child) => typeof child === 'string').join('');"
        route.fulfill(body=source.replace(ours, html + ours), content_type="text/javascript")

    intercept(page, "**/dom.js", careless)
    page.goto(site.url + address("trace", ids[0]))
    page.reload()
    expect(page.locator(".details h2")).to_be_visible()
    found = page.evaluate(HARMLESS)
    assert "IMG" in found
    assert "it ran" not in found
    pumped(page, lambda: any("Content Security Policy" in text for text in witness.seen))  # it says what it refused


def test_an_address_cannot_carry_a_script(witness: Witness, new_page: Open):
    witness.expected.append("404")  # the browser itself writes into the console that there is no such trace
    page = new_page("#/")
    for target, text in (
        ("#javascript:window.ran=1", "There is no such page."),
        ("#/trace/%3Cscript%3E", "no trace has this id"),
        ("#/%", "There is no such page."),
        ("#/trace/%E0%A4%A/x?%", "no trace has this id"),
        ("#//evil.example/", "No traces yet"),
    ):
        page.evaluate("target => { location.hash = target; }", target)
        expect(page.locator("main")).to_contain_text(text)
        assert page.evaluate("'ran' in window") is False


def test_an_element_refuses_attributes_that_could_run(site: Site, new_page: Open):
    page = new_page()
    refused = page.evaluate(
        """async () => {
          const { element } = await import("/dom.js");
          const tried = [{ onclick: "alert(1)" }, { href: "javascript:alert(1)" }, { href: "//evil.example" },
            { src: "x" }, { srcdoc: "x" }, { formaction: "x" }, { OnLoad: "x" }];
          return tried.map(attributes => {
            try { element("a", attributes); return "made"; } catch (e) { return e.name; }
          });
        }"""
    )
    assert refused == ["TypeError"] * 7
