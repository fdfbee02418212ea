"""The documents are true: programs and commands in them run, links lead somewhere, tables are whole."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import examples
from tests.helpers.examples import REPOSITORY, environment
from voltagent import decorators, settings
from voltagent.decorators import options
from voltagent.records import load_traces

README = REPOSITORY / "README.md"
DOCUMENTS = [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]
HANDBOOK = [*DOCUMENTS, *(REPOSITORY / name for name in ("CHANGELOG.md", "CONTRIBUTING.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    found = _FENCE.findall(document.read_text(encoding="utf-8"))
    return [code for kind, code in found if kind == language]


def program(document: Path) -> str:
    """The Python blocks of a document as one program, with the line numbers of the document."""
    text = document.read_text(encoding="utf-8")
    kept = [""] * len(text.splitlines())
    for match in _FENCE.finditer(text):
        if match[1] == "python":
            first = text.count("\n", 0, match.start(2))
            kept[first : first + match[2].count("\n")] = match[2].splitlines()
    return "\n".join(kept) + "\n"


def rows(document: Path, heading: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading."""
    table = re.search(
        rf"^\| {heading} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", document.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert table, f"{document.name} has a table of {heading}"
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def by_name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if blocks(one, "python")], ids=by_name)
def test_the_python_blocks_of_a_document_run(document: Path, tmp_path: Path):
    written = tmp_path / f"{document.stem}.py"
    written.write_text(program(document), encoding="utf-8")
    store = tmp_path / "traces.db"
    quiet = {"VOLTAGENT_QUIET": "1"} if document.stem == "spool" else {}  # its destination is down, and a line says so
    examples.run(
        written, env=environment(store, XDG_DATA_HOME=str(tmp_path), HOME=str(tmp_path), **quiet), cwd=tmp_path
    )
    assert not store.exists() or all(trace.duration is not None for trace in load_traces(store))


_SHADOWING = re.compile(
    r"\bas (?:trace|agent|tool|memory|retriever|llm)\b(?!\s+\w)|^\s*(?:trace|agent|tool|memory|retriever|llm) = "
    r"|\bfor (?:trace|agent|tool|memory|retriever|llm) in\b",
    re.MULTILINE,
)


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted((REPOSITORY / "examples").glob("*.py"))], ids=by_name)
def test_no_example_gives_a_decorators_name_to_something_else(path: Path):
    text = path.read_text(encoding="utf-8")
    parts = (
        [text] if path.suffix == ".py" else [code for kind, code in _FENCE.findall(text) if kind in ("python", "py")]
    )
    assert not [found for part in parts for found in _SHADOWING.findall(part)]


def test_a_block_that_is_not_looked_at_would_be_noticed():
    fences = {kind for document in HANDBOOK for kind, _ in _FENCE.findall(document.read_text(encoding="utf-8"))}
    # py: a program with a framework, which tests/frameworks/test_documents.py runs
    assert fences <= {"", "python", "py", "sh", "text", "json"}, "an unknown language would slip past these tests"


def test_the_json_blocks_of_the_documents_are_json():
    for document in HANDBOOK:
        for block in blocks(document, "json"):
            json.loads(block)


# The README.


@pytest.fixture
def quick_start(tmp_path: Path) -> tuple[str, Path]:
    """What the quick start prints when it is copied into a file, and the store it recorded into."""
    (code,) = blocks(README, "python")[:1]
    written = tmp_path / "quickstart.py"
    written.write_text(code, encoding="utf-8")
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    unset = environment(Path(), **home)
    del unset["VOLTAGENT_LOCAL_PATH"]
    return examples.run(written, env=unset), tmp_path / "data" / "voltagent" / "traces.db"


def test_the_quick_start_copied_into_a_file_runs_and_records(quick_start: tuple[str, Path]):
    printed, store = quick_start
    assert printed == "A marathon is 42.2 km.\n"
    (trace,) = load_traces(store)
    assert [(one.kind, one.name) for one in trace.walk()] == [
        ("agent", "assistant"), ("memory", "recall"), ("retriever", "search"), ("tool", "to_km"),
    ]  # fmt: skip


def test_the_picture_in_the_readme_is_what_the_demo_records(tmp_path: Path):
    store = tmp_path / "traces.db"
    examples.run(REPOSITORY / "examples" / "stdlib_agent.py", env=environment(store))
    shown = command("voltagent show", environment(store))
    (picture,) = [block for block in blocks(README, "text") if "stdlib-guide" in block]
    assert sorted(map(_without_figures, picture.splitlines())) == sorted(map(_without_figures, shown.splitlines()))


def _without_figures(line: str) -> str:
    """A line of a tree without what differs between runs and Pythons: times, ids, lengths, and the branches."""
    line = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\d{4}-\d\d-\d\d|[\d:.,]+ ?(ns|µs|us|ms|s|tokens|tok)?", "#", line)
    return " ".join(re.sub(r"[│├└─|`]+", " ", line).split())


# The commands.


def command(line: str, env: dict[str, str], cwd: Path | None = None) -> str:
    """What a `voltagent …` command printed; it must end well."""
    _, *arguments = shlex.split(line)
    done = subprocess.run(
        [sys.executable, "-m", "voltagent", *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), line
    return done.stdout


# They want a server, a user who stops them, or a browser: tests of their own run them. `prune` needs to know what.
NEED_MORE = ("voltagent push", "voltagent tail", "voltagent ui", "voltagent show --web", "voltagent mcp")


def commands() -> list[str]:
    found = [line for document in HANDBOOK for block in blocks(document, "sh") for line in block.splitlines()]
    found += [
        match for document in HANDBOOK for match in re.findall(r"`(voltagent [^`…]+)`", document.read_text("utf-8"))
    ]
    shown = {line.partition("#")[0].strip() for line in found if line.startswith("voltagent ")}
    return sorted(line for line in shown if not line.startswith(NEED_MORE) and line != "voltagent prune")


@pytest.fixture(scope="module")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("commands") / "traces.db"
    for example in ("stdlib_agent.py", "error_handling.py", "comprehensive_trace_example.py"):
        examples.run(REPOSITORY / "examples" / example, env=environment(store))
    return store


@pytest.mark.parametrize("line", commands())
def test_a_command_shown_in_a_document_runs(line: str, filled_store: Path, tmp_path: Path):
    assert command(line, environment(filled_store), tmp_path)


# Tables and links.


def test_the_table_of_settings_is_whole():
    table = rows(REPOSITORY / "docs" / "settings.md", "setting")
    assert sorted(name for name, *_ in table) == sorted(settings.setting_names())


_FITTING = {"exporter": "none", "base_url": "http://localhost:1", "profiles": "genai", "baggage": "user_id"}


@pytest.mark.parametrize("name", settings.setting_names())
def test_a_row_of_the_table_of_settings_is_true(name: str, monkeypatch: pytest.MonkeyPatch):
    table = {row[0]: row for row in rows(REPOSITORY / "docs" / "settings.md", "setting")}
    _, variable, default, _ = table[name]
    value = getattr(settings.load(), name)
    if not default.startswith("see "):
        assert default == _as_text(value)
    if variable:
        assert variable == f"VOLTAGENT_{name.upper()}"
        monkeypatch.setenv("VOLTAGENT_PUBLIC_KEY", "pk")
        monkeypatch.setenv("VOLTAGENT_SECRET_KEY", "sk")
        monkeypatch.setenv(variable, _FITTING.get(name, "1"))
        assert settings.load().origin[name] == "environment"


def _as_text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_tables_of_decorators_are_whole():
    common = {name for name, *_ in rows(REPOSITORY / "docs" / "decorators.md", "option")}
    assert common == set(options.DecoratorOptions.__annotations__)
    own = {
        name: set(re.findall(r"\w+", more.partition(":")[0]))
        for name, _, more in rows(REPOSITORY / "docs" / "decorators.md", "decorator")
    }
    assert own == {
        "@agent": set(options.AgentDecoratorOptions.__annotations__) - common,
        "@tool": set(),
        "@llm": set(options.LLMDecoratorOptions.__annotations__) - common,
        "@retriever": set(),
        "@memory": set(options.MemoryDecoratorOptions.__annotations__) - common,
        "@trace": set(options.TraceDecoratorOptions.__annotations__) - common,
    }
    assert {name.removeprefix("@") for name in own} == set(decorators.__all__)
    assert {name for name, *_ in rows(README, "decorator")} == set(own)


@pytest.mark.parametrize("document", HANDBOOK, ids=by_name)
def test_the_links_of_a_document_lead_somewhere(document: Path):
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            place, _, anchor = target.partition("#")
            found = (document.parent / place).resolve() if place else document
            assert found.exists(), f"{document.name} links to {target}"
            assert not anchor or anchor in anchors(found), f"{document.name} links to {target}"


def anchors(document: Path) -> set[str]:
    """The anchors that a Markdown viewer gives the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_is_reached_from_the_readme():
    reached, waiting = set[Path](), [README]
    while waiting:
        document = waiting.pop()
        if document not in reached and document.suffix == ".md":
            reached.add(document)
            targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
            waiting += [(document.parent / target).resolve() for target in targets]
    assert reached >= set(DOCUMENTS)
    overview = {document for document in DOCUMENTS if document.parent.name == "docs"}
    linked = re.findall(r"\]\((docs/[^)#\s]+)", README.read_text(encoding="utf-8"))
    assert overview <= {REPOSITORY / target for target in linked}, "the README itself names them"


def test_the_long_cases_of_delivery_can_be_started():
    listed = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert all(name in listed.stdout for name in ("burst", "rate", "outage", "spool"))


@pytest.mark.skipif(not shutil.which("make"), reason="make is missing")
def test_installing_waits_for_a_slow_index():
    env = {"PATH": os.environ["PATH"]}
    shown = subprocess.run(
        ["make", "-s", "-f", "-", "show"], input="include Makefile\nshow:\n\t@env\n", cwd=REPOSITORY, env=env,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    wanted = {"PIP_RETRIES=10", "PIP_DEFAULT_TIMEOUT=60", "NPM_CONFIG_FETCH_RETRIES=10"}
    assert wanted <= set(shown.stdout.splitlines())
    check = REPOSITORY / ".ci" / "run"
    if check.exists():  # it is not part of a distribution
        (program,) = re.findall(r"sed -n '([^']+)' Makefile", check.read_text(encoding="utf-8"))
        found = subprocess.run(["sed", "-n", program, "Makefile"], cwd=REPOSITORY, capture_output=True, text=True)
        assert {line.replace(" ", "=") for line in found.stdout.splitlines()} == wanted
