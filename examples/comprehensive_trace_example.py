"""Everything a trace can hold, by handles as context managers: nested agents, tools, memory, retriever, errors.

    python examples/comprehensive_trace_example.py

A handle succeeds at the end of its block, and fails with an exception that leaves it. Without `success(...)` there is
nothing to write at the end. The program that is recorded is `order_desk.py`.
"""

from __future__ import annotations

import asyncio

import order_desk as desk

from voltagent import TokenUsage, VoltAgentSDK
from voltagent.handles import Handle


async def basic(sdk: VoltAgentSDK) -> None:
    """One trace, one agent, one tool."""
    async with sdk.trace(agent_id="order-lookup", input={"order": "A-1001"}, tags=["basic"]) as run:
        async with run.add_agent({"name": "Clerk", "input": {"order": "A-1001"}}) as clerk:
            async with clerk.add_tool({"name": "look-up", "input": {"number": "A-1001"}}) as call:
                order = desk.look_up("A-1001")
                await call.success(output=order)
            await clerk.success(output={"item": order.item})
        await run.end(output={"item": order.item})
    print(f"A-1001 is a {order.item}.")


async def conversation(sdk: VoltAgentSDK, customer: str, question: str) -> None:
    """A conversation turn: an agent with memory, retriever and tools, and a sub-agent with a tool of its own."""
    async with sdk.trace(
        agentId="order-desk",  # camelCase or snake_case, as you like
        input={"question": question},
        userId=customer,
        conversationId=f"{customer}-7",
        tags=["returns"],
        metadata={"channel": "mail"},
    ) as run:
        async with run.add_agent(
            name="Support", input={"question": question}, instructions="Be short. Decide nothing: ask Returns."
        ) as support:
            async with support.add_memory(
                {"name": "history", "operation": "read", "input": {"user": customer}}
            ) as read:
                await read.success(output=desk.history[customer])
            async with support.add_retriever({"name": "articles", "input": {"query": question}}) as search:
                articles = desk.find_articles(question)
                await search.success(output=articles, metadata={"found": len(articles)})
            async with support.add_tool({"name": "look-up", "input": {"question": question}}) as call:
                order = desk.look_up(desk.order_number(question))
                await call.success(output=order)

            accepted = await returns(support, order)
            cost = await postage(support)

            text = desk.reply(order, accepted, cost)
            async with support.add_memory({"name": "history", "input": {"user": customer, "text": text}}):
                desk.history[customer].append(text)
            # No model is called here, so words are counted; a model's own counts go in the same place.
            usage = TokenUsage(
                prompt_tokens=len(question.split()),
                completion_tokens=len(text.split()),
                total_tokens=len(question.split()) + len(text.split()),
            )
            await support.success(output={"reply": text}, usage=usage)
        await run.end(status="completed", output={"reply": text})
    print(text)


async def returns(support: Handle, order: desk.Order) -> bool:
    """The sub-agent: an agent under an agent, to any depth."""
    async with support.add_agent({"name": "Returns", "input": {"order": order.number}}) as helper:
        async with helper.add_tool({"name": "days-since-delivery"}) as call:
            await call.success(output={"days": (desk.TODAY - order.delivered).days})
        accepted = desk.may_be_returned(order)
        await helper.success(output={"accepted": accepted}, metadata={"rule": "30 days"})
    return accepted


async def postage(support: Handle) -> float:
    """A tool that fails, an event that says so, and another way."""
    kind = "express"
    try:
        async with support.add_tool({"name": "postage", "input": {"kind": kind}}):
            return desk.postage(kind)
    except KeyError:  # the tool is recorded as failed, with this exception
        await support.add_event({"name": "postage:fallback", "type": "custom", "metadata": {"instead_of": kind}})
    async with support.add_tool({"name": "postage", "input": {"kind": "parcel"}}) as call:
        cost = desk.postage("parcel")
        await call.success(output={"cost": cost})
    return cost


async def failure(sdk: VoltAgentSDK) -> None:
    """An exception fails everything it leaves, and goes on to the caller."""
    try:
        async with sdk.trace(agent_id="order-desk", user_id="grace", tags=["returns"]) as run:
            await run.update(metadata={"attempt": 2})  # what becomes known while the trace is open
            async with run.add_agent({"name": "Support"}) as support, support.add_tool({"name": "look-up"}):
                desk.look_up("A-9999")
    except desk.OrderNotFoundError as exc:
        print(f"As expected: {exc}.")


async def main() -> None:
    """All of it, one after the other."""
    async with VoltAgentSDK() as sdk:
        await basic(sdk)
        await failure(sdk)
        await conversation(sdk, "ada", "The lamp of order A-1001 came broken. Can it be sent back?")
        await conversation(sdk, "grace", "I want the money back for order A-1002.")
    print("\nSee what was recorded: voltagent traces, then voltagent show -v")


if __name__ == "__main__":
    asyncio.run(main())
