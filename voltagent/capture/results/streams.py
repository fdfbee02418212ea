"""Put a model's answer together from the chunks of a stream, as they pass by.

Text and tool calls are joined, and usage is taken from whichever chunks carry it: from several of them if a provider
sends that of the input and that of the output apart. Chunks are read from stored fields only.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from itertools import islice
from typing import Any, Final, cast

from voltagent.capture.budget import READ, READING
from voltagent.capture.results import INNER, ModelResult, read_result
from voltagent.capture.results.chunks import chunk_reader, is_last_text, openai_chat, repeats_others, unwrapped
from voltagent.capture.results.streamed import StreamedAnswers
from voltagent.capture.stored_fields import as_items, as_text, field, first_items, of_few_classes, stored_in

_MOST_RESULTS: Final = 1024
_PLAIN: Final = frozenset(map(id, (str, int, float, bool, type(None), bytes)))  # what holds nothing
_PROGRAMS_OWN: Final = _PLAIN | frozenset(map(id, (dict, list)))  # what is no client's


class Assembly:
    """What the chunks of one stream come to. ``any_shape`` as for :func:`voltagent.capture.results.read_result`."""

    __slots__ = ("_any_shape", "_results", "_streamed", "answer")

    def __init__(self, *, any_shape: bool = False) -> None:
        self._any_shape = any_shape
        self.answer: object = None  # of the last item, if it was the result of a known client or framework
        self._streamed = StreamedAnswers()
        # Whole results that were among the items, by id, or those of clients by their usage object. One that comes
        # later replaces those before it: a program may yield how far it is.
        self._results: dict[str | int | None, ModelResult] = {}

    def add(self, item: object, *, is_part: bool = False) -> bool:
        """Take an item; whether it is a chunk, so that what it says is in the answer.

        ``is_part`` says that it stands in a list, and shares with the other items what may be read.
        """
        if not is_part:
            READING.left = READ
        item, self.answer = unwrapped(item), None
        read = chunk_reader(item, any_shape=self._any_shape)
        if read is repeats_others and not self.has_chunks:
            return False
        if read is not None:
            read(self._streamed, item)
            return True
        if self._streamed.all and is_last_text(item, self._streamed.all[-1].id):
            openai_chat(self._streamed, item)
            return True
        found = read_result(item, any_shape=self._any_shape, depth=INNER)
        if found is None:
            return False
        key = found.response_id or (id(found.responses[0].holder) if found.of_client and found.responses else None)
        if key in self._results or len(self._results) < _MOST_RESULTS:
            self._results[key] = found
            self.answer = found.answer if found.of_client else None
        return False

    @property
    def has_chunks(self) -> bool:
        """Whether one of the items was a chunk."""
        return bool(self._streamed.all)

    def result(self) -> ModelResult | None:
        """Return what is recorded of the stream; ``None`` if nothing in it was of a model."""
        found = [answer.result() for answer in self._streamed.all]
        found += [
            one
            for key, one in self._results.items()
            if key is None or key not in {one.id for one in self._streamed.all}
        ]
        if not found:
            return None
        responses = tuple(response for one in found for response in one.responses)
        last = found[-1]
        answers = [one.answer for one in found[: len(self._streamed.all)] if one.answer is not None]
        answer = None if not answers else answers[0] if len(answers) == 1 else answers
        model = next((one.model for one in reversed(found) if one.model), None)
        return ModelResult(model, responses, last.finish_reason, last.response_id, answer)


def packed(value: object, *, any_shape: bool) -> ModelResult | None:
    """Return what is counted of the results that a value of the program's holds, or the chunks in a list.

    Looked at are the items of a list or a tuple, and the values of a dictionary or an object. ``any_shape`` as for
    :func:`voltagent.capture.results.read_result`; such a value is the result of a call of a model, and its lists are
    looked into, too.
    """
    READING.left = READ
    kind = type(value)
    listed: list[Any] = []
    if kind is dict:
        items = of_few_classes(list(islice(cast("dict[Any, Any]", value).values(), _MOST_RESULTS)))
    else:
        listed = first_items(value)
        is_empty = kind is list or kind is tuple
        items = listed or ([] if is_empty else of_few_classes(list(islice(stored_in(value).values(), _MOST_RESULTS))))
    if (_PLAIN if any_shape else _PROGRAMS_OWN).issuperset(map(id, map(type, items))):
        return None
    if kind is list and chunk_reader(unwrapped(items[0]), any_shape=any_shape) is not None:
        return _assembled(items, any_shape=any_shape)
    if not listed and any_shape:
        items = of_few_classes([one for item in items for one in (as_items(item) or (item,))][:READ])
    items = _of_this_turn(items)[:_MOST_RESULTS]
    found = [read_result(item, any_shape=any_shape, depth=INNER) for item in items if id(type(item)) not in _PLAIN]
    results = [one for one in found if one is not None and one.responses]
    if not results:
        return None
    answers = [one.answer for one in results if one.answer is not None] if listed and any_shape else []
    last = results[-1]
    return ModelResult(
        next((one.model for one in reversed(results) if one.model), None),
        tuple(response for one in results for response in one.responses),
        last.finish_reason,
        last.response_id,
        answers if answers and len(answers) == len(listed) else None,
    )


def _assembled(chunks: list[Any], *, any_shape: bool) -> ModelResult | None:
    """Return the answer in a list of chunks."""
    assembly = Assembly(any_shape=any_shape)
    for chunk in chunks:
        assembly.add(chunk, is_part=True)
    found = assembly.result()
    return found if found is None or any_shape else found._replace(of_client=True)


def _of_this_turn(items: list[Any]) -> list[Any]:
    """Return what follows the last message of the user, if there is one: what is before it was counted before."""
    for place in range(len(items), 0, -1):
        item = items[place - 1]
        if id(type(item)) not in _PLAIN and _is_of_user(item):
            return items[place:]
    return items


def _is_of_user(item: object) -> bool:
    """Return whether an item is a message of the user's in LangChain, in pydantic-ai or for OpenAI's API."""
    if as_text(field(item, "type")) == "human" or as_text(field(item, "role")) == "user":
        return True
    if as_text(field(item, "kind")) != "request":
        return False
    return any(as_text(field(part, "part_kind")) == "user-prompt" for part in as_items(field(item, "parts")))
