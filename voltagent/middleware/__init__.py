"""Middleware for web applications: one trace for each request, or only the caller's trace continued."""

from __future__ import annotations

from voltagent.middleware.asgi import ASGIMiddleware
from voltagent.middleware.wsgi import WSGIMiddleware

__all__ = ["ASGIMiddleware", "WSGIMiddleware"]
