"""Beside the real OpenTelemetry SDK: whose span is whose parent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Tracer, get_current_span

import voltagent
from tests.helpers.sink import recording
from voltagent import tool, trace
from voltagent.core.trace_ids import context_of
from voltagent.tracing import opentelemetry as _beside


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    yield provider.get_tracer("test")
    provider.shutdown()


def test_a_trace_continues_its_current_span(tracer: Tracer) -> None:
    @tool
    def work() -> None: ...

    with recording() as (_, sink):
        with tracer.start_as_current_span("theirs") as theirs:
            work()
        work()
    first, second = (span for span in sink.spans if span.parent is None)
    context = theirs.get_span_context()
    assert first.trace.remote is not None
    assert (first.trace.remote.trace_id, first.trace.remote.span_id) == (
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
    )
    assert second.trace.remote is None


def test_what_it_does_not_sample_is_left_out() -> None:
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
    with recording() as (_, sink), tracer.start_as_current_span("theirs"):
        trace(lambda: None)()
    assert sink.events == []


def test_opted_in_its_spans_nest_under_ours_and_not_otherwise(tracer: Tracer, exported: InMemorySpanExporter) -> None:
    @tool
    def inner() -> None:
        with tracer.start_as_current_span("in inner"), tracer.start_as_current_span("deep"):
            pass

    @tool
    def outer() -> None:
        with tracer.start_as_current_span("in outer"):
            inner()

    with recording() as (recorder, sink):
        _beside.show_ours(recorder)
        outer()
        assert not get_current_span().get_span_context().is_valid
    with recording():
        outer()
    spans = exported.get_finished_spans()
    found = {span.name: span for span in spans[:3]}
    for name, ours in (("in inner", "inner"), ("in outer", "outer")):
        context = context_of(next(span for span in sink.operations if span.name == ours))
        parent = found[name].parent
        assert parent is not None
        assert (f"{parent.trace_id:032x}", f"{parent.span_id:016x}") == (context.trace_id, context.span_id)
    inner_context = found["in inner"].context
    assert inner_context is not None
    assert found["deep"].parent is not None
    assert found["deep"].parent.span_id == inner_context.span_id
    assert {span.name for span in spans[3:] if span.parent is None} == {"in outer"}


def test_the_sdk_opts_in_and_out_again(tmp_path: Path) -> None:
    with voltagent.VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db", otel_context=True) as sdk:
        with sdk.trace(agent_id="a") as ours:
            seen = get_current_span().get_span_context()
            assert f"{seen.trace_id:032x}" == ours.trace_id.replace("-", "")
            assert seen.trace_flags.sampled
        assert not get_current_span().get_span_context().is_valid
    with pytest.raises(voltagent.ValidationError, match="otel_context must be True or False"):
        voltagent.VoltAgentSDK(exporter="none", otel_context="yes")  # type: ignore[arg-type]


def test_it_is_not_imported_by_us() -> None:
    here = [str(Path(voltagent.__file__).parents[1]), *(path for path in sys.path if path.endswith("site-packages"))]
    code = (
        f"import sys; sys.path[:0] = {here!r}; import voltagent\n"
        "with voltagent.VoltAgentSDK(exporter='none', otel_context=True) as sdk, sdk.trace(agent_id='a'): pass\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
