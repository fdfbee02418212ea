"""The support desk recorded by explicit handles, in a program without an event loop.

    python examples/manual_usage_sync.py

Every call returns at once; a thread of the SDK sends. Use handles like this where a step has no function of its own
or begins and ends in different places. Where it has one, `with` (see `comprehensive_trace_example.py`) or a decorator
(see `stdlib_agent.py`) is shorter, and ends what you would forget to end.
"""

from __future__ import annotations

import order_desk as desk

from voltagent import VoltAgentSDK
from voltagent.handles import Agent


def answer(sdk: VoltAgentSDK, customer: str, question: str) -> str:
    """One conversation turn, every step started and ended by hand."""
    run = sdk.trace(agent_id="order-desk", user_id=customer, input={"question": question}, tags=["by-hand"])
    support = run.add_agent(name="Support", input={"question": question}, model_parameters={"model": "none"})

    read = support.add_memory(name="history", operation="read", input={"user": customer})
    read.success(output=desk.history[customer])

    search = support.add_retriever(name="articles", input={"query": question})
    search.success(output=desk.find_articles(question), metadata={"ranking": "shared words"})

    call = support.add_tool(name="look-up", input={"number": desk.order_number(question)})
    try:
        order = desk.look_up(desk.order_number(question))
    except desk.OrderNotFoundError as exc:
        call.error(exc)
        support.error({"message": "no such order", "code": exc.code}, stage="look-up")
        run.end(status="error", output={"reply": str(exc)})
        return f"Sorry, {exc}."
    call.success(output=order)

    accepted = decide(support, order)
    text = desk.reply(order, accepted, desk.postage("parcel"))

    write = support.add_memory(name="history", input={"user": customer, "text": text})
    desk.history[customer].append(text)
    write.success()

    support.success(output={"reply": text}, usage={"prompt_tokens": len(question.split()), "total_tokens": 40})
    run.end(output={"reply": text})
    return text


def decide(support: Agent, order: desk.Order) -> bool:
    """A sub-agent."""
    returns = support.add_agent(name="Returns", input={"order": order.number})
    accepted = desk.may_be_returned(order)
    returns.success(output={"accepted": accepted})
    return accepted


def main() -> None:
    """Two customers, one of whom has the number wrong."""
    sdk = VoltAgentSDK()
    print(answer(sdk, "ada", "The lamp of order A-1001 came broken. Can it be sent back?"))
    print(answer(sdk, "grace", "Where is order B-1?"))
    report = sdk.shutdown()  # sends what is left, and waits for it
    print(f"\n{report.accepted} events recorded. See them: voltagent traces, then voltagent show -v")


if __name__ == "__main__":
    main()
