"""One value of a setting each: from what an argument or an environment variable holds to what the library works with.

A reader takes the name to blame and the value. It raises :class:`voltagent.ValidationError` with that name, the type of
what it was given and the way out, and shows no value that may be a key.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote, urlsplit

from voltagent.core.naming import nearest
from voltagent.core.text import is_placeholder, quoted
from voltagent.errors import ValidationError

Reader: TypeAlias = Callable[[str, object], Any]

_LONGEST: Final = 1 << 16  # characters of a text in a setting: an expression over a longer one stops other threads
_LONGEST_SHOWN: Final = 24  # characters of a wrong value in an error: keys are longer
_MOST: Final = 4096  # names in a mapping or a list

_LARGE: Final = 1e15  # from here on, digits say less than an exponent

_TRUE: Final = frozenset(("1", "true", "yes", "on"))
_FALSE: Final = frozenset(("0", "false", "no", "off"))
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # what a header may be called (RFC 9110, section 5.6.2)


def text(name: str, value: object) -> str:
    """Validate a string."""
    if not isinstance(value, str):
        raise _wrong(name, value, "a string")
    return value


def header_text(name: str, value: object) -> str:
    """Return a string that HTTP allows as a header's value."""
    given = text(name, value).strip()
    if not given or not given.isascii() or not given.isprintable():
        # no repr here: the value may be a key
        raise ValidationError(f"{name} must be printable ASCII without line breaks; check that it was copied correctly")
    return given


def secret_key(name: str, value: object) -> str:
    """Validate the secret key: a header's value, and not the placeholder that dumps have in its place."""
    given = header_text(name, value)
    if is_placeholder(given):  # a dump of a config read back: else the server's 401 would be the first to say so
        raise ValidationError(f"{name}: dumps do not contain the secret key: pass the key itself")
    return given


def refuse_huge(name: str, value: Any) -> None:
    """Refuse a value in which a text is far longer than any that is meant, or which has very many items."""
    given = value
    if isinstance(value, str | bytes):
        if len(value) > _LONGEST:
            raise ValidationError(f"{name} is too long: {len(value)} characters, at most {_LONGEST} are taken")
    elif isinstance(value, Mapping | list | tuple):
        if len(given) > _MOST:
            raise ValidationError(f"{name} has too many items: {len(given)}, at most {_MOST} are taken")
        for part in (*given, *given.values()) if isinstance(value, Mapping) else given:
            if isinstance(part, str | bytes):
                refuse_huge(f"a text in {name}", part)


def url(name: str, value: object) -> str:
    """Validate a URL, and return it without a slash at its end."""
    return _url_as_given(name, value, "https://api.voltagent.dev").rstrip("/")


def _url_as_given(name: str, value: object, example: str) -> str:
    """Return a URL with ``http`` or ``https`` and a host, without surrounding space; ``example`` is for errors."""
    given = text(name, value).strip()
    try:
        parts = urlsplit(given)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in given):
        # no part of it is shown: a URL may hold a password
        raise ValidationError(f"{name} is not a URL such as {example}; {_what_is_wrong(given)}")
    return given


def _what_is_wrong(url: str) -> str:
    """Return what keeps a text from being a URL for requests."""
    if any(character.isspace() for character in url):
        return "it contains a space"
    if not url.lower().startswith(("http://", "https://")):
        return "it needs http:// or https:// at its beginning"
    try:
        return "it has no host" if not urlsplit(url).hostname else "its port must be a number from 1 to 65535"
    except ValueError:
        return "its host is not valid"


def flag(name: str, value: object) -> bool:
    """Validate a flag: a bool, or one of the words for it in the environment."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _wrong(name, value, "true or false (also 1/0, yes/no, on/off)" if word is not None else "True or False")


def _number(name: str, value: object, wanted: str, *, least: float, most: float = math.inf) -> float:
    """Return a validated number between two limits, both included; ``wanted`` is what errors call it."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, value, wanted) from None
    if not (least <= number <= most) or math.isinf(number):
        limits = f"at least {_plain(least)}" if math.isinf(most) else f"from {_plain(least)} to {_plain(most)}"
        raise ValidationError(f"{name} must be {limits}, got {_plain(number)}")
    return number


def _plain(number: float) -> str:
    """Format a number without an exponent, unless it is very large."""
    return str(int(number)) if abs(number) < _LARGE and number == int(number) else f"{number:g}"


def seconds(name: str, value: object) -> float:
    """Validate a duration: from a millisecond to a day."""
    return _number(name, value, "a number of seconds", least=0.001, most=86_400)


def delay(name: str, value: object) -> float:
    """Validate a pause in seconds, which may be none: from 0 to a day."""
    return _number(name, value, "a number of seconds", least=0, most=86_400)


def count(name: str, value: object) -> int:
    """Validate a whole number, from 0 to a million."""
    number = _number(name, value, "a whole number", least=0, most=1_000_000)
    if not number.is_integer():
        raise ValidationError(f"{name} must be a whole number, got {_plain(number)}")
    return int(number)


def rate(name: str, value: object) -> float:
    """Validate a share, from 0 to 1."""
    return _number(name, value, "a number from 0 to 1", least=0, most=1)


def path(name: str, value: object) -> Path:
    """Validate the path of a file; ``~`` is expanded."""
    given = cast("str | os.PathLike[str]", value)
    if not isinstance(value, str | os.PathLike) or not os.fspath(given):
        raise _wrong(name, given, "a file path")
    if "\0" in os.fsdecode(given):
        raise ValidationError(f"{name} must be a file path, and contains a null character")
    try:
        return Path(os.fsdecode(given)).expanduser()
    except RuntimeError:  # ~user, and this machine has no such user
        raise ValidationError(f"{name} starts with ~ and the name of an unknown user") from None


def store(name: str, value: object) -> Path:
    """Return the path of a store's file, which need not exist yet."""
    given = path(name, value)
    if os.path.isdir(given):  # noqa: PTH112 - `Path.is_dir` raises if it may not look
        raise ValidationError(f"{name} is a folder, and must be a file, such as {given / 'traces.db'}")
    return given


def file(name: str, value: object) -> Path:
    """Return a path of something that is there to be read."""
    given = path(name, value)
    if may_wait(given):
        raise ValidationError(f"{name} is a pipe or a device, and must be a file ({given})")
    try:
        given.open("rb").close()
    except OSError as exc:
        raise ValidationError(f"{name} is a file that cannot be read: {exc.strerror} ({given})") from None
    return given


def may_wait(path: str | os.PathLike[str]) -> bool:
    """Return whether to read a path may wait without end: it is a pipe, a socket or a device."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def switch_or_path(name: str, value: object) -> bool | Path:
    """Return a flag, or the path of a folder."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, bool) or (isinstance(word, str) and (word in _TRUE or word in _FALSE)):
        return flag(name, value)
    if not isinstance(value, str | os.PathLike) or not word:
        raise _wrong(name, cast("Any", value), "true, false or the path of a folder")
    return path(name, cast("Any", value))


def mapping_or_path(name: str, value: object) -> Mapping[str, Any] | Path:
    """Return a mapping as it is, or the path of a file that holds one."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    if not isinstance(value, str | os.PathLike):
        raise _wrong(name, value, "a mapping of models to prices, or the path of a JSON file")
    return path(name, cast("Any", value))


def mebibytes(name: str, value: object) -> float:
    """Validate a size in MiB, from 1 to a million."""
    return _number(name, value, "a number of MiB", least=1, most=1_000_000)


def names(known: Sequence[str]) -> Reader:
    """Return a reader of some of the known names: in a list, or in a string separated by commas."""

    def read(name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            given = [word.strip() for word in value.split(",") if word.strip()]
        elif isinstance(value, list | tuple):
            given = [text(name, word) for word in cast("list[object]", value)]
        else:
            raise _wrong(name, value, "a name, or several separated by commas")
        for word in given:
            if word not in known:
                near = nearest(word, known)
                hint = f"did you mean {near!r}? " if near else ""
                shown = quoted(word) if _is_short(word) else f"of {len(word)} characters"
                raise ValidationError(f"{name} has an unknown name {shown}; {hint}known are {', '.join(known)}")
        if not given:
            raise ValidationError(f"{name} is empty; use one of {', '.join(known)}")
        return tuple(dict.fromkeys(given))

    return read


def switch_or_names(known: Sequence[str]) -> Reader:
    """Read ``True`` for all names, ``False`` for none, or some of them."""

    def read(name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _SWITCH_WORDS):
            return tuple(known) if flag(name, value) else ()
        if not isinstance(value, str | list | tuple):
            raise _wrong(name, value, "true, false, a name, or several separated by commas")
        return names(known)(name, cast("Any", value)) if value else ()

    return read


_SWITCH_WORDS = ("true", "false", "1", "0", "yes", "no", "on", "off")


def one_of(*known: str) -> Reader:
    """Return a reader of one of the known names, in any case."""

    def read(name: str, value: object) -> str:
        given = text(name, value).strip().lower()
        if given not in known:
            raise ValidationError(f"{name} must be one of {', '.join(known)}, got {_shown(given)}")
        return given

    return read


def headers(name: str, value: object) -> Mapping[str, str]:
    """Return a mapping, or ``key=value,key=value``, percent-encoded, as OpenTelemetry's variables have it."""
    given = _pairs(name, value)
    found: dict[str, str] = {}
    for key in given:
        called = header_text(f"a name in {name}", key)
        if _TOKEN.fullmatch(called) is None:
            raise ValidationError(f"a name in {name} is not a valid header name: {called!r}")
        found[called] = content = header_text(f"the value of {called} in {name}", given[key])
        if is_placeholder(content):
            raise ValidationError(f"the value of {called} in {name} stands for a secret: pass the value itself")
    return found


def attributes(name: str, value: object) -> Mapping[str, str]:
    """Return the attributes of a resource: a mapping, or the text that OpenTelemetry's variable has for them.

    https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable
    """
    given = _pairs(name, value)
    return {text(f"a name in {name}", key): text(f"the value of {key!a} in {name}", given[key]) for key in given}


def _pairs(name: str, value: object) -> Mapping[Any, object]:
    """Return a mapping, or the pairs ``key=value`` of a string, percent-decoded."""
    if isinstance(value, Mapping):
        return cast("Mapping[Any, object]", value)
    if not isinstance(value, str):
        raise _wrong(name, value, "a mapping of names to strings")
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    if not all(key.strip() and equals for key, equals, _ in pairs):
        raise ValidationError(f"{name} must be pairs such as key=value, separated by commas")
    try:
        return {_decoded(key): _decoded(value) for key, _, value in pairs}
    except UnicodeDecodeError:
        raise ValidationError(f"{name} must be percent-encoded UTF-8") from None


def _decoded(text: str) -> str:
    return unquote(text.strip(), errors="strict")


def otlp_endpoint(name: str, value: object) -> str:
    """Return the URL to which traces are sent, with the path that the general variable leaves out."""
    # the variable for all signals names a base; the one for traces the whole URL, to be used as it is
    # (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp)
    is_base = name == "OTEL_EXPORTER_OTLP_ENDPOINT"
    given = _url_as_given(name, value, f"http://localhost:4318{'' if is_base else '/v1/traces'}")
    if not is_base:
        return given
    parts = urlsplit(given)
    return parts._replace(path=f"{parts.path.rstrip('/')}/v1/traces").geturl()


def otlp_protocol(name: str, value: object) -> str:
    """Return a protocol of OTLP that is supported; ``grpc`` is refused with advice."""
    given = text(name, value).strip().lower()
    if given == "grpc":
        raise ValidationError(
            f"{name} is grpc, which voltagent does not support; set it to http/protobuf, "
            "and point the endpoint to the backend's port for HTTP, usually 4318"
        )
    return cast(str, _OTLP_PROTOCOL(name, given))


_OTLP_PROTOCOL: Final = one_of("http/protobuf", "http/json")


def otlp_timeout(name: str, value: object) -> float:
    # OpenTelemetry's variables are in milliseconds, our arguments in seconds
    if name == "otlp_timeout":
        return seconds(name, value)
    return _number(name, value, "a number of milliseconds", least=1, most=86_400_000) / 1000


def _wrong(name: str, value: object, wanted: str) -> ValidationError:
    """Return the error for a value; strings get here only where numbers, flags or paths are expected, never keys."""
    if not isinstance(value, str):
        shown = type(value).__name__
    elif name.isupper():  # a variable of the environment: all of them are strings
        shown = _shown(value)
    else:
        shown = f"str {_shown(value)}" if value else "an empty string"
    return ValidationError(f"{name} must be {wanted}, got {shown}")


def _shown(text: str) -> str:
    """Return a short string in quotes and escaped; of a longer one only its length."""
    return quoted(text) if _is_short(text) else f"a string of {len(text)} characters"


def _is_short(text: str) -> bool:
    """Return whether an error may show a string: a longer one may be a misplaced key."""
    return len(text) <= _LONGEST_SHOWN
