"""The JSON form of every type that is not JSON itself. The table for users is docs/capture.md.

A form is a function from a value to something nearer to JSON: text, a number, or one of the shapes below. It is found
by the type alone, through identities: a table keyed by ``id(type)`` needs no ``hash`` and no ``==`` of a metaclass.
Forms read by the methods of the built-in or library type itself, never by those a subclass may have put over them.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import array
import base64
import gc
import re
import sys
from collections import UserDict, UserList, UserString, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from types import FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple, TypeAlias, cast

import pydantic_core

from voltagent.capture import models
from voltagent.capture.injected import is_injected_class
from voltagent.capture.nodes import MOST_ITEMS, Cut, Fields, Listed, Mapped
from voltagent.capture.secrets import SECRET_TEXT
from voltagent.core import introspection
from voltagent.core.context import run_callback

Form: TypeAlias = Callable[[Any], object]

_MOST_BYTES: Final = 65_536  # of a bytes value, before base64


class Forms:
    """The forms of all types, with those that a user registered in front."""

    __slots__ = ("_per_type", "_registered", "of")

    def __init__(self, serializers: Mapping[type, Callable[[Any], object]]) -> None:
        self._registered = {id(kind): (kind, function) for kind, function in serializers.items()}
        self._per_type = introspection.PerType(self._find)
        self.of: Callable[[type], Form] = self._per_type.of

    def _find(self, kind: type) -> Form:
        for base in introspection.bases(kind) if self._registered else ():
            found = self._registered.get(id(base))
            if found is not None:
                return _guarded(found[1], _standard(kind))
        return _standard(kind)


def _guarded(function: Callable[[Any], object], standard: Form) -> Form:
    """A user's serializer as a form: nothing is recorded while it runs, and what it raises stays in here."""

    def form(value: Any) -> object:
        def failed(exc: BaseException) -> object:
            error = f"serializer raised {introspection.full_name(type(exc))}"
            return Fields("", {"type": introspection.full_name(type(value)), "error": error}, user_data=False)

        result = run_callback(function, value, on_error=failed)
        return standard(result) if type(result) is type(value) else result

    return form


def _standard(kind: type) -> Form:
    """The form of a type without regard to what users registered."""
    if introspection.has_base(kind, Enum):
        return _enum
    known = _TABLE.get(id(kind))
    if known is not None:
        return known
    if is_injected_class(kind):
        return _unknown  # it refers to all that a framework has
    fields = models.form_of(kind)
    if fields is not None:
        return fields
    for base in introspection.bases(kind):
        form = _EXACT_ONLY.get(id(base)) if base is kind else _TABLE.get(id(base))
        form = form or _foreign(kind, base)
        if form is not None:
            return form
    return _unknown


def _unknown(value: object) -> str:
    return introspection.full_name(type(value))


# --------------------------------------------------------------------------------------------------- text and numbers


def _enum(value: Any) -> object:
    fields = introspection.stored(value)
    return dict.get(fields, "_value_", introspection.full_name(type(value)))


def _float_text(value: float) -> float:
    return float.__float__(value)


def _bytes(value: bytes) -> object:
    return _base64(bytes.__getitem__(value, slice(0, _MOST_BYTES)), bytes.__len__(value), type(value))


def _bytearray(value: bytearray) -> object:
    return _base64(bytearray.__getitem__(value, slice(0, _MOST_BYTES)), bytearray.__len__(value), type(value))


def _memory(value: memoryview[Any]) -> object:
    if value.ndim != 1:
        return _unknown(value)
    return _base64(value[: _MOST_BYTES // (value.itemsize or 1)].tobytes(), value.nbytes, memoryview)


def _base64(part: bytes | bytearray, size: int, kind: type) -> object:
    text = base64.b64encode(part).decode("ascii")
    return text if len(part) == size else Cut(introspection.full_name(kind), size, text)


_CLOCK_FIELDS: Final = ("hour", "minute", "second", "microsecond")
_read_date: Final = [introspection.reader(datetime, name) for name in ("year", "month", "day", *_CLOCK_FIELDS)]
_read_date_zone: Final = introspection.reader(datetime, "tzinfo")
_read_date_fold: Final = introspection.reader(datetime, "fold")
_read_time: Final = [introspection.reader(time, name) for name in _CLOCK_FIELDS]
_read_time_zone: Final = introspection.reader(time, "tzinfo")
_read_time_fold: Final = introspection.reader(time, "fold")
_read_duration: Final = [introspection.reader(timedelta, name) for name in ("days", "seconds", "microseconds")]
_NOT_TIMES: Final = ("NaTType", "NaT")
_KNOWN_ZONES: Final = (timezone, pydantic_core.TzInfo, type(None))


def _datetime(value: datetime) -> str | None:
    """ISO 8601. Only the time zones of Python and pydantic compute an offset; others are named after it.

    ``None`` for the "not a time" of pandas, which is a `datetime` by its class only: its fields are all at their least.
    """
    if introspection.short_name(type(value)) in _NOT_TIMES:
        return None
    plain = datetime(*[read(value) for read in _read_date], fold=_read_date_fold(value))
    return _with_zone(plain, _read_date_zone(value))


def _time(value: time) -> str:
    plain = time(*[read(value) for read in _read_time], fold=_read_time_fold(value))
    return _with_zone(plain, _read_time_zone(value))


def _with_zone(plain: datetime | time, zone: object) -> str:
    if any(type(zone) is known for known in (*_KNOWN_ZONES, introspection.loaded("zoneinfo", "ZoneInfo"))):
        return plain.replace(tzinfo=cast(tzinfo, zone)).isoformat()
    return f"{plain.isoformat()}[{introspection.full_name(type(zone))}]"


def _duration(value: timedelta) -> str:
    plain = timedelta(*[read(value) for read in _read_duration])
    return pydantic_core.to_json(plain).decode()[1:-1]


def _fraction(value: Fraction) -> object:
    parts = [introspection.slot(value, name) for name in ("_numerator", "_denominator")]
    return (
        f"{parts[0]}/{parts[1]}"
        if all(type(part) is int and part.bit_length() < 4096 for part in parts)
        else _unknown(value)
    )


def _uuid(value: Any) -> str:
    digits = f"{introspection.slot(value, 'int'):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _range(value: range) -> str:
    return repr(value) if all(part.bit_length() < 4096 for part in (value.start, value.stop, value.step)) else "range"


def _class(value: type) -> str:
    return f"class {introspection.full_name(value)}"


_read_module_dict: Final = introspection.reader(ModuleType, "__dict__")


def _module(value: ModuleType) -> str:
    name = _read_module_dict(value).get("__name__")
    return f"module {name[:300]}" if type(name) is str else "module"


def _function(value: FunctionType) -> str:
    module = value.__module__
    name = value.__qualname__[:300]
    return f"function {module[:300]}.{name}" if type(module) is str else f"function {name}"


def _secret(_: object) -> str:
    return SECRET_TEXT


def _url(value: Any) -> object:
    inner = dict.get(introspection.stored(value), "_url")
    is_known = type(inner) is pydantic_core.Url or type(inner) is pydantic_core.MultiHostUrl
    return str(inner) if is_known else _unknown(value)


# --------------------------------------------------------------------------------------------------------- containers


def _take(values: Callable[[], Iterable[Any]], most: int = MOST_ITEMS) -> list[Any]:
    """The first items. Another thread may be changing the collection: then once more, and the last try may fail."""
    for _ in range(3):
        try:
            return list(islice(values(), most))
        except RuntimeError:  # noqa: PERF203 - three rounds at most
            continue
    return list(islice(values(), most))


def _dict(value: dict[Any, Any]) -> Mapped:
    return Mapped(introspection.full_name(type(value)), _take(lambda: dict.items(value)), dict.__len__(value))


def _namespace(value: SimpleNamespace) -> Mapped:
    fields = introspection.stored(value)
    return Mapped(introspection.full_name(type(value)), _take(lambda: dict.items(fields)), dict.__len__(fields))


def _list(value: list[Any]) -> Listed:
    return Listed(
        introspection.full_name(type(value)), list.__getitem__(value, slice(0, MOST_ITEMS)), list.__len__(value)
    )


def _tuple(value: tuple[Any, ...]) -> Listed:
    items = list(tuple.__getitem__(value, slice(0, MOST_ITEMS)))
    return Listed(introspection.full_name(type(value)), items, tuple.__len__(value))


def _collected(read: Callable[[Any], Iterable[Any]], count: Callable[[Any], int]) -> Form:
    def form(value: Any) -> Listed:
        return Listed(introspection.full_name(type(value)), _take(lambda: read(value)), count(value))

    return form


_MOST_OF_SET: Final = 20_000  # items: they lie scattered in memory, so reading more takes too long
_MOST_SORTED: Final = 10_000  # items: sorting more of them would take too long for what is cut anyway


def _set(value: Any) -> Listed:
    kind = set if introspection.has_base(type(value), set) else frozenset
    items = _take(lambda: kind.__iter__(value), _MOST_OF_SET)
    if len(items) <= _MOST_SORTED and (
        all(type(item) is str for item in items) or all(type(item) is int for item in items)
    ):
        items.sort()  # the same set gives the same record in every process
    return Listed(introspection.full_name(type(value)), items, kind.__len__(value))


def _proxied(value: MappingProxyType[Any, Any]) -> object:
    # A proxy forwards every method to what is behind it, which may be of any type. The collector knows it.
    behind = gc.get_referents(value)
    return behind[0] if len(behind) == 1 else _unknown(value)


def _wrapped(value: Any) -> object:
    data = dict.get(introspection.stored(value), "data", value)
    return data if any(introspection.has_base(type(data), kind) for kind in (dict, list, str)) else _unknown(value)


_read_arguments: Final = introspection.reader(BaseException, "args")


def _exception(value: BaseException) -> Fields:
    name = introspection.full_name(type(value))
    return Fields(name, {"type": name, "args": _read_arguments(value)}, user_data=False)


def _array(value: array.array[Any]) -> Fields:
    return _shaped(type(value), (array.array.__len__(value),), value.typecode)


def _shaped(kind: type, shape: Iterable[Any], dtype: object) -> Fields:
    """What is recorded of numbers in bulk: never the data."""
    name = introspection.full_name(kind)
    return Fields(name, {"type": name, "shape": [int(size) for size in shape], "dtype": dtype}, user_data=False)


_TABLE: Final[Mapping[int, Form]] = {
    id(kind): form
    for kind, form in cast(
        tuple[tuple[type, Form], ...],
        (
            (str, str.__str__),
            (int, int.__int__),
            (float, _float_text),
            (complex, complex.__repr__),
            (bytes, _bytes),
            (bytearray, _bytearray),
            (memoryview, _memory),
            (datetime, _datetime),
            (date, date.isoformat),
            (time, _time),
            (timedelta, _duration),
            (timezone, timezone.__str__),
            (Decimal, Decimal.__str__),
            (Fraction, _fraction),
            (range, _range),
            (re.Pattern, lambda value: value.pattern),
            (type, _class),
            (ModuleType, _module),
            (FunctionType, _function),
            (dict, _dict),
            (list, _list),
            (tuple, _tuple),
            (set, _set),
            (frozenset, _set),
            (deque, _collected(deque.__iter__, deque.__len__)),
            (type({}.keys()), _collected(iter, len)),
            (type({}.values()), _collected(iter, len)),
            (type({}.items()), _collected(iter, len)),
            (MappingProxyType, _proxied),
            (SimpleNamespace, _namespace),
            (UserDict, _wrapped),
            (UserList, _wrapped),
            (UserString, _wrapped),
            (BaseException, _exception),
            (array.array, _array),
            (pydantic_core.Url, pydantic_core.Url.__str__),
            (pydantic_core.MultiHostUrl, pydantic_core.MultiHostUrl.__str__),
        ),
    )
}

# Types whose methods call each other by name, so that a subclass can be in the way: only themselves are read.
_EXACT_ONLY: Final[Mapping[int, Form]] = {
    id(kind): cast(Form, form)
    for kind, form in (
        (PosixPath, PosixPath.__str__),
        (PurePosixPath, PurePosixPath.__str__),
        (WindowsPath, WindowsPath.__str__),
        (PureWindowsPath, PureWindowsPath.__str__),
    )
}


# -------------------------------------------------------------------------------------------- libraries not imported


class _Library(NamedTuple):
    """A type of a library that we do not import: where it lives, its form, and whether subclasses have it too."""

    module: str
    name: str
    form: Form
    exact: bool


def _numpy() -> Any:
    """The module, which is loaded if a value of its types is here."""
    return sys.modules["numpy"]


def _numpy_scalar(value: Any) -> object:
    kind = cast(Any, introspection.loaded("numpy", "generic"))
    if introspection.has_base(type(value), cast(Any, introspection.loaded("numpy", "datetime64"))):
        text = str(_numpy().datetime_as_string(value))
        return None if text == "NaT" else text
    if introspection.has_base(type(value), cast(Any, introspection.loaded("numpy", "timedelta64"))):
        return _numpy_duration(value, kind)
    plain = kind.item(value)
    return str(plain) if introspection.has_base(type(plain), kind) else plain


# The units of numpy's durations with a fixed length, in seconds.
_SECONDS: Final[Mapping[str, Decimal]] = {
    unit: Decimal(cast(str, length))
    for unit, length in {
        "W": 604_800,
        "D": 86_400,
        "h": 3600,
        "m": 60,
        "s": 1,
        "ms": "1e-3",
        "us": "1e-6",
        "ns": "1e-9",
        "ps": "1e-12",
        "fs": "1e-15",
        "as": "1e-18",
    }.items()
}
_NOT_A_DURATION: Final = -(2**63)


def _numpy_duration(value: Any, kind: Any) -> object:
    """An ISO 8601 duration; the bare number if it has no unit, ``None`` for "not a time"."""
    unit, step = _numpy().datetime_data(kind.dtype.__get__(value))
    number = int(kind.item(kind.astype(value, "int64")))
    if number == _NOT_A_DURATION:
        return None
    number *= step
    if unit not in _SECONDS:
        return f"P{number}{unit}" if unit in ("Y", "M") else number
    seconds = number * _SECONDS[unit]
    if abs(seconds) < 10**13 and seconds * 10**6 % 1 == 0:
        return _duration(timedelta(microseconds=int(seconds * 10**6)))
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds):f}S"


def _numpy_array(value: Any) -> Fields:
    kind = cast(Any, introspection.loaded("numpy", "ndarray"))
    return _shaped(type(value), kind.shape.__get__(value), str(kind.dtype.__get__(value)))


def _one_dtype(value: Any) -> Fields:
    return _shaped(type(value), value.shape, str(value.dtype))


def _data_frame(value: Any) -> Fields:
    shape = value.shape
    return _shaped(type(value), shape, [str(kind) for kind in value.dtypes] if shape[1] <= 1000 else "")


def _zone(value: Any) -> str:
    return cast(Any, introspection.loaded("zoneinfo", "ZoneInfo")).__str__(value)  # type: ignore[no-any-return]


_LIBRARIES: Final = (
    _Library("uuid", "UUID", _uuid, exact=False),
    _Library("zoneinfo", "ZoneInfo", _zone, exact=True),
    _Library("pydantic.types", "SecretStr", _secret, exact=False),
    _Library("pydantic.types", "SecretBytes", _secret, exact=False),
    _Library("pydantic.types", "Secret", _secret, exact=False),
    _Library("numpy", "generic", _numpy_scalar, exact=False),
    _Library("numpy", "ndarray", _numpy_array, exact=False),
    _Library("pandas", "DataFrame", _data_frame, exact=True),
    _Library("pandas", "Series", _one_dtype, exact=True),
    _Library("polars", "DataFrame", _data_frame, exact=True),
    _Library("polars", "Series", _one_dtype, exact=True),
    _Library("torch", "Tensor", _one_dtype, exact=True),
    _Library("torch.nn", "Parameter", _one_dtype, exact=True),
    _Library("pydantic.networks", "_BaseUrl", _url, exact=False),
    _Library("pydantic.networks", "_BaseMultiHostUrl", _url, exact=False),
)


def _foreign(kind: type, base: type) -> Form | None:
    name = introspection.short_name(base)
    for library in _LIBRARIES:
        if (
            library.name == name
            and (kind is base or not library.exact)
            and introspection.loaded(library.module, name) is base
        ):
            return library.form
    return None
