"""What goes wrong is recorded, and changes nothing: the exception you get is the one that was raised.

python examples/error_handling.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import order_desk as desk

from voltagent import ValidationError, VoltAgentSDK, agent, current_agent, tool, trace


@tool(name="look-up")
def look_up(number: str) -> desk.Order:
    """Raises `OrderNotFoundError`, whose cause is a `KeyError`; both are recorded, and its `code` as well."""
    return desk.look_up(number)


@tool(name="postage")
def postage(kind: str) -> float:
    """What sending back costs."""
    return desk.postage(kind)


@agent(name="Clerk")
def unhandled(number: str) -> desk.Order:
    """An uncaught exception fails the tool, the agent and the trace."""
    return look_up(number)


@agent(name="Clerk")
def handled(kind: str) -> float:
    """An exception that is caught fails the tool only: the agent came to a good end."""
    try:
        return postage(kind)
    except KeyError:
        current_agent().record(metadata={"fallback": "parcel"})
        return postage("parcel")


@agent(name="Carrier")
async def slow() -> str:
    """Never answers. What is stopped from outside is recorded as cancelled, not as failed."""
    await asyncio.Event().wait()
    return "never"


@trace(agent_id="timeout")
async def with_timeout() -> str:
    """Ends well, although the agent in it was cancelled."""
    try:
        return await asyncio.wait_for(slow(), timeout=0.05)
    except asyncio.TimeoutError:  # on Python 3.10 this is not the built-in one
        return "The carrier did not answer in time."


@tool(name="numbers")
def numbers() -> Iterator[int]:
    """A stream that is left early is no error: it is recorded with `abandoned` in its metadata."""
    yield from range(1_000_000)


def by_hand(sdk: VoltAgentSDK) -> None:
    """The three things that `error` takes: a text, a mapping and an exception."""
    with sdk.trace(agent_id="by-hand") as run, run.add_agent(name="Auditor") as auditor:
        auditor.add_tool(name="text").error("the paper was out")
        auditor.add_tool(name="mapping").error({"message": "no credit", "code": "CARD_42", "details": {"limit": 100}})
        try:
            desk.look_up("A-9999")
        except desk.OrderNotFoundError as exc:
            auditor.add_tool(name="exception").error(exc, metadata={"number": "A-9999"})
        auditor.error("three of three tools failed", stage="audit")


def wrong_option(sdk: VoltAgentSDK) -> None:
    """A mistake in a call of this library is reported at once, before anything is sent."""
    try:
        sdk.trace(user_id="ada")
    except ValidationError as exc:
        print(f"ValidationError: {exc}")


def main() -> None:
    """One failure after the other, and a program that does not mind."""
    with VoltAgentSDK() as sdk:
        try:
            unhandled("A-9999")
        except desk.OrderNotFoundError as exc:
            print(f"{type(exc).__name__} (code {exc.code}): {exc}; cause: {exc.__cause__!r}")
        print(f"Postage after a fallback: {handled('express')}")
        print(asyncio.run(with_timeout()))
        print(f"The first number of the stream: {next(numbers())}")
        by_hand(sdk)
        wrong_option(sdk)
    print("\nSee what was recorded: voltagent traces --status error, then voltagent show -v")


if __name__ == "__main__":
    main()
