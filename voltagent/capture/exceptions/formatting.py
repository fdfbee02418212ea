"""The text made of an exception: on the sender's thread, with source lines read from disk."""

from __future__ import annotations

from collections.abc import Iterator
from traceback import FrameSummary, StackSummary
from typing import Any, Final

from voltagent.capture.exceptions.failures import OUTER_FRAMES
from voltagent.core.span import Failure, SpanEvent
from voltagent.core.text import encoded, replace_surrogates

_FRAME: Final = 600  # characters of its two lines
_PATH: Final = 4096  # characters; no file has a longer name
_STACK: Final = 65_536  # characters

_GIVEN: Final = "status_message"  # of a custom event or an update: the user may give an exception for it


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


def format_failure(failure: Failure) -> bytes:
    """Return a failure as a JSON object: ``message``, ``type``, ``name``, ``stack``, and where there are some ``code``,
    ``cause``, ``notes`` and ``errors`` (the members of a group).

    ``stack`` is a text in the form of Python's own traceback, causes included. Source lines are read from disk. There
    is no ``message`` where capture is off.
    """
    described = _described_failure(failure)
    described["stack"] = _bounded("".join(_lines(failure)))
    return encoded(described)


def _described_failure(failure: Failure) -> dict[str, Any]:
    """Return a failure as a dictionary, its causes and members within it."""
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
    """Yield the lines of a stack in the form of :mod:`traceback`."""
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
    """Yield the lines of the stack, with a line for the frames that were left out."""
    frames = [
        FrameSummary(_begin(code.co_filename), line, _begin(code.co_name), lookup_line=False)
        for code, line in failure.frames
    ]
    if not failure.left_out:
        yield from _formatted(frames)
        return
    yield from _formatted(frames[:OUTER_FRAMES])
    yield f"  [{failure.left_out} frames left out]\n"
    yield from _formatted(frames[OUTER_FRAMES:])


def _begin(name: str) -> str:
    """Return a name of a file or function, which generated code may make of any length."""
    return name if len(name) <= _PATH else f"{name[: _FRAME // 2]}…"


def _formatted(frames: list[FrameSummary]) -> Iterator[str]:
    for text in StackSummary.from_list(frames).format():
        yield text if len(text) <= _FRAME else f"{text[:_FRAME]}…\n"


def _bounded(stack: str) -> str:
    """Return the start and the end of a stack that is too long, cut between lines."""
    if len(stack) <= _STACK:
        return stack
    head, _, _ = stack[: _STACK // 4].rpartition("\n")
    _, _, tail = stack[-_STACK * 3 // 4 :].partition("\n")
    return f"{head}\n  [stack truncated, {len(stack)} characters]\n{tail}"
