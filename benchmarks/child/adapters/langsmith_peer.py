"""langsmith: its own decorator and client."""

from __future__ import annotations

import os
from typing import Any

from adapters import Contestant, Place

os.environ["LANGSMITH_TRACING"] = "true"  # read by its decorator at every call
from langsmith import Client, traceable

KINDS = {"trace": "chain", "agent": "chain"}


class Adapter(Contestant):
    packages = ("langsmith",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client = Client(api_url=place.url, api_key="lsv2_bench")

    def decorate(self, kind: str, function: Any) -> Any:
        return traceable(run_type=KINDS.get(kind, kind), client=self.client)(function)

    def flush(self) -> None:
        self.client.flush(30)
        queue = self.client.tracing_queue
        if queue is not None and queue.unfinished_tasks:  # it was seen to wait for ever
            raise TimeoutError("its queue was not empty after 30 s")
