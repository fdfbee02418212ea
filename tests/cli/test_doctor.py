"""``voltagent doctor``: its findings about real servers, files and a junk environment, without any secret."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import ssl
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pace import PATIENCE, TooSlow
from tests.helpers.server import Recorded, Reply, Server, answer, black_hole, drip, hang, reset, unused_port
from voltagent import VoltAgentSDK, tool
from voltagent.cli import main
from voltagent.cli.doctor.finding import shown_url
from voltagent.storage.traces.migrations import MIGRATIONS

PUBLIC, SECRET = "pk_public-0123456789", "sk_Zq7wXv93"
CERTIFICATE = str(Path(__file__).parents[1] / "helpers" / "certificates" / "localhost.pem")

Doctor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run it in an environment; its status and what it found. The text for people is held to the same."""

    def run(*arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main(["doctor", "--json", *arguments])
        out = capsys.readouterr().out
        report = json.loads(out)
        assert report["ok"] is (status == 0)
        for finding in report["findings"]:
            assert finding["advice"] or finding["state"] != "wrong", "each fault has a way out"
        assert main(["doctor", *arguments]) == status
        shown = capsys.readouterr().out
        for finding in report["findings"]:
            assert f"{finding['subject']} {finding['step']}: {finding['text']}" in shown
        for text in (out, shown):
            assert PUBLIC[3:] not in text
            assert SECRET not in text
            assert SECRET[3:] not in text
        return status, report

    return run


def keys(url: str, **more: str) -> dict[str, str]:
    return {"VOLTAGENT_BASE_URL": url, "VOLTAGENT_PUBLIC_KEY": PUBLIC, "VOLTAGENT_SECRET_KEY": SECRET, **more}


def rest(url: str, **more: str) -> dict[str, str]:
    return keys(url, VOLTAGENT_EXPORTER="rest", **more)


def otlp(url: str, **more: str) -> dict[str, str]:
    return {"VOLTAGENT_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": url, **more}


def steps(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(found["state"], found["subject"], found["step"]) for found in report["findings"]]


def ended_at(report: dict[str, Any], *expected: str) -> None:
    """Where the time it was given ran out; on a machine that pauses, that may be at an earlier step."""
    way = ("dns", "connect", "tls", "http")
    (found,) = steps(report)
    if way.index(found[2]) < way.index(expected[2]):
        raise TooSlow(f"time ran out at {found[2]}")
    assert found == expected


def api(request: Recorded) -> Reply:
    """The REST history API of a server that checks keys."""
    if request.headers.get("x-secret-key") != SECRET:
        return answer(401)
    return answer(404 if request.line.startswith("PATCH /history/") else 500)


# Reached, keyed.


def test_all_is_well_and_nothing_is_stored(doctor: Doctor) -> None:
    with Server(api) as server:
        status, report = doctor(**rest(server.url))
        assert (status, steps(report)) == (0, [("ok", "rest", "http"), ("ok", "rest", "key")])
        lines = {request.line for request in server.requests}
    assert lines == {"PATCH /history/00000000-0000-0000-0000-000000000000"}


def test_a_bad_key_is_distinguished_from_one_that_may_not(doctor: Doctor) -> None:
    for code, words in ((401, "does not know the key"), (403, "not allowed")):
        with Server(answer(code, {"message": f"bad key {SECRET}"})) as server:
            status, report = doctor(**rest(server.url))
        assert (status, steps(report)[-1]) == (1, ("wrong", "rest", "key"))
        assert words in report["findings"][-1]["text"]
        assert "VOLTAGENT_SECRET_KEY" in report["findings"][-1]["advice"]


def test_a_server_on_this_machine_may_want_a_key_that_is_not_set(doctor: Doctor) -> None:
    with Server(answer(401)) as server:
        status, report = doctor(VOLTAGENT_BASE_URL=server.url)
    assert (status, report["findings"][-1]["text"]) == (1, "the server requires a key (HTTP 401), and none is set")


def test_a_key_that_no_server_checks_proves_nothing(doctor: Doctor) -> None:
    with Server(answer(404)) as server:
        status, report = doctor(**rest(server.url))
    assert (status, steps(report)) == (0, [("ok", "rest", "http"), ("note", "rest", "key")])


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(500), "reports an error"),
        (answer(503), "reports an error"),
        (answer(501), "no REST history API"),
        (answer(407), "proxy"),
        (
            answer(308, location="https://user:word@other.example/api?key=1"),
            "redirects to https://…@other.example/api?…",
        ),
        (answer(302, location="/login"), "redirects to /login"),
        (answer(301, location="http://[junk"), "redirects to …"),
    ],
)
def test_an_answer_that_no_working_server_gives(doctor: Doctor, reply: bytes, words: str) -> None:
    with Server(reply) as server:
        status, report = doctor(**rest(server.url))
    assert (status, steps(report)) == (1, [("wrong", "rest", "http")])
    assert words in report["findings"][0]["text"]


def test_a_server_that_asks_for_patience_is_not_broken(doctor: Doctor) -> None:
    with Server(answer(429, retry_after="5")) as server:
        status, report = doctor(**rest(server.url))
    assert (status, steps(report)) == (0, [("note", "rest", "http")])


# Not reached.


def test_a_port_without_a_listener(doctor: Doctor) -> None:
    port = unused_port()
    status, report = doctor(**rest(f"http://127.0.0.1:{port}"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "connect")])
    assert f"nothing listens at 127.0.0.1:{port}" in report["findings"][0]["text"]
    assert "VOLTAGENT_BASE_URL" in report["findings"][0]["advice"]


def test_a_name_that_does_not_exist(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # name servers take their time, and some know every name
    status, report = doctor(**rest("http://voltagent.invalid"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "dns")])
    assert "voltagent.invalid" in report["findings"][0]["text"]


def test_a_name_look_up_that_hangs(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    over = threading.Event()

    def hangs(*_: Any, **__: Any) -> Any:
        over.wait(PATIENCE)
        raise socket.gaierror(socket.EAI_AGAIN, "over")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    status, report = doctor("--timeout", "0.1", **rest("http://slow.example"))
    over.set()
    assert (status, steps(report)) == (1, [("wrong", "rest", "dns")])
    assert "longer than 0.1 s" in report["findings"][0]["text"]


def test_a_connection_that_is_not_accepted(doctor: Doctor) -> None:
    with black_hole() as url:
        status, report = doctor("--timeout", "0.3", **rest(url))
    ended_at(report, "wrong", "rest", "connect")
    assert status == 1


@pytest.mark.parametrize("reply", [hang, drip(b"HTTP/1.1 200 OK\r\nx-a: ", every=0.02)], ids=["silent", "dripping"])
def test_an_answer_that_does_not_come(doctor: Doctor, reply: Reply) -> None:
    with Server(reply) as server:
        status, report = doctor("--timeout", "0.3", **rest(server.url))
    ended_at(report, "wrong", "rest", "http")
    assert status == 1
    assert "did not respond within 0.3 s" in report["findings"][0]["text"]


@pytest.mark.parametrize("reply", [reset, b"SSH-2.0-OpenSSH_9.2\r\nconnection: close\r\n\r\n"], ids=["reset", "ssh"])
def test_something_else_that_listens_there(doctor: Doctor, reply: Reply) -> None:
    with Server(reply) as server:
        status, report = doctor(**rest(server.url))
    assert (status, steps(report)) == (1, [("wrong", "rest", "http")])
    assert "does not speak HTTP" in report["findings"][0]["text"]


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_certificate_that_is_not_trusted_and_one_that_is_trusted(doctor: Doctor) -> None:
    with Server(api, tls=tls()) as server:
        status, report = doctor(**rest(server.url))
        assert (status, steps(report)) == (1, [("wrong", "rest", "tls")])
        assert "SSL_CERT_FILE" in report["findings"][0]["advice"]
        assert server.requests == [], "no key is sent to a stranger"
        assert doctor(SSL_CERT_FILE=CERTIFICATE)[0] == 0


def test_tls_to_a_server_without_it(doctor: Doctor) -> None:
    with Server() as server:
        server.before_read = hang.act
        status, report = doctor("--timeout", "0.3", **rest(server.url.replace("http", "https")))
    ended_at(report, "wrong", "rest", "tls")
    assert status == 1
    assert "was reached, but the TLS handshake timed out" in report["findings"][0]["text"]


def test_certificates_and_proxies_that_cannot_be_used(doctor: Doctor, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    status, report = doctor(SSL_CERT_FILE=str(junk), **rest("https://127.0.0.1:1"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "tls")])
    environment = {"SSL_CERT_FILE": CERTIFICATE, "https_proxy": f"ftp://me:{SECRET}@proxy", "no_proxy": ""}
    status, report = doctor(**environment, **rest("https://voltagent.invalid"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "value")])
    assert "HTTPS_PROXY" in report["findings"][0]["advice"]


def test_a_proxy_is_named_where_it_is_what_fails(doctor: Doctor) -> None:
    port = unused_port()
    proxies = {"http_proxy": f"http://me:{SECRET}@127.0.0.1:{port}", "no_proxy": ""}
    status, report = doctor(**proxies, **rest("http://voltagent.invalid"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "connect")])
    assert f"nothing listens at the proxy 127.0.0.1:{port}:" in report["findings"][0]["text"]
    assert "HTTP_PROXY" in report["findings"][0]["advice"]
    with Server(answer(403, connection="close")) as proxy:
        status, report = doctor(https_proxy=proxy.url, **rest("https://voltagent.invalid"))
    assert (status, steps(report)) == (1, [("wrong", "rest", "connect")])
    assert "does not allow connections to voltagent.invalid:443" in report["findings"][0]["text"]


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["reset", "plain"])
def test_tls_that_ends_before_it_begins(doctor: Doctor, sent: bytes) -> None:
    def rude(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(sent)
        if not sent:
            reset.act(connection)
        raise OSError

    with Server() as server:
        server.before_read = rude
        status, report = doctor(**rest(server.url.replace("http", "https")))
    assert (status, steps(report)) == (1, [("wrong", "rest", "tls")])


# OTLP, and auto.


def test_otlp_is_probed_with_an_empty_request(doctor: Doctor) -> None:
    def backend(request: Recorded) -> Reply:
        return answer(200 if request.headers.get("api-key") == SECRET else 401)

    with Server(backend) as server:
        more = {"OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SECRET}", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
        status, report = doctor(**otlp(server.url, **more))
        assert (status, steps(report)) == (0, [("ok", "otlp", "http"), ("ok", "otlp", "key")])
        (first, *_) = server.requests
        assert first.line == "POST /v1/traces"
        assert first.headers["content-type"] == "application/json"
        assert [one.get("spans", []) for part in first.json["resourceSpans"] for one in part["scopeSpans"]] == [[]]
        doctor(OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
        packed = server.requests[-1]
        assert packed.headers["content-encoding"] == "gzip"
        assert json.loads(zlib.decompress(packed.body, 31)) == first.json
        status, report = doctor(OTEL_EXPORTER_OTLP_HEADERS="api-key=other")
    assert (status, steps(report)[-1]) == (1, ("wrong", "otlp", "key"))
    assert "OTEL_EXPORTER_OTLP_HEADERS" in report["findings"][-1]["advice"]


@pytest.mark.parametrize(("code", "words"), [(404, "/v1/traces"), (405, "/v1/traces"), (415, "OTLP_PROTOCOL")])
def test_an_otlp_endpoint_that_is_none(doctor: Doctor, code: int, words: str) -> None:
    with Server(answer(code)) as server:
        status, report = doctor(**otlp(server.url))
    assert (status, steps(report)) == (1, [("wrong", "otlp", "http")])
    assert words in report["findings"][0]["advice"]


def platform(rest_status: int, otlp_status: int, stranger: int = 401) -> Callable[[Recorded], Reply]:
    def reply(request: Recorded) -> Reply:
        if rest_status == 404 and stranger == 404 and request.method == "PATCH":
            return answer(404)  # no such route for any client
        if request.headers.get("x-secret-key") != SECRET:
            return answer(stranger)
        return answer(rest_status if request.method == "PATCH" else otlp_status)

    return reply


@pytest.mark.parametrize(
    ("server", "status", "found"),
    [
        (platform(404, 404), 0, [("ok", "rest", "http"), ("ok", "rest", "key")]),
        (platform(410, 200), 0, [("note", "rest", "http"), ("ok", "otlp", "http"), ("ok", "otlp", "key")]),
        (platform(410, 404), 1, [("wrong", "rest", "http"), ("wrong", "otlp", "http")]),
        (platform(410, 401), 1, [("note", "rest", "http"), ("ok", "otlp", "http"), ("wrong", "otlp", "key")]),
        (platform(404, 200, 404), 0, [("ok", "rest", "http"), ("ok", "otlp", "http"), ("note", "otlp", "key")]),
        (platform(404, 404, 404), 0, [("ok", "rest", "http"), ("note", "rest", "key")]),
        (platform(401, 401), 1, [("ok", "rest", "http"), ("wrong", "rest", "key")]),
    ],
)
def test_auto_asks_the_wire_that_is_there(
    doctor: Doctor, server: Callable[[Recorded], Reply], status: int, found: list[tuple[str, str, str]]
) -> None:
    with Server(server) as running:
        got, report = doctor(**keys(running.url))
    assert (got, steps(report)) == (status, found)


# Settings, store.


def test_settings_are_shown_with_where_they_come_from(doctor: Doctor) -> None:
    with Server(api) as server:
        url = server.url.replace("://", f"://me:{SECRET}@")
        _, report = doctor(**rest(url, VOLTAGENT_TIMEOUT="7", VOLTAGENT_ENVIRONMENT="test\x1b[31m"))
    shown = {row["name"]: (row["value"], row["origin"]) for row in report["settings"]}
    assert shown["timeout"] == ("7", "environment")
    assert shown["max_retries"] == ("3", "default")
    assert shown["public_key"] == ("pk_… (set)", "environment")
    assert shown["secret_key"] == ("set", "environment")
    assert shown["base_url"] == (server.url.replace("://", "://…@"), "environment")
    assert set(report["versions"]) == {"voltagent", "python", "wrapt", "httpx", "pydantic", "platform"}


def test_numbers_are_shown_with_their_units(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "none")
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {words[0]: words[1:] for words in map(str.split, lines) if words and words[-1] == "default"}
    assert shown["timeout"] == ["30", "s", "default"]
    assert shown["flush_interval"] == ["5", "s", "default"]
    assert shown["spool_size"] == ["256", "MiB", "default"]
    assert shown["max_retries"] == ["3", "default"]


def test_what_others_sent_cannot_write_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "none")
    monkeypatch.setenv("VOLTAGENT_ENVIRONMENT", "test\x1b[31m")
    assert main(["doctor"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VOLTAGENT_TIMEOUT", "soon"),
        ("VOLTAGENT_EXPORTER", "carrier-pigeon"),
        ("VOLTAGENT_BASE_URL", "http://[::1"),
        ("VOLTAGENT_SECRET_KEY", f"{SECRET}\n{SECRET}"),
        ("VOLTAGENT_SAMPLE_RATE", "nan"),
    ],
)
def test_junk_is_a_finding_that_names_the_setting(doctor: Doctor, name: str, value: str) -> None:
    status, report = doctor(**{name: value})
    assert (status, steps(report)) == (1, [("wrong", "settings", "value")])
    assert name in report["findings"][0]["text"]


def test_a_path_in_a_home_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", "~nobody-of-this-name/traces.db")
    assert main(["doctor"]) == 1
    assert "VOLTAGENT_LOCAL_PATH" in capsys.readouterr().out


def test_swapped_keys_and_switches_are_noticed(doctor: Doctor) -> None:
    environment = {"VOLTAGENT_PUBLIC_KEY": SECRET, "VOLTAGENT_SECRET_KEY": PUBLIC, "VOLTAGENT_EXPORTER": "none"}
    status, report = doctor(VOLTAGENT_ENABLED="0", **environment)
    texts = [finding["text"] for finding in report["findings"]]
    assert (status, len(texts)) == (1, 3)
    assert texts[0] == "recording is switched off"
    assert "swapped" in report["findings"][1]["advice"]


def test_the_local_store(doctor: Doctor, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "traces.db"
    status, report = doctor(VOLTAGENT_LOCAL_PATH=str(path))
    assert (status, steps(report)) == (0, [("ok", "local", "file")])
    assert report["findings"][0]["facts"] == {"path": str(path), "exists": False, "writable": True}
    assert not path.parent.exists(), "looking makes nothing"

    look_up = tool(lambda: None, name="look up")
    with VoltAgentSDK(local_path=path):
        look_up()
    status, report = doctor()
    facts = report["findings"][0]["facts"]
    assert (status, facts["exists"], facts["writable"], facts["traces"]) == (0, True, True, 1)
    assert facts["schema"] == len(MIGRATIONS)
    assert facts["bytes"] >= path.stat().st_size > 0


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"no database" * 500), "not a database"),
        (other_database, "not one of voltagent's"),
        (newer, "newer voltagent"),
    ],
)
def test_a_local_store_that_cannot_be_used(
    doctor: Doctor, tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "traces.db"
    make(path)
    status, report = doctor(VOLTAGENT_LOCAL_PATH=str(path))
    assert (status, steps(report)) == (1, [("wrong", "local", "file")])
    assert words in report["findings"][0]["text"]


def test_a_folder_in_place_of_a_local_store(doctor: Doctor, tmp_path: Path) -> None:
    status, report = doctor(VOLTAGENT_LOCAL_PATH=str(tmp_path))
    assert (status, steps(report)) == (1, [("wrong", "settings", "value")])
    assert report["findings"][0]["text"] == (
        f"VOLTAGENT_LOCAL_PATH is a folder, and must be a file, such as {tmp_path / 'traces.db'}"
    )


def test_a_local_store_that_cannot_be_made(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, report = doctor(VOLTAGENT_LOCAL_PATH=str(tmp_path / "file" / "traces.db"))
    assert (status, report["findings"][0]["facts"]["writable"]) == (1, False)


@pytest.mark.parametrize("link", ["data", "data/traces.db"])
def test_a_local_store_behind_a_link_to_what_does_not_exist(doctor: Doctor, tmp_path: Path, link: str) -> None:
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / "gone")
    path = tmp_path / "data" / "traces.db"
    status, report = doctor(VOLTAGENT_LOCAL_PATH=str(path))
    finding = report["findings"][0]
    assert (status, finding["state"], finding["facts"]["writable"]) == (1, "wrong", False)
    assert finding["text"] == f"{tmp_path / link} is a link to {tmp_path / 'gone'}, which does not exist"
    with VoltAgentSDK(local_path=path) as sdk, sdk.trace(agent_id="a"):
        pass
    assert sdk.stats().accepted == 0, "the doctor is right"
    (tmp_path / link).unlink()
    assert doctor(VOLTAGENT_LOCAL_PATH=str(path))[0] == 0


def test_a_spool_behind_a_link_to_what_does_not_exist(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "spool").symlink_to(tmp_path / "gone")
    environment = {"VOLTAGENT_SPOOL": str(tmp_path / "spool"), "VOLTAGENT_LOCAL_PATH": str(tmp_path / "traces.db")}
    status, report = doctor(**environment)
    (wrong,) = (one for one in report["findings"] if one["state"] == "wrong")
    assert (status, wrong["subject"]) == (1, "spool")
    assert wrong["text"].startswith(f"{tmp_path / 'spool'} is a link to {tmp_path / 'gone'}, which does not exist")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_local_store_in_a_folder_of_others(doctor: Doctor, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert doctor(VOLTAGENT_LOCAL_PATH=str(tmp_path / "traces.db"))[0] == 1
    finally:
        tmp_path.chmod(0o700)


def test_models_without_a_price_are_listed(doctor: Doctor, tmp_path: Path) -> None:
    store, prices = tmp_path / "traces.db", tmp_path / "prices.json"
    with VoltAgentSDK(local_path=store) as sdk, sdk.trace(agent_id="a") as trace:
        for model in ("gpt-5", "gpt-5-mini-2026-01-15", "other"):
            agent = trace.add_agent(name="a", model_parameters={"model": model})
            agent.success(usage={"prompt_tokens": 1})
    environment = {"VOLTAGENT_EXPORTER": "local", "VOLTAGENT_LOCAL_PATH": str(store)}
    _, report = doctor(**environment)
    found = priced(report)
    assert (found["state"], sorted(found["facts"]["missing"])) == ("note", ["gpt-5", "gpt-5-mini-2026-01-15", "other"])

    prices.write_text('{"gpt-5": {"input_cost_per_token": 1}, "gpt-5-mini": {"input_cost_per_token": 1}}')
    _, report = doctor(VOLTAGENT_PRICES=str(prices))
    assert (priced(report)["state"], priced(report)["text"]) == ("note", "no price for other")

    prices.write_text('{"gpt-5": {"input_cost_per_token": -1}}')
    status, report = doctor()
    assert status == 1
    assert "prices.json: input_cost_per_token of 'gpt-5'" in priced(report)["text"]


def priced(report: dict[str, Any]) -> dict[str, Any]:
    (found,) = [finding for finding in report["findings"] if finding["subject"] == "prices"]
    return found


def test_urls_are_shown_without_what_may_be_secret() -> None:
    shown = shown_url(f"https://me:{SECRET}@host:1/path?key={SECRET}")
    assert shown == "https://…@host:1/path?…"
    assert shown_url(f"https://host/cb#access_token={SECRET}") == "https://host/cb"
