"""Every public name, signature, field, alias and enum member of voltagent 0.1.1 is there in ours, and does the same.

`tests/programs/describe.py` says what a package has; it runs under 0.1.1 in its own environment and under ours here.
What may differ is listed below, each with its reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.helpers import older_package
from tests.test_types import MODELS

Description = dict[str, Any]

# Fields of which some probes may give something else, and why. Each is documented in docs/migrating.md.
OTHER_RESULTS = {
    ("VoltAgentConfig", "secret_key"): "a repr or a dump of it shows [redacted]",
    ("VoltAgentConfig", "flush_interval"): "fractions of a second are taken too",
}
# Models that the older package does not have, and why.
ADDITIONS = {"LlmOptions": "model calls are a kind of operation of their own"}
# Callables whose signature may differ, and why.
OTHER_SIGNATURES = {
    **dict.fromkeys(
        (f"voltagent.sdk.{name}.__init__" for name in (
            "AgentContext", "EventContext", "MemoryContext", "RetrieverContext", "ToolContext", "TraceContext",
            "TraceContextManager")),
        "programs get these objects from a factory; they do not make them",
    ),
}  # fmt: skip


@cache
def older() -> Description:
    described: Description = json.loads(older_package.run("describe.py"))
    return described


@cache
def ours() -> Description:
    command = [sys.executable, "-W", "error", str(older_package.PROGRAMS / "describe.py")]
    path = {"PYTHONPATH": str(older_package.PROGRAMS.parents[1])}  # the tree, unless a wheel is installed
    done = subprocess.run(command, env=path, capture_output=True, encoding="utf-8", check=True)
    described: Description = json.loads(done.stdout)
    return described


def short(name: str) -> str:
    return name.rpartition(".")[2]


def test_every_public_name_is_importable_from_the_same_module() -> None:
    import importlib

    missing = []
    for name in older()["names"]:
        module, _, attribute = name.rpartition(".")
        if not hasattr(importlib.import_module(module), attribute):
            missing.append(name)
    assert not missing
    assert len(older()["names"]) > 60


def test_names_stand_for_the_same_kind_of_thing() -> None:
    kinds = ours()["kinds"]
    differ = {name: (kind, kinds[name]) for name, kind in older()["kinds"].items() if kinds.get(name, kind) != kind}
    assert not differ


def test_enums_have_the_same_members() -> None:
    enums = {short(name): members for name, members in ours()["enums"].items()}
    assert {short(name): members for name, members in older()["enums"].items()} == enums
    assert set(enums) == {"EventLevel", "EventStatus", "TraceStatus"}


def test_exceptions_have_the_same_bases() -> None:
    errors = {short(name): bases for name, bases in ours()["errors"].items()}
    for name, bases in older()["errors"].items():
        assert [base for base in errors[short(name)] if base in bases] == bases


@pytest.mark.parametrize("model", [model.__name__ for model in MODELS if model.__name__ not in ADDITIONS])
def test_models_take_and_refuse_the_same(model: str) -> None:
    theirs, mine = older()["models"][f"voltagent.types.{model}"], ours()["models"][f"voltagent.types.{model}"]
    assert (theirs["extra"], theirs["by_name"]) == (mine["extra"], mine["by_name"])
    assert list(theirs["fields"]) == list(mine["fields"])
    for name, field in theirs["fields"].items():
        my_field = mine["fields"][name]
        for fact in set(field) - ({"probes"} if (model, name) in OTHER_RESULTS else set()):
            assert my_field[fact] == field[fact], (name, fact)


def test_what_the_configuration_took_it_still_takes() -> None:
    for _, name in OTHER_RESULTS:
        theirs, mine = (each["models"]["voltagent.types.VoltAgentConfig"]["fields"][name] for each in (older(), ours()))
        for probe, my_probe in zip(theirs["probes"], mine["probes"], strict=True):
            if name == "flush_interval" and not probe.startswith("refused"):
                assert my_probe == probe
            if name == "secret_key":
                assert my_probe.startswith("refused") == probe.startswith("refused")


def test_no_model_was_forgotten() -> None:
    names = {short(name) for name in older()["models"]}
    assert names | ADDITIONS.keys() == {model.__name__ for model in MODELS} | ALIASES
    assert not names & ADDITIONS.keys()


ALIASES = {
    f"{kind}{end}Options" for kind in ("Agent", "Tool", "Memory", "Retriever") for end in ("Success", "Error")
} - {"AgentSuccessOptions"}


def test_calls_of_the_older_package_fit() -> None:
    theirs, mine = older()["signatures"], ours()["signatures"]
    wanted = {
        name: f"{old} does not fit {mine.get(name)}"
        for name, old in theirs.items()
        if name not in OTHER_SIGNATURES and not fits(old, mine.get(name))
    }
    assert not wanted
    assert len(theirs) > 40


def fits(old: Any, new: Any) -> bool:
    """Whether each call that suits the old signature suits the new one."""
    if isinstance(old, str) or not isinstance(new, list):
        return bool(old == new)
    places = [(name, optional) for name, kind, optional in new if kind == "POSITIONAL_OR_KEYWORD"]
    kinds = {kind for _, kind, _ in new}
    known = {name for name, _, _ in old}
    for index, (name, kind, optional) in enumerate(old):
        if kind == "VAR_KEYWORD":
            if kind not in kinds:
                return False
        elif index >= len(places):
            if "VAR_POSITIONAL" not in kinds:
                return False
        elif places[index][0] != name or (optional and not places[index][1]):
            return False
    return all(optional for name, kind, optional in new if name not in known and not kind.startswith("VAR_"))
