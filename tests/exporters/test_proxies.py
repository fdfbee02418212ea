"""Proxies and key logs of the environment that cannot be used are refused by name; this machine needs no proxy."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import voltagent.sdk
from tests.helpers.server import Server
from voltagent import ValidationError, VoltAgentSDK
from voltagent.core import context
from voltagent.exporters.http.proxies import proxy_place

BAD = [
    "socks5://127.0.0.1:1",
    "http://proxy:bad",
    "http://proxy:99999",
    "http://pro\nxy:80",
    "ftp://proxy",
    "http://",
    "://",
    "http://xn--",
    "http://ex ample:80",
    "http://a<b",
]


@pytest.fixture(autouse=True)
def _no_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltagent.exporters.http.proxies.find_spec", lambda name: None)


def sdk(exporter: str, url: str) -> VoltAgentSDK:
    more: dict[str, Any] = {"otlp_endpoint": url} if exporter == "otlp" else {}
    return VoltAgentSDK(exporter=exporter, base_url=url, public_key="pk", secret_key="sk", **more)


@pytest.mark.parametrize("exporter", ["rest", "otlp", "auto"])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("value", BAD)
def test_a_proxy_that_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, exporter: str, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable):
        sdk(exporter, "https://api.example")


@pytest.mark.parametrize("exporter", ["rest", "otlp", "auto"])
@pytest.mark.parametrize("host", ["xn--", "xn--a", "ü\u200d.x", "h\x7f", "\udcff", "[v1.x]"])
def test_a_host_that_no_request_can_be_sent_to_is_refused(exporter: str, host: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        sdk(exporter, f"https://{host}")


@pytest.mark.parametrize("url", ["https://api.example/\udcff", "https://api.example/\x7f"])
def test_a_path_that_no_request_can_have_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        sdk("rest", url)


@pytest.mark.parametrize(
    "host",
    [
        "127.1.2.3",
        "127.1",
        "LOCALHOST",
        "localhost.",
        "app.localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "[0::1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0x7f000001",
    ],
)
@pytest.mark.parametrize("value", ["ftp://proxy", "http://proxy:9"])
def test_no_spelling_of_this_machine_goes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, value: str, host: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    assert proxy_place(f"http://{host}:9/") is None


@pytest.mark.parametrize(
    ("excepted", "proxy"),
    [("api.example:8080", None), ("api.example", None), ("api.example:80", "proxy:9"), (".example:8080", None)],
)
def test_a_port_may_be_excepted_from_the_proxy(
    monkeypatch: pytest.MonkeyPatch, excepted: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:9")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert proxy_place("http://api.example:8080") == proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("value", [*BAD, "http://127.0.0.1:9"])
def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch, value: str, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with Server() as server:
        made = sdk("rest", server.url.replace("127.0.0.1", host))
        made.trace(agent_id="a").end()
        made.shutdown(timeout=5)
        assert made.stats().pending == 0
        assert server.requests


def test_started_from_the_environment_a_bad_proxy_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"PUBLIC_KEY": "pk", "SECRET_KEY": "sk", "BASE_URL": "https://api.example"}.items():
        monkeypatch.setenv(f"VOLTAGENT_{name}", value)
    monkeypatch.setenv("ALL_PROXY", "ftp://proxy")
    monkeypatch.setattr(context, "ACTIVE", [context.ENVIRONMENT])
    assert voltagent.sdk.from_environment() is None
    assert voltagent.sdk.from_environment() is None
    reported = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(reported) == 1
    assert "ALL_PROXY" in reported[0].getMessage()


def test_a_key_log_that_cannot_be_written_is_not_blamed_on_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    with pytest.raises(ValidationError, match="SSLKEYLOGFILE") as caught:
        sdk("rest", "https://api.example")
    assert "SSL_CERT" not in str(caught.value)


def test_a_key_log_that_older_versions_of_httpx_need_for_plain_http_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def older(*_: object, **__: object) -> None:
        (tmp_path / "missing" / "keys").touch()

    monkeypatch.setattr("httpx.HTTPTransport", older)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    with pytest.raises(ValidationError, match="SSLKEYLOGFILE"):
        sdk("rest", "http://api.example")
