"""A cell of a notebook shows what its decorated calls recorded, once, as soon as the extension is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("IPython")

PROGRAM = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "voltagent")
cells = [
    "import voltagent; from voltagent import tool, trace",
    "@tool\\ndef look_up(n): return n\\n@trace(agent_id='desk')\\ndef handle(n): return look_up(n)",
    "handle(1); handle(2);",
    "1 + 1;",
    "for n in range(9): handle(n)",
    "handle(1 / 0)",
    # the result of a cell, which shows the tree by itself, is not among the outputs
    "with voltagent.VoltAgentSDK().trace(agent_id='desk') as t: t.add_tool(name='look_up').success(1)\\nt",
    # shown while it runs, and once more when it has ended
    "with voltagent.VoltAgentSDK().trace(agent_id='desk') as t: display(t); t.add_tool(name='look_up').success(1)",
]
for cell in cells:
    with capture_output() as seen:
        shell.run_cell(cell)
    pages = [output.data.get("text/html") or "" for output in seen.outputs]
    more = sum("more traces" in str(output.data) for output in seen.outputs)
    print(len(pages), sum("look_up" in page for page in pages), more)
"""


def test_a_cell_shows_its_traces_and_others_nothing(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), "XDG_DATA_HOME": str(tmp_path / "data"),
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=home, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert ended.stdout.split("\n")[:8] == [
        "0 0 0", "0 0 0", "2 2 0", "0 0 0", "6 5 1", "0 0 0", "0 0 0", "2 1 0",
    ], ended.stderr  # fmt: skip
