"""This library with an SDK that is switched off."""

import voltagent
from adapters import Place
from adapters.ours import NoSdk


class Adapter(NoSdk):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.sdk = voltagent.VoltAgentSDK(base_url=place.url, enabled=False)
