"""The part of `docs/capture.md` that is made from the tables of secret names and token formats.

``python -m tests.processors.document`` writes it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from voltagent.processors.secrets.text.searches.commands import COMMAND_FLAGS
from voltagent.processors.secrets.text.searches.configuration import DEVICE_KEYS, SETTERS
from voltagent.processors.secrets.text.searches.headers import HEADERS, SCHEMES
from voltagent.processors.secrets.text.searches.prose import WORDS
from voltagent.processors.secrets.text.searches.urls import MAYBE_PARAMETERS, PARAMETERS, WEBHOOKS
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS
from voltagent.processors.secrets.vocabulary.words import HARMLESS, STEMS, STRONG, STRONG_PAIRS, WEAK

PATH: Final = Path(__file__).parents[2] / "docs" / "capture.md"
_BEGIN: Final = "<!-- Made by `python -m tests.processors.document` from the tables of the code -->\n\n"
_END: Final = "\n<!-- End of the tables -->\n"


def tables() -> str:
    """The lists of words and issuers as paragraphs."""
    pairs: dict[str, list[str]] = {}
    for first, second in sorted(STRONG_PAIRS):
        pairs.setdefault(second, []).append(first)
    issuers = dict.fromkeys([*(one.issuer for one in FORMATS), *(one.issuer for one in INNER_FORMATS)])
    paragraphs = [
        f"Strong words: {', '.join(sorted(STRONG))}.",
        f"Stems that make a name strong wherever they stand in it: {', '.join(STEMS)}.",
        f"Strong pairs: {'; '.join('/'.join(firsts) + ' ' + second for second, firsts in sorted(pairs.items()))}.",
        f"Weak words: {', '.join(sorted(WEAK))}.",
        f"A token is harmless beside: {', '.join(sorted(HARMLESS['token']))}.",
        f"A key is harmless beside: {', '.join(sorted(HARMLESS['key']))}.",
        f"Any other word is weaker beside: {', '.join(sorted(HARMLESS['strong']))}.",
        f"A strong word is harmless in a name that ends with: {', '.join(sorted(HARMLESS['fact']))}.",
        f"A strong word is weaker also before: {', '.join(sorted(HARMLESS['named']))}.",
        f"Headers: {', '.join(HEADERS)} (before `key` or `token`). Schemes: {', '.join(SCHEMES)}.",
        (
            f"Parameters of URLs, beside names: {', '.join(PARAMETERS)}; if the value looks like a credential of "
            f"at least 12 characters: {', '.join(MAYBE_PARAMETERS)}. Webhooks: {', '.join(WEBHOOKS)}."
        ),
        (
            f"Flags of certain commands that take a password: {_flags()}. What sets a variable without an operator: "
            f"{', '.join(word.strip() for word in SETTERS)}. In the configuration of devices: "
            f"{', '.join(word.lstrip('-') for word in DEVICE_KEYS)}."
        ),
        f"Words that a sentence states a secret with: {', '.join(WORDS)}.",
        f"Issuers: {'; '.join(issuers)}.",
    ]
    return (
        "\n\n".join(textwrap.fill(one, 120, break_long_words=False, break_on_hyphens=False) for one in paragraphs)
        + "\n"
    )


def _flags() -> str:
    return "; ".join(f"`{flag}` of {', '.join(map(str.strip, commands))}" for flag, _, commands in COMMAND_FLAGS)


def with_tables(document: str) -> str:
    """The document with its generated part made anew."""
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, "the mark before the generated part is missing"
    assert end, "the marks of the generated part are missing"
    return before + begin + tables() + end + after


if __name__ == "__main__":
    PATH.write_text(with_tables(PATH.read_text(encoding="utf-8")), encoding="utf-8")
