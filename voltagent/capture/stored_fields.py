"""Read single fields of any object where they are stored: in a dict, ``__dict__``, slots, or a pydantic model's extras.

No property, ``__getattr__``, validator or serializer runs. What there is to read of a class is found once per class.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import math
from collections import UserDict
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from gc import get_referents
from itertools import islice
from types import MappingProxyType, MemberDescriptorType
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.budget import READ, READING
from voltagent.core import introspection

_MOST_FIELDS: Final = 1024  # of one object, if all are read
_MOST_CLASSES: Final = 64  # of the items of a list: to find out about a class takes 50 µs
_MOST_DIGITS: Final = 400  # of a decimal: beyond the range of a float


class _Layout:
    """Where the fields of a class's instances are stored."""

    __slots__ = ("extras", "mapping", "private", "read", "read_dict", "simple", "slots", "undeclared")

    def __init__(
        self,
        read: Callable[[Any, str], Any],
        slots: dict[str, Callable[[Any], Any]],
        read_dict: Callable[[Any], dict[str, Any]],
        extras: tuple[Callable[[Any], Any], ...],
        *,
        mapping: bool,
    ) -> None:
        self.read = read  # one field; None if there is none
        self.slots = slots
        self.read_dict = read_dict
        self.extras = extras  # a pydantic model's undeclared and private fields
        self.undeclared: Callable[[Any], Any]
        self.private: Callable[[Any], Any]
        self.undeclared, self.private = extras or (_nothing, _nothing)
        self.mapping = mapping
        self.simple = not slots and not mapping  # whether all fields are in ``__dict__`` and the extras


def fields_reader(holder: Any) -> Callable[[str], Any]:
    """Return a function that reads one field of ``holder`` by its name, as :func:`field` does.

    Takes a third of the time if several fields are read.
    """
    kind = type(holder)
    fields: dict[str, Any]
    if kind is dict:
        fields = holder
        return fields.get
    known = _KNOWN.get(id(kind))
    layout = known[1] if known is not None and known[0]() is kind else _layout_of(kind)
    if layout is None:
        return _no_field
    try:
        if layout.simple and not layout.undeclared(holder) and not layout.private(holder):
            fields = layout.read_dict(holder)
            return fields.get if type(fields) is dict else partial(_get, fields)
    except AttributeError:  # made by `__new__` alone
        pass
    return partial(layout.read, holder)


def _no_field(_: object) -> None:
    return None


def field(holder: Any, name: str) -> Any:
    """Return the value stored under ``name``; ``None`` if there is none."""
    kind = type(holder)
    if kind is dict:
        return holder.get(name)
    known = _KNOWN.get(id(kind))
    layout = known[1] if known is not None and known[0]() is kind else _layout_of(kind)
    if layout is None:
        return None
    if not layout.simple:
        return layout.read(holder, name)
    found = _get(layout.read_dict(holder), name)
    return found if found is not None or not layout.extras else _extra(holder, name, layout.extras)


def _layout_of(kind: type) -> _Layout | None:
    """Find the layout of a class for the first time; ``None`` for plain types, which have no fields."""
    return None if id(kind) in _NO_FIELDS else _LAYOUTS.of(kind)


def stored_in(holder: Any) -> dict[str, Any]:
    """Return the dictionary with the fields of an object, those that are ``None`` too: its own, if they all are in one.

    It is not to be changed, nor kept.
    """
    kind = type(holder)
    if kind is dict:
        fields: dict[str, Any] = holder
        return fields
    known = _KNOWN.get(id(kind))
    layout = known[1] if known is not None and known[0]() is kind else _LAYOUTS.of(kind)
    try:
        if layout.simple and not layout.undeclared(holder) and not layout.private(holder):
            found = layout.read_dict(holder)
            if type(found) is dict:
                return found
    except AttributeError:  # made by `__new__` alone
        pass
    return fields_of(holder)


def _extra(holder: object, name: str, extras: tuple[Callable[[Any], Any], ...]) -> Any:
    """Return a field that a pydantic model keeps outside its dictionary."""
    for read in extras:
        try:
            fields = read(holder)
        except AttributeError:  # made by `__new__` alone
            continue
        if type(fields) is dict and name in fields:
            return fields[name]
    return None


def fields_of(holder: object) -> dict[str, Any]:
    """Return the fields that are stored in an object and are not ``None``; of a large one the first 1024."""
    layout = _LAYOUTS.of(type(holder))
    if layout.mapping:
        return _without_none(cast("dict[str, Any]", holder))
    found = _without_none(layout.read_dict(holder))
    for name in islice(layout.slots, _MOST_FIELDS):
        value = field(holder, name)
        if value is not None:
            found[name] = value
    for read in layout.extras:
        try:
            more = read(holder)
        except AttributeError:
            continue
        if type(more) is dict and more:
            found = {**_without_none(more), **found}
    return found


def names_in(holder: object) -> Collection[str]:
    """Return the names of :func:`fields_of`, and maybe some of fields that are ``None`` or not set, without a copy."""
    layout = _LAYOUTS.of(type(holder))
    own = {} if layout.mapping or layout.extras else layout.read_dict(holder)
    if layout.mapping or layout.extras or type(own) is not dict:
        return fields_of(holder)
    return own if not layout.slots else layout.slots if not own else {**own, **layout.slots}


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in islice(dict.items(fields), _MOST_FIELDS) if value is not None}


def at(holder: Any, path: Sequence[str]) -> Any:
    """Return the value at a path of field names; ``"0"`` is the first item of a list, ``"-1"`` the last one."""
    for name in path:
        if holder is None:
            return None
        position = _POSITIONS.get(name)
        if position is None:
            holder = field(holder, name)
        else:
            items = holder if type(holder) is list else first_items(holder)
            holder = items[position] if items else None
    return holder


def first_at(holder: object, paths: Sequence[Sequence[str]]) -> Any:
    """Return the first value that is stored at one of several paths, each of which begins with the name of a field."""
    return first_of(fields_reader(holder), paths)


def first_of(read: Callable[[str], Any], paths: Sequence[Sequence[str]]) -> Any:
    """:func:`first_at`, for the :func:`fields_reader` of an object."""
    for path in paths:
        found = read(path[0])
        if found is not None and len(path) > 1:
            found = at(found, path[1:])
        if found is not None:
            return found
    return None


def text_of(read: Callable[[str], Any], paths: Sequence[Sequence[str]], most: int) -> str | None:
    """Return the first ``most`` characters of the string that :func:`first_of` finds; ``None`` without one."""
    for path in paths:
        found = read(path[0]) if len(path) == 1 else first_of(read, (path,))
        if found is not None:
            text = found if type(found) is str else as_text(found)
            return text[:most] if text else None
    return None


def as_items(value: Any) -> list[Any]:
    """:func:`first_items` of a part of a result: from all its lists together, not more than may be read of a result.

    Lists in the items of lists would multiply their lengths.
    """
    left = READING.left
    items = first_items(value, left + 1 if left > 0 else 1)
    if len(items) > 1:
        READING.left = left + 1 - len(items)
    return items


def first_items(value: Any, most: int = READ) -> list[Any]:
    """Return the first items of a list or tuple; an empty list for anything else, and for items of many classes."""
    kind = type(value)
    if kind is list:
        items: list[Any] = value[:most]
        return items if len(items) <= _MOST_CLASSES else of_few_classes(items)
    if value is None:
        return []
    for base in (list, tuple):
        if introspection.has_base(kind, base):
            return of_few_classes(list(islice(base.__iter__(value), most)))
    return []


def of_few_classes(items: list[Any]) -> list[Any]:
    """Return items; an empty list if they are of more classes than any client or framework has for its results."""
    return items if len(items) <= _MOST_CLASSES or len(set(map(id, map(type, items)))) <= _MOST_CLASSES else []


def as_text(value: object) -> str | None:
    """Return a string, or an enum member's; ``None`` for anything else."""
    if type(value) is str:
        return value
    return None if id(type(value)) in _NO_FIELDS else _TEXTS.of(type(value))(value)


def _text_reader(kind: type) -> Callable[[Any], str | None]:
    if introspection.has_base(kind, Enum):
        return lambda value: as_text(field(value, "_value_"))
    return str.__str__ if introspection.has_base(kind, str) else _no_field


def as_number(value: object) -> int | float | None:
    """Return a number of any numeric type as ``int`` or ``float``: numpy scalars, ``Decimal`` and ``Fraction`` too.

    ``None`` for anything else: a ``bool``, NaN and infinity are no counts.
    """
    kind = type(value)
    if kind is int:
        return cast(int, value)
    if kind is float:
        return cast(float, value) if math.isfinite(cast(float, value)) else None
    if kind is bool or value is None or kind is str:
        return None
    return _NUMBERS.of(kind)(value)


def _number_reader(kind: type) -> Callable[[Any], int | float | None]:
    """Return the function that reads numbers of a type without running code of a subclass."""
    for base, read in ((int, int.__int__), (float, _finite), (Decimal, _decimal), (Fraction, _fraction)):
        if introspection.has_base(kind, base):
            return cast("Callable[[Any], int | float | None]", read)
    numpy = introspection.loaded("numpy", "generic")
    return _numpy if numpy is not None and introspection.has_base(kind, numpy) else _no_number


def _no_number(_: object) -> None:
    return None


def _finite(value: float) -> float | None:
    number = float.__float__(value)
    return number if math.isfinite(number) else None


def _decimal(value: Decimal) -> int | float | None:
    if not Decimal.is_finite(value) or Decimal.adjusted(value) > _MOST_DIGITS:
        return None
    whole = Decimal.__int__(value)
    return whole if Decimal.__eq__(value, Decimal(whole)) else _finite(Decimal.__float__(value))


def _fraction(value: Fraction) -> int | float | None:
    """Return a fraction as a number; ``None`` if it is too large for one."""
    above, below = (introspection.slot(value, name) for name in ("_numerator", "_denominator"))
    try:
        return above if below == 1 else _finite(above / below)
    except OverflowError:
        return None


def _numpy(value: Any) -> int | float | None:
    generic: Any = introspection.loaded("numpy", "generic")
    plain = generic.item(value)  # numpy's own method, whatever a subclass has
    return as_number(plain) if type(plain) in (int, float) else None


def is_kind_of(kind: type, names: Sequence[tuple[str, str]]) -> bool:
    """Return whether a class, or a base of it, has one of these names: pairs of top-level package and class name."""
    return any(name_in_package(base) in names for base in introspection.bases(kind))


def name_in_package(kind: type) -> tuple[str, str]:
    """Top-level package and name of a class: they stay when a library moves its modules."""
    module = introspection.class_dict(kind).get("__module__")
    return module.partition(".")[0] if type(module) is str else "", introspection.short_name(kind)


def _layout(kind: type) -> _Layout:
    """Return where the fields of a class are stored: in slots, in a dictionary, or in those of pydantic."""
    slots: dict[str, Callable[[Any], Any]] = {}
    for base in reversed(introspection.bases(kind)):
        for name, member in introspection.class_dict(base).items():
            is_stored = type(member) is MemberDescriptorType or type(member) is _OfNamedTuple
            if is_stored and type(name) is str and not name.startswith("__"):
                slots[name] = member.__get__
    model = introspection.loaded("pydantic.main", "BaseModel")  # if pydantic is not imported, there are no models
    extras: tuple[Callable[[Any], Any], ...] = ()
    if model is not None and introspection.has_base(kind, model):
        names = ("__pydantic_extra__", "__pydantic_private__")
        extras = tuple(introspection.reader(model, name) for name in names)
    is_class = introspection.has_base(kind, type)  # what is in a class is not a field of it
    slots = {} if is_class else slots
    read_dict = _no_fields if is_class else _dict_reader(kind)
    mapping = introspection.has_base(kind, dict)
    read = _field_reader(slots, read_dict, extras, mapping=mapping)
    return _Layout(read, slots, read_dict, extras, mapping=mapping)


def _dict_reader(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return what reads the dictionary in which the fields of a class's instances are."""
    if kind is MappingProxyType:
        return _behind_proxy
    read = introspection.dict_reader(kind)
    if introspection.has_base(kind, UserDict):
        return lambda holder: _plain(read(holder).get("data"))
    return read


def _behind_proxy(holder: object) -> dict[str, Any]:
    behind = get_referents(holder)  # all else would call methods of a mapping that is not a dictionary
    return _plain(behind[0] if behind else None)


def _plain(found: Any) -> dict[str, Any]:
    return found if type(found) is dict else {}


def _field_reader(
    slots: dict[str, Callable[[Any], Any]],
    read_dict: Callable[[Any], dict[str, Any]],
    extras: tuple[Callable[[Any], Any], ...],
    *,
    mapping: bool,
) -> Callable[[Any, str], Any]:
    """Reads one field of the instances of a class."""
    get = dict.get

    def read(holder: Any, name: str) -> Any:
        found = get(read_dict(holder), name)
        return found if found is not None or not extras else _extra(holder, name, extras)

    def read_slots(holder: Any, name: str) -> Any:
        found = get(holder, name) if mapping else None
        if found is not None or name not in slots:
            return read(holder, name) if found is None else found
        try:
            return slots[name](holder)
        except AttributeError:  # never set
            return None

    return read_slots if slots or mapping else read


def _no_fields(_: object) -> dict[str, Any]:
    return {}


class _Example(NamedTuple):
    field: object


_OfNamedTuple: Final[type] = type(_Example.__dict__["field"])  # what reads a field of a named tuple
_nothing: Final = ().count  # 0 for any object, in C and without a look at it
# By identity: a metaclass may have its own `hash`.
_NO_FIELDS: Final = frozenset(map(id, (str, int, float, bool, type(None), bytes, list, tuple)))
_POSITIONS: Final = {"0": 0, "-1": -1}
_LAYOUTS: Final = introspection.PerType(_layout)
_KNOWN: Final = _LAYOUTS.found
_get: Final = dict.get
_TEXTS: Final = introspection.PerType(_text_reader)
_NUMBERS: Final = introspection.PerType(_number_reader)
