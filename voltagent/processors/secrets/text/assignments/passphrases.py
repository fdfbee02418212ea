"""Decide whether words are a password: joined ones such as ``Tern@Shore``, and several behind ``passphrase:``."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.assignments.beginnings import (
    CALLED,
    DOTTED,
    OF_SEVERAL_WORDS,
    Beginning,
)
from voltagent.processors.secrets.text.scan import LONGEST_VALUE, Range, Scan
from voltagent.processors.secrets.vocabulary.credential_forms import is_mixture, is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import (
    JOINED_WORDS,
    NUMBERED,
    WORD_AND_NUMBER,
    WORDS_AND_NUMBER,
    has_marks,
    is_camel_case,
    is_free_word,
    is_joined_words,
)
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import IN_SENTENCES, STRONG

# A word of a placeholder, where plain words joined by hyphens are a passphrase.
_STANDS_FOR_ONE: Final = re.compile(
    r"(?:^|-)(?:your|my|here|the|secret|password|pass|passwd|key|token|api|change|me|replace|example|insert|put|set|user|to|from|none"
    r"|placeholder|dummy|fake|test|todo|env|file|path|name|value|required)(?:-|\Z)",
    re.IGNORECASE,
)
# A passphrase of plain words: all that is left of a line of configuration.
_PHRASE: Final = re.compile(r"([a-z]{2,14}(?:[ ][a-z]{2,14}){2,24})[ \t]{0,4}(?=[\r\n\0#]|\Z)")
# The same with a number among the words, behind an equals sign.
_WORDS_AND_NUMBERS: Final = re.compile(
    r"(?=[A-Za-z]{2,20} )(?=[^0-9\n]{2,100}[0-9])([A-Za-z]{2,20}(?: [A-Za-z0-9!?#%&+-]{1,20}){1,8})"
    r"[ \t]{0,4}(?=[\r\n\0]|\Z)"
)
_FEW_WORDS: Final = re.compile(r"([A-Z][a-z]{1,20}(?: [A-Za-z]{2,20}){1,3})[ \t]{0,4}(?=[\r\n\0]|\Z)")
# A line of configuration: a name, and a value that is no code and no type.
_CONFIGURED: Final = re.compile(
    r"[ \t>+|#-]{0,20}[\w.-]{1,40}[ \t]{0,20}[:=][ \t]{0,8}"
    r"(?!(?:str|int|bool|float|bytes|string|number|any|list|dict)\b)(?![A-Z]\w{0,40}\.\w)"
    r"(?:[^\s(){};,\[\]<>]{1,60}|\"[^\"]{0,60}\"|'[^']{0,60}')[ \t\r]{0,4}\Z"
)
_OF_LOGIN: Final = re.compile(
    r"[ \t>+|#-]{0,20}[\w.-]{0,30}?(?:user|login|host|port|addr|server|database|adapter|schema|mail|account|uid|ssid"
    r"|url|driver|realm|domain|dsn)[\w.-]{0,20}[ \t]{0,20}[:=]",
    re.IGNORECASE,
)
# What `grep` prints before a line of a file of configuration.
_FOUND_IN_FILE: Final = re.compile(
    r"[\w-]\.(?:ya?ml|ini|env|conf|cfg|cnf|properties|toml|tfvars)(?:\.[\w.]{1,20})?[:-]\d{1,6}[:-][ \t-]{0,20}\Z"
)
# Another pair before or behind one, in a log or a command.
_PAIR_BEFORE: Final = re.compile(
    r"(?:^|[\s\0,;{\"'])[\w.-]{1,40}(?P<operator>[=:])[^\s=,;&\"'(){}\0]{1,60}(?P<joint>[ ,;])[ ]?\Z"
)
_PAIR_BEHIND: Final = re.compile(r"(?P<joint>[ ,;]) ?[A-Za-z][\w.-]{1,40}(?P<operator>[=:])[^\s=:]")
_SHORTEST_WORD: Final = 6  # characters of a plain word that is a password
_SHORTEST_BESIDE_LOGIN: Final = 4
_REQUESTED: Final = re.compile(r"(?:[\n\0]|\A)[A-Z][\w ()'-]{2,60}:[ \t]{0,4}\r?\n\Z")  # what a command requests
# What a form, a table or a list of what a class has says of a password, in one word.
_STATES_OF_ONE: Final = (
    "mandatory encrypted hashed unchanged forgotten weak strong medium plaintext varchar updated rotated blank revoked "
    "inherited unset matches mismatch correct accepted rejected prompt interactive manual automatic generated managed "
    "vaulted sealed provided omitted restricted protected private public random present absent visible filtered "
    "scrubbed sensitive confidential bcrypt scrypt salted cleartext obscured keychain keyring attribute property "
    "method function module parameter argument variable constant integer boolean instance interface column "
    "keyword getpass compat systemd winbind files sssd ldap nisplus plain same fail failed guess entry value stdin"
)
_STATES: Final = frozenset(_STATES_OF_ONE.split())
_IN_PAIR: Final = re.compile(r"\w{2,40}(?: \w{1,40}){1,6}")
_MORE_WORDS: Final = re.compile(r"(?: (?![#&])[\w!?#%&+]{1,40}){1,6}(?=[\"';\r\n\0]| [#&]|\Z)")
# A command behind a variable that is set for it.
_COMMAND: Final = re.compile(
    r" (?:(?:python|pip|pypy|php|perl|ruby|node|lua|go|sqlite|gcc|k|s)[0-9]{1,3}|psql|node|npm|npx|yarn|pnpm|bun|deno"
    r"|python|ruby|php|perl|go|java|bash|sh|zsh|docker|kubectl|helm|make|cargo|terraform|ansible|curl|wget|mysql|mongo|flask"
    r"|django|gunicorn|uvicorn|celery|rails|rake|bundle|mix|dotnet|exec|sudo|env) "
)
_DEEPEST: Final = 40  # spaces before the lines of a block
# Words that a wallet is restored with, some of which sentences have as well.
_OF_MNEMONICS: Final = (12, 15, 18, 21, 24)
_FEW: Final = 3
_LONG_WORD: Final = 8  # characters of a word with a capital: shorter ones are `Hidden` and `String`
# Parts of names of passwords: under others, a word and a number may name what has the secret, as in `secret: tls-21`.
_OF_PASSWORDS: Final = (
    "pass",
    "pwd",
    "_pw",
    "kennwort",
    "contrase",
    "senha",
    "wachtwoord",
    "hasło",
    "heslo",
    "lösenord",
)
_PLAIN_WORDS: Final = re.compile(r"[a-z]{3,20}(?:[-_;][a-z]{3,20}){1,3}\Z")
_JOINT: Final = re.compile("[-_;]")
_SHORTEST_PASSPHRASE: Final = 14  # characters of words joined by hyphens


def end_of_rest(scan: Scan, start: int, end: int) -> int:
    """Return where a value of several words ends: that of a block, or of a pair in quotes or in a line of its own.

    Plain words behind a password that is in no quotes are a command, as in ``PGPASSWORD=n0rthst4r psql shop``.
    """
    text = scan.text
    if text[start - 1 : start] == "=" and text[end : end + 1] != " ":  # a pair, all of which this is
        return end
    _, line, indent = text[max(0, start - _DEEPEST - 1) : start].rpartition("\n")
    if not line or indent.strip(" "):
        more = _MORE_WORDS.match(text, end)
        if more is None:
            return end
        is_rest = text.startswith(('"', "'"), more.end()) or not (
            more[0].replace(" ", "").isalpha() or _COMMAND.match(more[0]) is not None
        )
        return more.end() if is_rest else end
    limit = min(scan.end_of_string(start), start + LONGEST_VALUE)
    end = text.find("\n", end, limit)
    while end >= 0 and text.startswith(indent, end + 1):
        scan.spend(2)
        end = text.find("\n", end + 1, limit)
    end = limit if end < 0 else end
    return end - text.endswith("\r", start, end)


def phrase(scan: Scan, operator: str, name: int, start: int) -> Range | None:
    """Return the words behind ``passphrase:`` at the beginning of a line, if they make no sentence."""
    text = scan.text
    if operator == "=" and text[start - 1] == "=" and text[name - 1 : name] in ('"', "'", ";"):  # `"PASSWORD=…"`
        pair = _IN_PAIR.match(text, start)
        return pair.span() if pair is not None and text.startswith((text[name - 1], ";"), pair.end()) else None
    match = _PHRASE.match(text, start)
    if match is None and operator == "=" and text[start - 1] == "=":
        match = _FEW_WORDS.match(text, start)
    if match is None:
        match = _WORDS_AND_NUMBERS.match(text, start)
    if match is None:
        return None
    before = text[max(0, name - CALLED) : name].rstrip(" \t\"'-")
    if before[-1:] not in "\n\0" or (not before and name > CALLED):
        return None
    scan.units -= 4
    words = match[1].lower().split()
    if not _may_be_phrase(operator, text[name:start]) and not _is_configuration(
        scan, start, match.end(), is_sure=False
    ):
        return None
    is_phrase = any(map(text[name:start].lower().__contains__, OF_SEVERAL_WORDS))
    is_mnemonic = (
        is_phrase and len(words) in _OF_MNEMONICS and len(IN_SENTENCES.intersection(words)) < len(words) // _FEW
    )
    is_sentence = not (is_mnemonic or IN_SENTENCES.isdisjoint(words)) or not (is_phrase or STRONG.isdisjoint(words))
    return None if is_sentence else match.span(1)


def _may_be_phrase(operator: str, beginning: str) -> bool:
    """Return whether several plain words may be a secret anywhere, given what stands before them, from the name on.

    Behind the name of a password, they are what a form says, except where they are assigned, as in ``wifi_password =``,
    or in a file of configuration.
    """
    return operator == "=" or beginning.isupper() or any(map(beginning.lower().__contains__, OF_SEVERAL_WORDS))


def is_configured_word(scan: Scan, name: int, start: int, word: str) -> bool:
    """Return whether a plain word is a password by being all of a line of a file of configuration.

    ``db_password: swordfish`` is one beside ``db_user: app``, and not by itself, where it may be what a form says.
    """
    if not _may_be_password(word, _SHORTEST_BESIDE_LOGIN):
        return False
    scan.units -= 4
    before = scan.text[max(0, name - _DEEPEST) : name].rstrip(" \t-")
    if before[-1:] not in "\n\0" or (not before and name > _DEEPEST):
        return _FOUND_IN_FILE.search(scan.text, max(0, name - CALLED), name) is not None
    variable = scan.text[name:start].rstrip(" \t:=")
    is_name = variable.lower() == "secret"  # `secret: letsencrypt`, of Kubernetes
    if is_name and ":" in scan.text[name:start]:
        return False
    if variable == "userPassword":  # an attribute of LDAP
        return True
    is_long = len(word) >= _SHORTEST_WORD
    if is_long and variable.isupper() and "_" in variable:  # `DATABASE_PASSWORD: swordfish`
        return True
    end = start + len(word)
    return _is_configuration(scan, start, end, is_sure=False, of_login=is_name or not is_long)


def is_word_of_pair(scan: Scan, name: int, start: int, word: str) -> bool:
    """Return whether a plain word is a password by being in one of several pairs: ``user=bob password=swordfish``.

    In a call, what stands there is the name of a variable.
    """
    if not _may_be_password(word, _SHORTEST_WORD) or word.endswith("ed"):
        return False
    if scan.low.startswith("secret", name) and start - name == len("secret="):  # of a selector of Kubernetes
        return False
    scan.units -= 4
    text, operator = scan.text, scan.text[start - 1]
    before = text[max(0, name - CALLED) : name]
    pair = _PAIR_BEFORE.search(before)
    if pair is None or pair["operator"] != operator:
        pair = _PAIR_BEHIND.match(text, start + len(word))
    if pair is None or pair["operator"] != operator:
        return False
    line = before[1 + max(map(before.rfind, "\n\0")) :]
    return "(" not in line and (pair["joint"] in " {" or "{" not in line)


def _may_be_password(word: str, least: int) -> bool:
    """Return whether a plain word in lower case neither stands for a password nor says what became of one."""
    is_word = len(word) >= least and word.isalpha() and word.islower() and not is_placeholder(word)
    return is_word and is_free_word(word) and word not in IN_SENTENCES and word not in _STATES


def is_joined_password(scan: Scan, one: Beginning, start: int, end: int, value: str) -> bool:
    """Return whether words and numbers that are joined are a password.

    ``PASSWORD=Summer-2024`` is one, ``password: step-2 of 3`` is not. Behind a space, the value must be all that is
    left of its line, and have both cases or a name in capitals.
    """
    if one.strength is not Strength.STRONG or one.is_pin:
        return False
    if _are_words_of_password(scan, one, start, end, value):
        return True
    has_cases = value != value.lower() and value != value.upper()
    if not is_mixture(value) and not (has_cases and (DOTTED.match(value) or NUMBERED.match(value)) is not None):
        return False
    if scan.text[start - 1] not in " \t\n":
        return True
    ends_line = scan.text[end : end + 1] in ("", "\n", "\r", "\0")
    if not ends_line or has_cases or one.name.isupper() or WORDS_AND_NUMBER.match(value) is not None:
        return ends_line
    return WORD_AND_NUMBER.match(value) is not None and any(map(one.name.lower().__contains__, _OF_PASSWORDS))


def _are_words_of_password(scan: Scan, one: Beginning, start: int, end: int, value: str) -> bool:
    is_joined = one.is_configuration or (one.operator == "=" and scan.text[start - 1] == "=")
    if is_joined and _is_passphrase(value):
        return True
    ends_word = scan.text[end : end + 1] in ("", " ", "\n", "\r", "\0")
    if not (ends_word and _are_plain_words(value) and any(map(one.name.lower().__contains__, _OF_PASSWORDS))):
        return False
    return is_joined or _is_configuration(scan, start, end, is_sure=False, of_login=True)


def _are_plain_words(value: str) -> bool:
    """Return whether a value is a few words that are joined and do not speak of a password: ``corn-bunting``."""
    return (
        _PLAIN_WORDS.match(value) is not None
        and _STANDS_FOR_ONE.search(value.replace("_", "-")) is None
        and all(is_free_word(word) and word not in IN_SENTENCES and word not in _STATES for word in _JOINT.split(value))
    )


def _is_passphrase(value: str) -> bool:
    """Return whether a value of a configuration is words joined by hyphens, or a word and a number joined otherwise."""
    if _STANDS_FOR_ONE.search(value.replace("_", "-")) is not None or value.isupper():
        return False
    if value.count("-") >= 2 and len(value) >= _SHORTEST_PASSPHRASE and value.replace("-", "").isalpha():
        return value.islower()
    return "_" in value and any(map(str.isdigit, value)) and value != value.lower()


def find_joined_words(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return a password of joined words, such as ``Tern@Shore``; with marks that code has, in configuration only."""
    name = one.name.lower()
    if one.strength is not Strength.STRONG or one.is_pin or (name[-1:] == "s" and name[-4:] != "pass"):
        return None
    match = JOINED_WORDS.match(scan.text, start)
    if match is None or not (is_joined_words(match[0]) or is_camel_case(match[0])):
        return None
    scan.units -= 8
    if _REQUESTED.search(scan.text, max(0, start - CALLED), start) is not None:
        return match.span()
    is_sure = has_marks(match[0]) or scan.text[start - 1] not in " \t\n"
    if not (is_sure or one.name != name or "_" in name or "pass" in name or "pw" in name):
        return None  # `secret: Top-Level`
    return match.span() if _is_configuration(scan, start, match.end(), is_sure=is_sure) else None


def _is_configuration(scan: Scan, start: int, end: int, *, is_sure: bool, of_login: bool = False) -> bool:
    """Return whether a value is in no call and, if it may be code, beside another line of configuration.

    With ``of_login``, that line must say what the password is for: a user, a host or a database.
    """
    text = scan.text
    line = 1 + max(text.rfind(mark, max(0, start - CALLED), start) for mark in "\n\0")
    if is_sure:
        return "(" not in text[line or max(0, start - CALLED) : start]
    before = text[max(0, line - CALLED - 1) : max(0, line - 1)].rpartition("\n")[2]
    after = text[end : end + CALLED].lstrip("\r\n").partition("\n")[0]
    return any(
        _CONFIGURED.match(one) is not None and not (of_login and _OF_LOGIN.match(one) is None)
        for one in (before, after)
    )


def is_word_of_configuration(value: str) -> bool:
    return (len(value) >= 6 and value.isalpha() and value.islower()) or is_camel_case(value)


def is_password_word(value: str) -> bool:
    """Return whether a plain word is long enough for a password, and does not stand for one."""
    is_title = (
        len(value) >= _LONG_WORD
        and value.istitle()
        and value.lower() not in IN_SENTENCES
        and not _STANDS_FOR_ONE.search(value)
    )
    return (is_word_of_configuration(value) or is_title) and not is_placeholder(value)
