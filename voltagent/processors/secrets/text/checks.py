r"""What makes a JSON text suspicious: the checks before redaction, as expressions for the engine of pydantic-core.

They may find too much, never too little: a text in which they find nothing is not searched. The engine knows no
look-around, so a check here is wider than what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from voltagent.processors.secrets.text.searches.configuration import ENCODINGS
from voltagent.processors.secrets.text.searches.one_time_codes import TO_WHAT
from voltagent.processors.secrets.text.searches.prose import QUESTION, QUESTIONED, STATEMENT
from voltagent.processors.secrets.text.searches.urls import PARAMETER_NAMES
from voltagent.processors.secrets.vocabulary.token_formats import FORMATS, INNER_FORMATS, Format
from voltagent.processors.secrets.vocabulary.words import (
    CODE_NAMES,
    HINTS,
    PATS,
    STEMS,
    STRONG_PAIRS,
    TWO_WORDS,
    WEAK_STEMS,
)

_ENOUGH: Final = 8  # characters of a token behind its prefix
_PAIRED: Final = ("code", "phrase")  # hints that make a name strong only behind certain words

# What stands for each character beyond ASCII in a text. No beginning of a check has a character with these upper bits,
# by which the engine leaves out whole words of other alphabets.
STAND_IN: Final = 0x16
_STAND_IN: Final = rf"\x{STAND_IN:02x}"

NAME: Final = r"[0-9A-Za-z_.$\x{80}-\x{10FFFF}-]*"  # the rest of a name
# The next columns of a table or a statement, if a space stands between them.
_COLUMNS: Final = (
    r"[,;] (?:[0-9a-z_.-]+[,;] ?)*[0-9a-z_.-]+ ?(?:[\r\n]|\\+[nr]|\)(?:(?:\s|\\+[nrt])*values| from stdin))"
)
# What may follow a secret's name in a JSON text, but for quotes and operators, in structures and in text alike: a
# bracket or an escape; or, after spaces, an operator, a quote, an attribute, or a word with a digit. In prose there is
# a plain word.
_AT_ONCE: Final = (
    rf"[\])%>\x1b\[\r\n]|[,;\t][a-z\"]|{_COLUMNS}|&(?:gt|quot|#)|<\\*/(?:t[dh]|dt|name)>|\*\*|\}}[ \t]*="
    r"|[({,][ \t]*[\\\"'`]"
)
GAP: Final = r"[ \t\f\v(/,+]"
_AFTER_GAP: Final = (
    r"[ \t\f\v]*(?:[!\"'`\\<>|?+\n-]|\{ ?get|or \\*[\"'`]|(?:as )?string|[0-9A-Za-z-]+=|(?:for|of) [^ \"\\]+[ \t]?[=:]"
    r"|(?:provided|given|used|supplied|received|created|generated|issued|refreshed|rotated)[ \t]?:|n?(?:varchar|text)\("
    r"|\([0-9a-z_ .-]+\):"
    rf"|(?:field|input|box)\\*\"|(?:{ENCODINGS})[ \t]|[A-Za-z._~+/=-]*[0-9])"
)
_BEFORE_COLON: Final = r"(?:[ \t\r\n]|\\+[nrt])"
KEY_END: Final = rf"[^\"\\]*\\*\"{_BEFORE_COLON}*:"  # the end of a key that holds more than a name
# One of these is in each text with a gap before such an end. The engine looks for the quote and the colon, and goes
# back from there, while it follows a name to the end of its string.
KEYS_WITH_GAP: Final = (rf"{GAP}[^\"\\]*\\*\":", rf"\"{_BEFORE_COLON}+:")
DRAWN_COLUMN: Final = rf"(?:pass[a-z]*|secret|token|key)[ \t]*{_STAND_IN}[ \t]"  # of a table that is drawn with lines
# Under the name of a token, a number is none: `"input_tokens": 12`, which stands in the record of each model call.
_NO_NUMBER: Final = r"(?:[^0-9 \t-]|-[^0-9]|-?[0-9][0-9.]*[^0-9., \t\r\n\f\v\\\"'}\])&;])"


def _ends(after_gap: str) -> tuple[str, str]:
    """Return what makes a name suspicious, and what makes that of a token so."""
    follows = rf"{_AT_ONCE}|{GAP}(?:{after_gap})"
    return (
        rf"{NAME}(?:[\"'`\\=:]|[<?|!]{{1,2}}[=-]|{GAP}[ \t\f\v]*[=:]|{follows})",
        (
            rf"{NAME}(?:\\*[\"'`]?[ \t\f\v]*(?:[<?|!]{{0,2}}=|<-|:)[ \t]*{_NO_NUMBER}"
            rf"|\\*[\"'`][ \t\f\v]*[^ \t\f\v=:]|\\+[^\\\"'`]|[(/,+][ \t\f\v]*[=:]|{follows})"
        ),
    )


NAME_END, TOKEN_END = _ends(f"{_AFTER_GAP}|{KEY_END}")
SOON_BEHIND_NAME, SOON_BEHIND_TOKEN = _ends(_AFTER_GAP)  # all of these but the end of a key
_SETTER: Final = "(?:env|define|setx|setenv|set -[a-z]+|config(?:ure)?)"
# Checks of text in any case, by what each begins with: a word, a dash, or an address. Those of a group have so few
# beginnings, all of at least four characters, that the engine finds them many characters at a time; shorter beginnings
# are by themselves, as one of them would make it stop at many more places.
_LITERAL_SECOND: Final = r"\([^()]*,(?:\s|\\[nrt])*[bru]*\\*[\"']"  # a call with a literal behind its first argument
# Each of the next ones has a hint of a name. Those that begin with it cost no search of their own beside the names.
AMONG_NAMES: Final = (
    r"basicauth|sessionid|cred(?:ential)?s (?:are|is) |secrets set |secret-tool |pass (?:show|-c|otp) |passwd [a-z]"
    r"|pass[ \t]+(?:(?:is|was|for)[ \t]|[^ -~])|auth(?::token| default | plain)"
    r"|(?:pass|auth) [a-z]+(?:[\r\n\"]|\\+[nr]|$)"
    rf"|(?:credentials?|auth(?:enticat(?:e|ion))?|password(?:token)?){_LITERAL_SECOND}"
    rf"|(?:{'|'.join(one for one in QUESTIONED if len(one) > 3)}){QUESTION}"
)
AMONG_BRIEF_NAMES: Final = (
    r"pwd?[ \t]+(?:(?:is|was|for)[ \t]|[^ -~])|keyname[ \t]{2}|key content[ \t]"
    rf"|(?:{'|'.join(one for one in QUESTIONED if len(one) <= 3)}){QUESTION}"
)
WITH_HINT: Final = (
    (
        r"otp (?:for|sent|to)[^:;.\"\\]*(?::| is:?)[ \t]+[0-9]"
        r"|(?:bearer,?|basic)[ \t]{1,4}[a-z0-9._~+/=-]{8}"
        r"|(?:otp|pin)[ \t]+(?:is|was|es|est|ist|é|è)[ \t]*:?[ \t]+[0-9]{4}"
        rf"|{_SETTER}[ \t]+(?:--[a-z]+[ \t]+)*(?:set[ \t]+)?[a-z0-9_.-]*password[ \t\\]"
    ),
    (
        r"stats auth|jwt\.(?:sign|verify|encode|decode)\(|wpa_passphrase |create token |\.psk "
        r"|userpwd|chpasswd|pwgen|(?:key|store)pass[ \t]|shared-key (?:local|remote)[ \t]|(?:as|is) your [a-z -]*otp"
        r"|[ai]s (?:the|your|my|our|a) (?:[a-z-]+ )?(?:[a-z-]+ )?"
        r"(?:pass(?:word|phrase|code)|(?:api|access|secret) (?:key|token))"
    ),
)
WORDED: Final = (
    (
        r"login(?:\s|\\[nrt])+[^\s\x00]+(?:\s|\\[nrt])+(?:account|password)"
        rf"|(?:log_?in|sign_?in|connect(?:ion)?|mysqli|new pdo|__construct|imap_open|create_user){_LITERAL_SECOND}"
        r"|createhmac\(|hmac\.new\(|fernet\(|%3a%2f%2f|private-lines:|-value[ \t]|:5432:|\"kty"
        r"|snmp(?:-server|-agent)?[ \t]+community|ssws | enc [a-z0-9+/]{12}|rabbitmqctl |sudo -s"
        r"|bcrypt\.|vault login |kv put |signwith\(|# client[ \t\\]"
        r"|(?:login|account)(?::| is| with| ->)[ \t]+[^ \t:/\\\"]+[ \t]*[:/]|login[= ][a-z]*[0-9][a-z0-9]{5}"
    ),
    (
        r"webhook|hooks\.|telegram\.org/bot|ifttt\.com/trigger/|pagerduty\.com/integration/|wifi(?::[a-z]:|\.begin\()"
        r"|net user?[ \t]|pbkdf2[_:]sha|scrypt:[0-9]|setuser |openssl rand |bw get |op read "
        r"|createuser |: eap \\*\"|reg_sz|snmp(?:get|set|walk|bulk)|sqlplus[ \t]"
        r"|hash::make\(|\{plain|r[ow]community6?[ \t]|\\t(?:true|false)\\t[0-9]"
    ),
    (
        rf"(?:use|enter) (?:the )?(?:code )?[0-9]+ to {TO_WHAT}"
        r"|-field=|keyring get |unlock --raw|oathtool |base64 -|add-mask::|pgp_sym_|sp_addlogin"
        r"|securestring|concealed|obscure |alias set |schtasks |freerdp |forkey:|set-output name|isequalto\(|wallet\("
    ),
    r"<<< |:\*:[^ :]+:|: rsa |~\* |\+@all",
    # Each without its beginning, which is an everyday word such as `secure` or `time`.
    r"_equals\(|re_compare\(|safeequal\(|timecompare\(|ystore\.load\(|wilio\(",
    "jeton d'a(?:pi|cc)|chiave api|chave da api|klucz api|api-nyckel|api-sleutel",
    r"assword:[*\\\"]",  # by itself: among others the engine looks for its first four characters only
)
BRIEF_WORDED: Final = r"by[ \t](?:[\"'`\\]|[ \t]{1,3}[\"'`\\])"
HOSTS: Final = r"\]:[0-9]+[ \t]+[^ \t:\"\\]+:"
MARKED: Final = r"\$(?:apr1|1a|2[abxy]|[15-9hpy]|argon2i?d?|scrypt)\$|\{s?sha"
COOKIE_LINE: Final = r"(?i:\t(?:true|false)\t[0-9])"  # where it is not encoded; otherwise it is among the words
PAIRS: Final = (
    "bw[^a-z]?session|community[^a-z]?string|snmp[^a-z]?community|seed[^a-z]?words|security[^a-z]?answer|access[^a-z]?signature|conn(?:ection)?[^a-z]?strings?"
    "|kata[ _-]sandi|mat[ _-]khau|client[^a-z]?assertion|crypt[^a-z]?hash"
)
BRIEF_PAIRS: Final = "|".join(
    [f"{name[:-4]}[^a-z]?pat" if len(name) > len("npm_pat") else f"{name[:-4]}(?:pat|[_-]pat)" for name in PATS]
)
CODES: Final = (
    r"(?:one[- ]time|verification|security|login|authentication|confirmation|access|(?:enter|use|type) (?:the|this))"
    r"[ -](?:pass)?code|code[^a-z]?verifier|(?:as|is) your (?:[a-z -]*code|tan|pin)|your code (?:is|was)[ :]"
    r"|(?:recovery|backup|scratch)[ -]code"
    r"|code (?:for|sent|to)[^:;.\"\\]*(?::| is:?)[ \t]+[0-9]"
    rf"|code [0-9]+ to {TO_WHAT}"
    r"|code[ \t]+(?:ist|lautet|est|is)[ :]+[0-9]|(?:digo|codice)[ \t]+[^ \t]+[ \t:]+[0-9]{4}|ungs-?code"
    r"|(?:ihre |deine |m|sms-|push)tan[ :]"
    r"|(?:code|digo|codice) d[ei] |kode? (?:verif|weryf|otp)"
)
BRIEF_CODES: Final = "(?:2fa|sms|pin)[ -](?:pass)?code"
ADDRESSES: Final = r"://[^\s/?#\"'<>\\]+@|oracle:thin:|@(?:tcp\(|unix\(|//|[a-z0-9.-]+:[0-9]+[:/])"
FLAG: Final = r"-[a-z]{0,3}(?:u|[pabwk][^a-z])|-e[ \t\",]+[^ \t:\"\\]+:[^/ \t]"
DASHED: Final = (
    r"-password[ \t\\]|--[0-9a-z_.-]*(?:pass|pw|secret|token|api|key|auth|cred|cookie|pin|otp|user|cert)"
    r"|----begin |--- begin "
)
FLAGS: Final = rf"(?:^|[\s\x00\"'`(,|\[]|\\[nrt]){FLAG}|(?:^|[\s\x00\"])-p[^-]"
_WORDS: Final = "|".join((STATEMENT, AMONG_NAMES, AMONG_BRIEF_NAMES, *WITH_HINT, *WORDED))
_OTHER: Final = (BRIEF_WORDED, HOSTS, MARKED, COOKIE_LINE, CODES, BRIEF_CODES, ADDRESSES, DASHED, FLAGS)


def _escaped(stem: str) -> str:
    """Return a stem as JSON inside of a string has it if it was written in ASCII."""
    return "|".join(
        "".join([one if one.isascii() else rf"\\+u(?i:{ord(one):04x})" for one in form])
        for form in forms(stem).split("|")
    )


def forms(stem: str) -> str:
    """Return the spellings of a stem, as alternatives."""
    return "|".join(dict.fromkeys((stem, stem.upper(), stem.capitalize())))


# Names that are not in ASCII, also of two words, in every form in which they are written.
BEYOND_ASCII: Final = (
    *STEMS,
    *WEAK_STEMS,
    *(name for name in (*TWO_WORDS, *CODE_NAMES) if not name.isascii()),
    "mậtKhẩu",
    *(f"Mật{joint}Khẩu" for joint in ("", " ", "_", "-")),
)
AS_WRITTEN: Final = (r"\\(?:u00|/)", *map(_escaped, BEYOND_ASCII))  # escapes that hide characters


def hint_of(hint: str) -> str:
    """Return a hint, or a pair such as ``security_code`` if it is strong only as its second word."""
    return pair_of(firsts_of(hint), hint) if hint in _PAIRED else re.escape(hint)


def firsts_of(second: str) -> list[str]:
    """Return the first words of the pairs with this second word."""
    return [*sorted(first for first, other in STRONG_PAIRS if other == second), "kod", "pin", "adgangs", "time"]


def pair_of(firsts: Iterable[str], second: str) -> str:
    """Return what finds pairs with this second word."""
    return f"(?:{'|'.join(firsts)})[^a-z]?{second}"


def token_of(one: Format) -> str:
    """Return what finds a token of a format, or its beginning."""
    return re.sub(r"\{\d+,\d+\}", "+", one.prefix) + tail_of(one)


def tail_of(one: Format) -> str:
    """Return what finds the part behind the prefix."""
    small = re.sub(r"A-Z|A-F|0-9", "", one.rest)
    if not one.ordinary:
        return f"{one.rest}{{{min(one.least, _ENOUGH)}}}"
    return f"{small}*[A-Z0-9]" if small != "[]" else f"[A-Z0-9]{{{_ENOUGH}}}"


def patterns() -> tuple[str, ...]:
    """Return the checks for names, for grammar, and last for tokens; for ASCII they need a fraction of the states."""
    return tuple(map(for_ascii, expressions(DRAWN_COLUMN)))


def expressions(*further: str) -> tuple[str, ...]:
    """Return these checks for text in any alphabet, with further ones for grammar."""
    hints = "|".join(map(hint_of, dict.fromkeys((*(hint for hint in HINTS if hint != "token"), "basic", "phrase"))))
    parameters = PARAMETER_NAMES.replace("(?<=", "(?:")
    inner = "|".join(one.widened for one in INNER_FORMATS)
    tokens = "|".join(map(token_of, FORMATS))
    return (
        f"(?i:(?:{hints}|{PAIRS}|{BRIEF_PAIRS}){NAME_END})",
        f"(?i:token{TOKEN_END})",
        f"(?i:{_WORDS})",
        f"(?i:{'|'.join((*_OTHER, parameters, *further))})",
        "|".join(AS_WRITTEN),
        f"(?i:{inner})|(?:^|[^A-Za-z0-9]|\\\\[a-z])(?:{tokens})",
    )


def for_ascii(pattern: str) -> str:
    """Return the same pattern for ASCII, and for texts in which :data:`STAND_IN` is each other character."""
    pattern = pattern.replace(r"\x{80}-\x{10FFFF}", _STAND_IN).replace("é|è", f"{_STAND_IN}+")
    return _CLASS.sub(lambda found: _class_for_ascii(found[0]), pattern)


def _class_for_ascii(found: str) -> str:
    if not found.isascii() or found.startswith(r"\x{"):
        return _STAND_IN
    if found.startswith("\\"):  # an escape, such as that of a bracket
        return rf"[{_SPACES}]" if found == r"\s" else found
    if not found.startswith("[^"):
        return found.replace(r"\s", _SPACES)
    found = found.replace(r"\s", r" \t\n\r\f\v")
    return rf"[\x00-\x7F&&{found}]"


_SPACES: Final = rf" \t\n\r\f\v{_STAND_IN}"  # the last may be one beyond ASCII
_CLASS: Final = re.compile(r"\\x\{[0-9A-Fa-f]{3,6}\}|[^\x00-\x7f]|\\.|\[(?:\\.|[^\[\]\\])+\]", re.DOTALL)
