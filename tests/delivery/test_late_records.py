"""What is recorded behind the exit hook: in earlier registered hooks, and in finalizers of the interpreter."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.test_busy_threads import destination
from tests.delivery.test_process import posix
from tests.helpers.pace import PATIENCE, TooSlow, hold
from tests.helpers.program import run_script
from tests.helpers.server import Recorded, Reply, answer, hang, unused_port
from voltagent.records import load_traces

NUMBER = 70  # calls; each takes two requests or more of 20 ms, so that all of them take longer than 2 s
SLOW = 0.02
PROGRAM = """
import atexit, json, os, sys, threading, time
number, options = int(sys.argv[1]), json.loads(sys.argv[2])
def late(): record_all()
def report(): print(json.dumps([sdk.stats().recorded, sdk.stats().accepted, sdk.stats().pending]))
{before}
from voltagent import VoltAgentSDK, tool
from tests.helpers.internals import sender_of
@tool
def work(value): return value
class Late:
    def __init__(self, function): self.function = function
    def __del__(self): self.function()
def record_all():
    for one in range(number): work(f"late-{{one}}.")
sdk = VoltAgentSDK(**options)
{after}
"""
PLACES = {
    "a later hook": ("atexit.register(report); atexit.register(late)", ""),
    "a finalizer": ("", "kept = Late(record_all)"),
    "a finalizer of what outlives its module": ("", "record_all.kept = Late(record_all)"),
    "a hook and a finalizer": ("atexit.register(late)", "kept = Late(lambda: work('late-last.'))"),
}
# The hooks run from the last one to the first: `began`, ours, `late` and `ended`.
TIMED = """
times = []
def began(): times.append(time.monotonic())
def ended(): print(time.monotonic() - times[0])
atexit.register(ended)
atexit.register(late)
"""


def run(before: str, after: str, options: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(before=textwrap.dedent(before), after=textwrap.dedent(after))
    ran = run_script(program, folder, str(NUMBER), json.dumps(options), timeout=PATIENCE)
    assert ran.returncode == 0, ran
    assert "Traceback" not in ran.stderr, ran
    return ran


def wanted(place: str) -> set[str]:
    return {str(one) for one in range(NUMBER)} | ({"last"} if "and" in place else set())


def complete(place: str, found: set[str], stdout: str) -> bool:
    recorded, accepted, pending = json.loads(stdout) if stdout else (0, 0, 0)
    return found == wanted(place) and (recorded, pending) == (accepted, 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [pytest.param("rest", marks=pytest.mark.slow), "otlp"])
def test_a_destination_that_accepts_gets_all_of_many_late_records(place: str, kind: str, tmp_path: Path) -> None:
    with destination(kind, tmp_path, delay=SLOW) as (options, server):
        ran = run(*PLACES[place], options, tmp_path)  # what took longer than 2 s was lost
        found = {one.decode() for request in server.requests for one in re.findall(rb"late-(\w+)\.", request.body)}
    if not complete(place, found, ran.stdout):  # on a machine that pauses for two seconds, or has too little time
        raise TooSlow(f"{len(found)} of {len(wanted(place))} arrived, {ran}")
    assert ran.stderr == ""


@pytest.mark.parametrize("place", PLACES)
def test_the_local_store_gets_all_of_many_late_records(place: str, tmp_path: Path) -> None:
    with destination("local", tmp_path) as (options, _):
        ran = run(*PLACES[place], options, tmp_path)
    traces = list(load_traces(tmp_path / "traces.db"))
    found = {trace.input["value"].removeprefix("late-").rstrip(".") for trace in traces}
    if not complete(place, found, ran.stdout):
        raise TooSlow(f"{len(found)} of {len(wanted(place))} arrived, {ran}")
    assert {trace.status for trace in traces} == {"completed"}
    assert ran.stderr == ""


def hang_if_late(request: Recorded) -> Reply:
    return hang if b"late" in request.body else answer()


@pytest.mark.parametrize("kind", [pytest.param("rest", marks=pytest.mark.slow), "otlp"])
@pytest.mark.parametrize(
    ("first", "reply", "limit"), [("first", hang_if_late, 3.0), pytest.param("late", hang, 5.5, marks=pytest.mark.slow)]
)
def test_late_records_share_the_time_for_a_destination_that_never_answers(
    kind: str, first: str, reply: Any, limit: float, tmp_path: Path
) -> None:
    with destination(kind, tmp_path, reply) as (options, _):
        ran = run(TIMED, f"atexit.register(began); work({first!r})", options, tmp_path)
    hold(float(ran.stdout), limit, "the end")  # 2 s more than an exit


@pytest.mark.parametrize("kind", ["rest", "otlp"])
def test_late_records_share_the_time_for_a_destination_that_refuses(kind: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    options = (
        {"exporter": "otlp", "otlp_endpoint": f"{url}/v1/traces"}
        if kind == "otlp"
        else {"exporter": "rest", "base_url": url, "public_key": "pk", "secret_key": "sk"}
    )
    ran = run(TIMED, "atexit.register(began); work('first')", options, tmp_path)
    hold(float(ran.stdout), 2.5, "the end")


@pytest.mark.parametrize("kind", [pytest.param("rest", marks=pytest.mark.slow), "otlp"])
def test_a_silent_destination_costs_no_late_record_of_another_one(kind: str, tmp_path: Path) -> None:
    store = tmp_path / "other.db"
    with destination(kind, tmp_path, hang_if_late) as (options, _):
        both = {**options, "exporter": [kind, "local"], "local_path": str(store)}
        run("atexit.register(late)", "work('first')", both, tmp_path)
    found = {trace.input["value"].removeprefix("late-").rstrip(".") for trace in load_traces(store)}
    if found != {"first", *wanted("")}:
        raise TooSlow(f"{len(found)} of {NUMBER + 1} arrived")


@posix
def test_ctrl_c_while_late_records_are_sent_ends_the_sending(tmp_path: Path) -> None:
    def interrupt(request: Recorded) -> Reply:
        process = re.search(rb"late-process-(\d+)\.", request.body)
        if process is not None:
            os.kill(int(process.group(1)), signal.SIGINT)
            return hang
        return answer()

    before = """
    def last(clock=time.monotonic):
        began = clock()
        try: work(f"late-process-{os.getpid()}.")
        except KeyboardInterrupt: print("interrupted")
        late()
        print(clock() - began)
    atexit.register(last)
    """
    with destination("otlp", tmp_path, interrupt) as (options, _):
        ran = run(before, "work('first')", options, tmp_path)
    interrupted, took = ran.stdout.split()
    assert interrupted == "interrupted"
    hold(float(took), 1.0, "the end")


# In a module of its own: a thread that is stopped in a function keeps the globals of its module from being finalized.
HOLDING = """
import threading, time
from tests.helpers.memory import Memory, Recording, make_sender
from voltagent.exporters import ACCEPTED
from voltagent.exporters.rest import RestExporter
from voltagent.exporters.rest_batch import Round

may, has = threading.Event(), threading.Event()

def hold(lock):
    may.wait()
    with lock:
        has.set()
        time.sleep(1000)

class Kept(Memory):
    def export(self, batch, deadline):
        self.kept = batch
        return [ACCEPTED] * len(batch)

class Lines(RestExporter):
    def give_back(self, line, borrower, **broken):  # under the lock of the round
        has.set()
        time.sleep(1000)

def make_round():
    kept = Kept()
    sender = make_sender(kept)
    Recording(sender).whole()
    sender.shutdown().result()
    lines = Lines("http://127.0.0.1:9", "pk", "sk")
    made = Round(lambda event, line, deadline: ACCEPTED, lines, kept.kept[:1], time.monotonic() + 1000)
    threading.Thread(target=made.run, daemon=True).start()
    has.wait()
    return made
"""


def test_a_finalizer_waits_for_no_lock_of_a_stopped_thread(tmp_path: Path) -> None:
    (tmp_path / "holding.py").write_text(HOLDING)
    before = """
    def stop():
        holding.may.set()
        holding.has.wait()
    atexit.register(stop)
    """
    after = """
    import holding
    threading.Thread(target=holding.hold, args=(sender_of(sdk).workers[0].buffer.lock,), daemon=True).start()
    kept = Late(lambda write=os.write: (work("late-0."), write(1, str(sdk.stats().accepted).encode())))
    """
    with destination("local", tmp_path) as (options, _):
        assert run(before, after, options, tmp_path).stdout == "4"  # it waited for ever
    assert [trace.status for trace in load_traces(tmp_path / "traces.db")] == ["completed"]


def test_a_finalizer_waits_for_no_request_that_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "holding.py").write_text(HOLDING)
    after = """
    import holding
    made = holding.make_round()
    kept = Late(lambda write=os.write: (made.late(), write(1, b"done")))
    """
    with destination("local", tmp_path) as (options, _):
        assert run("", after, options, tmp_path).stdout == "done"  # it waited for ever


@pytest.mark.parametrize("ends", ["shutdown", "flush"])
def test_a_finalizer_waits_for_no_sender_that_was_stopped(ends: str, tmp_path: Path) -> None:
    (tmp_path / "redacting.py").write_text("def redact(path, value):\n    import time\n    time.sleep(1000)\n")
    after = f"""
    import redacting
    sdk = VoltAgentSDK(redact=redacting.redact, **options)
    def last(clock=time.monotonic, write=os.write):
        began = clock()
        sdk.{ends}()
        write(1, str(clock() - began).encode())
    Late.kept = Late(last)
    work("first")
    """
    with destination("local", tmp_path) as (options, _):
        ran = run("", after, options, tmp_path)
    hold(float(ran.stdout), 3.0, "the end")  # it took 30 s
