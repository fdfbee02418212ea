"""What receivers that others wrote have of a decorated program: MLflow, Arize Phoenix and Elastic's mock OTLP server.

They are heavy, so they run where ``VOLTAGENT_WITNESSES`` is set. It names those that must run, as in
``elastic,mlflow``; with ``1`` those run that can be installed. Both install them under ``.witnesses``, by pip and npm:
once, some seconds for Elastic's and some minutes for the others. Anything else is a folder that has them: ``mlflow``
and ``phoenix`` are virtual environments, ``elastic`` has a ``node_modules``.

The settings are those that the pages in ``docs/backends`` show, with another port.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.backends import settings_shown
from tests.helpers.server import unused_port
from tests.helpers.witnessed import FAILED, OPERATIONS, run
from voltagent import VoltAgentSDK
from voltagent.core import clock

WANTED = os.environ.get("VOLTAGENT_WITNESSES", "")
NAMED = frozenset(WANTED.split(",")) if set(WANTED.split(",")) <= {"elastic", "mlflow", "phoenix"} else frozenset[str]()
FOLDER = (Path(__file__).parents[2] / ".witnesses") if NAMED or WANTED == "1" else Path(WANTED)
pytestmark = [
    pytest.mark.skipif(not WANTED, reason="VOLTAGENT_WITNESSES is not set: no receivers of others are tried"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
START_SECONDS = 90
ENVIRONMENT = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}


# Installing, starting.


def command(line: list[str], **options: Any) -> str:
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=900, **options).stdout


def folder_of(name: str) -> Path:
    """The folder of a receiver; skips the test if only others are requested."""
    if NAMED and name not in NAMED:
        pytest.skip(f"{name} is not requested")
    return FOLDER / name


def missing(why: str) -> None:
    """A receiver that was named must be there; any other may be missing."""
    (pytest.fail if NAMED else pytest.skip)(why)


def virtual_environment(name: str, package: str) -> Path:
    """The ``bin`` folder of a virtual environment with the package."""
    folder = folder_of(name)
    if not (folder / "bin" / name).exists():
        try:
            command([sys.executable, "-m", "venv", str(folder)])
            command([str(folder / "bin" / "pip"), "install", "-q", package])
        except (OSError, subprocess.SubprocessError) as exc:
            missing(f"{package} cannot be installed here: {exc}")
    return folder / "bin"


@contextmanager
def process(line: list[str], folder: Path, ready: Callable[[], object], **environment: str) -> Iterator[Path]:
    """A program in a folder of its own, from the moment it answers; its output is in the file this gives."""
    log = folder / "log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            line, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env={**ENVIRONMENT, **environment}
        )
        try:
            wait_for(ready, log, started)
            yield log
        finally:
            started.terminate()
            started.wait(30)


def wait_for(ready: Callable[[], object], log: Path, started: subprocess.Popen[bytes] | None = None) -> Any:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and (started is None or started.poll() is None):
        try:
            found = ready()
        except (httpx.HTTPError, OSError):
            found = None
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"it did not come: {log.read_text(errors='replace')[-2000:]}")


def answers(url: str) -> Callable[[], bool]:
    return lambda: httpx.get(url, timeout=2).status_code == 200


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, int, int]]:
    """Runs the program with what a page shows first, and variables over that."""

    def go(page: str, instead: dict[str, str], **variables: str) -> tuple[str, int, int]:
        for name, value in {**settings_shown(page, **instead)[0], **variables}.items():
            monkeypatch.setenv(name, value)
        return run_as_set()

    return go


def run_as_set() -> tuple[str, int, int]:
    """Run the program as the environment says; the trace's 32 digits, and between which times it ran."""
    before = clock.nanoseconds()
    with VoltAgentSDK() as sdk:
        digits = run(sdk).replace("-", "")
    report = sdk.stats()
    assert (report.pending, dict(report.dropped)) == (0, {})
    assert report.recorded == report.accepted == 2 * len(OPERATIONS)
    return digits, before, clock.nanoseconds()


def check(spans: dict[str, dict[str, Any]], before: int, after: int, names: dict[str, str] | None = None) -> None:
    """Compare what was read back: name -> id, parent (an id), ok, message, start, end (ns), input, output."""
    names = names or {name: name for name in OPERATIONS}
    assert sorted(spans) == sorted(names.values())
    for operation, (parent, given, returned) in OPERATIONS.items():
        span = spans[names[operation]]
        assert span["parent"] == (spans[names[parent]]["id"] if parent else None), operation
        assert span["ok"] == (operation not in FAILED), operation
        assert span["message"] == FAILED.get(operation, ""), operation
        assert (span["input"], result_text(span["output"])) == (given, result_text(returned)), operation
        assert before <= span["start"] <= span["end"] <= after, operation
        if parent:
            above = spans[names[parent]]
            assert above["start"] <= span["start"], operation
            assert span["end"] <= above["end"], operation


def result_text(output: Any) -> Any:
    """The text of a function's result that was one, else the output: most profiles send texts as such."""
    return output["result"] if isinstance(output, dict) and isinstance(output.get("result"), str) else output


# MLflow.

READ_MLFLOW = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
(trace,) = [t for t in mlflow.MlflowClient().search_traces(locations=["0"]) if sys.argv[2] in t.info.trace_id]
about = trace.info.trace_metadata
print(json.dumps({"state": str(trace.info.state), "tokens": trace.info.token_usage,
    "user": about.get("mlflow.trace.user"), "session": about.get("mlflow.trace.session"),
    "request": trace.info.request_preview,
    "response": trace.info.response_preview, "spans": [
    {"name": s.name, "id": s.span_id, "parent": s.parent_id, "kind": s.span_type, "start": s.start_time_ns,
     "end": s.end_time_ns, "ok": s.status.status_code.value == "OK", "message": s.status.description,
     "input": s.inputs, "output": s.outputs, "events": [e.name for e in s.events]} for s in trace.data.spans]}))
"""


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    programs = virtual_environment("mlflow", "mlflow")
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    line = [str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--backend-store-uri", "sqlite:///m.db", "--artifacts-destination", "./art"]  # fmt: skip
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with process(line, tmp_path_factory.mktemp("mlflow"), answers(f"{url}/health"), **quiet):
        yield url, programs


Sent = Callable[..., tuple[str, int, int]]
SHOWN = "http://localhost:5000"


def read_mlflow(mlflow: tuple[str, Path], trace: str) -> dict[str, Any]:
    url, programs = mlflow
    found: dict[str, Any] = json.loads(
        command([str(programs / "python"), "-c", READ_MLFLOW, url, trace], env=ENVIRONMENT)
    )
    found["spans"] = {span["name"]: span for span in found["spans"]}
    return found


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_mlflow_has_the_tree_in_the_words_of_openinference(mlflow: tuple[str, Path], sent: Sent, protocol: str) -> None:
    trace, before, after = sent("mlflow", {SHOWN: mlflow[0]}, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    found = read_mlflow(mlflow, trace)
    assert found["state"].endswith("OK")
    assert found["tokens"] == {"input_tokens": 150, "output_tokens": 85, "total_tokens": 235}, "counted once"
    assert (found["user"], found["session"]) == ("u-1", "c-9")
    assert json.loads(found["request"]) == OPERATIONS["shop"][1]
    assert json.loads(found["response"]) == OPERATIONS["shop"][2]
    check(found["spans"], before, after)
    assert {name: span["kind"] for name, span in found["spans"].items()} == {
        "shop": "CHAIN", "Support": "AGENT", "Translator": "AGENT", "kb-search": "RETRIEVER", "profile": "CHAIN",
        "tracking": "TOOL", "refund": "TOOL"}  # fmt: skip
    assert {name: span["events"] for name, span in found["spans"].items() if span["events"]} == {
        "refund": ["exception"]
    }


def test_mlflow_has_the_tree_in_the_words_of_voltops(mlflow: tuple[str, Path], sent: Sent) -> None:
    trace, before, after = sent("mlflow", {SHOWN: mlflow[0]}, VOLTAGENT_PROFILES="voltops")
    names = {"shop": "shop", "Support": "subagent:Support", "Translator": "subagent:Translator",
             "kb-search": "retriever.search", "profile": "memory.read", "tracking": "tool.execution:tracking",
             "refund": "tool.execution:refund"}  # fmt: skip
    found = read_mlflow(mlflow, trace)
    check(found["spans"], before, after, names)
    assert (found["user"], found["session"]) == ("u-1", None), "it does not know the name of the conversation"


def test_mlflow_has_the_tree_in_the_words_of_langfuse(mlflow: tuple[str, Path], sent: Sent) -> None:
    trace, before, after = sent("mlflow", {SHOWN: mlflow[0]}, VOLTAGENT_PROFILES="langfuse")
    found = read_mlflow(mlflow, trace)
    check(found["spans"], before, after)
    assert (found["user"], found["session"]) == ("u-1", "c-9")
    kinds = {name: span["kind"] for name, span in found["spans"].items() if name != "profile"}
    assert kinds == {"shop": "CHAIN", "Support": "AGENT", "Translator": "AGENT", "kb-search": "RETRIEVER",
                     "tracking": "TOOL", "refund": "TOOL"}  # fmt: skip


# Phoenix.


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = virtual_environment("phoenix", "arize-phoenix")
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    own = {"PHOENIX_TELEMETRY_ENABLED": "false", "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
           "PHOENIX_GRPC_PORT": str(unused_port()), "PHOENIX_WORKING_DIR": "."}  # fmt: skip
    line = [str(programs / "phoenix"), "serve"]
    with process(line, tmp_path_factory.mktemp("phoenix"), answers(f"{url}/healthz"), **own):
        yield url


def nanoseconds(text: str) -> int:
    found = clock.parse_iso(text)
    assert found is not None
    return found


def phoenix_output(attributes: dict[str, Any]) -> Any:
    text = attributes.get("output.value", "null")
    return text if attributes.get("output.mime_type") == "text/plain" else json.loads(text)


def test_phoenix_has_the_tree_in_the_words_of_openinference(phoenix: str, tmp_path: Path, sent: Sent) -> None:
    trace, before, after = sent("phoenix", {"http://localhost:6006": phoenix, "my-project": "witnessed"})

    def stored() -> Any:
        answer = httpx.get(f"{phoenix}/v1/projects/witnessed/spans")
        return answer.status_code == 200 and len(answer.json()["data"]) == len(OPERATIONS) and answer.json()["data"]

    data = wait_for(stored, tmp_path / "no log")
    assert {span["context"]["trace_id"] for span in data} == {trace}
    spans = {
        span["name"]: {
            "id": span["context"]["span_id"],
            "parent": span["parent_id"],
            "ok": span["status_code"] == "OK",
            "message": span["status_message"],
            "start": nanoseconds(span["start_time"]),
            "end": nanoseconds(span["end_time"]),
            "input": json.loads(span["attributes"]["input.value"]),
            "output": phoenix_output(span["attributes"]),
        }
        for span in data
    }
    check(spans, before // 1000 * 1000, after)  # it keeps microseconds
    by_name = {span["name"]: span for span in data}
    assert {name: span["span_kind"] for name, span in by_name.items()} == {
        "shop": "CHAIN", "Support": "AGENT", "Translator": "AGENT", "kb-search": "RETRIEVER", "profile": "CHAIN",
        "tracking": "TOOL", "refund": "TOOL"}  # fmt: skip
    assert by_name["Support"]["attributes"]["llm.token_count.total"] == 235
    assert by_name["shop"]["attributes"]["tag.tags"] == ["vip"]
    assert by_name["shop"]["attributes"]["session.id"] == "c-9"
    assert by_name["kb-search"]["attributes"]["retrieval.documents.1.document.id"] == "d1"
    (event,) = by_name["refund"]["events"]
    assert event["attributes"]["exception.type"] == "PermissionError"
    assert "raise PermissionError" in event["attributes"]["exception.stacktrace"]


def test_phoenix_refuses_json_and_we_say_so(phoenix: str) -> None:
    with VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{phoenix}/v1/traces", otlp_protocol="http/json") as sdk:
        run(sdk)
    assert sdk.stats().dropped == {"rejected": 2 * len(OPERATIONS)}, "starts and ends"


# Elastic's mock OTLP server.

MOCK_SERVER = """
const {MockOtlpServer, normalizeTrace} = require('@elastic/mockotlpserver');
const server = new MockOtlpServer({
    logLevel: 'fatal', services: ['http'], httpHostname: '127.0.0.1', httpPort: 0,
    onTrace: (trace) => console.log('TRACE ' + JSON.stringify(normalizeTrace(trace))),
});
server.start().then(() => console.log('URL ' + server.httpUrl));
"""


@pytest.fixture(scope="module")
def elastic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = folder_of("elastic")
    node, npm = shutil.which("node") or "", shutil.which("npm") or ""
    if not (node and npm):
        missing("node and npm are not here: Elastic's mock server cannot be started")
    if not (folder / "node_modules" / "@elastic" / "mockotlpserver").exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            command([npm, "install", "--ignore-scripts", "--prefix", str(folder), "@elastic/mockotlpserver@0.10"])
        except (OSError, subprocess.SubprocessError) as exc:
            missing(f"Elastic's mock server cannot be installed here: {exc}")
    here = tmp_path_factory.mktemp("elastic")
    modules = {"NODE_PATH": str((folder / "node_modules").absolute())}
    with process([node, "-e", MOCK_SERVER], here, lambda: "URL " in (here / "log").read_text(), **modules) as log:
        yield log.read_text().partition("URL ")[2].split()[0].rstrip("/"), log


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_elastic_prints_the_tree_in_the_words_of_genai(elastic: tuple[str, Path], protocol: str, sent: Sent) -> None:
    url, log = elastic
    # it stands in for Phoenix, with the settings for that; but it does not unpack gzip
    options = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
               "OTEL_SERVICE_NAME": "shop"}  # fmt: skip
    trace, before, after = sent("phoenix", {"http://localhost:6006": url}, VOLTAGENT_PROFILES="genai", **options)

    def printed() -> Any:
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("TRACE ")]
        return next((json.loads(line[6:]) for line in lines if trace in line and line.endswith("}")), None)

    (resource_spans,) = wait_for(printed, log)["resourceSpans"]
    resource = resource_spans["resource"]["attributes"]
    assert (resource["service.name"], resource["telemetry.sdk.language"]) == ("shop", "python")
    (scope_spans,) = resource_spans["scopeSpans"]
    assert scope_spans["scope"]["name"] == "voltagent"
    spans = {span["name"]: elastic_span(span) for span in scope_spans["spans"]}
    names = {"shop": "invoke_workflow shop", "Support": "invoke_agent Support",
             "Translator": "invoke_agent Translator", "kb-search": "retrieval kb-search",
             "profile": "search_memory profile", "tracking": "execute_tool tracking",
             "refund": "execute_tool refund"}  # fmt: skip
    check(spans, before, after, names)


def elastic_span(span: dict[str, Any]) -> dict[str, Any]:
    given = span["attributes"]

    def decoded(*attributes: str) -> Any:
        return next((json.loads(given[name]) for name in attributes if name in given), None)

    def message(value: Any) -> Any:
        return json.loads(value[0]["parts"][0]["content"]) if value else None

    documents = decoded("gen_ai.retrieval.documents")
    return {
        "id": span["spanId"],
        "parent": span.get("parentSpanId") or None,
        "ok": span["status"]["code"] in (1, "STATUS_CODE_OK"),
        "message": span["status"].get("message") or "",
        "start": int(span["startTimeUnixNano"]),
        "end": int(span["endTimeUnixNano"]),
        "input": message(decoded("gen_ai.input.messages")) or decoded("gen_ai.tool.call.arguments", "voltagent.input"),
        "output": message(decoded("gen_ai.output.messages"))
        or decoded("gen_ai.tool.call.result")
        or ({"result": documents} if documents else None),
    }
