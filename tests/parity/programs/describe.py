"""Describes the public names of a `voltagent` package as JSON. Runs under 0.1.1 and under ours, on its own.

A model's field is described by what it does: whether it is required, what it is without a value, and what becomes of
each of the probes below.
"""

import enum
import importlib
import inspect
import json

import pydantic

MODULES = ["voltagent", "voltagent.types", "voltagent.client", "voltagent.sdk"]

PROBES = [
    None, "", "text", "5", "1.5", "running", "working", "completed", "error", "cancelled", "INFO", "info", "WARNING",
    0, 5, -1, 1.5, 5.0, True, b"bytes", float("inf"), [], ["a"], [1], [None], ("a",), {}, {"a": 1}, {"a": "b"},
    {"snake_key": {"inner_key": None}}, {1: 2}, {"prompt_tokens": "3", "more": [1]}, {"prompt_tokens": "x"},
    {"name": "n", "type": "t"}, ValueError("fault"),
]  # fmt: skip


def describe():
    modules = {name: importlib.import_module(name) for name in MODULES}
    objects = {f"{module}.{name}": value for module in modules for name, value in public(modules[module])}
    classes = {name: value for name, value in objects.items() if inspect.isclass(value)}
    return {
        "names": sorted(objects),
        "kinds": {name: kind(value) for name, value in objects.items()},
        "enums": {name: members(value) for name, value in classes.items() if issubclass(value, enum.Enum)},
        "models": {name: model(value) for name, value in classes.items() if issubclass(value, pydantic.BaseModel)},
        "signatures": dict(signatures(objects)),
        "errors": {name: bases(value) for name, value in classes.items() if issubclass(value, Exception)},
    }


def public(module):
    """What the module defines itself, or names in `__all__`; not what it merely imports."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    listed = getattr(module, "__all__", [])
    for name in {*listed, *(name for name in own if not name.startswith("_"))}:
        yield name, getattr(module, name)


def kind(value):
    return "class" if inspect.isclass(value) else "function" if callable(value) else type(value).__name__


def members(value):
    return {member.name: member.value for member in value}


def bases(value):
    return [base.__name__ for base in value.__mro__]


def model(value):
    return {
        "extra": value.model_config.get("extra"),
        "by_name": value.model_config.get("populate_by_name", False),
        "fields": {name: field(value, name, info) for name, info in value.model_fields.items()},
    }


def field(owner, name, info):
    return {
        "required": info.is_required(),
        "default": None if info.is_required() else shown(info.get_default(call_default_factory=True)),
        "alias": info.alias,
        "frozen": bool(info.frozen),
        "probes": [probe(owner, name, info.alias or name, value) for value in PROBES],
    }


def probe(owner, name, given_as, value):
    filled = {info.alias or other: filler(other) for other, info in owner.model_fields.items() if info.is_required()}
    try:
        made = owner(**{**filled, given_as: value})
    except pydantic.ValidationError as error:
        return "refused: " + ", ".join(sorted(line["type"] for line in error.errors()))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return shown(getattr(made, name)) + " in JSON " + dumped(made, name)


def filler(name):
    return {"event": {"name": "n", "type": "t"}, "status": "running"}.get(name, "text")


def shown(value):
    if isinstance(value, pydantic.BaseModel):
        return type(value).__name__ + shown(value.model_dump())
    return str(value) if isinstance(value, enum.Enum) else repr(value)


def dumped(made, name):
    try:
        return json.dumps(made.model_dump(mode="json", include={name})[name], sort_keys=True)
    except Exception as error:
        return type(error).__name__


def signatures(objects):
    for name, value in objects.items():
        if inspect.isfunction(value):
            yield name, parameters(value)
        elif inspect.isclass(value) and not issubclass(value, (pydantic.BaseModel, enum.Enum)):
            for method, function in inspect.getmembers(value):
                if isinstance(function, property):
                    yield f"{name}.{method}", "property"
                elif method in ("__enter__", "__exit__", "__aenter__", "__aexit__"):
                    yield f"{name}.{method}", "called by Python"
                elif inspect.isfunction(function) and (not method.startswith("_") or method == "__init__"):
                    yield f"{name}.{method}", parameters(function)


def parameters(function):
    """`[name, kind, whether it may be left out]` of each parameter but `self`."""
    found = inspect.signature(function).parameters.values()
    return [[each.name, each.kind.name, each.default is not each.empty] for each in found if each.name != "self"]


if __name__ == "__main__":
    print(json.dumps(describe()))
