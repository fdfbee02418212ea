"""Who is measured: this library in its several ways of running, the floor, and the peers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONTESTANTS", "Contestant"]


@dataclass(frozen=True)
class Contestant:
    """One row of the table."""

    name: str
    adapter: str  # a module in child/adapters
    requirements: tuple[str, ...] = ()  # what its own virtual environment holds; none: it runs under this Python
    delivers: bool = True  # it sends somewhere
    costs: bool = True  # it stands in the tables; else it serves one measure only
    statement: str | None = None  # what a program imports to use it


CONTESTANTS = (
    Contestant("bare call", "bare", delivers=False),
    Contestant("wrapt pass-through", "passthrough", delivers=False, statement="import wrapt"),
    Contestant("floor", "floor", delivers=False),
    Contestant("floor + sender", "floor_sender"),
    Contestant(
        "ours local",
        "ours_local",
        statement="import voltagent; voltagent.VoltAgentSDK(exporter='local', local_path='traces.db')",
    ),
    Contestant(
        "ours REST", "ours_rest", statement="import voltagent; voltagent.VoltAgentSDK(base_url='http://127.0.0.1:1')"
    ),
    Contestant("ours OTLP", "ours_otlp"),
    Contestant("ours no SDK", "ours_nosdk", delivers=False, statement="import voltagent"),
    Contestant("ours off", "ours_off", delivers=False),
    Contestant("ours held", "ours_held", delivers=False, costs=False),
    Contestant("httpx loop", "httpx_loop", delivers=False, costs=False),
    Contestant(
        "OpenTelemetry",
        "otel",
        ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"),
        statement="from opentelemetry.sdk.trace.export import BatchSpanProcessor; "
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter",
    ),
    Contestant("logfire", "logfire_peer", ("logfire==5.2.0",), statement="import logfire"),
    Contestant(
        "langsmith", "langsmith_peer", ("langsmith==0.14.17",), statement="from langsmith import traceable, Client"
    ),
    Contestant("langfuse", "langfuse_peer", ("langfuse==5.0.4",), statement="from langfuse import observe, Langfuse"),
    Contestant("voltagent-0.1.1", "older", ("voltagent==0.1.1",), statement="import voltagent"),
)
