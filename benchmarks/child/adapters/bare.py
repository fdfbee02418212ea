"""The undecorated function."""

from adapters import Contestant


class Adapter(Contestant):
    burst = 20_000
