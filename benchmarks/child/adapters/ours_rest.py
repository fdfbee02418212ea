"""This library over the REST wire, where every event is a request of its own."""

import voltagent
from adapters import Place
from adapters.ours import WithSdk


class Adapter(WithSdk):
    burst = 300
    bursts = 3

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.sdk = voltagent.VoltAgentSDK(base_url=place.url, exporter="rest")
