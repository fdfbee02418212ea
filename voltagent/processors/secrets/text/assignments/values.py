"""Decide where the value of a secret name ends, and whether it is a secret, in code and configuration."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.assignments.beginnings import (
    BARE,
    CALLED,
    COMPARISONS,
    LEAST_DIGITS,
    OF_CARDS,
    SHORTEST_COMPARED,
    UNQUOTED,
    Beginning,
)
from voltagent.processors.secrets.text.assignments.code import call, code_default, referenced, several, shell_default
from voltagent.processors.secrets.text.assignments.passphrases import (
    find_joined_words,
    is_joined_password,
    is_word_of_configuration,
)
from voltagent.processors.secrets.text.scan import Range, Scan, closing_quote
from voltagent.processors.secrets.vocabulary.credential_forms import (
    ENCODED,
    has_secret_form,
    is_credential,
    is_dotted_name,
    is_ordinary,
    is_placeholder,
    is_sentence_without_spaces,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form, is_joined_words
from voltagent.processors.secrets.vocabulary.named_values import is_harmless_text, is_numbered_name
from voltagent.processors.secrets.vocabulary.names import Strength

_MOST_REMEMBERED: Final = 2048  # functions in one payload
_DEFAULTS: Final = ("||", "??")  # before what is taken instead
# A password with characters that end a value elsewhere, to the next space or quote, or to where another pair begins.
_WITH_MARKS: Final = re.compile(r"[^\s\"'`\\\0]{1,128}")
_NEXT_PAIR: Final = re.compile(r"[,;&|](?=[\w.$-]{1,60}[ \t]{0,2}[=:])")
_NO_OPERATOR: Final = re.compile(r"[@#$%^!~?]")
_EXPRESSION: Final = re.compile(r"[!&*@-]{0,2}[A-Za-z_$][\w.$:?-]{0,100}(?:[(\[{<]|[|&<>]{1,2}[\w(]{1,60}\Z|\Z)")
_OPENERS: Final = frozenset("([{<")
_BEGINS_NO_WORD: Final = frozenset("?!<[({-")
# Before a name in a call: what opens it and a prefix of the name, or the type of the value, as in
# ``buildConfigField("String", "API_KEY", "…")``.
_OPENED: Final = re.compile(
    r"(?:[(\[][bru]{1,2}|[( ]\\{0,4}[\"'](?:String|string|str|text)\\{0,4}[\"'],"
    r"|\([ \t]{0,4}[\"'][\w .#-]{0,40}\[[\w-]{1,20}[*^]?=)\Z"
)
_COOKIE: Final = re.compile(r"[\w.-]{1,60}=[^\s;,\"'\0]{3}")
# A quote of Perl and Ruby, and a value of ODBC, in which a brace is doubled.
_OTHER_QUOTES: Final = frozenset("q%{")
_PERL_QUOTE: Final = re.compile(r"(?:q{1,2}|%[qQ])([{(\[|])([^\n\0{}()\[\]|]{4,200})[)}\]|]")
_ODBC: Final = re.compile(r"\{(?!\w{1,60}![rsa]\})((?:[^{}\s\"'\0]|\}\}){4,200})\}(?=[;\s\"'\0]|\Z)")
# What stands for a value that is kept elsewhere: the tags of CloudFormation and Home Assistant, ERB and JSP.
_ELSEWHERE: Final = re.compile(
    r"!(?:ref|getatt|sub|importvalue|join|select|findinmap|secret|env|env_var|vault|reference)\b|<%|<set to ",
    re.IGNORECASE,
)
# A row such as `| DB_PASSWORD | … |`: its value, and what stands before it.
_CELL: Final = re.compile(r"[^\s|\"'`\0]{6,200}(?=[ \t]{0,80}(?:\||\s{0,4}(?:\0|\Z)|\r?\n))")
_NAMED_CELL: Final = re.compile(
    r"(?:[\n\0]|\A)[ \t]{0,40}\|?[ \t]{0,40}[*`]{0,2}[\w.$-]{1,60}[*`]{0,2}[ \t]{1,40}\|[ \t]{1,40}[`]?\Z"
)
_WIDEST_CELL: Final = 160  # characters
_CODE: Final = re.compile(
    r"(?:self|this|os|env|process|config|settings|request|req|ctx|args|options|params|cls|app|data|props|state|event"
    r"|body|user|st|np|torch)\.\w"
)
_TEMPLATE_DEFAULT: Final = re.compile(
    r"\{\{-?(?:(?:(?!default)[^{}\n]){0,120}default[ (]{1,2}|[ \t]{0,4})"
    r"(?P<quote>[\"'])(?P<value>[^\"'\n\0]{4,120})(?P=quote)"
)
_NEGATED: Final = re.compile(r"!{1,2}[A-Za-z_$]\w{0,40}(?:\.[A-Za-z_$]\w{0,40}){1,6}\Z")
# A name of words in code, maybe with a digit at its end: `PositionalIndexer2D`, `HTTPPasswordMgr`, `_CmpKeyT_co`.
_CLASS_OR_NAME: Final = re.compile(
    r"_?(?:[A-Z]{0,5}[a-z]{3,20}|[A-Z]{1,5}[a-z]{2,20})"
    r"(?:(?:[A-Z]{1,5}[a-z]{2,20}){1,6}[0-9]?[A-Z]{0,4}|[A-Z]{2,4})(?:_co|_contra|)\Z"
)
_TECHNICAL_IN_NAMES: Final = re.compile(
    r"(?:OAuth[12]|OpenID|Base64|Sha(?:1|256|512)|SHA(?:1|256|512)|X509|X25519|Ed25519|S3)(?=[A-Z]|\Z)"
)
# A class of what a secret is, as in `private_key: PKey | None`.
_ANNOTATION: Final = re.compile(
    r"[A-Z][A-Za-z]{0,40}(?:[0-9]{1,5}[A-Z][A-Za-z]{0,40})?"
    r"(?:Key|KEY|Token|Auth|Session|Value|Secret|Cookie|Credentials?|Mgr|Manager|Handler)\Z"
)
_ANNOTATED: Final = re.compile(
    r"[\w.\[\], |]{1,80}=(?!=)\s{0,4}"
    r"(?:[\w.]{0,20}[fF]ield\([ \t]{0,4}(?:default[ \t]{0,2}=[ \t]{0,2})?)?[bfru]{0,2}([\"'`])"
)
_SHELL_COMMAND: Final = re.compile(r"[a-z][\w./-]{1,60}[ \t]{1,4}\S")
_NOISE: Final = frozenset("[]{}()<>|#$%^&*+=~@!;`?")  # of which a salt has many
_SETTER: Final = re.compile(
    r"(?:\b|_)(?:set(?:default)?|define|put|with|fill|type|send_keys|sendKeys)(?:[A-Z_]\w{0,40})?\s{0,4}\Z"
)
_COMPARES: Final = re.compile(r"(?:str\w?cmp|strcpy|compare_digest|equals?|\bassert\w{0,24})!?\Z", re.IGNORECASE)
# A function that takes names and values, and other arguments before a name: `config.set("db", "password", "…")`.
_AMONG_ARGUMENTS: Final = re.compile(
    r"(\w{0,40}(?:set|option|connect|config|auth|login)\w{0,20})\([^()\n]{1,60},\Z", re.IGNORECASE
)
_LEAST_NOISE: Final = 12  # characters
_WITH_DEFAULT: Final = ("environ.get", "getenv")
_OF_HEADERS: Final = (".Add", ".append", ".header", ".addHeader")
_JOINED: Final = re.compile(r"[\"'`]\s{0,8}[+.]\s{0,8}[bfru]{0,2}([\"'`])")
_CHANGED: Final = re.compile(r"[\"'`][ \t]{1,4}->[ \t]{1,4}([\"'`])")  # the new value in a plan of Terraform
# `Bearer $TOKEN`, `Bearer YOUR_TOKEN`, `<your api key>`: several words that stand for a value.
_STANDS_FOR_WORDS: Final = re.compile(
    r"(?:bearer|basic|token|oauth|apikey)[ \t]{1,4}(?:[$<%*]|(?:your|my|the)[_-])|<[^<>]{1,60}>\Z", re.IGNORECASE
)
# What a form says to its user about a password.
_MESSAGE: Final = re.compile(
    r"^your [^0-9]*\Z"
    r"|^[^0-9]{0,60}\b(?:passwords?|passphrase|required|must|invalid|incorrect|please|at least|characters)\b"
    r"[^0-9]{0,60}(?:[0-9]{1,2}[^0-9]{1,40})?\Z",
    re.IGNORECASE,
)


def argument(scan: Scan, one: Beginning, name: int, start: int) -> Range | None:
    """``setdefault("DB_PASSWORD", "…")`` and pairs alike, and ``setPassword("…")``: a literal that looks like one.

    Under a strong name, a function that sets or defines it also takes an ordinary word.
    """
    scan.units -= 8
    end = closing_quote(scan, start, one.quote)
    if is_placeholder(scan.text[start:end]) and (joined := _JOINED.match(scan.text, end)) is not None:
        start = joined.end()  # `"Bearer " + "…"`
        end = closing_quote(scan, start, joined[1])
    value = scan.text[start:end].strip("\\\"'")
    if is_placeholder(value):
        return None
    if value[:1] == "{" and ENCODED.match(value) is not None:
        return start, end
    function = _function(scan, one, name)
    if function is None:
        return None
    is_cookie = one.name.lower().endswith("cookie") and _COOKIE.match(value) is not None
    is_name = one.operator == "(" and scan.text.startswith(",", end + len(one.quote))  # `set_cookie("lang", "…")`
    is_set = one.strength is Strength.STRONG and not is_name and function.sets and " " not in value
    is_noise = function.defines and len(value) >= _LEAST_NOISE and len(_NOISE.intersection(value)) > 2
    if is_cookie or is_set or is_noise:
        return start, end
    is_typed = one.operator == "(" and function.sets  # `passwordField.typeText("…")`
    may_be_joined = function.takes_joined and one.strength is Strength.STRONG
    is_secret = has_secret_form(value, is_strong=may_be_joined or is_typed) and not (
        one.strength is Strength.WEAK and is_name_of_class(value)
    )
    return (start, end) if len(value) >= SHORTEST_COMPARED and is_secret else None


class _Function(NamedTuple):
    """What takes an argument."""

    sets: bool
    defines: bool
    takes_joined: bool  # words and numbers that are joined; behind other functions, they name what it takes


def _function(scan: Scan, one: Beginning, name: int) -> _Function | None:
    """Return what takes a value; ``None`` if nothing does. It is remembered: code calls the same functions again."""
    is_among = one.operator in (",", BARE)
    if is_among:
        written = scan.text[max(0, name - CALLED) : name].rstrip("\"'`\\ #.:")
        line = max(map(written.rfind, "\n\0"))
        if line > 0 and written[line:-1].strip():  # what is before that does not matter
            written = written[line:]
    else:
        written = one.name if one.operator in ("(", "{") else one.operator[2:-1]
    key = (written, one.operator if is_among else "", one.name.isupper(), one.strength)
    known = scan.functions
    if key not in known:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        called = _function_before(written, one) if is_among else written
        known[key] = None if called is None else _understood(called, is_among=is_among)
    found: _Function | None = known[key]
    return found


def _understood(called: str, *, is_among: bool) -> _Function | None:
    if called.rpartition(".")[2] in ("encode", "decode"):
        return None
    takes_joined = is_among and (
        not called[-1:].isalnum()
        or called.endswith((*_WITH_DEFAULT, *_OF_HEADERS))
        or _COMPARES.search(called) is not None
    )
    return _Function(_SETTER.search(called) is not None, called.endswith("define"), takes_joined)


def _function_before(written: str, one: Beginning) -> str | None:
    """Return what takes a name and then its value as arguments, maybe without a name; ``None`` if nothing does.

    A name without quotes is a constant that something sets, as in ``curl_easy_setopt(c, CURLOPT_PASSWORD, "…")``, or
    the first item of a tuple of Erlang.
    """
    opening = _OPENED.sub("(", written)
    called, opens = opening[:-1], opening[-1:]
    is_bare = one.operator == BARE
    if is_bare and opens == "{":
        return called
    if is_bare and opens == "(" and _COMPARES.search(called) is not None:
        return called
    if is_bare and not one.name.isupper():
        return None
    if opens not in ("(", "["):
        before = _AMONG_ARGUMENTS.search(opening) if one.strength is Strength.STRONG else None
        return None if before is None else before[1]
    return None if is_bare and _SETTER.search(called) is None else called  # `verify(PASSWORD, "…")`


def quoted(scan: Scan, one: Beginning, start: int) -> Range | None:
    scan.units -= 8
    if scan.text.startswith(one.quote * 2, start):  # three quotes, each escaped
        start += 2 * len(one.quote)
    end = closing_quote(scan, start, one.quote)
    value = scan.text[start:end]
    if one.operator == "|":
        return (start, end) if _is_cell(scan, one, start, value) else None
    is_sentence = (
        one.strength is Strength.STRONG
        and len(value) > 8
        and " " in value
        and "{" not in value
        and value[:2] != "$("
        and _STANDS_FOR_WORDS.match(value) is None
    )
    if _JOINED.match(scan.text, end) is not None:
        end = _end_of_joined(scan, end)
    elif (changed := _CHANGED.match(scan.text, end)) is not None:
        end = closing_quote(scan, changed.end(), changed[1])
    # PASSWORD=`pwgen 16 1`; with a space before it, it is a literal of JavaScript or Go.
    is_command = one.quote == "`" and scan.text[start - 2] == "=" and _SHELL_COMMAND.match(value) is not None
    is_message = " " in value and _MESSAGE.search(value) is not None
    is_mark = len(value) < 2 and not value.isalnum()
    is_none = (is_placeholder(value) and not is_sentence) or is_mark or is_harmless_text(one.name, value)
    # A constant that is named like its value: `PASSWORD = "password"`.
    is_own_name = one.name.isupper() and value == one.name.lower() and scan.text[max(0, start - 2)] == " "
    if is_command or is_message or is_none or is_own_name:
        return shell_default(scan, one, start)
    is_weak = one.strength is Strength.WEAK
    is_short = len(value) < SHORTEST_COMPARED or (is_ordinary(value) and is_weak)
    has_form = has_secret_form(value, is_strong=not is_weak)
    if (one.operator in _DEFAULTS and not has_form) or (one.operator in COMPARISONS and is_short):
        return None
    if is_weak and (not is_weak_secret(one.name, value) or is_numbered_name(one.name, value)):
        return None
    return start, end


def _end_of_joined(scan: Scan, end: int) -> int:
    """Return where the last of several literals ends that ``+`` joins."""
    joined = _JOINED.match(scan.text, end)
    while joined is not None:
        end = closing_quote(scan, joined.end(), joined[1])
        scan.spend(6)
        joined = _JOINED.match(scan.text, end)
    return end


def unquoted(scan: Scan, one: Beginning, start: int) -> Range | None:
    text = scan.text
    scan.units -= 10
    if one.operator == "|":
        cell = _CELL.match(text, start)
        return cell.span() if cell is not None and _is_cell(scan, one, start, cell[0]) else None
    if text[start : start + 1] in _OTHER_QUOTES and (other := _in_other_quotes(text, start)) is not None:
        return other
    if text[start : start + 1] in _BEGINS_NO_WORD:
        is_message = text.startswith(":?", start - 1) and "${" in text[max(0, start - 64) : start]  # `${NAME:?message}`
        if is_message or _ELSEWHERE.match(text, start) is not None:
            return None
        if text.startswith(("{", "[", "(", "<", "- "), start):
            is_template = text.startswith("{{", start)
            return (
                _template_default(scan, start) if is_template else referenced(scan, start) or several(scan, one, start)
            )
    match = UNQUOTED.match(text, start)
    if match is None or text[start] == "$":
        return shell_default(scan, one, start) or referenced(scan, start)
    after = text[match.end() : match.end() + 1]
    whole = _with_marks(scan, one, start) if after and after in "&<>{}()[],;|" else None
    return (start, whole) if whole is not None else _word_or_code(scan, one, start, match.end())


def _template_default(scan: Scan, start: int) -> Range | None:
    """Return the literal of a template, as in ``{{ .Values.password | default "…" }}`` and ``{{ '…' | hash }}``."""
    match = _TEMPLATE_DEFAULT.match(scan.text, start, start + 300)
    return match.span("value") if match is not None and has_password_form(match["value"]) else None


def _in_other_quotes(text: str, start: int) -> Range | None:
    """Return the password in ``q{…}`` of Perl, ``%q(…)`` of Ruby, or ``{…}`` of a connection by ODBC."""
    if text[start] != "{":
        found = _PERL_QUOTE.match(text, start)
        return None if found is None or is_placeholder(found[2]) else found.span(2)
    braced = _ODBC.match(text, start)
    return braced.span(1) if braced is not None and is_credential(braced[1].replace("}}", "")) else None


def _word_or_code(scan: Scan, one: Beginning, start: int, end: int) -> Range | None:
    """Return a value that ends before a bracket or a space if it is a secret, or the literal in the code at it."""
    text = scan.text
    value, after = text[start:end], text[end : end + 1]
    if after == "(":
        return call(scan, one, start, end) or code_default(scan, one, start)
    annotated = _ANNOTATED.match(text, start, start + 100)
    if annotated is not None and is_ordinary(value.partition("=")[0]):  # maybe a type: `password: str = "…"`
        return quoted(scan, one._replace(operator="=", quote=annotated[1]), annotated.end())
    value = value.removesuffix("**")  # the end of what is bold
    if after == "[" or is_placeholder(value) or _CODE.match(value):
        return code_default(scan, one, start)
    value = value.rstrip(".:!?")
    is_secret = value and (_is_secret_value(value, one) or is_joined_password(scan, one, start, end, value))
    return (start, start + len(value)) if is_secret else find_joined_words(scan, one, start)


def _is_cell(scan: Scan, one: Beginning, start: int, value: str) -> bool:
    """Return whether a credential follows a cell of a table with nothing but a name in it."""
    if one.is_pin or (one.strength is Strength.WEAK and len(value) < 16):
        return False
    before = scan.text[max(0, start - _WIDEST_CELL) : start]
    return has_secret_form(value, is_strong=one.strength is Strength.STRONG) and _NAMED_CELL.search(before) is not None


def _with_marks(scan: Scan, one: Beginning, start: int) -> int | None:
    """Return where a password ends that has characters in it which end other values, as in ``P@ss(w0rd)9``.

    It has a character that no expression of code has at this place, a digit and a letter.
    """
    match = _WITH_MARKS.match(scan.text, start) if one.strength is Strength.STRONG and not one.is_pin else None
    if match is None:
        return None
    pair = _NEXT_PAIR.search(match[0])
    written = match[0] if pair is None else match[0][: pair.start()]
    value = written.rstrip(")]}>([{<;,.:")
    if any(map(value.__contains__, _OPENERS)):
        value = written[: len(value) + 1]  # `a(b)`: one bracket is closed
    is_password = (
        len(value) >= SHORTEST_COMPARED
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and _NO_OPERATOR.search(value) is not None
        and _EXPRESSION.match(value) is None
        and not is_placeholder(value)
    )
    return start + len(value) if is_password or (one.is_configuration and is_joined_words(value)) else None


def _is_name_in_code(value: str, one: Beginning) -> bool:
    """Return whether a value is what code names like it (``this.keyIDs = keyIDs``), negates, or the name of a class."""
    if one.is_configuration:
        return value[0] == "/" and is_harmless_text(one.name, value)
    if (len(value) >= SHORTEST_COMPARED and one.name.endswith(value)) or _NEGATED.match(value) is not None:
        return True
    if _ANNOTATION.match(value) is not None:
        return True
    return one.strength is Strength.WEAK and is_name_of_class(value)


def is_name_of_class(value: str) -> bool:
    """Return whether a value is words in capitals, some of which may be technical: ``OAuth2ClientAuth``."""
    return _CLASS_OR_NAME.match(_TECHNICAL_IN_NAMES.sub("Word", value)) is not None


def _is_secret_value(value: str, one: Beginning) -> bool:
    """Return whether an unquoted value is a secret, and not a word of a sentence or a name in code."""
    is_strong = one.strength is Strength.STRONG
    if (one.is_pin and not value.isdigit()) or _is_name_in_code(value, one):
        return False
    if value.isdigit():
        name = one.name.lower()
        return is_strong and len(value) >= LEAST_DIGITS - name.endswith(OF_CARDS) and not name.endswith("s")
    if not is_strong:
        return is_weak_secret(one.name, value) and not is_numbered_name(one.name, value) and not is_dotted_name(value)
    if is_ordinary(value):
        return one.is_configuration and is_word_of_configuration(value)
    return len(value) >= 4 and (value.isascii() or not is_sentence_without_spaces(value))
