"""This library with the local store."""

import re
import sqlite3
from pathlib import Path

import voltagent
from adapters import Place
from adapters.ours import WithSdk

MARK = re.compile(r"out-\d{7}")


class Adapter(WithSdk):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.path = Path(place.folder) / "traces.db"
        self.sdk = voltagent.VoltAgentSDK(exporter="local", local_path=self.path)

    def delivered(self) -> int:
        connection = sqlite3.connect(self.path)
        try:
            rows = connection.execute("SELECT output FROM operations WHERE output LIKE '%out-%'")
            return len({mark for (output,) in rows for mark in MARK.findall(output)})
        finally:
            connection.close()
