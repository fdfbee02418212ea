"""A fake server on loopback that speaks the APIs of OpenAI, Anthropic and Google GenAI, streams and errors included.

The model ``broken`` is answered with 429, and ``thinker`` says what it thought before it answers. A request with
``tools`` gets a tool call, unless it holds a tool's result.
"""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.server import Recorded, Reply, answer

TEXT = "Hello there"
THINKER = "thinker"
THOUGHT = "They greet me."


def reply(request: Recorded) -> Reply:
    path = request.path.partition("?")[0]
    body = request.json if request.body else {}
    if body.get("model") == "broken" or "broken" in path:
        return answer(
            429, {"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}, "type": "error"}
        )
    stream = bool(body.get("stream"))
    if path.endswith("/chat/completions"):
        return _sse(_chat_chunks(body), done=True) if stream else answer(200, _chat(body))
    if path.endswith("/responses"):
        return _sse(_response_events(body), named=True) if stream else answer(200, _response(body))
    if path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        usage = {"prompt_tokens": 4, "total_tokens": 4}
        return answer(200, {"object": "list", "data": data, "model": body["model"], "usage": usage})
    if path.endswith("/messages"):
        return _sse(_message_events(body), named=True) if stream else answer(200, _message(body))
    if path.endswith(":streamGenerateContent"):
        thought = [_google(THOUGHT, thought=True)] if THINKER in path else []
        return _sse([*thought, _google("Hello "), _google("there", last=True)])
    if path.endswith(":generateContent"):
        whole = _google(TEXT, last=True)
        if THINKER in path:
            whole["candidates"][0]["content"]["parts"].insert(0, {"text": THOUGHT, "thought": True})
        return answer(200, whole)
    if path.endswith((":embedContent", ":batchEmbedContents")):
        return answer(200, {"embeddings": [{"values": [0.5, 0.25]}], "embedding": {"values": [0.5, 0.25]}})
    return answer(404, {"error": {"message": f"no route {path}"}})


def _sse(events: list[dict[str, Any]], *, named: bool = False, done: bool = False) -> bytes:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    content = "".join([*lines, *(["data: [DONE]\n\n"] if done else [])]).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
          "prompt_tokens_details": {"cached_tokens": 3}}  # fmt: skip


def _has_result(body: dict[str, Any]) -> bool:
    """Whether a request holds the result of a tool, as a message of its own or as smolagents writes it."""
    messages = body.get("messages") or []
    return any(message.get("role") == "tool" for message in messages) or "Observation:\\nsunny" in json.dumps(messages)


def _tool_call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    model = f"{body['model']}-2026"
    message: dict[str, Any] = {"role": "assistant", "content": TEXT}
    tools = [tool["function"]["name"] for tool in body.get("tools") or []]
    if tools and not _has_result(body):
        message |= {"content": None, "tool_calls": [_tool_call(tools[0], {"city": "Oslo"})]}
    elif (body.get("response_format") or {}).get("type") == "json_schema":
        message["content"] = '{"city": "Oslo"}'
    elif "[[ ## answer ## ]]" in json.dumps(body["messages"]):  # how DSPy asks for a field
        message["content"] = f"[[ ## answer ## ]]\n{TEXT}\n\n[[ ## completed ## ]]"
    elif "final_answer" in tools and _has_result(body):  # how smolagents ends a run
        message |= {"content": None, "tool_calls": [_tool_call("final_answer", {"answer": TEXT})]}
    if body["model"] == THINKER:
        message["reasoning_content"] = THOUGHT
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "finish_reason": finish, "message": message, "logprobs": None}
    return {"id": f"chatcmpl-{len(body['messages'])}", "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice], "usage": _USAGE}  # fmt: skip


def _chat_chunks(body: dict[str, Any]) -> list[dict[str, Any]]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": f"{body['model']}-2026"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "Hello "}, {"content": "there"}]
    choice = _chat(body)["choices"][0]
    if body["model"] == THINKER:
        deltas.insert(0, {"role": "assistant", "content": None, "reasoning_content": THOUGHT})
    for place, call in enumerate(choice["message"].get("tool_calls", ())):
        begun = {**call, "index": place, "function": {**call["function"], "arguments": ""}}
        more = {"index": place, "function": {"arguments": call["function"]["arguments"]}}
        deltas = [{"role": "assistant", "tool_calls": [begun]}, {"tool_calls": [more]}]
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": _USAGE})
    return chunks


def _response(body: dict[str, Any], text: str = TEXT) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output: list[dict[str, Any]] = [
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    ]
    if body["model"] == THINKER:
        output.insert(0, {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]})
    details = {"input_tokens_details": {"cached_tokens": 3}, "output_tokens_details": {"reasoning_tokens": 2}}
    usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18, **details}
    model = f"{body['model']}-2026"
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": model,
            "output": output, "usage": usage, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "error": None, "incomplete_details": None, "instructions": None, "metadata": {}}  # fmt: skip


def _response_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _response(body)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    item = whole["output"][-1]
    delta = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
             "logprobs": []}  # fmt: skip
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **part, "part": {"type": "output_text", "text": "", "annotations": []}},
        {**delta, "delta": "Hello "},
        {**delta, "delta": "there"},
        {"type": "response.completed", "response": whole},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _message(body: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 10}
    model = f"{body['model']}-2026"
    thought = [{"type": "thinking", "thinking": THOUGHT, "signature": "s"}] if body["model"] == THINKER else []
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "usage": usage,
            "content": [*thought, {"type": "text", "text": TEXT}],
            "stop_reason": "end_turn", "stop_sequence": None}  # fmt: skip


def _message_events(body: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**_message(body), "content": [], "stop_reason": None}
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
              for text in ("Hello ", "there")]  # fmt: skip
    thought = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": THOUGHT}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
    ]
    return [
        {"type": "message_start", "message": begun},
        *(thought if body["model"] == THINKER else []),
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": 10}},
        {"type": "message_stop"},
    ]  # fmt: skip


def _google(text: str, *, last: bool = False, thought: bool = False) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if thought:
        candidate["content"]["parts"][0]["thought"] = True
    if last:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "modelVersion": "gemini-2026", "responseId": "g1",
            "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}}  # fmt: skip
