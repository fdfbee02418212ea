"""A fleet in small: processes that record send to a collector, which sends to a receiver that counts.

``python -m benchmarks.scaling`` needs rotel (``pip install rotel``, in an environment of its own: ``make scaling``).
The collector is killed and started again in the middle of the run; the processes keep what it does not take in a spool.
Every operation must arrive exactly once, and the trees that span processes must be whole. Prints what was measured.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, ClassVar

from voltagent.wire.otlp.protobuf_decode import trace_request

CHILDREN = 4  # operations in one trace, the trace itself among them
HANDED_OVER = 10  # every tenth trace goes on in another process


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


# The receiver.


class Receiver(BaseHTTPRequestHandler):
    """Notes which spans arrive, and under which parents."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[Counter[tuple[str, str]]] = Counter()
    parents: ClassVar[dict[tuple[str, str], str]] = {}
    size = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.size += len(body)
        if self.headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, 47)
        for resource_spans in trace_request(body).get("resourceSpans", ()):
            for scope in resource_spans.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    key = span["traceId"], span["spanId"]
                    Receiver.seen[key] += 1
                    Receiver.parents[key] = span.get("parentSpanId") or ""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


def receive(port: int, pipe: Any) -> None:
    """The receiver's process: reports what has arrived, on request."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send("ready")
    while pipe.recv() != "stop":
        missing = [key for key, parent in Receiver.parents.items() if parent and (key[0], parent) not in Receiver.seen]
        twice = sum(number - 1 for number in Receiver.seen.values())
        pipe.send((len(Receiver.seen), twice, len(missing), Receiver.size))


# The programs.


def program(url: str, folder: str, rate: float, seconds: float, handed: Queue[Any], results: Queue[Any]) -> None:
    """One process of the fleet: ``rate`` operations a second, some of them below those of other processes."""
    import voltagent

    sdk = voltagent.VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{url}/v1/traces", spool=folder, flush_interval=1.0)
    began, number, operations = time.monotonic(), 0, 0
    before = resource.getrusage(resource.RUSAGE_SELF)
    while time.monotonic() - began < seconds:
        parent = handed.get() if number % HANDED_OVER == 1 and not handed.empty() else None
        with sdk.trace(agent_id="worker", input={"n": number}, parent=parent) as trace:
            for child in range(CHILDREN - 1):
                trace.add_tool(name=f"tool {child}", input={"q": "x" * 100}).success(output={"a": "y" * 200})
            if number % HANDED_OVER == 0:
                handed.put(voltagent.inject({}))
        number += 1
        operations += CHILDREN
        time.sleep(max(0.0, began + operations / rate - time.monotonic()))
    took = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    report = sdk.shutdown()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    results.put((operations, dict(report.dropped), report.pending, spent, took))


# The run.


def collector(binary: str, port: int, receiver: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start rotel on a port, and wait until it answers."""
    arguments = [
        binary, "start", "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint",
        f"127.0.0.1:{free_port()}", "--exporter", "otlp", "--otlp-exporter-protocol", "http",
        "--otlp-exporter-endpoint", f"http://127.0.0.1:{receiver}", "--pid-file", str(folder / "pid"),
        "--log-file", str(folder / "log"),
    ]  # fmt: skip
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit("rotel does not answer")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--rate", type=float, default=200.0, help="operations per second and process")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--away", type=float, default=5.0, help="seconds for which the collector is gone")
    parser.add_argument("--rotel", default=os.environ.get("ROTEL", "rotel-agent"), help="the binary of the collector")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    receiver_port, port = free_port(), free_port()
    receiver = context.Process(target=receive, args=(receiver_port, theirs), daemon=True)
    receiver.start()
    ours.recv()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        agent = collector(options.rotel, port, receiver_port, folder)
        handed: Queue[Any] = context.Queue()
        results: Queue[Any] = context.Queue()
        work = (f"http://127.0.0.1:{port}", str(folder / "spool"), options.rate, options.seconds, handed, results)
        programs = [context.Process(target=program, args=work) for _ in range(options.processes)]
        for each in programs:
            each.start()
        time.sleep(options.seconds / 2)
        agent.send_signal(signal.SIGTERM)  # it sends what it has accepted, and ends
        agent.wait(30)
        time.sleep(options.away)
        agent = collector(options.rotel, port, receiver_port, folder)
        found = [results.get(timeout=options.seconds + 120) for _ in programs]
        for each in programs:
            each.join(30)
        expected = sum(one[0] for one in found)
        left = sum(one[2] for one in found)
        if left:  # a last program sends what the others left in the spool
            import voltagent

            sdk = voltagent.VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{work[0]}/v1/traces", spool=work[1])
            sdk.flush(60)
            sdk.shutdown()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ours.send("count")
            arrived, twice, orphans, size = ours.recv()
            if arrived >= expected:
                break
            time.sleep(0.2)
        agent.terminate()
        agent.wait(30)
    ours.send("stop")
    receiver.join(5)
    seconds = sum(one[4] for one in found) / len(found)
    spent = sum(one[3] for one in found)
    figures = {
        "processes": options.processes,
        "operations": expected,
        "operations per second": round(expected / seconds),
        "arrived": arrived,
        "twice": twice,
        "without their parent": orphans,
        "dropped": dict(sum((Counter(one[1]) for one in found), Counter())),
        "in the spool at the end of a program": left,
        "bytes per operation, from the collector, compressed": round(size / max(1, arrived)),
        "processor seconds per 1,000 operations": round(1000 * spent / max(1, expected), 3),
    }
    print(json.dumps(figures, indent=2))
    return 0 if (arrived, twice, orphans) == (expected, 0, 0) else 1


if __name__ == "__main__":
    sys.exit(main())
