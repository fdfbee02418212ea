"""An exported page, opened as the file that a colleague was sent: five hundred injections in it run nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import TIMEOUT, slowed, sync_api
from tests.browser.conftest import Witness
from tests.browser.hostile import CORPUS
from tests.browser.test_hostile import HARMLESS, recorded
from tests.render.test_notebook import html_of
from voltagent import VoltAgentSDK
from voltagent.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["recorded"]  # a fixture

expect = sync_api().expect

# The same rules as for the page of the server; in the head are five elements, and both scripts stand in the file.
FOREIGN = (
    HARMLESS.replace('"theme.js,main.js"', '","')
    .replace("length !== 11", "length !== 5")
    .replace("KBD svg", "KBD STYLE svg")
)
_OPEN_ALL = """() => {
  for (let round = 0; round < 20; round += 1) {
    for (const one of document.querySelectorAll("details:not([open])")) one.open = true;
    for (const one of document.querySelectorAll(".long > button")) one.click();
  }
}"""

_FILL = "for (const one of document.querySelectorAll('details[open]')) one.dispatchEvent(new Event('toggle'))"


def opened(chromium: Browser, file: Path, width: int = 1280) -> tuple[Page, Witness]:
    """The page in a file, with a witness of all that it requests and writes."""
    witness = Witness(file.as_uri())
    context = chromium.new_context(viewport={"width": width, "height": 760}, timezone_id="UTC")
    context.set_default_timeout(TIMEOUT)
    page = slowed(context.new_page())
    witness.watch(page)
    page.goto(file.as_uri())
    return page, witness


def test_an_exported_page_shows_them_as_text(
    chromium: Browser, recorded: tuple[Path, tuple[str, str]], tmp_path: Path
) -> None:
    path, (with_all, _) = recorded
    file = tmp_path / "trace.html"
    assert main(["export", with_all, "--db", str(path), "-o", str(file)]) == 0
    page, witness = opened(chromium, file)
    try:
        expect(page.locator(".tree")).to_have_attribute("aria-rowcount", str(len(CORPUS) + 2))
        for place in range(0, len(CORPUS), 100):
            page.locator(".tree").evaluate("(one, place) => { one.scrollTop = place * 26; }", place)
            row = page.locator(f".rows > .line[aria-rowindex='{place + 4}']")
            row.click()
            expect(row).to_have_attribute("aria-selected", "true")
            expect(page.locator(".details .section").first).to_be_visible()
            page.evaluate(_OPEN_ALL)
            page.evaluate(_FILL)
            assert page.evaluate(FOREIGN) == []
    finally:
        page.context.close()
    witness.check()


@pytest.mark.parametrize("width", [360, 1280])
def test_a_file_is_the_page_of_the_viewer(width: int, chromium: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:  # without Playwright's event loop
        file = threads.submit(_conversation, tmp_path).result()
    page, witness = opened(chromium, file, width)
    try:
        expect(page.locator("h1")).to_have_text("desk")
        page.locator(".rows > .line", has_text="chat").click()
        details = page.locator(".details")
        expect(details.locator(".message .role")).to_have_text(["system", "user", "assistant"])
        expect(details.locator(".message strong")).to_have_text("sunny")
        expect(details.locator(".call-name")).to_contain_text("weather")
        details.get_by_role("button", name="JSON").last.click()
        expect(details).to_contain_text("tool_calls: [1]")
        if width == 360:
            page.get_by_role("button", name="Tree").click()
        page.locator(".search").fill("occurs in a result")
        expect(page.get_by_text("1 match")).to_be_visible()
        page.keyboard.press("Escape")
        page.locator(".tree").focus()
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_contain_text("next error")
        expect(page.locator("dialog")).not_to_contain_text("compare")
        page.get_by_role("button", name="Close").click()
        assert page.locator("a").count() == 0, "there is no other page to lead to"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.context.close()
    witness.check()


def _conversation(folder: Path) -> Path:
    chat = [
        {"role": "system", "content": "You are a weather service."},
        {"role": "user", "content": "What is the weather in Rome?"},
        {"role": "assistant", "content": "It is **sunny**.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
    ]  # fmt: skip
    with (
        VoltAgentSDK(local_path=folder / "t.db") as sdk,
        sdk.trace(agent_id="desk", user_id="ada", tags=["a"]) as trace,
    ):
        llm = trace.add_event(name="chat", type="llm", input={"messages": chat})
        llm.success(output={"text": "Sunny."}, usage={"prompt_tokens": 3, "completion_tokens": 2})
        trace.add_tool(name="weather", input={"city": "Rome"}).success(output={"sky": "this occurs in a result"})
    file = folder / "trace.html"
    assert main(["export", "--db", str(folder / "t.db"), "-o", str(file)]) == 0
    return file


_EXACT = """async isNew => {
  const { parse, stringify } = await import("./json.js");
  if (!isNew) delete JSON.rawJSON;
  const texts = [
    "9007199254740991", "9007199254740993", "-9007199254740993", "1180591620717411303424", "1764348000000000",
    '{"a":[18446744073709551616,{"b":-36893488147419103233}],"c":0.5,"d":1.5e-7,"e":null,"f":true}',
    '["9007199254740993","a \\\\\\" 9007199254740993","\\\\u0031","whole number 9007199254740993"]', "[]", '""', "0",
  ];
  const kept = text => [text, JSON.stringify(JSON.parse(text))].includes(stringify(parse(text)));
  const is = type => text => typeof parse(text) === type;
  const fails = text => {
    try {
      parse(text);
      return false;
    } catch (error) {
      return error instanceof SyntaxError;
    }
  };
  const no = test => text => !test(text);
  const apart = texts.filter(no(kept));
  const large = ["9007199254740993", "-36893488147419103233"].filter(no(is("bigint")));
  const small = ["9007199254740991", "1764348000000000", "0.12345678901234567890", "1e30"].filter(no(is("number")));
  const wrong = ["9007199254740993,", '{"a":9007199254740993', "09007199254740993"].filter(no(fails));
  const indented = stringify({ a: 2n ** 70n }, 2);
  return { apart, large, small, wrong, nothing: stringify(undefined) ?? null, indented };
}"""


@pytest.mark.parametrize("is_new", [True, False], ids=["a new browser", "an older browser"])
def test_json_keeps_whole_numbers_as_they_were_written(is_new: bool, new_page: Callable[..., Page]) -> None:
    page = new_page("#/users")
    assert page.evaluate(_EXACT, is_new) == {
        "apart": [],
        "large": [],
        "small": [],
        "wrong": [],
        "nothing": None,
        "indented": '{\n  "a": 1180591620717411303424\n}',
    }


def test_a_file_shows_large_whole_numbers_as_they_are(chromium: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        file = threads.submit(_large, tmp_path).result()
    page, witness = opened(chromium, file)
    try:
        page.locator(".rows > .line", has_text="chat").click()
        details = page.locator(".details")
        for number in (2**53 + 1, 2**60 + 1, -(2**70) - 1):
            expect(details).to_contain_text(str(number))
        page.locator(".search").fill(str(2**53 + 1))
        expect(page.get_by_text("1 match")).to_be_visible()
    finally:
        page.context.close()
    witness.check()


def _large(folder: Path) -> Path:
    call = {"name": "order", "arguments": f'{{"id": {2**60 + 1}}}'}
    messages = [{"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]}]
    with VoltAgentSDK(local_path=folder / "t.db") as sdk, sdk.trace(agent_id="desk") as trace:
        llm = trace.add_event(name="chat", type="llm", input={"messages": messages})
        llm.success(output={"id": 2**53 + 1, "low": -(2**70) - 1})
    file = folder / "trace.html"
    assert main(["export", "--db", str(folder / "t.db"), "-o", str(file)]) == 0
    return file


def test_the_colours_that_were_chosen_in_a_file_are_kept(chromium: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        file = threads.submit(_large, tmp_path).result()
    page, witness = opened(chromium, file)
    try:
        for theme in ("light", "dark"):
            page.locator("#theme").click()
            page.reload()
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
        page.locator("#theme").click()
        page.reload()
        expect(page.locator("html:not([data-theme])")).to_be_attached()
    finally:
        page.context.close()
    witness.check()


def test_a_file_with_several_traces_lets_one_choose(chromium: Browser, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        file = threads.submit(_several, tmp_path).result()
    page, witness = opened(chromium, file)
    try:
        expect(page.locator("h1")).to_have_text("bot-2")
        page.locator("nav").get_by_role("button", name="bot-0").click()
        expect(page.locator("h1")).to_have_text("bot-0")
        expect(page.locator("nav [aria-pressed=true]")).to_contain_text("bot-0")
    finally:
        page.context.close()
    witness.check()


def _several(folder: Path) -> Path:
    with VoltAgentSDK(local_path=folder / "t.db") as sdk:
        for number in range(3):
            sdk.trace(agent_id=f"bot-{number}").end()
    file = folder / "traces.html"
    assert main(["export", "--db", str(folder / "t.db"), "--limit", "3", "-o", str(file)]) == 0
    return file


def test_a_cell_of_a_notebook_shows_the_page_in_a_frame(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as threads:
        html = threads.submit(_cell).result()
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><title>n</title><input autofocus>{html}", encoding="utf-8")
    page, witness = opened(chromium, file)
    try:
        inside = page.frame_locator("iframe")
        expect(inside.locator(".rows .name")).to_have_text(["desk", "weather"])
        inside.locator(".rows > .line", has_text="weather").click()
        expect(inside.locator(".details h2")).to_contain_text("weather")
        expect(inside.locator(".details")).to_contain_text("<img src=x onerror=parent.ran=1>")
        assert page.evaluate("'ran' in window") is False
        assert page.locator("iframe").count() == 1
    finally:
        page.context.close()
    witness.check()


def _cell() -> str:
    with VoltAgentSDK(exporter="local") as sdk, sdk.trace(agent_id="desk") as trace:
        trace.add_tool(name="weather", input={"city": "<img src=x onerror=parent.ran=1>"}).success()
    return html_of(trace)
