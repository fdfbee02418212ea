"""Plays a run into the real SDK, on a clock that is set by hand: what started when, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from voltagent import VoltAgentSDK
from voltagent.core import clock

__all__ = ["MS", "Step", "hand_clock", "play"]

MS = 1_000_000  # nanoseconds
Handle: TypeAlias = Any  # a trace, an agent, a tool, …: all have the same `add_…`


@dataclass
class Step:
    """One operation of a run that is played: what it is, when it starts after its parent and how long it takes (ms)."""

    kind: str
    name: str
    at: float
    took: float | None  # None: it never ends
    input: Any = None
    output: Any = None
    error: Any = None
    usage: dict[str, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


@contextmanager
def hand_clock() -> Iterator[list[int]]:
    """The library's clock, as a list of one number that is set by hand."""
    hands = [clock.nanoseconds()]
    before = clock.monotonic_ns, clock.offset_ns
    clock.monotonic_ns = lambda: hands[0]  # type: ignore[assignment]
    clock.offset_ns = lambda: 0
    try:
        yield hands
    finally:
        clock.monotonic_ns, clock.offset_ns = before


def play(
    sdk: VoltAgentSDK, hands: list[int], begin_ns: int, took: float | None, steps: list[Step], **trace: Any
) -> str:
    """Record one trace: all starts and ends in the order of their times. Returns its id."""
    ending = {name: trace.pop(name) for name in ("output", "status", "usage") if name in trace}
    hands[0] = begin_ns
    opened = sdk.trace(**trace)
    acts: list[tuple[float, int, int, Step, int]] = []
    parents: list[int] = []
    _plan(steps, 0.0, -1, acts, parents)
    handles: dict[int, Handle] = {-1: opened}
    for moment, ends, _, step, number in sorted(acts, key=lambda act: act[:3]):
        hands[0] = begin_ns + int(moment * MS)
        if ends:
            _end(handles[number], step)
        else:
            handles[number] = _start(handles[parents[number]], step)
    if took is not None:
        hands[0] = begin_ns + int(took * MS)
        opened.end(**ending)
    return str(opened.id)


def _plan(
    steps: list[Step], offset: float, parent: int, acts: list[tuple[float, int, int, Step, int]], parents: list[int]
) -> None:
    for step in steps:
        number = len(parents)
        parents.append(parent)
        start = offset + step.at
        acts.append((start, 0, number, step, number))
        if step.took is not None:
            acts.append((start + step.took, 1, -number, step, number))  # what began last ends first
        _plan(step.steps, start, number, acts, parents)


def _start(parent: Handle, step: Step) -> Handle:
    if step.kind not in ("agent", "tool", "memory", "retriever", "llm"):
        return parent.add_event(name=step.name, type=step.kind, input=step.input, **step.options)
    return getattr(parent, f"add_{step.kind}")(name=step.name, input=step.input, **step.options)


def _end(handle: Handle, step: Step) -> None:
    if step.error is not None:
        handle.error(step.error)
    elif step.usage:
        handle.success(output=step.output, usage=step.usage)
    else:
        handle.success(output=step.output)
