"""What recording a model call costs beside the client's own work: ``python -m benchmarks.model_calls``.

Needs the packages openai, anthropic and google-genai, and for spans of other instrumentations opentelemetry-sdk (``make
frameworks`` installs them into an environment of its own). The clients get their answers without a network. A request
has a prompt of 4 KB.

Time is processor time of the calling thread, without that of the sender; all variants take turns, and the least of each
counts. "x floor" divides by the least that any recorder has to do: write the prompt and the answer as JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any, NamedTuple

from pydantic_core import to_json

import voltagent
from benchmarks.quick import Discarding

CALLS = 10  # in a burst: short ones are more likely to be undisturbed
PROMPT = "word " * 800
TEXT = "Hello " * 100
ASK = [{"role": "user", "content": PROMPT}]
USED = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": {"cached_tokens": 3}}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}


class Api(NamedTuple):
    """One API of a client: what it answers, and the method that makes each of its requests."""

    instrument: str
    answer: str  # module and class of an answer
    body: dict[str, Any]  # of an answer, without its id
    ask: Callable[[Any], object]  # makes one request with the client of the package
    id: str = "id"
    place: tuple[str, str, str] = (
        "",
        "",
        "",
    )  # module, class and method of the request, if not as of a generated client


APIS = {
    "openai chat": Api(
        "openai",
        "openai.types.chat.ChatCompletion",
        {"object": "chat.completion", "created": 1, "model": "gpt-2026", "choices": [CHOICE], "usage": USED},
        lambda openai: _openai(openai).chat.completions.create(model="gpt", messages=ASK, temperature=0.5),
    ),
    "openai responses": Api(
        "openai",
        "openai.types.responses.Response",
        {
            "object": "response",
            "created_at": 1,
            "model": "gpt-2026",
            "status": "completed",
            "tools": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "output": [
                {
                    "type": "message",
                    "id": "m",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
                }
            ],
            "usage": {
                "input_tokens": 11,
                "output_tokens": 7,
                "total_tokens": 18,
                "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        },
        lambda openai: _openai(openai).responses.create(model="gpt", input=ASK, temperature=0.5),
    ),
    "anthropic messages": Api(
        "anthropic",
        "anthropic.types.Message",
        {
            "type": "message",
            "role": "assistant",
            "model": "claude-2026",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": TEXT}],
            "usage": {"input_tokens": 8, "cache_read_input_tokens": 3, "output_tokens": 7},
        },
        lambda anthropic: anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9").messages.create(
            model="claude", messages=ASK, max_tokens=100
        ),
    ),
    "google generate": Api(
        "google-genai",
        "google.genai.types.GenerateContentResponse",
        {
            "model_version": "gemini-2026",
            "candidates": [{"finish_reason": "STOP", "content": {"role": "model", "parts": [{"text": TEXT}]}}],
            "usage_metadata": {
                "prompt_token_count": 11,
                "candidates_token_count": 7,
                "total_token_count": 18,
                "cached_content_token_count": 3,
            },
        },
        lambda genai: genai.Client(api_key="k").models._generate_content(model="gemini", contents=PROMPT),
        "response_id",
        ("google.genai.models", "Models", "_generate_content"),
    ),
}


def _openai(openai: Any) -> Any:
    return openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1")


class Client:
    """The method of a client that makes each request, without the network: its answers are ready before."""

    def __init__(self, api: Api = APIS["openai chat"]) -> None:
        package = "google.genai" if api.place[0] else api.instrument
        module, owner, self._method = (
            api.place if api.place[0] else (f"{package}._base_client", "SyncAPIClient", "request")
        )
        place: Any = getattr(import_module(module), owner)
        kind = api.answer.rpartition(".")
        self._kind: Any = getattr(import_module(kind[0]), kind[2])
        self._api = api
        self._answers: list[Any] = []
        self._numbers = count()
        requests: list[Any] = []
        setattr(place, self._method, lambda *args, **kwargs: requests.append((args, kwargs)))
        api.ask(import_module(package))
        (((self._client, *self._args), self._kwargs),) = requests
        setattr(place, self._method, lambda *_, **__: self._answers.pop())

    def prepare(self) -> None:
        self._answers = [
            self._kind.model_validate({**self._api.body, self._api.id: f"c{next(self._numbers)}"}) for _ in range(CALLS)
        ]

    def ask(self) -> None:
        getattr(self._client, self._method)(*self._args, **self._kwargs)


class Spans:
    """A tracer of OpenTelemetry, with spans as OpenInference writes them."""

    def __init__(self, processor: Any = None) -> None:
        provider = import_module("opentelemetry.sdk.trace").TracerProvider(shutdown_on_exit=False)
        if processor is not None:
            provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("benchmark")
        request = json.dumps({"model": "gpt", "messages": ASK})
        self._start = {"openinference.span.kind": "LLM", "llm.system": "openai", "input.value": request,
                       "input.mime_type": "application/json", "llm.model_name": "gpt",
                       "llm.input_messages.0.message.role": "user",
                       "llm.input_messages.0.message.content": PROMPT}  # fmt: skip
        answer = {"model": "gpt-2026", "choices": [CHOICE], "usage": USED}
        self._end = {"output.value": json.dumps(answer), "output.mime_type": "application/json",
                     "llm.token_count.prompt": 11, "llm.token_count.completion": 7, "llm.token_count.total": 18,
                     "llm.output_messages.0.message.role": "assistant",
                     "llm.output_messages.0.message.content": "Hello " * 100}  # fmt: skip

    def ask(self) -> None:
        with self._tracer.start_as_current_span("ChatCompletion", attributes=self._start) as span:
            span.set_attributes(self._end)


def floor() -> None:
    """What any recorder has to do."""
    to_json({"model": "gpt", "messages": ASK})
    to_json({"result": CHOICE["message"]})


def burst(work: Callable[[], None], prepare: Callable[[], None] | None = None) -> float:
    if prepare is not None:
        prepare()
    gc.disable()
    started = time.thread_time_ns()
    for _ in range(CALLS):
        work()
    ended = time.thread_time_ns()
    gc.enable()
    return (ended - started) / CALLS / 1000


def measure(rounds: int, api: Api = APIS["openai chat"]) -> dict[str, tuple[float, float]]:
    """Microseconds per call of an API: variant -> (the work of the client, what is recorded beside it)."""
    client = Client(api)
    sdk = voltagent.VoltAgentSDK(exporter=Discarding())
    in_agent = voltagent.agent(burst)
    bare, off, on, outside = [], [], [], []
    for _ in range(rounds):
        with voltagent.suppress():
            bare.append(burst(client.ask, client.prepare))
        voltagent.instrument(api.instrument)
        on.append(in_agent(client.ask, client.prepare))
        outside.append(burst(client.ask, client.prepare))
        with WithoutSdk():
            off.append(burst(client.ask, client.prepare))
        voltagent.uninstrument()
        sdk.flush()
    sdk.shutdown()
    own = min(bare)
    return {
        "instrumented, no SDK": (own, min(off) - own),
        "in an agent": (own, min(on) - own),
        "outside a trace": (own, min(outside) - own),
    }


def measure_span(rounds: int) -> dict[str, tuple[float, float]]:
    """Measure the least that any recorder has to do, and a span of another instrumentation, as :func:`measure`."""
    plain = Spans()
    sdk = voltagent.VoltAgentSDK(exporter=Discarding())
    spans = Spans(import_module("voltagent.opentelemetry").SpanProcessor(sdk))
    in_agent = voltagent.agent(burst)
    theirs, ours, least = [], [], []
    for _ in range(rounds):
        least.append(burst(floor))
        theirs.append(burst(plain.ask))
        ours.append(in_agent(spans.ask))
        sdk.flush()
    sdk.shutdown()
    return {"floor": (0.0, min(least)), "span of OpenInference": (min(theirs), min(ours) - min(theirs))}


class WithoutSdk:
    """A block in which no SDK is live."""

    def __enter__(self) -> None:
        from voltagent.core import context

        self._live, context.ACTIVE[:] = list(context.ACTIVE), []

    def __exit__(self, *_: object) -> None:
        from voltagent.core import context

        context.ACTIVE[:] = self._live


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    found = measure_span(rounds)
    least = found["floor"][1]
    print(f"Python {sys.version.split()[0]}; load {os.getloadavg()[0]:.1f}; microseconds per call\n")
    print(f"{'':42}{'own work':>10}{'beside it':>11}{'x floor':>9}")
    for api in APIS:
        found |= {f"{api}, {name}": figures for name, figures in measure(rounds, APIS[api]).items()}
    for name, (own, beside) in found.items():
        print(f"{name:42}{own:10.1f}{beside:11.2f}{beside / least:9.2f}")
    print("\ntargets: no SDK at most 1 us, in an agent at most 60 us")


if __name__ == "__main__":
    main()
