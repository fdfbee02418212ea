"""Name the arguments of a call by its parameters, without binding the signature for each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from itertools import islice
from typing import Any, Final, TypeAlias

from voltagent.capture.injected import is_injected, is_injected_by_annotation, without_injected
from voltagent.capture.nodes import Listed, Mapped
from voltagent.capture.secrets import NOTHING_HIDDEN, Hidden, hidden_in, hide, joined
from voltagent.core.guard import pass_on_interrupt
from voltagent.core.naming import nearest

# The usual names of the object on which a method is called. It is not part of the input.
RECEIVERS: Final = frozenset(("self", "cls"))
BY_POSITION: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_NOTHING: Final[Mapping[str, Hidden]] = {}
_MOST_SIFTED: Final = 16_384  # arguments of a call, which takes some milliseconds

HiddenResult: TypeAlias = Callable[[], Hidden]


class ArgumentBinder:
    """Names the arguments of the calls of one function. The results hold the caller's objects, not copies.

    Args:
        parameters: the parameters that a call fills; ``None`` if the signature is unknown.
        kept: the names to record; ``None`` for all.
        namespace: where names in string annotations are looked up, at the first call.
        known: secrets among them that are known already.
        excluded: the names to leave out.
    """

    __slots__ = (
        "_defaults",
        "_excluded",
        "_kept",
        "_keywords",
        "_known",
        "_namespace",
        "_parameters",
        "_plain",
        "_secret",
        "_size",
        "_variadic_keyword",
        "_variadic_positional",
        "exact",
        "named",
        "names",
        "numbers_that_fit",
        "withholds",
    )  # fmt: skip

    def __init__(
        self,
        parameters: list[Parameter] | None,
        kept: frozenset[str] | None = None,
        namespace: Mapping[str, Any] | None = None,
        known: Mapping[str, Hidden] = _NOTHING,
        excluded: frozenset[str] = frozenset(),
    ) -> None:
        nameless = parameters is None
        parameters = parameters or []
        self._parameters = parameters
        self._kept = kept
        self._excluded = excluded  # the first call adds those that a framework injects
        self._namespace = namespace or {}
        self._known = known
        self.names = tuple(one.name for one in parameters if one.kind in BY_POSITION)
        self.named = _naming(self.names)  # makes the dictionary of as many arguments as there are names
        self._keywords = frozenset(one.name for one in parameters if one.kind in _BY_NAME)
        self._variadic_positional = "args" if nameless else _named(parameters, Parameter.VAR_POSITIONAL)
        self._variadic_keyword = "kwargs" if nameless else _named(parameters, Parameter.VAR_KEYWORD)
        self._defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
        self._size = len(self._keywords | set(self.names))
        # set at the first call: annotations may name what is defined later
        self._secret: dict[str, Hidden] | None = None
        self._plain = False  # whether arguments can be recorded without sifting
        self.exact = -1  # the number of parameters, if sifting is not needed and all of them have positions
        # With that many arguments a call without keywords fits for sure. If keywords are required, no such call does.
        needs_keyword = any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters)
        fewest = sum(name not in self._defaults for name in self.names)
        self.numbers_that_fit = range(0) if needs_keyword or nameless else range(fewest, len(self.names) + 1)
        self.withholds = kept is not None  # whether a value that was passed may be missing in the record

    @property
    def takes_any_keyword(self) -> bool:
        """Return whether there is a parameter like ``**kwargs``."""
        return self._variadic_keyword is not None

    def has(self, name: str) -> bool:
        """Return whether there is a parameter of this name."""
        return name in self.names or name in self._keywords

    def by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of one call by name, with defaults, without those that are not to be recorded."""
        if not self._plain or len(args) > len(self.names):
            return self._sifted(args, kwargs)
        named = dict(zip(self.names, args))  # noqa: B905 - the rest comes by name or by default
        named.update(kwargs)
        if len(named) < self._size:
            for name, value in self._defaults.items():
                named.setdefault(name, value)
        return named

    def all_by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return all arguments of one call by name, with defaults."""
        named = dict(zip(self.names, args, strict=False))
        rest: dict[str, Any] = {}
        for name, value in kwargs.items():
            known = name in self._keywords or self._variadic_keyword is None
            (named if known else rest)[name] = value
        for name, value in self._defaults.items():
            named.setdefault(name, value)
        surplus = args[len(self.names) :]
        if surplus or self._variadic_positional is not None:
            named[self._variadic_positional or "args"] = surplus
        if self._variadic_keyword is not None:
            named[self._variadic_keyword] = rest
        return named

    def values_of(self, names: Sequence[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return what a call passed under each of these names, or its default; ``None`` for what is neither."""
        found: dict[str, Any] = {**self._defaults, **dict(zip(self.names, args, strict=False))}
        return [kwargs.get(name, found.get(name)) for name in names]

    def _sifted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments to record, by name. The first call finds out which ones are secret or injected."""
        count, size = len(args), len(kwargs)
        if count > _MOST_SIFTED or size > _MOST_SIFTED:
            args, kwargs = self._first(args, kwargs)
        named = self.all_by_name(args, kwargs)
        if self._secret is None:
            self._secret = self._find_secrets()
            self._excluded |= {one.name for one in self._parameters if self._is_injected(one)}
            self.withholds = self.withholds or bool(self._secret)
            variadic = self._variadic_positional or self._variadic_keyword
            self._plain = not (self._secret or variadic or self._excluded or self._kept is not None)
            if self._plain and self._size == len(self.names):
                self.exact = self._size
        if self._kept is not None:
            named = self._keep(named, self._kept)
        named = self._without_injected(named)
        if len(args) < count or len(kwargs) < size:
            self._note_missing(named, count - len(args), size - len(kwargs))
        for name in self._secret.keys() & named.keys():
            named[name] = hide(named[name], self._secret[name])
        return named

    def _first(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the first of very many arguments, and those that have a parameter or are to be kept.

        What is in ``*args`` and ``**kwargs`` is sifted one by one, and a record holds some of them only.
        """
        named = self._keywords if self._kept is None else self._keywords | self._kept
        first = dict(islice(kwargs.items(), _MOST_SIFTED))
        first.update({name: kwargs[name] for name in named if name in kwargs})
        return args[: len(self.names) + _MOST_SIFTED], first

    def _note_missing(self, named: dict[str, Any], arguments: int, keywords: int) -> None:
        """Note how many are missing in ``*args`` and ``**kwargs``, unless these have only names that are to be kept."""
        positional, rest = self._variadic_positional, self._variadic_keyword
        if arguments and positional is not None and positional in named:
            items = list(named[positional])
            named[positional] = Listed("tuple", items, len(items) + arguments)
        if keywords and rest is not None and rest in named and (self._kept is None or rest in self._kept):
            pairs = list(named[rest].items())
            named[rest] = Mapped("dict", pairs, len(pairs) + keywords)

    def _keep(self, named: Mapping[str, Any], kept: frozenset[str]) -> dict[str, Any]:
        """Return the named arguments that are to be recorded, those inside ``**kwargs`` included."""
        result = {name: value for name, value in named.items() if name in kept}
        rest = self._variadic_keyword
        if rest is not None and rest not in kept:
            inside = {name: value for name, value in named[rest].items() if name in kept}
            if inside:
                result[rest] = inside
        return result

    def _without_injected(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments without those that are excluded or injected, including in ``*args`` and ``**kwargs``."""
        excluded, rest, positional = self._excluded, self._variadic_keyword, self._variadic_positional
        if excluded:
            named = {name: value for name, value in named.items() if name not in excluded}
        if rest is not None and rest in named:
            inside = {name: value for name, value in named[rest].items() if name not in excluded}
            named[rest] = without_injected(inside)
        if positional is not None and any(map(is_injected, named.get(positional, ()))):
            named[positional] = tuple(value for value in named[positional] if not is_injected(value))
        return named

    def _is_injected(self, parameter: Parameter) -> bool:
        return is_injected_by_annotation(parameter.annotation, self._namespace)

    def _find_secrets(self) -> dict[str, Hidden]:
        found = {one.name: self._hidden_in(one) for one in self._parameters}
        return {name: hidden for name, hidden in found.items() if hidden}

    def _hidden_in(self, parameter: Parameter) -> Hidden:
        found = hidden_in(parameter.annotation, self._namespace)
        return joined((found, self._known.get(parameter.name, NOTHING_HIDDEN)))


def _naming(names: tuple[str, ...]) -> Callable[..., dict[str, Any]]:
    """Return a function that names arguments by position; for few names without a loop, in a third of the time."""

    def name_one(a: Any) -> dict[str, Any]:
        return {first: a}

    def name_two(a: Any, b: Any) -> dict[str, Any]:
        return {first: a, second: b}

    def name_three(a: Any, b: Any, c: Any) -> dict[str, Any]:
        return {first: a, second: b, third: c}

    def name_all(*args: Any) -> dict[str, Any]:
        return dict(zip(names, args))  # noqa: B905 - `strict` would cost as much again, and they are equal

    first, second, third = (*names[:3], "", "", "")[:3]
    by_number: dict[int, Callable[..., dict[str, Any]]] = {1: name_one, 2: name_two, 3: name_three}
    return by_number.get(len(names), name_all)


def signature_of(function: Any) -> Signature | None:
    """Return the signature of a callable; ``None`` if it is unknown, as for some built-in functions."""
    try:
        return inspect.signature(function)
    except Exception as exc:  # documented are ValueError and TypeError, but a `__signature__` may be code of the user
        pass_on_interrupt(exc)
        return None


def hidden_by_local_names(parameters: list[Parameter] | None, names: Mapping[str, Any]) -> dict[str, Hidden]:
    """Return the secrets marked by names that are known only inside the enclosing function or class."""
    texts = {one.name: one.annotation for one in parameters or () if type(one.annotation) is str}
    return {name: hidden_in(text, names) for name, text in texts.items()}


def hidden_result(signature: Signature | None, around: Mapping[str, Any], namespace: Mapping[str, Any]) -> HiddenResult:
    """Return a function that determines, at the first result, what the annotation marks as secret in results.

    ``around`` are the names at the decoration, ``namespace`` those of the module.
    """
    annotation: object = Signature.empty if signature is None else signature.return_annotation
    here = hidden_in(annotation, around) if type(annotation) is str else NOTHING_HIDDEN
    return lambda: joined((here, hidden_in(annotation, namespace)))


def check_names(option: str, given: frozenset[str], parameters: list[Parameter] | None, what: str) -> None:
    """Refuse names in an option that are not parameters.

    Raises:
        TypeError: a name is not a parameter. The message suggests the nearest one.
    """
    if parameters is None or _named(parameters, Parameter.VAR_KEYWORD) is not None:
        return
    names = [one.name for one in parameters]
    for name in sorted(given.difference(names)):
        near = nearest(name, names)
        hint = f"; did you mean {near!r}?" if near else ""
        raise TypeError(f"{option} of {what} contains {name!r}, which is not a parameter of the function{hint}")


def _named(parameters: list[Parameter], kind: Any) -> str | None:
    return next((one.name for one in parameters if one.kind is kind), None)
