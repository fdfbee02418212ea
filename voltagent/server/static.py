"""The page's own files, from the package: a table made once, so that no path is ever built from a request."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from typing import Final

from voltagent.server.routing import Answer, Request, Route
from voltagent.storage.traces.store import Store

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
}


def _give(answer: Answer, _: Store, __: Request) -> Answer:
    return answer


def _routes() -> tuple[Route, ...]:
    """Return a route for each file of the page, all read once."""
    found: list[Route] = []
    for file in sorted(files("voltagent.server").joinpath("viewer").iterdir(), key=lambda file: file.name):
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found.append(Route("GET", path, partial(_give, Answer(body=file.read_bytes(), type=kind))))
    return tuple(found)


ROUTES: Final = _routes()
