"""The route of a request before the application has found it: a trace is named when it starts.

Only the tables of Starlette, FastAPI, Flask and Django are read, by what their objects have: no framework is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from typing import Any, Final, NamedTuple

from voltagent.core.context import run_callback
from voltagent.core.guard import pass_on_interrupt

_MOST_LAYERS: Final = 20  # of middleware around an application, and of mounted applications


class MatchedRoute(NamedTuple):
    """Where a request goes."""

    template: str | None  # such as "/users/{id}"; None: no route fits, or none is known
    known: bool  # whether the application has a table of routes that could be read


_UNKNOWN: Final = MatchedRoute(None, known=False)
_NO_ROUTE: Final = MatchedRoute(None, known=True)


def asgi_route(app: Any, scope: MutableMapping[str, Any]) -> MatchedRoute:
    """Return the route of an ASGI request."""
    return run_callback(_asgi_route, app, scope, on_error=lambda _: _UNKNOWN)


def wsgi_route(app: Any, environ: dict[str, Any]) -> MatchedRoute:
    """Return the route of a WSGI request."""
    return run_callback(_wsgi_route, app, environ, on_error=lambda _: _UNKNOWN)


def _layers(app: Any) -> Iterator[Any]:
    """Yield the application, what it is a method of, and what it wraps."""
    for _ in range(_MOST_LAYERS):
        if app is None:
            return
        yield app
        owner = getattr(app, "__self__", None)
        if owner is not None:
            yield owner
        app = getattr(app, "app", None)


def _asgi_route(app: Any, scope: MutableMapping[str, Any]) -> MatchedRoute:
    """Return the route by the table of Starlette, FastAPI or Django, whichever the application has."""
    for layer in (scope.get("app"), *_layers(app)):
        routes: Any = getattr(layer, "routes", None)
        if type(routes) is list:
            template = _starlette(routes, dict(scope), 0)  # pyright: ignore[reportUnknownArgumentType]
            return _NO_ROUTE if template is None else MatchedRoute(template, known=True)
        if _is_django(layer):
            return _django(str(scope.get("path", "")))
    return _UNKNOWN


def _starlette(routes: list[Any], scope: dict[str, Any], depth: int) -> str | None:
    """Return the path of the first route that matches, with those of the mounts around it."""
    partly: str | None = None
    for route in routes:
        match, child = route.matches(scope)
        kind = getattr(match, "name", "")
        if kind == "NONE":
            continue
        path = str(getattr(route, "path", None) or getattr(route, "path_format", ""))
        below = _below(route)
        if below and depth < _MOST_LAYERS:
            inner = _starlette(below, {**scope, **child}, depth + 1)
            path = path if inner is None else path + inner
        if kind == "FULL":
            return path or None
        partly = partly or path or None  # the path fits, the method does not
    return partly


def _below(route: Any) -> list[Any]:
    """Return the routes of a mount, or of a router that FastAPI includes."""
    candidates = getattr(route, "effective_candidates", None)
    found: Any = candidates() if callable(candidates) else getattr(route, "routes", None)
    return list(found or ())


def _wsgi_route(app: Any, environ: dict[str, Any]) -> MatchedRoute:
    """Return the route by the table of Werkzeug (Flask) or Django, whichever the application has."""
    for layer in _layers(app):
        table = getattr(layer, "url_map", None)
        if table is not None:
            return MatchedRoute(_werkzeug(table, environ), known=True)
        if _is_django(layer):
            return _django(str(environ.get("PATH_INFO", "")))
    return _UNKNOWN


def _werkzeug(table: Any, environ: dict[str, Any]) -> str | None:
    """Return the template of the rule that matches; ``None`` without one."""
    try:
        rule, _ = table.bind_to_environ(environ).match(return_rule=True)
    except Exception as exc:  # its own exceptions: not found, method not allowed, a redirect
        pass_on_interrupt(exc)
        return None
    return str(rule.rule)


def _is_django(app: Any) -> bool:
    return type(app).__module__.startswith("django.core.handlers")


def _django(path: str) -> MatchedRoute:
    """Return the pattern of Django's URL configuration that a path matches."""
    urls: Any = sys.modules.get("django.urls")
    if urls is None:
        return _UNKNOWN
    try:
        return MatchedRoute("/" + str(urls.resolve(path).route), known=True)
    except Exception as exc:  # its own: not found
        pass_on_interrupt(exc)
        return _NO_ROUTE
