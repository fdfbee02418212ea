"""The viewer's page of a trace as one file that needs nothing else: to share, and for a notebook.

The file holds the modules of the viewer itself, joined into one script, and the records as JSON. The policy in its head
lets this script and this style run and nothing else: nothing is requested from any address, whatever was recorded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from pydantic_core import to_json

from voltagent.render.answers import Json
from voltagent.render.text import printable

_ENTRY: Final = "file.js"
# What needs a server is replaced by what stands in the file.
_REPLACED: Final = {"transport.js": "recorded.js", "live.js": "recorded.js", "choose.js": "recorded.js"}
_STYLES: Final = ("base.css", "trace.css", "value.css", "reading.css", "file.css")
_IMPORT: Final = re.compile(r'^import \{ ([^}]+) \} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?function|const) (\w+)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^ *(?:/\*\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_STYLE_COMMENT: Final = re.compile(r"/\*.*?\*/\n*", re.DOTALL)


def page(title: str, traces: Sequence[Json]) -> str:
    """Return a whole HTML document.

    Args:
        title: what the browser shows as its title.
        traces: as :func:`voltagent.render.answers.recorded_trace` makes them; the first one is shown at first.
    """
    script, style = _script(), _style()
    # a data block is never run; "<" is written so that no value can end it
    data = _json({"traces": traces}).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(printable(title))}</title>\n<style>{style}</style>\n</head>\n<body>\n{_BODY}\n"
        f'<script type="application/json" id="recorded">{data}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def frame(title: str, notes: Iterable[str], traces: Sequence[Json], height: int) -> str:
    """Return the page for a notebook's cell: alone in a frame, so that it and the notebook cannot reach each other.

    Args:
        title: one line above the frame, which also stands where a notebook shows no frames.
        notes: lines below it.
        traces: as for :func:`page`.
        height: in pixels.
    """
    lines = "".join(f"<p>{escape(printable(one))}</p>" for one in notes)
    inside = escape(page(title, traces))
    return (
        f"<p><b>{escape(printable(title))}</b></p>"
        f'<iframe sandbox="allow-scripts" srcdoc="{inside}" title="{escape(printable(title))}" '
        f'style="width:100%;height:{height}px;border:1px solid #8888;border-radius:4px"></iframe>{lines}'
    )


_BODY: Final = """<header class="bar">
<span class="brand">voltagent</span>
<nav id="traces" aria-label="Traces"></nav>
<span class="grow"></span>
<span id="live" class="live" role="status"></span>
<button id="theme" type="button" class="quiet" aria-label="Colours">Colours</button>
<button id="help" type="button" class="quiet" aria-label="Keys" title="Keys (?)">?</button>
</header>
<main id="page" class="trace" tabindex="-1"></main>
<dialog id="keys" aria-labelledby="keys-title"></dialog>
<div id="message" class="unseen" role="status" aria-live="polite"></div>
<noscript>This page needs JavaScript. What was recorded is in its source, as JSON.</noscript>"""


def _json(value: Any) -> str:
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except ValueError:  # a lone surrogate
        return json.dumps(value, default=str)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _source(name: str) -> str:
    return files("voltagent").joinpath("server", "viewer", name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    return "".join(_STYLE_COMMENT.sub("", _source(name)) for name in _STYLES)


@cache
def _script() -> str:
    """Join the modules, each as a function of its own, those that others import first."""
    joined: dict[str, str] = {}
    _join(_ENTRY, joined)
    return f'"use strict";\n{"".join(joined.values())}'


def _join(name: str, joined: dict[str, str]) -> None:
    """Add a module, after those that it imports, as a function that returns what it exports."""
    source = _COMMENT.sub("", _source(name))
    found: list[tuple[str, str]] = _IMPORT.findall(source)
    imports = [(names, _REPLACED.get(module, module)) for names, module in found]
    for _, module in imports:
        if module not in joined:
            _join(module, joined)
    given = "".join(f"const {{ {names.replace(' as ', ': ')} }} = {_variable(module)};\n" for names, module in imports)
    exported: Any = [found[1] for found in _EXPORT.findall(source)]
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub("", source))
    joined[name] = f"const {_variable(name)} = (() => {{\n{given}{body}return {{ {', '.join(exported)} }};\n}})();\n"


def _variable(module: str) -> str:
    return f"module_{module.removesuffix('.js')}"
