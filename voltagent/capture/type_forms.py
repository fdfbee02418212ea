"""The JSON form of every type that is not JSON itself. The table for users is docs/capture.md.

A form is a function from a value to something nearer to JSON: text, a number, or one of the shapes below. It is found
by the type alone, through identities: a table keyed by ``id(type)`` needs no ``hash`` and no ``==`` of a metaclass.
Forms read by the methods of the built-in or library type itself, never by those a subclass may have put over them.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from voltagent.capture import models
from voltagent.capture.container_forms import CONTAINERS
from voltagent.capture.injected import is_injected_class
from voltagent.capture.library_forms import library_form
from voltagent.capture.nodes import Form, Listed, Mapped, NamedFields
from voltagent.capture.scalar_forms import EXACT_SCALARS, SCALARS, enum_form, unknown_form
from voltagent.core import introspection
from voltagent.core.context import run_callback


class Forms:
    """The forms of all types, with those that a user registered in front."""

    __slots__ = ("_per_type", "_registered", "answer_form", "of")

    def __init__(self, serializers: Mapping[type, Callable[[Any], object]]) -> None:
        self._registered = {id(kind): (kind, function) for kind, function in serializers.items()}
        self.answer_form: Callable[[type, Form], Form] | None = None  # reads results of models, once it is set
        self._per_type = introspection.PerType(self._find)
        self.of: Callable[[type], Form] = self._per_type.of

    def _find(self, kind: type) -> Form:
        """Choose the form of a type: a serializer of the user for it or a base, else the standard one."""
        for base in introspection.bases(kind) if self._registered else ():
            found = self._registered.get(id(base))
            if found is not None:
                return _guarded(found[1], _standard(kind))
        standard = _standard(kind)
        return standard if self.answer_form is None else self.answer_form(kind, standard)


def _guarded(function: Callable[[Any], object], standard: Form) -> Form:
    """Return a user's serializer as a form: nothing is recorded while it runs, and what it raises stays in here."""

    def form(value: Any) -> object:
        def failed(exc: BaseException) -> object:
            error = f"serializer raised {introspection.full_name(type(exc))}"
            return NamedFields("", {"type": introspection.full_name(type(value)), "error": error}, user_data=False)

        result = run_callback(function, value, on_error=failed)
        return standard(result) if type(result) is type(value) else result

    return form


def _standard(kind: type) -> Form:
    """Return the form of a type without regard to what users registered."""
    if introspection.has_base(kind, Enum):
        return enum_form
    known = _TABLE.get(id(kind))
    if known is not None:
        return known
    if is_injected_class(kind):
        return unknown_form  # it refers to all that a framework has
    fields = models.form_of(kind)
    if fields is not None:
        return fields
    for base in introspection.bases(kind):
        form = _EXACT_ONLY.get(id(base)) if base is kind else _TABLE.get(id(base))
        form = form or library_form(kind, base)
        if form is not None:
            return form
    return unknown_form


def _as_it_is(value: object) -> object:
    return value


# With collections of which only the first items were read before.
_READ: Final = ((Listed, _as_it_is), (Mapped, _as_it_is))
_TABLE: Final[Mapping[int, Form]] = {id(kind): form for kind, form in (*SCALARS, *CONTAINERS, *_READ)}
_EXACT_ONLY: Final[Mapping[int, Form]] = {id(kind): form for kind, form in EXACT_SCALARS}
