"""The payloads in which no secret was found a short time ago: they are not searched again.

Programs record the same texts again and again: an answer leaves each operation around the model call, and a tool finds
the same documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from voltagent.processors.event_lines import may_be_events

STREAM: Final = b'{"result":['  # begins an output that may have a secret split over its chunks
SHORTEST: Final = 512  # bytes of a payload that is remembered: a shorter one is searched as fast again
_LONGEST: Final = 64 * 1024
_CHUNKS: Final = b'"result":['  # such an output, also with other fields before them
_MOST: Final = 32  # so that they take 2 MiB at most


class CleanPayloads:
    """The latest payload of each length in which the rules of a redactor find no secret, up to 32 of them."""

    __slots__ = ("_of_length",)

    def __init__(self) -> None:
        self._of_length: dict[int, bytes] = {}

    def __contains__(self, payload: bytes) -> bool:
        """Return whether this payload is known."""
        return self._of_length.get(len(payload)) == payload

    def without_known(self, payloads: Iterable[bytes]) -> list[bytes]:
        """Return the payloads that are not known."""
        known = self._of_length
        return [payload for payload in payloads if known.get(len(payload)) != payload]

    def add(self, payloads: Iterable[bytes]) -> None:
        """Remember payloads without a secret, other than streams.

        A secret that is split over a stream is looked for in an output only: an input without one may have it there.
        """
        known = self._of_length
        for payload in payloads:
            if SHORTEST <= len(payload) <= _LONGEST and _CHUNKS not in payload and not may_be_events(payload):
                if len(known) >= _MOST:
                    known.clear()
                known[len(payload)] = payload
