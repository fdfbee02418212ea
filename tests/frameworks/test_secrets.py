"""Secrets in what the real clients send and receive are not recorded."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import httpx

import voltagent
from tests.processors.test_secrets_recorded import secrets_in, sent, token
from voltagent import VoltAgentSDK

openai = import_module("openai")


def test_a_secret_over_the_chunks_of_a_client_is_not_recorded(tmp_path: Path) -> None:
    secret = token("client_stream")
    chunks = [secret[start : start + 4] for start in range(0, len(secret), 4)]
    lines = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
         "choices": [{"index": 0, "delta": {"role": "assistant", "content": chunk}, "finish_reason": None}]}
        for chunk in chunks
    ]  # fmt: skip
    body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode())
    )

    def use(sdk: VoltAgentSDK) -> None:
        voltagent.instrument("openai")
        try:
            client = openai.OpenAI(api_key=token("client"), http_client=httpx.Client(transport=transport))
            messages = [{"role": "user", "content": f"my password is {token('client')}"}]
            answer = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == secret
        finally:
            voltagent.uninstrument()

    assert secrets_in(sent("store", tmp_path, use)) == []
