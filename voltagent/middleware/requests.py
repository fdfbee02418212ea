"""One trace for each request, whatever the protocol between server and application is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, Final, cast

from voltagent.core.context import default_recorder, redirected, run_callback
from voltagent.core.guard import guard, log_once
from voltagent.core.span import ERROR, Span
from voltagent.core.text import type_within
from voltagent.errors import ValidationError
from voltagent.middleware.routes import MatchedRoute
from voltagent.tracing.recorder import Recorder

__all__ = ["MiddlewareOptions", "TracedRequest"]

_FAILED: Final = 500  # and above: the application failed, not its caller


class TracedRequest:
    """One request that is traced."""

    __slots__ = ("span", "status", "user")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.status: int | None = None
        self.user: str | None = None

    def set_user(self, user: Any) -> None:
        """Note who the user is; ``None`` changes nothing."""
        if user is None or self.user is not None:
            return
        self.user = str(user)
        if self.span.recording and self.span.end_ns is None:
            with guard:
                self.span.trace.user_id = self.user
                self._recorder.update(self.span, {"user_id": self.user})

    def end(self) -> None:
        """End the trace with the status of the response."""
        if not self.span.recording or self.span.end_ns is not None:
            return
        with guard:
            recorder, status = self._recorder, self.status
            if status is not None:
                recorder.add(self.span, metadata={"status_code": status})
            if status is not None and status >= _FAILED:
                recorder.end(self.span, ERROR, b'{"message":"HTTP %d"}' % status)
            else:
                recorder.succeed(self.span, None)

    def fail(self, exc: BaseException) -> None:
        """End the trace with what the application raised."""
        if self.span.recording and self.span.end_ns is None:
            with guard:
                recorder = self._recorder
                recorder.fail(self.span, exc, message=recorder.capture_input and recorder.capture_output)

    @property
    def _recorder(self) -> Recorder:
        return cast("Recorder", self.span.trace.recorder)


class MiddlewareOptions:
    """The options of a middleware, checked."""

    def __init__(self, trace: object, user: Any, exclude: Iterable[str]) -> None:
        if not isinstance(trace, bool):
            raise ValidationError(f"trace must be True or False, got {type(trace).__name__}")
        if user is not None and not callable(user):
            raise ValidationError(f"user must be a function that gives a user's id, got {type(user).__name__}")
        if not isinstance(exclude, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"exclude must be a list of paths, such as '/health', got {type(exclude).__name__}")
        patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        if not all(isinstance(pattern, str) for pattern in patterns):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"exclude must contain paths, such as '/health', got {type_within(exclude, str)}")
        self.traces = trace
        self._user: Callable[[Any], Any] | None = user
        self._exclude = patterns

    def begin(self, method: str, path: str, route: MatchedRoute) -> TracedRequest | None:
        """Start the trace of a request; ``None`` if it is excluded, or nothing is recorded."""
        with guard:
            recorder: Recorder | None = redirected(default_recorder())
            if recorder is None or not recorder.alive or self._excludes(path, route):
                return None
            about = {"method": method, "path": path}
            metadata = {"route": route.template} if route.template is not None else {}
            shown = recorder.snapshot.encode_object(about) if recorder.capture_input else None
            named = route.template if route.known else path
            name = f"{method} {named}" if named else method
            return TracedRequest(recorder.start_trace(name, shown, recorder.snapshot.encode_object(metadata)))
        return None

    def _excludes(self, path: str, route: MatchedRoute) -> bool:
        names = (path, route.template or path)
        return any(fnmatchcase(name, pattern) for pattern in self._exclude for name in names)

    def user_of(self, request: TracedRequest, scope: Any) -> Any:
        """Return what the user's function says, if the user is not known yet."""
        if self._user is None or request.user is not None:
            return None
        return run_callback(self._user, scope, on_error=self.report)

    @staticmethod
    def report(exc: BaseException) -> None:
        """Report that the user's function raised."""
        log_once(
            "middleware:user",
            logging.WARNING,
            "the user= callback of the middleware raised %s; recording without user",
            type(exc).__qualname__,
            exc_info=exc,
        )
