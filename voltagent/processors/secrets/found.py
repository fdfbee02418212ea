"""What was redacted in one operation, and how it is replaced in texts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, islice
from operator import eq
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.text import encoded, join_texts, replace_surrogates, split_text
from voltagent.processors.secrets.spellings import Spellings, may_hold_encoded, may_hold_part, standing_in
from voltagent.processors.secrets.text.scan import SEPARATOR, SHORTEST_TEXT, Range, take_all
from voltagent.processors.secrets.vocabulary.credential_forms import is_credential, is_ordinary

MOST_REPEATED: Final = 32  # secrets of one operation that are looked for elsewhere: each costs a search over a payload
_LONGEST_REPEATED: Final = 4096  # characters
_MOST_SPELLED: Final = 8  # of them that are looked for as other texts write them, escaped or in base64
_MOST_SPELLINGS: Final = 160  # of all of these; after that many, no more secrets are looked for so
_AT_ONCE: Final = 1 << 15  # characters in which repetitions are replaced at once
# The credential in a value that was redacted as a whole: behind a scheme, in cookies, in the pairs of a connection.
_BEHIND_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,20} ([^\s;,\"']{8,1024})\Z")
_COOKIE: Final = re.compile(r"=([^\s;,\"']{8,1024})")
_SECRET_PAIR: Final = re.compile(r"(?:password|pwd|key|secret|token)=([^\s;,\"']{8,1024})", re.IGNORECASE)
_LONGEST_AROUND: Final = 2048  # characters
_STRINGS: Final = 4096  # joined at once
_PARTS: Final = 4096  # of a text, joined at once


@dataclass(eq=False, slots=True)
class Found:
    """What was redacted in one operation: how many values, and those that may be repeated elsewhere in it."""

    count: int = 0
    secrets: dict[str, None] = field(default_factory=dict[str, None])
    _spellings: dict[str, Spellings] = field(default_factory=dict[str, Spellings])  # of the first of them

    def add(self, value: Any) -> None:
        """Count a redacted value, and remember it if it has at least 6 characters."""
        self.count += 1
        if len(self.secrets) < MOST_REPEATED:
            self.remember(value)

    def remember(self, value: Any) -> None:
        """Remember a string or a number, to recognise it elsewhere."""
        if len(self.secrets) >= MOST_REPEATED:
            return
        text = value if type(value) is str else str(value) if type(value) in (int, float) else ""
        if _may_be_repeated(text):
            self.secrets[text] = None
            self._remember_inner(text)

    def remember_all(self, texts: Iterable[str]) -> None:
        """Remember the secrets of a scan; what goes over the end of a string is none."""
        secrets = self.secrets
        for text in texts:
            if len(secrets) >= MOST_REPEATED:
                return
            if SEPARATOR not in text and _may_be_repeated(text):
                secrets[text] = None
                if " " in text or "=" in text:
                    self._remember_inner(text)

    def _remember_inner(self, text: str) -> None:
        """Remember the credentials in a header, such as that in ``Bearer x``: messages repeat them alone."""
        if len(text) > _LONGEST_AROUND:
            return
        behind_scheme = _BEHIND_SCHEME.match(text) if " " in text else None
        found = [behind_scheme[1]] if behind_scheme is not None else []
        if "=" in text:
            are_cookies = text.count(";") == text.count("; ") and not [1 for one in text.split("; ") if "=" not in one]
            pair = _COOKIE if are_cookies else _SECRET_PAIR
            found += [match[1] for match in islice(pair.finditer(text), MOST_REPEATED - len(self.secrets))]
        for credential in found:
            if is_credential(credential):
                self.secrets[credential] = None

    def repeated_in(self, text: bytes, *, is_encoded: bool = True) -> bool:
        """Return whether a JSON text holds one of the secrets, however it is written; in base64 if ``is_encoded``."""
        has_part = may_hold_part(text, self.secrets)
        if has_part and standing_in(text, [_in_json(secret) for secret in self.secrets]):
            return True
        if not has_part and not is_encoded:
            return False
        others = self.spellings_for(text, is_encoded=is_encoded)
        return bool(standing_in(text, [*map(str.encode, others), *[_in_json(one) for one in others if "\\" in one]]))

    def spellings_for(self, text: str | bytes, most: int = _MOST_SPELLED, *, is_encoded: bool = True) -> list[str]:
        """Return how else the first secrets are written, if that may stand in a text."""
        found: list[str] = []
        secrets = [*islice(self.secrets, min(most, _MOST_SPELLED))]
        if not secrets:
            return found
        has_part, is_encoded = may_hold_part(text, secrets), is_encoded and may_hold_encoded(text, secrets)
        if not has_part and not is_encoded:
            return found
        for secret in secrets:
            if len(found) > _MOST_SPELLINGS:
                break
            spellings = self._spellings.get(secret)
            if spellings is None:
                spellings = self._spellings[secret] = Spellings(secret)
            if has_part:
                found += spellings.escaped_for(text)
            if is_encoded:
                found += spellings.encoded()
        return found

    def keys_with_secrets(self, keys: Iterable[str]) -> list[str]:
        """Return which keys hold one of the secrets, other than a name: keys are names themselves."""
        joined = SEPARATOR.join(keys)
        here = [one for one in self.secrets if one in joined and not _is_name(one)]
        here += [one for one in self.spellings_for(joined) if one in joined]
        return [key for key in keys if any(one in key for one in here)] if here else []

    def without_repetitions(self, text: str) -> str:
        """Return a string that is not a payload, such as a comment, without the secrets that are known."""
        cleaned = text if text.isascii() else replace_surrogates(text)  # as the secrets were found
        found = [one for one in (*self.secrets, *self.spellings_for(cleaned)) if one in cleaned]
        for secret in sorted(found, key=len, reverse=True):  # one may be a part of another
            if secret in cleaned:
                cleaned = cleaned.replace(secret, SECRET_TEXT)
                self.count += 1
        return cleaned if found else text


def _may_be_repeated(secret: str) -> bool:
    """Return whether a secret is looked for elsewhere: not if it is so short or long, nor what we ourselves write."""
    return SHORTEST_TEXT <= len(secret) <= _LONGEST_REPEATED and SECRET_TEXT not in secret and secret not in SECRET_TEXT


def _is_name(secret: str) -> bool:
    """Return whether a secret is a word such as ``password``, or several that are joined as in a name."""
    return is_ordinary(secret) and " " not in secret and not secret.isdigit()


def _in_json(text: str) -> bytes:
    return encoded(text)[1:-1]


class Changes(NamedTuple):
    """The texts that change, by their numbers: two dictionaries that Python's garbage collection does not track."""

    texts: dict[int, str]
    counts: dict[int, int]  # of what was replaced, if it is not one

    def add(self, number: int, text: str, count: int) -> None:
        """Note what became of a text."""
        self.texts[number] = text
        if count != 1:
            self.counts[number] = count

    def count(self, number: int) -> int:
        """Return how many values were replaced in a text."""
        return self.counts.get(number, 1) if number in self.texts else 0


class Replacer:
    """Replaces ranges of texts, and what the user's own patterns and those of frequent secrets match."""

    def __init__(self, patterns: tuple[re.Pattern[str], ...], frequent: list[str]) -> None:
        self._patterns = patterns
        self._frequent = _pattern_of(frequent)

    def replaced(self, texts: Sequence[str], found: dict[int, Sequence[Range]]) -> Changes:
        """Return the texts that change; ``found`` is emptied: to free very many ranges at once takes long."""
        after = Changes({}, {})
        changed = after.texts
        while found:
            number, ranges = found.popitem()
            text = texts[number]
            if len(ranges) == 1 and len(text) <= _AT_ONCE:
                start, stop = ranges[0]
                changed[number] = f"{text[:start]}{SECRET_TEXT}{text[stop:]}"
            else:
                count = len(ranges)
                after.add(number, _replaced(text, ranges), count)
        if self._frequent is not None:
            self._add(after, texts, self._without_frequent)
        for pattern in self._patterns:
            self._add(after, texts, partial(_without_matches, pattern))
        return after

    @staticmethod
    def _add(after: Changes, texts: Sequence[str], replace: Callable[[list[str]], Iterator[tuple[str, int]]]) -> None:
        befores = [after.texts.get(number, text) for number, text in enumerate(texts)]
        for number, (text, count) in enumerate(replace(befores)):
            if count:
                after.add(number, text, count + after.count(number))

    def frequent_in(self, text: str) -> list[Range]:
        """Return where frequent secrets stand in the joined chunks of a stream, over whose borders they may go."""
        if self._frequent is None:
            return []
        return [
            match.span()
            for start in range(0, len(text), _AT_ONCE)
            for match in self._frequent.finditer(text, start, start + _AT_ONCE + _LONGEST_REPEATED)
        ]

    def _without_frequent(self, texts: list[str]) -> Iterator[tuple[str, int]]:
        """Yield the texts without frequent secrets; short ones are joined, so that they cost no call each."""
        frequent = cast("re.Pattern[str]", self._frequent)
        for batch in _batches(texts):
            parts = frequent.sub(SECRET_TEXT, SEPARATOR.join(batch)).split(SEPARATOR) if len(batch) > 1 else []
            if len(parts) == len(batch):
                for part, text, same in zip(parts, batch, map(eq, parts, batch), strict=True):
                    yield part, 0 if same else marks_added(text, part)
            else:
                for text in batch:
                    yield _without_repetitions(text, frequent)


def _replaced(text: str, ranges: Sequence[Range]) -> str:
    """Return the text with ``[redacted]`` in the place of each range."""
    if len(text) <= _AT_ONCE:
        kept: list[str] = []
        start = 0
        for stop, end in ranges:
            kept.append(text[start:stop])
            start = end
        kept.append(text[start:])
        return SECRET_TEXT.join(kept)
    pieces: list[str] = []
    parts: list[str] = []  # of a piece: to free very many at once takes long
    end = 0
    for start, stop in take_all(ranges) if isinstance(ranges, list) else ranges:
        if start - end <= _AT_ONCE:
            parts += (text[end:start], SECRET_TEXT)
        else:
            parts += (*split_text(text, end, start), SECRET_TEXT)
        end = stop
        if len(parts) > _PARTS:
            pieces.append("".join(parts))
            parts.clear()
    return join_texts([*pieces, *parts, *split_text(text, end, len(text))])


def _without_matches(pattern: re.Pattern[str], texts: list[str]) -> Iterator[tuple[str, int]]:
    for text in texts:
        yield pattern.subn(SECRET_TEXT, text)


def marks_added(before: str, after: str) -> int:
    """Return how many values were redacted in a text that has changed."""
    return max(1, after.count(SECRET_TEXT) - before.count(SECRET_TEXT))


def _batches(texts: list[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of those that are joined at once; a long text stands alone."""
    for first in range(0, len(texts), _STRINGS):
        some = texts[first : first + _STRINGS]
        ends = [*accumulate(map(len, some))]
        start = length = 0
        while start < len(some):
            stop = max(start + 1, bisect_right(ends, length + _AT_ONCE))
            yield some[start:stop]
            start, length = stop, ends[stop - 1]


def _without_repetitions(text: str, frequent: re.Pattern[str]) -> tuple[str, int]:
    parts: list[tuple[str, int]] = []
    start = 0
    while start < len(text):
        stop = len(text) if len(text) - start <= _AT_ONCE else _end_of_piece(text, start, frequent)
        parts.append(frequent.subn(SECRET_TEXT, text[start:stop]))
        start = stop
    return join_texts([part for part, _ in parts]), sum(count for _, count in parts)


def _pattern_of(secrets: list[str]) -> re.Pattern[str] | None:
    """Return a pattern of known secrets, the longest first; a number is not looked for inside a longer one."""
    if not secrets:
        return None
    ordered = sorted(secrets, key=len, reverse=True)
    numbers = "|".join([one for one in ordered if one.isdigit()])
    others = [re.escape(one) for one in ordered if not one.isdigit()]
    # together, as each alternative that begins with a look behind would be tried everywhere
    return re.compile("|".join([*others, rf"(?<!\d)(?:{numbers})(?!\d)"] if numbers else others))


def _end_of_piece(text: str, start: int, pattern: re.Pattern[str]) -> int:
    """Return where a piece of a long text ends: not inside of a match."""
    stop = start + _AT_ONCE
    for match in pattern.finditer(text, stop - _LONGEST_REPEATED, stop + _LONGEST_REPEATED):
        if match.start() < stop < match.end():
            return match.start()
    return min(stop, len(text))
