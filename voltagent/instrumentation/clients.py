"""The table of clients: which methods are patched, and what each request is recorded as.

Every public method of a client (``create``, ``parse``, ``stream``, those under ``beta``, raw and streaming responses,
embeddings) comes down to one request; that is what is patched, so each request is recorded once, whichever code calls.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from voltagent.core import introspection
from voltagent.core.guard import Guard
from voltagent.core.span import EMBEDDING, LLM
from voltagent.instrumentation.patches import Patch
from voltagent.instrumentation.requests import Describe, ModelRequest, RequestPlan, around_async_request, around_request


def _endpoints(provider: str, *paths: str) -> dict[str, RequestPlan]:
    return {path: RequestPlan(_name(path), provider, EMBEDDING if "embed" in path else LLM) for path in paths}


def _name(path: str) -> str:
    return path.removeprefix("/v1").strip("/").replace("/", ".")


_OPENAI: Final = _endpoints("openai", "/chat/completions", "/responses", "/completions", "/embeddings")
_ANTHROPIC: Final = _endpoints("anthropic", "/v1/messages", "/v1/complete")
_GENERATE: Final = RequestPlan("generate_content", "google")
_EMBED: Final = RequestPlan("embed_content", "google", EMBEDDING)
_NO_BODY: Final[dict[str, Any]] = {}
_RAW_HEADER: Final = "X-Stainless-Raw-Response"  # "stream": the body is not read before the caller does


def _by_path(package: str, endpoints: Mapping[str, RequestPlan]) -> Describe:
    """Describe a request of the clients that openai and anthropic generate from one template."""

    def describe(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ModelRequest | None:
        """Return the request in ``request(cast_to, options, …)``; ``None`` if no model answers it."""
        try:
            options: Any = kwargs["options"] if len(args) < 2 else args[1]
            url = options.url
            plan = endpoints.get(url) or endpoints.get(url.partition("?")[0])
            if plan is None:
                return None
            given, headers, absent = options.json_data, options.headers, _placeholders(package)
            body = given if type(given) is dict else _NO_BODY
            if not absent.keys().isdisjoint(map(id, map(type, body.values()))):
                body = {name: value for name, value in body.items() if id(type(value)) not in absent}
            streams = bool(kwargs.get("stream"))
            if not streams and (type(headers) is dict or isinstance(headers, Mapping)):  # else a placeholder
                streams = headers.get(_RAW_HEADER) == "stream"
            return plan, body, streams
        except Exception as exc:
            Guard.swallowed(exc)
            return None

    return describe


@cache
def _placeholders(package: str) -> dict[int, type]:
    """Return the classes of what a client puts in place of an argument that is not given, by identity."""
    kinds = (introspection.loaded(package, name) for name in ("Omit", "NotGiven"))
    return {id(kind): kind for kind in kinds if kind is not None}


def _google(plan: RequestPlan, *, streams: bool = False) -> Describe:
    """Describe a request of google-genai, by the keywords ``model``, ``contents`` and ``config``."""
    return lambda _, kwargs: (plan, {key: value for key, value in kwargs.items() if value is not None}, streams)


def _generated(package: str, endpoints: Mapping[str, RequestPlan]) -> tuple[Patch, ...]:
    module, describe = f"{package}._base_client", _by_path(package, endpoints)
    return (
        Patch(module, "SyncAPIClient", "request", around_request(describe), reaches_objects=True),
        Patch(module, "AsyncAPIClient", "request", around_async_request(describe), reaches_objects=True),
    )


_METHODS: Final = (
    ("_generate_content", _google(_GENERATE)),
    ("_generate_content_stream", _google(_GENERATE, streams=True)),
    ("_embed_content", _google(_EMBED)),
)

PATCHES: Final[Mapping[str, tuple[Patch, ...]]] = {
    "openai": _generated("openai", _OPENAI),
    "anthropic": _generated("anthropic", _ANTHROPIC),
    "google-genai": (
        *(Patch("google.genai.models", "Models", name, around_request(how)) for name, how in _METHODS),
        *(Patch("google.genai.models", "AsyncModels", name, around_async_request(how)) for name, how in _METHODS),
    ),
}
