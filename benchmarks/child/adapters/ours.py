"""This library. One module per way of running it; they differ in the SDK that is made, if any."""

from __future__ import annotations

from typing import Any

import voltagent
from adapters import Contestant

DECORATORS = {
    "trace": voltagent.trace,
    "agent": voltagent.agent,
    "tool": voltagent.tool,
    "retriever": voltagent.retriever,
}


class NoSdk(Contestant):
    """Decorated, and no SDK was ever made."""

    burst = 20_000
    packages = ("voltagent", "wrapt", "pydantic")

    def decorate(self, kind: str, function: Any) -> Any:
        return DECORATORS[kind](function)


class WithSdk(NoSdk):
    """Decorated, with an SDK behind it."""

    burst = 1000
    packages = ("voltagent", "wrapt", "pydantic", "httpx")
    sdk: voltagent.VoltAgentSDK

    def flush(self) -> None:
        self.sdk.flush(120)

    def pending(self) -> int:
        return self.sdk.stats().pending
