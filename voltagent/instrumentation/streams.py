"""Follow an answer that is read after its request has returned: a proxy which ``isinstance`` takes for the original."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import wrapt

from voltagent.core.guard import Guard
from voltagent.decorators.generator_run import GeneratorRun

if TYPE_CHECKING:
    _ObjectProxy = wrapt.ObjectProxy[Any]
else:
    _ObjectProxy = wrapt.ObjectProxy


def followed(result: object, run: GeneratorRun) -> Any:
    """A proxy of a stream, or of a response that is not read yet, that records what passes."""
    kind = type(result)
    if hasattr(kind, "parse"):
        return _Response(result, run)
    if hasattr(kind, "__anext__") and hasattr(kind, "__next__"):
        kind = result.__class__  # a proxy of another library, for streams of both kinds
    if hasattr(kind, "__anext__"):
        return _AsyncItems(result, run)
    if hasattr(kind, "__next__"):
        return _Items(result, run)
    run.settled(result)
    return result


def _is_read_later(result: object) -> bool:
    kind = type(result)
    return any(hasattr(kind, name) for name in ("parse", "__anext__", "__next__"))


class _Followed(_ObjectProxy):
    """Ends the record once: at the end of the stream, when it is closed, or when nothing refers to it any more."""

    def __init__(self, wrapped: Any, run: GeneratorRun) -> None:
        super().__init__(wrapped)
        self._self_run: GeneratorRun | None = run

    def _self_take(self) -> GeneratorRun | None:
        run, self._self_run = self._self_run, None
        return run

    def _self_leave(self) -> None:
        """The reader has had enough."""
        run = self._self_take()
        if run is not None:
            try:
                run.enter()
                run.raised(GeneratorExit())
            except Exception as exc:
                Guard.swallowed(exc)

    def __del__(self) -> None:
        try:
            self._self_leave()
        except Exception:  # the interpreter is shutting down, or the object was never completed
            pass


class _Items(_Followed):
    """A stream of items."""

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        run = self._self_run
        if run is None:
            return next(self.__wrapped__)
        run.enter()
        try:
            item = next(self.__wrapped__)
        except StopIteration:
            self._self_take()
            run.returned()
            raise
        except BaseException as exc:
            self._self_take()
            run.raised(exc)
            raise
        return run.leave(item)

    def __enter__(self) -> Any:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *exception: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(*exception)
        finally:
            self._self_leave()

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_leave()


class _AsyncItems(_Followed):
    """An asynchronous stream of items."""

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        run = self._self_run
        if run is None:
            return await self.__wrapped__.__anext__()
        run.enter()
        try:
            item = await self.__wrapped__.__anext__()
        except StopAsyncIteration:
            self._self_take()
            run.returned()
            raise
        except BaseException as exc:
            self._self_take()
            run.raised(exc)
            raise
        return run.leave(item)

    async def __aenter__(self) -> Any:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*exception)
        finally:
            self._self_leave()

    async def close(self) -> Any:
        try:
            return await self.__wrapped__.close()
        finally:
            self._self_leave()

    async def aclose(self) -> Any:
        try:
            return await self.__wrapped__.aclose()
        finally:
            self._self_leave()


class _Response(_Followed):
    """A raw response, whose answer is there when it is parsed, which other libraries may do before the program."""

    def __init__(self, wrapped: Any, run: GeneratorRun) -> None:
        super().__init__(wrapped, run)
        self._self_stream: Any = None  # the proxy of what it was parsed to

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        parsed = self.__wrapped__.parse(*args, **kwargs)
        return self._self_later(parsed) if inspect.isawaitable(parsed) else self._self_parsed(parsed)

    async def _self_later(self, parsed: Any) -> Any:
        return self._self_parsed(await parsed)

    def _self_parsed(self, parsed: Any) -> Any:
        stream = self._self_stream
        if stream is not None and stream.__wrapped__ is parsed:
            return stream
        if stream is not None and not _is_read_later(parsed):
            return parsed  # it may read from the stream that is followed already
        # Another library may have put a stream of its own in place of the client's.
        run = self._self_take() if stream is None else stream._self_take()  # noqa: SLF001 - a proxy of ours
        found = parsed if run is None else followed(parsed, run)
        if found is not parsed:
            self._self_stream = found
        return found

    def close(self) -> Any:
        closed = self.__wrapped__.close()
        self._self_leave()
        return closed
