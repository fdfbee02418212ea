"""``voltagent export``, as a user calls it, and the page it makes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.helpers.rich_trace import rich_events, spans
from voltagent import VoltAgentSDK
from voltagent.cli import main
from voltagent.render.html import Entry, PageLimits, page, piece
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
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] != [("style", {})]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


# ---------------------------------------------------------------------------------------------------------------- JSON


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


# ---------------------------------------------------------------------------------------------------------------- OTLP


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
    import base64

    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json.dumps(request)


# ---------------------------------------------------------------------------------------------------------------- page


def test_a_page_shows_the_tree_and_needs_nothing_else(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = exported(capsys, db, "--format", "html")
    document = Document(text)
    policies = [meta["content"] for meta in document.attributes("meta") if "http-equiv" in meta]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert {tag for tag, _ in document.elements}.isdisjoint({"script", "link", "img", "iframe", "a", "form", "object"})
    assert "url(" not in text, "no address in the style either"
    assert "//" not in "".join(str(attributes) for _, attributes in document.elements)
    rows = [attributes for tag, attributes in document.elements if (attributes.get("class") or "") == "row"]
    assert len(rows) == 11, "the trace and its operations"
    for word in ("Wo ist mein Päckchen? 📦", "Be brief.", "no such word", "235 tokens", "conversation", "c-9"):
        assert word in document.text
    assert "file is gone" in document.text, "the cause of an error"


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
    entry = Entry(
        text, None, text, text, text, 0, 10, {text: text}, {"message": text, "stack": text}, ((text, {text: [text]}),)
    )
    error = {"message": "m", "stack": "s"}
    plain = Entry("i", None, "agent", "n", "error", 0, 10, {"k": "v"}, error, (("d", {"k": ["v"]}),))
    hostile = Document(page(text, [(text, text)], [entry, entry]))
    harmless = Document(page("t", [("n", "v")], [plain, plain]))
    assert shape(hostile) == shape(harmless)
    for letter in ("\u202e", "\x00", "\x1b", "\ud800"):
        assert letter not in hostile.text


def shape(document: Document) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(attributes)) for tag, attributes in document.elements]


def test_bars_are_to_scale() -> None:
    root = Entry("r", None, "trace", "t", "running", 1_000, None)
    half = Entry("h", None, "agent", "half", "completed", 1_000, 2_000)
    late = Entry("l", "h", "tool", "late", "running", 2_500, None)
    point = Entry("p", "gone", "checkpoint", "p", "completed", 3_000, None)
    bars = [one["style"] for one in Document(page("t", [], [root, half, late, point])).attributes("i")]
    assert bars == ["left:0%;width:100%", "left:0%;width:50%", "left:75%;width:25%", "left:100%;width:0%"]
    indents = [one["style"] for one in Document(piece([root, half, late, point])).attributes("span") if "style" in one]
    assert indents == ["padding-left:0em", "padding-left:1em", "padding-left:2em", "padding-left:1em"]


def test_a_piece_is_bounded_and_says_so() -> None:
    root = Entry("r", None, "trace", "t", "completed", 0, 9, details=(("input", "x" * 500),))
    deep = [Entry(str(n), str(n - 1), "tool", f"n{n}", "completed", 0, 1) for n in range(3000)]
    document = Document(piece([root, *deep], ["not sent yet"], PageLimits(50, 100)))
    assert "2951 more are not shown" in document.text
    assert "x" * 100 + "… (500 characters)" in document.text
    assert "x" * 101 not in document.text
    assert "not sent yet" in document.text


# --------------------------------------------------------------------------------------------------------------- files


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
