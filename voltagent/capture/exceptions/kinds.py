"""What the class of an exception says: whether it is a failure at all, how its message is made, and its code."""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import builtins
from collections.abc import Callable
from enum import Enum
from types import MemberDescriptorType
from typing import Any, Final, cast
from weakref import ref

from voltagent.core import introspection

MOST_IN_ALL: Final = 40  # exceptions that are looked at: causes, members, causes of members...
MOST_MEMBERS: Final = 8  # of an exception group
_MOST_LOOKED_AT: Final = 200_000  # members of a group that are looked at to see whether it is a cancellation
_LONGEST_CODE: Final = 200  # characters

# Python 3.10 has no exception groups of its own
_Group: Final[type | None] = getattr(builtins, "BaseExceptionGroup", None)
_members_of_group: Final = None if _Group is None else introspection.reader(_Group, "exceptions")
errno_of: Final = introspection.reader(OSError, "errno")
_exit_code_of: Final = introspection.reader(SystemExit, "code")

# What these write follows from `args` alone, by `str` or `repr` of them: code of the user's, if the types are.
_WRITTEN_BY_ARGUMENTS: Final = (
    introspection.class_dict(BaseException)["__str__"],
    introspection.class_dict(KeyError)["__str__"],
)
_WRITTEN_BY_OS_ERROR: Final = introspection.class_dict(OSError)["__str__"]

# By module (its first name) and name of a class or one of its bases: nothing of theirs is imported.
_CANCELLATIONS: Final = frozenset(
    (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit"), ("gevent", "GreenletExit"),
     ("curio", "CancelledError"), ("curio", "TaskCancelled"),
     ("builtins", "KeyboardInterrupt"), ("builtins", "SystemExit"), ("builtins", "GeneratorExit"))
)  # fmt: skip
_CONTROL_FLOW: Final = frozenset(
    (("celery", "Retry"), ("celery", "Ignore"), ("celery", "Reject"), ("click", "Abort"), ("click", "Exit"),
     ("typer", "Abort"), ("typer", "Exit"), ("pydantic_ai", "ModelRetry"), ("pydantic_ai", "CallDeferred"),
     ("pydantic_ai", "ApprovalRequired"), ("langgraph", "GraphBubbleUp"), ("dramatiq", "Retry"), ("arq", "Retry"),
     ("arq", "RetryJob"), ("huey", "RetryTask"), ("huey", "CancelExecution"))
)  # fmt: skip
# The groups of packages for Python 3.10, and where they store their members.
_GROUPS: Final = frozenset(
    (("exceptiongroup", "BaseExceptionGroup"), ("anyio", "ExceptionGroup"), ("trio", "MultiError"))
)
_MEMBERS: Final = ("_exceptions", "exceptions")
_HTTP_ANSWERS: Final = frozenset((("werkzeug", "HTTPException"), ("starlette", "HTTPException")))


def _has_base_named(kind: type, names: frozenset[tuple[str, str]]) -> bool:
    """Return whether a class inherits from one of these, by package and name, as none of them is imported."""
    for base in introspection.bases(kind):
        module, _, _ = introspection.full_name(base).partition(".")
        own_name = introspection.short_name(base)
        if (module, own_name) in names or (module == own_name and ("builtins", own_name) in names):
            return True
    return False


class ExceptionType:
    """What is the same for all exceptions of one class."""

    __slots__ = (
        "class_code",
        "contains_argument",
        "is_cancellation",
        "is_control_flow",
        "is_early_group",
        "is_exit",
        "is_group",
        "is_http_answer",
        "is_os_error",
        "name",
        "read_codes",
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
        self.is_exit = introspection.has_base(kind, SystemExit)
        self.class_code = _code_of_class(kind)
        self.read_codes = () if self.is_exit else _codes_in_slots(kind)  # the code of an exit may be a text
        self.is_group = _Group is not None and introspection.has_base(kind, _Group)
        self.is_early_group = not self.is_group and _has_base_named(kind, _GROUPS)


kind_of: Final = introspection.PerType(ExceptionType).of


def is_cancellation(exception: BaseException) -> bool:
    """Return whether an operation that this exception left was stopped from outside, and did not fail.

    That is so for the cancellations of asyncio, trio and gevent, an exit, a Ctrl-C, a closed coroutine, and for a group
    of nothing else.
    """
    waiting: list[tuple[BaseException, ...]] = [(exception,)]
    left = _MOST_LOOKED_AT
    while waiting:
        members = waiting.pop()
        left -= len(members) + 100  # a group takes longer than its members, and may contain the same one many times
        if left < 0:
            return False
        classes = {id(one): one for one in map(type, members)}  # by identity: a metaclass may have its own `hash`
        kinds = {key: kind_of(one_class) for key, one_class in classes.items()}
        for member in members:
            kind = kinds[id(type(member))]
            if not kind.is_cancellation:
                inner = members_of(member, kind)
                if not inner:  # it is no group
                    return False
                waiting.append(inner)
    return True


def members_of(exception: BaseException, kind: ExceptionType) -> tuple[BaseException, ...]:
    """Return the members of an exception group, by Python 3.11 or a package for 3.10; none of another exception."""
    if kind.is_group and _members_of_group is not None:
        found: tuple[BaseException, ...] = _members_of_group(exception)
        return found
    if kind.is_early_group:
        fields = kind.stored(exception)
        for name in _MEMBERS:
            given: Any = dict.get(fields, name)
            if type(given) is tuple or type(given) is list:
                return tuple([one for one in given if introspection.has_base(type(one), BaseException)])
    return ()


def is_control_flow(exception: BaseException) -> bool:
    """Return whether a framework raises this exception to steer what comes next: a retry, or an answer below 500."""
    kind = kind_of(type(exception))
    if not kind.is_http_answer:
        return kind.is_control_flow
    code = code_of(exception, kind, kind.stored(exception), with_text=False)
    return type(code) is int and 0 < code < 500


def code_of(exception: BaseException, kind: ExceptionType, fields: dict[str, Any], with_text: bool) -> int | str | None:
    """Return the code an exception has: stored on it, or known of a built-in type. Properties are not called."""
    found = _stored_code(fields) if fields else None
    if found is None and kind.read_codes:
        found = _code_in_slots(exception, kind.read_codes)
    if found is not None:
        return found
    if kind.class_code is not None:
        name, reference = kind.class_code
        owner = None if name in dict.keys(fields) else reference()
        code = None if owner is None else _as_code(introspection.class_dict(owner).get(name))
        if code is not None:
            return code
    if kind.is_os_error:
        return _as_code(errno_of(exception))
    if kind.is_exit:
        code = _as_code(_exit_code_of(exception))
        return code if with_text or type(code) is int else None
    return None


_CODES: Final = ("code", "status_code", "status")  # attributes


def _stored_code(fields: dict[str, Any]) -> int | str | None:
    """Return the code among the stored fields of an exception, or of the response that it keeps."""
    for name in (*_CODES, "errno"):
        code = _as_code(dict.get(fields, name))
        if code is not None:
            return code
    answer = dict.get(fields, "response")
    if type(answer) is dict:  # botocore
        error = answer.get("Error")
        return _as_code(error.get("Code")) if type(error) is dict else None
    if answer is None:
        return None
    of_answer = introspection.stored(answer)
    # httpx, requests and the SDKs built on them; werkzeug, whose `abort` takes a response instead of a number
    return _as_code(dict.get(of_answer, "status_code", dict.get(of_answer, "_status_code")))


def _code_of_class(kind: type) -> tuple[str, ref[type]] | None:
    """Return where a class has a code for all its exceptions, as those of werkzeug and Django REST framework do.

    That is the name of the attribute, which an exception may have for itself, and the class, or its base, that has it:
    it may be set anew, and a class that is made while the program runs can be freed. Only plain values are taken: a
    property, or what a metaclass would compute, is not called.
    """
    for name in _CODES:
        for base in introspection.bases(kind):
            own = introspection.class_dict(base)
            if name in own:  # also as `None`, by which a class says that it has none
                if _as_code(own.get(name)) is not None:
                    return name, ref(base)
                break
    return None


def _codes_in_slots(kind: type) -> tuple[Callable[[BaseException], object], ...]:
    """Return readers of the codes that exceptions of a class keep in ``__slots__``, as those of attrs may."""
    found = [introspection.class_value(kind, name) for name in _CODES]
    return tuple([cast(Any, one).__get__ for one in found if type(one) is MemberDescriptorType])


def _code_in_slots(
    exception: BaseException, readers: tuple[Callable[[BaseException], object], ...]
) -> int | str | None:
    """Return the code in the slots of an exception."""
    for read in readers:
        try:
            code = _as_code(read(exception))
        except AttributeError:  # never set
            continue
        if code is not None:
            return code
    return None


def _as_code(value: object) -> int | str | None:
    """Return a value as an error code, if it is an integer of 64 bits or a short string."""
    kind = type(value)
    if kind is int and -(2**63) <= cast(int, value) < 2**63:
        return cast(int, value)
    if kind is str:
        return cast(str, value) if len(cast(str, value)) <= _LONGEST_CODE else None
    if kind is not int and kind is not bool and introspection.has_base(kind, int):  # http.HTTPStatus and the like
        return _as_code(int.__int__(cast(int, value)))
    if kind is not str and introspection.has_base(kind, str):  # an enumeration of codes
        return _as_code(str.__str__(cast(str, value)))
    if introspection.has_base(kind, Enum):
        inner = dict.get(introspection.stored(value), "_value_")
        return None if introspection.has_base(type(inner), Enum) else _as_code(inner)
    return None
