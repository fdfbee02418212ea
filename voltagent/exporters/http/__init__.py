"""Send JSON bytes with httpx and read a bounded response, within a limit of wall-clock time.

httpx's timeouts apply per read, so a server that drips defeats them, and an httpx client costs twice as much as its
transport. So a :class:`Line` is one connection on a bare transport, used by one thread at a time, and the thread that
supervises that one can :meth:`~Line.cut` it.
"""

from voltagent.exporters.http.certificates import Certificates
from voltagent.exporters.http.connection import Line, Unreachable
from voltagent.exporters.http.destination import HttpDestination, through
from voltagent.exporters.http.http1 import HttpResponse
from voltagent.exporters.http.proxies import UnusableProxyError, proxy_place

__all__ = [
    "Certificates",
    "HttpDestination",
    "HttpResponse",
    "Line",
    "Unreachable",
    "UnusableProxyError",
    "proxy_place",
    "through",
]
