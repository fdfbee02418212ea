"""Samples for alternatives of rules: each fails without its own, whatever the corpora have by chance."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_core import to_json

from voltagent.processors.redaction import Redactor

redactor = Redactor()
ANSWERING = (
    "pass show db",
    "gopass show db",
    "pass otp db",
    "bw get totp jira",
    "bw get password jira",
    "op read op://db/mx",
    "security find-generic-password -w -s mx",
    "security find-internet-password -w -s mx",
    "secret-tool lookup service mx",
    "lpass show --password db",
    "pwgen 16 1",
    "makepasswd --chars 16",
    "openssl rand -hex 6",
    "wg genkey",
    "wg genpsk",
    "aws ecr get-login-password --region eu",
    "gcloud secrets versions access 1 --project=mx",
    *(f"x {one} generate --plain" for one in ("secret", "token", "password")),
    *(f"vault kv get -field=api_{one} kv/x" for one in ("pass", "secret", "token", "key")),
    "awk 1 a.psk b.psk",
    "cat token",
    "type token",
    "less token",
    "vault read token",
    "kubectl show token",
    "jq -r .token",
    "printenv TOKEN",
    "echo $TOKEN",
    "terraform output token",
    "x access token",
    "$env:TOKEN",
    "x get 'token'",
    "x get db-token.value",
    "cat token | base64 -d",
    *(f"x get db-token {one} text" for one in ("-o", "--output", "--query")),
    *(f"x get db-token --{one}" for one in ("with-decryption", "reveal", "raw", "plain", "no-newline")),
)
OF_DEFAULTS = ("default: ", "unset: ", "fallback=", "")
SETTING = ("set", "setdefault", "define", "put", "with", "fill", "type", "send_keys", "sendKeys")
HEADERS = ("Add", "append", "header", "addHeader", "setRequestHeader")
REQUESTING = ("get", "read", "load", "fetch", "ask", "prompt", "input", "find", "token", "decrypt")
CODE = (
    "self this os env process config settings request req ctx args options params cls app data props state event body "
    "user st np torch"
)
ELSEWHERE = ("Ref", "GetAtt", "Sub", "ImportValue", "Join", "Select", "FindInMap", "secret", "env", "env_var", "vault")
REFERRING = (
    "env",
    "sys",
    "secrets",
    "vault",
    "ssm",
    "sm",
    "file",
    "param",
    "self",
    "opt",
    "custom",
    "aws",
    "azure",
    "kv",
)
SCHEMA = (
    "type: string",
    "type: Number",
    "type: DataTypes.STRING",
    "type: Schema.Types.Mixed",
    "type: 'integer'",
    '"type": "boolean"',
    "type: object",
    "type: 'array'",
    "type: text",
    "type: varchar",
    "required: true, default: 'none'",
    "minLength: 8, label: 'Word1'",
    "nullable: false, label: 'Word1'",
    "validators: ['Word1']",
)
STANDING_FOR_ONE = (
    "here the secret password pass passwd key token api change me replace example insert put set user to from none "
    "placeholder dummy fake test todo env file path name value required"
)
COUNTED = (
    "Appendix Attempt Chapter Class Code Error Example Field Figure Group Item Length Level Line Max Min Note Option "
    "Page Part Phase Question Row Rule Section Status Step Table Test Type Unit Version Volume Warning"
)
FIELDS = ("name", "key", "header", "field", "variable", "env")


def _recorded(value: Any) -> Any:
    return json.loads(redactor.apply(to_json(value)))


@pytest.mark.parametrize("text", [f"$ {command}\nTern4Shore9x\n" for command in ANSWERING])
def test_what_a_command_prints_is_hidden(text: str) -> None:
    # The check before the search does not know all of these commands: they are found beside what it knows.
    assert "Tern4Shore9x" not in _recorded(f"$ export TOKEN=k4Lm2Rt9Vx\n{text}")


@pytest.mark.parametrize("answer", ["$", "[bob@host]", "/var/lib/db", "usage:"])
def test_a_prompt_or_a_path_is_no_answer(answer: str) -> None:
    text = f"$ pass show db\n{answer}\n"
    assert _recorded(text) == text


@pytest.mark.parametrize(
    "text",
    [
        'password = cfg.get("x") or "Tern4Shore9x"',
        *(f'password = read("db_password", {one}"Tern4Shore9x")' for one in OF_DEFAULTS),
        *(f'page.{one}("password", "sparrow")' for one in SETTING),
        *(f'x.{one}("X-Api-Key", "Summer-2024")' for one in HEADERS),
        *(f'x = os.{one}("DB_PASSWORD", "Summer-2024")' for one in ("environ.get", "getenv")),
        *(f"{one}: DB_PASSWORD\nvalue: Tern4Shore9x\n" for one in FIELDS),
        'let password: &mut str = "Tern4Shore9x";',
        'let password: &\'static mut str = "Tern4Shore9x";',
        "password = %Q(Tern Shore 9)",
        "password = Buffer.from('Tern4Shore9x')",
        "token = getToken || 'Tern4Shore9x'",
        "password = cfg.a ?? 'Tern4Shore9x'",
        "if password == 'Tern4Shore9x':",
    ],
)
def test_a_literal_in_code_is_hidden(text: str) -> None:
    recorded = _recorded(text)
    assert not any(secret in recorded for secret in ("Tern4Shore9x", "Tern Shore 9", "sparrow", "Summer-2024"))


@pytest.mark.parametrize(
    "text",
    [
        *(f"password={one}.db2Pass" for one in CODE.split()),
        *(f"password: !{one} dbPass2word" for one in ELSEWHERE),
        *(f"password: ${{{one}:prod/db}}" for one in REFERRING),
        *(f"password: {{ {one}, label: 'Word1' }}" for one in SCHEMA),
        *(f'password = {one}_password("Enter it: ")' for one in REQUESTING),
        *(f"PASSWORD={one}-some-words-once" for one in STANDING_FOR_ONE.split()),
        *(f"secret: {one}_4\n" for one in COUNTED.split()),
        "if password == 'abc':",
        "password || 'anonymous'",
        "type Token = password | 'anonymous'",
        "driver.setPassword('${DB_PASSWORD}')",
        "password: '<the password of the database>'",
        "password: 'Your password must have at least 8 characters'",
        "password: 'The passphrase is required'",
        "tokens: 1234, 5678",
        "api_key_header = APIKeyHeader(name='X-API-Key')",
    ],
)
def test_what_only_names_or_describes_a_secret_is_kept(text: str) -> None:
    assert _recorded(text) == text


def test_a_bracket_that_closes_one_inside_a_password_belongs_to_it() -> None:
    assert _recorded("PASSWORD=P@ss(w0rd9)\n") == "PASSWORD=[redacted]\n"


def test_the_command_behind_a_file_of_secrets_is_kept() -> None:
    secrets = "# client server secret IP\nole\t*\tSturgeon5\t10.9.0.7\n"
    text = secrets + "$ cat /etc/openvpn/auth.txt\n"
    assert _recorded(text) == text.replace("Sturgeon5", "[redacted]")


def test_a_key_of_the_registry_that_is_opened_is_kept() -> None:
    text = 'key = winreg.OpenKeyEx(\n    winreg.HKEY,\n    r"Software\\SxS\\VC7",\n    access=winreg.READ,\n)\n'
    assert _recorded(text) == text


@pytest.mark.parametrize("space", [" ", "\t", "\t\t\t"])
def test_a_file_of_secrets_is_found_by_its_first_line_alone(space: str) -> None:
    text = f"# client{space[:1]}server{space[:1]}secret{space}IP addresses\nole\t*\tSturgeon5\t*\n"
    assert _recorded(text) == text.replace("Sturgeon5", "[redacted]")


def test_the_rows_of_a_column_end_at_the_next_table() -> None:
    """Otherwise the rows of the first of many tables would be all that follows, whatever work is allowed."""
    tables = "password\n--------\nFoobar12x\n" * 2
    assert _recorded(tables) == tables.replace("Foobar12x", "[redacted]")
    assert _recorded("password\n----\n---x8Kq2\nFoobar12x\n") == "password\n----\n[redacted]\n[redacted]\n"
