"""Find secrets that a sentence or a statement names: ``the password is hunter2``, ``IDENTIFIED BY 'hunter2'``."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import credential_value
from voltagent.processors.secrets.text.searches.one_time_codes import (
    CODES,
    CODES_FIRST,
    DIGITS,
    OTHER_CODES,
    TO_WHAT,
    number,
)
from voltagent.processors.secrets.vocabulary.credential_forms import atomic, is_credential, is_mixture, is_placeholder
from voltagent.processors.secrets.vocabulary.joined_words import (
    NUMBERED,
    WORDS_AND_NUMBER,
    has_password_form,
    is_joined_words,
)
from voltagent.processors.secrets.vocabulary.words import (
    HARMLESS,
    IN_SENTENCES,
    STEMS,
    TWO_STATED,
    WEAK_STEMS,
)

_VERB: Final = (
    r"(?:(?=[iwletscfhnruéèäjo\u2013\u2014\u2192-])(?:[\u2013\u2014\u2192-](?=[ \t])|(?:ist|war"
    r"|lautet|este|est|es|é|è|är|er|on|je|to|from"
    r"|(?:(?:is|was|has been|is now|now)[ \t])?(?:(?:re)?set|changed|updated) to|is now|is|was)\b)"
    r"[ \t]{0,4}:?[ \t]{0,4})?"
)
_AND_VERB: Final = atomic(r"[ \t]{1,4}" + _VERB, "verb")
_QUOTED: Final = _AND_VERB + r"(?P<quote>\\{0,4}[\"'`])(?P<value>[^\"'`\n\\\0]{4,500})(?P=quote)"
# A value has a digit; this is looked for first, as most words have none.
_VALUE: Final = r"[“„«\u2018]?(?=[^\s\"'`<>(){}=:\\\x1b\0]{0,200}[0-9])(?P<value>[^\s\"'`<>(){}=:\\\x1b\0]{6,200})"
_STATED: Final = _AND_VERB + r"(?:[057][ \t])?\(?" + _VALUE
# `the password for the staging database is …`, `a temporary password is generated for root@localhost: …`
_MADE: Final = "(?:(?:is|was) (?:generated|created|set) )?"
_OF_SOMETHING: Final = (
    rf"[ \t]{{1,3}}{_MADE}(?:for|of|to|d[eoa]|vom|zum|zu|del|pour|du|voor|van|für|от|для|к|do|dla|til|för)[ \t]"
    r"[^\n.;:\"'\\\0]{1,60}?(?:'[^'\n\0]{1,100}')?"
    r"(?:[ \t](?:is|was|ist|lautet|es|est|é|è|är|er|to|[\u2013\u2014-])[ \t]{0,3}:?|:)[ \t]{1,4}[\"'`]?" + _VALUE
)
_WITH_MARK: Final = r"[ \t]{1,4}(?:is[ \t]{1,4})?(?P<value>[a-z]{2,24}[&@#%!+$*^_-][a-z]{2,24})(?![\w@.-]*\w)"
_JOINED_TITLE: Final = re.compile("[a-z]{3,24}[_-][A-Z][a-z]{2,24}|[A-Z][a-z]{2,24}_[A-Z][a-z]{2,24}")
# `the token that you need is …`, `set the secret to …`
_DESCRIBED: Final = (
    r"(?P<between>(?:[ \t][a-z']{1,14}){0,5})[ \t]{1,4}(?:is now|is|was|to|es|est|é|è|ist|lautet)"
    r"[ \t]{0,4}:?[ \t]{1,4}[\"'`]?" + _VALUE
)
# What stands behind the word and is no secret: the names of algorithms and encodings, versions.
_NO_SECRET: Final = re.compile(
    r"(?:sha|md|aes|rsa|base|utf|pbkdf|argon|rfc|iso|http|oauth|v)[-_]?\d[\w.-]{0,20}\Z|(?:b|s)crypt|\d{1,4}[-/.]\d|\d+[a-z]{1,5}\Z"
    r"|\d{1,3}(?:char|caract|caratter|zeich|karakter|tecken|znak|digit|letter)",
    re.IGNORECASE,
)
# `changed the password from … to …`
_FROM_ONE_TO: Final = r"[ \t]{1,3}from[ \t]{1,3}[^\s\0]{4,200}[ \t]{1,3}to[ \t]{1,3}" + _VALUE
_NUMBER_STATED: Final = r"[ \t]{1,3}(?:is|was)[ \t]{0,3}:?[ \t]{1,4}" + DIGITS
# `パスワードは「…」`, `我的密码是…`: no spaces, and other verbs.
_OTHER_STATED: Final = (
    r"[ \t]{0,2}(?:[是为為は은는]|입니다|คือ|là|هي|هو"
    r"|adalah)?[ \t]{0,4}[:\uff1a]?[ \t]{0,4}[「『“\"']?(?P<value>[a-z0-9!#$%&*+./?@^_~-]{6,64})"
)
_OTHER_WORDS: Final = ("密码", "密碼", "パスワード", "비밀번호", "암호", "รหัสผ่าน", *WEAK_STEMS, *TWO_STATED)
_USER_WITH: Final = re.compile(
    r"\b(?:user(?:name)?|login|account)[ \t:=][^\n]{1,50}(?:and|with|[,/])[ \t](?:the[ \t])?\Z"
)
_STATEMENT: Final = re.compile(r"(?:(?:create|alter) (?:user|role|login) [^\n;]{1,60}|[ \n]with )\Z")
_BEFORE_PASSWORD: Final = 80  # characters
_PHRASE: Final = re.compile(r"[a-z]{3,14}(?:[ -][a-z]{3,14}){2,23}\Z")
_OF_PHRASES: Final = ("pass", "seed", "recovery", "mnemonic", "secret", "backup", "wallet")
_BEFORE_PHRASE: Final = 10  # characters
_WORDS_STATED: Final = r"[ \t]{1,3}is:?[ \t]{1,3}(?P<value>[a-z]{3,14}(?: [a-z]{3,14}){3,23})(?=[.,;\r\n\0]|\Z)"
# `What is the password?`, and the answer in the next line, or behind `A:`.
_ANSWERED: Final = (
    r"(?:[ \t][a-z'-]{1,16}){0,6}\?[\"'*]{0,3}\s{1,8}(?:[*_]{0,2}[a-z]{1,12}[*_]{0,2}:[*_]{0,2}[ \t]{1,4}|>[ \t]{0,4}|)"
    r"(?:(?:it[\u2019']s|it is)[ \t]{1,4}|)[\"'`]?" + _VALUE + r"(?=[.!]?[\"'`]?[ \t]{0,4}(?:[\r\n\0]|\Z))"
)
# `Use the following password to log in:`, and the password in a line of its own.
_IN_NEXT_LINE: Final = (
    r"(?:[ \t(][^\n:\0]{0,120}?|):[ \t]{0,4}\r?\n\s{0,12}(?P<line>(?=[^\s0-9]{0,200}[0-9])[^\s\"'`<>{}\\\x1b\0]{8,200})"
    r"(?=[ \t]{0,4}(?:[\r\n\0]|\Z))"
)
_NUMBER_ANSWERED: Final = (
    r"\?\s{1,8}(?:[a-z]{1,12}:[ \t]{1,4}|)" + r"(?P<value>[0-9]{4,8})(?=[.!]?[ \t]{0,4}(?:[\r\n\0]|\Z))"
)
_WITH_COLON: Final = r"[ \t]{0,4}:[ \t]{0,4}" + _VALUE  # French has a space before it, so it looks like no assignment
_WORDS: Final = (
    "password passphrase passcode api_key secret_key access_key client_secret passwort kennwort contraseña senha "
    "wachtwoord lösenord lösenordet adgangskoden passordet salasana heslo jelszó "
    "hasło parola пароль mot_de_passe clé_api clave_de_api chave_de_api parola_d'ordine jeton_d'accès jeton_d'api "
    "token_d'accès token_de_acceso token_de_acesso clave_api chiave_api chave_da_api klucz_api api-nyckel api-sleutel "
    "api-schlüssel"
)
WORDS: Final = (*(word.replace("_", " ") for word in _WORDS.split()), "api_key", "secret_key", "access_key")


def _quoted(scan: Scan, match: re.Match[str]) -> Range | None:
    value = scan.group(match, "value")
    before = scan.low[max(0, match.start() - _BEFORE_PASSWORD) : match.start()]
    is_statement = match[0].startswith("convertto") or _STATEMENT.search(before) is not None
    if match[0].startswith("identified"):
        is_statement = match["quote"][-1:] != "`"  # in prose, a name stands there
    has_form = has_password_form(value)
    stands_for_one = is_placeholder(value) or (value.isalpha() and value.lower().endswith("password"))
    is_phrase = match[0].startswith("passphrase") and _is_phrase(value)
    is_secret = has_form or is_phrase or (is_statement and not stands_for_one)
    return match.span("value") if is_secret else None


def _is_phrase(value: str) -> bool:
    return _PHRASE.match(value) is not None and IN_SENTENCES.isdisjoint(value.split())


def _phrase(scan: Scan, match: re.Match[str]) -> Range | None:
    """``The passphrase is correct horse battery staple``."""
    before = scan.low[max(0, match.start() - _BEFORE_PHRASE) : match.start()].rstrip(" -")
    is_secret = before.endswith(_OF_PHRASES) and _is_phrase(scan.group(match, "value"))
    return match.span("value") if is_secret else None


def _stated(scan: Scan, match: re.Match[str]) -> Range | None:
    """``The password is hunter2``: a digit within a word gives it away, and nothing less."""
    value = scan.group(match, "value").rstrip(".,;:!?)]*”“»\u2019")
    start = match.start("value")
    has_form = (
        is_credential(value)
        or (is_mixture(value) and value != value.lower() and value != value.upper())
        or (WORDS_AND_NUMBER.match(value) or NUMBERED.match(value)) is not None
    )
    is_secret = any(map(str.isalpha, value)) and _NO_SECRET.match(value) is None and has_form
    return (start, start + len(value)) if is_secret else None


def _number_or_line(scan: Scan, match: re.Match[str]) -> Range | None:
    """``The password is 4711``, and ``Use the following password to log in:`` above a line of its own."""
    if match["value"]:
        return match.span("value")
    value = scan.group(match, "line")
    return match.span("line") if is_credential(value) and "://" not in value and value[-1] not in ".:,;" else None


def _joined(scan: Scan, match: re.Match[str]) -> Range | None:
    """``with the password Tern#Shore``."""
    value = scan.group(match, "value")
    is_phrase = ("-" not in value and "_" not in value) or _JOINED_TITLE.fullmatch(value) is not None
    return match.span("value") if is_phrase and is_joined_words(value) else None


def _described(scan: Scan, match: re.Match[str]) -> Range | None:
    """``the token that you need is …``, unless the words between are of what a token has: a limit, a name."""
    words = scan.group(match, "between").lower().split()
    is_other = not (HARMLESS["token"].isdisjoint(words) and HARMLESS["strong"].isdisjoint(words))
    return None if is_other else _stated(scan, match)


def _of_user(scan: Scan, match: re.Match[str]) -> Range | None:
    """``with the user bob and pass …``, ``the pass is …``."""
    before = scan.low[max(0, match.start() - _BEFORE_PASSWORD) : match.start()]
    return _stated(scan, match) if match["verb"] or _USER_WITH.search(before) is not None else None


def _as_password(scan: Scan, match: re.Match[str]) -> Range | None:
    found = _BEFORE_AS.match(scan.text, _start_of_word(scan.text, match.start()), match.start())
    if found is None or not is_credential(found[1]) or not any(map(str.isdigit, found[1])):
        return None
    return None if _NO_SECRET.match(found[1]) is not None else found.span(1)


def _start_of_word(text: str, end: int) -> int:
    """Return where the word begins that ends with a quote or without one before the space that is before ``end``.

    A search from far before would try each place.
    """
    stop = end - 1 - (text[end - 2 : end - 1] in _QUOTES)
    before = text[max(0, end - _LONGEST_STATED) : stop]
    for mark in _BEFORE_WORD:
        before = before[before.rfind(mark) + 1 :]
    words = before.split()  # at spaces of all kinds
    return stop - len(words[-1]) if words else stop


_STATEMENT_WORDS: Final = ("identified by", "convertto-securestring")
_QUOTED_WORDS: Final = (
    *(
        *_STATEMENT_WORDS,
        "password",
        "passphrase",
        "passcode",
        "secret",
        "api key",
        "secret key",
        "access key",
        "token",
    ),
    *("passwort", "kennwort"),
)
# A user and a password: `creds: bob / hunter2`.
_USER_AND: Final = (
    r"(?:[ \t]{0,3}[:=]|[ \t]{1,3}(?:are|is|with|->))[ \t]{1,4}[\"'`]?[\w.@-]{1,60}[ \t]{0,2}[:/](?!//)[ \t]{0,2}"
    r"(?P<value>[^\s\"'`<>\x1b\0]{6,200})"
)
# `use hunter2 as the password`, `hunter2 is the password`, `bob / hunter2 (password)`
_BEHIND_ONE: Final = (
    r"(?:[a-z-]{1,20} ){0,2}"
    r"(?:pass(?:word|phrase|code)|(?:api|access|secret) key|(?:api|access) token)"
    r"(?=[ \t]{0,4}(?:[.,;:!?)\"'\r\n\0]|\Z|(?:for|to|in|on|when|and|with|of|please) ))"
)
# It begins where no other place to begin stands within it: then the words before cost no more than their length.
_BEFORE_AS: Final = re.compile(r"(?<![^\s\"'`\0])\(?([^\s\"'`\0]{6,200})[\"'`]?[ \t]\Z")
_LONGEST_STATED: Final = 203  # characters
_QUOTES: Final = frozenset("\"'`")
_BEFORE_WORD: Final = (" ", "\n", *_QUOTES, "\0")
_CODES_AND_USERS: Final = SearchGroup(
    r"codes?(?:[ \t]+(?:is|was|are)[ \t]*:?|[ \t]*[:=]|)[\s\x1c-\x1f]+[a-z0-9]{3}"
    r"|(?:recovery|backup|scratch)[ -]codes[^\n\x00]*\n"
    r"|code to [a-z ]+:|(?:pass|pwd?)[ \t]+(?:(?:is|was|for)[ \t]|[^ -~]|[^\s\"'`<>(){}=:\\\x00]*[0-9])"
    r"|otp[ \t]+[0-9]{6}|(?:otp|pin)[ \t]+(?:is|was|es|est|ist|é|è)[ \t]*:?[ \t]+[0-9]{4}|cv[vc]2?[ \t]+[0-9]{3}"
    rf"|(?:use|enter) (?:the )?(?:code )?[0-9]+ to {TO_WHAT}"
    r"|(?:otp|code) (?:for|sent|to)[^\n:;.\x00]*(?::| is:?)[ \t]+[0-9]"
    r"|code[ \t]+(?:ist|lautet|est)|(?:código|codice)[ \t]+(?:es|é|è)"
    r"|(?:code de|código de|codice di) "
    r"|(?:cred(?:ential)?s|login|account|zugangsdaten)(?:[ \t]*[:=]|[ \t]+(?:are|is|with|->))[ \t]+"
    r"[\"'`]?[^\s:/\x00]+[ \t]*[:/]",
    (
        *CODES,
        *(
            Search(word, rf"{word}(?<![\w$/-]{word})(?![ \t]{{1,4}}[^\s\0]{{0,99}}/)" + rest, _stated)
            for word in ("pw", "pwd")
            for rest in (_STATED, _OF_SOMETHING)
        ),
        *(
            Search(word, word + _USER_AND, _stated)
            for word in ("credentials", "creds", "login", "account", "zugangsdaten")
        ),
        Search("pass ", r"pass(?<![\w-]pass)[ \t]{1,3}(?P<verb>(?:is|was)[ \t]{0,3}:?[ \t]{1,3}|)" + _VALUE, _of_user),
    ),
)
_BEHIND: Final = SearchGroup(
    r"[ai]s (?:the|your|my|our|a) (?:[a-z-]+ )?(?:[a-z-]+ )?"
    r"(?:pass(?:word|phrase|code)|(?:api|access|secret) (?:key|token))"
    r"|\(pass(?:word|wort|code|phrase)?\)",
    (
        *(
            Search(f"{verb} {word} ", rf"{verb} {word} (?<=[ \t\0]{verb} {word} ){_BEHIND_ONE}", _as_password)
            for verb in ("as", "is")
            for word in ("the", "your", "my", "our", "a")
        ),
        Search("(pass", r"\(pass(?<=[ \t]\(pass)(?:word|wort|code|phrase)?\)", _as_password),
    ),
)
QUESTIONED: Final = (
    *("password", "passphrase", "passcode", "api key", "secret key", "passwort", "contraseña", "senha", "mot de passe"),
    *("wachtwoord", "pin", "otp"),
)
# The checks know the stems of other alphabets anyway.
_WORDS_WITHOUT_STEM: Final = tuple(word for word in WORDS if not any(stem in word for stem in (*STEMS, *WEAK_STEMS)))
_WORDS_OF: Final = (
    *("password", "passphrase", "api key", "passwort", "kennwort", "senha", "wachtwoord", "mot de passe"),
    *("пароль", "hasło", "contraseña"),
)
_OF: Final = "|".join(_WORDS_OF)
_STATEMENT_OF: Final = (
    rf"(?:{_OF})[ \t]+{_MADE}(?:for|of|to|d[eoa]|vom|zum|zu|del|pour|du|voor"
    rf"|van|für|от|для|к|do|dla|til|för)[ \t][^\n.;:\"'\\\x00]+(?:'[^'\n\x00]+')?"
    r"(?:[ \t](?:is|was|ist|lautet|es|est|é|è|är|er|to|\x{2013}|\x{2014}|-)[ \t]*:?|:)[ \t]+"
    r"[\\\"'`]*[^\s\"'\\\x00]*[0-9]"
)
QUESTION: Final = (
    r"(?:[ \t][a-z' \t-]*)?\?[\"'*]*(?:\s|\\+[nr])+(?:>[ \t]*|[a-z*_]+:[*_]*[ \t]+)?(?:it[^ ]+ |it is )?"
    r"[^\s\"'<>(){}=:\\\x00]*[0-9]"
)
_DESCRIBED_WORDS: Final = (
    *("token", "secret", "password", "api key", "mot de passe", "clave", "parola", "senha", "passwort", "kennwort"),
)
# A word that is followed by a quote, an escape, or a word with a digit.
STATEMENT: Final = (
    rf"(?:{'|'.join(dict.fromkeys((*_QUOTED_WORDS, *_WORDS_WITHOUT_STEM)))})[ \t]*[: \t(]"
    r"(?:[ \t(:]|-(?:string)?[ \t]|\x{2013}|\x{2014}|\x{2192}|is|was|ist|war|lautet|este|est|es|é|è|är|er|on|je|to"
    r"|from|now|has|been|reset|set"
    r"|changed|updated|[057][ \t])*"
    r"(?:[\\\"'`]|[^\s\"'`<>(){}=:\\\x00]*[0-9])"
    rf"|{_STATEMENT_OF}"
    r"|phrase[ \t]+is:?[ \t]+[a-z]+ [a-z]+ [a-z]+ [a-z]"
    r"|password[ \t]+(?:is[ \t]+)?[a-z]+[&@#%!+$*^_-][a-z]"
    rf"|(?:{'|'.join(_DESCRIBED_WORDS)})[ \t][a-z' \t]*(?:is|was|to|es|est|é|è|ist|lautet)[: \t]+"
    r"[\\\"'`]*[^\s\"'`<>(){}=:\\\x00]*[0-9]"
    r"|password[ \t(][^:\"\n\\]*:[ \t]*(?:\r?\n|\\+[nr])(?:\s|\\+[nr])*[^\s\"'`<>{}\\\x00]*[0-9]"
)
_STATEMENTS: Final = SearchGroup(
    "|".join((STATEMENT, *STEMS, *WEAK_STEMS, *TWO_STATED)),
    (
        *(
            Search(word, word + _WITH_COLON, _stated)
            for word in WORDS
            if (" " in word or "-" in word) and not word.endswith(("key", "secret"))
        ),
        *(Search(word, word + _QUOTED, _quoted) for word in _QUOTED_WORDS),
        Search("identified by ", r"identified by[ \t]{1,4}([^\s\"'`;,()\0]{4,200})", credential_value),
        Search("convertto-securestring -string", "convertto-securestring -string" + _QUOTED, _quoted),
        *(Search(word, word + _STATED, _stated) for word in WORDS),
        Search("contraseña", r"contraseña[ \t]{1,3}[a-zà-ÿ]{4,14}[ \t]{1,3}es[ \t]{1,3}" + _VALUE, _stated),
        Search("phrase", "phrase" + _WORDS_STATED, _phrase),
        *(Search(word, word + _DESCRIBED, _described) for word in _DESCRIBED_WORDS),
        Search("token", r"token \((?P<value>(?=[a-z0-9._/+=-]{0,200}[0-9])[a-z0-9._/+=-]{10,200})\)", _stated),
        Search("passcode", r"passcode[ \t]{1,3}" + DIGITS, number),
        *(Search(word, word + _OTHER_STATED, _stated) for word in _OTHER_WORDS),
        Search("password", "password" + _WITH_MARK, _joined),
        Search("password", f"password(?:{_NUMBER_STATED}|{_IN_NEXT_LINE})", _number_or_line),
        Search("password", "password" + _FROM_ONE_TO, _stated),
    ),
)
# By itself: words of other alphabets let all of the group above be searched, where these are slow.
_STATEMENTS_OF: Final = SearchGroup(
    _STATEMENT_OF, tuple(Search(word, word + _OF_SOMETHING, _stated) for word in _WORDS_OF)
)
_QUESTIONS: Final = SearchGroup(
    rf"(?:{'|'.join(QUESTIONED)}){QUESTION}",
    (
        *(Search(word, word + _ANSWERED, _stated) for word in QUESTIONED),
        *(Search(word, word + _NUMBER_ANSWERED, number) for word in QUESTIONED),
    ),
)
PROSE: Final = (_CODES_AND_USERS, _BEHIND, _STATEMENTS, _STATEMENTS_OF, _QUESTIONS, CODES_FIRST, OTHER_CODES)
