"""What ``VOLTAGENT_DEBUG=1`` adds: the library's log on stderr, and where records go as its first line."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from voltagent import settings
from voltagent.core.guard import log, logger

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[Any]
else:
    _StreamHandler = logging.StreamHandler


class _Stderr(_StreamHandler):
    """Writes to what is stderr now, unless the program's own logging does so already."""

    def emit(self, record: logging.LogRecord) -> None:
        writing = [getattr(handler, "stream", None) for handler in logging.root.handlers]
        if not (logger.propagate and any(stream is sys.stderr for stream in writing)):
            self.stream = sys.stderr
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Do nothing: if stderr cannot be written, the error cannot be reported either."""


def log_to_stderr() -> None:
    """Write all that the library logs to stderr, unless the program does so already."""
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = _Stderr()
        handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)


def log_that_nothing_is_recorded() -> None:
    """Log that nothing is recorded, at the first decorated call without an SDK and without a destination."""
    if settings.debug_is_wanted():
        log_to_stderr()
        log(logging.DEBUG, "nothing is recorded: there is no VoltAgentSDK, and the environment sets no destination")


def describe_settings(of: settings.Settings) -> str:
    """Describe where records go and where each setting comes from, without values that may be secret."""
    if not of.enabled:
        return "nothing is recorded: enabled is false"
    platform = settings.shown_url(of.base_url)
    otlp = settings.shown_url(of.otlp.endpoint) if of.otlp is not None else ""
    places = {"auto": platform, "rest": platform, "otlp": otlp, "local": str(of.local_path)}
    to = ", ".join(f"{name} {places.get(name, '')}".rstrip() for name in of.exporter)
    given = ", ".join(f"{name} ({origin})" for name, origin in of.origin.items() if origin != "default")
    return f"recording to {to}; spool: {of.spool or 'off'}; settings given: {given or 'none'}"
