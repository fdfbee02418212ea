"""See what your AI agents do."""

__version__ = "0.2.0"
