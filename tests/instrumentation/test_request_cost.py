"""What recording a request to a model costs, in Python functions that run: a number that no load changes.

``python -m benchmarks.model_calls`` measures the time, with the real client.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

from pydantic import create_model

from tests.decorators.test_cost import functions_run_by, held_sender
from voltagent.instrumentation.clients import PATCHES

PROMPT = [{"role": "user", "content": "word " * 800}]


@cache
def _class(name: str, *fields: str) -> Any:
    """A class of the client, as far as it is read."""
    given: Any = dict.fromkeys(fields, (Any, None))
    return create_model(name, __module__="anthropic.types" if name == "Message" else "openai.types.chat", **given)


def _model(name: str, **fields: Any) -> Any:
    return _class(name, *fields)(**fields)


def _completion(number: int) -> Any:
    details = _model("PromptTokensDetails", cached_tokens=3)
    usage = _model("CompletionUsage", prompt_tokens=11, completion_tokens=7, total_tokens=18,
                   prompt_tokens_details=details)  # fmt: skip
    message = _model("ChatCompletionMessage", role="assistant", content="Hello")
    choice = _model("Choice", index=0, finish_reason="stop", message=message)
    return _model("ChatCompletion", id=f"c{number}", model="gpt-2026", choices=[choice], usage=usage)


def _message(number: int) -> Any:
    usage = _model("Usage", input_tokens=8, cache_read_input_tokens=3, output_tokens=7)
    block = _model("TextBlock", type="text", text="Hello")
    return _model("Message", id=f"m{number}", model="claude-2026", role="assistant", stop_reason="end_turn",
                  content=[block], usage=usage)  # fmt: skip


def _placeholder() -> Any:
    """What the client has in the body for each argument that is not given."""
    module = sys.modules["anthropic"] = ModuleType("anthropic")
    module.Omit = type("Omit", (), {"__module__": "anthropic"})  # type: ignore[attr-defined]
    return module.Omit()


OPTIONS = SimpleNamespace(url="/chat/completions", json_data={"model": "gpt", "messages": PROMPT}, headers={})


def request(answers: list[Any], name: str = "openai", options: Any = OPTIONS) -> Callable[[], Any]:
    """One call of the patched method, which gives the next answer."""
    return lambda: PATCHES[name][0].wrapper(lambda *_: answers.pop(), None, (None, options), {})


def async_request(answers: list[Any]) -> Callable[[], Any]:
    """One run of the patched coroutine method, without a loop."""

    async def answer(*_: object) -> Any:
        return answers.pop()

    def call() -> None:
        coroutine = PATCHES["openai"][1].wrapper(answer, None, (None, OPTIONS), {})
        try:
            coroutine.send(None)
        except StopIteration:
            pass

    return call


def counted() -> tuple[int, int, int, int]:
    """How many functions run for a request in a trace, an asynchronous one, one outside of a trace, and Anthropic's.

    To be called in a process of its own.
    """
    answers = [_completion(number) for number in range(8)]
    call, call_async = request(answers), async_request(answers)
    with held_sender() as sdk:
        with sdk.trace(agent_id="cost"):
            call()
            call()  # what the classes of the answers are like was found out
            inside = functions_run_by(call)
            call_async()
            inside_async = functions_run_by(call_async)
        call()
        outside = functions_run_by(call)
        omitted = dict.fromkeys(map(str, range(17)), _placeholder())
        body = {"model": "claude", "messages": PROMPT, "max_tokens": 100, **omitted}
        options = SimpleNamespace(url="/v1/messages", json_data=body, headers={})
        call = request([_message(number) for number in range(3)], "anthropic", options)
        with sdk.trace(agent_id="cost"):
            call()
            call()
            return inside, inside_async, outside, functions_run_by(call)


def test_recording_a_request_runs_few_functions() -> None:
    code = "import json; from tests.instrumentation.test_request_cost import counted; print(json.dumps(counted()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    inside, inside_async, outside, anthropic = json.loads(ran.stdout)
    assert inside <= 46, "238 before this was looked at, 137 before results had a prepared reader"
    assert inside_async <= 46
    assert outside <= 70
    assert anthropic <= 56, "some 250 while placeholders were looked at one by one"
