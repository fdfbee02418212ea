"""Settings: argument over environment over default, and errors that say what to do."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import fields
from pathlib import Path

import pytest

from tests.helpers.longest_steps import measured
from tests.helpers.pace import hold_processor
from voltagent import VoltAgentSDK, settings
from voltagent.errors import ValidationError


def test_each_setting_has_a_reader_a_default_and_an_argument() -> None:
    arguments = {*settings.Arguments.__annotations__, "exporter"}  # that one is an argument that also takes objects
    assert arguments == {*settings.READERS, *settings.OTLP_READERS, "resource"}
    assert set(settings.READERS) <= {field.name for field in fields(settings.Settings)}


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
        ({"exporter": "reste"}, "exporter has an unknown name 'reste'; did you mean 'rest'"),
        ({"max_retries": -1}, "max_retries must be from 0 to 1000000, got -1"),
        ({"spool_size": 0.5}, "spool_size must be from 1 to 1000000, got 0.5"),
        ({"flush_interval": 1e300}, r"flush_interval must be from 0.001 to 86400, got 1e\+300"),
        ({"exporter": ""}, "exporter"),
        ({"exporter": "rest"}, "public_key"),
        ({"local_path": 3}, "local_path"),
        ({"local_path": "."}, "local_path is a folder, and must be a file, such as traces.db"),
        ({"headers": [("a", "b")]}, "headers"),
        ({"headers": {"a": "b\r\nc"}}, "headers"),
        ({"headers": {"my header": "b"}}, "a name in headers"),
        ({"headers": {"a:b": "c"}}, "a name in headers"),
        ({"headers": {"a": 5}}, "the value of a in headers must be a string, got int"),
        ({"exporter": "otlp", "otlp_endpoint": "collector:4318"}, "otlp_endpoint"),
        ({"exporter": "otlp", "otlp_headers": "authorization"}, "otlp_headers"),
        ({"exporter": "otlp", "otlp_protocol": "grpc"}, "otlp_protocol is grpc, .* to http/protobuf, .* 4318"),
        ({"exporter": "otlp", "otlp_protocol": "http"}, "otlp_protocol"),
        ({"exporter": "otlp", "otlp_compression": "zstd"}, "otlp_compression"),
        ({"exporter": "otlp", "otlp_timeout": 0}, "otlp_timeout"),
        ({"exporter": "otlp", "profiles": "openinferences"}, "profiles"),
        ({"resource": {"service.name": 5}}, "the value of 'service.name' in resource must be a string"),
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


@pytest.mark.parametrize(
    ("variable", "given", "wanted"),
    [
        ("VOLTAGENT_FLUSH_INTERVAL", "5s", "a number of seconds, got '5s'"),
        ("VOLTAGENT_TIMEOUT", "0,5", "a number of seconds, got '0,5'"),
        ("VOLTAGENT_MAX_RETRIES", "a few", "a whole number, got 'a few'"),
        ("VOLTAGENT_MAX_RETRIES", "1.5", "a whole number, got 1.5"),
        ("VOLTAGENT_SPOOL_SIZE", "1 GiB", "a number of MiB, got '1 GiB'"),
        ("VOLTAGENT_SAMPLE_RATE", "10\u2009%", r"a number from 0 to 1, got '10\u2009%'"),
        ("VOLTAGENT_ENABLED", "ja", "true or false (also 1/0, yes/no, on/off), got 'ja'"),
        ("VOLTAGENT_DEBUG", "\x1b[2J", r"true or false (also 1/0, yes/no, on/off), got '\x1b[2J'"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "a number of milliseconds, got '10s'"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "one of none, gzip, got 'zstd'"),
        ("VOLTAGENT_TIMEOUT", "x" * 25, "a number of seconds, got a string of 25 characters"),
    ],
)
def test_a_wrong_variable_is_shown_if_it_is_short(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, wanted: str
) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(ValidationError) as caught:
        settings.load({"exporter": "otlp"})
    assert str(caught.value) == f"{variable} must be {wanted}"


def test_a_wrong_endpoint_is_answered_with_the_one_of_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "a:4318")
    with pytest.raises(ValidationError, match="is not a URL such as http://localhost:4318; it needs http:// or"):
        settings.load({"exporter": "otlp"})


@pytest.mark.parametrize("variable", sorted(variable for variable, _ in settings.READERS.values() if variable))
def test_no_wrong_variable_is_shown_that_may_be_a_key(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    canary = "sk-proj-1f0c5d7e9a8b4c2d6e"
    keys, errors = {"public_key": "pk_1", "secret_key": "sk_1"}, list[str]()
    for value in (f"{canary}\u20ac", f"https://user:{canary}@host:99999999/", f"{canary} {canary}"):
        monkeypatch.setenv(variable, value)
        for arguments in ({}, keys):
            try:
                settings.load({name: arguments[name] for name in arguments if settings.READERS[name][0] != variable})
            except ValidationError as exc:
                errors.append(str(exc))
    assert all(variable in error or "missing" in error for error in errors)
    assert not any(canary in error for error in errors)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"timeout": "soon"}, "timeout must be a number of seconds, got str 'soon'"),
        ({"timeout": ""}, "timeout must be a number of seconds, got an empty string"),
        ({"timeout": [1]}, "timeout must be a number of seconds, got list"),
        ({"enabled": "perhaps"}, "enabled must be true or false (also 1/0, yes/no, on/off), got str 'perhaps'"),
        ({"enabled": 1}, "enabled must be True or False, got int"),
        ({"spool": []}, "spool must be true, false or the path of a folder, got list"),
        ({"spool": {"a": 1}}, "spool must be true, false or the path of a folder, got dict"),
        (
            {"prices": ["gpt-5-mini"]},
            "prices must be a mapping of models to prices, or the path of a JSON file, got list",
        ),
        ({"instrument": 1}, "instrument must be true, false, a name, or several separated by commas, got int"),
        ({"instrument": 0}, "instrument must be true, false, a name, or several separated by commas, got int"),
        ({"exporter": "x" * 500}, "exporter has an unknown name of 500 characters; known are auto, "),
        ({"local_path": "a\0b"}, "local_path must be a file path, and contains a null character"),
        ({"base_url": "voltagent.dev"}, "it needs http:// or https:// at its beginning"),
        ({"base_url": "a"}, "base_url is not a URL such as https://api.voltagent.dev; it needs http://"),
        (
            {"exporter": "otlp", "otlp_endpoint": "a:4318"},
            "such as http://localhost:4318/v1/traces; it needs",
        ),
        ({"base_url": "https://a b"}, "it contains a space"),
        ({"base_url": "https:///x"}, "it has no host"),
        ({"base_url": "https://[::1"}, "its host is not valid"),
        ({"base_url": "https://x:99999"}, "its port must be a number from 1 to 65535"),
        ({"base_url": "https://x:0"}, "its port must be a number from 1 to 65535"),
    ],
)
def test_a_wrong_argument_is_described_by_its_type_and_what_is_wrong(given: dict[str, object], wanted: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings.load(given)
    assert wanted in str(caught.value)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(TypeError, match="'flush_intervall'; did you mean 'flush_interval'"):
        settings.load({"flush_intervall": 1})


@pytest.mark.parametrize(
    ("name", "near"),
    [("redactt", "redact"), ("samplerr", "sampler"), ("tranport", "transport"), ("htp_client", "http_client")],
)
def test_an_argument_that_is_no_setting_is_suggested_too(name: str, near: str) -> None:
    with pytest.raises(TypeError, match=f"'{name}'; did you mean '{near}'"):
        VoltAgentSDK(**{name: 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"known are .*http_client, .*redact, .*sampler, .*transport"):
        VoltAgentSDK(zzz=1)  # type: ignore[call-arg]


def test_every_argument_of_the_constructor_is_known() -> None:
    named = [
        name for name, given in inspect.signature(VoltAgentSDK).parameters.items() if given.kind is given.KEYWORD_ONLY
    ]
    assert {*named} == {*settings.CONSTRUCTOR_ONLY, "exporter"}


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
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/", "http://c:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base", "http://c:4318/base/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base/", "http://c:4318/base/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base/?tenant=1", "http://c:4318/base/v1/traces?tenant=1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://[::1]", "https://[::1]/v1/traces"),
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


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ("api-key=abc", {"api-key": "abc"}),
        (" a = b , c=d,", {"a": "b", "c": "d"}),
        ("authorization=Basic%20cGs6c2s%3D", {"authorization": "Basic cGs6c2s="}),
        ("authorization=Basic cGs6c2s=", {"authorization": "Basic cGs6c2s="}),
        ("a=b%2Cc,d=1+1", {"a": "b,c", "d": "1+1"}),
    ],
)
def test_headers_are_read_as_opentelemetry_has_it(
    monkeypatch: pytest.MonkeyPatch, given: str, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", given)
    found = settings.load({"exporter": "otlp"}).otlp
    assert found is not None
    assert found.headers == headers


@pytest.mark.parametrize("junk", ["a", "a=b,c", "=b", "a=", "a=%FF", "a=%C3%B6", "my header=b", "a=x%0D%0Ab: c"])
def test_junk_in_headers_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, junk: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", f"key=canary,{junk}")
    with pytest.raises(ValidationError, match="OTEL_EXPORTER_OTLP_TRACES_HEADERS") as caught:
        settings.load({"exporter": "otlp"})
    assert "canary" not in str(caught.value)


def test_the_variable_for_traces_wins_and_an_argument_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    for what, general, own in (
        ("ENDPOINT", "http://a", "http://b/x"),
        ("HEADERS", "a=1,b=2", "c=3"),
        ("PROTOCOL", "http/json", "HTTP/Protobuf"),
        ("COMPRESSION", "gzip", "none"),
        ("TIMEOUT", "1000", "2500"),
    ):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{what}", general)
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_TRACES_{what}", own)
    found = settings.load({"exporter": "otlp"}).otlp
    assert found is not None
    assert (found.endpoint, found.headers, found.protocol) == ("http://b/x", {"c": "3"}, "http/protobuf")
    assert (found.compression, found.timeout) == ("none", 2.5)
    again = settings.load({"exporter": "otlp", "otlp_endpoint": "http://c/", "otlp_timeout": 4}).otlp
    assert again is not None
    assert (again.endpoint, again.timeout, again.headers) == ("http://c/", 4, {"c": "3"})


def resource(**arguments: object) -> dict[str, str]:
    found = settings.load({"exporter": "otlp", **arguments}).otlp
    assert found is not None
    return dict(found.resource)


def test_the_resource_is_joined_from_arguments_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed,city=K%C3%B6ln , a%3Db=1%2C2,empty=")
    assert resource() == {"service.name": "listed", "city": "Köln", "a=b": "1,2", "empty": ""}
    monkeypatch.setenv("OTEL_SERVICE_NAME", "standard")
    assert resource()["service.name"] == "standard"
    monkeypatch.setenv("VOLTAGENT_SERVICE_NAME", "ours")
    assert resource()["service.name"] == "ours"
    given = {"service.name": "given", "city": "Bonn"}
    assert resource(resource=given) == {"service.name": "given", "city": "Bonn", "a=b": "1,2", "empty": ""}
    assert resource(resource=given, service_name="named")["service.name"] == "named"


@pytest.mark.parametrize("wrong", ["junk", "a=1,junk", "a=%FF", "=1"])
def test_a_wrong_resource_in_the_environment_is_left_out_whole_and_reported(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", wrong)
    found = settings.load({"exporter": "otlp", "service_name": "shop"})
    assert found.otlp is not None
    assert found.otlp.resource == {"service.name": "shop"}
    assert [warning.split()[0] for warning in found.warnings] == ["OTEL_RESOURCE_ATTRIBUTES"]
    assert settings.load({"exporter": "local"}).warnings == ()


@pytest.mark.parametrize(
    ("word", "enabled", "reported"),
    [("TRUE", False, 0), ("true ", False, 0), ("false", True, 0), ("", True, 0), ("1", True, 1), ("yes", True, 1)],
)
def test_the_switch_of_opentelemetry_is_true_or_it_is_off(
    monkeypatch: pytest.MonkeyPatch, word: str, enabled: bool, reported: int
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", word)
    found = settings.load()
    assert (found.enabled, len(found.warnings)) == (enabled, reported)
    assert settings.load({"enabled": True}).enabled


def test_what_is_given_for_a_wire_that_is_not_in_use_is_reported() -> None:
    assert settings.load({"otlp_endpoint": "http://c/"}).warnings == (
        "otlp_endpoint is set, but exporter 'otlp' is not: it has no effect",
    )
    assert settings.load({"otlp_endpoint": "http://c/", "exporter": "local,otlp"}).warnings == ()
    keys = {"public_key": "pk_1", "secret_key": "sk_1", "resource": {"team": "a"}}
    found = settings.load(keys)
    assert (found.exporter, found.warnings) == (("auto",), ())
    assert found.platform_otlp is not None
    assert found.platform_otlp.resource == {"team": "a"}


HUGE = 5_000_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "https://h/" + "/" * HUGE),
        ("base_url", "https://é" * HUGE),
        ("public_key", "x" * HUGE),
        ("secret_key", "x" * HUGE),
        ("headers", {"a": "x" * HUGE}),
        ("headers", {"x" * HUGE: "a"}),
        ("headers", {f"a{number}": "b" for number in range(300_000)}),
        ("otlp_headers", "a=b," * HUGE),
        ("resource", "a=%41," * HUGE),
        ("exporter", "rest," * HUGE),
        ("environment", "x" * HUGE),
        ("timeout", "9" * HUGE),
        ("local_path", "x" * HUGE),
    ],
)
def test_a_setting_of_megabytes_is_refused_at_once_and_not_shown(name: str, value: object) -> None:
    with (
        measured() as step,
        pytest.raises(ValidationError, match=rf"{name}.* (is too long|has too many items): ") as got,
    ):
        settings.load({name: value})
    assert len(str(got.value)) < 200
    hold_processor(step.seconds, 0.005)


def test_the_longest_setting_is_read_in_short_steps() -> None:
    given = {"base_url": "https://h" + "/" * 65_000, "headers": {"a": "x" * 65_000}, "resource": "a=%41," * 10_000}
    with measured() as step:
        found = settings.load({**given, "public_key": "pk", "secret_key": "x" * 65_000, "exporter": "otlp"})
    assert found.base_url == "https://h"
    hold_processor(step.seconds, 0.005)
