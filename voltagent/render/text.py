"""What was recorded, in words for people: times, counts, errors, values. Pure functions, for terminals and pages."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from pydantic_core import to_json

from voltagent.capture.usage import is_count, total_tokens
from voltagent.core.scores import Score
from voltagent.storage.traces.facts import model_of

# Below how many seconds a span is written in which unit (its seconds, its name), with how many decimals. Each bound is
# below what would be rounded up to the next form.
_FORMS: Final = (
    (0.0000995, 1e-6, "µs", 0),
    (0.000995, 1e-3, "ms", 2),
    (0.00995, 1e-3, "ms", 1),
    (0.9995, 1e-3, "ms", 0),
    (59.95, 1.0, "s", 1),
)
_MOST_DIGITS: Final = 8  # of a cost, behind the point


def printable(text: str) -> str:
    """Return a text with all characters escaped that move the cursor, change colours or turn the line around."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def duration(start_ns: int, end_ns: int | None) -> str:
    """Return a time span in about two digits: ``40 µs``, ``12 ms``, ``3.4 s``, ``2 min``; empty while it runs."""
    if end_ns is None:
        return ""
    seconds = max(0, end_ns - start_ns) / 1e9
    for below, size, unit, digits in _FORMS:
        if seconds < below:
            return f"{seconds / size:.{digits}f} {unit}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def tokens(usage: Mapping[str, Any] | None) -> str:
    """Return ``235 tokens``, or an empty string if there are none."""
    total = total_tokens(usage)
    return f"{total} token{'' if total == 1 else 's'}" if total else ""


def money(usage: Mapping[str, Any] | None) -> str:
    """Return the cost of a usage in cents or two significant digits: ``$12.30``, ``$0.00012``; empty if unknown."""
    found = None if usage is None else usage.get("cost", usage.get("total_cost"))
    if not is_count(found):
        return ""
    cost = abs(cast("float", found))
    digits = 2 if cost >= 1 or not cost else min(_MOST_DIGITS, max(2, 1 + math.ceil(-math.log10(cost))))
    whole, _, rest = f"{cost:.{digits}f}".partition(".")
    return f"{'-' if cast('float', found) < 0 else ''}${whole}.{rest.rstrip('0'):0<2}"


def spent(usage: Mapping[str, Any] | None) -> str:
    """Return what a call used: ``235 tokens (64 cached), $0.0012``; empty if nothing is known."""
    cached = None if usage is None else usage.get("cached_tokens")
    count = tokens(usage)
    if count and is_count(cached) and cached:
        count += f" ({round(cast('float', cached))} cached)"
    return ", ".join(part for part in (count, money(usage)) if part)


def model_name(metadata: object) -> str:
    """Return the model that metadata names, by the parameters of the model or by itself; empty if it names none."""
    return (model_of("llm", cast("Mapping[str, Any]", metadata)) if isinstance(metadata, Mapping) else None) or ""


def moment(nanoseconds: int) -> str:
    """Return a point in time in the local time zone, with its offset: ``2026-01-31 12:00:00+01:00``."""
    return datetime.fromtimestamp(nanoseconds // 10**9).astimezone().isoformat(" ", "seconds")


def size(count: int) -> str:
    """Return a number of bytes in binary units: ``900 bytes``, ``16 KiB``, ``1.2 MiB``."""
    if count < 2**10:
        return f"{count} byte{'' if count == 1 else 's'}"
    for unit, digits, amount in (("KiB", 0, count / 2**10), ("MiB", 1, count / 2**20)):
        if round(amount, digits) < 1024:
            return f"{amount:.{digits}f} {unit}"
    return f"{count / 2**30:.1f} GiB"


def short_id(identifier: str) -> str:
    """Shorten an id to what identifies a trace: eight digits of a UUID, all of an id that the program chose."""
    return identifier[:8] if len(identifier) == 36 and identifier.count("-") == 4 else identifier


def error_text(error: Any) -> str:
    """Return what went wrong, in a line: a message of several lines, such as pydantic's, with spaces between them."""
    if isinstance(error, Mapping):
        fields = cast("Mapping[str, Any]", error)
        message = fields.get("message")
        text = message if isinstance(message, str) else "" if message is None else value(message)
        found = ": ".join(part for part in (str(fields.get("type") or fields.get("code") or ""), text) if part)
    else:
        found = error if isinstance(error, str) else value(error)
    return " ".join(line.strip() for line in found.splitlines() if line.strip()) if "\n" in found else found


def score_text(score: Score, *, short: bool = False) -> str:
    """Return ``accuracy 0.75 (second try)``, ``thumbs up``, ``note …``; with ``short`` without the comment."""
    if score.name == "thumbs" and isinstance(score.value, bool):
        text = f"thumbs {'up' if score.value else 'down'}"
    else:
        text = f"{score.name} {score.value if isinstance(score.value, str) else value(score.value)}"
    return text if short or not score.comment else f"{text} ({score.comment})"


def value(content: Any) -> str:
    """Return a JSON value on one line."""
    return json.dumps(content, ensure_ascii=False)


def strict_json(content: Any, indent: int | None = None, *, ascii_only: bool = True) -> str:
    """Return a value of plain JSON types as JSON text; numbers that JSON does not have, such as ``1e999``, as null."""
    try:
        return json.dumps(content, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    except ValueError:
        finite = json.loads(to_json(content, inf_nan_mode="null"))
        return json.dumps(finite, ensure_ascii=ascii_only, indent=indent)
