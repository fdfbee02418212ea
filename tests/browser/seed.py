"""A store as a day's work fills it: recorded by the real SDK, the same every time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.browser.play import MS, Step, hand_clock, play
from voltagent import VoltAgentSDK
from voltagent.core import clock

__all__ = ["fill"]

_QUESTIONS = [
    ("Where is my parcel A-1001?", "It left the depot in Cologne this morning and arrives tomorrow before noon."),
    (
        "Can I send the desk chair back?",
        "It was delivered more than 30 days ago, so it cannot be sent back. I can offer a repair.",
    ),
    (
        "The reading lamp flickers. What now?",
        "Please send it back with the label that I just mailed to you. Postage is on us.",
    ),
    ("Do you ship to Iceland?", "Yes, within eight days. Customs may add a fee of about 12 euros."),
    ("My invoice shows the wrong address.", "I corrected it. The new invoice is in your mailbox."),
]
_TASK = "Answer in two sentences. Say nothing that the facts do not say."
_USERS = ["ada", "grace", "linus", "margaret", "edsger"]
_TOPICS = ["heat pumps in old buildings", "SQLite write-ahead logs", "supply chains of lithium", "typography of tables"]


_FAILED = {
    "message": "carrier did not answer within 2.0 s",
    "type": "CarrierTimeoutError",
    "code": "CARRIER_TIMEOUT",
    "stack": """Traceback (most recent call last):
  File "/home/ada/desk/carrier.py", line 41, in status
    answer = session.get(url, timeout=2.0)
  File "/home/ada/desk/http.py", line 87, in get
    raise ConnectionResetError(104, "Connection reset by peer")
ConnectionResetError: [Errno 104] Connection reset by peer

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/home/ada/desk/gather.py", line 19, in carrier_status
    raise CarrierTimeoutError(seconds=2.0) from reset
CarrierTimeoutError: carrier did not answer within 2.0 s
""",
    "cause": {"message": "[Errno 104] Connection reset by peer", "type": "ConnectionResetError"},
}


def _usage(chance: random.Random, prompt: int, completion: int) -> dict[str, float]:
    read, written = int(prompt * chance.uniform(0.7, 1.4)), int(completion * chance.uniform(0.6, 1.5))
    cached = read // 3 if read > 1000 else 0
    cost = round(read * 0.4e-6 - cached * 0.3e-6 + written * 1.6e-6, 8)
    counts = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written, "cost": cost}
    return {**counts, "cached_tokens": cached} if cached else counts


def _model(name: str, temperature: float = 0.2) -> dict[str, Any]:
    return {"model_parameters": {"model": name, "temperature": temperature, "max_tokens": 1024}}


def _call(
    name: str, model: str, took: float, system: str, question: str, answer: str, usage: dict[str, float], at: float = 12
) -> Step:
    """A call of a model with a system prompt and a question."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    options = {"model": model, "model_parameters": {"temperature": 0.2, "max_tokens": 1024}}
    return Step(
        "llm", name, at, took, {"messages": messages}, {"role": "assistant", "content": answer}, None, usage, options
    )


def support(chance: random.Random, question: str, answer: str, *, broken: bool) -> tuple[float, list[Step]]:
    """A question to the support desk: (milliseconds, operations)."""
    slow = chance.uniform(0.7, 1.6)
    carrier = 2000.0 if broken else 320 * slow
    documents = [
        {
            "id": "kb-17",
            "title": "Returns",
            "content": "An item can be sent back within 30 days of its delivery.",
            "score": 0.91,
        },
        {
            "id": "kb-04",
            "title": "Delivery",
            "content": "Parcels leave the house on the day of the order.",
            "score": 0.84,
        },
        {"id": "kb-31", "title": "Postage", "content": "A broken item costs no postage.", "score": 0.71},
    ]
    lookups = [
        Step(
            "tool",
            "look_up_order",
            20,
            140 * slow,
            {"order": "A-1001"},
            {"item": "reading lamp", "price": 49.0, "delivered": "2026-02-20"},
        ),
        Step(
            "tool",
            "carrier_status",
            25,
            carrier,
            {"parcel": "JD0146000312", "carrier": "dhl"},
            None if broken else {"where": "Cologne", "eta": "tomorrow 12:00"},
            _FAILED if broken else None,
        ),
        Step(
            "retriever",
            "help_articles",
            22,
            210 * slow,
            {"query": question, "k": 3},
            {"result": documents},
            options={"metadata": {"ranking": "BM25", "index": "help-2026-11"}},
        ),
    ]
    gathered = 30 + max(step.at + (step.took or 0) for step in lookups)
    writing = 900 * slow
    checked = Step(
        "agent",
        "tone-checker",
        60,
        380 * slow,
        {"draft": answer},
        {"verdict": "friendly", "score": 0.93},
        usage=_usage(chance, 240, 12),
        options=_model("gpt-4.1-nano", 0.0),
    )
    plan = "1. **Look up** the order\n2. Ask the carrier with `carrier_status`\n3. Search the help"
    planning = _call(
        "plan", "gpt-4.1-mini", 400 * slow, "List the steps, one a line.", question, plan, _usage(chance, 620, 80)
    )
    written = _call("answer", "gpt-4.1-mini", 820 * slow, _TASK, question, answer, _usage(chance, 1900, 160))
    agents = [
        Step(
            "memory",
            "profile",
            5,
            8,
            {"user": "ada"},
            {"language": "en", "tier": "gold"},
            options={"operation": "read"},
        ),
        Step(
            "agent",
            "planner",
            18,
            430 * slow,
            {"question": question},
            {"steps": ["look up the order", "ask the carrier", "search the help"]},
            steps=[planning],
        ),
        Step("agent", "gatherer", 30 + 430 * slow, gathered, {"plan": 3}, {"facts": 4}, steps=lookups),
        Step(
            "agent",
            "writer",
            50 + 430 * slow + gathered,
            writing,
            {"question": question, "facts": documents},
            answer,
            options={"instructions": _TASK},
            steps=[written, checked],
        ),
    ]
    end = 60 + 430 * slow + gathered + writing
    agents.append(Step("memory", "conversation", end, 14, {"key": "last_answer", "value": answer}, {"ok": True}))
    whole = Step(
        "agent",
        "support-agent",
        4,
        end + 24,
        {"question": question},
        {"answer": answer},
        options=_model("gpt-4.1-mini"),
        steps=agents,
    )
    return end + 34, [whole]


def research(chance: random.Random, topic: str) -> tuple[float, list[Step]]:
    """A team that reads in parallel and writes a report."""
    readers = []
    for number in range(chance.randint(3, 5)):
        took = chance.uniform(1800, 5200)
        steps = [
            Step(
                "retriever",
                "web_search",
                30,
                600,
                {"query": f"{topic} #{number}"},
                {"result": [f"https://example.org/{number}/{hit}" for hit in range(4)]},
            ),
            *(
                Step(
                    "tool",
                    "read_page",
                    660 + 180 * hit,
                    160,
                    {"url": f"https://example.org/{number}/{hit}"},
                    {"characters": 14_210 + hit},
                )
                for hit in range(4)
            ),
            Step("memory", "notes", took - 40, 6, {"topic": topic, "note": number}, {"ok": True}),
        ]
        readers.append(
            Step(
                "agent",
                f"reader-{number + 1}",
                700 + 15 * number,
                took,
                {"topic": topic},
                {"notes": 7},
                usage=_usage(chance, 5200, 640),
                options=_model("claude-sonnet-4"),
                steps=steps,
            )
        )
    done = max(step.at + (step.took or 0) for step in readers)
    steps = [
        Step(
            "agent",
            "planner",
            10,
            640,
            {"topic": topic},
            {"questions": len(readers)},
            usage=_usage(chance, 900, 210),
            options=_model("claude-sonnet-4"),
        ),
        *readers,
        Step("custom", "notes:merged", done + 12, None, {"notes": 7 * len(readers)}),
        Step(
            "agent",
            "editor",
            done + 30,
            3400,
            {"notes": 7 * len(readers)},
            "A report of about 900 words.",
            usage=_usage(chance, 9800, 1300),
            options=_model("claude-opus-4"),
        ),
    ]
    return done + 3460, steps


def invoice(chance: random.Random, number: str, *, broken: bool) -> tuple[float, list[Step]]:
    """A scanned invoice is read and booked."""
    mismatch = {"message": "the sums do not add up: 1184.50 is not 995.38 + 189.13", "code": "SUM_MISMATCH"}
    failure = mismatch if broken else None
    read = {"number": number, "total": 1184.5, "currency": "EUR"}
    model = _model("gemini-2.5-flash")
    used = _usage(chance, 2100, 180)
    book = Step("tool", "book", 20, 60, read, {"booked": True}, failure)
    keeper = Step("agent", "bookkeeper", 1120, 90, read, {"booked": True}, failure, None, model, [book])
    steps = [
        Step("tool", "ocr", 4, 380, {"file": f"{number}.pdf", "pages": 2}, {"characters": 3120}),
        Step("agent", "extractor", 390, 720, {"text": "Invoice …"}, read, None, used, model),
        keeper,
    ]
    return 1220, steps


def fill(path: Path, *, days: float = 1.0, runs: int = 160, seed: int = 7, now_ns: int | None = None) -> None:
    """Record about ``runs`` traces, spread over the last days before ``now_ns``."""
    chance = random.Random(seed)
    now = clock.nanoseconds() if now_ns is None else now_ns
    begins = sorted(now - int(chance.betavariate(1.2, 2.6) * days * 86_400e9) - 20_000 * MS for _ in range(runs))
    with hand_clock() as hands, VoltAgentSDK(local_path=str(path), public_key=None) as sdk:
        for place, begin in enumerate(begins):
            _one(sdk, hands, begin, chance, place)


def _one(sdk: VoltAgentSDK, hands: list[int], begin: int, chance: random.Random, place: int) -> None:
    sort = chance.choices(["support-desk", "research-team", "invoice-reader"], [6, 2, 3])[0]
    user = chance.choice(_USERS)
    if sort == "support-desk":
        question, answer = chance.choice(_QUESTIONS)
        took, steps = support(chance, question, answer, broken=chance.random() < 0.12)
        play(
            sdk,
            hands,
            begin,
            took,
            steps,
            agent_id=sort,
            input={"question": question},
            user_id=user,
            output=answer,
            conversation_id=f"conv-{user}-{place // 24}",
            tags=["support", "chat"],
            metadata={"channel": "web", "environment": "dev"},
        )
    elif sort == "research-team":
        topic = chance.choice(_TOPICS)
        took, steps = research(chance, topic)
        play(
            sdk,
            hands,
            begin,
            took,
            steps,
            agent_id=sort,
            input={"topic": topic},
            user_id=user,
            tags=["report"],
            output={"report": "A report of about 900 words."},
        )
    else:
        number = f"R-{chance.randint(1000, 9999)}"
        broken = chance.random() < 0.15
        took, steps = invoice(chance, number, broken=broken)
        ending = {"status": "error"} if broken else {"output": {"booked": True}}
        given = {"file": f"{number}.pdf"}
        play(sdk, hands, begin, took, steps, agent_id=sort, input=given, tags=["nightly", "batch"], **ending)
