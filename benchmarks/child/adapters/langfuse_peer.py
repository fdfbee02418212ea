"""langfuse: its own decorator and client."""

from __future__ import annotations

from typing import Any

from langfuse import Langfuse, observe

from adapters import Contestant, Place

KINDS = {"trace": "span"}


class Adapter(Contestant):
    packages = ("langfuse", "opentelemetry-sdk")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client = Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=place.url)

    def decorate(self, kind: str, function: Any) -> Any:
        return observe(as_type=KINDS.get(kind, kind))(function)

    def flush(self) -> None:
        self.client.flush()
