"""Blocks that release a lock or reset a mark do so whichever bytecode an interrupt comes at.

CPython 3.12 and 3.13 leave the jump back to the head of a loop out of the table of exceptions if the loop ends a block,
and look for signals just there: the lock would stay held. Such loops stand in functions of their own.
"""

from __future__ import annotations

import ast
import dis
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

import voltagent

PACKAGE = Path(voltagent.__file__).parent
# what runs on threads of the program, or holds a lock that these need
FOLDERS = ("core", "decorators", "delivery", "exporters", "handles", "instrumentation", "sdk", "testkit", "tracing")
HARMLESS = {"guard", "imports_kept", "suppress"}  # leave nothing behind that another thread waits for

older = pytest.mark.skipif(sys.version_info < (3, 12), reason="older compilers protect the whole of a block")


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def is_releasing(node: ast.AST) -> bool:
    if isinstance(node, ast.Try):
        return bool(node.finalbody)
    if not isinstance(node, ast.With):
        return False
    expressions = [item.context_expr for item in node.items]
    called = [one.func if isinstance(one, ast.Call) else one for one in expressions]
    return not HARMLESS.issuperset(ast.unparse(one).rpartition(".")[2] for one in called)


def uncovered(source: str) -> list[int]:
    """The lines of jumps in releasing blocks that no handler protects."""
    blocks = [node for node in ast.walk(ast.parse(source)) if is_releasing(node)]
    lines = {line for one in blocks for part in one.body for line in range(part.lineno, (part.end_lineno or 0) + 1)}  # type: ignore[attr-defined]
    found: list[int] = []
    for code in codes(compile(source, "source", "exec")):
        table = dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
        for step in dis.get_instructions(code):
            line = step.positions.lineno if step.positions else None
            is_covered = any(entry.start <= step.offset < entry.end for entry in table)
            if step.opname == "JUMP_BACKWARD" and line in lines and not is_covered and has_block(code, line, blocks):
                found.append(line)
    return found


def has_block(code: CodeType, line: int, blocks: list[ast.AST]) -> bool:
    """Whether a block around the line belongs to this very function, not to one around it."""
    return any(code.co_firstlineno <= one.lineno <= line <= (one.end_lineno or 0) for one in blocks)  # type: ignore[attr-defined]


@older
def test_the_search_finds_such_a_loop() -> None:
    source = "def f(lock, g):\n    with lock:\n        while not g():\n            g(1)\n    return True\n"
    assert uncovered(source) == [3]


@older
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_interrupt_leaves_a_lock_held(folder: str) -> None:
    found = {
        str(path.relative_to(PACKAGE)): uncovered(path.read_text("utf-8")) for path in (PACKAGE / folder).rglob("*.py")
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize("folder", [*FOLDERS, "storage"])
def test_no_block_is_that_of_a_lock_written_in_python(folder: str) -> None:
    """Its ``with`` begins and ends in functions of its own, in which an interrupt leaves the lock held."""
    names = "Condition|Semaphore|BoundedSemaphore" + ("|Event|Barrier" if folder in FOLDERS else "")
    for path in (PACKAGE / folder).rglob("*.py"):
        assert not re.search(rf"threading\.({names})\(", path.read_text("utf-8")), path
