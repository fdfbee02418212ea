"""``voltagent export``, as a user calls it, and the page it makes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.helpers.local_server import serving
from tests.helpers.rich_trace import rich_events, spans
from tests.helpers.stored import Run
from voltagent import VoltAgentSDK
from voltagent.cli import main
from voltagent.render.page import page
from voltagent.storage.traces.store import Store


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Path]:
    store = Store(tmp_path / "traces.db")
    store.append(rich_events())
    store.close()
    return tmp_path / "traces.db"


def exported(capsys: pytest.CaptureFixture[str], db: Path, *arguments: str) -> str:
    assert main(["export", "--db", str(db), *arguments]) == 0
    return capsys.readouterr().out


class Document(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.recorded = ""  # the JSON of the traces in it
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] not in ("style", "script"):
            self.words.append(data)
        elif self.elements and self.elements[-1][1].get("id") == "recorded":
            self.recorded += data

    @property
    def traces(self) -> list[dict[str, Any]]:
        """What the page shows, as its script reads it."""
        found: list[dict[str, Any]] = json.loads(self.recorded)["traces"]
        return found

    @property
    def text(self) -> str:
        return "".join(self.words)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# JSON.


def test_json_holds_all_that_is_stored(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = json.loads(exported(capsys, db))
    assert (written["format"], written["version"]) == ("voltagent-trace", 1)
    trace, operations = written["trace"], written["operations"]
    assert (trace["agent_id"], trace["conversation_id"], trace["status"]) == ("support-v1", "c-9", "completed")
    assert trace["start"].startswith("2030-03-17T")
    assert trace["start_unix_nano"] == "1900000000000000000"
    assert trace["input"] == {"question": "Wo ist mein Päckchen? 📦"}
    assert trace["metadata"] == {"channel": "web", "environment": "test", "queue": 7}
    by_name = {one["name"]: one for one in operations}
    assert by_name["dictionary"]["error"]["code"] == 404
    assert by_name["dictionary"]["metadata"] == {"stage": "lookup"}
    assert by_name["dictionary"]["parent_id"] == by_name["Translator"]["id"]
    assert by_name["Support Agent"]["instructions"] == "Be brief."
    assert by_name["slow"]["status"] == "cancelled"
    assert len(operations) == 10


def test_the_document_of_the_form_is_whole(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text(encoding="utf-8")
    written = json.loads(exported(capsys, db))
    for name in {*written, *written["trace"], *written["operations"][0]}:
        assert f"`{name}`" in text, f"docs/terminal.md says what {name} is"


# OTLP.


@pytest.mark.parametrize("profiles", [(), ("openinference",), ("voltops", "langfuse")])
def test_otlp_is_a_request_that_a_collector_takes(
    profiles: tuple[str, ...], db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word for profile in profiles for word in ("--profile", profile)]
    text = exported(capsys, db, "--format", "otlp", *arguments)
    request = Parse(_base64_ids(json.loads(text)), ExportTraceServiceRequest())
    (resource,) = request.resource_spans
    about = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert about == {"service.name": "voltagent", "environment": "test", "deployment.environment.name": "test"}
    (scope,) = resource.scope_spans
    sent = spans(rich_events(), *(profiles or ("genai",)))
    assert {span.name for span in scope.spans} == {span["name"] for span in sent}
    assert len(scope.spans) == len(sent) == 11
    assert sum(not span.parent_span_id for span in scope.spans) == 1


def _base64_ids(request: Any) -> str:
    """As protobuf's own JSON mapping has it; OTLP writes ids as hex."""
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json.dumps(request)


# Page.


_POLICY = re.compile(
    r"default-src 'none'; script-src 'sha256-([^']+)'; style-src 'sha256-([^']+)'; img-src data:; base-uri 'none'; "
    r"form-action 'none'"
)


def test_a_page_shows_the_tree_and_needs_nothing_else(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = exported(capsys, db, "--format", "html")
    document = Document(text)
    (policy,) = [meta["content"] for meta in document.attributes("meta") if "http-equiv" in meta]
    allowed = _POLICY.fullmatch(policy or "")
    assert allowed
    script, style = (re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("script", "style"))
    for part, digest in zip((script, style), allowed.groups(), strict=True):
        assert part
        assert base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode() == digest
    assert {tag for tag, _ in document.elements}.isdisjoint({"link", "img", "iframe", "a", "form", "object"})
    assert "url(" not in text, "no address in the style either"
    assert all("src" not in attributes for attributes in document.attributes("script"))
    assert "import " not in script[1] if script else False
    (trace,) = document.traces
    assert len(trace["answer"]["operations"]) == len(trace["operations"]) == 10
    for word in ("Wo ist mein Päckchen? 📦", "Be brief.", "no such word", "c-9", "file is gone"):
        assert word in document.recorded


def test_a_page_holds_what_the_viewer_answers(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trace,) = Document(exported(capsys, db, "--format", "html")).traces
    store = Store(db)
    with serving(store) as url, httpx.Client(base_url=f"{url}/api/traces/") as client:
        answer = client.get(trace["answer"]["trace"]["id"]).json()
        assert answer.pop("more") == 0
        assert trace["answer"].pop("columns") == answer.pop("columns")
        assert trace["answer"]["trace"].pop("kind") == "trace"
        assert trace["answer"] == answer
        for id, operation in trace["operations"].items():
            assert operation == client.get(f"{answer['trace']['id']}/operations/{id}").json()
        page_of_the_viewer = client.get(f"{answer['trace']['id']}/export", params={"format": "html"})
    store.close()
    assert page_of_the_viewer.headers["content-type"] == "text/html; charset=utf-8"
    assert page_of_the_viewer.text == exported(capsys, db, "--format", "html")


def test_a_trace_without_an_end_lasts_until_it_last_did_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "running.db")
    root = run.trace("running", ended=False)
    last = run.recorder.start(root, "tool", "last", b"{}")
    run.save()
    (trace,) = Document(exported(capsys, tmp_path / "running.db", "--format", "html")).traces
    assert trace["answer"]["trace"]["last_active"] == last.start_ns // 1000
    run.store.close()


def test_several_traces_are_one_page(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VoltAgentSDK(local_path=db) as sdk:
        sdk.trace(agent_id="second").end()
    text = exported(capsys, db, "--format", "html", "--limit", "5")
    assert [one["answer"]["trace"]["agent"] for one in Document(text).traces] == ["support-v1", "second"]
    assert "<title>2 traces</title>" in text


HOSTILE = [
    "<script>document.title='x'</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "</pre></details><iframe src='javascript:alert(1)'>",
    "' style='position:fixed' onclick='alert(1)",
    "&lt;script&gt;&#60;b&#62;",
    "<!--", "]]>", "\u202egnp.exe", "\x00\x1b[31m", "{{7*7}}${7*7}", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_was_recorded_is_shown_as_text(text: str) -> None:
    def recorded(value: str) -> Any:
        trace = {"id": value, "agent": value, "name": value, "input": {value: [value]}, "error": {"message": value}}
        return {"answer": {"trace": trace, "columns": [value], "operations": [[value]]}, "operations": {value: trace}}

    hostile, harmless = Document(page(text, [recorded(text)])), Document(page("t", [recorded("t")]))
    assert shape(hostile) == shape(harmless)
    for letter in ("\u202e", "\x00", "\x1b", "\ud800"):
        assert letter not in hostile.text
    assert hostile.traces == [recorded(text)]


def shape(document: Document) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(attributes)) for tag, attributes in document.elements]


# Files.


def test_a_file_is_for_its_owner_alone_and_named_by_its_form(db: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for name, begins in (("t.html", "<!doctype html>"), ("t.json", "{\n"), ("t", "{\n")):
            target = tmp_path / name
            target.write_text("what stood there", encoding="utf-8")
            assert main(["export", "--db", str(db), "-o", str(target)]) == 0
            assert target.read_text(encoding="utf-8").startswith(begins)
            assert stat.S_IMODE(target.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert sorted(path.name for path in tmp_path.glob("*t*")) == ["t", "t.html", "t.json", "traces.db"]


def test_a_file_that_cannot_be_written_is_reported_clearly(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--db", str(db), "-o", str(tmp_path / "no" / "t.json")]) == 1
    assert "t.json cannot be written: No such file" in capsys.readouterr().err
    assert main(["export", "--db", str(db), "-o", str(tmp_path)]) == 1
    assert "cannot be written: " in capsys.readouterr().err
    assert main(["export", "zzz", "--db", str(db)]) == 1


def test_output_goes_into_a_pipe_as_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    with VoltAgentSDK(local_path=tmp_path / "t.db") as sdk:
        sdk.trace(agent_id="päckchen", input={"a": "📦"}).end()
    command = [sys.executable, "-m", "voltagent", "export", "--db", str(tmp_path / "t.db")]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert json.loads(ran.stdout.decode())["trace"]["agent_id"] == "päckchen"
