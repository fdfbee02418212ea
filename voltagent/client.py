"""The low-level client: one request to the REST history API per call, as in voltagent 0.1.1.

Requests (:class:`_Call`) and responses (:func:`_result`) are handled by plain functions; the sync and async methods of
a pair differ in the ``await`` only.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import httpx
from pydantic import BaseModel, ValidationError as PydanticValidationError

from voltagent.core.guard import logger, pass_on_interrupt
from voltagent.core.late_import import LateModule
from voltagent.core.text import is_placeholder
from voltagent.errors import APIError, TimeoutError, ValidationError
from voltagent.settings import is_loopback
from voltagent.types import (
    HIDDEN,
    AddEventRequest,
    CreateHistoryRequest,
    Event,
    EventLevel,
    EventStatus,
    History,
    SecretText,
    UpdateEventRequest,
    UpdateHistoryRequest,
    VoltAgentConfig,
)
from voltagent.wire.rest.ids import path_segment

if TYPE_CHECKING:
    import typing_extensions
else:
    typing_extensions = LateModule("typing_extensions")

__all__ = ["VoltAgentCoreAPI"]

M = TypeVar("M", bound=BaseModel)

_SECRET_HEADER: Final = "x-secret-key"  # noqa: S105 - a header's name
_OURS: Final = frozenset(
    ("connection", "content-length", "content-type", "host", "transfer-encoding", "x-public-key", _SECRET_HEADER)
)
# The values that HTTP allows for headers (RFC 9110, section 5.5), without the non-ASCII bytes that httpx does not
# encode.
_HEADER_VALUE: Final = re.compile(r"([!-~]([\t -~]*[!-~])?)?")


@dataclass(frozen=True, slots=True)
class _Call(Generic[M]):
    """A request, and the model of its response."""

    method: str
    path: str
    body: dict[str, Any]
    model: type[M]


def _add_history(data: CreateHistoryRequest) -> _Call[History]:
    return _Call("POST", "/history", data.model_dump(exclude_none=True), History)


def _update_history(data: UpdateHistoryRequest) -> _Call[History]:
    body = data.model_dump(exclude={"id"}, exclude_none=True)
    return _Call("PATCH", f"/history/{path_segment(data.id)}", body, History)


def _add_event(data: AddEventRequest) -> _Call[Event]:
    """Encode all fields of a :class:`TimelineEvent` in the API's names, including ``null`` ones, without ``id``."""
    event = data.event
    body = {
        "history_id": data.history_id,
        "event_type": event.type,
        "event_name": event.name,
        "start_time": event.startTime,
        "end_time": event.endTime,
        "status": EventStatus(event.status).value,
        "status_message": event.statusMessage,
        "level": EventLevel(event.level).value,
        "version": event.version,
        "parent_event_id": event.parentEventId,
        "tags": event.tags,
        "metadata": event.metadata,
        "input": event.input,
        "output": event.output,
    }
    return _Call("POST", "/history-events", body, Event)


def _update_event(data: UpdateEventRequest) -> _Call[Event]:
    body = data.model_dump(exclude={"id"}, exclude_none=True)
    return _Call("PATCH", f"/history-events/{path_segment(data.id)}", body, Event)


def _result(model: type[M], response: httpx.Response, secret: str) -> M:
    """Return the model in an answer; :class:`ValidationError` if the body does not fit it."""
    data = _answer(response, secret)
    try:
        return model.model_validate(data)
    except PydanticValidationError as error:
        raise ValidationError(f"Invalid response data: {error}") from error


def _answer(response: httpx.Response, secret: str) -> dict[str, Any]:
    """Return the JSON object of a successful response; raise :class:`APIError` for any other one."""
    status = response.status_code
    try:
        data = _without(secret, response.json())
    except (ValueError, RecursionError):
        text = _without(secret, response.text)
        raise APIError(f"Invalid JSON response: {text}", status_code=status) from None
    if not isinstance(data, dict):
        kind = type(data).__name__
        text = (
            f"Invalid JSON response: an object was expected, not {kind}" if response.is_success else _error_text(data)
        )
        raise APIError(text, status_code=status)
    body = cast(dict[str, Any], data)
    if not response.is_success:
        raise APIError(_error_text(body.get("message")), status_code=status, response_data=body)
    return body


def _error_text(message: object) -> str:
    return "An error occurred" if message is None or isinstance(message, list) else str(message)


def _without(secret: str, value: Any) -> Any:
    """Return ``value`` without the secret, which a server may echo, so that no exception contains it."""
    if isinstance(value, str):
        return value.replace(secret, HIDDEN) if _is_distinctive(secret) else value
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        return {_without(secret, key): _without(secret, inner) for key, inner in items}
    if isinstance(value, list):
        return [_without(secret, inner) for inner in cast("Iterable[Any]", value)]
    return value


def _is_distinctive(secret: str) -> bool:
    """Return whether it is more than a placeholder such as ``sk``, whose removal would garble messages."""
    return len(secret) >= 8 or (len(secret) >= 4 and not secret.isalpha())


def _headers(config: VoltAgentConfig) -> dict[str, str]:
    """Return the headers of every request: keys and content type, then the user's, all valid in HTTP."""
    headers: dict[str, str] = {
        "Content-Type": "application/json",
        "x-public-key": config.public_key,
        _SECRET_HEADER: SecretText(config.secret_key),
    }
    for name, value in (config.headers or {}).items():
        if name.lower() in _OURS:
            logger.warning("the header %s is the client's own; the one in `headers` is not sent", name)
        else:
            headers[name] = value
    for name, value in headers.items():
        if not _HEADER_VALUE.fullmatch(value):
            setting = _SETTINGS.get(name, f"headers[{name!r}]")
            raise ValidationError(
                f"{setting} contains a character that is not allowed in an HTTP header, or ends with a space"
            )
    return headers


_SETTINGS: Final[Mapping[str, str]] = {"x-public-key": "public_key", _SECRET_HEADER: "secret_key"}


class VoltAgentCoreAPI:
    """Makes single requests to the REST history API, sync or async. Recording does not use it.

    ::

        with VoltAgentCoreAPI({"base_url": "https://api.voltagent.dev", "public_key": "…", "secret_key": "…"}) as api:
            history = api.add_history(CreateHistoryRequest(agent_id="support-v1"))

    Args:
        config: a :class:`voltagent.VoltAgentConfig` or a dict with its fields.
        transport: an httpx transport, for tests, proxies and sockets.

    Raises:
        pydantic.ValidationError: a dict with invalid fields.
        voltagent.ValidationError: a key or header with a character that HTTP does not allow.

    Every request method raises :class:`voltagent.APIError` if the server refuses (with ``status_code``, the server's
    message and body), responds with anything but a JSON object, or cannot be reached (``status_code`` 0);
    :class:`voltagent.TimeoutError` after ``timeout`` seconds; and :class:`voltagent.ValidationError` if the response
    lacks required fields. Nothing is retried. Changes of ``headers`` and ``timeout`` apply to clients created
    afterwards.
    """

    def __init__(
        self,
        config: VoltAgentConfig | dict[str, Any],
        *,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not isinstance(config, VoltAgentConfig | dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"config must be a VoltAgentConfig or a dict, got {type(config).__name__}")
        self.config = VoltAgentConfig(**config) if isinstance(config, dict) else config
        if is_placeholder(self.config.secret_key):
            raise ValidationError("secret_key: pickles do not contain the key: set it on the configuration again")
        self.base_url = self.config.base_url.rstrip("/")
        self.timeout = self.config.timeout
        self.headers = _headers(self.config)
        self._transport = transport
        self._sync_client: httpx.Client | None = None
        self._async_client: httpx.AsyncClient | None = None

    @property
    def sync_client(self) -> httpx.Client:
        """The httpx client of the sync methods, created on first use."""
        if self._sync_client is None:
            self._sync_client = httpx.Client(
                timeout=self.timeout,
                headers=self._shown_headers(),
                trust_env=not is_loopback(self.base_url),  # no proxy on the way to this machine
                event_hooks={"request": [self._sign]},
                transport=_fitting(self._transport, httpx.BaseTransport, "without asyncio"),
            )
        return self._sync_client

    @property
    def async_client(self) -> httpx.AsyncClient:
        """The httpx client of the async methods, created on first use."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(
                timeout=self.timeout,
                headers=self._shown_headers(),
                trust_env=not is_loopback(self.base_url),  # no proxy on the way to this machine
                event_hooks={"request": [self._sign_async]},
                transport=_fitting(self._transport, httpx.AsyncBaseTransport, "with asyncio"),
            )
        return self._async_client

    def add_history(self, data: CreateHistoryRequest) -> History:
        """Create a trace."""
        return self._send(_add_history(data))

    async def add_history_async(self, data: CreateHistoryRequest) -> History:
        """Create a trace."""
        return await self._send_async(_add_history(data))

    def update_history(self, data: UpdateHistoryRequest) -> History:
        """Change a trace, or end it."""
        return self._send(_update_history(data))

    async def update_history_async(self, data: UpdateHistoryRequest) -> History:
        """Change a trace, or end it."""
        return await self._send_async(_update_history(data))

    def add_event(self, data: AddEventRequest) -> Event:
        """Add an event to a trace. The server chooses its id."""
        return self._send(_add_event(data))

    async def add_event_async(self, data: AddEventRequest) -> Event:
        """Add an event to a trace. The server chooses its id."""
        return await self._send_async(_add_event(data))

    def update_event(self, data: UpdateEventRequest) -> Event:
        """Change an event."""
        return self._send(_update_event(data))

    async def update_event_async(self, data: UpdateEventRequest) -> Event:
        """Change an event."""
        return await self._send_async(_update_event(data))

    def close(self) -> None:
        """Close the connections of the sync methods; a later call opens new ones."""
        client, self._sync_client = self._sync_client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the async methods; a later call opens new ones."""
        client, self._async_client = self._async_client, None
        if client is not None:
            await client.aclose()

    def __enter__(self) -> typing_extensions.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> typing_extensions.Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __reduce__(self) -> tuple[type[typing_extensions.Self], tuple[VoltAgentConfig]]:
        return type(self), (self.config,)

    def _send(self, call: _Call[M]) -> M:
        with self._network_errors():
            response = self.sync_client.request(call.method, self.base_url + call.path, json=call.body or None)
        return _result(call.model, response, self.headers[_SECRET_HEADER])

    async def _send_async(self, call: _Call[M]) -> M:
        with self._network_errors():
            response = await self.async_client.request(call.method, self.base_url + call.path, json=call.body or None)
        return _result(call.model, response, self.headers[_SECRET_HEADER])

    @contextmanager
    def _network_errors(self) -> Generator[None]:
        """Turn the errors of httpx into ours, without the secret key in their messages."""
        try:
            yield
        except httpx.TimeoutException as error:
            pass_on_interrupt(error)
            raise TimeoutError("Request timeout") from error
        except httpx.RequestError as error:
            pass_on_interrupt(error)
            text = _without(self.headers[_SECRET_HEADER], str(error) or type(error).__name__)
            raise APIError(f"Network error: {text}", status_code=0) from None  # its text may hold the server's bytes

    def _shown_headers(self) -> dict[str, str]:
        """Return all headers but the secret, which httpx's repr of a client would show; :meth:`_sign` adds it."""
        return {name: value for name, value in self.headers.items() if name != _SECRET_HEADER}

    def _sign(self, request: httpx.Request) -> None:
        """Add the secret to a request to our server; remove it from one that a redirect sends elsewhere."""
        request.headers.pop(_SECRET_HEADER, None)
        if _origin(request.url) == _origin(httpx.URL(self.base_url)):
            request.headers[_SECRET_HEADER] = self.headers[_SECRET_HEADER]

    async def _sign_async(self, request: httpx.Request) -> None:
        self._sign(request)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


T = TypeVar("T")


def _fitting(transport: object, kind: type[T], use: str) -> T | None:
    if transport is None or isinstance(transport, kind):
        return transport
    raise TypeError(f"the transport {type(transport).__name__} does not work {use}: it is not an httpx.{kind.__name__}")
