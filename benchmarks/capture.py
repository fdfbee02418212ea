"""What capture costs, as multiples of `pydantic_core.to_json` of the same value in the same run.

    python benchmarks/capture.py

Rounds are interleaved and the best of each is taken, so that a busy machine slows all alike.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from voltagent.capture.exceptions.formatting import format_failure
from voltagent.capture.snapshot import Snapshot
from voltagent.core.span import Failure
from voltagent.processors.redaction import Redactor

WORDS = "The order was placed on Monday, the customer wants to know when it will be shipped and what it will cost. " * 2


class Message(BaseModel):
    role: str
    content: str
    tokens: int = 5


def message() -> dict[str, str]:
    return {"role": "user", "content": WORDS[:180]}


VALUES: dict[str, Any] = {
    "two arguments": {"city": "Berlin", "units": "c"},
    "nested arguments": {
        "id": 5,
        "ok": True,
        "none": None,
        "tags": ["a", "b"],
        "more": {"k": [1, 2.5], "m": {"z": "y"}},
    },
    "20 messages, 4 KB": [message() for _ in range(20)],
    "600 messages, 120 KB": [message() for _ in range(600)],
    "1536 floats": [number / 7 for number in range(1536)],
    "a model": Message(role="user", content="Hello"),
    "20 models": [Message(role="user", content="Hello") for _ in range(20)],
}


def best(functions: Sequence[Callable[[], object]], rounds: int = 25) -> list[float]:
    """Microseconds per call of each function."""
    once = max(timeit.timeit(function, number=1) for function in functions)
    number = max(1, int(0.002 / once))
    found = [float("inf")] * len(functions)
    for _ in range(rounds):
        for index, function in enumerate(functions):
            found[index] = min(found[index], timeit.timeit(function, number=number) / number)
    return [seconds * 1e6 for seconds in found]


def forms_of(text: bytes) -> Iterator[bytes]:
    """Two forms of a JSON text that take turns: of each length, a redactor remembers the latest without a secret."""
    return cycle((text + b" ", text + b"\n"))


def ratios(value: Any) -> tuple[float, float, float]:
    """Microseconds of `to_json`, and as multiples of it: the snapshot, and the search for secrets in its text."""
    snapshot, redactor = Snapshot(), Redactor()
    texts = forms_of(snapshot.encode(value))
    functions = (lambda: to_json(value), lambda: snapshot.encode(value), lambda: redactor.apply(next(texts)))
    base, taken, searched = best(functions)
    return base, taken / base, searched / base


def exceptions() -> tuple[float, float]:
    """Microseconds to keep an exception (caller's side) and to write it down (sender's side)."""
    try:
        raise ValueError("no such order")
    except ValueError as exception:
        kept = exception
    failure = Failure.of(kept)
    keep, write = best([lambda: Failure.of(kept), lambda: format_failure(failure)])
    return keep, write


def main() -> None:
    print(f"{'':24}{'to_json':>12}{'snapshot':>12}{'search':>12}")
    for name, value in VALUES.items():
        base, taken, searched = ratios(value)
        print(f"{name:24}{base:>9.2f} µs{taken:>11.1f}x{searched:>11.1f}x")
    keep, write = exceptions()
    print(f"\nan exception: {keep:.1f} µs to keep, {write:.1f} µs to write down")


if __name__ == "__main__":
    main()
