"""Follow an answer that is read after its request has returned: a proxy which ``isinstance`` takes for the original."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import wrapt

from voltagent.capture.stored_fields import is_kind_of, name_in_package
from voltagent.core import introspection
from voltagent.core.context import CURRENT, set_current
from voltagent.core.guard import Guard
from voltagent.core.span import Span
from voltagent.decorators.generator_run import GeneratorRun

if TYPE_CHECKING:
    _ObjectProxy = wrapt.ObjectProxy[Any]
else:
    _ObjectProxy = wrapt.ObjectProxy


def followed(result: object, run: GeneratorRun) -> Any:
    """Return a proxy of a stream, or of a response that is not read yet, that records what passes."""
    kind = type(result)
    if hasattr(kind, "parse"):
        return _Response(result, run)
    if _is_of_both_kinds(kind):
        kind = result.__class__  # the client's own class, if another library's proxy is for both kinds
        if _is_of_both_kinds(kind):
            return _BothItems(result, run)
    if hasattr(kind, "__anext__"):
        return _AsyncItems(result, run)
    if hasattr(kind, "__next__"):
        return _Items(result, run)
    if is_kind_of(type(result), _ITERABLE):
        return _Iterable(result, run)
    run.settled(result)
    return result


def followed_stream(stream: object, run: GeneratorRun) -> Any:
    """:func:`followed` for a stream of any class (see :func:`is_stream`): the proxy has only the methods it has."""
    kind = type(stream)
    is_sync, is_async = (introspection.class_value(kind, name) is not None for name in ("__next__", "__anext__"))
    proxy = (_BothItems if is_sync else _AsyncItems) if is_async else _Items if is_sync else _Iterable
    names = frozenset(name for name in _OPTIONAL if introspection.class_value(kind, name) is not None)
    return _with_methods(proxy, names)(stream, run)


_OPTIONAL: Final = ("close", "aclose", "send", "throw", "asend", "athrow", "__enter__", "__exit__", "__aenter__",
                    "__aexit__")  # fmt: skip


@lru_cache(maxsize=64)
def _with_methods(proxy: type, names: frozenset[str]) -> Callable[[object, GeneratorRun], Any]:
    """A class of proxies without the optional methods that are not in ``names``."""
    members: dict[str, Any] = {}
    for base in reversed(proxy.__mro__[: proxy.__mro__.index(_Followed)]):
        members.update(vars(base))
    kept = {name: member for name, member in members.items() if name not in _OPTIONAL or name in names}
    return type(proxy)(proxy.__name__, (_Followed,), kept)


def _is_of_both_kinds(kind: type) -> bool:
    """Return whether streams of a class are read with ``for`` or ``async for``."""
    return hasattr(kind, "__next__") and hasattr(kind, "__anext__")


def is_response(kind: type) -> bool:
    """Return whether objects of a class are raw responses, which are parsed when the program asks for it. Cached."""
    return _IS_RESPONSE.of(kind)


# Raw responses, as package and class.
_RESPONSES: Final = tuple(
    (package, name) for package in ("openai", "anthropic") for name in ("BaseAPIResponse", "LegacyAPIResponse")
)


_IS_RESPONSE: Final = introspection.PerType(lambda kind: kind is _Response or is_kind_of(kind, _RESPONSES))


def _is_read_later(result: object) -> bool:
    kind = type(result)
    return any(hasattr(kind, name) for name in ("parse", "__anext__", "__next__"))


# Streams that have no `next`, as package and class.
_ITERABLE: Final = (("botocore", "EventStream"),)


def is_stream(kind: type) -> bool:
    """Return whether objects of a class are streams: iterators that are not of Python's own library. Cached."""
    return _IS_STREAM.of(kind)


def _is_stream(kind: type) -> bool:
    """Return whether objects of a type of another package are streams, sync or async."""
    package = name_in_package(kind)[0]
    if not package or package in sys.stdlib_module_names:  # classes in C have no module of their own
        return False
    return any(_has_all(kind, names) for names in _ITERATOR_METHODS) or is_kind_of(kind, _ITERABLE)


# Of an iterator; an object with `__next__` alone cannot be read in a loop.
_ITERATOR_METHODS: Final = (("__iter__", "__next__"), ("__aiter__", "__anext__"))


def _has_all(kind: type, names: tuple[str, ...]) -> bool:
    return all(introspection.class_value(kind, name) is not None for name in names)


_IS_STREAM: Final = introspection.PerType(_is_stream)


def _restore(before: Span | None) -> None:
    """Make current what was so before a step: another thread or task may have taken one at the same time."""
    if CURRENT.get() is not before:
        set_current(before)


class _Followed(_ObjectProxy):
    """Ends the record once: at the end of the stream, when it is closed, or when nothing refers to it any more."""

    def __init__(self, wrapped: Any, run: GeneratorRun) -> None:
        super().__init__(wrapped)
        self._self_run: GeneratorRun | None = run
        self._self_items: Any = wrapped  # what `iter` of the stream has returned
        self._self_async_items: Any = wrapped

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: Any) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def _self_take(self) -> GeneratorRun | None:
        run, self._self_run = self._self_run, None
        return run

    def _self_leave(self) -> None:
        """End the record, because the reader stopped early."""
        inner: Any = self.__wrapped__
        if issubclass(type(inner), _Followed):
            inner._self_leave()  # noqa: SLF001 - a proxy of ours: the innermost record ends first, so that it counts
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
        self._self_items = iter(self.__wrapped__)
        return self

    def __next__(self) -> Any:
        return self._self_step(next, self._self_items)

    def send(self, value: Any) -> Any:
        return self._self_step(self.__wrapped__.send, value)

    def throw(self, *exception: Any) -> Any:
        return self._self_step(self.__wrapped__.throw, *exception)

    def _self_step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Take one step of the stream, with the operation as the current one; its end is that of the operation."""
        run = self._self_run
        if run is None:
            return step(*arguments)
        before = CURRENT.get()
        run.enter()
        try:
            item = step(*arguments)
        except StopIteration:
            self._self_take()
            run.returned()
            raise
        except BaseException as exc:
            self._self_take()
            run.raised(exc)
            raise
        else:
            return run.leave(item)
        finally:
            _restore(before)

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
        self._self_async_items = aiter(self.__wrapped__)
        return self

    async def __anext__(self) -> Any:
        return await self._self_async_step(self._self_async_items.__anext__)

    async def asend(self, value: Any) -> Any:
        return await self._self_async_step(self.__wrapped__.asend, value)

    async def athrow(self, *exception: Any) -> Any:
        return await self._self_async_step(self.__wrapped__.athrow, *exception)

    async def _self_async_step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Take one step as :meth:`_self_step` does, with ``await``."""
        run = self._self_run
        if run is None:
            return await step(*arguments)
        before = CURRENT.get()
        run.enter()
        try:
            item = await step(*arguments)
        except StopAsyncIteration:
            self._self_take()
            run.returned()
            raise
        except BaseException as exc:
            self._self_take()
            run.raised(exc)
            raise
        else:
            return run.leave(item)
        finally:
            _restore(before)

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


class _BothItems(_AsyncItems):
    """A stream that is read with ``for`` or with ``async for``."""

    __iter__: Any = _Items.__iter__
    __next__: Any = _Items.__next__
    send: Any = _Items.send
    throw: Any = _Items.throw
    _self_step: Any = _Items._self_step  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a proxy of ours
    __enter__: Any = _Items.__enter__
    __exit__: Any = _Items.__exit__
    close: Any = _Items.close


class _Iterable(_Followed):
    """A stream that makes its iterator when it is iterated."""

    def __iter__(self) -> Any:
        run = self._self_take()
        items = iter(self.__wrapped__)
        return items if run is None else _Items(items, run)

    close: Any = _Items.close


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

    def read(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_body(self.__wrapped__.read(*args, **kwargs))

    def json(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_body(self.__wrapped__.json(*args, **kwargs))

    def text(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_body(self.__wrapped__.text(*args, **kwargs))

    def _self_body(self, body: Any) -> Any:
        """Settle the answer, which is there when the body was read."""
        if inspect.isawaitable(body):
            return self._self_later_body(body)
        self._self_settle()
        return body

    async def _self_later_body(self, body: Any) -> Any:
        found = await body
        self._self_settle()
        return found

    def _self_settle(self) -> None:
        run = self._self_take()
        if run is not None:
            run.settled(self.__wrapped__)

    def _self_parsed(self, parsed: Any) -> Any:
        """Return what a raw response was parsed to; a stream is followed in place of the response from then on."""
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

    def _self_leave(self) -> None:
        run = self._self_run
        recorder = None if run is None else run.span.trace.recorder
        if recorder is not None and recorder.results is not None and recorder.results.is_read(self.__wrapped__):
            self._self_settle()  # its body was read without a method of this object
        super()._self_leave()

    def close(self) -> Any:
        closed = self.__wrapped__.close()
        self._self_leave()
        return closed
