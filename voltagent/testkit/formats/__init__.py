"""The answers of providers, built from what a recording holds of them: response bodies and events of streams.

What a recording does not hold is not repeated: reasoning (it is signed by its provider), log-probabilities, headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent.records import OperationRecord
from voltagent.testkit.formats import anthropic, google, openai

# What a request's endpoint answers: the whole body, and the events of a stream (None is OpenAI's last line).
FORMATS: Final[Mapping[str, tuple[Callable[[OperationRecord], Any], Callable[..., list[Any]]]]] = {
    "chat.completions": (openai.chat, openai.chat_events),
    "completions": (openai.completion, openai.completion_events),
    "responses": (openai.response, openai.response_events),
    "messages": (anthropic.message, anthropic.message_events),
}
# Those bodies, whichever provider answered.
RESPONSES: Final = (*(whole for whole, _ in FORMATS.values()), google.google_response)
