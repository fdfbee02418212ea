"""Settings: argument over environment over default, and errors that say what to do."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from voltagent import settings
from voltagent.errors import ValidationError


def test_an_argument_wins_over_the_environment_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTAGENT_TIMEOUT", "7")
    monkeypatch.setenv("VOLTAGENT_FLUSH_INTERVAL", "0.5")
    found = settings.load({"timeout": 3})
    assert (found.timeout, found.flush_interval, found.max_retries) == (3, 0.5, 3)
    assert (found.origin["timeout"], found.origin["flush_interval"]) == ("argument", "environment")
    assert found.origin["max_retries"] == "default"


def test_none_and_an_empty_variable_count_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTAGENT_TIMEOUT", " ")
    assert settings.load({"timeout": None}).timeout == 30


@pytest.mark.parametrize(
    ("given", "exporter"),
    [
        ({}, ("local",)),
        ({"public_key": "pk_1", "secret_key": "sk_1"}, ("auto",)),
        ({"base_url": "http://127.0.0.1:9"}, ("rest",)),
        ({"base_url": "http://localhost:9/api/"}, ("rest",)),
        ({"base_url": "http://[::1]:9"}, ("rest",)),
        ({"base_url": "https://example.com"}, ("local",)),
        ({"exporter": "none"}, ("none",)),
        ({"exporter": "local, local"}, ("local",)),
    ],
)
def test_the_destination_follows_from_what_is_given(given: dict[str, object], exporter: tuple[str, ...]) -> None:
    assert settings.load(given).exporter == exporter


def test_a_base_url_without_keys_is_worth_a_warning() -> None:
    assert "keys" in settings.load({"base_url": "https://example.com"}).warnings[0]
    assert settings.load({"base_url": "http://localhost:1"}).warnings == ()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"base_url": "no url"}, "base_url"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"base_url": "https://"}, "base_url"),
        ({"base_url": "https://example.com:99999"}, "base_url"),
        ({"base_url": 5}, "base_url"),
        ({"public_key": "pk_1"}, "secret_key"),
        ({"secret_key": "sk_1"}, "public_key"),
        ({"public_key": "pk_1", "secret_key": "line\nbreak"}, "secret_key"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"max_retries": -1}, "max_retries"),
        ({"sample_rate": 1.1}, "sample_rate"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"exporter": "carrier-pigeon"}, "exporter"),
        ({"exporter": ""}, "exporter"),
        ({"exporter": "rest"}, "public_key"),
        ({"local_path": 3}, "local_path"),
        ({"headers": [("a", "b")]}, "headers"),
        ({"headers": {"a": "b\r\nc"}}, "headers"),
    ],
)
def test_a_wrong_value_is_refused_with_the_setting_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as caught:
        settings.load(given)
    assert isinstance(caught.value, ValueError)


def test_a_wrong_variable_is_named_as_it_is_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTAGENT_SAMPLE_RATE", "lots")
    with pytest.raises(ValidationError, match="VOLTAGENT_SAMPLE_RATE"):
        settings.load()


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(TypeError, match="'flush_intervall'; did you mean 'flush_interval'"):
        settings.load({"flush_intervall": 1})


def test_the_secret_is_in_no_text() -> None:
    found = settings.load({"public_key": "pk_1", "secret_key": "sk_canary", "headers": {"x": "sk_canary"}})
    assert "sk_canary" not in repr(found)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(found)
    with pytest.raises(ValidationError) as caught:
        settings.load({"secret_key": "sk_canary\n\n\x00", "public_key": "p"})
    assert "sk_canary" not in str(caught.value)


def test_opentelemetry_variables_alone_name_no_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    assert not settings.names_destination()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not settings.load().enabled
    monkeypatch.setenv("VOLTAGENT_ENABLED", "yes")
    assert settings.load().enabled


def test_the_store_is_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert settings.load().local_path == tmp_path / "voltagent" / "traces.db"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.default_local_path() == tmp_path / ".local" / "share" / "voltagent" / "traces.db"
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    assert settings.default_local_path().name == "traces.db"
    monkeypatch.setenv("VOLTAGENT_LOCAL_PATH", "~/x.db")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.load().local_path == tmp_path / "x.db"


@pytest.mark.parametrize(
    ("variable", "given", "endpoint"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318", "http://c:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base/", "http://c:4318/base/v1/traces"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/traces/", "http://c:4318/traces/"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/", "http://c:4318/"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318", "http://c:4318"),
    ],
)
def test_endpoints_are_read_as_opentelemetry_has_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, endpoint: str
) -> None:
    monkeypatch.setenv(variable, given)
    found = settings.load({"exporter": "otlp"}).otlp
    assert found is not None
    assert found.endpoint == endpoint


def test_the_environment_is_named_in_both_spellings() -> None:
    found = settings.load({"exporter": "otlp", "environment": "test", "service_name": "shop"}).otlp
    assert found is not None
    assert found.resource == {"service.name": "shop", "environment": "test", "deployment.environment.name": "test"}
