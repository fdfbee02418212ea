"""What stands before a value in code and configuration, as all that look for the value need it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from voltagent.processors.secrets.vocabulary.names import Strength

COMPARISONS: Final = ("==", "!=", "===", "!==", "->")
CALLS: Final = (",", "(", "{")  # before an argument
UNQUOTED: Final = re.compile(r"[^\s\"'`\u201d\u2019,;&<>(){}\[\]\\|\0\x1b]{1,4096}")
DOTTED: Final = re.compile(r"[A-Za-z]{2,40}(?:\.[A-Za-z]{2,40}){0,6}\.\d{1,10}\Z")  # no code has a number there
CALLED: Final = 80  # characters before a name in which the function stands that is called
SHORTEST_COMPARED: Final = 6  # characters of a literal that a name is compared with


class Beginning(NamedTuple):
    """What stands before a value: a name, an operator, and maybe a quote."""

    name: str
    strength: Strength
    operator: str
    quote: str
    is_configuration: bool  # a line of an environment file or a parameter, where also a plain word is a password
    is_pin: bool  # the name ends with it: in text, the pins of a circuit have names as well
