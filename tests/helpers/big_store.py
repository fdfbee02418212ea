"""A store of 100 000 events: 50 000 operations with payloads of 1 KB, a fifth of them in one trace."""

from __future__ import annotations

import random
from pathlib import Path

from tests.helpers.stored import Log
from voltagent.core.span import AGENT, COMPLETED, ERROR, MEMORY, RETRIEVER, TOOL, Span
from voltagent.storage.traces.store import Store
from voltagent.tracing.recorder import Recorder

__all__ = ["LARGE_TRACE", "OPERATIONS", "fill"]

OPERATIONS = 50_000
LARGE_TRACE = 10_000  # operations of the trace that came last
_START = 1_780_000_000_000_000_000  # nanoseconds since the epoch
_DAY = 86_400 * 10**9
_KINDS = (TOOL, TOOL, TOOL, RETRIEVER, TOOL, MEMORY, TOOL, AGENT, TOOL)
_WORDS = b"lorem ipsum dolor sit amet consetetur sadipscing elitr "


class _Filler:
    """Traces of ten operations each: an agent, and under it tools, a retriever, a memory and another agent."""

    def __init__(self) -> None:
        self.log = Log()
        self.recorder = Recorder(self.log)
        self.random = random.Random(8)
        self.number = 0

    def payload(self, name: str) -> bytes:
        text = b"%08x " % self.random.getrandbits(32) + _WORDS * 20
        return b'{"%s":"%s"}' % (name.encode(), text[:1000])

    def operation(self, parent: Span, kind: str, name: str, at: int) -> Span:
        facts = b'{"model_parameters":{"model":"model-%d","temperature":0.2}}' % (self.number % 4)
        span = self.recorder.start(
            parent, kind, name, self.payload("input"), facts if kind == AGENT else b"{}",
            operation="read" if kind == MEMORY else None, tags=("slow",) if self.number % 50 == 0 else None,
        )  # fmt: skip
        span.start_ns = at
        return span

    def end(self, span: Span, taken: int) -> None:
        self.number += 1
        if span.kind == AGENT:
            usage = {"prompt_tokens": self.number % 700, "completion_tokens": self.number % 300}
            self.recorder.add(span, usage=usage)
        if self.number % 40 == 0:
            self.recorder.end(span, ERROR, b'{"message":"no such document","type":"KeyError","stack":"in line 1"}')
        else:
            self.recorder.end(span, COMPLETED, output=self.payload("output"))
        span.end_ns = span.start_ns + taken

    def trace(self, place: int, at: int, operations: int) -> None:
        root = self.recorder.start_trace(
            f"agent-{place % 7}", self.payload("input"), tags=("nightly",) if place % 3 else ("manual", "slow"),
            user_id=f"user-{place % 100}", conversation_id=f"conversation-{place % 500}",
        )  # fmt: skip
        root.start_ns = at
        agent = self.operation(root, AGENT, f"Bot {place % 20}", at + 1000)
        for number in range(operations - 1):
            kind = _KINDS[number % len(_KINDS)]
            name = f"{kind} {(place + number) % 12}"
            begun = at + 2000 + number * 1_000_000
            self.end(self.operation(agent, kind, name, begun), self.random.randrange(10_000, 5_000_000))
        self.end(agent, operations * 1_000_000)
        self.recorder.end(root, COMPLETED, output=self.payload("output"))
        root.end_ns = at + operations * 1_000_000 + 5000


def fill(path: Path, operations: int = OPERATIONS) -> Store:
    """Make the store: about ten seconds for the usual number of operations."""
    store = Store(path)
    filler = _Filler()
    traces = (operations - LARGE_TRACE) // 10
    for place in range(traces):
        filler.trace(place, _START + place * (7 * _DAY // traces), 10)
        if place % 50 == 49:
            store.append(filler.log.events)
            filler.log.events = []
    filler.trace(traces, _START + 7 * _DAY, LARGE_TRACE)
    store.append(filler.log.events)
    return store
