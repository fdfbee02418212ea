"""Texts in which names of secrets stand too close together to examine each place: values are hidden line by line."""

from __future__ import annotations

import random
import string
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from voltagent.processors.redaction import Redactor

PROSE = "some words and more and none on one line " * 2_000
DENSE = 'token=abc; key: def, api_key=x pass=1 auth="" secret: y cookie z=1 pin=2 pwd=q\n'


def dense(lines: int) -> str:
    """Such lines, of which none repeats another: few repetitions of a part are searched."""
    return "".join([DENSE.replace("x", f"x{number}", 1) for number in range(lines)])


_BASE64 = string.ascii_lowercase + string.ascii_uppercase + string.digits + "-_"


def base64(number: int, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices(_BASE64, k=number))


def redacted(value: Any, **options: Any) -> Any:
    return from_json(Redactor(**options).apply(to_json(value)))


def test_prose_that_holds_a_name_of_the_users_everywhere_stays() -> None:
    assert redacted({"text": PROSE}, keys=["n"]) == {"text": PROSE}


def test_a_value_after_such_a_name_is_hidden() -> None:
    found = redacted({"text": f"{PROSE}\nn = Zk81mQ4x77pLw\n{PROSE}"}, keys=["n"])["text"]
    assert "Zk81mQ4x77pLw" not in found
    assert found.startswith(PROSE)
    assert found.endswith(PROSE)


@pytest.mark.parametrize("offset", range(0, 2100, 150))
def test_a_token_is_hidden_to_its_end_however_long(offset: int) -> None:
    """In parts of 512 characters, most of which have nothing suspicious of their own."""
    head, body, signature = "eyJhbGciOiJSUzI1NiJ9", base64(1800), base64(342, 2)
    found = redacted({"log": f"{dense(500)}{'x' * offset} {head}.{body}.{signature}\n{dense(20)}"})["log"]
    assert not any(body[at : at + 40] in found for at in range(0, 1760, 40))
    assert not any(signature[at : at + 40] in found for at in range(0, 300, 40))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Bearer abcdefghijklmnopQRSTUVWXYZ==", "abcdefghijklmnop"),
        ("secret: >-\n  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ"),
        ("mysql -u root -pHunter!x@yz db", "Hunter!x"),
        ("redis-cli -a my#pass!x=1", "my#pass!x"),
        ("jdbc:oracle:thin:bob/kT7mQ2vR9tZk81@db:1521", "kT7mQ2vR9tZk81"),
        ("requirepass foobarbaz=qux@1", "foobarbaz"),
        ("<password>\n  hunterabc&lt;x=1\n</password>", "hunterabc"),
        ("passwords:\n  - Wq81mA4k\n  - Zx92nB5l", "Zx92nB5l"),
        ("INSERT INTO users (name, password) VALUES\n ('bob', 'hunterx9')", "hunterx9"),
        (f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{base64(64)}\n{base64(64, 2)}\n---- END SSH2", base64(64, 2)),
        (f"Private-Lines: 2\n{base64(64)}\n{base64(64, 2)}\nPrivate-MAC: 0", base64(64, 2)),
    ],
)
def test_what_the_whole_examination_hides_is_hidden_here_too(text: str, secret: str) -> None:
    assert secret not in redacted({"log": f"{dense(500)}{text}\n{dense(100)}"})["log"]


@pytest.mark.parametrize(
    "module", ["email._header_value_parser", "tokenize", "http.cookiejar", "smtplib", "urllib.request"]
)
def test_source_about_tokens_and_passwords_is_not_too_dense_to_examine(module: str) -> None:
    """Files of 26 to 107 KB of Python's own library, in which such names stand in most lines."""
    source = find_spec(module)
    assert source is not None
    assert source.origin is not None
    lines = Path(source.origin).read_text("utf-8").split("\n")
    changed = [
        one
        for one, kept in zip(lines, redacted({"file": "\n".join(lines)})["file"].split("\n"), strict=True)
        if one != kept
    ]
    assert len(changed) <= 2, changed[:5]


def test_a_lexer_is_not_too_dense_to_examine() -> None:
    """Each of its tables of rules stands under the name ``tokens``, and has thousands of quotes and brackets."""
    words = ["".join(random.Random(seed).choices(string.ascii_lowercase, k=7)) for seed in range(60)]
    rules = "".join(f"            (r'\\b({name})(\\s+)', bygroups(Keyword, Text)),\n" for name in words)
    lexer = f"class Lexer:\n    tokens = {{\n        'root': [\n{rules}        ],\n    }}\n\n"
    assert redacted({"file": lexer * 6})["file"] == lexer * 6


def test_what_stands_before_a_dense_stretch_is_kept() -> None:
    lines = [f"alarm_code=>{number} b ENV&" for number in range(2000)]
    found = redacted({"log": "".join(lines)})["log"]
    assert found.startswith("".join(lines[:100]))
    assert "[redacted]" in found


def test_a_short_table_with_columns_of_secrets_hides_no_line_of_the_code_behind_it() -> None:
    """Its rows cost some of the work that is free, but nothing before them was too dense."""
    rows = "".join(f"{number},u{number},pw{number * 7919}x,k{number * 6131}q\n" for number in range(11, 61))
    code = "\npassword = input('Password: ')\nif not password: raise ValueError('token missing: 3')\n"
    found = redacted({"text": f"id,user,password,api_key\n{rows}{code}"})["text"]
    assert found.count("[redacted]") == 100
    assert found.endswith(code)


@pytest.mark.parametrize(
    "code",
    [
        "if name == key or other != key or last == self.key:\n    return self.table[key]\n" * 110,
        "self.assertEqual(item.key, other)\nself.assertEqual(name, key.name)\n" * 250,
    ],
)
def test_code_with_very_many_comparisons_is_kept(code: str) -> None:
    """Only what stands behind a literal costs some of the work that may be done."""
    assert redacted({"text": code})["text"] == code


@pytest.mark.parametrize("length", [16_390, 16_400, 16_420, 33_000])
def test_a_table_that_ends_with_the_text_may_have_rows_that_look_like_headers(length: int) -> None:
    """Its last row ends behind the beginning of another window, in which no header is looked for any more."""
    rows = "".join([f"pass{number},tul{number}ps\n" for number in range(3000)])[:length].rstrip("\n")
    table = f"user,password\n{rows}"
    found = redacted({"a": table, "b": "plain"})
    assert found["b"] == "plain"
    assert "tul7ps" not in found["a"]
