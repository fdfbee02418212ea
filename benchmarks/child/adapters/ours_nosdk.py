"""This library where no SDK exists and the environment names no destination."""

from adapters.ours import NoSdk


class Adapter(NoSdk):
    pass
