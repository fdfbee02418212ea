"""The JSON forms of what is a text or a number in JSON: bytes, paths, identifiers, functions, secrets.

Each reads by the methods of the built-in type itself, in a time that does not grow with the value: what is too long is
cut before it is written.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import base64
import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from pathlib import PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final, cast

import pydantic_core

from voltagent.capture.nodes import Cut, Form
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.capture.time_forms import datetime_form, duration_form, time_form
from voltagent.core import introspection

_MOST_BYTES: Final = 65_536  # of a bytes value, before base64
_MOST_CHARACTERS: Final = 1 << 20  # of a subclass of `str`, and of a path
_MOST_DECIMAL: Final = 2048  # bytes of memory that a decimal number takes: some 4000 digits
_ROUNDING: Final = Context(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_BITS: Final = 4096  # of the integers in fractions and ranges


def unknown_form(value: object) -> str:
    return introspection.full_name(type(value))


def enum_form(value: Any) -> object:
    fields = introspection.stored(value)
    return dict.get(fields, "_value_", introspection.full_name(type(value)))


def text_form(value: str) -> object:
    """Return the string of a subclass of `str`; of a very long one only the beginning is copied."""
    length = str.__len__(value)
    if length <= _MOST_CHARACTERS:
        return str.__str__(value)
    return Cut("str", length, str.__getitem__(value, slice(0, _MOST_CHARACTERS)))


def decimal_form(value: Decimal) -> object:
    """Return the number as text; one of very many digits is rounded, as to write it takes long."""
    if Decimal.__sizeof__(value) <= _MOST_DECIMAL:
        return Decimal.__str__(value)
    return Cut(introspection.full_name(type(value)), None, Decimal.__str__(_ROUNDING.plus(value)))


def float_form(value: float) -> float:
    return float.__float__(value)


def bytes_form(value: bytes) -> object:
    return _base64(bytes.__getitem__(value, slice(0, _MOST_BYTES)), bytes.__len__(value), type(value))


def bytearray_form(value: bytearray) -> object:
    return _base64(bytearray.__getitem__(value, slice(0, _MOST_BYTES)), bytearray.__len__(value), type(value))


def memory_form(value: memoryview[Any]) -> object:
    if value.ndim != 1:
        return unknown_form(value)
    return _base64(value[: _MOST_BYTES // (value.itemsize or 1)].tobytes(), value.nbytes, memoryview)


def _base64(part: bytes | bytearray, size: int, kind: type) -> object:
    text = base64.b64encode(part).decode("ascii")
    return text if len(part) == size else Cut(introspection.full_name(kind), size, text)


def fraction_form(value: Fraction) -> object:
    """Return a fraction as ``1/3``, from its slots, so that no code of a subclass runs."""
    parts = [introspection.slot(value, name) for name in ("_numerator", "_denominator")]
    return (
        f"{parts[0]}/{parts[1]}"
        if all(type(part) is int and part.bit_length() < _BITS for part in parts)
        else unknown_form(value)
    )


def uuid_form(value: Any) -> str:
    digits = f"{introspection.slot(value, 'int'):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def range_form(value: range) -> str:
    return repr(value) if all(part.bit_length() < _BITS for part in (value.start, value.stop, value.step)) else "range"


def class_form(value: type) -> str:
    return f"class {introspection.full_name(value)}"


_read_module_dict: Final = introspection.reader(ModuleType, "__dict__")


def module_form(value: ModuleType) -> str:
    name = _read_module_dict(value).get("__name__")
    return f"module {name[:300]}" if type(name) is str else "module"


def function_form(value: FunctionType) -> str:
    module = value.__module__
    name = value.__qualname__[:300]
    return f"function {module[:300]}.{name}" if type(module) is str else f"function {name}"


def secret_form(_: object) -> str:
    return SECRET_TEXT


def path_form(kind: type[PurePath]) -> Form:
    """Return the form of paths: the text, unless it would have to be put together from very many parts."""
    write: Any = kind.__str__
    stored = [getattr(kind, name, None) for name in ("_raw_paths", "_parts", "_str")]  # by version of Python
    readers = [cast("Form", reader.__get__) for reader in stored if type(reader) is MemberDescriptorType]

    def form(value: PurePath) -> object:
        return write(value) if all(_is_short(read, value) for read in readers) else unknown_form(value)

    return form


def _is_short(read: Form, value: PurePath) -> bool:
    """Return whether the text of a path can be made in little time, by the parts that it stores."""
    try:
        parts = read(value)
    except AttributeError:  # not computed yet
        return True
    if type(parts) is str:
        return len(parts) <= _MOST_CHARACTERS
    return type(parts) is not list or (len(parts) <= _BITS and sum(map(len, parts)) <= _MOST_CHARACTERS)


def url_form(value: Any) -> object:
    inner = dict.get(introspection.stored(value), "_url")
    is_known = type(inner) is pydantic_core.Url or type(inner) is pydantic_core.MultiHostUrl
    return str(inner) if is_known else unknown_form(value)


# By type; subclasses have the same form.
SCALARS: Final[tuple[tuple[type, Form], ...]] = cast(
    "tuple[tuple[type, Form], ...]",
    (
        (str, text_form),
        (int, int.__int__),
        (float, float_form),
        (complex, complex.__repr__),
        (bytes, bytes_form),
        (bytearray, bytearray_form),
        (memoryview, memory_form),
        (datetime, datetime_form),
        (date, date.isoformat),
        (time, time_form),
        (timedelta, duration_form),
        (timezone, timezone.__str__),
        (Decimal, decimal_form),
        (Fraction, fraction_form),
        (range, range_form),
        (re.Pattern, lambda value: value.pattern),
        (type, class_form),
        (ModuleType, module_form),
        (FunctionType, function_form),
        (pydantic_core.Url, pydantic_core.Url.__str__),
        (pydantic_core.MultiHostUrl, pydantic_core.MultiHostUrl.__str__),
    ),
)

# Types whose methods call each other by name, so that a subclass can be in the way: only themselves are read.
EXACT_SCALARS: Final[tuple[tuple[type, Form], ...]] = tuple(
    (kind, path_form(kind)) for kind in (PosixPath, PurePosixPath, WindowsPath, PureWindowsPath)
)
