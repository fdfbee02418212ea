"""What stands around a text changes nothing: its secret is hidden, and without one it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_core import to_json

from voltagent import Redactor

AROUND: dict[str, Callable[[str], Any]] = {
    "nothing": str,
    "message": lambda text: {"role": "user", "content": text},
    "JSON in JSON": lambda text: {"body": json.dumps({"b": json.dumps({"x": text})})},
    "JSON in text": lambda text: "got " + json.dumps({"x": text}),
    "fence": lambda text: f"Run this:\n```\n{text}\n```\nthen tell me.",
    "lines quoted": lambda text: "> " + text.replace("\n", "\n> "),
    "log": lambda text: "2026-01-02T03:04:05Z INFO [app] " + text,
    "quotes": lambda text: 'level=info msg="{}" n=1'.format(text.replace('"', '\\"')),
    "comment": lambda text: "# " + text.replace("\n", "\n# "),
    "brackets": lambda text: f"(see {text})",
    "backticks": lambda text: f"Use `{text}` here.",
    "bold": lambda text: f"**{text}**",
    "dot": lambda text: f"{text}.",
    "lines": lambda text: "x\r\n{}\r\ny".format(text.replace("\n", "\r\n")),
    "item": lambda text: "- " + text,
    "element": lambda text: f"<p>{text}</p>",
    "error": lambda text: f'  File "x.py", line 3, in f\n    {text}\nValueError: x',
    "colour": lambda text: f"\x1b[1;32m{text}\x1b[0m",
    "long": lambda text: f"{'lorem ipsum dolor sit amet ' * 40}{text}{' lorem ipsum' * 40}",
    "other alphabet": lambda text: f"Größe ✓ {text} — fertig",
    "prompt": lambda text: "bob@host:~$ " + text,
}
SECRET = "qV4mT9xKw2"
HIDE = (
    "password = '{}'",
    'apiKey: "{}",',
    "DB_PASSWORD={}",
    "pass: {}",
    "password is {}",
    "Authorization: Bearer {}",
    "Authorization: ApiKey {}",
    "Cookie: lang=de; sid={}",
    "X-Api-Key: {}",
    "https://bob:{}@host/db",
    "https://h/x?access_token={}",
    "curl -u bob:{} https://x",
    "mysql -u root -p{} shop",
    "keytool -list -storepass {}",
    "aws configure set aws_secret_access_key {}",
    'setx OPENAI_API_KEY "{}"',
    "<password>{}</password>",
    "machine h login bob password {}",
    "Server=db;User Id=sa;Password={};Encrypt=true",
    "if password == '{}':",
    "{{'password': '{}'}}",
    'let key = "a"; let apiKey: &str = "{}";',
    "the password for bob is '{}'",
    "creds are bob:{}",
)
KEEP = (
    "password: str",
    "Authorization: pending approval",
    "authorization: denied",
    "Authorization: Basic base64(user:pass)",
    "token = tokenizer.decode(ids)",
    "--password PASSWORD",
    "--password=PASSWORD",
    '--password "$DB_PASS"',
    "usage: tool [-h] [--token TOKEN] [--password PASSWORD]",
    "curl -u user:pass https://x",
    "bob@host's password: ",
    "def login(username, password):",
    "if not check_password(user, password):",
    "API_KEY=\nSECRET_KEY=\nDB_PASSWORD=\nPORT=8080",
    "password:\n  username1: bob",
    "password = password_hash($_POST['pw'], PASSWORD_DEFAULT)",
    "credentials: include",
    "password: null, token: null",
    "The secret: patience and time.",
    "Password: required field",
    "#password:focus",
    "key: value",
)
redactor = Redactor()


@pytest.mark.parametrize("around", AROUND)
def test_a_secret_is_hidden_whatever_stands_around(around: str) -> None:
    texts = [form.format(SECRET) for form in HIDE]
    missed = [text for text in texts if SECRET in redactor.apply(to_json(AROUND[around](text))).decode()]
    assert not missed


@pytest.mark.parametrize("around", AROUND)
def test_a_harmless_text_is_kept_whatever_stands_around(around: str) -> None:
    values = [AROUND[around](text) for text in KEEP]
    changed = [value for value in values if json.loads(redactor.apply(to_json(value))) != value]
    assert not changed


NEIGHBOUR = "plain words here"
AT_THE_END = (
    "password | qV4mT9xKw2",
    "| api_key | qV4mT9xKw2",
    "chpasswd:\n  list: |\n    root:qV4mT9xKw2",
    "# client server secret IP addresses\nbob * qV4mT9xKw2",
    " password\n----------\n qV4mT9xKw2",
    "password\n  Input should be an int [type=int_type, input_value='qV4mT9xKw2', input_type=str]",
)
# Each has nothing else that is suspicious, so the first look has to find it.
ALONE = (
    *(f'password{operator}"qV4mT9xKw2"' for operator in ("<-", "?=", "??=", "||=", "!=", ":=")),
    *(f"token{operator}qV4mT9xKw2" for operator in ("<-", "?=", "??=", "||=")),
    *(f"wpa-psk {encoding} qV4mT9xKw2" for encoding in ("ascii", "ascii 0", "hexadecimal", "encrypted", "simple")),
    "radius-server key cipher qV4mT9xKw2",
    "isakmp key irreversible-cipher qV4mT9xKw2",
)


@pytest.mark.parametrize("text", [*AT_THE_END, *ALONE])
def test_other_strings_of_a_payload_change_nothing(text: str) -> None:
    for value in ({"a": text}, {"a": text, "b": NEIGHBOUR}, {"b": NEIGHBOUR, "a": text}, {"a": text, "password": "pw"}):
        assert SECRET.encode() not in Redactor().apply(to_json(value)), value


@pytest.mark.parametrize("joint", ["_", "-", " "])
def test_a_name_of_two_words_in_arabic_is_found_alone(joint: str) -> None:
    assert SECRET.encode() not in Redactor().apply(to_json({f"كلمة{joint}المرور": SECRET}))
