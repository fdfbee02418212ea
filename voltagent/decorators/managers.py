"""Follow the streams of clients that make the request when a context manager is entered."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, cast

from voltagent.capture.stored_fields import name_in_package
from voltagent.core import introspection
from voltagent.core.guard import Guard
from voltagent.decorators.generator_run import GeneratorRun
from voltagent.decorators.streams import followed, followed_stream, is_stream

_PACKAGES: Final = ("openai", "anthropic")
# How the field ends that has the function which makes the request, or the coroutine that does.
_REQUEST: Final = ("_api_request", "_request_func")


def is_manager(kind: type) -> bool:
    """Return whether objects of a class make a request when they are entered. Cached."""
    return _IS_MANAGER.of(kind)


def _is_manager(kind: type) -> bool:
    package, name = name_in_package(kind)
    return package in _PACKAGES and name.endswith("Manager")


_IS_MANAGER: Final = introspection.PerType(_is_manager)


def followed_manager(manager: object, run: GeneratorRun) -> Any:
    """Let the request of a manager begin the steps of a run. The manager is the same object, so it behaves the same."""
    fields = introspection.stored(manager)
    name = next(name for name in fields if name.endswith(_REQUEST))
    fields[name] = _EnteredRequest(fields[name], run)
    return manager


class _EnteredRequest:
    """Takes the place of the function that makes the request, or of the coroutine that does."""

    __slots__ = ("_request", "_run")

    def __init__(self, request: Any, run: GeneratorRun) -> None:
        self._request = request
        self._run: GeneratorRun | None = run

    def __call__(self) -> Any:
        run, self._run = self._run, None
        if run is None:
            return self._request()
        run.enter()
        try:
            result = self._request()
        except BaseException as exc:
            run.raised(exc)
            raise
        return _begun(result, run)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        """Await the request, with the operation as the current one while it runs."""
        run, self._run = self._run, None
        if run is None:
            return await self._request
        run.enter()
        try:
            result = await self._request
        except BaseException as exc:
            run.raised(exc)
            raise
        return _begun(result, run)

    def __del__(self) -> None:
        try:
            if self._run is not None:  # the manager was never entered
                self._run.raised(GeneratorExit())
        except Exception:  # the interpreter is shutting down
            pass


def _begun(result: Any, run: GeneratorRun) -> Any:
    """Return the proxy of what a request has returned."""
    run.pause()
    try:
        return followed_stream(result, run) if is_stream(type(cast(object, result))) else followed(result, run)
    except BaseException as exc:
        Guard.swallowed(exc)
        return result
