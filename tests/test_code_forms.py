"""Every code form of the documents, as written, against a real server: what arrives is the wire, nothing else."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import voltagent
from tests.helpers.server import Server, answer, unused_port
from tests.helpers.wire import Arrived
from voltagent import (
    AgentOptions,
    TokenUsage,
    TraceStatus,
    VoltAgentSDK,
    agent,
    current,
    current_agent,
    current_trace,
    memory,
    retriever,
    tool,
    trace,
)

KEYS = {"public_key": "pk_test", "secret_key": "sk_test"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def sdk(server: Server) -> Iterator[VoltAgentSDK]:
    made = VoltAgentSDK(base_url=server.url, flush_interval=0.05, retry_delay=0.01, **KEYS)
    yield made
    made.shutdown()


def arrived(server: Server, sdk: VoltAgentSDK) -> Arrived:
    report = sdk.flush()
    assert report.pending == 0
    assert dict(report.dropped) == {}
    assert report.recorded == report.accepted == len(server.requests)
    return Arrived(server)


# Decorators, section 2.


@tool
def weather(city: str, units: str = "c") -> dict[str, Any]:
    return {"city": city, "units": units}


@retriever(name="kb-search", metadata={"vector_store": "pinecone"})
async def search(query: str, k: int = 5) -> list[str]:
    await asyncio.sleep(0)
    return [query] * k


@memory(operation="read")
def recall(key: str) -> str | None:
    return None


@memory
def remember(key: str, value: str) -> None:
    return None


@agent(name="Support Agent", instructions="Help.", model_parameters={"model": "gpt-4"})
async def support(question: str) -> str:
    docs = await search(question, k=2)
    extra = current_agent().add_tool({"name": "by-hand", "input": {"x": 1}})
    extra.success(output={"ok": True})
    current_agent().record(usage={"prompt_tokens": 150, "completion_tokens": 85, "total_tokens": 235})
    recall("k")
    return docs[0]


@trace(agent_id="support-v1", tags=["support"], user_id=lambda args: args["user"]["id"])
async def handle(user: dict[str, Any], question: str) -> str:
    assert current_trace().agent_id == "support-v1"
    return await support(question)


def test_the_decorators_of_the_documents(server: Server, sdk: VoltAgentSDK) -> None:
    assert asyncio.run(handle({"id": "u-1"}, "why?")) == "why?"
    came = arrived(server, sdk)
    assert came.tree() == [["support-v1", ["Support Agent", ["kb-search"], ["by-hand"], ["recall"]]]]
    (create,) = came.creates
    assert (create["userId"], create["tags"]) == ("u-1", ["support"])
    assert create["input"] == {"user": {"id": "u-1"}, "question": "why?"}

    start = came.event("agent:start")
    assert start["metadata"] == {
        "displayName": "Support Agent",
        "id": "Support Agent",
        "agentId": "support-v1",
        "instructions": "Help.",
        "modelParameters": {"model": "gpt-4"},
    }
    assert (start["status"], start["level"], start["event_type"]) == ("running", "INFO", "agent")
    assert start["input"] == {"question": "why?"}
    success = came.event("agent:success")
    assert success["parent_event_id"] == start["id"]
    assert success["metadata"]["usage"] == {"promptTokens": 150, "completionTokens": 85, "totalTokens": 235}
    assert (success["output"], success["status"]) == ({"result": "why?"}, "completed")

    found = came.event("retriever:start")
    assert found["metadata"] == {
        "displayName": "kb-search",
        "id": "kb-search",
        "agentId": "Support Agent",
        "vectorStore": "pinecone",
    }
    assert found["input"] == {"query": "why?", "k": 2}
    assert found["parent_event_id"] == start["id"]
    assert came.event("memory:read_start")["input"] == {"key": "k"}
    assert came.event("memory:read_success")["output"] == {"result": None}

    (end,) = [body for path, body in came.patches if path == f"/history/{create['id']}"]
    assert (end["status"], end["output"]) == ("completed", {"result": "why?"})
    assert end["usage"] == {"promptTokens": 150, "completionTokens": 85, "totalTokens": 235}
    assert {r.headers["x-public-key"] for r in came.requests} == {"pk_test"}
    assert {r.headers["x-secret-key"] for r in came.requests} == {"sk_test"}


def test_a_call_outside_any_trace_opens_one(server: Server, sdk: VoltAgentSDK) -> None:
    assert weather("Bern") == {"city": "Bern", "units": "c"}
    remember("k", "v")
    came = arrived(server, sdk)
    assert came.tree() == [["weather", ["weather"]], ["remember", ["remember"]]]
    assert came.event("tool:start")["input"] == {"city": "Bern", "units": "c"}
    assert came.event("tool:start").get("parent_event_id") is None
    assert came.event("memory:write_start")["event_type"] == "memory"
    assert {body["status"] for _, body in came.patches} == {"completed"}


def test_an_exception_becomes_an_error_event_and_goes_on(server: Server, sdk: VoltAgentSDK) -> None:
    class Unavailable(RuntimeError):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            self.code = "E42"

    exc = Unavailable("no weather today")

    @tool
    def fails() -> None:
        raise exc from KeyError("cause")

    @agent
    def careful() -> str:
        with pytest.raises(Unavailable) as caught:
            fails()
        return "handled" if caught.value is exc else "another object"

    assert careful() == "handled"
    came = arrived(server, sdk)
    error = came.event("tool:error")
    message = error["status_message"]
    assert (error["status"], error["level"]) == ("error", "ERROR")
    assert (message["message"], message["type"], message["code"]) == ("no weather today", "Unavailable", "E42")
    assert "raise exc from KeyError" in message["stack"]
    assert "KeyError" in str(message)
    assert came.event("agent:success")["output"] == {"result": "handled"}


def test_an_unhandled_error_fails_the_trace(server: Server, sdk: VoltAgentSDK) -> None:
    @tool
    def fails() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fails()
    came = arrived(server, sdk)
    ((_, end),) = came.patches
    assert end["status"] == "error"
    assert end["metadata"]["error"]["message"] == "boom"


def test_streams_stay_streams(server: Server, sdk: VoltAgentSDK) -> None:
    @tool
    def numbers(n: int) -> Iterator[int]:
        for number in range(n):
            current().add_tool(name=f"inside-{number}").success()
            yield number

    @agent
    async def speak(text: str) -> AsyncIterator[str]:
        for word in text.split():
            yield word
            weather(word)

    async def main() -> list[str]:
        words = []
        async for word in speak("a b"):
            weather("outside")
            words.append(word)
        return words

    with sdk.trace(agent_id="root"):
        assert list(numbers(2)) == [0, 1]
        assert asyncio.run(main()) == ["a", "b"]
    came = arrived(server, sdk)
    assert came.tree() == [
        [
            "root",
            ["numbers", ["inside-0"], ["inside-1"]],
            ["speak", ["weather"], ["weather"]],
            ["weather"],
            ["weather"],
        ]
    ]
    assert came.event("tool:success", "numbers")["output"] == {"result": [0, 1]}
    assert came.event("agent:success")["output"] == {"result": ["a", "b"]}


def test_a_stream_left_early_is_a_success_that_was_abandoned(server: Server, sdk: VoltAgentSDK) -> None:
    @tool
    def endless() -> Iterator[int]:
        while True:
            yield 1

    stream = endless()
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    came = arrived(server, sdk)
    assert came.event("tool:success")["metadata"]["abandoned"] is True


class Desk:
    @tool
    def method(self, x: int) -> int:
        return x

    @tool
    @classmethod
    def above_class(cls, x: int) -> int:
        return x

    @classmethod
    @tool
    def below_class(cls, x: int) -> int:
        return x

    @tool
    @staticmethod
    def above_static(x: int) -> int:
        return x

    @staticmethod
    @tool
    def below_static(x: int) -> int:
        return x


class Callable_:
    def __call__(self, x: int) -> int:
        return x


def test_every_kind_of_callable(server: Server, sdk: VoltAgentSDK) -> None:
    desk = Desk()
    calls = {
        "Desk.method": desk.method,
        "Desk.above_class": Desk.above_class,
        "Desk.below_class": desk.below_class,
        "Desk.above_static": desk.above_static,
        "Desk.below_static": Desk.below_static,
        "object": tool(name="object")(Callable_()),
        "partial": tool(name="partial")(functools.partial(lambda a, x: x, 1)),
        "lambda": tool(name="lambda")(lambda x: x),
    }
    for call in calls.values():
        assert call(7) == 7
    came = arrived(server, sdk)
    assert [branch[1] for branch in came.tree()] == [[name] for name in calls]
    for name in calls:
        assert came.event("tool:start", name)["input"]["x"] == 7, name
        assert not {"self", "cls"} & set(came.event("tool:start", name)["input"])


@pytest.mark.parametrize("decorated", [tool, agent(name="x"), trace])
def test_a_class_is_refused(decorated: Any) -> None:
    with pytest.raises(TypeError, match="methods"):
        decorated(Desk)


def test_a_misspelt_option_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="capture_input"):
        tool(captur_input=False)  # type: ignore[call-overload]


# Handles, section 3.


def test_the_handles_of_the_documents(server: Server) -> None:
    async def main() -> None:
        async with VoltAgentSDK(
            base_url=server.url, auto_flush=True, flush_interval=5, timeout=30, max_retries=3, retry_delay=1.0, **KEYS
        ) as sdk:
            async with sdk.trace(
                agentId="support-v1",
                input={"q": 1},
                userId="u",
                conversationId="c",
                tags=["t"],
                metadata={"is_x": {"a_b": 1}},
            ) as trace:
                async with trace.add_agent(
                    {
                        "name": "A",
                        "input": {"task": "t"},
                        "instructions": "do",
                        "metadata": {"model_parameters": {"model": "m", "max_tokens": 5}},
                    }
                ) as agent:
                    sub = await agent.add_agent({"name": "B"})
                    tool = await sub.add_tool(
                        {"name": "t", "input": {"snake_key": 1}, "metadata": {"search_type": "s"}}
                    )
                    await tool.success(output={"relevance_score": 0.5}, metadata={"search_time": "0.2s"})
                    await (await sub.add_tool({"name": "t2"})).error(
                        status_message=Exception("Database connection timeout"), metadata={"timeout_ms": 5000}
                    )
                    await (await sub.add_memory({"name": "m", "operation": "read"})).error(
                        status_message={"message": "m", "code": "C", "details": {"x": 1}}
                    )
                    retriever = await sub.add_retriever({"name": "r"})
                    await retriever.update(metadata={"step_two": 2})
                    await retriever.success(output=["d"])
                    await sub.error(status_message="stopped", stage="policy_check", metadata={"more_info": 1})
                    await agent.success(
                        output={"response": "done"},
                        usage=TokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
                    )
                await trace.update(status="working", metadata={"half_way": True})
                event = await trace.add_event({"name": "x:y", "type": "custom", "input": {"a": 1}})
                assert event.id
                await trace.end(
                    status=TraceStatus.COMPLETED, output={"o": 1}, usage={"total_tokens": 9}, metadata={"end_key": 1}
                )
            report = await sdk.flush()
            assert report.accepted == report.recorded

    asyncio.run(main())
    came = Arrived(server)
    assert came.tree() == [["support-v1", ["A", ["B", ["t"], ["t2"], ["m"], ["r"]]]]]
    (create,) = came.creates
    assert create["metadata"] == {"agentId": "support-v1", "isX": {"aB": 1}}
    assert (create["userId"], create["conversationId"], create["tags"]) == ("u", "c", ["t"])
    start = came.event("tool:start", "t")
    assert start["metadata"] == {"displayName": "t", "id": "t", "agentId": "B", "searchType": "s"}
    assert start["input"] == {"snake_key": 1}
    assert came.event("tool:start", "t2")["input"] == {}
    success = came.event("tool:success")
    assert success["metadata"] == {**start["metadata"], "searchTime": "0.2s"}
    assert success["output"] == {"relevance_score": 0.5}
    assert success["parent_event_id"] == start["id"]
    error = came.event("tool:error")
    assert error["status_message"]["message"] == "Database connection timeout"
    assert error["status_message"]["type"] == "Exception"
    assert error["metadata"]["timeoutMs"] == 5000
    assert came.event("memory:read_error")["status_message"] == {"message": "m", "code": "C", "details": {"x": 1}}
    failed = came.event("agent:error")
    assert failed["status_message"] == "stopped"
    assert (failed["metadata"]["stage"], failed["metadata"]["moreInfo"]) == ("policy_check", 1)
    assert came.event("retriever:success")["output"] == {"result": ["d"]}
    custom = came.event("x:y")
    assert (custom["event_type"], custom["input"], custom["metadata"]) == ("custom", {"a": 1}, custom["metadata"])
    paths = [path for path, _ in came.patches]
    assert f"/history-events/{came.event('retriever:start')['id']}" in paths
    first, last = [body for path, body in came.patches if path.startswith("/history/")]
    assert first == {"status": "working", "metadata": {"halfWay": True}}
    assert last["usage"] == {"totalTokens": 9}
    assert last["metadata"]["endKey"] == 1
    assert came.patches[-1][0] == f"/history/{create['id']}"


def test_the_same_in_sync_code(server: Server, sdk: VoltAgentSDK) -> None:
    with sdk.trace(agent_id="support-v1", user_id="u") as trace:
        with trace.add_agent(AgentOptions(name="A")) as agent:
            tool = agent.add_tool(name="t", input={"x": 1})
            tool.success(output={"ok": 1})
            assert current() == agent
        handle = trace.add_agent(name="B", input={"y": 2})
        handle.success()
    other = sdk.create_trace(agentId="x")
    other.end(status="error", metadata={"error": "text"})
    came = arrived(server, sdk)
    assert came.tree() == [["support-v1", ["A", ["t"]], ["B"]], ["x"]]
    assert came.event("agent:success", "A")["output"] == {}
    ended = {path.rpartition("/")[2]: body for path, body in came.patches}  # traces go side by side, in any order
    assert ended[trace.id]["status"] == "completed"
    assert ended[other.id]["status"] == "error"
    assert ended[other.id]["metadata"]["error"] == "text"


def test_a_cancelled_operation(server: Server, sdk: VoltAgentSDK) -> None:
    @agent
    async def slow() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.ensure_future(slow())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    came = arrived(server, sdk)
    error = came.event("agent:error")
    assert (error["status"], error["level"]) == ("cancelled", "WARNING")
    ((_, end),) = came.patches
    assert end["status"] == "error"
    assert end["metadata"]["cancelled"] is True


def test_what_is_open_at_shutdown_ends_as_cancelled(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, **KEYS)
    trace = sdk.trace(agent_id="a")
    trace.add_agent(name="A").add_tool(name="t")
    report = sdk.shutdown()
    assert report.recorded == report.accepted == 6
    came = Arrived(server)
    assert sorted(e["event_name"] for e in came.events) == ["agent:error", "agent:start", "tool:error", "tool:start"]
    assert came.event("tool:error")["status"] == "cancelled"
    assert came.event("tool:error")["metadata"]["unfinished"] is True
    assert came.patches[-1][1]["metadata"]["unfinished"] is True


# Hierarchy.


def test_parents_are_right_under_gather_tasks_and_threads(server: Server, sdk: VoltAgentSDK) -> None:
    @tool
    def leaf(name: str) -> str:
        return name

    @agent
    async def branch(name: str) -> None:
        current_agent().record(metadata={"branch": name})
        await asyncio.gather(asyncio.to_thread(leaf, name), deeper(name))

    @agent
    async def deeper(name: str) -> None:
        await asyncio.sleep(0)
        leaf(name)

    async def main() -> None:
        with sdk.trace(agent_id="root"):
            await asyncio.gather(*(branch(str(number)) for number in range(3)))
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(voltagent.bind(leaf), "ab")) == ["a", "b"]
            thread = threading.Thread(target=voltagent.bind(leaf), args=("c",))
            thread.start()
            thread.join()

    asyncio.run(main())
    (tree,) = arrived(server, sdk).tree()
    branches = [node for node in tree[1:] if node[0] == "branch"]
    assert len(branches) == 3
    for node in branches:
        assert sorted(node[1:]) == [["deeper", ["leaf"]], ["leaf"]]
    assert tree.count(["leaf"]) == 3


# Nothing changes.


@pytest.mark.parametrize("status", [401, 400, 500, 204])
def test_whatever_the_backend_says_the_program_goes_on(status: int) -> None:
    with Server(answer(status, b"nonsense")) as server:
        sdk = VoltAgentSDK(base_url=server.url, max_retries=0, retry_delay=0, **KEYS)
        assert weather("Bern", units="f") == {"city": "Bern", "units": "f"}
        report = sdk.shutdown()
        assert report.recorded == 4 == report.accepted + sum(report.dropped.values()) + report.pending


def test_no_backend_at_all_changes_nothing() -> None:
    sdk = VoltAgentSDK(base_url=f"http://127.0.0.1:{unused_port()}", **KEYS)
    assert asyncio.run(handle({"id": "u"}, "q")) == "q"
    report = sdk.shutdown(timeout=0.2)
    assert report.recorded == report.accepted + sum(report.dropped.values()) + report.pending


def test_without_an_sdk_the_functions_simply_run() -> None:
    assert weather("Bern") == {"city": "Bern", "units": "c"}
    assert not current()


def test_the_environment_alone_starts_recording(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTAGENT_BASE_URL", server.url)
    monkeypatch.setenv("VOLTAGENT_PUBLIC_KEY", "pk_e")
    monkeypatch.setenv("VOLTAGENT_SECRET_KEY", "sk_e")
    monkeypatch.setenv("VOLTAGENT_FLUSH_INTERVAL", "0.01")
    weather("Bern")
    requests = server.wait_for(4)
    assert requests[0].headers["x-public-key"] == "pk_e"


def test_junk_in_the_environment_is_one_warning_and_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VOLTAGENT_PUBLIC_KEY", "pk_only")
    assert weather("Bern")["city"] == "Bern"
    assert weather("Bern")["city"] == "Bern"
    assert len(caplog.records) == 1
    assert "secret_key is missing" in caplog.text


def test_switched_off_it_records_nothing(server: Server) -> None:
    sdk = VoltAgentSDK(base_url=server.url, enabled=False, **KEYS)
    with sdk.trace(agent_id="a") as handle:
        assert not handle
        weather("Bern")
    assert sdk.shutdown().recorded == 0
    assert server.requests == []
