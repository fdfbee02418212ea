"""The processes of a run: the sink, and one child for every contestant, each taking commands over its input."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.environments import environment, interpreter

__all__ = ["Child", "ChildError", "Sink"]

HERE = Path(__file__).parent
PATIENCE = 180.0  # seconds that one command may take; after that the contestant is ended


class ChildError(Exception):
    """A contestant could not give a figure; the text says why."""


class Sink:
    """The server that takes what the contestants send, in a process of its own."""

    def __init__(self, names: Sequence[str]) -> None:
        # names travel in arguments and lines: one word each
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "sink.py"), *map(_word, names)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ports: dict[str, int] = json.loads(self._line())

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[_word(name)]}"

    def count(self, name: str) -> None:
        """Start to count the marked operations that this contestant delivers."""
        self._ask("count", name)

    def counted(self, name: str) -> int:
        """How many different marked operations arrived since."""
        return self._ask("read", name)

    def stop(self) -> None:
        self._process.communicate("quit\n", timeout=10)

    def _ask(self, command: str, name: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command} {_word(name)}\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Child:
    """One contestant, running."""

    def __init__(self, contestant: Contestant, url: str, python: Path | None = None) -> None:
        self.contestant = contestant
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process is
        self._process = subprocess.Popen(
            [str(python or interpreter(contestant)), str(HERE / "child"), contestant.adapter, url, self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**environment(contestant), "HOME": self._folder.name, "XDG_DATA_HOME": self._folder.name},
        )

    def ask(self, do: str, **parameters: Any) -> dict[str, Any]:
        """Have a command done.

        Raises:
            ChildError: it could not be done.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **parameters}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise ChildError(self._last_words()) from None
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        line = self._process.stdout.readline()
        in_time = not late.finished.is_set()
        late.cancel()
        if not line:
            raise ChildError(self._last_words() if in_time else f"no answer within {PATIENCE:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise ChildError(answer["failed"])
        return answer

    def leave(self, patience: float) -> float | None:
        """Let the program end as programs do; the seconds that took, or ``None`` where it was still there."""
        assert self._process.stdin is not None
        started = time.perf_counter()
        try:
            self._process.stdin.close()
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.stop()
        return time.perf_counter() - started

    def stop(self) -> None:
        """End the process at once, if it is still there."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"ended with {self._process.wait(10)}"


def _word(name: str) -> str:
    return name.replace(" ", "_")
