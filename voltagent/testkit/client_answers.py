"""Answer requests of instrumented clients from a recorded trace, without a network.

openai and anthropic parse a response that is built here, so raw, parsed and streamed answers are those of the client
itself.
"""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import ast
import copy
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent.core import introspection
from voltagent.records import OperationRecord
from voltagent.testkit.answers import exception_of
from voltagent.testkit.formats import FORMATS
from voltagent.testkit.formats.google import google_response

_ERROR_TEXT: Final = re.compile(r"Error code: \d{3} - (\{.*)", re.DOTALL)


def answer_request(
    found: OperationRecord, body: Mapping[str, Any], wrapped: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """Return the answer of a client's patched method, from its record; of an asynchronous method something to await.

    Args:
        found: the recorded request.
        body: the body of the request that is made now: it says whether the answer streams.
        wrapped: the client's own method, bound to the client.
        args: the positional arguments of the call.
        kwargs: the keyword arguments of the call.

    Raises:
        BaseException: the recorded exception.
    """
    if found.name == "generate_content":
        return _google_answer(found, wrapped)
    code = found.error.get("code") if isinstance(found.error, Mapping) else None
    if found.status == "completed":
        content, content_type = _http_body(found, body)
        return _through_client(200, content, content_type, wrapped, args, kwargs)
    if type(code) is int and 400 <= code < 600:
        return _through_client(code, _error_body(found), "application/json", wrapped, args, kwargs)
    raise exception_of(found.error)


def _through_client(
    status: int, content: str, content_type: str, wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call the client's method on a copy of the client whose connection gives this response to any request."""
    client = wrapped.__self__
    http = _http_package(client._client)  # noqa: SLF001 - there is no public name for it
    headers = {"content-type": content_type, "x-should-retry": "false"}

    def respond(_: Any) -> Any:
        return http.Response(status, content=content.encode(), headers=headers)

    make: Any = http.AsyncClient if inspect.iscoroutinefunction(type(client).request) else http.Client
    twin = copy.copy(client)
    twin._client = make(transport=http.MockTransport(respond), base_url=client.base_url)  # noqa: SLF001
    return wrapped.__func__(twin, *args, **kwargs)


def _http_package(client: object) -> Any:
    """Return httpx, or the package with the same interface that this version of the client uses."""
    for base in introspection.bases(type(client)):
        if introspection.short_name(base) in ("Client", "AsyncClient"):
            return sys.modules[base.__module__.partition(".")[0]]
    raise TypeError(f"the client's connection is a {introspection.short_name(type(client))}, which cannot be replayed")


def _error_body(found: OperationRecord) -> str:
    """Return the body that makes the client raise the recorded error; its message quotes the body."""
    message = str(found.error["message"]) if isinstance(found.error, Mapping) else str(found.error)
    quoted = _ERROR_TEXT.search(message)
    if quoted:
        try:
            return json.dumps(ast.literal_eval(quoted[1][: quoted[1].rfind("}") + 1]))
        except (ValueError, SyntaxError):
            pass
    return json.dumps({"error": {"message": message}})


def _http_body(found: OperationRecord, body: Mapping[str, Any]) -> tuple[str, str]:
    whole, events = FORMATS[found.name]
    if not body.get("stream"):
        return json.dumps(whole(found)), "application/json"
    return "".join(map(_event_text, events(found, body))), "text/event-stream"


def _event_text(event: Any) -> str:
    if event is None:
        return "data: [DONE]\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"


def _google_answer(found: OperationRecord, wrapped: Callable[..., Any]) -> Any:
    """Return the answer of a google-genai method: a response, an iterator of one, or an awaitable of either."""
    streams = "stream" in wrapped.__name__
    if inspect.iscoroutinefunction(wrapped):
        return _google_later(found, streams=streams)
    response = _google_response(found)
    return iter((response,)) if streams else response


async def _google_later(found: OperationRecord, *, streams: bool) -> Any:
    response = _google_response(found)
    return _one_item(response) if streams else response


async def _one_item(item: Any) -> Any:
    yield item


def _google_response(found: OperationRecord) -> Any:
    if found.status != "completed":
        raise exception_of(found.error)
    response: Any = introspection.loaded("google.genai.types", "GenerateContentResponse")
    return response.model_validate(google_response(found))
