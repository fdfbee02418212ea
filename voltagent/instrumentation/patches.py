"""Replace methods of classes in other packages, when these are imported, and put the original ones back."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import wrapt

from voltagent.core import context, introspection
from voltagent.core.guard import guard, log_once

if TYPE_CHECKING:
    _FunctionWrapper = wrapt.FunctionWrapper[..., Any]
else:
    _FunctionWrapper = wrapt.FunctionWrapper

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]


class Patch(NamedTuple):
    """One method to replace."""

    module: str  # the patch is applied when this module is imported
    owner: str  # the class in it
    method: str
    wrapper: Wrapper
    reaches_objects: bool = False  # also applied to objects whose method another library has replaced


class _Applied(NamedTuple):
    restore: Callable[[], None]
    active: list[None]  # empty when the patch was removed but another library still calls it


_ONLY_THE_CLASS: Final = 2  # what `getrefcount` returns for a function that only its class refers to, and the call

_lock: Final = threading.Lock()
_wanted: Final[set[str]] = set()  # names that are instrumented now
_hooked: Final[set[str]] = set()  # names whose import hooks are registered, for good
_applied: Final[dict[str, list[_Applied]]] = {}


def install(name: str, patches: Sequence[Patch]) -> None:
    """Apply patches under a name, now and when their modules are imported."""
    with _lock:
        if name in _wanted:
            return
        _wanted.add(name)
        known = name in _hooked
        _hooked.add(name)
    for module in dict.fromkeys(patch.module for patch in patches):
        of_module = [patch for patch in patches if patch.module == module]
        if not known:
            wrapt.register_post_import_hook(_hook(name, of_module), module)  # at once if it is imported already
            continue
        loaded = introspection.loaded_module(module)
        if loaded is not None:
            _apply(name, of_module, loaded)


def _hook(name: str, patches: Sequence[Patch]) -> Callable[[Any], None]:
    """Return a function that patches a module as soon as it is imported."""

    def when_imported(module: Any) -> None:
        with guard:  # a failure of ours must not fail the program's import
            _apply(name, patches, module)

    return when_imported


def _apply(name: str, patches: Sequence[Patch], module: Any) -> None:
    """Apply all patches of a module, or none if its classes are not as they are known."""
    with _lock:
        if name not in _wanted:
            return
        _replace_all(name, patches, module)


def _replace_all(name: str, patches: Sequence[Patch], module: Any) -> None:
    """Patch all methods of a module, or none if one of them is not as known."""
    places = [(_class_in(module, patch.owner), patch) for patch in patches]
    if any(owner is None or not callable(owner.__dict__.get(patch.method)) for owner, patch in places):
        _warn(name, module)
        return
    for owner, patch in places:
        if owner is not None:
            objects = _objects_passing_by(owner, patch.method) if patch.reaches_objects else []
            applied = _applied.setdefault(name, [])
            applied += [_replace(one, patch) for one in (owner, *_passing_by(owner, patch.method))]
            applied += [_replace_in_object(one, patch) for one in objects]


def _passing_by(owner: type, method: str) -> list[type]:
    """Return the classes below ``owner`` whose method another library replaced that calls the original directly."""
    original = owner.__dict__[method]
    found: list[type] = []
    waiting: list[type] = owner.__subclasses__()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        own = kind.__dict__.get(method)
        if type(own) is FunctionType and own.__dict__.get("__wrapped__") is original and _holds(own, original):
            found.append(kind)
    return found


def _holds(function: FunctionType, original: object) -> bool:
    """Return whether a function has another one in its closure, and so calls it without looking it up in the class."""
    cells = function.__closure__ or ()
    return any(found is original for cell in cells for found in introspection.cell_contents(cell))


def _class_in(module: object, name: str) -> type | None:
    found = vars(module).get(name)
    return found if isinstance(found, type) else None


def _objects_passing_by(owner: type, method: str) -> list[object]:
    """Return the objects whose method was replaced by another library, which keeps the original bound to them.

    The heap is searched only if more than the class refers to the original.
    """
    if sys.getrefcount(owner.__dict__[method]) <= _ONLY_THE_CLASS:
        return []
    original = owner.__dict__[method]
    bound = [one for one in gc.get_referrers(original) if type(one) is MethodType and one.__func__ is original]
    found = {id(one.__self__): one.__self__ for one in bound if method in introspection.stored(one.__self__)}
    return list(found.values())


def _replace(owner: type, patch: Patch) -> _Applied:
    """Patch one method of a class or object, and return how to undo it."""
    original, active = owner.__dict__[patch.method], [None]
    make: Any = wrapt.FunctionWrapper
    # The list of live recorders as `enabled`: wrapt reads its truth in C, so that a call without an SDK costs nothing.
    replacement = make(original, _while_active(active, patch.wrapper), context.ACTIVE)
    setattr(owner, patch.method, replacement)
    return _Applied(partial(_restore, owner, patch.method, original, replacement), active)


def _replace_in_object(patched: object, patch: Patch) -> _Applied:
    """Replace the method of one object, without a reference to it: a client that is dropped must be freed."""
    fields, active = introspection.stored(patched), [None]
    make: Any = _OfObject
    replacement = make(fields[patch.method], _while_active(active, patch.wrapper), context.ACTIVE)
    replacement._self_active = active  # noqa: SLF001 - ours
    fields[patch.method] = replacement
    return _Applied(partial(_restore_in_object, weakref.ref(patched), patch.method, active), active)


class _OfObject(_FunctionWrapper):
    """Replaces the method of one object."""

    _self_active: list[None]


def _while_active(active: list[None], wrapper: Wrapper) -> Wrapper:
    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return wrapper(wrapped, instance, args, kwargs) if active else wrapped(*args, **kwargs)

    return call


def _warn(name: str, module: Any) -> None:
    """Log once that a client's classes are not those that this version knows."""
    log_once(
        f"instrument:{name}",
        logging.WARNING,
        "this version of %s has other classes than expected; its calls are not recorded",
        getattr(module, "__name__", name),
    )


def remove_all() -> None:
    """Restore every class, and let import hooks that are still waiting do nothing."""
    with _lock:
        _wanted.clear()
        _restore_all()
        _applied.clear()


def _restore_all() -> None:
    for done in (one for applied in _applied.values() for one in applied):
        done.active.clear()
        done.restore()


def _restore(owner: type, method: str, original: Any, replacement: Any) -> None:
    # If another library has patched the method since, ours stays below and only calls the original.
    if owner.__dict__.get(method) is replacement:
        setattr(owner, method, original)


def _restore_in_object(reference: weakref.ref[Any], method: str, active: list[None]) -> None:
    fields = introspection.stored(reference())
    current = fields.get(method)
    if type(current) is _OfObject and current._self_active is active:  # noqa: SLF001 - ours  # pyright: ignore
        fields[method] = current.__wrapped__
