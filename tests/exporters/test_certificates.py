"""TLS with an authority of one's own, and with servers that want to know their clients: files, settings and errors."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import voltagent
from tests.helpers.pace import until
from tests.helpers.server import Server, answer
from voltagent import ValidationError, VoltAgentSDK
from voltagent.cli import main

FILES = (
    Path(__file__).parents[1] / "helpers" / "certificates"
)  # for 100 years, signed by an authority whose key is nowhere
AUTHORITY, CLIENT, KEY = FILES / "authority.pem", FILES / "client.pem", FILES / "client.key"
TRACES, ALL = "OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"


def tls(*, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILES / "server.pem")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(AUTHORITY)
    return context


def accepted(server: Server, **options: Any) -> int:
    """How many are accepted of the two events of a trace."""
    sdk = VoltAgentSDK(exporter="otlp", otlp_endpoint=f"{server.url}/v1/traces", **options)
    sdk.trace(agent_id="a").end()
    return sdk.shutdown().result().accepted


def set_all(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, object]) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    "given",
    [
        {f"{ALL}CERTIFICATE": AUTHORITY},
        {f"{TRACES}CERTIFICATE": AUTHORITY, f"{ALL}CERTIFICATE": CLIENT},
        {"SSL_CERT_FILE": AUTHORITY},
    ],
    ids=["for all signals", "for traces", "for all of OpenSSL"],
)
def test_an_authority_of_ones_own_by_the_environment(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    set_all(monkeypatch, given)
    with Server(answer(), tls=tls()) as server:
        assert accepted(server) == 2


def test_an_authority_that_is_given_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    with Server(answer(), tls=tls()) as server:
        assert accepted(server, otlp_certificate=AUTHORITY) == 2
        stranger = VoltAgentSDK(
            exporter="otlp", otlp_endpoint=f"{server.url}/v1/traces", otlp_certificate=FILES / "localhost.pem"
        )
        stranger.trace(agent_id="a").end()
        stranger.flush(timeout=0)
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        stranger.shutdown(0).result()
        assert len(server.requests) == 1


def test_a_server_that_wants_to_know_its_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(f"{ALL}CERTIFICATE", str(AUTHORITY))
    with Server(answer(), tls=tls(asks=True)) as server:
        assert accepted(server, otlp_client_certificate=CLIENT, otlp_client_key=KEY) == 2
        both = tmp_path / "both.pem"
        both.write_bytes(CLIENT.read_bytes() + KEY.read_bytes())
        monkeypatch.setenv(f"{ALL}CLIENT_CERTIFICATE", str(both))
        assert accepted(server) == 2
        set_all(monkeypatch, {f"{TRACES}CLIENT_CERTIFICATE": CLIENT, f"{TRACES}CLIENT_KEY": KEY})
        assert accepted(server) == 2
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({f"{ALL}CERTIFICATE": FILES / "none.pem"}, f"{ALL}CERTIFICATE is a file that cannot be read: No such file"),
        ({f"{TRACES}CLIENT_KEY": FILES}, f"{TRACES}CLIENT_KEY is a file that cannot be read: Is a directory"),
        ({f"{ALL}CERTIFICATE": KEY}, f"{ALL}CERTIFICATE"),
        ({f"{ALL}CLIENT_CERTIFICATE": CLIENT}, f"{ALL}CLIENT_CERTIFICATE"),
        ({f"{ALL}CLIENT_CERTIFICATE": CLIENT, f"{ALL}CLIENT_KEY": FILES / "server.pem"}, f"{ALL}CLIENT_CERTIFICATE"),
        (
            {f"{ALL}CLIENT_CERTIFICATE": CLIENT, f"{ALL}CLIENT_KEY": FILES / "client-encrypted.key"},
            f"{ALL}CLIENT_CERTIFICATE",
        ),
        ({f"{ALL}CLIENT_KEY": KEY}, f"{ALL}CLIENT_KEY"),
        ({"SSL_CERT_FILE": FILES / "none.pem"}, "SSL_CERT_FILE"),
    ],
    ids=["missing", "folder", "no certificate", "no key", "another's key", "encrypted", "key alone", "SSL_CERT_FILE"],
)
def test_what_cannot_be_used_is_an_error_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, given: Any, named: str
) -> None:
    set_all(monkeypatch, given)
    monkeypatch.setenv(f"{ALL}ENDPOINT", "https://localhost:1")
    with pytest.raises(ValidationError) as raised:
        VoltAgentSDK(exporter="otlp")
    assert named in str(raised.value)
    monkeypatch.setenv("VOLTAGENT_EXPORTER", "otlp")

    @voltagent.tool
    def work() -> int:
        return 1

    assert work() == 1, "where the environment alone starts recording, it costs the recording only"
    assert named in caplog.text


def test_the_rest_wire_names_the_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(KEY))
    with pytest.raises(ValidationError, match="SSL_CERT_FILE"):
        VoltAgentSDK(base_url="https://localhost:1", public_key="pk", secret_key="sk")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
@pytest.mark.parametrize("exporter", ["rest", "otlp"])
@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "SSLKEYLOGFILE", f"{ALL}CERTIFICATE", f"{ALL}CLIENT_CERTIFICATE", f"{TRACES}CLIENT_KEY"]
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str, exporter: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "from voltagent import ValidationError, VoltAgentSDK\n"
        "try: VoltAgentSDK(base_url='https://localhost:1', public_key='pk', secret_key='sk')\n"
        "except ValidationError as exc: print(exc)"
    )
    variables = {**os.environ, name: str(pipe), "VOLTAGENT_EXPORTER": exporter, f"{ALL}ENDPOINT": "https://localhost:1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60, check=True
    )
    assert (name in ran.stdout) == (exporter == "otlp" or not name.startswith(ALL)), ran


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_that_a_program_reads_may_have_the_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("SSLKEYLOGFILE", str(pipe))
    VoltAgentSDK(exporter="rest", base_url="https://localhost:1", public_key="pk", secret_key="sk")
    os.close(reader)


def test_a_folder_of_certificates_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def make() -> None:
        VoltAgentSDK(exporter="rest", base_url="https://localhost:1", public_key="pk", secret_key="sk")

    missing = str(tmp_path / "missing")
    monkeypatch.setenv("SSL_CERT_DIR", missing)
    with pytest.raises(ValidationError, match="SSL_CERT_DIR"):
        make()
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join((missing, str(tmp_path))))
    make()
    monkeypatch.setenv("SSL_CERT_DIR", missing)
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))  # which alone counts then
    make()


def test_a_plain_endpoint_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ALL}CERTIFICATE", str(KEY))
    with Server(answer()) as server:
        assert accepted(server) == 2


def test_the_doctor_uses_them_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def report() -> tuple[int, dict[str, Any]]:
        status = main(["doctor", "--json"])
        return status, json.loads(capsys.readouterr().out)

    with Server(answer(), tls=tls(asks=True)) as server:
        set_all(monkeypatch, {"VOLTAGENT_EXPORTER": "otlp", f"{ALL}ENDPOINT": server.url})
        status, found = report()
        assert status == 1
        assert f"{ALL}CERTIFICATE" in found["findings"][0]["advice"]
        monkeypatch.setenv(f"{ALL}CERTIFICATE", str(AUTHORITY))
        status, found = report()
        assert status == 1
        assert "requires a client certificate" in found["findings"][0]["text"]
        assert f"{ALL}CLIENT_CERTIFICATE" in found["findings"][0]["advice"]
        set_all(monkeypatch, {f"{ALL}CLIENT_CERTIFICATE": CLIENT, f"{ALL}CLIENT_KEY": KEY})
        status, found = report()
        assert status == 0
        assert {"name": "otlp_client_key", "value": str(KEY), "origin": "environment"} in found["settings"]
    monkeypatch.setenv(f"{ALL}CLIENT_KEY", str(FILES / "client-encrypted.key"))
    status, found = report()
    assert status == 1
    assert f"{ALL}CLIENT_CERTIFICATE" in found["findings"][0]["text"]
