"""The viewer's page as files: whole in the package, without a build, and without what could run a recorded text."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

VIEWER = {file.name: file.read_text("utf-8") for file in files("voltagent.server").joinpath("viewer").iterdir()}
MODULES = sorted(name for name in VIEWER if name.endswith(".js"))
STYLES = sorted(name for name in VIEWER if name.endswith(".css"))

# Each of these turns a text into elements, code or an address.
_PARSERS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|createContextualFragment|DOMParser|srcdoc\s*="
    r"|\beval\b|new Function|setAttribute\(\"style\"|location\.href\s*=|window\.open|(?<!channel\.)postMessage|cssText"
)


def _code(name: str) -> str:
    """A module without its comments."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", VIEWER[name], flags=re.DOTALL)


def test_all_that_the_page_asks_for_is_there():
    page = VIEWER["index.html"]
    referenced = set(re.findall(r'(?:href|src)="([^#"]+)"', page))
    imported = {name for module in MODULES for name in re.findall(r'from "\./([^"]+)"', VIEWER[module])}
    exported = {"file.js", "recorded.js", "file.css"}  # of a file, which needs no server (voltagent.render.page)
    assert referenced | imported | exported | {"index.html", "types.js"} == set(VIEWER), (
        "none is missing, and none is there for nothing"
    )


def test_what_stands_in_for_a_server_has_what_the_modules_use_of_it():
    for name in ("transport.js", "live.js", "choose.js"):
        used = {
            word.strip()
            for module in MODULES
            for words in re.findall(rf'import \{{([^}}]*)\}} from "\./{name}"', VIEWER[module])
            for word in words.split(",")
            if module in ("api.js", "trace.js", "links.js", "scores.js")
        }
        assert used
        assert used <= set(
            re.findall(r"^export (?:async )?(?:function|const) (\w+)", VIEWER["recorded.js"], re.MULTILINE)
        )


def test_recorded_json_is_read_by_one_module_which_rounds_no_number():
    """Elsewhere JSON is made only of what the page itself has: names, for comparison."""
    assert [name for name in MODULES if "JSON.parse" in _code(name)] == ["json.js"]


def test_no_module_needs_itself():
    """An exported file joins the modules one after the other."""
    imports = {name: re.findall(r'from "\./(\w+\.js)";', VIEWER[name]) for name in MODULES}

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"{' > '.join(path)} > {name}"
        if name not in seen:
            for other in imports[name]:
                walk(other, (*path, name))
            seen.add(name)

    seen: set[str] = set()
    walk("file.js", ())
    walk("main.js", ())


@pytest.mark.parametrize("name", MODULES)
def test_no_module_makes_elements_or_code_out_of_text(name: str):
    assert _PARSERS.findall(_code(name)) == []
    makers = re.findall(r"createElement\w*", _code(name))
    assert not makers or name == "dom.js", "dom.js is the one place that makes elements"


@pytest.mark.parametrize("name", sorted(VIEWER))
def test_nothing_comes_from_elsewhere(name: str):
    addresses = set(
        re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", _code(name) if name in MODULES else VIEWER[name])
    )
    assert addresses <= {"http://www.w3.org/2000/svg"}, "that one is a name"
    assert "@import" not in VIEWER[name]
    assert "url(" not in VIEWER[name]


def test_the_page_has_no_script_and_no_style_of_its_own():
    page = VIEWER["index.html"]
    assert re.findall(r"<style|style=|\son\w+=|<script[^>]*>[^<]", page) == []


@pytest.mark.parametrize("name", [*MODULES, *STYLES])
def test_a_file_can_be_held_in_the_head(name: str):
    lines = VIEWER[name].splitlines()
    assert len(lines) <= 420
    assert lines[0].startswith(("// ", "/* ")), "its first line says what it is for"
