"""gevent, whose look-ups of names need a thread that cannot start while the interpreter ends (3.12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import run_program
from tests.helpers.server import Server

pytest.importorskip("gevent")

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import voltagent

@voltagent.agent
def answer(question):
    return question

for number in range(3):
    answer(number)
"""


def test_what_a_short_program_records_is_sent_at_its_end(tmp_path: Path) -> None:
    with Server() as server:
        url = server.url.replace("127.0.0.1", "localhost")
        done = run_program(
            PROGRAM, tmp_path, VOLTAGENT_BASE_URL=url, VOLTAGENT_PUBLIC_KEY="pk", VOLTAGENT_SECRET_KEY="sk"
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [request.line for request in server.requests].count("POST /history") == 3
