"""Put a model's answer together from the chunks of a stream, as they pass by.

Text and tool calls are joined, and usage is taken from whichever chunks carry it: from several of them if a provider
sends that of the input and that of the output apart. Chunks are read from stored fields only.
"""

from __future__ import annotations

from typing import Any, Final

from voltagent.capture.results import ModelResult, read_result
from voltagent.capture.results.chunks import chunk_reader, unwrapped
from voltagent.capture.results.streamed import StreamedAnswers
from voltagent.capture.stored_fields import as_items

_MOST_RESULTS: Final = 1024


class Assembly:
    """What the chunks of one stream come to. ``any_shape`` as for :func:`voltagent.capture.results.read_result`."""

    __slots__ = ("_any_shape", "_results", "_streamed", "answer")

    def __init__(self, *, any_shape: bool = False) -> None:
        self._any_shape = any_shape
        self.answer: object = None  # of the last item, if it was the result of a known client or framework
        self._streamed = StreamedAnswers()
        self._results: dict[str | None, ModelResult] = {}  # whole results that were among the items, by id

    def add(self, item: object) -> bool:
        """Take an item; whether it is a chunk, so that what it says is in the answer."""
        item, self.answer = unwrapped(item), None
        read = chunk_reader(item, any_shape=self._any_shape)
        if read is not None:
            read(self._streamed, item)
            return True
        found = read_result(item, any_shape=self._any_shape)
        if found is not None and (found.response_id in self._results or len(self._results) < _MOST_RESULTS):
            self._results[found.response_id] = found
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


def assembled(items: object) -> ModelResult | None:
    """Return the answer in a list of chunks, or those in a list of results; ``None`` if it is neither."""
    chunks = as_items(items)
    if not chunks:
        return None
    if chunk_reader(unwrapped(chunks[0]), any_shape=True) is None:
        return _several(chunks)
    assembly = Assembly(any_shape=True)
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.result()


def _several(items: list[Any]) -> ModelResult | None:
    """Return what is recorded of a list of results, as a batch of requests returns it."""
    found = [read_result(item, any_shape=True) for item in items[:_MOST_RESULTS]]
    results = [one for one in found if one is not None and one.responses]
    if not results:
        return None
    answers = [one.answer for one in results if one.answer is not None]
    last = results[-1]
    return ModelResult(
        next((one.model for one in reversed(results) if one.model), None),
        tuple(response for one in results for response in one.responses),
        last.finish_reason,
        last.response_id,
        answers if len(answers) == len(items) else None,
    )
