"""Render a trace as HTML without scripts: a page to share, or a part of a notebook.

Pure functions over :class:`Entry`. Everything that was recorded is shown as text: escaped, and without characters that
turn a line around. The page asks for nothing: no script, no picture, no font, no address.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from voltagent.render.messages import Conversation, Message, Part, conversation_of
from voltagent.render.reading import blob, part_lines
from voltagent.render.text import duration, error_text, model_name, printable, spent
from voltagent.render.tree import arrange


@dataclass(frozen=True, slots=True)
class Entry:
    """A trace or an operation as it is shown. Times are nanoseconds since the epoch."""

    id: str
    parent_id: str | None  # that of another entry; else it stands below the first one
    kind: str
    name: str
    status: str  # "running", "completed", "error" or "cancelled"
    start_ns: int
    end_ns: int | None  # None while it runs, and for a moment without duration
    usage: Mapping[str, Any] | None = None
    error: Any = None  # a text or an object with `message`
    details: tuple[tuple[str, Any], ...] = ()  # (label, JSON value), shown when the row is opened
    model: str = ""


class Section(NamedTuple):
    """One trace on a page."""

    title: str
    about: Sequence[tuple[str, str]]  # names and values that stand above the tree
    entries: Sequence[Entry]  # the first one is the root


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How much is shown at most; ``None`` is all."""

    entries: int | None = None
    characters: int | None = None  # of one value


def page(title: str, about: Sequence[tuple[str, str]], entries: Sequence[Entry]) -> str:
    """A whole document. The first entry is the root; ``about`` are names and values that stand above the tree."""
    return pages([Section(title, about, entries)])


def pages(sections: Sequence[Section]) -> str:
    """A whole document with one trace or several."""
    title = sections[0].title if len(sections) == 1 else f"{len(sections)} traces"
    body = "\n".join(map(_section, sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}{_PAGE_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    shown = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in section.about)
    return f"<h1>{_text(section.title)}</h1>\n<dl>{shown}</dl>\n{_tree(section.entries, PageLimits())}"


def piece(entries: Sequence[Entry], notes: Sequence[str] = (), limits: PageLimits = PageLimits(200, 4000)) -> str:
    """The tree alone, with its style, to stand among other things. ``notes`` follow below it."""
    notes_html = "".join(f'<p class="note">{_text(note)}</p>' for note in notes)
    return f"<style>{_STYLE}</style>{_tree(entries, limits, notes_html)}"


# ------------------------------------------------------------------------------------------------------------ the tree


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a moment stands between the first and the last, in percent."""

    first: int
    last: int

    @staticmethod
    def of(entries: Sequence[Entry]) -> _Scale:
        moments = [moment for entry in entries for moment in (entry.start_ns, entry.end_ns) if moment is not None]
        return _Scale(min(moments), max(moments))

    def bar(self, entry: Entry) -> tuple[float, float]:
        """Left edge and width. What runs reaches to the right edge; a moment has no width."""
        still = self.last if entry.status == "running" else entry.start_ns
        end = still if entry.end_ns is None else entry.end_ns
        left = self._place(entry.start_ns)
        return left, max(0.0, self._place(end) - left)

    def _place(self, moment: int) -> float:
        return round(100 * (moment - self.first) / max(1, self.last - self.first), 3)


def _tree(entries: Sequence[Entry], limits: PageLimits, notes: str = "") -> str:
    scale = _Scale.of(entries)
    shown = [_row(entry, depth, scale, limits) for entry, depth in _in_order(entries, limits.entries)]
    left = len(entries) - len(shown)
    more = f'<p class="note">{left} more are not shown</p>' if left else ""
    return f'<div class="voltagent">{"".join(shown)}{more}{notes}</div>'


def _in_order(entries: Sequence[Entry], most: int | None) -> Iterator[tuple[Entry, int]]:
    """Each entry with its depth, children behind their parent."""
    root, *rest = entries
    yield root, 0
    for number, place in enumerate(arrange(rest, lambda one: one.id, lambda one: one.parent_id), 1):
        if most is not None and number >= most:
            return
        yield place.item, place.depth + 1


_DEEPEST: Final = 24  # steps of indentation: beyond it no space would be left for a name


_COLOURED: Final = ("trace", "agent", "tool", "memory", "retriever", "llm")  # kinds with a colour in the style below


def _row(entry: Entry, depth: int, scale: _Scale, limits: PageLimits) -> str:
    left, width = scale.bar(entry)
    state = entry.status if entry.status in ("running", "error", "cancelled") else "completed"
    kind = entry.kind if entry.kind in _COLOURED else "event"
    head = (
        f'<span class="who" style="padding-left:{min(depth, _DEEPEST)}em">'
        f'<b class="{kind}">{_text(entry.kind)}</b> {_text(entry.name)}</span>'
        f'<span class="bar"><i class="{kind} {state}" style="left:{left:g}%;width:{width:g}%"></i></span>'
        f'<span class="facts">{_facts(entry)}</span>'
    )
    details = "".join(_detail(label, value, limits.characters) for label, value in _details(entry))
    if not details:
        return f'<div class="row">{head}</div>'
    return f'<details class="row"><summary>{head}</summary><div class="more">{details}</div></details>'


def _figures(entry: Entry) -> tuple[str, str, str]:
    model = entry.model or model_name(next((value for name, value in entry.details if name == "metadata"), None))
    return duration(entry.start_ns, entry.end_ns), model, spent(entry.usage)


def _facts(entry: Entry) -> str:
    facts = [_text(fact) for fact in _figures(entry) if fact]
    if entry.status != "completed":
        facts.append(f'<span class="{"error" if entry.status == "error" else "dim"}">{_text(entry.status)}</span>')
    if entry.error is not None:
        facts.append(f'<span class="error">{_text(_shortened(error_text(entry.error), 200))}</span>')
    return " · ".join(facts)


def _details(entry: Entry) -> Iterator[tuple[str, Any]]:
    yield from ((label, value) for label, value in entry.details if value is not None)
    if entry.usage:
        yield "usage", entry.usage
    error: object = entry.error
    if error is not None:
        fields = dict(cast("Mapping[str, Any]", error)) if isinstance(error, dict) else {}
        stack = fields.pop("stack", None)
        yield "error", fields or error
        if stack is not None:
            yield "stack", stack


def _detail(label: str, value: Any, most: int | None) -> str:
    conversation = conversation_of(value) if label in ("input", "output") else None
    if conversation is not None:
        return f"<h4>{_text(label)}</h4>{_messages(conversation, most)}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return f"<h4>{_text(label)}</h4>{_block(text, most)}"


def _messages(conversation: Conversation, most: int | None) -> str:
    """The messages by role, all open; reasoning and further fields folded."""
    shown = "".join(_message(message, most) for message in conversation.messages)
    rest = json.dumps(dict(conversation.rest), ensure_ascii=False, indent=2) if conversation.rest else ""
    return shown + (_folded("more", rest, most) if rest else "")


def _message(message: Message, most: int | None) -> str:
    name = f" {message.name}" if message.name else ""
    parts = "".join(_part(part, most) for part in message.parts)
    return f'<div class="message {message.side}"><h5>{_text(message.role + name)}</h5>{parts}</div>'


def _part(part: Part, most: int | None) -> str:
    if part.type == "text":
        return _block(blob(part.text) or part.text, most)
    if part.type == "reasoning":
        return _folded("reasoning", part.text, most)
    return _block("\n".join(part_lines(part)), most)


def _folded(label: str, text: str, most: int | None) -> str:
    return f"<details><summary>{_text(label)}</summary>{_block(text, most)}</details>"


def _block(text: str, most: int | None) -> str:
    return f"<pre>{_lines(_shortened(text, most))}</pre>"


def _shortened(text: str, most: int | None) -> str:
    return text if most is None or len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _lines(text: str) -> str:
    return "\n".join(map(_text, text.split("\n")))


def _text(text: str) -> str:
    from html import escape  # its tables take longer to import than this package, and most programs never need them

    return escape(printable(text))


# ----------------------------------------------------------------------------------------------------------- the style

# Inline style is all that is let through: the bars have their places in it.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

# Colours of middle lightness, which can be read on light and on dark alike: a notebook's theme is not ours to know.
_STYLE: Final = """
.voltagent{font:13px/1.5 system-ui,sans-serif;text-align:left}
.voltagent .row>summary,.voltagent div.row{display:grid;grid-template-columns:minmax(12em,5fr) 4fr minmax(9em,4fr);
gap:1em;padding:1px 4px;align-items:center}
.voltagent summary{cursor:pointer;list-style:none}
.voltagent summary::-webkit-details-marker{display:none}
.voltagent summary:hover,.voltagent details[open]>summary{background:rgba(128,128,128,.13)}
.voltagent .who,.voltagent .facts{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.voltagent summary .who::before{content:"▸ ";opacity:.6}
.voltagent details[open]>summary .who::before{content:"▾ "}
.voltagent div.row .who::before{content:"▸ ";visibility:hidden}
.voltagent .facts{font-variant-numeric:tabular-nums}
.voltagent .bar{position:relative;height:9px;background:rgba(128,128,128,.13);border-radius:2px}
.voltagent .bar i{position:absolute;top:0;bottom:0;min-width:2px;border-radius:2px;background:#7a8699}
.voltagent b{font-weight:600}
.voltagent b.trace,.voltagent b.event{color:#7a8699}
.voltagent b.agent{color:#6470e0}.voltagent i.agent{background:#6470e0}
.voltagent b.tool{color:#0f9088}.voltagent i.tool{background:#0f9088}
.voltagent b.memory{color:#b07d12}.voltagent i.memory{background:#b07d12}
.voltagent b.retriever{color:#a455c4}.voltagent i.retriever{background:#a455c4}
.voltagent .error{color:#d64545}
.voltagent .bar i.error{background:#d64545}
.voltagent .bar i.cancelled{opacity:.45}
.voltagent .bar i.running{border-radius:2px 0 0 2px;opacity:.6}
.voltagent .dim,.voltagent .note{opacity:.7}
.voltagent .more{margin:2px 0 8px 2em}
.voltagent h4{margin:6px 0 2px;font-size:11px;font-weight:600;opacity:.7}
.voltagent pre{margin:0;padding:6px 8px;max-height:30em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;
background:rgba(128,128,128,.1);color:inherit;border-radius:3px;font:12px/1.45 ui-monospace,monospace}
.voltagent .message{margin:4px 0 4px;border-left:3px solid #7a8699;padding-left:8px}
.voltagent .message.user{border-color:#6470e0}.voltagent .message.assistant{border-color:#0f9088}
.voltagent .message.tool{border-color:#b07d12}.voltagent .message.system{border-color:#a455c4}
.voltagent h5{margin:2px 0;font-size:11px;font-weight:600}
.voltagent .note{margin:6px 4px;font-size:12px}
@media (max-width:600px){.voltagent .row>summary,.voltagent div.row{grid-template-columns:1fr;gap:2px}}
"""
_PAGE_STYLE: Final = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1c2430}
@media (prefers-color-scheme:dark){:root{--ground:#14181f;--ink:#dde3ec}}
body{margin:1.5em auto;padding:0 1em;max-width:80em;background:var(--ground);color:var(--ink);
font:14px/1.5 system-ui,sans-serif}
h1{font-size:1.3em;margin:0 0 .4em;overflow-wrap:anywhere}
dl{display:flex;flex-wrap:wrap;gap:.2em 1.6em;margin:0 0 1em}
dl div{display:flex;gap:.5em}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
"""
