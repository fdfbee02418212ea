"""A redacted value in other places of its operation, however it is written there."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from pydantic_core import to_json

from voltagent.core.span import TOOL, TRACE, Phase, Span, TraceInfo
from voltagent.processors.redaction import Redactor
from voltagent.processors.secrets.found import Found

redactor = Redactor()

# Secrets in which something is written in another way in each of the forms: marks, spaces, other alphabets, lines.
SECRETS = {
    "plain characters": "Kx7mQ2vR9t",
    "an address": "p@ss/w0rd:Zk4%1",
    "quotes": """it's"Zk4"'s""",
    "backslashes": r"C:\Zk4\new\\tail",
    "markup": "<Zk4>&a;b'\"",
    "spaces": "vier Tulpen & Zk4",
    "accents": "Gänseblümchen7",
    "Cyrillic": "жизнь42щит",
    "beyond the basic plane": "clé🔑Zk4🔑fin",
    "lines": "first\nsecond\tZk4\r\nthird",
    "marks only": "§$%&/()=?",
    "few characters": "a@b#c$d!e",
    "marks at its ends": '"Zk4pass"',
}


def _dumps(value: object) -> str:
    return json.dumps(value)


def _twice(value: str) -> str:
    return json.dumps({"body": json.dumps({"sent": value})})


_KEPT = "!'()*~"
_FOR_ADDRESSES = str.maketrans("+/", "-_")

# How programs write a string into another one. Each text begins with a word, so that it is never JSON as a whole.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: f"sent {secret} on",
    "percent-encoded": lambda secret: f"GET /a?x={urllib.parse.quote(secret)}&b=1",
    "percent-encoded with slashes": lambda secret: f"GET /a?x={urllib.parse.quote(secret, safe='')}&b=1",
    "percent-encoded in lower case": lambda secret: f"GET /a?x={_lower_percent(secret)}&b=1",
    "encodeURIComponent": lambda secret: f"GET /a?x={urllib.parse.quote(secret, safe=_KEPT)}&b=1",
    "percent-encoded twice": lambda secret: (
        f"next=%2Fb%3Fx%3D{urllib.parse.quote(urllib.parse.quote(secret, safe=''))}"
    ),
    "a form": lambda secret: urllib.parse.urlencode({"a": "b", "x": secret, "c": "d"}),
    "repr": lambda secret: f"cannot use {secret!r}",
    "repr of a dictionary": lambda secret: "refused: " + repr({"who": "bob", "sent": secret}),
    "repr of a repr": lambda secret: "refused: " + repr(ValueError(repr({"sent": secret}))),
    "ascii": lambda secret: f"cannot use {secret!a}",
    "bytes": lambda secret: f"cannot use {secret.encode()!r}",
    "JSON": lambda secret: "answered " + _dumps({"sent": secret}),
    "JSON in UTF-8": lambda secret: "answered " + json.dumps({"sent": secret}, ensure_ascii=False),
    "JSON with escaped slashes": lambda secret: "answered " + _dumps({"sent": secret}).replace("/", "\\/"),
    "JSON for pages": lambda secret: "answered " + _for_pages(_dumps({"sent": secret})),
    "JSON in JSON": lambda secret: f"answered {_twice(secret)}",
    "JSON in JSON in JSON": lambda secret: "answered " + _dumps({"more": _twice(secret)}),
    "repr of JSON": lambda secret: "answered " + repr(_dumps({"sent": secret})),
    "JSON of a repr": lambda secret: "answered " + _dumps({"error": repr({"sent": secret})}),
    "HTML": lambda secret: f"<td>{html.escape(secret)}</td>",
    "HTML with numbers": lambda secret: f"<td>{_with_numbers(secret)}</td>",
    "HTML in ASCII": lambda secret: f"<td>{_in_ascii(html.escape(secret, quote=False))}</td>",
    "XML": lambda secret: f"<a>{escape(secret)}</a>",
    "HTML in JSON": lambda secret: "answered " + _dumps({"page": html.escape(secret)}),
    "base64": lambda secret: f"got {_base64(secret)} there",
    "base64 of a user and it": lambda secret: "got " + _base64(f"bob:{secret}") + " there",
    "base64 of another user and it": lambda secret: "got " + _base64(f"robin:{secret}@") + " there",
    "base64 of a long text": lambda secret: "got " + _base64(f"user: amelie, sent: {secret}, and on") + " there",
    "base64 for addresses": lambda secret: "got " + _base64(f">>>{secret}???").translate(_FOR_ADDRESSES) + " there",
    "hexadecimal digits": lambda secret: f"got {secret.encode().hex()} there",
    "hexadecimal digits in upper case": lambda secret: f"got {secret.encode().hex().upper()} there",
}


def _lower_percent(secret: str) -> str:
    return "".join(
        one if one.isascii() and one.isalnum() else "".join(f"%{byte:02x}" for byte in one.encode()) for one in secret
    )


def _for_pages(text: str) -> str:
    """What encoders of Go, Rails and Django write, so that JSON can stand in a page."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _with_numbers(secret: str) -> str:
    """HTML as Go and MarkupSafe write it."""
    return html.escape(secret, quote=False).replace('"', "&#34;").replace("'", "&#39;")


def _in_ascii(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_BARE = dict.fromkeys(map(ord, "'\"\\"))


def _around(name: str) -> tuple[str, str]:
    """What stands before and behind a secret in a form, without the quotes and escapes that depend on it."""
    before, _, behind = FORMS[name]("Qq7here").translate(_BARE).partition("Qq7here")
    return before, behind


def _is_hidden(recorded: str, name: str, secret: str) -> bool:
    """Whether a text in a form has the mark in the place of the secret, and all else."""
    if name.startswith(("base64", "hexadecimal")):
        rest = recorded.removeprefix("got ").removesuffix(" there")
        around = FORMS[name](secret)
        return rest.count("[redacted]") == 1 and len(recorded) <= len(around) - len(secret) + len("[redacted]")
    return recorded.translate(_BARE) == "[redacted]".join(_around(name))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", SECRETS)
def test_a_redacted_value_is_hidden_in_each_form(kind: str, name: str) -> None:
    secret = SECRETS[kind]
    text = FORMS[name](secret)
    found = Found()
    redactor.apply(to_json({"password": secret}), "input", found)
    for path in ("output", "error", "metadata"):
        recorded = json.loads(redactor.apply(to_json({"note": text}), path, found))["note"]
        assert _is_hidden(recorded, name, secret), recorded
    recorded = json.loads(redactor.apply(to_json({"password": secret, "then": [text]})))["then"][0]
    assert _is_hidden(recorded, name, secret), recorded
    found = Found(secrets={secret: None})
    assert _is_hidden(found.without_repetitions(text), name, secret)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("name", FORMS)
def test_a_redacted_value_is_hidden_in_each_form_beside_others(kind: str, name: str) -> None:
    secret = SECRETS[kind]
    text = FORMS[name](secret)
    others = ["Vp7sL0nQ8wE3xT6y" * 4, "q1w2e3", "Hq5-Wj8_Zc2.Nf9", "bN4 hY7=uJ1"]
    for place in (0, 2, len(others)):
        found = Found()
        known = [*others[:place], secret, *others[place:]]
        redactor.apply(to_json([{"password": one} for one in known]), "input", found)
        recorded = json.loads(redactor.apply(to_json({"note": text}), "output", found))["note"]
        assert _is_hidden(recorded, name, secret), recorded


@pytest.mark.parametrize("name", FORMS)
def test_a_redacted_value_is_hidden_in_each_form_of_a_key(name: str) -> None:
    secret = SECRETS["an address"]
    key = FORMS[name](secret)
    found = Found()
    redactor.apply(to_json({"password": secret}), "input", found)
    for value in ({key: 1}, {"a": [{key: 1}]}, json.dumps({"a": {key: 1}}), [json.dumps({"a": {key: 1}}), {key: 1}]):
        recorded = redactor.apply(to_json(value), "output", found).decode()
        assert "[redacted]" in recorded
        assert redactor.apply(to_json({"then": value, "password": secret})).count(b"[redacted]") >= 2


def test_a_dictionary_whose_keys_are_redacted_keeps_its_values() -> None:
    value = {"cache": {"Kx7mQ2vR9t": 1, "other": 2, "user:Kx7mQ2vR9t:role": 3}, "password": "Kx7mQ2vR9t"}
    recorded = json.loads(redactor.apply(to_json(value)))
    assert recorded["cache"] == {"[redacted]": 1, "other": 2, "user:[redacted]:role": 3}


@pytest.mark.parametrize("secret", ["message", "default", "user_name", "userName", "x-trace-on", "résumé"])
def test_a_secret_that_is_a_name_stays_in_keys(secret: str) -> None:
    """The names of arguments, and those in which we record results and errors, are no secrets."""
    found = Found()
    value = {"password": secret, secret: 1, "more": [{secret: f"with {secret}"}]}
    expected = {"password": "[redacted]", secret: 1, "more": [{secret: "with [redacted]"}]}
    assert json.loads(redactor.apply(to_json(value), "input", found)) == expected
    assert json.loads(redactor.apply(to_json({secret: f"no {secret}"}), "error", found)) == {secret: "no [redacted]"}


def test_an_argument_keeps_its_name_where_that_is_its_value() -> None:
    found = Found()
    assert redactor.apply(b'{"password":"password"}', "input", found) == b'{"password":"[redacted]"}'
    assert redactor.apply(b'{"message":"no password"}', "error", found) == b'{"message":"no [redacted]"}'


@pytest.mark.parametrize("secret", ["redacted", "[redact", "redacted]"])
def test_what_stands_for_redacted_values_is_not_redacted(secret: str) -> None:
    value = {"password": secret, "x": [{"password": "Kx7mQ2vR9t"}, "with Kx7mQ2vR9t"]}
    recorded = b'{"password":"[redacted]","x":[{"password":"[redacted]"},"with [redacted]"]}'
    assert redactor.apply(to_json(value)) == recorded


@pytest.mark.parametrize("secret", [4929123412341234, "vier Tulpen", "Kx7mQ2vR9t"])
def test_a_secret_that_is_no_name_is_hidden_in_keys(secret: str | int) -> None:
    value = {"password": secret, "more": {f"user {secret}": 1}}
    assert redactor.apply(to_json(value)) == b'{"password":"[redacted]","more":{"user [redacted]":1}}'


@pytest.mark.parametrize("size", [10, 3000])
def test_known_secrets_are_hidden_in_keys_of_many_dictionaries(size: int) -> None:
    found = Found(secrets={"Kx7mQ2vR9t": None})
    value = [{"a": [number, {"b": []}], f"k{number}": {"Kx7mQ2vR9t": [{}]}} for number in range(size)]
    recorded = redactor.apply(to_json(value), "output", found)
    assert recorded == to_json(value).replace(b"Kx7mQ2vR9t", b"[redacted]")


@pytest.mark.parametrize("count", [1, 300, 5000, 100_000])
def test_what_a_long_text_repeats_in_another_spelling_is_hidden_everywhere(count: int) -> None:
    text = "GET /a?x=p%40ss%2Fw0rd%3AZk4%251 é "[: None if count < 5000 else -2] * count
    found = Found()
    redactor.apply(to_json({"password": SECRETS["an address"]}), "input", found)
    recorded = json.loads(redactor.apply(to_json({"log": text}), "output", found))["log"]
    assert recorded == text.replace("p%40ss%2Fw0rd%3AZk4%251", "[redacted]")


@pytest.mark.parametrize(
    "text",
    [
        "Kx7mQ2 and vR9t",
        "p%40ss%2Fw0rd and Zk4%251",
        "p@ss w0rd Zk4 1",
        "a64 of another text: " + _base64("Kx8mQ2vR9t"),
        "ss w0rd Zk4 1 p",
    ],
)
def test_what_only_resembles_a_redacted_value_stays(text: str) -> None:
    found = Found()
    redactor.apply(to_json([{"password": SECRETS["plain characters"]}, {"password": SECRETS["an address"]}]), "", found)
    assert json.loads(redactor.apply(to_json({"note": text}), "output", found)) == {"note": text}


def test_each_repetition_counts_once() -> None:
    trace = TraceInfo("t", "a", None)
    span = Span(trace, Span(trace, None, TRACE, "a", None), TOOL, "login", to_json({"password": "p@ss/w0rd"}))
    redactor.process((Phase.START, span, None))
    span.error = to_json({"message": "GET /?x=p%40ss%2Fw0rd", "more": {"p@ss/w0rd": 1}})
    redactor.process((Phase.END, span, None))
    assert json.loads(span.error) == {"message": "GET /?x=[redacted]", "more": {"[redacted]": 1}}
    assert span.more_metadata == (b'{"redacted":3}',)


@pytest.mark.parametrize("offset", range(-2, 2))
def test_a_secret_in_the_only_key_of_megabytes_is_hidden_wherever_it_ends(offset: int) -> None:
    """The end of a key is looked for in pieces of a mebibyte."""
    setting, key = "password=hunter2xyz ", "see hunter2xyz"
    before = (1 << 20) + offset - len(f'["{setting}",{{"{key}')
    text = f'["{setting}{"x" * before}",{{"{key}":1}}]'.encode()
    assert text.index(b'":') == (1 << 20) + offset
    assert b"hunter2xyz" not in Redactor().apply(text)
