"""The destination of the events in a spool, so that events of one account are never sent to another."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import pbkdf2_hmac, sha256

from voltagent.settings import Otlp, Settings, shown_url

_ROUNDS = 20_000


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination, identified by exporter, address, and a fingerprint of the public key."""

    kind: str  # "rest", "otlp", "auto"
    url: str  # without credentials
    key: str  # fingerprint of the account

    @classmethod
    def of(cls, kind: str, url: str, shown: str, *identity: str) -> Destination:
        """Make a destination; ``identity`` distinguishes accounts at one address: a public key, never a secret one."""
        place = url if url == shown else _slow(url, shown)  # the hidden part may be a password or a token
        digest = sha256("\0".join((kind, place, *identity)).encode("utf-8", "surrogatepass")).hexdigest()
        return cls(kind, shown, digest[:16])


def destinations(settings: Settings) -> dict[str, Destination]:
    """Return the destinations in these settings that can have a spool, by exporter name."""
    found: dict[str, Destination] = {}
    for name in settings.exporter:
        if name in ("auto", "rest"):
            url = settings.base_url
            found[name] = Destination.of(name, url, shown_url(url), settings.public_key or "")
        elif name == "otlp" and settings.otlp is not None:
            url = settings.otlp.endpoint
            found[name] = Destination.of(name, url, shown_url(url), _account(settings.otlp))
    return found


def _account(given: Otlp) -> str:
    """Identify the account at an OTLP endpoint: by the public key, else by all headers.

    Any header may be secret, so their fingerprint is slow to compute, which makes guessing expensive.
    """
    public = given.headers.get("x-public-key")
    if public is not None or not given.headers:
        return public or ""
    return _slow("\n".join(f"{name.lower()}={value}" for name, value in sorted(given.headers.items())), given.endpoint)


def _slow(secret: str, salt: str) -> str:
    """Return a fingerprint that is slow to compute."""
    given, salted = (text.encode("utf-8", "surrogatepass") for text in (secret, salt))
    return pbkdf2_hmac("sha256", given, salted, _ROUNDS).hex()
