"""An answer that comes bit by bit: what the chunks of a stream have come to so far."""

from __future__ import annotations

from typing import Any, Final

from voltagent.capture.results import ModelResult, Response
from voltagent.capture.results.answers import joined
from voltagent.capture.stored_fields import as_text, fields_of
from voltagent.capture.usage import counted, summed

_MOST_TEXT: Final = 960 * 1024  # characters of one streamed answer
_MOST_REASONING: Final = _MOST_TEXT // 2
_MOST_RESPONSES: Final = 1024  # in one stream
_MOST_CALLS: Final = 256  # in one response
_MOST_CHOICES: Final = 32  # in one response, beside the first


class _ToolCall:
    """A tool call that comes bit by bit."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[object] = []

    def shown(self) -> dict[str, object]:
        """Return the call in the form of :mod:`voltagent.capture.results.answers`."""
        texts = [part for part in self.arguments if type(part) is str and part]
        whole = [part for part in self.arguments if type(part) is not str]
        arguments: object = "".join(texts) if texts or not whole else whole[-1]
        found = {"id": self.id, "name": self.name, "arguments": arguments}
        return {key: value for key, value in found.items() if value is not None}


class StreamedAnswer:
    """One response of a model, as far as it has come."""

    __slots__ = (
        "added",
        "calls",
        "ended",
        "finish",
        "holder",
        "id",
        "left",
        "model",
        "others",
        "reasoning",
        "reasoning_left",
        "texts",
        "usage",
        "whole",
    )

    def __init__(self) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self.texts: list[str] = []
        self.left = _MOST_TEXT
        self.reasoning: list[str] = []
        self.reasoning_left = _MOST_REASONING
        self.calls: dict[int | str | None, _ToolCall] = {}
        self.others: dict[int, StreamedAnswer] = {}  # further choices, by their index
        self.usage: dict[str, Any] = {}  # as the provider spells it: what comes later replaces
        self.added: list[dict[str, Any]] = []  # usages that add up
        self.holder: object = None
        self.finish: str | None = None
        self.whole: ModelResult | None = None  # if the stream says at its end what it was
        self.ended = False

    def choice(self, index: object) -> StreamedAnswer:
        """Return what has come of one of several answers to the same request."""
        if type(index) is not int or index == 0:
            return self
        found = self.others.get(index)
        if found is None:
            found = StreamedAnswer()
            found.left = _MOST_TEXT // 8
            found.reasoning_left = _MOST_REASONING // 8
            if len(self.others) < _MOST_CHOICES:  # else it is not kept
                self.others[index] = found
        return found

    def add_text(self, value: object) -> None:
        """Append a piece of text."""
        text = as_text(value)
        if text and self.left > 0:
            self.texts.append(text[: self.left])
            self.left -= len(text)

    def add_reasoning(self, value: object) -> None:
        """Append a piece of what the model writes for itself."""
        text = as_text(value)
        if text and self.reasoning_left > 0:
            self.reasoning.append(text[: self.reasoning_left])
            self.reasoning_left -= len(text)

    def add_call(self, place: object, *, id: object = None, name: object = None, arguments: object = None) -> None:
        """Start a tool call or append to it."""
        key = place if type(place) is int else as_text(place)  # an object of the program's is not hashed
        call = self.calls.get(key)
        if call is None:
            if len(self.calls) >= _MOST_CALLS:
                return
            call = self.calls[key] = _ToolCall()
        call.id = call.id or as_text(id)
        call.name = call.name or as_text(name)
        text = as_text(arguments)
        if text is not None:
            call.arguments.append(text[: max(self.left, 0)])
            self.left -= len(text)
        elif arguments is not None:
            call.arguments.append(arguments)

    def add_usage(self, usage: object) -> None:
        """Take numbers; they replace those of the same name that came before."""
        if usage is not None:
            self.usage.update(fields_of(usage))
            self.holder = usage

    def _answer(self) -> object:
        calls = [call.shown() for call in self.calls.values()]
        return joined("".join(self.texts) or None, "".join(self.reasoning), calls)

    def result(self) -> ModelResult:
        """Return what is recorded of it."""
        usage = counted(self.usage) or summed(self.added)
        whole = self.whole or ModelResult()
        answer = self._answer()
        if self.others:
            answer = [answer, *(self.others[index]._answer() for index in sorted(self.others))]  # noqa: SLF001 - ours
        responses = () if usage is None else (Response(usage, self.holder, self.id, self.model),)
        return ModelResult(
            whole.model or self.model,
            whole.responses or responses,
            whole.finish_reason or self.finish,
            whole.response_id or self.id,
            answer if whole.answer is None else whole.answer,
        )


class StreamedAnswers:
    """The responses in one stream, in their order."""

    __slots__ = ("all",)

    def __init__(self) -> None:
        self.all: list[StreamedAnswer] = []

    def of(self, identifier: object = None, *, new: bool = False) -> StreamedAnswer:
        """Return the response that a chunk belongs to: the last one, unless its id or ``new`` says otherwise."""
        text = as_text(identifier) or None
        last = self.all[-1] if self.all else None
        is_other = last is not None and (
            new or (last.ended and not text) or (text and last.id is not None and last.id != text)
        )
        if last is None or (is_other and len(self.all) < _MOST_RESPONSES):
            last = StreamedAnswer()
            self.all.append(last)
        last.id = last.id or text
        return last
