"""Classes with named fields: pydantic models, data classes, attrs classes and named tuples.

Their values are read where they are stored. No validator, serializer, computed field or property runs. What is to be
read of a class is found out once: the result is a function from an instance to its fields.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from types import MemberDescriptorType
from typing import Any, Final, NamedTuple, cast

from voltagent.capture.nodes import MOST_ITEMS, NamedFields
from voltagent.capture.secrets import NOTHING_HIDDEN, SECRET_TEXT, Hidden, hidden_in, hide, names_of
from voltagent.core import introspection

_MISSING: Final = object()


class _Field(NamedTuple):
    name: str
    hidden: Hidden
    read: Callable[[Any], Any] | None  # of a `__slots__` class; None: it is in the `__dict__`


def form_of(kind: type) -> Callable[[Any], object] | None:
    """Return how to read the fields of this class; ``None`` where it is no class with named fields."""
    model = introspection.loaded("pydantic.main", "BaseModel")  # if it is not loaded, no value is a model
    if model is not None and introspection.has_base(kind, model):
        return _pydantic(kind, model)
    if introspection.has_base(kind, tuple):
        return _named_tuple(kind)
    found = introspection.class_value(kind, "__dataclass_fields__")
    if type(found) is dict:
        return _stored(kind, list(_dataclass_fields(kind, cast(Any, found))))
    found = introspection.class_value(kind, "__attrs_attrs__")
    if found is not None and introspection.has_base(type(found), tuple):
        return _stored(kind, list(_attrs_fields(kind, found)))
    return None


def _stored(kind: type, fields: list[_Field]) -> Callable[[Any], NamedFields]:
    """Return how to read the given fields of a class, without running any of its code."""
    name = introspection.full_name(kind)
    read_dict = introspection.dict_reader(kind)
    names = [field.name for field in fields]
    usual = not any(field.hidden or field.read for field in fields)

    def form(value: Any) -> NamedFields:
        values = read_dict(value)
        if usual and type(values) is dict:
            try:
                return NamedFields(name, {key: values[key] for key in names})
            except KeyError:  # deleted, or never set
                pass
        found = {field.name: _value(field, value, values) for field in fields}
        return NamedFields(name, {key: item for key, item in found.items() if item is not _MISSING})

    return form


def _value(field: _Field, value: Any, values: dict[str, Any]) -> Any:
    """Return the stored value of a field, hidden if it is secret; ``_MISSING`` if it was never set."""
    if field.hidden is True:
        return SECRET_TEXT
    if field.read is None:
        found = dict.get(values, field.name, _MISSING)
    else:
        try:
            found = field.read(value)
        except AttributeError:  # a slot that was never set
            return _MISSING
    return found if found is _MISSING else hide(found, field.hidden)


def _slot_reader(kind: type, name: str) -> Callable[[Any], Any] | None:
    reader = introspection.class_value(kind, name)
    return reader.__get__ if type(reader) is MemberDescriptorType else None


def _pydantic(kind: type, model: type) -> Callable[[Any], object]:
    """Return how to read a pydantic model: its fields, its extra ones, or the only one of a root model."""
    fields = list(_v2_fields(kind))
    form = _stored(kind, fields)
    root_model = introspection.loaded("pydantic.root_model", "RootModel")
    if root_model is not None and introspection.has_base(kind, root_model) and len(fields) == 1:
        return lambda value: form(value).fields.get("root")
    read_extra = introspection.reader(model, "__pydantic_extra__")

    def form_with_extra(value: Any) -> NamedFields:
        found = form(value)
        try:
            extra = read_extra(value)
        except AttributeError:  # made by `__new__` alone
            return found
        if type(extra) is dict:
            pairs = islice(dict.items(extra), MOST_ITEMS)
            found.fields.update((key, item) for key, item in pairs if type(key) is str and key not in found.fields)
        return found

    return form_with_extra


def _v2_fields(kind: type) -> Iterator[_Field]:
    """Yield the fields of a pydantic model that a dump would contain."""
    names = ("__pydantic_fields__", "model_fields")  # since pydantic 2.10, and before
    infos = next(filter(None, (introspection.class_value(kind, name) for name in names)), None)
    for name, info in dict.items(infos) if type(infos) is dict else ():
        if not info.exclude and getattr(info, "exclude_if", None) is None:  # 2.12 has it; only code of the user's knows
            marked = any(hidden_in(mark) is True for mark in info.metadata)
            yield _Field(name, marked or hidden_in(info.annotation, names_of(kind)), None)


def _dataclass_fields(kind: type, fields: dict[str, Any]) -> Iterator[_Field]:
    """Yield the fields of a dataclass."""
    from dataclasses import Field  # loaded by the module that has such a class, and not by this package alone

    for name, field in dict.items(fields):
        # A `ClassVar` or an `InitVar` is in the table too, but no field: its kind is another marker of the same module.
        if type(name) is str and type(field) is Field and cast(Any, field)._field_type.name == "_FIELD":  # noqa: SLF001
            yield _Field(name, _hidden_by_class(kind, name), _slot_reader(kind, name))


def _attrs_fields(kind: type, attributes: tuple[Any, ...]) -> Iterator[_Field]:
    for attribute in tuple.__iter__(attributes):
        name = introspection.slot(attribute, "name")
        if type(name) is str:
            yield _Field(name, _hidden_by_class(kind, name), _slot_reader(kind, name))


def _named_tuple(kind: type) -> Callable[[Any], NamedFields] | None:
    """Return the form of a named tuple; ``None`` if the class is not one."""
    names = introspection.class_value(kind, "_fields")
    if type(names) is not tuple or not all(type(name) is str for name in names):
        return None
    full_name = introspection.full_name(kind)
    hidden: dict[str, Hidden] = {name: _hidden_by_class(kind, name) for name in cast(tuple[str, ...], names)}

    def form(value: Any) -> NamedFields:
        pairs = zip(cast(tuple[str, ...], names), tuple.__iter__(value), strict=False)
        return NamedFields(full_name, {name: hide(item, hidden[name]) for name, item in pairs})

    return form


def _hidden_by_class(kind: type, name: str) -> Hidden:
    """Return what the annotation of a field hides, where the class or a base wrote it."""
    for base in introspection.bases(kind):
        annotations = introspection.class_dict(base).get("__annotations__")
        if type(annotations) is dict and name in annotations:
            return hidden_in(cast(Any, annotations)[name], names_of(base))
    return NOTHING_HIDDEN
