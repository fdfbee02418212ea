"""This library over OTLP in protobuf, as OpenTelemetry's SDK sends."""

import voltagent
from adapters import Place
from adapters.ours import WithSdk


class Adapter(WithSdk):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.sdk = voltagent.VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{place.url}/v1/traces")
