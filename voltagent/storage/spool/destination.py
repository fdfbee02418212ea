"""Where the events in a spool were to go: what keeps those of one account from being sent to another."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import pbkdf2_hmac, sha256

from voltagent.settings import Otlp, Settings, without_password

_ROUNDS = 20_000


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events were to go. What tells two apart is the kind, the address, and the public key's fingerprint."""

    kind: str  # "rest", "otlp", "auto"
    url: str  # as it may be shown
    key: str  # a fingerprint

    @classmethod
    def of(cls, kind: str, url: str, shown: str, *identity: str) -> Destination:
        """``identity`` is what else tells accounts apart at one address: a public key, never a secret one."""
        place = url if url == shown else _slow(url, shown)  # what is not shown may be a password, or a token
        digest = sha256("\0".join((kind, place, *identity)).encode("utf-8", "surrogatepass")).hexdigest()
        return cls(kind, shown, digest[:16])


def destinations(settings: Settings) -> dict[str, Destination]:
    """The destinations that these settings name and that can have a spool, by the exporter's name."""
    found: dict[str, Destination] = {}
    for name in settings.exporter:
        if name in ("auto", "rest"):
            url = settings.base_url
            found[name] = Destination.of(name, url, _shown(url), settings.public_key or "")
        elif name == "otlp" and settings.otlp is not None:
            url = settings.otlp.endpoint
            found[name] = Destination.of(name, url, _shown(url), _account(settings.otlp))
    return found


def _shown(url: str) -> str:
    return without_password(url).partition("?")[0]


def _account(given: Otlp) -> str:
    """What distinguishes accounts at one OTLP endpoint: the public key, else all headers.

    One cannot know which of them are secret, so the fingerprint of these takes long to try.
    """
    public = given.headers.get("x-public-key")
    if public is not None or not given.headers:
        return public or ""
    return _slow("\n".join(f"{name.lower()}={value}" for name, value in sorted(given.headers.items())), given.endpoint)


def _slow(secret: str, salt: str) -> str:
    """A fingerprint that takes long to try."""
    given, salted = (text.encode("utf-8", "surrogatepass") for text in (secret, salt))
    return pbkdf2_hmac("sha256", given, salted, _ROUNDS).hex()
