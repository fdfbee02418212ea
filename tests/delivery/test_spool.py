"""The spool within one process: overflow, bounds, damage, both wires, and what goes over the wire afterwards."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.bytecode_steps import BetweenSignals
from tests.helpers.memory import Memory, Recording, conserved, on_disk_only, waiting
from tests.helpers.model import Model
from tests.helpers.pace import PATIENCE, until
from tests.helpers.server import Recorded, Reply, Server, answer, hang, unused_port
from tests.helpers.spools import events_in
from voltagent import ValidationError, VoltAgentSDK, settings
from voltagent.cli.doctor.finding import Finding
from voltagent.cli.doctor.spool import look
from voltagent.core.span import AGENT, COMPLETED, TOOL, TRACE, Phase, Remote, Span, SpanEvent, TraceInfo
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender, Workers
from voltagent.exporters import ACCEPTED, Exporter, Outcome, Verdict
from voltagent.exporters.otlp import OtlpExporter
from voltagent.exporters.rest import RestExporter
from voltagent.storage.spool.destination import Destination
from voltagent.storage.spool.spool import Spool

PROBE_SECONDS = 0.02  # between two tries to reach a destination that is away


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def port() -> int:
    return unused_port()


def make(exporter: Exporter, folder: Path, max_bytes: int = 256 * 2**20, **options: Any) -> Sender:
    """A sender with a spool, that waits only milliseconds where the real one waits seconds."""
    spool = Spool(folder, Destination.of("rest", "http://here", "http://here", "pk"), max_bytes=max_bytes)
    given = {"flush_interval": 0.05, "timeout": PATIENCE, "retry_delay": 0.001, **options}
    sender = Sender([exporter], spools=[spool], **given)
    for worker in sender.workers:
        worker.dispatcher.options = replace(worker.dispatcher.options, probe_seconds=PROBE_SECONDS)
    return sender


def rest(port: int) -> RestExporter:
    return RestExporter(f"http://127.0.0.1:{port}", "pk", "sk")


def fill(folder: Path, port: int, traces: int, payload: bytes = b"{}", **options: Any) -> Report:
    """Record for a destination that is down, and end."""
    sender = make(rest(port), folder, **options)
    recording = Recording(sender)
    for number in range(traces):
        root = recording.trace(f"t{number}", payload)
        recording.end(recording.tool(root, f"t{number}.0"))
        recording.end(root)
    return conserved(sender.shutdown().result())


def empty(sender: Sender) -> Report:
    """Send what waits, and end: an end alone gives up after some seconds without an answer, on a busy machine, too."""
    sender.flush().result()
    return conserved(sender.shutdown().result())


@contextmanager
def model_server(port: int, exc: Any = None) -> Iterator[Model]:
    model = Model(exc)
    with Server(model, port=port):
        yield model


# Overflow.


def test_more_than_memory_holds_waits_on_the_disk_and_arrives_in_order(folder: Path, port: int) -> None:
    sender = make(rest(port), folder, queue_events=400)
    recording = Recording(sender)
    open_roots = [recording.trace(f"open {number}") for number in range(10)]
    for number in range(500):
        recording.whole(f"t{number}")
        if number % 20 == 0:
            until(lambda: not waiting(sender))
    until(lambda: not waiting(sender))
    worker: Any = sender.workers[0]
    assert worker.buffer.count <= 400
    assert on_disk_only(sender) > 1000
    assert conserved(sender.stats()).pending == 2010
    for root in open_roots:
        recording.end(recording.tool(root))
        recording.end(root)
    with model_server(port) as model:
        report = conserved(sender.flush().result())
        assert (report.accepted, report.pending, report.dropped) == (2040, 0, {})
        model.check(510)
        sender.shutdown(5).result()
    assert list(folder.iterdir()) == []


def test_full_the_oldest_traces_that_were_not_sent_go_first(folder: Path, port: int) -> None:
    limit, began = 4 * 2**20, time.monotonic()
    sender = make(rest(port), folder, limit, queue_events=2000)
    recording = Recording(sender)
    for number in range(400):
        root = recording.trace(f"t{number:03}", b'{"x":"%s"}' % (b"x" * 20_000))
        recording.end(root)
        if number % 20 == 0:
            until(lambda: not waiting(sender))
    until(lambda: not waiting(sender))
    # 4 MiB hold fewer than 110 traces, with 20 kB in the start of each and again in its end; others are on their way
    until(lambda: 100 < conserved(sender.stats()).pending < 220)
    assert set(sender.stats().dropped) == {"queue_full"}
    size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".db")
    assert size <= limit
    tries = 2 + (time.monotonic() - began) / PROBE_SECONDS
    with model_server(port) as model:
        report = conserved(sender.flush().result())
        assert report.pending == 0
        assert report.accepted == 2 * len(model.histories)
        names = {create["agent_id"] for create in model.histories.values()}
        newest = 0
        while f"t{399 - newest:03}" in names:
            newest += 1
        # what may have got through is not dropped: one trace for each time that the destination was tried
        assert newest > 50
        assert len(names) - newest <= tries
        sender.shutdown(5).result()


def test_a_trace_that_was_begun_is_not_dropped_for_new_ones(folder: Path, port: int) -> None:
    sender = make(rest(port), folder, 3 * 2**20)
    recording = Recording(sender)
    with model_server(port) as model:
        root = recording.trace("begun")
        sender.flush().result()
        assert len(model.histories) == 1
    for number in range(300):
        recording.end(recording.trace(f"t{number}", b'{"x":"%s"}' % (b"x" * 20_000)))
        if number % 20 == 0:
            until(lambda: not waiting(sender))
    recording.end(root)
    with Server(model, port=port):
        report = empty(sender)
    assert report.dropped["queue_full"] > 0
    assert model.histories[model.ended[0]]["agent_id"] == "begun" or "begun" in {
        model.histories[one]["agent_id"] for one in model.ended
    }


def test_what_is_recorded_while_a_request_hangs_is_written_all_the_same(folder: Path) -> None:
    with Server(hang) as server:
        sender = make(rest(server.port), folder)
        recording = Recording(sender)
        recording.whole("first")
        server.wait_for(1)
        for number in range(10):
            recording.whole(f"later {number}")
        until(lambda: events_in(folder) == 44)
        assert conserved(sender.stats()).pending == 44
        sender.shutdown(0.5).result()


# Damage.


@pytest.mark.parametrize("seed", range(12))
def test_damage_costs_what_was_hit_and_is_counted(folder: Path, port: int, seed: int) -> None:
    dice = random.Random(seed)
    assert fill(folder, port, 200, b'{"x":"%s"}' % (b"x" * 300)).pending == 800
    (path,) = folder.glob("*.db")
    content = bytearray(path.read_bytes())
    if seed % 3 == 0:
        del content[dice.randrange(100, len(content)) :]
    elif seed % 3 == 1:
        for _ in range(dice.randrange(1, 30)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    else:
        at = dice.randrange(len(content) - 4096)
        content[at : at + 4096] = dice.randbytes(4096)
    path.write_bytes(content)
    with model_server(port) as model:
        sender = make(rest(port), folder)
        report = conserved(sender.flush().result())
        Recording(sender).whole("new")
        end = empty(sender)
    assert report.pending == end.pending == 0
    assert end.accepted == report.accepted + 4
    lost = 800 - report.accepted
    assert set(report.dropped) <= {"serialize_error", "rejected", "retries_exhausted"}
    assert lost <= 0 or report.dropped.get("serialize_error", 0) > 0
    for event in model.events.values():
        assert event["event_name"] in ("tool:start", "tool:success")
    for create in model.histories.values():
        assert create["input"] == {"x": "x" * 300} or create["agent_id"] == "new", "whole or not at all"


def files_with_a_log(folder: Path, port: int) -> dict[str, bytes]:
    """What is in the folder while a program runs of which 200 events wait; then the folder is empty."""
    sender = make(rest(port), folder)
    recording = Recording(sender)
    for number in range(50):
        recording.whole(f"t{number}")
        until(lambda: not waiting(sender))
    (lock,) = folder.glob("*.db.lock")
    until(lambda: int(lock.read_bytes()) == 200)  # the last that is written
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    sender.shutdown(1).result()
    for leftover in folder.iterdir():
        leftover.unlink()
    return files


def test_a_torn_log_costs_only_its_end_also_where_no_process_noted_how_much_there_was(folder: Path, port: int) -> None:
    files = files_with_a_log(folder, port)
    (name,) = (name for name in files if name.endswith(".db"))
    log = files[f"{name}-wal"]
    (folder / name).write_bytes(files[name])  # as a power cut would have left it
    (folder / f"{name}-wal").write_bytes(log[: len(log) * 2 // 3])
    with model_server(port) as model:
        report = empty(make(rest(port), folder))
    assert report.pending == 0
    assert 0 < report.accepted < 200
    assert model.complaints == []


def test_a_file_that_is_not_a_spool_is_renamed(folder: Path, port: int) -> None:
    fill(folder, port, 3)
    (path,) = folder.glob("*.db")
    path.write_bytes(b"this is no database" * 1000)
    sender = make(rest(port), folder)
    report = conserved(sender.flush().result())
    assert report.dropped == {"serialize_error": 12}
    sender.shutdown(1).result()
    assert [one.name for one in folder.iterdir()] == [f"{path.name}.corrupt"]


def test_a_folder_that_is_deleted_meanwhile(folder: Path, port: int) -> None:
    sender = make(rest(port), folder)
    recording = Recording(sender)
    recording.whole("before")
    until(lambda: events_in(folder) == 4)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    recording.whole("after")
    until(lambda: not waiting(sender))
    with model_server(port) as model:
        assert empty(sender).accepted == 8
        model.check(2)


# Wires.


class Renaming(Model):
    """A server that chooses ids of its own."""

    def _create(self, known: dict[str, dict[str, Any]], body: dict[str, Any], name: str) -> bytes:
        known[f"server-{body['id']}"] = body
        self.order.append(name)
        return answer(201, {"id": f"server-{body['id']}"})


def test_ids_that_the_server_chose_are_known_to_the_next_process(folder: Path, port: int) -> None:
    model = Renaming()
    sender = make(rest(port), folder)
    recording = Recording(sender)
    with Server(model, port=port):
        root = recording.trace("t")
        tool = recording.tool(root)
        sender.flush().result()
    recording.end(tool)
    recording.end(root)
    assert sender.shutdown(1).result().pending == 2
    with Server(model, port=port):
        assert empty(make(rest(port), folder)).accepted == 2
    assert model.complaints == []
    assert model.order == ["trace", "tool:start", "tool:success", "end of trace"]


def spans_of(server: Server) -> list[dict[str, Any]]:
    return [
        span
        for request in server.requests
        for scope in request.json["resourceSpans"][0]["scopeSpans"]
        for span in scope["spans"]
    ]


def otlp(port: int) -> OtlpExporter:
    return OtlpExporter(f"http://127.0.0.1:{port}/v1/traces", protocol="http/json", profiles=("voltops",), timeout=5.0)


def record_something(sender: Sender, take: Callable[[], object]) -> None:
    """A trace with updates that were taken before the end came; the same at every call."""
    trace = TraceInfo(7, "t", None)
    trace.remote = Remote("a" * 32, "b" * 16, state="x=y")
    root = Span(trace, None, TRACE, "t", b'{"q":"caf\xc3\xa9"}', identifier=7, tags=("one", "two"))
    agent = Span(trace, root, AGENT, "agent", b"{}", b'{"k":"v"}', identifier=8, facts={"instructions": "be kind"})
    tool = Span(trace, agent, TOOL, "tööl", b'{"n":1.50}', identifier="my own id")
    point = Span(trace, agent, "custom", "point", None, identifier=9, facts={"parent_event_id": 8, "output": b"[1]"})
    for number, span in enumerate((root, agent, tool, point)):
        span.start_ns = 1_700_000_000_000_000_000 + number
    for span in (root, agent, tool):
        sender.put((Phase.START, span, None), 10)
    sender.put((Phase.UPDATE, root, {"user_id": "u1", "metadata": b'{"a":1}'}), 10)
    sender.put((Phase.POINT, point, None), 10)
    take()
    agent.usage = {"prompt_tokens": 5, "cost": 0.25, "big": 10**30}
    tool.error = b'{"message":"no"}'
    root.more_metadata, root.more_tags = (b'{"b":2}',), ("three",)
    for span in (tool, agent, root):
        span.status, span.end_ns, span.output = COMPLETED, span.start_ns + 9, b'{"r":[1,2.0]}'
        sender.put((Phase.END, span, None), 10)


def test_otlp_sends_the_same_spans_after_a_restart(tmp_path: Path, port: int) -> None:
    with Server(answer(200, b"{}"), port=port) as server:
        direct = Sender([otlp(port)], flush_interval=0.05, timeout=PATIENCE)
        record_something(direct, lambda: direct.flush().result())
        direct.shutdown().result()
        expected = spans_of(server)
    assert len(expected) == 4
    sender = make(otlp(port), tmp_path)
    record_something(sender, lambda: until(lambda: events_in(tmp_path) == 5))
    report = conserved(sender.shutdown(1).result())
    assert report.accepted + report.pending == 8
    assert report.accepted <= 4  # starts that were settled alone, before the destination was known to be down
    with Server(answer(200, b"{}"), port=port) as server:
        report = empty(make(otlp(port), tmp_path))
        assert report.accepted == report.recorded > 0
        assert spans_of(server) == expected


def test_rest_sends_the_same_bodies_after_a_restart(tmp_path: Path, port: int) -> None:
    with model_server(port) as model:
        direct = Sender([rest(port)], flush_interval=0.05, timeout=PATIENCE)
        record_something(direct, lambda: direct.flush().result())
        direct.shutdown().result()
        expected = dict(model.bodies)
    assert len(expected) == 7
    sender = make(rest(port), tmp_path)
    record_something(sender, lambda: until(lambda: events_in(tmp_path) == 5))
    assert conserved(sender.shutdown(1).result()).pending == 8
    with model_server(port) as model:
        assert empty(make(rest(port), tmp_path)).accepted == 8
    assert model.bodies == expected


def test_a_refused_key_drops_what_is_known_and_the_rest_stays(folder: Path, port: int) -> None:
    assert fill(folder, port, 1000).pending == 4000
    keys = [401]

    def exc(_: Recorded) -> Reply | None:
        return answer(401) if keys[0] == 401 else None

    with model_server(port, exc):
        sender = make(rest(port), folder)
        sender.flush(0)
        until(lambda: sender.stats().dropped)
        report = conserved(sender.stats())
        assert set(report.dropped) == {"auth"}
        assert report.pending > 1000
        report = conserved(sender.shutdown(1).result())
    assert events_in(folder) == report.pending


# Settings.


def test_two_in_one_process_do_not_take_each_others(folder: Path, port: int) -> None:
    first, second = make(rest(port), folder), make(rest(port), folder)
    Recording(first).whole("first")
    Recording(second).whole("second")
    until(lambda: events_in(folder) == 8)
    with model_server(port) as model:
        for sender in (first, second):
            assert conserved(sender.flush().result()).accepted == 4
        model.check(2)
        for sender in (first, second):
            sender.shutdown(5).result()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ends", [0, 1])
def test_what_an_ended_sdk_left_on_the_disk_is_counted_once_by_those_that_share_it(
    folder: Path, port: int, ends: int
) -> None:
    spool = Spool(folder, Destination.of("rest", "http://here", "http://here", "pk"))
    workers = Workers([rest(port)], spools=[spool], flush_interval=0.05, retry_delay=0.001, queue_events=200)
    senders = [Sender(workers=workers), Sender(workers=workers)]
    for worker in workers.workers:
        worker.dispatcher.options = replace(worker.dispatcher.options, probe_seconds=PROBE_SECONDS)
    ended, other = senders[ends], senders[1 - ends]
    for number in range(100):
        Recording(ended).whole(f"t{number}")
        if number % 10 == 9:
            until(lambda: not waiting(ended))
    assert on_disk_only(ended) > 200
    assert conserved(ended.shutdown(0.1).result()).pending == 400
    Recording(other).whole("other")  # now it is the first of those that use the worker
    until(lambda: events_in(folder) == 404)
    (path,) = folder.glob("*.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:  # the end of a trace
        connection.execute("UPDATE events SET body = x'00' WHERE seq = 400")
    with model_server(port):
        until(lambda: ended.stats().accepted + other.stats().accepted == 403)
        report = conserved(ended.stats() + other.stats())
        assert (report.recorded, report.dropped, report.pending) == (404, {"serialize_error": 1}, 0)
        assert ended.stats().accepted == 399
        other.shutdown(5).result()


def test_what_is_recorded_after_the_end_of_an_sdk_that_shares_a_worker_is_lost_and_not_pending(folder: Path) -> None:
    memory = Memory()
    spool = Spool(folder, Destination.of("rest", "http://here", "http://here", "pk"))
    workers = Workers([memory], spools=[spool], flush_interval=0.05)
    ended, other = Sender(workers=workers), Sender(workers=workers)
    memory.gate.clear()
    Recording(other).whole("other")
    other.flush()
    assert memory.entered.wait(PATIENCE)
    recording = Recording(ended)
    root = recording.trace("left open")
    assert conserved(ended.shutdown(0.05).result()).pending == 1
    memory.gate.set()
    until(lambda: ended not in [account.sender() for account in workers.workers[0].accounts])
    recording.end(root)
    assert other.flush().result().accepted == 4
    until(lambda: ended.stats().accepted == 1)
    other.shutdown().result()
    report = conserved(ended.stats())
    assert (report.pending, list(report.dropped)) == (0, ["shutdown_timeout"])
    assert list(folder.iterdir()) == []


def test_the_local_store_needs_no_spool(tmp_path: Path) -> None:
    sdk = VoltAgentSDK(exporter="local", local_path=tmp_path / "t.db", spool=tmp_path / "spool")
    with sdk.trace(agent_id="a"):
        pass
    assert sdk.shutdown().accepted == 2
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, "voltagent/spool"),
        ("yes", "voltagent/spool"),
        (False, None),
        ("0", None),
        ("here/it", "here/it"),
        (Path("p"), "p"),
    ],
)
def test_the_setting_is_a_switch_or_a_folder(given: Any, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings.load({"spool": given}).spool
    assert (found is None) if expected is None else str(found).endswith(expected)
    if isinstance(given, str):
        monkeypatch.setenv("VOLTAGENT_SPOOL", given)
        assert settings.load().spool == found


@pytest.mark.parametrize("wrong", [{"spool": 5}, {"spool": ""}, {"spool_size": 0}, {"spool_size": "large"}])
def test_a_wrong_setting_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings.load(wrong)


def test_what_the_doctor_says(tmp_path: Path, port: int) -> None:
    def options(**more: Any) -> dict[str, Any]:
        keys = {"public_key": "pk_1", "secret_key": "sk_1"}
        return {"base_url": f"http://127.0.0.1:{port}", "exporter": "rest", "spool": tmp_path / "s", **keys, **more}

    def findings(**more: Any) -> list[Finding]:
        return list(look(settings.load(options(**more))))

    assert [finding.text for finding in findings()] == [f"{tmp_path / 's'}: nothing waits"]
    sdk = VoltAgentSDK(**options(flush_interval=0.05))
    with sdk.trace(agent_id="a"):
        pass
    until(lambda: events_in(tmp_path / "s") == 2)
    _, running = findings()
    assert "from a program that is still running" in running.text
    sdk.shutdown()
    whole, left = findings()
    assert (whole.state, left.state) == ("ok", "note")
    assert whole.facts["events"] == left.facts["events"] == 2
    assert left.text.startswith(f"2 events for rest http://127.0.0.1:{port} since 20")
    assert left.text.endswith("the next program that records here sends them")
    assert "another URL or key" in findings(public_key="pk_2")[1].advice
    (path,) = (tmp_path / "s").glob("*.db")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE events SET body = x'00' WHERE seq = 1")
    connection.commit()
    connection.close()
    assert findings()[1].facts["corrupt"] == 1
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    newer = findings()[1]
    assert "written by a newer voltagent" in newer.text
    assert "delete" not in newer.advice
    path.write_bytes(b"no database at all " * 300)
    assert "cannot be read" in findings()[1].text
    (tmp_path / "file").write_text("mine")
    (wrong,) = findings(spool=tmp_path / "file")
    assert (wrong.state, wrong.step) == ("wrong", "file")


def test_a_start_that_cannot_be_made_safe_is_not_on_disk(folder: Path, port: int) -> None:
    """Neither by itself nor with its end."""

    def fails(event: SpanEvent) -> SpanEvent | None:
        return None if event[0] is Phase.START and event[1].kind == TOOL else event

    sender = make(rest(port), folder, process=fails)
    recording = Recording(sender)
    root = recording.trace("t")
    recording.end(recording.tool(root, "canary-5d1", b'{"x":"canary-5d1"}'))
    recording.end(root)
    until(lambda: events_in(folder) == 3)
    assert b"canary-5d1" not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert conserved(sender.shutdown(1).result()).dropped == {"serialize_error": 1}


def test_what_waits_for_an_end_that_may_not_be_written_is_lost_with_it(folder: Path) -> None:
    memory = Memory(lambda event: Outcome(Verdict.WITH_END) if event[0] is Phase.START else ACCEPTED)  # as OTLP does
    sender = make(memory, folder, process=lambda event: None if event[0] is Phase.END and event[1].parent else event)
    recording = Recording(sender)
    root = recording.trace()
    tool = recording.tool(root)
    sender.flush().result()
    recording.end(tool)
    report = conserved(sender.flush().result())
    assert (report.dropped, report.pending) == ({"serialize_error": 2}, 1)
    recording.end(root)
    assert conserved(sender.shutdown().result()).accepted == 2
    assert events_in(folder) == 0


def test_a_folder_that_is_deleted_meanwhile_is_made_again(
    folder: Path, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    sender = make(rest(port), folder)
    recording = Recording(sender)
    recording.whole("before")
    until(lambda: events_in(folder) == 4)
    for _ in range(2):
        shutil.rmtree(folder)
        recording.whole("after")
        until(lambda: folder.exists() and events_in(folder) == 4)
    assert conserved(sender.stats()).pending == 12
    with model_server(port) as model:
        assert empty(sender).accepted == 12
        model.check(3)
    assert caplog.text.count("was deleted") == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_at_any_more_is_one_line_and_events_wait_in_memory(
    folder: Path, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    sender = make(rest(port), folder)
    recording = Recording(sender)
    recording.whole("before")
    until(lambda: events_in(folder) == 4)
    folder.chmod(0)
    try:
        recording.whole("after")
        until(lambda: "Permission denied" in caplog.text)
        recording.whole("after")
    finally:
        folder.chmod(0o700)
    with model_server(port) as model:
        assert empty(sender).accepted == 12
        model.check(3)
    assert "Traceback" not in caplog.text
    assert caplog.text.count("events wait in memory only") == 1


def test_what_ends_while_the_queue_is_written_is_counted(tmp_path: Path) -> None:
    at, place = 0, "at the first bytecode"
    while place:
        at += 1
        memory = Memory()
        sender = make(memory, tmp_path / str(at), auto_flush=False)
        recording = Recording(sender)
        root = recording.trace()
        until(lambda queued=sender: not waiting(queued))  # the thread writes again some seconds later
        accept = sender.workers[0].storage.accept
        for _ in range(2):  # from Python 3.12 on, few bytecodes are traced at first
            BetweenSignals(("delivery/spooling/storage",), 0, lambda: None).run(accept)
        recording.end(recording.tool(root))
        between = BetweenSignals(("delivery/spooling/storage",), at, lambda: recording.end(recording.tool(root)))
        between.run(accept)
        place = between.place
        recording.end(root)
        report = conserved(sender.shutdown().result())
        assert (report.accepted, report.pending) == (len(memory.accepted), 0), place
    assert at > 5
