"""The options of the decorators: their types, for type checkers, and their checks, at decoration."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypedDict

from voltagent.capture import options
from voltagent.core.late_import import LateModule
from voltagent.core.naming import nearest
from voltagent.core.span import Remote
from voltagent.core.text import type_within
from voltagent.errors import ValidationError
from voltagent.tracing.recorder import Recorder

if TYPE_CHECKING:
    from voltagent.processors import redaction
else:
    redaction = LateModule("voltagent.processors.redaction")


class SDK(Protocol):
    """A :class:`voltagent.VoltAgentSDK`."""

    @property
    def _recorder(self) -> Recorder: ...


class DecoratorOptions(TypedDict, total=False):
    """The options of every decorator. ``None`` counts as not set."""

    name: str | None
    """The name of the operation; by default that of the function."""
    metadata: Mapping[str, Any] | None
    """Recorded with every call."""
    tags: Collection[str] | None
    """Recorded with every call."""
    capture_input: bool | Collection[str] | None
    """Whether arguments are recorded, or the names of those to record; by default all."""
    exclude_input: Collection[str] | None
    """The names of parameters not to record. What frameworks inject is always left out."""
    capture_output: bool | None
    """Whether the result is recorded; true by default."""
    redact: redaction.Redactor | Callable[[str, object], object] | Collection[str | re.Pattern[str]] | None
    """Key names (and patterns) whose values never leave the process, or a function ``(path, value) -> value``."""
    sdk: SDK | None
    """The SDK that records calls outside any trace; by default the newest that was not shut down."""


class AgentDecoratorOptions(DecoratorOptions, total=False):
    """The options of ``agent``."""

    instructions: str | None
    """The system prompt of the agent."""
    model_parameters: Mapping[str, Any] | None
    """Recorded as ``metadata.model_parameters``."""
    usage: Callable[[Any], object] | None
    """Returns the token usage for a result; by default ``result.usage`` or ``result["usage"]``."""


class LLMDecoratorOptions(DecoratorOptions, total=False):
    """The options of ``llm``."""

    model: str | None
    """The model; by default that of the result, else the value of a parameter named ``model``."""
    model_parameters: Mapping[str, Any] | None
    """Recorded as ``metadata.model_parameters``."""
    usage: Callable[[Any], object] | None
    """Returns the token usage for a result; by default it is read from the result of any known client."""


class MemoryDecoratorOptions(DecoratorOptions, total=False):
    """The options of ``memory``."""

    operation: Literal["read", "write"] | None
    """Whether a call reads or writes; ``"write"`` by default."""


TextOption: TypeAlias = str | Callable[[dict[str, Any]], object] | None


ParentOption: TypeAlias = (
    Remote | str | Mapping[Any, Any] | Iterable[tuple[Any, Any]] | Callable[[dict[str, Any]], object] | None
)


class TraceDecoratorOptions(DecoratorOptions, total=False):
    """The options of ``trace``. A callback gets the arguments of the call as a dict, by name."""

    agent_id: TextOption
    """The agent that a call is a run of; by default the name of the function."""
    user_id: TextOption
    """The user that a call serves."""
    conversation_id: TextOption
    """The conversation that a call is a turn of."""
    version: TextOption
    """The version of the agent."""
    parent: ParentOption
    """The span of another process that the trace continues: headers, a ``traceparent``, or a callback."""


def checked(decorator: str, known: Collection[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the options of a decorator, and return those that are set in the form in which they are used.

    Args:
        decorator: its name, for messages.
        known: the options that it takes.
        given: the options as the user wrote them; ``None`` counts as not set.

    Raises:
        TypeError: an option is unknown, with the nearest known name; or a value has the wrong type.
        ValidationError: a value is not valid.
    """
    for name in given:
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {near!r}?" if near else f"; it takes {', '.join(sorted(known))}"
            raise TypeError(f"@{decorator} has no option {name!r}{hint}")
    checks = _TRACE_CHECKS if decorator == "trace" else _CHECKS
    return {name: checks[name](f"{name} of @{decorator}", value) for name, value in given.items() if value is not None}


def _captured(what: str, value: object) -> object:
    """Validate an option that says what is recorded: a bool, or names of parameters."""
    if isinstance(value, bool):
        return value
    items = _items(value)
    if items is not None and all(isinstance(name, str) for name in items):
        return frozenset(items)
    raise ValidationError(f"{what} must be True, False or a list of parameter names, got {_kind(value)}")


def _parameter_names(what: str, value: object) -> object:
    items = _items(value)
    if items is None or not all(isinstance(name, str) for name in items):
        raise ValidationError(f"{what} must be a list of parameter names, got {_kind(value)}")
    return frozenset(items)


def _switch(what: str, value: object) -> object:
    if not isinstance(value, bool):
        raise ValidationError(f"{what} must be True or False, got {_kind(value)}")
    return value


def _function(what: str, value: object) -> object:
    if not callable(value):
        raise ValidationError(f"{what} must be a function, got {_kind(value)}")
    return value


def _recorder(what: str, value: object) -> Recorder:
    recorder = getattr(value, "_recorder", None)
    if not isinstance(recorder, Recorder):
        raise ValidationError(f"{what} must be a VoltAgentSDK, got {_kind(value)}")
    return recorder


def _redactor(what: str, value: object) -> redaction.Redactor:
    # with the tables of secrets, a third of the time of `import voltagent`
    from voltagent.processors.redaction import Redactor

    return Redactor.of(what, value)


def _or_function(check: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    return lambda what, value: value if callable(value) else check(what, value)


def _items(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else None  # pyright: ignore


def _kind(value: Any) -> str:
    items = _items(value)
    return type(value).__name__ if items is None else type_within(value, str)


_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    **{name: options.OPERATION[name] for name in ("name", "metadata", "tags", "instructions", "model_parameters",
                                                   "operation")},
    "model": options.LLM["model"],
    "capture_input": _captured,
    "exclude_input": _parameter_names,
    "capture_output": _switch,
    "redact": _redactor,
    "sdk": _recorder,
    "usage": _function,
}  # fmt: skip
_TRACE_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    **_CHECKS,
    **{name: _or_function(options.TRACE_OPTIONS[name]) for name in ("agent_id", "user_id", "conversation_id",
                                                                     "version", "tags", "metadata", "parent")},
}  # fmt: skip
