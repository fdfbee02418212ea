"""An agent that needs the clock, chance, a network and a model: recorded once, replayed without any of them.

    python examples/trip_agent.py                        # two services on this machine play network and model
    voltagent record-fixture -o trip.json                # the run as a file for a repository
    python examples/trip_agent.py --replay trip.json     # the same output, with the services down

A test does what `--replay` does: it needs no key, no network and no money. Where your agent calls a real model, `ask`
is the place to look at; clients that `voltagent.instrument()` patches are replayed without a decorator.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from voltagent import VoltAgentSDK, agent, llm, tool
from voltagent.testing import replay

PLACES = ["Bergen", "Lisbon", "Naples", "Tartu"]
_address = "http://127.0.0.1:9"  # nothing listens there; `services` sets another one


@dataclass
class Weather:
    """What the weather service knows of a place."""

    place: str
    degrees: float
    at: datetime


@tool
def now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)


@tool
def pick(places: list[str]) -> str:
    """One of the places, by chance."""
    return random.choice(places)


@tool
def weather(place: str) -> Weather:
    """The weather of a place, from the network."""
    found = _requested("/weather", {"place": place})
    return Weather(place, found["degrees"], datetime.fromisoformat(found["at"]))


@llm(model="pocket-1")
def ask(prompt: str) -> str:
    """What the model answers."""
    text: str = _requested("/model", {"prompt": prompt})["text"]
    return text


@agent(name="Planner")
def plan(places: list[str]) -> str:
    """A plan for a trip to one of the places."""
    began, place = now(), pick(places)
    found = weather(place)
    text = ask(f"Pack for {place} at {found.degrees} degrees.")
    return f"{began:%H:%M:%S.%f}  {place}, {found.degrees} degrees at {found.at:%H:%M:%S.%f}. {text}"


def _requested(path: str, body: dict[str, str]) -> dict[str, str | float]:
    request = urllib.request.Request(_address + path, json.dumps(body).encode())  # noqa: S310 - http, as written above
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the service is on this machine
    with opener.open(request, timeout=10) as answer:
        return json.load(answer)


class _Services(BaseHTTPRequestHandler):
    """The weather service and the model. Neither says the same thing twice."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/weather":
            found: dict[str, object] = {"degrees": round(random.uniform(-5, 30), 1), "at": now_text()}
        else:
            found = {"text": f"Take {random.randrange(2, 9)} shirts."}
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def now_text() -> str:
    """The time, as the weather service writes it."""
    return datetime.now(timezone.utc).isoformat()


@contextmanager
def services() -> Iterator[None]:
    """Serve weather and model inside the block."""
    global _address  # noqa: PLW0603 - an agent with settings would have it there
    with ThreadingHTTPServer(("127.0.0.1", 0), _Services) as server:
        before, _address = _address, f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            _address = before
            server.shutdown()
            thread.join()


def main() -> None:
    """Plan a trip, or replay the recording of one."""
    if sys.argv[1:2] == ["--replay"]:
        with replay(sys.argv[2]):
            print(plan(PLACES))
    else:
        with VoltAgentSDK(), services():
            print(plan(PLACES))
        print("\nSee what was recorded: voltagent show -v")


if __name__ == "__main__":
    main()
