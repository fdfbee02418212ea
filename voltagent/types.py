"""The words of the API: enums, options, requests and responses, as pydantic models.

Fields, defaults, spellings and validation are those of voltagent 0.1.1, mixed case included: they are what the REST
history API takes and gives. Every model keeps unknown fields (``extra="allow"``), because the server may add some.
A wrong value raises ``pydantic.ValidationError``, as it did there; the handles built on these models raise
:class:`voltagent.ValidationError` instead. Times are ISO 8601 text, durations are seconds.
"""

# ruff: noqa: N815 - the camelCase fields are the API's own spelling

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Final, SupportsIndex, TypeAlias, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError as PydanticValidationError,
    field_serializer,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import InitErrorDetails, PydanticCustomError

from voltagent.core.naming import convert_metadata_to_camel_case, snake_to_camel
from voltagent.core.text import is_placeholder
from voltagent.errors import APIError, TimeoutError, ValidationError, VoltAgentError

__all__ = [
    "APIError",
    "AddEventRequest",
    "AgentErrorOptions",
    "AgentOptions",
    "AgentSuccessOptions",
    "CreateHistoryRequest",
    "ErrorOptions",
    "Event",
    "EventLevel",
    "EventStatus",
    "History",
    "LlmOptions",
    "MemoryErrorOptions",
    "MemoryOptions",
    "MemorySuccessOptions",
    "RetrieverErrorOptions",
    "RetrieverOptions",
    "RetrieverSuccessOptions",
    "SuccessOptions",
    "TimelineEvent",
    "TimeoutError",
    "TokenUsage",
    "ToolErrorOptions",
    "ToolOptions",
    "ToolSuccessOptions",
    "TraceOptions",
    "TraceStatus",
    "UpdateEventRequest",
    "UpdateHistoryRequest",
    "ValidationError",
    "VoltAgentConfig",
    "VoltAgentError",
    "convert_metadata_to_camel_case",
    "snake_to_camel",
]


class EventStatus(str, Enum):
    """The status of an event."""

    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"


class EventLevel(str, Enum):
    """The severity of an event."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class TraceStatus(str, Enum):
    """The status of a trace. The API has none for a cancelled trace, which ends with ``error``."""

    WORKING = "working"
    COMPLETED = "completed"
    ERROR = "error"


def _name_as_agent_id(given: Any) -> Any:
    """Take ``name`` for the ``agent_id`` of a trace, unless that is given as well."""
    if not isinstance(given, dict):
        return given
    fields = cast("dict[str, Any]", given)
    if "name" not in fields or fields.keys() & {"agent_id", "agentId"}:
        return fields
    return {("agent_id" if key == "name" else key): value for key, value in fields.items()}


class _Open(BaseModel):
    """Base model that keeps unknown fields."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())  # for `model_parameters`, in older pydantic


class TokenUsage(_Open):
    """Token counts of an agent or a model call.

    Further counts (cached, reasoning) and costs may be added under their own names.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class TimelineEvent(_Open):
    """An event to record. ``type`` is agent, tool, memory, retriever or a name of the caller's choice."""

    id: str | None = None
    name: str
    type: str
    startTime: str | None = None
    endTime: str | None = None
    status: EventStatus = EventStatus.RUNNING
    level: EventLevel = EventLevel.INFO
    statusMessage: str | dict[str, Any] | None = None
    parentEventId: str | None = None
    traceId: str | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None


class Event(_Open):
    """An event as the server returns it. ``history_id`` is the id of its trace."""

    id: str
    history_id: str
    event_type: str
    event_name: str
    start_time: str | None = None
    end_time: str | None = None
    status: EventStatus
    status_message: str | dict[str, Any] | None = None
    level: EventLevel = EventLevel.INFO
    parent_event_id: str | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class History(_Open):
    """A trace as the server returns it."""

    id: str
    agent_id: str
    user_id: str | None = None
    conversation_id: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    completion_start_time: str | None = None
    status: TraceStatus = TraceStatus.WORKING
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None
    level: EventLevel | None = None
    usage: TokenUsage | None = None
    created_at: str | None = None
    updated_at: str | None = None


class CreateHistoryRequest(_Open):
    """What :meth:`voltagent.VoltAgentCoreAPI.add_history` sends. Without ``id`` the server chooses one."""

    _accept_name = model_validator(mode="before")(_name_as_agent_id)

    id: str | None = None
    agent_id: str
    userId: str | None = None
    conversationId: str | None = None
    startTime: str | None = None
    completionStartTime: str | None = None
    status: TraceStatus = TraceStatus.WORKING
    input: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None
    level: EventLevel | None = None


class UpdateHistoryRequest(_Open):
    """What :meth:`voltagent.VoltAgentCoreAPI.update_history` sends: the fields that are not ``None``."""

    id: str
    end_time: str | None = None
    completion_start_time: str | None = None
    status: TraceStatus | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None
    level: EventLevel | None = None
    usage: TokenUsage | None = None


class AddEventRequest(_Open):
    """What :meth:`voltagent.VoltAgentCoreAPI.add_event` sends: an event and the id of its trace."""

    history_id: str
    event: TimelineEvent


class UpdateEventRequest(_Open):
    """What :meth:`voltagent.VoltAgentCoreAPI.update_event` sends: the fields that are not ``None``."""

    id: str
    end_time: str | None = None
    status: EventStatus | None = None
    status_message: str | dict[str, Any] | None = None
    level: EventLevel | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None


HIDDEN: Final = "[redacted]"


class SecretText(str):
    """Text that programs use like any other, but that ``repr`` and ``pickle`` do not give away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[type[SecretText], tuple[str]]:
        return SecretText, (HIDDEN,)

    def __copy__(self) -> SecretText:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> SecretText:
        return self


def _secret(text: str) -> SecretText:
    if is_placeholder(text):  # a dump or a pickle read back: else the server's 401 would be the first to say so
        raise PydanticCustomError("hidden_secret", "dumps do not contain the secret key: pass the key itself")
    return SecretText(text)


def _without_input(line: Any) -> InitErrorDetails:
    """Return an error without its input: for a missing field, that is the whole mapping, secret and all."""
    return InitErrorDetails(type=PydanticCustomError(line["type"], line["msg"]), loc=line["loc"], input=HIDDEN)


class VoltAgentConfig(_Open):
    """Where to send and with which keys; ``timeout``, ``flush_interval`` and ``retry_delay`` are seconds.

    ``secret_key`` reads as the plain text, but ``repr``, ``model_dump``, ``model_dump_json``, ``pickle`` and the text
    of a validation error show ``[redacted]`` in its place. So a dump or a pickle cannot be made into a working
    configuration again without giving the key anew; ``copy`` and ``model_copy`` keep it.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str
    public_key: str
    secret_key: Annotated[str, AfterValidator(_secret)]
    timeout: int | float = 30
    headers: dict[str, str] | None = None
    auto_flush: bool = True
    flush_interval: Annotated[int | Annotated[float, Field(allow_inf_nan=False)], Field(union_mode="left_to_right")] = 5
    max_retries: int = 3
    retry_delay: float = 1.0

    @model_validator(mode="wrap")
    @classmethod
    def _errors_without_input(cls, data: Any, handler: ModelWrapValidatorHandler[VoltAgentConfig]) -> VoltAgentConfig:
        """Leave the input out of validation errors, as it contains the secret key."""
        try:
            return handler(data)
        except PydanticValidationError as error:
            lines = [_without_input(line) for line in error.errors(include_url=False)]
        raise PydanticValidationError.from_exception_data(cls.__name__, lines, hide_input=True)

    @field_serializer("secret_key")
    def _dump_secret(self, _: str) -> str:
        return HIDDEN

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, HIDDEN if name == "secret_key" else value

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "secret_key": SecretText(HIDDEN)}}


class TraceOptions(_Open):
    """Options of a new trace; each may be given in snake_case or in camelCase."""

    model_config = ConfigDict(populate_by_name=True)
    _accept_name = model_validator(mode="before")(_name_as_agent_id)

    id: str | None = None
    agentId: str = Field(alias="agent_id")
    userId: str | None = Field(default=None, alias="user_id")
    conversationId: str | None = Field(default=None, alias="conversation_id")
    input: dict[str, Any] | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    version: str | None = None
    level: EventLevel | None = None
    startTime: str | None = Field(default=None, alias="start_time")
    completionStartTime: str | None = Field(default=None, alias="completion_start_time")


class AgentOptions(_Open):
    """Options of a new agent."""

    name: str
    input: dict[str, Any] | None = None
    instructions: str | None = None
    metadata: dict[str, Any] | None = None


class ToolOptions(_Open):
    """Options of a new tool call."""

    name: str
    input: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class MemoryOptions(_Open):
    """Options of a new memory operation: a write, or a read with ``operation="read"``."""

    name: str
    input: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class RetrieverOptions(_Open):
    """Options of a new search."""

    name: str
    input: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class LlmOptions(_Open):
    """Options of a new model call."""

    name: str
    model: str | None = None
    input: dict[str, Any] | None = None
    model_parameters: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class SuccessOptions(_Open):
    """Options of the end of a successful operation."""

    output: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class AgentSuccessOptions(SuccessOptions):
    """Options of the end of a successful agent."""

    usage: TokenUsage | None = None


class ErrorOptions(_Open):
    """Options of the end of a failed operation. ``status_message`` is a string, a mapping or an exception."""

    status_message: str | dict[str, Any] | Any
    metadata: dict[str, Any] | None = None


ToolSuccessOptions: TypeAlias = SuccessOptions
MemorySuccessOptions: TypeAlias = SuccessOptions
RetrieverSuccessOptions: TypeAlias = SuccessOptions

AgentErrorOptions: TypeAlias = ErrorOptions
ToolErrorOptions: TypeAlias = ErrorOptions
MemoryErrorOptions: TypeAlias = ErrorOptions
RetrieverErrorOptions: TypeAlias = ErrorOptions
