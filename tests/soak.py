"""The long cases of delivery in full size, and a seeded random one: ``python -m tests.soak`` (or ``make soak``).

Each case prints one line with what it measured and ends the program with status 1 if its number does not hold. The
suite has the same cases scaled down.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.delivery.test_process import finish, start
from tests.delivery.test_spool_process import check_delay, inputs, kill_stream, next_process, start_stream
from tests.helpers.memory import Recording, conserved, make_sender
from tests.helpers.model import Model
from tests.helpers.server import Recorded, Reply, Server, answer, hang, reset, then_reset, unused_port
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender
from voltagent.exporters.rest import RestExporter

PAGE = 4096


def main() -> int:
    """Run the cases that are named, or all; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="all of them, if none is named")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--seconds", type=float, default=60.0, help="of the cases that run for a while")
    options = parser.parse_args()
    failed = 0
    for name in options.cases or CASES:
        began = time.monotonic()
        try:
            outcome = CASES[name](options)
        except AssertionError as exc:
            failed += 1
            outcome = f"FAILED {exc}"
        print(f"{name:<12} {time.monotonic() - began:6.1f} s  {outcome}", flush=True)
    return 1 if failed else 0


@contextmanager
def server_process() -> Iterator[tuple[str, Callable[[], Any]]]:
    """A strict server in a process of its own: its URL, and a function that says what it has stored."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), lambda: (ours.send("counts"), ours.recv())[1]
    finally:
        ours.send("stop")
        process.join(10)


def _serve(pipe: Connection) -> None:
    model = Model()
    with Server(model) as server:
        pipe.send(server.url)
        while pipe.recv() == "counts":
            pipe.send((len(model.histories), len(model.events), len(model.ended), model.complaints[:3]))


def sender_to(url: str, **options: Any) -> Sender:
    return make_sender(
        RestExporter(url, "pk", "sk"), **{"probe_seconds": 1.0, "flush_interval": 1.0, "timeout": 30.0, **options}
    )


def all_stored(report: Report, stored: Any, traces: int, tools: int) -> None:
    assert (report.accepted, report.pending, report.dropped) == (report.recorded, 0, {}), report
    assert stored == (traces, 2 * traces * tools, traces, []), stored


def memory() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / 2**20


# Cases.


def burst(_: argparse.Namespace) -> str:
    """10 000 operations at once: none is lost."""
    with server_process() as (url, counts):
        sender = sender_to(url)
        for number in range(10_000):
            Recording(sender).whole(f"t{number}")
        began = time.monotonic()
        report = conserved(sender.flush(120).result())
        all_stored(report, counts(), 10_000, 1)
        sender.shutdown().result()
    return f"{report.accepted / (time.monotonic() - began):.0f} events/s"


def rate(options: argparse.Namespace) -> str:
    """2 000 events a second: drained, with flat memory."""
    with server_process() as (url, counts):
        sender = sender_to(url)
        began, most, traces, memories = time.monotonic(), 0, 0, []
        while (now := time.monotonic() - began) < options.seconds:
            Recording(sender).whole(tools=9)
            traces += 1
            if traces % 100 == 0:
                most = max(most, sender.stats().pending)
                memories.append(memory())
            time.sleep(max(0.0, traces / 100 - now))
        all_stored(conserved(sender.flush(30).result()), counts(), traces, 9)
        sender.shutdown().result()
    growth = memories[-1] - memories[len(memories) // 4]
    assert growth < 8, f"memory grew by {growth:.1f} MiB"
    assert most < 10_000, f"{most} events were waiting"
    return f"{20 * traces / options.seconds:.0f} events/s, at most {most} waiting, memory {growth:+.1f} MiB"


def outage(options: argparse.Namespace) -> str:
    """An outage at 200 events a second: nothing is lost, and sending continues within 3 s of its end."""
    port = unused_port()
    sender = sender_to(f"http://127.0.0.1:{port}")
    began, traces = time.monotonic(), 0
    while (now := time.monotonic() - began) < options.seconds:
        Recording(sender).whole()
        traces += 1
        time.sleep(max(0.0, traces / 50 - now))
    model = Model()
    with Server(model, port=port) as server:
        back = time.monotonic()
        server.wait_for(1)
        resumed = time.monotonic() - back
        report = conserved(sender.flush(60).result())
        drained = time.monotonic() - back
        sender.shutdown().result()
    assert (report.accepted, report.dropped) == (4 * traces, {})
    model.check(traces)
    assert resumed <= 3.0, f"resumed after {resumed:.1f} s"
    return f"{report.accepted} events, resumed after {resumed:.2f} s, drained after {drained:.1f} s"


def dead(_: argparse.Namespace) -> str:
    """A destination that is down: memory within its bound, a call within 100 µs at the 99th percentile."""
    sender = sender_to(f"http://127.0.0.1:{unused_port()}")
    before, times = memory(), []
    for _number in range(60_000):
        began = time.perf_counter()
        Recording(sender).whole()
        times.append((time.perf_counter() - began) / 4)
    grown = memory() - before
    report = conserved(sender.stats())
    sender.shutdown(0).result()
    p99 = sorted(times)[len(times) * 99 // 100] * 1e6
    assert p99 <= 100, f"99 % of the calls took up to {p99:.0f} µs"
    assert grown < 150, f"memory grew by {grown:.0f} MiB"
    assert report.pending <= 50_000
    return f"99th percentile {p99:.1f} µs for each event, memory {grown:+.0f} MiB, {report.pending} pending"


def children(_: argparse.Namespace) -> str:
    """One trace with 100 000 children arrives in order."""
    with server_process() as (url, counts):
        sender = sender_to(url)
        recording = Recording(sender)
        root, began = recording.trace(), time.monotonic()
        for number in range(100_000):
            if number % 500 == 0:
                while sender.stats().pending > 20_000:  # the queue is for bursts; this is a stream
                    time.sleep(0.01)
            recording.end(recording.tool(root))
        recording.end(root)
        report = conserved(sender.flush(300).result())
        all_stored(report, counts(), 1, 100_000)
        sender.shutdown().result()
    return f"{report.accepted / (time.monotonic() - began):.0f} events/s"


def slow(_: argparse.Namespace) -> str:
    """50 ms round trip: at least 200 events a second."""
    with Server(answer(), delay=0.05) as server:
        sender = sender_to(server.url)
        began = time.monotonic()
        for number in range(500):
            Recording(sender).whole(f"t{number}", tools=2)
        report = conserved(sender.flush(60).result())
        speed = report.accepted / (time.monotonic() - began)
        sender.shutdown().result()
    assert report.accepted == 3000
    assert speed >= 200, f"{speed:.0f} events/s"
    return f"{speed:.0f} events/s over {server.connections} connections"


def exits(_: argparse.Namespace) -> str:
    """How long programs take to end."""
    work = "for _ in range(125): work('a')\nleaving()"
    with server_process() as (url, counts):
        bare = min(finish(start("leaving()", url), 0).seconds for _ in range(3))
        healthy = min(finish(start(work, url), 0).seconds for _ in range(3)) - bare
        assert counts()[0] == 375
    refused = finish(start(work, f"http://127.0.0.1:{unused_port()}"), 0).seconds - bare
    with Server(hang) as server:
        silent = finish(start(work, server.url), 0).seconds - bare
    assert healthy <= 0.3, f"healthy: {healthy:.2f} s"
    assert refused <= 2.0, f"refused: {refused:.2f} s"
    assert silent <= 5.5, f"silent: {silent:.2f} s"
    return f"healthy {healthy:.2f} s, refused {refused:.2f} s, silent {silent:.2f} s"


FAILURES: list[Reply] = [
    reset, then_reset(b"HTTP/1.1 20"), then_reset(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), answer(500),
    answer(503), answer(502, b"<html>"), answer(429), answer(408), answer(503, retry_after="0"), answer(504, b""),
]  # fmt: skip


def chaos(options: argparse.Namespace) -> str:
    """Random programs against a server with random errors: the counts add up, the order holds, nothing is lost."""
    dice = random.Random(options.seed)
    bad = [0.0]

    def exc(_: Recorded) -> Reply | None:
        return dice.choice(FAILURES) if dice.random() < bad[0] else None

    model = Model(exc)
    began = time.monotonic()
    with Server(model) as server:
        sender = sender_to(server.url, probe_seconds=0.01, flush_interval=0.05, max_retries=30)
        recording = Recording(sender)
        spans: list[Any] = [recording.trace()]
        while time.monotonic() - began < options.seconds:
            step = dice.random()
            if step < 0.01:
                bad[0] = dice.choice([0.0, 0.05, 0.3, 1.0])
            elif step < 0.02:
                conserved(sender.flush(dice.choice([0.0, 0.1])).result())
            elif step < 0.023:
                server.stop()
                time.sleep(dice.random() / 20)
                server.start()
            elif step < 0.2:
                spans.append(recording.trace())
            elif step < 0.6:
                spans.append(recording.tool(dice.choice(spans[-50:])))
            else:
                recording.end(spans.pop(dice.randrange(len(spans))) if len(spans) > 1 else None)
            while sender.stats().pending > 20_000:
                bad[0] = 0.0
                time.sleep(0.01)
        bad[0] = 0.0
        report = conserved(sender.shutdown(60).result())
    assert (report.pending, report.dropped) == (0, {}), f"seed {options.seed}: {report}"
    assert not model.complaints, f"seed {options.seed}: {model.complaints[:3]}"
    assert all(len(bodies) == 1 for (line, _), bodies in model.bodies.items() if line.startswith("POST"))
    return f"seed {options.seed}: {report.accepted} events in {len(model.histories)} traces"


def spool(options: argparse.Namespace) -> str:
    """Programs that are killed at random moments, alone or two at a time, while the server comes and goes."""
    dice = random.Random(options.seed)
    ill = [0.0]
    model = Model(lambda _: dice.choice(FAILURES) if dice.random() < ill[0] else None)
    server = Server(model, port=unused_port())
    url, folder = f"http://127.0.0.1:{server.port}", Path(tempfile.mkdtemp()) / "spool"
    began, programs = time.monotonic(), list[tuple[str, Any]]()
    is_up = False
    while time.monotonic() - began < options.seconds:
        if dice.random() < 0.5:
            (server.stop if is_up else server.start)()
            is_up = not is_up
        ill[0] = dice.choice([0.0, 0.0, 0.1])
        names = [f"{len(programs) + number:04}" for number in range(dice.choice([1, 1, 2]))]
        running = [start_stream(url, folder, name) for name in names]
        time.sleep(dice.uniform(0.0, 1.5))
        programs += [(name, kill_stream(one)) for name, one in zip(names, running, strict=True)]
    ill[0] = 0.0
    if not is_up:
        server.start()
    sdk, report = next_process(url, folder)
    end = conserved(sdk.stats())
    sdk.shutdown()
    server.stop()
    assert (report.pending, report.dropped) == (0, {}), f"seed {options.seed}: {end}"
    assert not model.complaints, f"seed {options.seed}: {model.complaints[:3]}"
    assert all(len(bodies) == 1 for (line, _), bodies in model.bodies.items() if line.startswith("POST"))
    arrived = inputs(model)
    for name, calls in programs:
        got = [text for text in arrived if text.startswith(f"{name} ")]
        assert got == [f"{name} {number:06}" for number in range(len(got))], f"seed {options.seed}: gaps in {name}"
        check_delay(len(got), calls, 2.0)  # the machine is full of programs
    left = [path.name for path in folder.iterdir()]
    assert left == [], left
    killed, late = len(programs), end.accepted
    return f"seed {options.seed}: {killed} programs killed, {len(arrived)} calls arrived, {late} events late"


def interrupts(options: argparse.Namespace) -> str:
    """Thousands of interrupts at any bytecode, by a signal and by an exception raised into a thread."""
    lines = []
    for kind in ("signal", "thread"):
        command = [sys.executable, "-m", "tests.helpers.interrupts", str(options.seed), str(options.seconds), kind]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=options.seconds + 120)
        found = json.loads(ran.stdout)
        assert found["conserved"], f"seed {options.seed}: {found}"
        assert (found["pending"], found["left"]) == (0, 0), f"seed {options.seed}: {found}"
        assert found["flush"] < 2.0, f"seed {options.seed}: {found}"
        lines.append(f"{found['hits']} by {kind}, flush {found['flush']:.2f} s")
    return f"seed {options.seed}: {'; '.join(lines)}"


CASES: dict[str, Callable[[argparse.Namespace], str]] = {
    case.__name__: case for case in (burst, rate, slow, outage, dead, children, exits, chaos, spool, interrupts)
}

if __name__ == "__main__":
    sys.exit(main())
