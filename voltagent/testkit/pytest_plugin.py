"""The pytest plugin: the fixture ``voltagent_run``, snapshots, and the tree in the report of a failing test.

pytest loads this module by its entry point; nothing else imports it, because nothing else needs pytest.
"""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from voltagent.testkit.run import Run

_RUNS: Final = pytest.StashKey["list[Run]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--voltagent-snapshots``."""
    parser.getgroup("voltagent").addoption(
        "--voltagent-snapshots",
        choices=("check", "update"),
        default="check",
        help="compare run.matches_snapshot() with its file (check), or write the file (update)",
    )


@pytest.fixture
def voltagent_run(request: pytest.FixtureRequest) -> Generator[Run]:
    """Yield what the test records: a run as ``voltagent.testing.record()`` gives it."""
    from voltagent.testkit.capture import record

    with record() as run:
        name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
        run.snapshot_file = request.path.parent / "__snapshots__" / f"{request.path.stem}.{name}.txt"
        run.updates_snapshots = request.config.getoption("--voltagent-snapshots") == "update"
        yield run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect the runs of one test."""
    from voltagent.testkit.capture import ON_RECORD

    runs = item.stash[_RUNS] = []
    ON_RECORD.append(runs.append)
    try:
        return (yield)
    finally:
        ON_RECORD.remove(runs.append)
        del item.stash[_RUNS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add the tree of what was recorded to the report of a failing test."""
    report = yield
    if report.failed:
        for run in item.stash.get(_RUNS, []):
            if run.traces:
                report.sections.append(("voltagent run", run.tree()))
    return report
