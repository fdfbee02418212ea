"""What is kept of an exception on the caller's thread.

Raising is a program's own business and may be frequent, so only code objects and line numbers are kept of a stack: the
text is put together by the sender, in :mod:`voltagent.capture.exceptions.formatting`.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import os
from collections.abc import Collection
from types import TracebackType
from typing import Any, Final, cast

from pydantic_core import ValidationError

from voltagent.capture.exceptions.kinds import (
    MOST_IN_ALL,
    MOST_MEMBERS,
    ExceptionType,
    code_of,
    errno_of,
    kind_of,
    members_of,
)
from voltagent.capture.snapshot import Snapshot
from voltagent.core import introspection
from voltagent.core.context import run_callback
from voltagent.core.span import Failure, Frame
from voltagent.core.text import shortened

# PTH120 - it is compared with texts
_OWN_FILES: Final = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep  # noqa: PTH120

OUTER_FRAMES: Final = 16  # kept of the start of a long stack
_INNER_FRAMES: Final = 48  # and of its end, where the exception was raised
_STEPS: Final = 20_000  # frames walked over to find that end
_CHAIN: Final = 8  # causes of causes
_MESSAGE: Final = 8192  # characters
_NOTES: Final = 8
_DETAILS: Final = 1000  # errors that pydantic names in a message; more than these take milliseconds

_traceback_of: Final = introspection.reader(BaseException, "__traceback__")
_cause_of: Final = introspection.reader(BaseException, "__cause__")
_context_of: Final = introspection.reader(BaseException, "__context__")
_is_context_hidden: Final = introspection.reader(BaseException, "__suppress_context__")
_arguments_of: Final = introspection.reader(BaseException, "args")
_os_parts: Final = tuple(introspection.reader(OSError, name) for name in ("strerror", "filename", "filename2"))

_SAFE_ARGUMENTS: Final = frozenset(map(id, (str, int, float, bool, type(None), bytes)))  # `hash` of a type is its own

_snapshot: Final = Snapshot()


def capture_failure(exception: BaseException, *, message: bool = True) -> Failure:
    """Keep what can be sent of an exception; bounded in size and time, on the caller's thread.

    ``message=False`` leaves out all text that may hold values: message, notes, and an exit code that is a string.
    Nothing raised by the exception's own ``__str__`` propagates, except a ``KeyboardInterrupt``.
    """
    return _failure(exception, message, set(), _CHAIN)


def _failure(exception: BaseException, with_text: bool, seen: set[int], depth: int) -> Failure:
    """Return the record of an exception, with its causes and members; those in ``seen`` are not repeated."""
    seen.add(id(exception))
    kind = kind_of(type(exception))
    failure = Failure(kind.type, kind.name, id(exception))
    failure.frames, failure.left_out = _frames(_traceback_of(exception))
    fields = kind.stored(exception)
    failure.code = code_of(exception, kind, fields, with_text)
    if with_text:
        failure.message = shortened(_message(exception, kind, 4), _MESSAGE)
        if fields:
            failure.notes = _notes(fields)
    if depth > 0:
        _follow(failure, exception, kind, with_text, seen, depth - 1)
    return failure


def descends_from(exception: BaseException, identities: Collection[int]) -> bool:
    """Return whether an exception was raised while one of these was handled, also where ``from None`` hides that."""
    current: BaseException | None = exception
    for _ in range(_CHAIN):
        if current is None or id(current) in identities:
            break
        current = _context_of(current)
    return current is not None and id(current) in identities


def _follow(
    failure: Failure, exception: BaseException, kind: ExceptionType, with_text: bool, seen: set[int], depth: int
) -> None:
    """Record the cause, as Python would show it, and the members of a group."""
    cause = _cause_of(exception)
    failure.caused = cause is not None
    if cause is None and not _is_context_hidden(exception):
        cause = _context_of(exception)
    if cause is not None and id(cause) not in seen:
        failure.cause = _failure(cause, with_text, seen, depth)
    members = members_of(exception, kind)[:MOST_MEMBERS]
    if members:
        failure.members = tuple(
            [
                _failure(one, with_text, seen, depth)
                for one in members
                if id(one) not in seen and len(seen) < MOST_IN_ALL
            ]
        )


def _frames(traceback: TracebackType | None) -> tuple[tuple[Frame, ...], int]:
    """Return the outer and inner frames of a traceback without our own, and how many between them are left out."""
    found: list[TracebackType] = []
    while traceback is not None and len(found) < _STEPS:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OWN_FILES):
            found.append(traceback)
        traceback = traceback.tb_next
    left_out = max(0, len(found) - OUTER_FRAMES - _INNER_FRAMES)
    if left_out:
        del found[OUTER_FRAMES:-_INNER_FRAMES]
    return tuple([(one.tb_frame.f_code, one.tb_lineno) for one in found]), left_out


def _message(exception: BaseException, kind: ExceptionType, depth: int) -> str:
    """Return the message as ``str`` would, but without running code of the user for classes that are known."""
    if kind.written_by_arguments:
        arguments = _arguments_of(exception)
        if len(arguments) == 1:
            only = arguments[0]
            if type(only) is str and kind.contains_argument:
                return only
            if depth > 0 and introspection.has_base(type(only), BaseException):
                return _message(cast(BaseException, only), kind_of(type(only)), depth - 1)
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
    """Return what ``OSError`` writes, but with the beginning of long parts only."""
    text, *files = (cast("str", part)[:_MESSAGE] if _is_long(part) else part for part in parts)
    names = [repr(file) for file in files if file is not None and _is_short(file)]
    written = f"[Errno {errno_of(exception)}] {text if _is_short(text) else ''}"
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
    """Return what ``add_note`` added (PEP 678)."""
    notes = dict.get(fields, "__notes__")
    if type(notes) is not list:
        return ()
    return tuple(shortened(note, _MESSAGE // _NOTES) for note in notes[:_NOTES] if type(note) is str)  # pyright: ignore
