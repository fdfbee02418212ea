"""The JSON forms of types that we do not import.

They are of numpy, pandas, polars, torch, arrow, whenever, dateutil, uuid, zoneinfo and pydantic.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import sys
from types import GetSetDescriptorType
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.container_forms import shaped
from voltagent.capture.nodes import Form, NamedFields
from voltagent.capture.scalar_forms import secret_form, url_form, uuid_form
from voltagent.capture.time_forms import duration_in, pandas_duration, pandas_timestamp
from voltagent.core import introspection


class _Library(NamedTuple):
    """A type of a library that we do not import: where it lives, its form, and whether subclasses have it too."""

    module: str
    name: str
    form: Form
    exact: bool


def _numpy() -> Any:
    """Return the module, which is loaded if a value of its types is here."""
    return sys.modules["numpy"]


def _numpy_scalar(value: Any) -> object:
    """Return a scalar of numpy as a number, or its date or duration in ISO 8601."""
    kind = cast(Any, introspection.loaded("numpy", "generic"))
    if introspection.has_base(type(value), cast(Any, introspection.loaded("numpy", "datetime64"))):
        text = str(_numpy().datetime_as_string(value))
        return None if text == "NaT" else text
    if introspection.has_base(type(value), cast(Any, introspection.loaded("numpy", "timedelta64"))):
        return _numpy_duration(value, kind)
    plain = kind.item(value)
    return str(plain) if introspection.has_base(type(plain), kind) else plain


_NOT_A_DURATION: Final = -(2**63)


def _numpy_duration(value: Any, kind: Any) -> object:
    """Return an ISO 8601 duration; the bare number if it has no unit, ``None`` for "not a time"."""
    unit, step = _numpy().datetime_data(kind.dtype.__get__(value))
    number = int(kind.item(kind.astype(value, "int64")))
    if number == _NOT_A_DURATION:
        return None
    return duration_in(number * step, unit)


def _numpy_array(value: Any) -> NamedFields:
    kind = cast(Any, introspection.loaded("numpy", "ndarray"))
    return shaped(type(value), kind.shape.__get__(value), str(kind.dtype.__get__(value)))


def _one_dtype(value: Any) -> NamedFields:
    return shaped(type(value), value.shape, str(value.dtype))


def _data_frame(value: Any) -> NamedFields:
    shape = value.shape
    return shaped(type(value), shape, [str(kind) for kind in value.dtypes] if shape[1] <= 1000 else "")


def _zone(value: Any) -> str:
    return cast(Any, introspection.loaded("zoneinfo", "ZoneInfo")).__str__(value)  # type: ignore[no-any-return]


def _arrow(value: Any) -> object:
    return dict.get(introspection.stored(value), "_datetime", introspection.full_name(type(value)))


_INTERVAL: Final = ("left", "right", "closed")
_ADDED: Final = ("years", "months", "days", "leapdays", "hours", "minutes", "seconds", "microseconds")
_SET: Final = ("year", "month", "day", "weekday", "hour", "minute", "second", "microsecond")


def _pandas_interval(value: Any) -> NamedFields:
    """Return the ends of an interval of pandas, which may be times, and which of them belong to it."""
    found = [(name, introspection.class_value(type(value), name)) for name in _INTERVAL]
    fields = {name: read.__get__(value) for name, read in found if type(read) is GetSetDescriptorType}
    return NamedFields(introspection.full_name(type(value)), fields)


def _difference(value: Any) -> NamedFields:
    """Return what a ``relativedelta`` of dateutil adds or sets."""
    fields = introspection.stored(value)
    added = {name: dict.get(fields, name) for name in _ADDED}
    changes = {name: one for name, one in added.items() if not (type(one) is int and one == 0)}
    changes |= {name: dict.get(fields, name) for name in _SET}
    return NamedFields(introspection.full_name(type(value)), {k: one for k, one in changes.items() if one is not None})


def _missing(_: object) -> None:
    """Return null for a value that stands for a missing one."""


def _text(value: Any) -> str:
    """Return a value as its class writes it: for classes of libraries whose text is that of a standard."""
    kind: Any = type(value)
    written: str = kind.__str__(value)
    return written


# `whenever` writes ISO 8601, with the name of a zone in brackets behind it (RFC 9557). Those of all versions so far.
_WHENEVER: Final = (
    "Instant", "ZonedDateTime", "OffsetDateTime", "PlainDateTime", "LocalDateTime", "SystemDateTime", "Date", "Time",
    "YearMonth", "MonthDay", "IsoWeekDate", "TimeDelta", "DateDelta", "DateTimeDelta", "ItemizedDelta",
    "ItemizedDateDelta",
)  # fmt: skip
_INDEXES: Final = (
    "Index", "RangeIndex", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "IntervalIndex", "CategoricalIndex",
    "MultiIndex",
)  # fmt: skip

_LIBRARIES: Final = (
    _Library("uuid", "UUID", uuid_form, exact=False),
    _Library("zoneinfo", "ZoneInfo", _zone, exact=True),
    _Library("pydantic.types", "SecretStr", secret_form, exact=False),
    _Library("pydantic.types", "SecretBytes", secret_form, exact=False),
    _Library("pydantic.types", "Secret", secret_form, exact=False),
    _Library("numpy", "generic", _numpy_scalar, exact=False),
    _Library("numpy", "ndarray", _numpy_array, exact=False),
    _Library("pandas", "Timestamp", pandas_timestamp, exact=False),
    _Library("pandas", "Timedelta", pandas_duration, exact=False),
    _Library("pandas", "Period", _text, exact=True),
    _Library("pandas", "Interval", _pandas_interval, exact=True),
    _Library("pandas._libs.missing", "NAType", _missing, exact=True),
    _Library("arrow", "Arrow", _arrow, exact=False),
    _Library("dateutil.relativedelta", "relativedelta", _difference, exact=True),
    *[_Library("whenever", name, _text, exact=True) for name in _WHENEVER],
    *[_Library("pandas", name, _one_dtype, exact=True) for name in _INDEXES],
    _Library("pandas", "DataFrame", _data_frame, exact=True),
    _Library("pandas", "Series", _one_dtype, exact=True),
    _Library("polars", "DataFrame", _data_frame, exact=True),
    _Library("polars", "Series", _one_dtype, exact=True),
    _Library("torch", "Tensor", _one_dtype, exact=True),
    _Library("torch.nn", "Parameter", _one_dtype, exact=True),
    _Library("pydantic.networks", "_BaseUrl", url_form, exact=False),
    _Library("pydantic.networks", "_BaseMultiHostUrl", url_form, exact=False),
)


def library_form(kind: type, base: type) -> Form | None:
    """Return the form of ``kind`` because of its base (or itself) ``base``; ``None`` if that is of no known library."""
    name = introspection.short_name(base)
    for library in _LIBRARIES:
        if (
            library.name == name
            and (kind is base or not library.exact)
            and introspection.loaded(library.module, name) is base
        ):
            return library.form
    return None
