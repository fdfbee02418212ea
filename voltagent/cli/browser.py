"""``voltagent show --web``: open a trace's page in the browser, on the running server or a new one."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Final
from urllib.parse import quote

from voltagent.cli import ui
from voltagent.cli.terminal import encodable
from voltagent.render.text import printable

_PATIENCE: Final = 0.5  # seconds to wait for an answer from this machine
_BEGINNING: Final = 4096  # bytes to read: the answer begins with the trace


def show(path: Path, trace_id: str) -> None:
    """Open the page of a trace in the browser. If no running server has it, serve it until Ctrl-C."""
    place = f"#/trace/{quote(trace_id, safe='')}"
    running = next((port for port in ui.PORTS if _has(port, trace_id)), None)
    if running is None:
        ui.serve(path, at=place)
        return
    address = f"http://127.0.0.1:{running}/{place}"
    print(encodable(printable(f"voltagent is at {address}")), flush=True)
    ui.open_browser(address)


def _has(port: int, trace_id: str) -> bool:
    """Return whether a viewer listens on this port and has the trace."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", f"/api/traces/{quote(trace_id, safe='')}")
        answer = connection.getresponse()
        begins = answer.read(_BEGINNING)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    named = json.dumps(trace_id, ensure_ascii=False).encode("utf-8", "replace")
    return answer.status == 200 and begins.startswith(b'{"trace"') and named in begins
