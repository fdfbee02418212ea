"""The support desk recorded by explicit handles, in async code: two customers at once.

    python examples/manual_usage_async.py

The calls are those of `manual_usage_sync.py`, with `await` before them. The `await` never waits for the network; it may
be left out everywhere but before `sdk.flush()` and `sdk.shutdown()`.
"""

from __future__ import annotations

import asyncio

import order_desk as desk

from voltagent import VoltAgentSDK
from voltagent.handles import Agent


async def answer(sdk: VoltAgentSDK, customer: str, question: str) -> str:
    """One conversation turn, every step started and ended by hand."""
    run = await sdk.create_trace(agentId="order-desk", userId=customer, input={"question": question})
    support = await run.add_agent({"name": "Support", "input": {"question": question}})

    read = await support.add_memory({"name": "history", "operation": "read", "input": {"user": customer}})
    await read.success(output=desk.history[customer])

    # Handles carry their parent with them: what runs at the same time cannot get mixed up.
    articles, order = await asyncio.gather(search(support, question), look_up(support, question))

    accepted = await decide(support, order)
    text = desk.reply(order, accepted, desk.postage("parcel"))

    write = await support.add_memory({"name": "history", "input": {"user": customer, "text": text}})
    desk.history[customer].append(text)
    await write.success()

    await support.success(output={"reply": text, "articles": articles}, metadata={"rule": "30 days"})
    await run.end(status="completed", output={"reply": text})
    return text


async def search(support: Agent, question: str) -> list[str]:
    """A retriever."""
    search = await support.add_retriever({"name": "articles", "input": {"query": question}})
    articles = await asyncio.to_thread(desk.find_articles, question)
    await search.success(output=articles)
    return articles


async def look_up(support: Agent, question: str) -> desk.Order:
    """A tool."""
    call = await support.add_tool({"name": "look-up", "input": {"number": desk.order_number(question)}})
    order = await asyncio.to_thread(desk.look_up, desk.order_number(question))
    await call.success(output=order)
    return order


async def decide(support: Agent, order: desk.Order) -> bool:
    """A sub-agent."""
    returns = await support.add_agent({"name": "Returns", "input": {"order": order.number}})
    accepted = desk.may_be_returned(order)
    if accepted:
        await returns.success(output={"accepted": True})
    else:
        await returns.error(status_message="the 30 days are over", stage="policy_check")
    return accepted


async def main() -> None:
    """Both customers at once."""
    sdk = VoltAgentSDK()
    for text in await asyncio.gather(
        answer(sdk, "ada", "The lamp of order A-1001 came broken. Can it be sent back?"),
        answer(sdk, "grace", "I want the money back for order A-1002."),
    ):
        print(text)
    report = await sdk.shutdown()
    print(f"\n{report.accepted} events recorded. See them: voltagent traces, then voltagent show -v")


if __name__ == "__main__":
    asyncio.run(main())
