"""A local server that takes what every contestant sends, one port for each, as cheaply as it can.

Run as a program by :mod:`benchmarks.processes`: its arguments are the names of the contestants, its first line of
output is a JSON object of their ports, and every further line answers a command line: ``count NAME`` starts counting
the marked operations that arrive at NAME, ``read NAME`` says how many different ones did, ``quit`` ends it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
import threading
import zlib

MARK = re.compile(rb"out-(\d{7})")

# What langsmith asks for before it sends; without instance flags it does not compress, so that we can count.
INFO = {
    "version": "0.99.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20 * 2**20,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1000,
        "scale_down_nempty_trigger": 4,
    },
}
# voltagent 0.1.1 validates answers: these are the fields that its models need.
HISTORY = {"id": "0b7c3bd0-6e9c-4f6d-9e55-2f2a0c1d7e11", "agent_id": "a"}
EVENT = {"id": "7f2f36c4-70b2-4d4c-9a44-0ce6f4a1c0de", "history_id": HISTORY["id"], "event_type": "tool",
         "event_name": "tool:start", "status": "completed"}  # fmt: skip


def _answer(content: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


PLAIN = _answer(b"{}")
PROTOBUF = _answer(b"", "application/x-protobuf")
INFO_ANSWER = _answer(json.dumps(INFO).encode())
HISTORY_ANSWER = _answer(json.dumps(HISTORY).encode())
EVENT_ANSWER = _answer(json.dumps(EVENT).encode())


class Counter:
    """The marked operations that one contestant has delivered."""

    def __init__(self, older: bool) -> None:
        self.older = older
        self.counting = False
        self.seen: set[bytes] = set()

    def take(self, head: bytes, body: bytes) -> None:
        if b"content-encoding: gzip" in head:
            body = gzip.decompress(body)
        elif b"content-encoding: deflate" in head:
            body = zlib.decompress(body)
        self.seen.update(MARK.findall(body))


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: only the framing of a request is looked at."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (size := self._size()) is not None:
            whole = bytes(self.buffer[:size])
            del self.buffer[:size]
            self._answer(whole)

    def _size(self) -> int | None:
        """The length of the first whole request in the buffer."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.buffer[:end]).lower()
        if b"transfer-encoding: chunked" in head:
            last = self.buffer.find(b"0\r\n\r\n", end + 4)
            return None if last < 0 else last + 5
        _, _, after = head.partition(b"content-length:")
        size = end + 4 + (int(after.split(b"\r\n", 1)[0]) if after else 0)
        return size if len(self.buffer) >= size else None

    def _answer(self, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        rest = rest.lower()
        if self.counter.counting:
            self.counter.take(rest, body)
        self.transport.write(self._reply(line, rest))  # type: ignore[attr-defined]

    def _reply(self, line: bytes, head: bytes) -> bytes:
        if self.counter.older:
            return HISTORY_ANSWER if b"/history-events" not in line else EVENT_ANSWER
        if b"/info" in line:
            return INFO_ANSWER
        return PROTOBUF if b"x-protobuf" in head else PLAIN


async def _listen(counters: dict[str, Counter]) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    ports: dict[str, int] = {}
    for name, counter in counters.items():
        server = await loop.create_server(lambda counter=counter: Connection(counter), "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    return ports


def main(names: list[str]) -> None:
    counters = {name: Counter(name == "voltagent-0.1.1") for name in names}
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    print(json.dumps(asyncio.run_coroutine_threadsafe(_listen(counters), loop).result()), flush=True)
    for line in sys.stdin:
        command, *name = line.split()
        if command == "quit":
            return
        counter = counters[name[0]]
        if command == "count":
            counter.seen.clear()
        counter.counting = command == "count"
        print(len(counter.seen), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
