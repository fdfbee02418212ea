"""The exceptions that this library raises on purpose.

::

    VoltAgentError
     +-- APIError            the server refused, or could not be reached (status_code 0)
     +-- TimeoutError        the server did not respond in time
     +-- ValidationError     invalid options or settings; also a ValueError

Only constructors, handle options and :class:`voltagent.VoltAgentCoreAPI` raise. Recording never does.
"""

from __future__ import annotations

from typing import Any

__all__ = ["APIError", "TimeoutError", "ValidationError", "VoltAgentError"]


class VoltAgentError(Exception):
    """The base class of this library's exceptions."""


class APIError(VoltAgentError):
    """The server refused a request, or could not be reached.

    ``status_code`` is the HTTP status, or 0 for a network error; ``response_data`` is the decoded body, if there was
    one.
    """

    def __init__(
        self, message: str, status_code: int | None = None, response_data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.response_data = response_data


class TimeoutError(VoltAgentError):
    """The server did not respond within the configured ``timeout``."""


class ValidationError(VoltAgentError, ValueError):
    """An option, a setting or a response has an invalid form; the message names the field."""
