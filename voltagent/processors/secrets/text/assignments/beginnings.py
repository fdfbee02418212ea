"""What stands before a value in code and configuration: a secret name, an operator, and maybe a quote."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple, cast

from voltagent.processors.secrets.text.scan import Scan
from voltagent.processors.secrets.vocabulary.credential_forms import atomic
from voltagent.processors.secrets.vocabulary.names import Strength, is_pin
from voltagent.processors.secrets.vocabulary.words import HINTS

COMPARISONS: Final = ("==", "!=", "===", "!==", "->", "<>")
BARE: Final = ",,"  # before an argument, behind a name without quotes
CALLS: Final = (",", BARE, "(", "{")  # before an argument
UNQUOTED: Final = re.compile(r"[^\s\"'`\u201d\u2019,;&<>(){}\[\]\\|\0\x1b]{1,4096}")
DOTTED: Final = re.compile(r"[A-Za-z]{2,40}(?:\.[A-Za-z]{2,40}){0,6}\.\d{1,10}\Z")  # no code has a number there
CALLED: Final = 80  # characters before a name in which the function stands that is called
SHORTEST_COMPARED: Final = 6  # characters of a literal that a name is compared with
# No value stands behind `or` in a list in prose and in a condition: `"auth_code" or "password"`, `token or "a" in b`.
_OR: Final = r"(?<![\"'`] )or(?!\s{0,4}[\"'][^\"'\n\0]{0,60}[\"'] (?:not )?in )"
# From a hint to the end of the name (read at once, without going back), and what closes it: a quote, a bracket, a part
# of an index. Then the operator, and the quote that begins the value.
_TO_OPERATOR: Final = (
    "(?P<tail>"
    + atomic(r"[\w.$-]{0,40}", "name")
    + ")"
    # What can follow at all, so that most names in prose are left at once.
    + r"(?=[\"'`\\\[\])%=:\uff1a?|+!<({*]|,[ \t]{0,4}[\"'<\\]|->|&(?:quot|#)|\x1b|\u201d"
    r"|\s{1,16}(?:[=:!?|+<\[\d-]|\([\w .-]{1,20}\):|for |of |(?:provid|giv|us|suppli|receiv|creat|generat|issu"
    r"|refresh|rotat)e|n?var|n?text|(?:as )?string|or [\"'`\\]|\{ ?get)|\}[ \t]{0,4}=)"
    # Where there may be nothing, it is the last alternative: for the engine, that costs half of what a repetition does.
    r"(?:(?P<close>\]?\\{0,8}[\"'`](?:\]['\"]?)?|\[\w{0,8}\]|\]|\)"
    r"|\}(?=[ \t]{0,4}=[ \t]{0,4}[\"'])|%22|%5d|\*\*|&quot;|&#(?:34|39|x22|x27);"
    r"|\\{1,4}u002[27]|\x1b\[[\d;]{0,8}m|\u201d)|)"
    r"(?: \d{1,3}(?=[:=])| [\[(][\w .-]{1,20}[\])](?=:)| (?:for|of) [\w.@%'-]{1,40}(?=[ \t]?[:=])"
    r"| (?:provided|given|used|supplied|received|created|generated|issued|refreshed"
    r"|rotated)(?=[ \t]?:)| (?:as )?string(?=\s)"
    r"| \{ ?get;[a-z; ]{0,20}\}| n?(?:varchar|text)\(\w{1,8}\)|)"
    r"(?P<operator>"
    + atomic(r"\s{0,16}", "left")
    + r"(?:::(?=[ \t]|e[0-3][A-Za-z0-9+/]{10})|:(?![=:])|=(?![=>])|:=|=>|->|<-|<>|===?|!==?|(?:\|\||\?\?|\?|\+|\|)=|\?:"
    r"|(?:\|\||\?\?|"
    + _OR
    + r")(?=\s{0,4}[\"'`])|\|[ \t]?default\([ \t]{0,2}(?=\\{0,8}[\"'])|<<<|\uff1a|\|(?!\|))"
    + atomic(r"\s{0,16}", "right")
    + r"|(?<=[a-z0-9_]),[ \t]{0,16}(?:<<)?(?=\\{0,8}[\"'])"
    r"|(?<=[\"'`]),[ \t]{0,16}(?:default[ \t]?=[ \t]?|with: |)(?=[bfru]{0,2}\\{0,8}[\"'`])"
    r"|(?<=\");s:[0-9]{1,6}:(?=\\{0,8}\")|[({][ \t]{0,4}(?=[bfru]{0,2}\\{0,8}[\"'`])"
    r"|(?<=[\"'`])\)(?:\.[a-z_]{2,20}\(| \{ |,[ \t]{1,4}"
    r"|[ \t](?:\?:|or|\|\||\?\?)[ \t]|[ \t]\|[ \t]?default\()(?=[\"'`])|(?<=[a-z0-9_]\)) \{ (?=[\"'`])"
    r"|(?<=[\"'`])[ \t](?=\\{0,8}\")"
    r"|%3[da](?:%20|\+|(?!%20|\+))|&#(?:61|x3d);|\\{1,4}u003[ad]"
    r"|</(?:t[dh]|dt)>\s{0,16}<(?:td|dd)(?: [^<>\0]{0,80}|)>)"
)
# What begins a text in the next lines, in YAML, with how it is indented and a comment behind it.
_BLOCK_BEGINS: Final = r"[|>](?:[-+]?[1-9]?|[1-9][-+])[ \t]{0,4}(?:#[^\n\0]{0,80}|)\r?\n"
_TO_VALUE: Final = (
    r"(?:(?<=[ \t])(?:!(?!ref|getatt|sub|importvalue|join|select|findinmap|secret|env|vault|reference)[\w!]{0,20}"
    r"|&\w{1,40})"
    rf"[ \t]{{1,4}}(?!=)(?:{_BLOCK_BEGINS}\s{{1,40}}|)|{_BLOCK_BEGINS}\s{{1,40}}|(?<=:)\*\*[ \t]{{1,4}}"
    r"|string\(\d{1,6}\)[ \t](?=\")"
    r"|\\\n[ \t]{0,40}|<{2,3}[-~]?[\"']?eo[a-z][\"']?\r?\n[ \t]{0,40}|(?<=[:*][ \t])\*\*(?=[a-z0-9])"
    r"|\x1b\[[\d;]{0,8}m\s{0,4}(?:\x1b\[[\d;]{0,8}m|)|[\u201c\u2018]"
    r"|</?(?:b|strong|span|code|em|kbd|td|dd)(?: [^<>\0]{0,80}|)>\s{0,4}|)"
    r"(?:(?P<quote>[bfrun@$]{0,2}#{0,3}\\{0,8}(?:\"{3}|'{3}|[\"'`])|%22|&quot;|&#(?:34|39|x22|x27);|\\{1,4}u002[27])|)"
)
# What is no secret under any name, so that nothing in Python has to look at it: nothing in quotes, a fence, a word of
# one to three characters and a number of one or two digits, another name with an operator in the next line. Behind a
# space, a short word may begin a passphrase.
_NO_VALUE: Final = (
    r"[bfrun@$]{0,2}(?P<empty>\\{0,8}[\"'`])(?P=empty)(?!(?P=empty))|`{3}"
    r"|(?:(?<=\n)|(?<=\n[ \t])|(?<=\n  )|(?<=\n    ))[a-z_][\w.-]{1,60}(?:=(?!=)|:[ \t\r\n])"
    r"|[a-z](?:[a-z]{0,2}(?:[\r\n\0]|\Z)|[ \t]{1,16}(?![=|]))|[0-9]{1,2}(?:[\s;&\0]|\Z)"
)
_NO_PHRASE: Final = r"(?!new )[a-z]{2,3}[ \t]{1,16}(?![=|])"
_MOST_REMEMBERED: Final = 4096  # beginnings, of up to 200 characters
LEAST_DIGITS: Final = 4
_OF_PHRASES: Final = ("pass", "phrase", "mnemonic", "psk", "pw")  # what can be several words
OF_SEVERAL_WORDS: Final = ("phrase", "mnemonic", "psk")  # of these, what always may be
_OF_WORDS: Final = re.compile("secret|shared", re.IGNORECASE)  # what can be one word, beside these
_BEFORE_PHRASE: Final = ("secret", "cred", "pin")  # also before one of these, as in `secret_recovery_phrase`
OF_CARDS: Final = ("cvv", "cvc")  # numbers of three digits
_COLOUR: Final = 8  # characters that begin a colour, up to its last number
_DIGITS: Final = "0123456789"
_BLOCK: Final = re.compile(rf"{_BLOCK_BEGINS} {{1,40}}\Z")
UNKNOWN: Final = object()


class Beginning(NamedTuple):
    """What stands before a value: a name, an operator, and maybe a quote."""

    name: str
    strength: Strength
    operator: str
    quote: str
    is_configuration: bool  # a line of an environment file or a parameter, where also a plain word is a password
    is_pin: bool  # the name ends with it: in text, the pins of a circuit have names as well


@lru_cache(maxsize=256)
def assignment_pattern(hint: str) -> re.Pattern[str]:
    """Return the pattern of an assignment to a name with this part in it."""
    longer = "".join(rf"(?!{re.escape(one[len(hint) :])})" for one in HINTS if one != hint and one.startswith(hint))
    is_of_phrase = any(map(hint.__contains__, (*_OF_PHRASES, *_BEFORE_PHRASE)))
    no_value = _NO_VALUE if is_of_phrase else f"{_NO_VALUE}|{_NO_PHRASE}"
    return re.compile(f"{re.escape(hint)}{longer}{_TO_OPERATOR}(?!{no_value}){_TO_VALUE}")


class Assignment(NamedTuple):
    """What is before a value, and which values behind it are secrets."""

    beginning: Beginning
    is_quoted: bool
    is_argument: bool
    may_be_label: bool  # the quote may close a label, as in `input("Enter password: ")`
    may_be_plain: bool  # behind the quote
    is_spaced: bool  # a plain word behind the operator is prose
    takes_word: bool  # a plain word behind the operator is a password
    takes_phrase: bool  # several plain words behind the operator may be a password
    takes_line: bool  # a plain word that is all of a line of configuration
    takes_pair: bool  # a plain word in one of several pairs
    takes_number: bool  # a number behind the operator is a password
    least_digits: int  # of such a number
    takes_mixture: bool  # alphabetic characters and digits behind the operator are a secret, whatever else
    goes_on: bool  # behind its first word: in the lines of a block of YAML, or in the quotes around the pair


def understand(scan: Scan, written: str, match: re.Match[str], name: int, value: int) -> Assignment | None:
    """Return what a match says from the name to where the value begins; ``None`` if it is no secret whatever follows.

    It is remembered for the next payloads, which have the same names again.
    """
    known = scan.names.understood
    found = known.get(written, UNKNOWN)  # one step: another thread may clear what is known between two
    if found is not UNKNOWN:
        return cast("Assignment | None", found)
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    one = known[written] = _understood(scan, match, name, value)
    return one


def _understood(scan: Scan, match: re.Match[str], start: int, value: int) -> Assignment | None:
    text = scan.text
    name = text[start : match.end("tail")]
    if "\x1b[" in text[max(0, start - _COLOUR) : start]:  # `\x1b[32mpassword`
        name = name.lstrip(_DIGITS).removeprefix("m")
    strength = scan.names.strength(name.lstrip("-"))
    operator = match["operator"].strip()
    if operator[:1] == "," and not match["close"]:
        operator = BARE
    if not operator:
        operator = "{"  # `{"x-api-key" "…"}`
    quote = match["quote"]
    is_comparison = operator in COMPARISONS
    if strength is Strength.NONE or (quote is None and is_comparison):
        return None
    if operator == ":" and len(quote or "") > 1 and "\n" in match["operator"]:
        return None  # the description of a class
    is_in_address = (
        text[max(0, start - 2) : start] == "//"
        if strength is Strength.WEAK
        else text[start - 1 : start] == ":" and name == "secret"
    )
    if match["operator"] == ":" and is_in_address:
        return None  # the user of a URL, whose password is found there, or what an ARN speaks of
    is_argument = quote is not None and (operator in CALLS or operator.startswith(")"))
    if quote is not None and not is_argument and not match["close"] and text[max(0, start - 1) : start] == quote:
        return None  # `'Password: '`: the quote closes the label
    is_configuration = (
        operator == "="
        and text[value - 1] == "="
        and (name.isupper() or text[max(0, start - 1) : start] in ("&", "?", ";") or _is_property(text, name, start))
    )
    beginning = Beginning(name, strength, operator, (quote or "").lstrip("bfrun@$#"), is_configuration, is_pin(name))
    is_strong, is_spaced = strength is Strength.STRONG, text[value - 1] in " \t\n"
    is_of_phrases = any(map(name.lower().__contains__, _OF_PHRASES))
    is_of_words = is_strong and operator in (":", "=") and (is_of_phrases or _OF_WORDS.search(name) is not None)
    is_tight = operator == "=" and text[value - 1] == "="
    return Assignment(
        beginning,
        is_quoted=quote is not None,
        is_argument=is_argument,
        may_be_label=quote is not None and operator == ":" and match["close"] in (None, ")"),
        may_be_plain=not is_argument and operator != "|",
        is_spaced=is_spaced,
        takes_word=is_strong and is_configuration and not beginning.is_pin and not is_spaced,
        takes_phrase=is_strong and operator in (":", "=") and is_of_phrases,
        takes_line=is_of_words and (is_spaced or is_tight),
        takes_pair=is_of_words and not is_spaced,
        takes_number=is_strong and operator != "|" and not name.lower().endswith("s"),
        least_digits=LEAST_DIGITS - (name.lower().endswith(OF_CARDS)),
        takes_mixture=not beginning.is_pin and operator != "|" and name.rstrip(_DIGITS).lower() != "key",
        goes_on=_BLOCK.search(text, start, value) is not None
        or (operator == "=" and quote is None and text[start - 1 : start] in ("", *"\"';\n\0")),
    )


def _is_property(text: str, name: str, start: int) -> bool:
    """Return whether a line of a file of properties begins here, as ``spring.datasource.password=…`` does."""
    return name.count(".") > 1 and name.islower() and text[max(0, start - 1) : start] in ("", "\n", "\0")
