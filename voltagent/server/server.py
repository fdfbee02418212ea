"""The local server: a loopback address, a thread per connection, and the table of who answers what."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from voltagent.server import ingest, static, viewer_api, viewer_events
from voltagent.server.access import HEADERS
from voltagent.server.connection import Limits, serve
from voltagent.server.http1 import head_bytes
from voltagent.server.routing import Route, Stream, Table
from voltagent.storage.traces.store import Store
from voltagent.storage.traces.viewer_address import DEFAULT_PORT

ROUTES: Final[tuple[Route, ...]] = (*static.ROUTES, *viewer_api.ROUTES, *ingest.ROUTES)
STREAMS: Final[tuple[Stream, ...]] = viewer_events.STREAMS

MOST_CONNECTIONS: Final = 64
_BACKLOG: Final = 64
_SHORTAGE: Final = 0.05  # seconds to wait where the system has nothing left to give
_JOIN: Final = 2.0  # seconds to wait for the threads when closing


class Server:
    """Serves a store's contents over HTTP, on 127.0.0.1 only.

    Args:
        store: what to show, and where to put what is sent. Its file need not be there yet.
        port: 0 for any free one (default 3141).

    The port is open when this returns, and ``url`` is valid; requests are answered while :meth:`serve_forever` runs.

    Raises:
        OSError: the port is taken, or may not be used.
    """

    table = Table(ROUTES, STREAMS)
    limits = Limits

    def __init__(self, store: Store, port: int = DEFAULT_PORT) -> None:
        self.closing = threading.Event()
        self._store = store
        self._spare: list[Store] = []  # stores that no thread uses; taking and giving back are atomic
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._changing = threading.Lock()  # around the connections
        self._listener = _listener(port)
        self._woken, self._waker = socket.socketpair()
        self._accepting = threading.Lock()  # held while connections are accepted

    @property
    def address(self) -> tuple[str, int]:
        """The host and port on which it listens."""
        host, port = self._listener.getsockname()
        return host, port

    @property
    def url(self) -> str:
        """Where to find it, as ``http://127.0.0.1:3141``."""
        return f"http://127.0.0.1:{self.address[1]}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def serve_forever(self) -> None:
        """Accept connections until :meth:`close` is called, or an exception such as ``KeyboardInterrupt`` arrives."""
        with self._accepting, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.closing.is_set():
                if any(key.fileobj is self._listener for key, _ in selector.select()):
                    self._accept()

    def close(self) -> None:
        """Stop: no more connections, and those that are open end. Waits up to 2 seconds for their threads."""
        self.closing.set()
        try:
            self._waker.send(b"x")
        except OSError:
            return  # closed before
        if self._accepting.acquire(timeout=_JOIN):  # closing a socket under a selector does not wake it up
            self._accepting.release()
        self._listener.close()
        with self._changing:
            connections = dict(self._connections)
        for sock in connections.values():
            _shut(sock)
        for thread in connections:
            if thread is not threading.current_thread():
                thread.join(_JOIN)
        for store in self._spare:
            store.close()
        self._waker.close()
        self._woken.close()

    @contextmanager
    def borrowed_store(self) -> Generator[Store, None, None]:
        """Lend a store that no other thread uses meanwhile, so that a slow query delays no other."""
        try:
            store = self._spare.pop()
        except IndexError:
            store = self._store.twin()
        try:
            yield store
        finally:
            self._spare.append(store)

    def _accept(self) -> None:
        """Serve the next client on a thread of its own, or turn it away if there are too many."""
        try:
            sock, _ = self._listener.accept()
        except OSError:  # the client went away meanwhile, or there are no descriptors left
            self.closing.wait(_SHORTAGE)  # the listener stays ready, and the loop would take a whole processor
            return
        thread = threading.Thread(target=self._serve, args=(sock,), name="voltagent-ui", daemon=True)
        with self._changing:
            accepted = len(self._connections) < MOST_CONNECTIONS and not self.closing.is_set()
            if accepted:
                self._connections[thread] = sock
        if not (accepted and self._started(thread)):
            _turn_away(sock)

    def _started(self, thread: threading.Thread) -> bool:
        """Start the thread of a connection; false if the system has no more threads."""
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            with self._changing:
                del self._connections[thread]
            return False
        return True

    def _serve(self, sock: socket.socket) -> None:
        """Serve one connection on its thread."""
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(self, sock)
        finally:
            with self._changing:
                del self._connections[threading.current_thread()]
            sock.close()


def _listener(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface; 0 is any free port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "nt":  # there, SO_REUSEADDR would let another process take the port over
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)  # a client that goes away between `select` and `accept` must not stop the loop
    except OSError:
        sock.close()
        raise
    return sock


def _turn_away(sock: socket.socket) -> None:
    """Say that there are too many connections, without waiting for the client."""
    try:
        sock.setblocking(False)
        sock.send(head_bytes(503, {**HEADERS, "Content-Length": "0", "Connection": "close", "Retry-After": "1"}))
    except OSError:
        pass
    sock.close()


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is closed already
