"""What recording a model call costs beside the client's own work: ``python -m benchmarks.model_calls``.

Needs the package openai, and for spans of other instrumentations opentelemetry-sdk (``make frameworks`` installs both
into an environment of its own). The client gets its answers without a network. A request has a prompt of 4 KB.

Time is processor time of the calling thread, without that of the sender; all variants take turns, and the least of each
counts. "x floor" divides by the least that any recorder has to do: write the prompt and the answer as JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

from pydantic_core import to_json

import voltagent
from benchmarks.quick import Discarding

CALLS = 10  # in a burst: short ones are more likely to be undisturbed
PROMPT = "word " * 800
ASK = [{"role": "user", "content": PROMPT}]
USED = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "prompt_tokens_details": {"cached_tokens": 3}}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello " * 100}}


class Client:
    """The method of openai's client that makes each request, without the network: its answers are ready before."""

    def __init__(self) -> None:
        self._base: Any = import_module("openai._base_client").SyncAPIClient
        self._kind: Any = import_module("openai.types.chat").ChatCompletion
        self._answers: list[Any] = []
        self._numbers = count()
        self._client: Any = import_module("openai").OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1")
        requests: list[Any] = []
        self._base.request = lambda _, *args, **kwargs: requests.append((args, kwargs))
        self._client.chat.completions.create(model="gpt", messages=ASK, temperature=0.5)
        ((self._args, self._kwargs),) = requests
        self._base.request = lambda *_, **__: self._answers.pop()

    def prepare(self) -> None:
        body = {"object": "chat.completion", "created": 1, "model": "gpt-2026", "choices": [CHOICE], "usage": USED}
        self._answers = [self._kind.model_validate({**body, "id": f"c{next(self._numbers)}"}) for _ in range(CALLS)]

    def ask(self) -> None:
        self._client.request(*self._args, **self._kwargs)


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


def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """Microseconds per call: variant -> (the work of others, what is recorded beside it)."""
    client, plain = Client(), Spans()
    sdk = voltagent.VoltAgentSDK(exporter=Discarding())
    spans = Spans(import_module("voltagent.opentelemetry").SpanProcessor(sdk))
    in_agent = voltagent.agent(burst)
    bare, off, on, outside, theirs, ours, least = [], [], [], [], [], [], []
    for _ in range(rounds):
        least.append(burst(floor))
        theirs.append(burst(plain.ask))
        ours.append(in_agent(spans.ask))
        with voltagent.suppress():
            bare.append(burst(client.ask, client.prepare))
        voltagent.instrument("openai")
        on.append(in_agent(client.ask, client.prepare))
        outside.append(burst(client.ask, client.prepare))
        with WithoutSdk():
            off.append(burst(client.ask, client.prepare))
        voltagent.uninstrument()
        sdk.flush()
    sdk.shutdown()
    own = min(bare)
    return {
        "floor": (0.0, min(least)),
        "instrumented, no SDK": (own, min(off) - own),
        "in an agent": (own, min(on) - own),
        "outside a trace": (own, min(outside) - own),
        "span of OpenInference": (min(theirs), min(ours) - min(theirs)),
    }


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
    found = measure(parser.parse_args().rounds)
    least = found["floor"][1]
    print(f"Python {sys.version.split()[0]}; microseconds per call\n")
    print(f"{'':24}{'own work':>10}{'beside it':>11}{'x floor':>9}{'x own':>8}")
    for name, (own, beside) in found.items():
        relative = f"{beside / own:8.3f}" if own else ""
        print(f"{name:24}{own:10.1f}{beside:11.2f}{beside / least:9.2f}{relative}")
    print("\ntargets: no SDK at most 1 us, in an agent at most 60 us")


if __name__ == "__main__":
    main()
