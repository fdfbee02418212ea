"""Streams whose chunks are the text of events, as a server sends them: `data: {…}`, JSON lines and `0:"…"`.

What an event adds to a text stands in quotes and between names, so that a secret over several events is not one piece
of their text. So the strings that have the same name are looked at together. The chunks may end anywhere; if they have
no line ends, each is a line.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.pieces import release
from voltagent.core.text import encoded, join_texts
from voltagent.processors.secrets.structures.lists import are_strings
from voltagent.processors.secrets.text.scan import Range
from voltagent.processors.streams import edges_of, ends_of, texts_of

_BEGINNING: Final = re.compile(
    rb'\{"result":(?:\["(?:\{\\"|(?:\\n){0,8}",")|\[?"(?:(?:data|event|id|retry)?:|[0-9a-z]:(?:\\"|[{\[])))'
)
_AT_ONCE: Final = 1 << 17  # characters; a longer line is no event
_STRINGS: Final = 4096  # looked at or decoded at once
_MOST_NAMES: Final = 1024
_MOST_CHANGES: Final = 2  # of a line to the next: the text and the time
_SAMPLE: Final = 8192  # characters of a stretch in which its events are compared
_BEFORE_STRING: Final = re.compile(r'(": ?"|^[0-9a-z]:")', re.MULTILINE)
_EVENT: Final = re.compile(r"^(?:data:|\{|[0-9a-z]:\")[^\n]+$", re.MULTILINE)
_MARKS: Final = "\3\4\5\6"  # replace what all events have between their changing strings
_MARK: Final = re.compile(f"([{_MARKS}])")
# As long as the escapes that they replace while strings end at quotes; JSON has no such characters.
_ESCAPES: Final = (("\\\\", "\0\1"), ('\\"', "\0\2"))

# `texts at their edges -> whether there can be a secret`; `texts -> whether there was one`, which it changes in place
LookAtEdges: TypeAlias = Callable[[str], bool]
SearchTexts: TypeAlias = Callable[[list[str]], bool]
# the name, some strings with it, and where they begin
_Strings: TypeAlias = tuple[str, list[str], Iterable[int]]
_Change: TypeAlias = tuple[int, int, str]  # from, to, and what stands there from now on


def may_be_events(output: bytes) -> bool:
    """Return whether the JSON text of an output begins like a stream of events."""
    return _BEGINNING.match(output) is not None


def are_whole(chunks: list[Any]) -> bool:
    """Return whether each chunk ends with an event, so that what one begins is not continued by the next."""
    return are_strings(chunks) and all(
        chunk[-1:] == "\n" or (chunk[:1] == "{" and chunk[-1:] == "}") for chunk in chunks
    )


def hide_in_events(output: Any, look: LookAtEdges, search: SearchTexts) -> bool:
    """Hide secrets that are split over the events in the chunks of an output, in place, and return whether one was.

    Args:
        output: decoded, with its chunks, or all of them as one text, under ``result``.
        look: gets the strings with one name at their edges; what it lets pass is not searched.
        search: gets these strings, and changes them.
    """
    result = output.get("result")
    chunks: list[Any] = [result] if type(result) is str else result if type(result) is list else []
    if not chunks or not are_strings(chunks):
        return False
    joint = "" if any("\n" in chunk for chunk in chunks) else "\n"
    parts = [chunk + joint for chunk in chunks] if joint else chunks
    text = join_texts(parts)
    if not _may_be_stream(text):
        return False
    by_name: dict[str, list[str]] = {}
    for begin, end in _stretches(text):
        for name, strings, _ in _strings_between(text[begin:end], begin):
            if name in by_name or len(by_name) < _MOST_NAMES:
                by_name.setdefault(name, []).extend(strings)
    changed: dict[str, dict[int, str]] = {}  # by the numbers of the strings with a name
    for name, strings in by_name.items():
        if _are_different(strings):
            texts = _decoded(strings)
            if look(edges_of(texts, texts_of)):
                befores = texts.copy()
                if search(texts):
                    afters = enumerate(zip(befores, texts, strict=True))
                    changed[name] = {number: text for number, (known, text) in afters if text != known}
    if changed:
        chunks[:] = _rewritten(text, ends_of(parts), _changes(text, changed), len(joint))
        output["result"] = chunks[0] if type(result) is str else chunks
    while by_name:
        release(by_name.popitem()[1])
    return bool(changed)


def _stretches(text: str) -> Iterator[Range]:
    """Yield stretches of a text that end with a line; a line that is too long for an event is in none."""
    start = 0
    while start < len(text):
        stop = min(len(text), start + _AT_ONCE)
        if stop < len(text):
            stop = text.rfind("\n", start, stop) + 1 or text.find("\n", stop) + 1 or len(text)
        if stop - start <= _AT_ONCE:
            yield start, stop
        start = stop


def _strings_between(some: str, begin: int) -> Iterator[_Strings]:
    """Yield the strings of a stretch; what all its events have between these is left out first."""
    if '\\"' in some:
        for escape, mark in _ESCAPES:
            some = some.replace(escape, mark)
    between = dict(zip(_MARKS, _between_changes(some), strict=False))
    for mark, same in between.items():
        some = mark.join(some.split(same))  # half the time of `replace`
    name = ""
    pieces = _BEFORE_STRING.split(some)
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            if len(between) == 1:
                first, *strings = piece.split(_MARKS[0])
                marks = [_MARKS[0]] * len(strings)
            else:
                first, *others = _MARK.split(piece) if between else [piece]
                marks, strings = others[::2], others[1::2]
            if number:
                yield name, [first.partition('"')[0]], (begin,)
            if strings:
                strings[-1] = strings[-1].partition('"')[0]
                texts = strings
                if '"' in "".join(strings):  # some events differ in more than those that were compared
                    texts = [string.partition('"')[0] for string in strings]
                lengths = {mark: len(same) for mark, same in between.items()}
                for mark, same in between.items():
                    places = _places(mark, begin + len(first), marks, strings, lengths)
                    own = [string for one, string in zip(marks, texts, strict=True) if one == mark]
                    yield _name_at_end(same.rstrip('": ')), own, places
            sign = pieces[number + 1 : number + 2]
            name = _name_at_end(f'"\n{sign[0][0]}' if sign and sign[0][0] != '"' else piece)
            begin += sum([piece.count(mark) * (len(same) - 1) for mark, same in between.items()])
        begin += len(piece)


def _places(which: str, begin: int, marks: list[str], strings: list[str], lengths: dict[str, int]) -> Iterator[int]:
    """Yield where the strings behind a mark begin."""
    for mark, string in zip(marks, strings, strict=True):
        begin += lengths[mark]
        if mark == which:
            yield begin
        begin += len(string)


def _name_at_end(text: str) -> str:
    return text[text.rfind('"') :]


def _between_changes(some: str) -> list[str]:
    """Return what stands between the strings that change from event to event; nothing if events differ otherwise."""
    if any(mark in some for mark in _MARKS):
        return []
    for one, joint, other, differ in _neighbours(some):
        are_apart = all(next_at - at > 1 for at, next_at in pairwise(differ))
        if are_apart and 0 < len(differ) <= len(_MARKS):
            ends = ['"'.join(["", *other[at + 1 : next_at], ""]) for at, next_at in pairwise(differ)]
            return [*ends, '"'.join(["", *one[differ[-1] + 1 :]]) + joint + '"'.join([*other[: differ[0]], ""])]
    return []


def _may_be_stream(text: str) -> bool:
    """Return whether lines can be a stream of events: lists of other JSON texts differ in more."""
    if not text.startswith("{") or len(text) <= _SAMPLE:
        return True
    return any(len(differ) <= _MOST_CHANGES for *_, differ in islice(_neighbours(text), 1))


def _neighbours(some: str) -> Iterator[tuple[list[str], str, list[str], list[int]]]:
    """Yield events of a sample and the next ones, if they have as many quotes, split at these.

    With each pair, what is between them, and the numbers of the pieces that differ.
    """
    begin = max(0, (len(some) - _SAMPLE) // 2)
    sample = some[begin : begin + _SAMPLE]
    for before, after in pairwise(_EVENT.finditer(sample)):
        one, other = before[0].split('"'), after[0].split('"')
        if len(one) == len(other):
            differ = [at for at, (known, new) in enumerate(zip(one, other, strict=True)) if known != new]
            yield one, sample[before.end() : after.start()], other, differ


def _are_different(strings: list[str]) -> bool:
    some_at_once = (strings[at : at + _STRINGS] for at in range(0, len(strings), _STRINGS))
    return any(some.count(strings[0]) < len(some) for some in some_at_once)


def _decoded(strings: list[str]) -> list[str]:
    """Return the texts of strings; an empty one for what is not a string."""
    texts: list[str] = []
    for at in range(0, len(strings), _STRINGS):
        some = strings[at : at + _STRINGS]
        decoded = _decoded_list('","'.join(some))
        if len(decoded) != len(some):
            decoded = ["" if '"' in one else "".join(_decoded_list(one)) for one in some]
        texts += decoded
    return texts


def _decoded_list(strings: str) -> list[str]:
    for escape, mark in _ESCAPES:
        strings = strings.replace(mark, escape)
    try:
        return cast("list[str]", from_json(f'["{strings}"]', cache_strings="none"))
    except ValueError:
        return []


def _changes(text: str, changed: dict[str, dict[int, str]]) -> list[_Change]:
    """Return the changes of a text in order."""
    changes: list[_Change] = []
    numbers = dict.fromkeys(changed, 0)
    for begin, end in _stretches(text):
        some: list[_Change] = []
        for name, strings, places in _strings_between(text[begin:end], begin):
            afters = changed.get(name)
            if afters is not None:
                for number, (string, start) in enumerate(zip(strings, places, strict=True), numbers[name]):
                    if number in afters:
                        some.append((start, start + len(string), encoded(afters[number]).decode()[1:-1]))
                numbers[name] += len(strings)
        changes += sorted(some)
    return changes


def _rewritten(text: str, ends: Sequence[int], changes: list[_Change], joint: int) -> list[str]:
    """Return a changed text in the chunks that it had; what changes over the border of two stands in the first."""
    chunks: list[str] = []
    changes.append((len(text) + 1, 0, ""))
    kept: list[str] = []
    at = next_change = 0
    for end in ends:
        kept.clear()
        start, stop, after = changes[next_change]
        while start < end:
            kept += (text[at:start], after)
            at = stop
            next_change += 1
            start, stop, after = changes[next_change]
        kept.append(text[at : max(at, end - joint)])
        at = max(at, end)
        chunks.append("".join(kept))
    return chunks
