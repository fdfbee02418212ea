"""logfire: its own decorator and exporter."""

from __future__ import annotations

from typing import Any

import logfire

from adapters import Contestant, Place


class Adapter(Contestant):
    packages = ("logfire", "opentelemetry-sdk")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        logfire.configure(
            token="pylf_v1_us_bench",
            send_to_logfire=True,
            console=False,
            metrics=False,
            inspect_arguments=False,
            data_dir=place.folder,
            advanced=logfire.AdvancedOptions(base_url=place.url),
        )

    def decorate(self, kind: str, function: Any) -> Any:
        return logfire.instrument(function.__name__, extract_args=True, record_return=True)(function)

    def flush(self) -> None:
        logfire.force_flush()
