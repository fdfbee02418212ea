"""Recognise the result of a model call and read what is recorded of it, from stored fields only."""

# Values here are of any type: `type(x) is list` makes one `list[Unknown]` to pyright, which says nothing.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.budget import READ, READING
from voltagent.capture.nodes import Form
from voltagent.capture.results import answers
from voltagent.capture.results.answers import FieldReader
from voltagent.capture.results.parts import raw_response
from voltagent.capture.results.shapes import SHAPES, Shape
from voltagent.capture.stored_fields import (
    as_items,
    as_number,
    at,
    fields_reader,
    first_of,
    is_kind_of,
    names_in,
    text_of,
)
from voltagent.capture.usage import counted, summed
from voltagent.core import introspection

_DEPTH: Final = 5  # results in results
INNER: Final = _DEPTH - 1  # of a result in a list or a value: it shares with others what may be read
_COST: Final = 2  # of such a result, in items of lists
NO_ID: Final = "__fake_id__"  # the id of all responses that openai-agents makes of chat completions
_LONGEST: Final = 1024  # characters of a model's name, a finish reason, an id


class Response(NamedTuple):
    """One answer of a model, as far as it is counted."""

    usage: dict[str, Any]
    holder: object = None  # the object that the usage was read from: it identifies the response, as the id does
    id: str | None = None
    model: str | None = None


class ModelResult(NamedTuple):
    """What is recorded of a result. ``answer`` is ``None`` if the result itself is to be recorded.

    ``of_client`` says that its class, or that of what it is made of, is a known client's.
    """

    model: str | None = None
    responses: tuple[Response, ...] = ()
    finish_reason: str | None = None
    response_id: str | None = None
    answer: object = None
    of_client: bool = False

    @property
    def usage(self) -> dict[str, Any] | None:
        """The usage of all its responses."""
        return self.responses[0].usage if len(self.responses) == 1 else summed(one.usage for one in self.responses)


def is_client_type(kind: type) -> bool:
    """Return whether a class is that of a known client's or framework's results. Cached for each class."""
    return _BY_TYPE.of(kind) is not None


def answer_form(kind: type, standard: Form) -> Form:
    """Return how results of a class are recorded where they are a part of a value: as their answer, if they have one.

    ``standard`` is the form of other values, and of messages, whose role matters among others.
    """
    shape = _BY_TYPE.of(kind)
    if shape is None or shape.is_message:
        return standard

    def form(value: Any) -> object:
        found = read_result(value, depth=INNER)
        return standard(value) if found is None or found.answer is None else found.answer

    return form


def is_read(response: object) -> bool:
    """Return whether the body of a raw response was read, so that the answer is in it."""
    return raw_response(fields_reader(response)) is not None


def read_result(value: object, *, any_shape: bool = False, depth: int = _DEPTH) -> ModelResult | None:
    """Return what is recorded of a value that a call returned; ``None`` if it is not a known result.

    ``any_shape`` also takes dictionaries and objects of any class with the fields of a known result, as a model call
    may return them; else only instances of the clients' own classes are taken.
    """
    if depth == _DEPTH:
        READING.left = READ
    else:
        READING.left -= _COST
        if READING.left < 0:
            return None
    kind = type(value)
    found = _KNOWN.get(id(kind))
    known = found[1] if found is not None and found[0]() is kind else _BY_TYPE.of(kind)
    shape = _shape_by_fields(value) if known is None and any_shape else known
    return None if shape is None else _read(shape, value, depth, of_client=known is not None)


def _shape_by_fields(value: object) -> Shape | None:
    kind: object = type(value)
    names = cast("dict[str, object]", value) if kind is dict else names_in(value)
    for shape, first in _FIRST_NAMES:  # most shapes can be ruled out by these alone
        for name in first:
            if name in names:
                if _fits(shape, value, names):
                    return shape
                break
    return None


def _fits(shape: Shape, value: object, names: Collection[str]) -> bool:
    """``names`` are the value's own fields."""
    return any(
        paths[0][0] in names and all(at(value, path) is not None for path in paths) for paths in shape.fields
    ) and all(type(at(value, path)) in (list, tuple) for path in shape.lists)


def _read(shape: Shape, value: object, depth: int, *, of_client: bool) -> ModelResult:
    """Read a result by the description of its shape."""
    read = fields_reader(value)
    answer = None if shape.answer is None else shape.answer(read)
    if shape.inner is not None or shape.parts is not None:
        return _read_composed(shape, value, read, answer, depth, of_client=of_client)
    first = read
    if shape.choices:
        first, answer = _chosen(read(shape.choices), answer)
    # as `text_of` reads them, without a call for each if they are where they usually are
    model_name, id_name, usage_name, finish_name = shape.names
    model = model_name and read(model_name)
    if type(model) is not str or not 0 < len(model) <= _LONGEST:
        model = text_of(read, shape.model, _LONGEST)
    identifier = id_name and read(id_name)
    if type(identifier) is not str or not 0 < len(identifier) <= _LONGEST:
        identifier = text_of(read, shape.id, _LONGEST)
    if identifier == NO_ID:
        identifier = None
    finish = finish_name and first(finish_name)
    if type(finish) is not str or not 0 < len(finish) <= _LONGEST:
        finish = text_of(first, shape.finish, _LONGEST)
    holder = read(usage_name) if usage_name and not shape.cost else None
    usage = None if holder is None else counted(holder)
    if usage is None:
        responses = _own_responses(shape, value, read, model, identifier)
    else:
        responses = (_make_response((usage, holder, identifier, model)),)
    return _make_result((model, responses, finish, identifier, answer, of_client))


def _chosen(choices: Any, answer: object) -> tuple[FieldReader, object]:
    """Return the fields of the first of several choices, and the answer in all of them unless one is given."""
    items: list[Any] = choices if type(choices) is list and len(choices) == 1 else as_items(choices)
    first = fields_reader(items[0] if items else None)
    if answer is None:
        answer = answers.choice(first) if len(items) == 1 else answers.choices(items)
    return first, answer


def _read_composed(
    shape: Shape, value: object, read: FieldReader, answer: object, depth: int, *, of_client: bool
) -> ModelResult:
    """Read a result that wraps another one, or is made of several responses."""
    inner = _NOTHING if shape.inner is None or depth <= 0 else _inner(shape.inner(read), depth)
    parts = () if shape.parts is None or depth <= 0 else _parts(shape.parts(read), depth)
    model = next((one.model for one in reversed(parts) if one.model), None) or text_of(read, shape.model, _LONGEST)
    identifier = text_of(read, shape.id, _LONGEST) or inner.response_id
    responses = tuple([response for part in parts for response in part.responses])
    if not responses:
        responses = _own_responses(shape, value, read, model, identifier) or inner.responses
    last = parts[-1] if parts else inner
    return ModelResult(
        model or inner.model,
        responses,
        text_of(read, shape.finish, _LONGEST) or last.finish_reason,
        identifier or last.response_id,
        last.answer if answer is None else answer,
        of_client or any(part.of_client for part in parts),
    )


def _own_responses(
    shape: Shape, value: object, read: FieldReader, model: str | None, identifier: str | None
) -> tuple[Response, ...]:
    """Return the response that a value is itself, if it has a usage."""
    for path in shape.usage:
        holder = first_of(read, (path,)) if path else value
        usage = counted(holder) if holder is not None else None
        if usage is not None:
            number = as_number(first_of(read, shape.cost))
            if number is not None:
                usage.setdefault("cost", number)
            return (_make_response((usage, holder, identifier, model)),)
    return ()


def _inner(wrapped: object, depth: int) -> ModelResult:
    found = None if wrapped is None else read_result(wrapped, any_shape=True, depth=depth - 1)
    return _NOTHING if found is None else found


def _parts(items: Sequence[object], depth: int) -> list[ModelResult]:
    found = [read_result(item, any_shape=True, depth=depth - 1) for item in items]
    return [one for one in found if one is not None]


def _shape_of_type(kind: type) -> Shape | None:
    return next((shape for shape in SHAPES if shape.types and is_kind_of(kind, shape.types)), None)


_NOTHING: Final = ModelResult()
# Without the call of a function in Python that each class of named fields has; all fields must be given.
_make_result: Final[Callable[[tuple[Any, ...]], ModelResult]] = partial(tuple.__new__, ModelResult)  # pyright: ignore
_make_response: Final[Callable[[tuple[Any, ...]], Response]] = partial(tuple.__new__, Response)  # pyright: ignore
_FIRST_NAMES: Final = tuple(
    (shape, tuple({paths[0][0]: None for paths in shape.fields})) for shape in SHAPES if shape.fields
)
_BY_TYPE: Final = introspection.PerType(_shape_of_type)
_KNOWN: Final = _BY_TYPE.found
