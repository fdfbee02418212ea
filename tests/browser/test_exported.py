"""An exported page, opened as the file that a colleague was sent: five hundred injections in it run nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import TIMEOUT, slowed, sync_api
from tests.browser.conftest import Witness
from tests.browser.hostile import CORPUS
from tests.browser.test_hostile import recorded
from voltagent.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["recorded"]  # a fixture

expect = sync_api().expect

_FOREIGN = """() => {
  const ours = new Set(`HTML HEAD META TITLE STYLE BODY H1 H4 DL DIV DT DD DETAILS SUMMARY SPAN B I PRE P`
    .split(/\\s+/));
  const all = [...document.querySelectorAll("*")];
  const bad = all.filter(e => !ours.has(e.tagName)).map(e => e.tagName);
  for (const e of all) for (const {name, value} of e.attributes) {
    const known = ["class", "lang", "charset", "http-equiv", "content", "name", "open"].includes(name);
    if (!known && !(name === "style" && /^[a-z:;%.0-9e-]*$/.test(value))) bad.push(`${e.tagName} ${name}`);
  }
  if ("ran" in window) bad.push("it ran");
  return bad;
}"""


def test_an_exported_page_shows_them_as_text(
    chromium: Browser, recorded: tuple[Path, tuple[str, str]], tmp_path: Path
) -> None:
    path, (with_all, _) = recorded
    file = tmp_path / "trace.html"
    assert main(["export", with_all, "--db", str(path), "-o", str(file)]) == 0
    witness = Witness(file.as_uri())
    context = chromium.new_context()
    context.set_default_timeout(TIMEOUT)
    try:
        page = slowed(context.new_page())
        witness.watch(page)
        page.goto(file.as_uri())
        expect(page.locator(".row")).to_have_count(len(CORPUS) + 1)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.evaluate(_FOREIGN) == []
    finally:
        context.close()
    witness.check()
