"""`httpx.Client.post` in a loop: what sending one event per request costs at the very least."""

from __future__ import annotations

import httpx

from adapters import Contestant, Place

BODY = (
    b'{"id":"0b7c3bd0-6e9c-4f6d-9e55-2f2a0c1d7e11","historyId":"7f2f36c4-70b2-4d4c-9a44-0ce6f4a1c0de","type":"tool",'
    b'"name":"tool:start","startTime":"2026-01-31T12:00:00.000001+00:00","status":"running","level":"INFO",'
    b'"metadata":{"displayName":"lookup","agentId":"agent"},"input":{"city":"Istanbul","days":3}}'
)


class Adapter(Contestant):
    packages = ("httpx",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client = httpx.Client(headers={"content-type": "application/json"})

    def post(self) -> None:
        self.client.post(self.place.url + "/history-events", content=BODY).raise_for_status()
