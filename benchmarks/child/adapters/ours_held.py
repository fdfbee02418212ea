"""This library with a destination that accepts nothing until it is released: events wait in the queue."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import voltagent
from adapters import Place
from adapters.ours import WithSdk
from voltagent.exporters import ACCEPTED, Outcome


class Held:
    """An exporter that waits until it is released, and then takes all."""

    name = "held"

    def __init__(self) -> None:
        self.released = threading.Event()

    def export(self, batch: Sequence[Any], deadline: float) -> Sequence[Outcome]:
        self.released.wait()
        return [ACCEPTED] * len(batch)

    def forget(self, trace_id: int | str) -> None:
        """Nothing is kept."""

    def after_fork(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is open."""


class Adapter(WithSdk):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.exporter = Held()
        self.sdk = voltagent.VoltAgentSDK(exporter=self.exporter)

    def hold(self) -> None:
        """From now on nothing leaves the queue."""
        self.exporter.released.clear()

    def flush(self) -> None:
        self.exporter.released.set()
        super().flush()
