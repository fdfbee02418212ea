"""Decide where the value of a secret name ends, and whether it is a secret, in code and configuration."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.text.scan import LONGEST_VALUE, Range, Scan, closing_quote, past_collection
from voltagent.processors.secrets.vocabulary.credential_forms import (
    MIXED_WORD,
    is_credential,
    is_mixture,
    is_ordinary,
    is_placeholder,
    is_weak_secret,
)
from voltagent.processors.secrets.vocabulary.joined_words import JOINED_WORDS, has_marks, is_joined_words
from voltagent.processors.secrets.vocabulary.names import Strength
from voltagent.processors.secrets.vocabulary.words import IN_SENTENCES, STRONG

COMPARISONS: Final = ("==", "!=", "===", "!==", "->")
CALLS: Final = (",", "(", "{")  # before an argument
_DEFAULTS: Final = ("||", "??")  # before what is taken instead
_SURE: Final = re.compile(rf"{MIXED_WORD}(?=[\s,;&\0]|\Z)")
_UNQUOTED: Final = re.compile(r"[^\s\"'`\u201d\u2019,;&<>(){}\[\]\\|\0\x1b]{1,4096}")
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
    r"!(?:ref|getatt|sub|importvalue|join|select|findinmap|secret|env|env_var|vault|reference)\b|<%", re.IGNORECASE
)
_SCHEMA: Final = re.compile(
    r"\{(?![^{}]{0,200}\bvalue\\{0,8}[\"']?\s{0,4}[:=])"  # as `terraform output -json` has it
    r"[^{}]{0,200}\b(?:(?:required|nullable|validators?|(?:min|max)_?length)\\{0,8}[\"']?\s{0,4}:"
    r"|type\\{0,8}[\"']?\s{0,4}:\s{0,4}\\{0,8}[\"'\[]?(?:(?:datatypes|sequelize|schema|types|mongoose)\.\w"
    r"|(?:string|number|integer|boolean|object|array|text|varchar|apikey|openidconnect)\b))",
    re.IGNORECASE,
)
# A row such as `| DB_PASSWORD | … |`: its value, and what stands before it.
_CELL: Final = re.compile(r"[^\s|\"'`\0]{6,200}(?=[ \t]{0,80}(?:\||\s{0,4}\Z|\r?\n))")
_NAMED_CELL: Final = re.compile(
    r"(?:[\n\0]|\A)[ \t]{0,40}\|?[ \t]{0,40}[*`]{0,2}[\w.$-]{1,60}[*`]{0,2}[ \t]{1,40}\|[ \t]{1,40}[`]?\Z"
)
_WIDEST_CELL: Final = 160  # characters
_CODE: Final = re.compile(
    r"(?:self|this|os|env|process|config|settings|request|req|ctx|args|options|params|cls|app|data|props|state|event"
    r"|body|user|st|np|torch)\.\w"
)
_ANNOTATED: Final = re.compile(r"[\w.\[\], |]{1,80}=(?!=)\s{0,4}[bfru]{0,2}([\"'`])")
_CONSTANT: Final = re.compile(
    r"(?![A-Za-z_]{0,250}[^A-Za-z_])(?:[A-Z][A-Z_]{2,60}|[a-z]{1,30}(?:[A-Z][a-z]{1,30}){1,4}|(?:[A-Z][a-z]{1,30}){1,5}|[a-z]{1,30}(?:_[a-z]{1,30}){1,6})\Z"
)
# The literal that a variable's reading falls back on: ``${PASSWORD:-…}``, ``getenv("PASSWORD", "…")``, ``x || "…"``.
_SHELL_DEFAULT: Final = re.compile(
    r"\$\{(?!(?:env|sys|secrets?|vault|ssm|sm|file|param|self|opt|custom|aws|gcp|azure|kv|base64|java):)"
    r"[\w.]{1,60}:?[-=]?(?<=[:=-])([^\s{}\"'?+\0-][^\s{}\"'\0]{3,200})\}"
)
_CODE_DEFAULT: Final = re.compile(
    r"[\w.:!?$\[\]]{1,80}(?:[(\[][ \t]{0,4}[\"'][\w.-]{1,60}[\"'][ \t]{0,4}[)\]]?)?"
    r"[ \t]{0,4}(?:,|\|\||\?\?|or|\?:)[ \t]{1,4}"
    r"(?:(?:default|unset|fallback)[ \t]{0,2}[=:][ \t]{0,2})?([\"'`])"
)
# A declared type that does not begin with a word: ``&'static str = "…"``.
_REFERENCE: Final = re.compile(r"&(?:'\w{1,20} )?(?:mut )?str\s{0,4}=\s{0,4}[br]?(\")")
# A word of a placeholder, where plain words joined by hyphens are a passphrase.
_STANDS_FOR_ONE: Final = re.compile(
    r"(?:^|-)(?:your|my|here|the|secret|password|pass|passwd|key|token|api|change|me|replace|example|insert|put|set|user|to|from|none"
    r"|placeholder|dummy|fake|test|todo|env|file|path|name|value|required)(?:-|\Z)",
    re.IGNORECASE,
)
_SETTER: Final = re.compile(
    r"(?:\b|_)(?:set(?:default)?|define|put|with|fill|type|send_keys|sendKeys)(?:[A-Z_]\w{0,40})?\s{0,4}\Z"
)
_WITH_DEFAULT: Final = ("environ.get", "getenv")
_OF_HEADERS: Final = (".Add", ".append", ".header", ".addHeader", ".setRequestHeader")
_SECRET_CALL: Final = re.compile(
    r"[\w.:]{0,80}(?:secret|password|credential|token|key|sensitive|strptr|string::from|some|string|bytes?|buffer\.from)\w{0,20}\(\Z",
    re.IGNORECASE,
)
_CONSTRUCTED: Final = re.compile(r"new ([\w.]{1,60}\()")
_JOINED: Final = re.compile(r"[\"'`]\s{0,8}[+.]\s{0,8}[bfru]{0,2}([\"'`])")
_CHANGED: Final = re.compile(r"[\"'`][ \t]{1,4}->[ \t]{1,4}([\"'`])")  # the new value in a plan of Terraform
_WORDS_AND_NUMBER: Final = re.compile(r"(?:[a-z]{3,20}-){2,4}[0-9]{1,6}\Z")
_DOTTED: Final = re.compile(r"[A-Za-z]{2,40}(?:\.[A-Za-z]{2,40}){0,6}\.\d{1,10}\Z")  # no code has a number there
# `Summer_24`; but what is counted, or a part of a document, is no password.
_NUMBERED: Final = re.compile(
    r"(?!(?:Appendix|Attempt|Chapter|Class|Code|Error|Example|Field|Figure|Group|Item|Length|Level|Line|Max|Min|Note|Option|Page|Part|Phase"
    r"|Question|Row|Rule|Section|Status|Step|Table|Test|Type|Unit|Version|Volume|Warning)s?[_:])[A-Z][a-z]{2,20}[_:]\d{1,6}\Z"
)
# What a form says to its user about a password.
_MESSAGE: Final = re.compile(
    r"^your [^0-9]*\Z"
    r"|^[^0-9]{0,60}\b(?:passwords?|passphrase|required|must|invalid|incorrect|please|at least|characters)\b"
    r"[^0-9]{0,60}(?:[0-9]{1,2}[^0-9]{1,40})?\Z",
    re.IGNORECASE,
)
_NAME_OF_HEADER: Final = re.compile(
    r"\b(?:name|alias|env|header|tokenurl)[ \t]{0,2}[=:][ \t]{0,2}[\"'][^\"'0-9]{1,60}[\"']", re.IGNORECASE
)
_LITERAL: Final = re.compile(r"[\"']([^\"'\n]{6,200})[\"']")
# A passphrase of plain words: all that is left of a line of configuration.
_PHRASE: Final = re.compile(r"([a-z]{2,14}(?:[ ][a-z]{2,14}){3,24})[ \t]{0,4}(?=[\r\n\0#]|\Z)")
# The same with a number among the words, behind an equals sign.
_WORDS_AND_NUMBERS: Final = re.compile(
    r"(?=[A-Za-z]{2,20} )(?=[^0-9\n]{2,100}[0-9])([A-Za-z]{2,20}(?: [A-Za-z0-9!?#%&+-]{1,20}){2,8})"
    r"[ \t]{0,4}(?=[\r\n\0]|\Z)"
)
_FEW_WORDS: Final = re.compile(r"([A-Z][a-z]{1,20}(?: [A-Za-z]{2,20}){1,3})[ \t]{0,4}(?=[\r\n\0]|\Z)")
_OF_SEVERAL_WORDS: Final = ("phrase", "mnemonic", "psk")
# A line of configuration: a name, and a value that is no code and no type.
_CONFIGURED: Final = re.compile(
    r"[ \t>+|#-]{0,20}[\w.-]{1,40}[ \t]{0,20}[:=][ \t]{0,8}"
    r"(?!(?:str|int|bool|float|bytes|string|number|any|list|dict)\b)(?![A-Z]\w{0,40}\.\w)"
    r"(?:[^\s(){};,\[\]<>]{1,60}|\"[^\"]{0,60}\"|'[^']{0,60}')[ \t\r]{0,4}\Z"
)
_REQUESTED: Final = re.compile(r"(?:[\n\0]|\A)[A-Z][\w ()'-]{2,60}:[ \t]{0,4}\r?\n\Z")  # what a command requests
_IN_PAIR: Final = re.compile(r"\w{2,40}(?: \w{1,40}){1,6}")
_CALLED: Final = 80  # characters before a name in which the function stands that is called
_SHORTEST_PASSPHRASE: Final = 14  # characters of words joined by hyphens
_SHORTEST_COMPARED: Final = 6  # characters of a literal that a name is compared with


class Beginning(NamedTuple):
    """What stands before a value: a name, an operator, and maybe a quote."""

    name: str
    strength: Strength
    operator: str
    quote: str
    is_configuration: bool  # a line of an environment file or a parameter, where also a plain word is a password
    is_pin: bool  # the name ends with it: in text, the pins of a circuit have names as well


def argument(scan: Scan, one: Beginning, name: int, start: int) -> Range | None:
    """``setdefault("DB_PASSWORD", "…")`` and pairs alike, and ``setPassword("…")``: a literal that looks like one.

    Under a strong name, a function that sets or defines it also takes an ordinary word.
    """
    scan.spend(8)
    end = closing_quote(scan, start, one.quote)
    if is_placeholder(scan.text[start:end]) and (joined := _JOINED.match(scan.text, end)) is not None:
        start = joined.end()  # `"Bearer " + "…"`
        end = closing_quote(scan, start, joined[1])
    value = scan.text[start:end].strip("\\\"'")
    if is_placeholder(value):
        return None
    may_be_joined = False  # words and numbers that are joined: behind a function, they name what it takes
    if one.operator in ("(", "{"):
        called = one.name
        if called.endswith((".encode", ".decode")):
            return None
    elif one.operator == ",":
        opening = _OPENED.sub("(", scan.text[max(0, name - _CALLED) : name].rstrip("\"'`\\ #.:"))
        called = opening[:-1]
        if opening[-1:] not in ("(", "["):
            return None
        may_be_joined = not called[-1:].isalnum() or called.endswith((*_WITH_DEFAULT, *_OF_HEADERS))
    else:
        called = one.operator[2:-1]
        if called in ("encode", "decode"):
            return None
    is_cookie = one.name.lower().endswith("cookie") and _COOKIE.match(value) is not None
    is_set = one.strength is Strength.STRONG and _SETTER.search(called) is not None and " " not in value
    if is_cookie or is_set:
        return start, end
    is_secret = is_credential(value) or (may_be_joined and one.strength is Strength.STRONG and is_mixture(value))
    return (start, end) if len(value) >= _SHORTEST_COMPARED and is_secret else None


def quoted(scan: Scan, one: Beginning, start: int) -> Range | None:
    scan.spend(8)
    end = closing_quote(scan, start, one.quote)
    value = scan.text[start:end]
    if one.operator == "|":
        return (start, end) if _is_cell(scan, one, start, value) else None
    is_followed = _JOINED.match(scan.text, end) is not None or _CHANGED.match(scan.text, end) is not None
    if _SURE.match(value) is not None and not is_followed:
        return start, end
    is_instruction = value.startswith("<") or _MESSAGE.search(value) is not None
    is_sentence = (
        one.strength is Strength.STRONG
        and len(value) > 8
        and " " in value
        and "{" not in value
        and value[:2] != "$("
        and not is_instruction
    )
    if _JOINED.match(scan.text, end) is not None:
        end = _end_of_joined(scan, end)
    elif (changed := _CHANGED.match(scan.text, end)) is not None:
        end = closing_quote(scan, changed.end(), changed[1])
    is_message = is_instruction and " " in value
    if is_message or (is_placeholder(value) and not is_sentence):
        return _shell_default(scan, one, start)
    is_weak = one.strength is Strength.WEAK
    if one.operator in _DEFAULTS and not (is_credential(value) or (is_mixture(value) and not is_weak)):
        return None
    if one.operator in COMPARISONS and (len(value) < _SHORTEST_COMPARED or (is_ordinary(value) and is_weak)):
        return None
    return None if is_weak and not is_weak_secret(one.name, value) else (start, end)


def may_be_phrase(operator: str, beginning: str) -> bool:
    """Return whether several plain words may be a secret, given what stands before them, from the name on.

    Behind the name of a password, they are what a form says, except where they are assigned, as in ``wifi_password =``.
    """
    return operator == "=" or any(map(beginning.lower().__contains__, _OF_SEVERAL_WORDS))


def phrase(scan: Scan, operator: str, name: int, start: int) -> Range | None:
    """Return the words behind ``passphrase:`` at the beginning of a line, if they make no sentence."""
    text = scan.text
    if operator == "=" and text[start - 1] == "=" and text[name - 1 : name] in ('"', "'"):  # `"PASSWORD=…"`
        pair = _IN_PAIR.match(text, start)
        return pair.span() if pair is not None and text.startswith(text[name - 1], pair.end()) else None
    match = _PHRASE.match(text, start)
    if match is None and operator == "=" and text[start - 1] == "=":
        match = _FEW_WORDS.match(text, start)
    if match is None and operator == "=":
        match = _WORDS_AND_NUMBERS.match(text, start)
    if match is None:
        return None
    before = text[max(0, name - _CALLED) : name].rstrip(" \t\"'-")
    if before[-1:] not in "\n\0" or (not before and name > _CALLED):
        return None
    scan.spend(4)
    words = match[1].lower().split()
    is_phrase = any(map(text[name:start].lower().__contains__, _OF_SEVERAL_WORDS))
    is_sentence = not IN_SENTENCES.isdisjoint(words) or not (is_phrase or STRONG.isdisjoint(words))
    return None if is_sentence else match.span(1)


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
    scan.spend(10)
    if one.operator == "|":
        cell = _CELL.match(text, start)
        return cell.span() if cell is not None and _is_cell(scan, one, start, cell[0]) else None
    if text[start : start + 1] in _OTHER_QUOTES and (other := _in_other_quotes(text, one, start)) is not None:
        return other
    if text[start : start + 1] in _BEGINS_NO_WORD:
        is_message = text.startswith(":?", start - 1) and "${" in text[max(0, start - 64) : start]  # `${NAME:?message}`
        if is_message or _ELSEWHERE.match(text, start) is not None:
            return None
        if text.startswith(("{", "[", "(", "<", "- "), start):
            return _several(scan, one, start)
    match = _UNQUOTED.match(text, start)
    if match is None or text[start] == "$":
        return _shell_default(scan, one, start) or _referenced(scan, start)
    after = text[match.end() : match.end() + 1]
    whole = _with_marks(scan, one, start) if after and after in "&<>{}()[],;|" else None
    return (start, whole) if whole is not None else _word_or_code(scan, one, start, match.end())


def _in_other_quotes(text: str, one: Beginning, start: int) -> Range | None:
    """Return the password in ``q{…}`` of Perl, ``%q(…)`` of Ruby, or ``{…}`` of a connection by ODBC."""
    if text[start] != "{":
        found = _PERL_QUOTE.match(text, start)
        return None if found is None or is_placeholder(found[2]) else found.span(2)
    braced = _ODBC.match(text, start) if one.operator == "=" else None
    return braced.span(1) if braced is not None and is_credential(braced[1].replace("}}", "")) else None


def _word_or_code(scan: Scan, one: Beginning, start: int, end: int) -> Range | None:
    """Return a value that ends before a bracket or a space if it is a secret, or the literal in the code at it."""
    text = scan.text
    value, after = text[start:end], text[end : end + 1]
    if after == "(":
        return _call(scan, one, start, end) or _code_default(scan, one, start)
    annotated = _ANNOTATED.match(text, start, start + 100)
    if annotated is not None and is_ordinary(value.partition("=")[0]):  # maybe a type: `password: str = "…"`
        return annotated.end(), closing_quote(scan, annotated.end(), annotated[1])
    if after == "[" or is_placeholder(value) or _CODE.match(value):
        return _code_default(scan, one, start)
    value = value.rstrip(".:!?")
    is_secret = _is_secret_value(value, one) or _is_joined_password(scan, one, start, end, value)
    return (start, start + len(value)) if is_secret else _joined_words(scan, one, start)


def _is_cell(scan: Scan, one: Beginning, start: int, value: str) -> bool:
    """Return whether a credential follows a cell of a table with nothing but a name in it."""
    if one.is_pin or (one.strength is Strength.WEAK and len(value) < 16):
        return False
    return (is_credential(value) or (one.strength is Strength.STRONG and is_mixture(value))) and _NAMED_CELL.search(
        scan.text[max(0, start - _WIDEST_CELL) : start]
    ) is not None


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
    if not _OPENERS.isdisjoint(value):
        value = written[: len(value) + 1]  # `a(b)`: one bracket is closed
    is_password = (
        len(value) >= _SHORTEST_COMPARED
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and _NO_OPERATOR.search(value) is not None
        and _EXPRESSION.match(value) is None
        and "://" not in value
        and not is_placeholder(value)
    )
    return start + len(value) if is_password else None


def _is_joined_password(scan: Scan, one: Beginning, start: int, end: int, value: str) -> bool:
    """Return whether words and numbers that are joined are a password.

    ``PASSWORD=Summer-2024`` is one, ``password: step-2 of 3`` is not. Behind a space, the value must be all that is
    left of its line, and have both cases or a name in capitals.
    """
    if one.strength is not Strength.STRONG or one.is_pin:
        return False
    is_joined = one.is_configuration or (one.operator == "=" and scan.text[start - 1] == "=")
    if is_joined and _is_passphrase(value):
        return True
    has_cases = value != value.lower() and value != value.upper()
    if not is_mixture(value) and not (has_cases and (_DOTTED.match(value) or _NUMBERED.match(value)) is not None):
        return False
    if scan.text[start - 1] not in " \t\n":
        return True
    ends_line = scan.text[end : end + 1] in ("", "\n", "\r", "\0")
    return ends_line and (has_cases or one.name.isupper() or _WORDS_AND_NUMBER.match(value) is not None)


def _is_passphrase(value: str) -> bool:
    """Return whether a value of a configuration is words joined by hyphens, or a word and a number joined otherwise."""
    if _STANDS_FOR_ONE.search(value.replace("_", "-")) is not None or value.isupper():
        return False
    if value.count("-") >= 2 and len(value) >= _SHORTEST_PASSPHRASE and value.replace("-", "").isalpha():
        return value.islower()
    return len(value) >= _SHORTEST_COMPARED and "_" in value and any(map(str.isdigit, value)) and value != value.lower()


def _several(scan: Scan, one: Beginning, start: int) -> Range | None:
    if scan.text.startswith("[]byte(", start):
        return _call(scan, one, start + 2, start + 6)
    if scan.text[start] == "-":
        return _listed(scan, start)
    if scan.text[start] == "{" and _SCHEMA.match(scan.text, start, start + 300) is not None:
        return None
    return _collection(scan, start, one.strength, name_is_plural=one.name.lower().endswith("s"))


def _listed(scan: Scan, start: int) -> Range | None:
    """Items of a list in YAML, from the first on that look like credentials."""
    limit = min(scan.end_of_string(start), start + LONGEST_VALUE)
    end, item = 0, start
    while scan.text.startswith("- ", item):
        scan.spend(6)
        stop = scan.text.find("\n", item, limit)
        line = scan.text[item + 2 : limit if stop < 0 else stop]
        if not is_credential(line[:500].strip(" \"'\r")):
            break
        end = item + 2 + len(line.rstrip())
        if stop < 0:
            break
        after = scan.text[stop + 1 : stop + 60]
        item = stop + 1 + len(after) - len(after.lstrip(" "))
    return (start + 2, end) if end else None


def _shell_default(scan: Scan, one: Beginning, start: int) -> Range | None:
    match = _SHELL_DEFAULT.match(scan.text, start, start + 300) if one.strength is Strength.STRONG else None
    return None if match is None or is_placeholder(match[1]) else match.span(1)


def _referenced(scan: Scan, start: int) -> Range | None:
    match = _REFERENCE.match(scan.text, start)
    return None if match is None else (match.end(), closing_quote(scan, match.end(), match[1]))


def in_code(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return the literal in a call such as ``aws.String("…")``, or the one that code falls back on."""
    made = _CONSTRUCTED.match(scan.text, start)
    if made is not None:
        return _call(scan, one, made.start(1), made.end() - 1)
    match = _UNQUOTED.match(scan.text, start)
    is_call = match is not None and scan.text[match.end() : match.end() + 2] in ('("', "('")
    called = _call(scan, one, start, match.end()) if match is not None and is_call else None
    if match is not None and _DOTTED.match(match[0]) is not None:
        return match.span() if _is_joined_password(scan, one, start, match.end(), match[0]) else None
    return called or _code_default(scan, one, start) or _joined_words(scan, one, start)


def _joined_words(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return a password of joined words, such as ``Tern@Shore``; with marks that code has, in configuration only."""
    name = one.name.lower()
    if one.strength is not Strength.STRONG or one.is_pin or (name[-1:] == "s" and name[-4:] != "pass"):
        return None
    match = JOINED_WORDS.match(scan.text, start)
    if match is None or not is_joined_words(match[0]):
        return None
    scan.spend(8)
    if _REQUESTED.search(scan.text, max(0, start - _CALLED), start) is not None:
        return match.span()
    is_sure = has_marks(match[0]) or scan.text[start - 1] not in " \t\n"
    if not (is_sure or one.name != name or "_" in name or "pass" in name or "pw" in name):
        return None  # `secret: Top-Level`
    return match.span() if _is_configuration(scan, start, match.end(), is_sure=is_sure) else None


def _is_configuration(scan: Scan, start: int, end: int, *, is_sure: bool) -> bool:
    """Return whether a value is in no call and, if it may be code, beside another line of configuration."""
    text = scan.text
    line = 1 + max(text.rfind(mark, max(0, start - _CALLED), start) for mark in "\n\0")
    if "(" in text[line or max(0, start - _CALLED) : start]:
        return False
    if is_sure:
        return True
    if text[end : end + 1] not in ("", "\n", "\r", "\0"):
        return False
    before = text[max(0, line - _CALLED - 1) : max(0, line - 1)].rpartition("\n")[2]
    after = text[end : end + _CALLED].lstrip("\r\n").partition("\n")[0]
    return _CONFIGURED.match(before) is not None or _CONFIGURED.match(after) is not None


def _code_default(scan: Scan, one: Beginning, start: int) -> Range | None:
    """Return the literal that code falls back on, behind the call or name that begins at ``start``."""
    scan.spend(4)
    match = _CODE_DEFAULT.match(scan.text, start, start + 300)
    if match is None:
        return None
    end = closing_quote(scan, match.end(), match[1])
    value = scan.text[match.end() : end]
    is_strong = one.strength is Strength.STRONG
    is_secret = is_credential(value) or (is_strong and (is_mixture(value) or is_joined_words(value)))
    return (match.end(), end) if is_secret else None


def _is_secret_value(value: str, one: Beginning) -> bool:
    """Return whether an unquoted value is a secret, and not a word of a sentence or a name in code."""
    is_strong = one.strength is Strength.STRONG
    if one.is_pin and not value.isdigit():
        return False
    if value.isdigit():
        return is_strong and len(value) >= 4 and not one.name.lower().endswith("s")
    if not is_strong:
        return is_weak_secret(one.name, value)
    if _CONSTANT.match(value) or is_ordinary(value):
        return one.is_configuration and _is_word_of_configuration(value)
    return len(value) >= 4


def _is_word_of_configuration(value: str) -> bool:
    return len(value) >= 6 and value.isalpha() and value.islower()


def is_password_word(value: str) -> bool:
    """Return whether a plain word is long enough for a password, and does not stand for one."""
    return _is_word_of_configuration(value) and not is_placeholder(value)


def _call(scan: Scan, one: Beginning, start: int, bracket: int) -> Range | None:
    """Return a call such as ``SecretStr("…")`` whole, if there is a literal in it and its name speaks of a secret."""
    called = scan.text[start : bracket + 1]
    if _SECRET_CALL.match(called) is None or _reads_a_secret(called):
        return None
    found = _collection(scan, bracket, one.strength)
    if found is None:
        return None
    literals = _LITERAL.findall(scan.text[bracket : found[1]][:4096])
    if literals and all(map(is_placeholder, literals)):
        return None
    is_sure = any(is_credential(one) or is_mixture(one) for one in literals)
    if "field(" in called.lower() and not is_sure:
        return None
    if not is_sure and (len(literals) > 1 or _NAME_OF_HEADER.search(scan.text, bracket, found[1]) is not None):
        return None  # a name and its help
    return start, found[1]


def _reads_a_secret(called: str) -> bool:
    """Return whether a function with such a name returns the secret: the literal in its call is a name or a label."""
    verb = called.rpartition(".")[2].lower()
    return verb.startswith(("get", "read", "load", "fetch", "ask", "prompt", "input", "find", "token_", "decrypt"))


def _collection(scan: Scan, start: int, strength: Strength, *, name_is_plural: bool = True) -> Range | None:
    """Return a collection or call with a quoted literal in it: all of it, brackets included."""
    text = scan.text
    if text[start] == "<":
        end = text.find(">", start, start + 512)
        has_literal = end >= 0 and any(quote in text[start:end] for quote in "\"'")
        return (start, end + 1) if has_literal else None
    beginning = text[start : start + 4096]
    scan.spend(8)
    if strength is not Strength.STRONG and "'" not in beginning and '"' not in beginning:
        return None
    end = past_collection(scan, start)
    inside = text[start:end]
    if strength is Strength.WEAK:
        found = _LITERAL.findall(inside[:4096])
        is_pair = text[start] == "(" and inside.count(",") == 1  # a user and a password
        return (start, end) if any(map(is_credential, found)) or (is_pair and any(map(is_mixture, found))) else None
    literals = _LITERAL.findall(inside[:4096])
    if text[start] == "[" and literals and all(map(is_ordinary, literals)) and not name_is_plural:
        return None
    has_literal = '"' in inside or "'" in inside
    return (start, end) if has_literal or ("(" not in inside and any(map(str.isdigit, inside[:4096]))) else None
