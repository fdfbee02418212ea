"""What was redacted in one operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core.text import encoded

SHORTEST_TEXT: Final = 6  # characters; a shorter secret could not be distinguished from a word
MOST_REPEATED: Final = 32  # secrets of one operation that are looked for elsewhere: each costs a search over a payload
_LONGEST_REPEATED: Final = 4096  # characters


@dataclass(eq=False, slots=True)
class Found:
    """What was redacted in one operation: how many values, and those that may be repeated elsewhere in it."""

    count: int = 0
    secrets: dict[str, None] = field(default_factory=dict[str, None])

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
        if SHORTEST_TEXT <= len(text) <= _LONGEST_REPEATED and SECRET_TEXT not in text:
            self.secrets[text] = None

    def repeated_in(self, text: bytes) -> bool:
        """Return whether a JSON text holds one of the secrets."""
        return any(encoded(secret)[1:-1] in text for secret in self.secrets)

    def without_repetitions(self, text: str) -> str:
        """Return a string that is not a payload, such as a comment, without the secrets that are known."""
        for secret in self.secrets:
            if secret in text:
                self.count += 1
                text = text.replace(secret, SECRET_TEXT)
        return text
