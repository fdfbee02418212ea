"""A program that closes descriptors which it did not open, and gets their numbers for files of its own.

Nothing of ours is written into these files, and none of them is closed; what is recorded later arrives all the same.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.program import run_program
from tests.helpers.server import Server
from tests.helpers.stored import run_sql

pytestmark = [
    pytest.mark.slow,  # programs of their own
    pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX"),
]

PROGRAM = """
import atexit, json, os

opened = []

@atexit.register  # before the hook of voltagent, so it is called after that
def check():
    for descriptor in opened:
        os.lseek(descriptor, 0, 0)
        assert os.read(descriptor, 100) == b"known bytes", descriptor
        os.write(descriptor, b"!")
    print("untouched", flush=True)

import voltagent

@voltagent.tool
def work(x):
    return {"y": x}

sdk = voltagent.VoltAgentSDK(**json.loads(os.environ["OPTIONS"]))

def record(mark):
    with sdk.trace(agent_id="a", input={"q": f"mark-{mark}"}):
        work(1)
        work(2)

theirs = os.listdir("/dev/fd")
record(1)
sdk.flush()
ours = sorted(int(name) for name in set(os.listdir("/dev/fd")).difference(theirs))
chosen = os.environ["CLOSED"]
if chosen:
    os.close(ours[int(chosen)])
else:
    os.closerange(3, 4096)
for number in range(int(os.environ["FILES"])):
    opened.append(os.open(f"{os.environ['HOME']}/file-{number}", os.O_RDWR | os.O_CREAT))
    os.write(opened[-1], b"known bytes")
record(2)
sdk.flush(2)
record(3)
"""
WARNING = "that it did not open; the file was opened again"


def run(folder: Path, options: dict[str, str], files: int, closed: str = "") -> str:
    """Run the program, look at its files, and return what it wrote to stderr."""
    done = run_program(PROGRAM, folder, OPTIONS=json.dumps(options), FILES=str(files), CLOSED=closed)
    assert (done.returncode, done.stdout) == (0, "untouched\n"), done.stderr
    assert {file.read_bytes() for file in folder.glob("file-*")} == ({b"known bytes!"} if files else set())
    return done.stderr


def stored(path: Path) -> Sequence[object]:
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]
    return run_sql(path, "SELECT input, status, (SELECT count(*) FROM operations o WHERE o.trace_id = t.id) "
                         "FROM traces t ORDER BY key")  # fmt: skip


COMPLETE = [(f'{{"q":"mark-{number}"}}', "completed", 2) for number in (1, 2, 3)]


@pytest.mark.parametrize("files", [0, 40, 300])
def test_the_local_store_is_opened_again(tmp_path: Path, files: int) -> None:
    path = tmp_path / "store.db"
    run(tmp_path, {"exporter": "local", "local_path": str(path)}, files)
    assert stored(path) == COMPLETE
    assert {one.name for one in tmp_path.glob("store.db*")} == {"store.db"}


@pytest.mark.parametrize("closed", ["0", "1", "2", "3"])
def test_each_descriptor_of_the_local_store_can_be_closed(tmp_path: Path, closed: str) -> None:
    path = tmp_path / "store.db"
    run(tmp_path, {"exporter": "local", "local_path": str(path)}, 1, closed)
    assert stored(path) == COMPLETE


def test_a_store_whose_numbers_the_program_has_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    err = run(tmp_path, {"exporter": "local", "local_path": str(path)}, 700)
    assert stored(path) == COMPLETE[:1]
    assert "12 of 18 events" in err, err


@pytest.mark.parametrize("files", [0, 40, 700])
@pytest.mark.parametrize("destination", ["rest", "otlp", "spool"])
def test_requests_go_over_a_new_connection(tmp_path: Path, destination: str, files: int) -> None:
    with Server() as server:
        rest = {"exporter": "rest", "base_url": server.url, "public_key": "pk", "secret_key": "sk"}
        options = {
            "rest": rest,
            "otlp": {"exporter": "otlp", "otlp_endpoint": f"{server.url}/v1/traces"},
            "spool": {**rest, "spool": str(tmp_path / "spool")},
        }[destination]
        run(tmp_path, options, files)
    found = [mark for request in server.requests for mark in re.findall(rb"mark-\d", request.body)]
    assert set(found) == {b"mark-1", b"mark-2", b"mark-3"}
    if destination == "spool":
        assert not [one for one in (tmp_path / "spool").iterdir() if files < 700]


AT_THE_END = """
import faulthandler, os, sys
import voltagent

sdk = voltagent.VoltAgentSDK(exporter="local", local_path=os.environ["STORE"])
for _ in range(20):
    with sdk.trace(agent_id="a", input="x" * 1000):
        pass
sdk.flush()
os.closerange(3, 4096)
files = [os.open(f"{os.environ['HOME']}/file-{number}", os.O_RDWR | os.O_CREAT) for number in range(700)]
for descriptor in files:
    os.write(descriptor, b"known bytes!" * 100)
if os.environ["FORKS"]:
    faulthandler.cancel_dump_traceback_later()  # its thread would be waited for at the end of the child
    child = os.fork()
    if child == 0:
        with sdk.trace(agent_id="b", input="x" * 1000):
            pass
        sdk.flush(1)
        sys.exit()
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("forks", ["", "yes"])
def test_a_program_that_ends_or_forks_with_our_numbers_keeps_its_files(tmp_path: Path, forks: str) -> None:
    done = run_program(AT_THE_END, tmp_path, STORE=str(tmp_path / "store.db"), FORKS=forks)
    assert done.returncode == 0, done.stderr
    assert {file.read_bytes() for file in tmp_path.glob("file-*")} == {b"known bytes!" * 100}
    assert run_sql(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]


LOW_NUMBERS = """
import os, resource
import voltagent

resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
before = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
theirs = set(os.listdir("/dev/fd"))
sdk = voltagent.VoltAgentSDK(exporter="local", local_path=os.environ["STORE"])

def record():
    with sdk.trace(agent_id="a", input="x" * 1000):
        pass
    sdk.flush(2)

record()
database = min(int(name) for name in set(os.listdir("/dev/fd")).difference(theirs))
os.close(database)
file = os.open(f"{os.environ['HOME']}/file", os.O_RDWR | os.O_CREAT)
assert file == database, (file, database)
os.write(file, b"known bytes!")
record()
os.close(file)
record()
"""


def test_a_file_that_gets_the_number_of_the_database_is_left_alone(tmp_path: Path) -> None:
    done = run_program(LOW_NUMBERS, tmp_path, STORE=str(tmp_path / "store.db"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_bytes() == b"known bytes!"
    assert run_sql(tmp_path / "store.db", "SELECT status FROM traces") == [("completed",)] * 3


DROPPED = """
import gc, os
import voltagent
from pathlib import Path
from voltagent.storage.traces.store import Store

sdk = voltagent.VoltAgentSDK(exporter="local", local_path=os.environ["STORE"])
with sdk.trace(agent_id="a"):
    pass
sdk.flush()

class Page:
    pass

gc.set_threshold(40, 2, 2)
for _ in range(200):
    page = Page()
    page.itself, page.store = page, Store(Path(os.environ["STORE"]))
    assert len(page.store.traces()) == 1
    del page
print("done")
"""


def test_collecting_stores_that_were_dropped_never_hangs(tmp_path: Path) -> None:
    done = run_program(DROPPED, tmp_path, STORE=str(tmp_path / "store.db"))
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


RECORDER = """
import os, threading
import voltagent
from pathlib import Path
from voltagent.records import load_traces
from voltagent.storage.traces.store import Store

path = os.environ["STORE"]
sdk = voltagent.VoltAgentSDK(exporter="local", local_path=path)

def record():
    with sdk.trace(agent_id="a"):
        pass
    sdk.flush()
"""
SEVERAL = (
    RECORDER
    + """
record()
readers = [Store(Path(path)), Store(Path(path))]
print([len(reader.traces()) for reader in readers])
os.closerange(3, 4096)
files = [open(f"{os.environ['HOME']}/file-{number}", "w+b", buffering=0) for number in range(20)]
print(len(readers[0].traces()))
record()
print([len(reader.traces()) for reader in readers])
for file in files:
    file.write(b"known bytes!")
"""
)


def test_readers_in_the_same_process_open_the_store_again_too(tmp_path: Path) -> None:
    done = run_program(SEVERAL, tmp_path, STORE=str(tmp_path / "store.db"))
    assert (done.returncode, done.stdout) == (0, "[1, 1]\n1\n[2, 2]\n"), done.stderr
    assert {file.read_bytes() for file in tmp_path.glob("file-*")} == {b"known bytes!"}
    assert run_sql(tmp_path / "store.db", "SELECT status FROM traces") == [("completed",)] * 2


BUSY_READERS = (
    RECORDER
    + """
def read():
    while not over.is_set():
        len(list(load_traces(path)))

def open_files():
    while not over.is_set():
        files = [open(os.devnull) for _ in range(10)]
        for file in files:
            file.close()

over = threading.Event()
record()
threads = [threading.Thread(target=one) for one in (read, read, read, open_files)]
for thread in threads:
    thread.start()
for _ in range(100):
    record()
over.set()
for thread in threads:
    thread.join()
print(sdk.stats().accepted, len(list(load_traces(path))))
"""
)


def test_threads_that_read_and_open_files_are_not_taken_for_a_program_that_closes_ours(tmp_path: Path) -> None:
    done = run_program(BUSY_READERS, tmp_path, STORE=str(tmp_path / "store.db"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "202 101\n", "")
