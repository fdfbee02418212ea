"""The order of the packages holds, and each outside library is used in one module only."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import voltagent

ROOT = Path(voltagent.__file__).parent

# The packages in dependency order: each imports only from itself and from those above it. A module at the top level is
# a package of its own.
ORDER = (
    "errors _version",
    "core",
    "types propagation",
    "settings",
    "capture",
    "storage",
    "wire",
    "processors",
    "render",
    "records",
    "tracing",
    "exporters",
    "client",
    "delivery",
    "handles sdk",
    "opentelemetry",
    "decorators",
    "instrumentation middleware",
    "testkit",
    "testing",
    "server",
    "cli",
    "__init__ __main__",
)
# The folders of the search for secrets, in such an order: what a secret looks like, where it stands in a text, where
# in a structure, and the walk through a payload.
SECRETS = ("secrets.vocabulary", "secrets.text", "secrets.structures", "secrets")
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
BOUNDARIES = {
    "wrapt": {"decorators", "instrumentation"},
    "httpx": {"exporters.http", "client"},
    "sqlite3": {"storage.file"},
    "pytest": {"testkit.pytest_plugin"},
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
            # `from voltagent.core import clock` names a module, `from voltagent.sdk import VoltAgentSDK` a name in one
            found |= {(name, id(node) in for_types) for name in (inside or {node.module or ""})}
    return found


def package(module: str) -> str:
    return module.split(".")[0] or "__init__"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_follow_the_order_of_the_packages(module: str) -> None:
    for name, _ in imports(MODULES[module]):  # those for type checkers count as well
        if name.split(".")[0] == "voltagent":
            other = name.removeprefix("voltagent").lstrip(".")
            assert RANK[package(other)] <= RANK[package(module)], f"{module} imports {other}"


@pytest.mark.parametrize("module", [name for name in sorted(MODULES) if name.startswith("processors.secrets")])
def test_the_search_for_secrets_is_built_in_layers(module: str) -> None:
    def rank(name: str) -> int | None:
        inside = name.removeprefix("voltagent.").removeprefix("processors.")
        return next((at for at, folder in enumerate(SECRETS) if f"{inside}.".startswith(f"{folder}.")), None)

    own = rank(module)
    assert own is not None
    for name, _ in imports(MODULES[module]):
        other = rank(name)
        assert other is None or other <= own, f"{module} imports {name}"


def test_every_package_has_its_place_in_the_order() -> None:
    assert {package(module) for module in MODULES} == set(RANK)


def test_the_modules_of_a_folder_can_be_overlooked() -> None:
    folders: dict[str, list[str]] = {}
    for path in ROOT.rglob("*.py"):
        folders.setdefault(path.parent.relative_to(ROOT).as_posix(), []).append(path.stem)
    top = [name for name in folders.pop(".") if not name.startswith("__")]
    assert len(top) <= 16, top
    assert sum(name.startswith("_") for name in top) <= 4, top
    for folder, names in folders.items():
        modules = [name for name in names if name != "__init__"]
        assert len(modules) <= 20, folder
        assert not [name for name in modules if name.startswith("_")], folder


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_library_is_behind_one_module(module: str) -> None:
    for name, for_types in imports(MODULES[module]):
        library = name.split(".")[0]
        assert library in RUNTIME or library in BOUNDARIES or library in sys.stdlib_module_names or for_types, (
            f"{module} imports {name}"
        )
        if library in BOUNDARIES and not for_types:
            assert any(
                module == destination or module.startswith(f"{destination}.") for destination in BOUNDARIES[library]
            ), (module, name)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_settings_reads_the_environment(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
            assert module == "settings.environment", f"{module} reads the environment"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_clock_reads_time_and_randomness(module: str) -> None:
    for name, _ in imports(MODULES[module]):
        assert name not in ("time", "random", "secrets") or module == "core.clock", f"{module} imports {name}"


# These look at the store's file as a file, or write to it.
_NO_READERS = {"server.server", "server.ingest", "cli.prune"}
_QUERIES = {"rows", "read", "traces", "trace", "trace_ids", "operations", "events"}


def _is_query(call: ast.Call) -> bool:
    name, _, method = ast.unparse(call.func).rpartition(".")
    return (name.endswith("store") and method in _QUERIES) or (not name and method == "Store")


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.split(".")[0] in ("cli", "server")))
def test_commands_and_viewer_read_through_the_records(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Call) and module not in _NO_READERS:
            assert not _is_query(node), f"{module} queries the store: put {ast.unparse(node)} into voltagent/records"


def test_a_class_name_has_one_meaning() -> None:
    """A type alias with the same name as a class counts too; two aliases do not, as each says what it stands for."""
    classes: dict[str, list[str]] = {}
    aliases: dict[str, list[str]] = {}
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(module)
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                aliases.setdefault(ast.unparse(node.target), []).append(module)
    found = {name: places + aliases.get(name, []) for name, places in classes.items()}
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_every_package_is_in_the_architecture_document() -> None:
    document = Path(__file__).parent.parent / "docs" / "architecture.md"
    text = document.read_text(encoding="utf-8")
    for name in RANK:
        assert name in text or name in ("__init__", "__main__"), f"{name} is not in docs/architecture.md"


def test_the_architecture_document_lists_the_packages_in_order_and_names_modules_that_exist() -> None:
    text = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`\w.*?) \|(.*)$", text.split("## Packages")[1].split("## Decisions")[0], re.MULTILINE)
    listed = [re.findall(r"`(\w+)", first) for first, _ in table]
    ranks = [RANK[name] for names in listed for name in names]
    assert ranks == sorted(ranks)
    changed = re.findall(
        r"^\| .* \|(.*)$", text.split("## Where to change what")[1].split("## Packages")[0], re.MULTILINE
    )
    named = re.findall(r"`(\w+(?:/\w+)+)`", " ".join([*(rest for _, rest in table), *changed]))
    assert named
    assert not [name for name in named if not (ROOT / f"{name}.py").is_file() and not (ROOT / name).is_dir()]


def test_tests_mirror_the_packages() -> None:
    tests = Path(__file__).parent
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert not [name for name in sorted(packages) if not list((tests / name).glob("test_*.py"))]


def test_there_is_one_version() -> None:
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{voltagent.__version__}"\n' in project


# Underscored names that their owners document as public.
PROTOCOLS = {"_replace", "_asdict", "_fields", "_make", "_exit", "_repr_html_"}
PATCHES = {"setattr", "delattr", "getattr"}
# Two are of other libraries; the others are in tests/helpers/internals.py. The number only falls.
PRIVATE_USES = 5


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PROTOCOLS


def private_uses(tree: ast.Module) -> list[str]:
    """Private names of other objects and modules that a file reads, imports or patches."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        ):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("voltagent"):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in PATCHES:
                texts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                found += [text.rpartition(".")[2] for text in texts if isinstance(text, str)]
    return [name for name in found if is_private(name)]


def test_tests_use_public_names() -> None:
    tests = Path(__file__).parent
    found = [
        f"{path.relative_to(tests)}: {name}"
        for path in sorted(tests.rglob("*.py"))
        for name in private_uses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert len(found) == PRIVATE_USES, "\n".join(found)


def _is_unordered(node: ast.AST) -> bool:
    """Return whether an expression iterates over a set, whose order differs from process to process."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sorted", "len", "range"):
        return False
    is_set = isinstance(node, ast.Set | ast.SetComp)
    is_made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return is_set or is_made or any(map(_is_unordered, ast.iter_child_nodes(node)))


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.rglob("*.py")), ids=lambda file: file.name)
def test_the_cases_of_a_test_have_the_same_order_in_every_process(file: Path) -> None:
    """Workers of pytest-xdist have to agree on it, and a failure has to happen again."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
            values = node.args[1:2]
            cases = values[0].elts if values and isinstance(values[0], ast.List | ast.Tuple) else []
            assert cases or not any(map(_is_unordered, values)), f"{file.name}:{node.lineno}"


def test_patterns_have_the_same_order_in_every_process() -> None:
    from tests.processors.test_secret_patterns import PATTERNS

    assert list(PATTERNS) == sorted(PATTERNS)
