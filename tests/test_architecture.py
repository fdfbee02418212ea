"""The house keeps its floors: imports point down or to the left, and each outside library has one door."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import voltagent

ROOT = Path(voltagent.__file__).parent

# Rooms by floor, from left to right. A folder stands for all in it unless a file of it is named.
FLOORS = (
    ("errors", "_spelling", "types", "_clock", "_guard", "_version"),
    ("_span", "_context", "settings"),
    (
        "_snapshot",
        "_failure",
        "_redact",
        "_weight",
        "_readable",
        "_html",
        "_options",
        "_usage",
        "_awaitable",
        "_sampling",
        "_debug",
        "_frozen",
        "wire",
        "_beside",
        "exporters",
        "retry",
        "propagation",
    ),
    (
        "_http",
        "client",
        "local.claim",
        "local.store",
        "local.spool",
        "exporters.rest",
        "exporters.otlp",
        "exporters.auto",
        "exporters.local",
        "sender",
        "_checkup",
    ),
    ("_recorder", "_given", "_notebook", "handles"),
    ("sdk", "decorators", "local"),
    ("", "cli", "__main__"),
)
# Rooms that are one room on several files.
PARTS = {
    **dict.fromkeys(("_fields", "_forms", "_peek", "_plain", "_secret", "_shapes", "_text", "_walk"), "_snapshot"),
    "_hints": "_redact",
    "_values": "settings",
    "_building": "sdk",
    **dict.fromkeys(
        (
            "local.columns",
            "local.feed",
            "local.file",
            "local.migrations",
            "local.numbers",
            "local.queries",
            "local.records",
            "local.replay",
            "local.writers",
            "local.writing",
        ),
        "local.store",
    ),
    **dict.fromkeys(
        ("_backlog", "_intake", "_lane", "_leaving", "_promise", "_spooled", "_voice", "_written"), "sender"
    ),
    **dict.fromkeys(("local.destination", "local.spool_contents", "local.spool_file"), "local.spool"),
    "exporters._round": "exporters.rest",
    "exporters.spans": "exporters.otlp",
}
DOORS = {
    "wrapt": {"decorators"},
    "httpx": {"_http", "client"},
    "sqlite3": {"local.file"},
}
RUNTIME = {"wrapt", "httpx", "pydantic", "pydantic_core", "voltagent"}


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix("__init__").rstrip(".")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.Module) -> set[tuple[str, bool]]:
    """(module, whether only for type checkers) for every import in a file."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, id(node) in for_types) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inside = {name for name in names if name.removeprefix("voltagent.") in MODULES}
            # `from voltagent import _clock` names a module, `from voltagent.delivery.sender import Sender` a thing in one
            found |= {(name, id(node) in for_types) for name in (inside or {node.module or ""})}
    return found


def room(module: str) -> tuple[int, int]:
    """Floor and place of a module; the longest name wins."""
    module = PARTS.get(module, module)
    names = {name: (floor, place) for floor, row in enumerate(FLOORS) for place, name in enumerate(row)}
    while module not in names:
        assert "." in module, f"{module} has no room in the table of this test and of docs/architecture.md"
        module = module.rpartition(".")[0]
    return names[module]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down_or_to_the_left(module: str) -> None:
    for name, for_types in imports(MODULES[module]):
        if name.split(".")[0] != "voltagent" or for_types:
            continue
        other = name.removeprefix("voltagent").lstrip(".")
        here, there = room(module), room(other)
        assert there[0] < here[0] or (there[0] == here[0] and there[1] <= here[1]), f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_library_has_one_door(module: str) -> None:
    for name, for_types in imports(MODULES[module]):
        library = name.split(".")[0]
        assert library in RUNTIME or library in sys.stdlib_module_names or for_types, f"{module} imports {name}"
        if library in DOORS and not for_types:
            assert any(module == door or module.startswith(f"{door}.") for door in DOORS[library]), (module, name)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_settings_reads_the_environment(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
            assert module == "settings", f"{module} reads the environment"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_clock_reads_time_and_randomness(module: str) -> None:
    for name, _ in imports(MODULES[module]):
        assert name not in ("time", "random", "secrets") or module == "_clock", f"{module} imports {name}"


def test_every_room_is_in_the_architecture_document() -> None:
    document = ROOT.parent / "docs" / "architecture.md"
    if not document.exists():
        document = Path(__file__).parent.parent / "docs" / "architecture.md"
    text = document.read_text(encoding="utf-8")
    for name in MODULES:
        top = name.split(".")[0] or "__init__"
        assert top in text or top == "__main__", f"{name} is not in docs/architecture.md"


def test_there_is_one_version() -> None:
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{voltagent.__version__}"\n' in project
