"""A program for voltagent 0.1.1: what works there, each call once. Takes the server's URL; knows nothing of ours."""

import asyncio
import sys

from voltagent import (
    AddEventRequest,
    AgentOptions,
    CreateHistoryRequest,
    EventLevel,
    EventStatus,
    MemoryOptions,
    RetrieverOptions,
    TimelineEvent,
    TokenUsage,
    ToolOptions,
    TraceStatus,
    UpdateEventRequest,
    UpdateHistoryRequest,
    VoltAgentCoreAPI,
    VoltAgentSDK,
)

KEYS = {"public_key": "pk_parity", "secret_key": "sk_parity_0123456789"}


async def in_a_block(sdk):
    async with sdk.trace(
        agentId="support-v1",
        input={"query": "How to reset my password?", "snake_key": None},
        userId="user-123",
        conversationId="conv-456",
        tags=["support", "password-reset"],
        metadata={"priority": "high", "source_system": {"web_chat": True}},
    ) as trace:
        assert trace.agent_id == "support-v1"
        agent = await trace.add_agent(
            {
                "name": "Support Agent",
                "input": {"task": "reset"},
                "instructions": "You help.",
                "metadata": {"model_parameters": {"model": "gpt-4", "max_tokens": 1000}, "role": "support"},
            }
        )
        await tools(agent)
        await memories_and_retrievers(agent)
        await sub_agent(agent)
        await agent.success(
            output={"response": "sent"},
            usage=TokenUsage(prompt_tokens=150, completion_tokens=85, total_tokens=235),
            metadata={"confidence_score": 0.95},
        )


async def tools(agent):
    tool = await agent.add_tool({"name": "search", "input": {"query": "x"}, "metadata": {"search_type": "semantic"}})
    assert tool.trace_id == agent.trace_id
    assert tool.parent_id == agent.id
    await tool.update(metadata={"cache_hit": True}, level="WARNING")
    await tool.success(output={"results": ["a", "b"], "relevance_score": 0.89}, metadata={"searchTime": "0.2s"})
    bare = await agent.add_tool(ToolOptions(name="bare"))
    await bare.success()
    with_text = await agent.add_tool({"name": "fails with text"})
    await with_text.error(status_message="no connection", metadata={"timeoutMs": 5000})
    with_object = await agent.add_tool({"name": "fails with an object"})
    await with_object.error({"message": "no connection", "code": "ETIMEDOUT", "details": {"after_ms": 5}})
    with_exception = await agent.add_tool({"name": "fails with an exception"})
    await with_exception.error(status_message=ValueError("not raised"))


async def memories_and_retrievers(agent):
    memory = await agent.add_memory(MemoryOptions(name="store", input={"key": "k"}, metadata={"time_to_live": 5}))
    await memory.success(output={"stored": True})
    broken = await agent.add_memory({"name": "broken store"})
    await broken.error("disk full")
    retriever = await agent.add_retriever(
        RetrieverOptions(name="policies", input={"query": "q"}, metadata={"vector_store": "pinecone"})
    )
    await retriever.success(output={"documents": ["d"]}, metadata={"scanned": 1500})
    lost = await agent.add_retriever({"name": "lost policies"})
    await lost.error({"message": "gone"})


async def sub_agent(agent):
    sub = await agent.add_agent(AgentOptions(name="Policy Checker", instructions="Check."))
    inner = await sub.add_tool({"name": "verify", "input": {"user_id": "u"}})
    await inner.success(output={"ok": True})
    deeper = await sub.add_agent({"name": "Translator"})
    await deeper.error("no dictionary")
    await sub.success(output={"approved": True}, usage=TokenUsage(prompt_tokens=8, cached_tokens=4))


async def by_hand(sdk):
    trace = await sdk.create_trace(
        agent_id="by-hand",
        id="my own id",
        version="1.2",
        level="INFO",
        start_time="2020-01-31T12:00:00+00:00",
        completion_start_time="2020-01-31T12:00:01+00:00",
    )
    assert (await sdk.get_trace("my own id")).agent_id == "by-hand"
    await trace.update(status="working", metadata={"step": 1})
    event = await trace.add_event(
        {"name": "custom:step", "type": "custom", "input": {"a": 1}, "output": {"b": 2}, "tags": ["t"],
         "level": "DEBUG", "status": "completed", "statusMessage": "fine", "version": "3", "metadata": {"plain": 1}}
    )  # fmt: skip
    await event.update(status=EventStatus.COMPLETED, output={"b": 3}, tags=["u"])
    raw = await sdk.add_event_to_trace(trace.id, {"name": "raw:step", "type": "raw", "parentEventId": event.id})
    await sdk.update_event(raw.id, status_message="later", end_time="2020-01-31T12:00:02+00:00")
    await sdk.update_trace(trace.id, tags=["late"], input={"changed": True})
    await trace.end(
        output={"done": True},
        status=TraceStatus.COMPLETED,
        usage=TokenUsage(prompt_tokens=600, completion_tokens=430, total_tokens=1030),
        metadata={"ended": "by hand"},
    )


async def failing(sdk):
    try:
        async with sdk.trace(agent_id="failing") as trace:
            await trace.add_agent({"name": "unlucky"})
            raise LookupError("no such page")
    except LookupError:
        pass
    trace = await sdk.create_trace(agent_id="failing by hand")
    await trace.end(status=TraceStatus.ERROR, metadata={"error": "said so"})


CREATE = CreateHistoryRequest(
    id="core", agent_id="core", userId="u", status=TraceStatus.WORKING, input={"q": None}, level=EventLevel.INFO, more=1
)
UPDATE = UpdateHistoryRequest(
    id="core", status=TraceStatus.ERROR, end_time="t", usage=TokenUsage(prompt_tokens=1), completion_start_time="c"
)
EVENT = TimelineEvent(
    name="core:event", type="core", startTime="s", statusMessage={"message": "m"}, metadata={"a_b": 1}
)
CHANGE = UpdateEventRequest(id="event of core", status=EventStatus.CANCELLED, metadata={"snake_key": None})


def core_sync(api):
    created = api.add_history(CREATE)
    assert created.id == "core"
    api.update_history(UPDATE)
    assert api.add_event(AddEventRequest(history_id=created.id, event=EVENT)).event_name == "core:event"
    api.update_event(CHANGE)
    api.update_event(UpdateEventRequest(id="untouched"))


async def core_async(api):
    created = await api.add_history_async(CREATE)
    await api.update_history_async(UPDATE)
    await api.add_event_async(AddEventRequest(history_id=created.id, event=EVENT))
    await api.update_event_async(CHANGE)


async def main(url):
    async with VoltAgentSDK(
        base_url=url, auto_flush=True, flush_interval=5, timeout=30, max_retries=3, retry_delay=1.0,
        headers={"x-team": "parity"}, **KEYS,
    ) as sdk:  # fmt: skip
        await in_a_block(sdk)
        await by_hand(sdk)
        await failing(sdk)
        await sdk.flush()
        assert sdk.config.base_url == url
        core_sync(sdk.client)
        sdk.client.close()
    async with VoltAgentCoreAPI({"base_url": url + "/", **KEYS}) as api:
        await core_async(api)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
