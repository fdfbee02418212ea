"""Exceptions: what is kept of one on the caller's thread, and the text made of it on the sender's.

Raising is a program's own business and may be frequent, so the caller's side keeps code objects and line numbers only;
source lines are read, and the text is put together, by the sender.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import builtins
import os
from collections.abc import Collection, Iterator
from traceback import FrameSummary, StackSummary
from types import TracebackType
from typing import Any, Final, cast

from pydantic_core import ValidationError

from voltagent.capture.snapshot import Snapshot
from voltagent.core import introspection
from voltagent.core.context import run_callback
from voltagent.core.span import Failure, Frame, SpanEvent
from voltagent.core.text import encoded, replace_surrogates, shortened

_OWN_FILES: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 - it is compared with texts

_OUTER_FRAMES: Final = 16  # kept of the start of a long stack
_INNER_FRAMES: Final = 48  # and of its end, where the exception was raised
_STEPS: Final = 20_000  # frames walked over to find that end
_CHAIN: Final = 8  # causes of causes
_MEMBERS: Final = 8  # of an exception group
_IN_ALL: Final = 40  # exceptions: causes, members, causes of members...
_MESSAGE: Final = 8192  # characters
_NOTES: Final = 8
_DETAILS: Final = 1000  # errors that pydantic names in a message; more than these take milliseconds
_CODE: Final = 200  # characters
_FRAME: Final = 600  # characters of its two lines
_STACK: Final = 65_536  # characters


_traceback_of: Final = introspection.reader(BaseException, "__traceback__")
_cause_of: Final = introspection.reader(BaseException, "__cause__")
_context_of: Final = introspection.reader(BaseException, "__context__")
_is_context_hidden: Final = introspection.reader(BaseException, "__suppress_context__")
_arguments_of: Final = introspection.reader(BaseException, "args")
_errno_of: Final = introspection.reader(OSError, "errno")
_os_parts: Final = tuple(introspection.reader(OSError, name) for name in ("strerror", "filename", "filename2"))
_exit_code_of: Final = introspection.reader(SystemExit, "code")

# Python 3.10 has no exception groups
_Group: Final[type | None] = getattr(builtins, "BaseExceptionGroup", None)
_members_of: Final = introspection.reader(_Group, "exceptions") if _Group is not None else None

# What these write follows from `args` alone, by `str` or `repr` of them: code of the user's, if the types are.
_WRITTEN_BY_ARGUMENTS: Final = (
    introspection.class_dict(BaseException)["__str__"],
    introspection.class_dict(KeyError)["__str__"],
)
_WRITTEN_BY_OS_ERROR: Final = introspection.class_dict(OSError)["__str__"]
_SAFE_ARGUMENTS: Final = frozenset(map(id, (str, int, float, bool, type(None), bytes)))  # `hash` of a type is its own

_snapshot: Final = Snapshot()


def capture_failure(exception: BaseException, *, message: bool = True) -> Failure:
    """Keep what can be sent of an exception; bounded in size and time, on the caller's thread.

    ``message=False`` leaves out all text that may hold values: message, notes, and an exit code that is a string.
    Nothing raised by the exception's own ``__str__`` propagates, except a ``KeyboardInterrupt``.
    """
    return _failure(exception, message, set(), _CHAIN)


def is_cancellation(exception: BaseException) -> bool:
    """Whether an operation that this exception left was stopped from outside, and did not fail.

    That is so for the cancellations of asyncio, trio and gevent, an exit, a Ctrl-C, a closed coroutine, and for a group
    of nothing else.
    """
    return _is_cancellation(exception, [_IN_ALL * _MEMBERS])


def _is_cancellation(exception: BaseException, left: list[int]) -> bool:
    kind = _kind_of(type(exception))
    if not kind.is_group or _members_of is None or kind.is_cancellation:
        return kind.is_cancellation
    members: tuple[BaseException, ...] = _members_of(exception)
    left[0] -= len(members)  # a group of groups may be very large
    return left[0] >= 0 and all(_is_cancellation(member, left) for member in members)


def is_control_flow(exception: BaseException) -> bool:
    """Whether a framework raises this exception to say what comes next, such as a retry or an answer below 500."""
    kind = _kind_of(type(exception))
    if not kind.is_http_answer:
        return kind.is_control_flow
    code = _code(exception, kind, kind.stored(exception), with_text=False)
    return type(code) is int and 0 < code < 500


# By module (its first name) and name of a class or one of its bases: nothing of theirs is imported.
_CANCELLATIONS: Final = frozenset(
    (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit"), ("gevent", "GreenletExit"),
     ("curio", "CancelledError"), ("curio", "TaskCancelled"),
     ("builtins", "KeyboardInterrupt"), ("builtins", "SystemExit"), ("builtins", "GeneratorExit"))
)  # fmt: skip
_CONTROL_FLOW: Final = frozenset(
    (("celery", "Retry"), ("celery", "Ignore"), ("celery", "Reject"), ("click", "Abort"), ("click", "Exit"),
     ("typer", "Abort"), ("typer", "Exit"), ("pydantic_ai", "ModelRetry"))
)  # fmt: skip
_HTTP_ANSWERS: Final = frozenset((("werkzeug", "HTTPException"), ("starlette", "HTTPException")))


def _has_base_named(kind: type, names: frozenset[tuple[str, str]]) -> bool:
    for base in introspection.bases(kind):
        module, _, _ = introspection.full_name(base).partition(".")
        own_name = introspection.short_name(base)
        if (module, own_name) in names or (module == own_name and ("builtins", own_name) in names):
            return True
    return False


class _ExceptionType:
    """What is the same for all exceptions of one class."""

    __slots__ = (
        "class_code",
        "contains_argument",
        "is_cancellation",
        "is_control_flow",
        "is_exit",
        "is_group",
        "is_http_answer",
        "is_os_error",
        "name",
        "stored",
        "type",
        "written_by_arguments",
        "written_by_os_error",
    )

    def __init__(self, kind: type) -> None:
        self.type = introspection.full_name(kind)
        self.name = introspection.short_name(kind)
        self.stored = introspection.dict_reader(kind)
        writer = introspection.class_value(kind, "__str__")
        self.contains_argument = writer is _WRITTEN_BY_ARGUMENTS[0]
        self.written_by_arguments = any(writer is one for one in _WRITTEN_BY_ARGUMENTS)
        self.written_by_os_error = writer is _WRITTEN_BY_OS_ERROR
        self.is_os_error = introspection.has_base(kind, OSError)
        self.is_cancellation = _has_base_named(kind, _CANCELLATIONS)
        self.is_control_flow = _has_base_named(kind, _CONTROL_FLOW)
        self.is_http_answer = _has_base_named(kind, _HTTP_ANSWERS)
        self.class_code = _code_of_class(kind)
        self.is_exit = introspection.has_base(kind, SystemExit)
        self.is_group = _Group is not None and introspection.has_base(kind, _Group)


_kind_of: Final = introspection.PerType(_ExceptionType).of


def _failure(exception: BaseException, with_text: bool, seen: set[int], depth: int) -> Failure:
    seen.add(id(exception))
    kind = _kind_of(type(exception))
    failure = Failure(kind.type, kind.name, id(exception))
    failure.frames, failure.left_out = _frames(_traceback_of(exception))
    fields = kind.stored(exception)
    failure.code = _code(exception, kind, fields, with_text)
    if with_text:
        failure.message = shortened(_message(exception, kind, 4), _MESSAGE)
        if fields:
            failure.notes = _notes(fields)
    if depth > 0:
        _follow(failure, exception, kind, with_text, seen, depth - 1)
    return failure


def descends_from(exception: BaseException, identities: Collection[int]) -> bool:
    """Whether an exception was raised while one of these was handled, also where ``from None`` hides that."""
    current: BaseException | None = exception
    for _ in range(_CHAIN):
        if current is None or id(current) in identities:
            break
        current = _context_of(current)
    return current is not None and id(current) in identities


def _follow(
    failure: Failure, exception: BaseException, kind: _ExceptionType, with_text: bool, seen: set[int], depth: int
) -> None:
    """The cause as Python would show it, and the members of a group."""
    cause = _cause_of(exception)
    failure.caused = cause is not None
    if cause is None and not _is_context_hidden(exception):
        cause = _context_of(exception)
    if cause is not None and id(cause) not in seen:
        failure.cause = _failure(cause, with_text, seen, depth)
    if kind.is_group and _members_of is not None:
        members = _members_of(exception)[:_MEMBERS]
        failure.members = tuple(
            [_failure(one, with_text, seen, depth) for one in members if id(one) not in seen and len(seen) < _IN_ALL]
        )


def _frames(traceback: TracebackType | None) -> tuple[tuple[Frame, ...], int]:
    found: list[TracebackType] = []
    while traceback is not None and len(found) < _STEPS:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OWN_FILES):
            found.append(traceback)
        traceback = traceback.tb_next
    left_out = max(0, len(found) - _OUTER_FRAMES - _INNER_FRAMES)
    if left_out:
        del found[_OUTER_FRAMES:-_INNER_FRAMES]
    return tuple([(one.tb_frame.f_code, one.tb_lineno) for one in found]), left_out


# ------------------------------------------------------------------------------------------------------------ message


def _message(exception: BaseException, kind: _ExceptionType, depth: int) -> str:
    if kind.written_by_arguments:
        arguments = _arguments_of(exception)
        if len(arguments) == 1:
            only = arguments[0]
            if type(only) is str and kind.contains_argument:
                return only
            if depth > 0 and introspection.has_base(type(only), BaseException):
                return _message(cast(BaseException, only), _kind_of(type(only)), depth - 1)
        if len(arguments) > _NOTES or not all(map(_is_short, arguments)):
            return _described(arguments)
    if kind.written_by_os_error:
        parts = [read(exception) for read in _os_parts]
        if any(map(_is_long, parts)):
            return _os_message(exception, parts)
    if type(exception) is ValidationError and exception.error_count() > _DETAILS:
        return f"{exception.error_count()} validation errors for {exception.title}"
    return _call_str(exception)


def _os_message(exception: BaseException, parts: list[object]) -> str:
    """What ``OSError`` writes, but with the beginning of long parts only."""
    text, *files = (cast("str", part)[:_MESSAGE] if _is_long(part) else part for part in parts)
    names = [repr(file) for file in files if file is not None and _is_short(file)]
    written = f"[Errno {_errno_of(exception)}] {text if _is_short(text) else ''}"
    return f"{written}: {' -> '.join(names)}" if names else written


def _is_long(value: object) -> bool:
    return (type(value) is str or type(value) is bytes) and len(value) > _MESSAGE


def _is_short(argument: object) -> bool:
    kind = type(argument)
    if kind is str or kind is bytes:
        return len(cast(str, argument)) <= _MESSAGE
    return id(kind) in _SAFE_ARGUMENTS and not (kind is int and cast(int, argument).bit_length() > _MESSAGE)


def _described(arguments: tuple[object, ...]) -> str:
    """Return the text that a snapshot makes of arguments whose ``str`` would run code of the user."""
    value = arguments[0] if len(arguments) == 1 else arguments
    text = _snapshot.encode(value, _MESSAGE).decode()
    return text[1:-1] if text.startswith('"') else text


def _call_str(exception: BaseException) -> str:
    """Return ``str(exception)``. Nothing is recorded while it runs, and what it raises does not propagate."""
    traceback, context = _traceback_of(exception), _context_of(exception)

    def failed(exc: BaseException) -> str:
        if exc is exception:  # `raise self`: it must leave here as it came
            exception.__traceback__, exception.__context__ = traceback, context
        return f"[{introspection.full_name(type(exception))}.__str__ raised {introspection.full_name(type(exc))}]"

    text = run_callback(str, exception, on_error=failed)
    return text if type(text) is str else str.__str__(text)


def _notes(fields: dict[str, Any]) -> tuple[str, ...]:
    """What ``add_note`` added (PEP 678)."""
    notes = dict.get(fields, "__notes__")
    if type(notes) is not list:
        return ()
    return tuple(shortened(note, _MESSAGE // _NOTES) for note in notes[:_NOTES] if type(note) is str)  # pyright: ignore


# --------------------------------------------------------------------------------------------------------------- code


def _code(exception: BaseException, kind: _ExceptionType, fields: dict[str, Any], with_text: bool) -> int | str | None:
    """The code an exception has: stored on it, or known of a built-in type. Properties are not called."""
    if fields:
        for name in ("code", "status_code", "status", "errno"):
            code = _as_code(dict.get(fields, name))
            if code is not None:
                return code
        answer = dict.get(fields, "response")  # httpx, requests and the SDKs built on them
        if answer is not None:
            return _as_code(dict.get(introspection.stored(answer), "status_code"))
    if kind.class_code is not None:
        return kind.class_code
    if kind.is_os_error:
        return _as_code(_errno_of(exception))
    if kind.is_exit:
        code = _as_code(_exit_code_of(exception))
        return code if with_text or type(code) is int else None
    return None


def _code_of_class(kind: type) -> int | str | None:
    """The code that a class has for all its exceptions, as those of werkzeug and Django REST framework do.

    Only plain values are taken: a property, or what a metaclass would compute, is not called.
    """
    found = (_as_code(introspection.class_value(kind, name)) for name in ("code", "status_code", "status"))
    return next((code for code in found if code is not None), None)


def _as_code(value: object) -> int | str | None:
    kind = type(value)
    if kind is int and -(2**63) <= cast(int, value) < 2**63:
        return cast(int, value)
    if kind is str:
        return cast(str, value) if len(cast(str, value)) <= _CODE else None
    if kind is not int and kind is not bool and introspection.has_base(kind, int):  # http.HTTPStatus and the like
        return _as_code(int.__int__(cast(int, value)))
    return None


# --------------------------------------------------------------------------------------------- on the sender's thread


def format_event(event: SpanEvent) -> SpanEvent | None:
    """Put its text in the place of every :class:`Failure` that an event sends, once."""
    phase, span, fields = event
    if isinstance(span.error, Failure):
        span.error = format_failure(span.error)
    message = None if span.facts is None else span.facts.get("status_message")
    if span.facts is not None and isinstance(message, Failure):
        span.facts["status_message"] = format_failure(message)
    if fields is not None and isinstance(fields.get(_GIVEN), Failure):
        return phase, span, {**fields, _GIVEN: format_failure(fields[_GIVEN])}
    return event


_GIVEN: Final = "status_message"  # of a custom event or an update: the user may give an exception for it


def format_failure(failure: Failure) -> bytes:
    """A failure as a JSON object: ``message``, ``type``, ``name``, ``stack``, and where there are some ``code``,
    ``cause``, ``notes`` and ``errors`` (the members of a group).

    ``stack`` is a text in the form of Python's own traceback, causes included. Source lines are read from disk. There
    is no ``message`` where capture is off.
    """
    described = _described_failure(failure)
    described["stack"] = _bounded("".join(_lines(failure)))
    return encoded(described)


def _described_failure(failure: Failure) -> dict[str, Any]:
    described: dict[str, Any] = {} if failure.message is None else {"message": replace_surrogates(failure.message)}
    # `type` is the class's own name, as the older package sent it; `name` says where the class is
    described |= {"type": failure.name, "name": failure.type}
    if failure.code is not None:
        described["code"] = failure.code
    if failure.notes:
        described["notes"] = list(failure.notes)
    if failure.cause is not None:
        described["cause"] = _described_failure(failure.cause)
    if failure.members:
        described["errors"] = [_described_failure(member) for member in failure.members]
    return described


def _lines(failure: Failure) -> Iterator[str]:
    if failure.cause is not None:
        yield from _lines(failure.cause)
        yield (
            "\nThe above exception was the direct cause of the following exception:\n\n"
            if failure.caused
            else "\nDuring handling of the above exception, another exception occurred:\n\n"
        )
    if failure.frames:
        yield "Traceback (most recent call last):\n"
        yield from _frame_lines(failure)
    yield f"{failure.type}: {failure.message}\n" if failure.message else f"{failure.type}\n"
    for note in failure.notes:
        yield f"{note}\n"
    for number, member in enumerate(failure.members, 1):
        yield f"  +---------------- {number} ----------------\n"
        yield from (f"  | {line}\n" for line in "".join(_lines(member)).splitlines())


def _frame_lines(failure: Failure) -> Iterator[str]:
    frames = [FrameSummary(code.co_filename, line, code.co_name, lookup_line=False) for code, line in failure.frames]
    if not failure.left_out:
        yield from _formatted(frames)
        return
    yield from _formatted(frames[:_OUTER_FRAMES])
    yield f"  [{failure.left_out} frames left out]\n"
    yield from _formatted(frames[_OUTER_FRAMES:])


def _formatted(frames: list[FrameSummary]) -> Iterator[str]:
    for text in StackSummary.from_list(frames).format():
        yield text if len(text) <= _FRAME else f"{text[:_FRAME]}…\n"


def _bounded(stack: str) -> str:
    """The start and the end of a stack that is too long, cut between lines."""
    if len(stack) <= _STACK:
        return stack
    head, _, _ = stack[: _STACK // 4].rpartition("\n")
    _, _, tail = stack[-_STACK * 3 // 4 :].partition("\n")
    return f"{head}\n  [stack truncated, {len(stack)} characters]\n{tail}"
