"""A FastAPI app with a streamed answer. Needs `pip install fastapi uvicorn`.

    python examples/fastapi_app.py             # serves on http://127.0.0.1:8000
    curl http://127.0.0.1:8000/orders/A-1001
    curl -N "http://127.0.0.1:8000/ask?question=Can+a+broken+item+be+sent+back"

Decorators leave signatures and type hints alone, so FastAPI reads parameters and models as before. Put `@trace` under
`@app.get`, and on the generator where the answer is streamed: the trace then lasts until the last piece was sent.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import order_desk as desk
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from voltagent import VoltAgentSDK, agent, current_trace, retriever, tool, trace


class Status(BaseModel):
    """What a customer sees of an order."""

    number: str
    item: str
    returnable: bool


@tool(name="look-up")
def look_up(number: str) -> desk.Order:
    """The order with this number."""
    return desk.look_up(number)


@retriever(name="articles")
async def find_articles(question: str) -> list[str]:
    """The titles of the articles that fit."""
    return await asyncio.to_thread(desk.find_articles, question)


@agent(name="Librarian")
async def read_aloud(question: str) -> AsyncIterator[str]:
    """The articles that fit, sentence by sentence."""
    for title in await find_articles(question):
        yield f"{title}.\n"
        for sentence in desk.ARTICLES[title].split(". "):
            yield f"  {sentence.rstrip('.')}.\n"
            await asyncio.sleep(0)


@trace(agent_id="help-page", tags=["http", "stream"])
async def answer(question: str) -> AsyncIterator[str]:
    """The streamed answer: one trace from the first piece to the last."""
    async for piece in read_aloud(question):
        yield piece


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Record while the app runs, and send what is left when it stops."""
    async with VoltAgentSDK():
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/orders/{number}")
@trace(agent_id="order-page", tags=["http"])
def order(number: str) -> Status:
    """The status of one order; 404 where there is none, and then the trace has an error."""
    try:
        found = look_up(number)
    except desk.OrderNotFoundError as exc:
        raise HTTPException(404, str(exc)) from exc
    current_trace().record(user_id=found.customer)
    return Status(number=found.number, item=found.item, returnable=desk.may_be_returned(found))


@app.get("/ask")
async def ask(question: str) -> StreamingResponse:
    """The answer to a question, while it is being found."""
    return StreamingResponse(answer(question), media_type="text/plain")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    print("Ask it something (see the top of this file), then: voltagent traces --tag http", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port)
