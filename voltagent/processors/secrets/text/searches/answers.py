"""Find secrets in what a command or a server answers: in the line behind it, and in the replies of Redis."""

from __future__ import annotations

import re
from typing import Final

from voltagent.processors.secrets.text.scan import Range, Scan, Search, SearchGroup
from voltagent.processors.secrets.text.searches.examinations import named_value, plain_value
from voltagent.processors.secrets.vocabulary.credential_forms import is_placeholder, is_weak_secret
from voltagent.processors.secrets.vocabulary.joined_words import has_password_form
from voltagent.processors.secrets.vocabulary.names import Strength

# A command behind a prompt, and an answer of one word.
_ANSWER: Final = (
    r" (?P<command>[^\n\0]{4,300})\n[ \t]{0,4}(?P<quote>[\"'])?(?P<value>[^\s\"'\0]{6,500})(?(quote)(?P=quote)|)"
    r"[ \t]{0,4}(?=[\r\n\0]|\Z)"
)
_PROMPT: Final = re.compile(r"(?:[\n\0]|\A)[\w .:@~/\\()\[\]>-]{0,80}\Z")
_LONGEST_PROMPT: Final = 82  # characters
# What prints nothing but a secret.
_PRINTERS: Final = re.compile(
    r"pass (?:show |otp |-c )|initial-password\b|account keys list [^\n]{1,200}\.value"
    r"|bw (?:get (?:password|totp)|unlock --raw)|op (?:read "
    r"|item get [^\n]{1,200}--reveal)|keyring get |oathtool "
    r"|find-(?:generic|internet)-password|secret-tool lookup|pwgen|makepasswd|openssl rand|wg gen(?:key|psk)"
    r"|get-login-password|(?:secret|token|password) generate|secrets versions access"
    r"|-field=\w{0,40}(?:pass|secret|token|key)|\.psk |auth[ :](?:token|print-access-token)"
    r"|auth application-default print"
    r"|get secrets? [^\n]{1,200}base64 (?:-d|--decode|-D)\b|create token |unlock --raw|rclone obscure "
)
# What prints the value of a name, which stands at the end of the command, but for how it is printed.
_READERS: Final = re.compile(r"printenv|echo|cat|get|output|show|read|access|jq|less|type|\$env:", re.IGNORECASE)
_FORMS: Final = re.compile(
    r"(?:[\"'`})\]\s;]|\.value|\.txt|\|[ \t]{0,4}base64[ \t]{1,4}-{1,2}d\w{0,6}"
    r"|[ \t](?:-o|--output|--query)[ \t=]{1,4}[\w.\"'\[\]]{1,60}"
    r"|[ \t]--(?:with-decryption|reveal|raw|plain|no-newline))\Z",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[\w-]{2,80}\Z")
_PATH: Final = re.compile(r"(?:/[a-z][\w.-]{0,60}){2,10}\Z")  # of a file with the secret
_LISTED: Final = re.compile(r"get (?:secrets?|tokens?|keys?)\Z")  # `kubectl get secrets`
_MOST_FORMS: Final = 16
_NO_ANSWER: Final = re.compile(r"[$#>%(\[{<]|[\w.-]{1,60}[@:]|/|.{0,200}[$#>:]\Z")  # a prompt, a path, a label
# `3) "password"` and `4) "…"`: the fields of a hash, and settings.
_REPLY: Final = r"\) \"(?P<name>[\w.:-]{2,60})\"\n[ \t]{0,8}\d{1,4}\) \"(?P<value>[^\"\n\0]{3,500})\""
_ACL: Final = r"setuser [^\n>\0]{1,80} >([^\s>/\0][^\s\0]{2,1000})"
# A line of the file with the users of Redis: `user worker on >… ~jobs:* +@all`.
_ACL_LINE: Final = (
    r"on [>#](?<= on [>#])([^\s>/\0][^\s\0]{2,1000})(?=[ \t]{1,4}(?:[~&+%>#-]|reset|allkeys|allchannels|sanitize))"
)


def _answer(scan: Scan, match: re.Match[str]) -> Range | None:
    scan.units -= 4
    if _PROMPT.search(scan.text, max(0, match.start() - _LONGEST_PROMPT), match.start()) is None:
        return None
    value, command = scan.group(match, "value"), scan.group(match, "command")
    if is_placeholder(value) or (value.isalpha() and value.islower()) or "://" in value:
        return None
    has_form = has_password_form(value)
    if _PRINTERS.search(command) is not None:
        return match.span("value") if has_form or _NO_ANSWER.match(value) is None else None
    is_expression = scan.text[max(0, match.start() - 2) : match.start()] == ">>" or " " not in command
    is_python = match["quote"] is not None and match[0][0] == ">" and is_expression  # or the console of Terraform
    if not is_python and _READERS.search(command) is None:
        return None
    for _ in range(_MOST_FORMS):
        form = _FORMS.search(command, max(0, len(command) - 80))
        if form is None:
            break
        command = command[: form.start()]
    name = _NAME.search(command, max(0, len(command) - 80))
    strength = Strength.NONE if name is None else scan.names.strength(name[0])
    if name is None or strength is Strength.NONE or _PATH.match(value) or _LISTED.search(command):
        return None
    is_secret = has_form or is_python if strength is Strength.STRONG else is_weak_secret(name[0], value)
    return match.span("value") if is_secret else None


# What a notebook or a debugger prints for a name: `In [3]: token`, `(Pdb) p token`.
_PRINTED: Final = (
    r"[ \t](?P<name>[\w.]{2,80})\n(?:out\[\d{1,5}\]: |\$\d{1,5} = (?:0x[0-9a-f]{1,16} |)|)"
    r"(?P<quote>[\"'])(?P<value>[^\"'\n\0]{3,500})(?P=quote)"
)
_CONSOLES: Final = SearchGroup(
    r"(?:\]:|\) pp?) [a-z0-9_.]+\n(?:out\[|\$|[\"'])",
    (
        Search("]:", r"\]:" + _PRINTED, named_value),
        Search(") p", r"\) pp?" + _PRINTED, named_value),
    ),
)
_COMMANDS: Final = SearchGroup(
    r"(?m)(?:^|\x00)(?:>>> (?:[^\n\x00()]*|[^\n\x00]*(?:env|get)[^\n\x00]*)\n[\"']"
    r"|> [^\n\x00() ]*\n\"|[0-9a-z_ .:@~/\\()\[\]-]*[$>] [^\n\x00]*"
    r"(?:printenv|echo |cat |get|output|show|read|access|jq |less |type |\$env:|pass |rand |pwgen|genkey|genpsk"
    r"|generate|initial-password|\.value"
    r"|find-|lookup|-field=|\.psk |makepasswd|pass -c|unlock|oathtool|token|obscure)[^\n\x00]*\n)",
    (Search("$ ", r"\$" + _ANSWER, _answer), Search("> ", ">" + _ANSWER, _answer)),
    guard=r"\$ |> ",
)
_REPLIES: Final = SearchGroup(
    r"[0-9]\) \"[0-9a-z_.:-]+\"\n|setuser | on [>#]",
    (Search(') "', _REPLY, named_value), Search("setuser ", _ACL, plain_value), Search("on ", _ACL_LINE, plain_value)),
)
ANSWERS: Final = (_COMMANDS, _REPLIES, _CONSOLES)
