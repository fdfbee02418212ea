"""One ended span, read for OTLP: its fields, its updates, and what its payloads hold, parsed on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias, cast

from pydantic_core import from_json

from voltagent.capture.usage import counted
from voltagent.core.json_objects import merge_objects
from voltagent.core.span import (
    CANCELLED,
    COMPLETED,
    ERROR,
    EVENT_LIKE_KINDS,
    OPERATION_KINDS,
    TRACE,
    Span,
)
from voltagent.wire.json_values import camel_to_snake, json_object

EVENT: Final = "event"  # stands for the many kinds of custom events
KINDS: Final = (TRACE, *OPERATION_KINDS, EVENT)

Fields: TypeAlias = Mapping[str, Any]
_NOTHING: Final[Fields] = {}


class Facts:
    """One ended span (or custom event), with the updates that came while it was open.

    Args:
        span: the span; its failure, if any, formatted.
        updates: the fields of its UPDATE events, later ones over earlier ones, metadata joined.
        of_trace: the same of the root span, whose user and conversation hold for all.
        event: whether it is a custom event, whatever its kind is called.
        ended: False for a custom event as it was recorded, which may have been ended since.
        opener: the id of the agent that is one span with its trace.
        counted: whether its usage has been sent with the spans below it that it is the sum of.
    """

    def __init__(
        self,
        span: Span,
        updates: Fields = _NOTHING,
        of_trace: Fields = _NOTHING,
        *,
        event: bool = False,
        ended: bool = True,
        counted: bool = False,
        opener: int | str | None = None,
    ) -> None:
        self.span = span
        self.updates = updates
        self.of_trace = of_trace
        self.is_event = event or span.kind not in KINDS
        self.kind = EVENT if self.is_event and span.kind not in EVENT_LIKE_KINDS else span.kind
        self.ended = ended
        self.counted = counted
        self.opener = opener
        facts: Fields = span.facts or _NOTHING
        # ``completed``, ``error``, ``cancelled``, or ``running`` for an event that says so
        self.status: str = (span.status if ended else None) or updates.get("status", facts.get("status")) or COMPLETED
        self.failed = self.status in (ERROR, CANCELLED)
        self.input: bytes | None = updates.get("input") or span.input
        self.output: bytes | None = (span.output if ended else None) or updates.get("output", facts.get("output"))

    def fact(self, name: str) -> Any:
        """Return a rare field: from an update, else from the start."""
        if name in self.updates:
            return self.updates[name]
        return None if self.span.facts is None else self.span.facts.get(name)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """All the user's metadata; what came later wins."""
        updated = self.updates.get("metadata")
        return merge_objects(
            (self.span.metadata, updated, *(self.span.more_metadata if self.ended else ())), json_object
        )

    @cached_property
    def model(self) -> dict[str, Any]:
        """The parameters of the model, where the metadata has them."""
        given = self.metadata.get("model_parameters") or self.metadata.get("modelParameters")
        if not isinstance(given, dict):
            return {}
        return {camel_to_snake(key): value for key, value in cast(dict[str, Any], given).items()}

    @cached_property
    def usage(self) -> dict[str, Any]:
        """Usage and cost, in snake_case."""
        given = self.span.usage if self.ended else None
        if given is None:
            given = json_object(self.updates.get("usage"))
        return {camel_to_snake(key): value for key, value in given.items()}

    @cached_property
    def tokens(self) -> dict[str, Any]:
        """The numbers of the usage, by our keys."""
        return counted(self.usage) or {}

    @cached_property
    def items(self) -> list[object] | None:
        """The documents of a search: the list that is the output, or the first one in it."""
        for value in json_object(self.output).values():
            if isinstance(value, list):
                return value  # pyright: ignore[reportUnknownVariableType]
        return None

    @cached_property
    def error(self) -> Any:
        """A text, an object with ``message``, or ``None``."""
        error = self.span.error if self.ended and self.span.error is not None else self.fact("status_message")
        return from_json(error) if isinstance(error, bytes) else None

    def of_error(self, name: str) -> Any:
        """Return a field of the error; its text is its message."""
        error: object = self.error
        if isinstance(error, dict):
            return cast(dict[str, Any], error).get(name)
        return error if name == "message" else None
