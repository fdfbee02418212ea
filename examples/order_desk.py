"""A small support desk for orders: the program that several examples record. Nothing is recorded in this file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

TODAY = date(2026, 3, 2)  # fixed, so that every run decides the same


class OrderNotFoundError(LookupError):
    """There is no order with this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"no order has the number {number}")
        self.code = "ORDER_NOT_FOUND"


@dataclass
class Order:
    """One order of a customer."""

    number: str
    customer: str
    item: str
    price: float
    delivered: date


ORDERS = {
    order.number: order
    for order in (
        Order("A-1001", "ada", "reading lamp", 49.0, date(2026, 2, 20)),
        Order("A-1002", "grace", "desk chair", 189.0, date(2025, 11, 3)),
    )
}
ARTICLES = {
    "Returns": "An item can be sent back within 30 days of its delivery. A broken item costs you no postage.",
    "Refunds": "The money goes back the way it came, within five days after the item arrived here.",
    "Delivery": "Parcels leave the warehouse on the day of the order and arrive within three days.",
    "Invoices": "The invoice is in the parcel, and on your page under the number of the order.",
}
POSTAGE = {"letter": 0.0, "parcel": 5.9}
history: dict[str, list[str]] = {"ada": ["wrote about delivery on 2026-02-18"], "grace": []}


def find_articles(question: str, limit: int = 2) -> list[str]:
    """The titles of the help articles that share most words with the question."""
    words = set(re.findall(r"[a-z]+", question.lower()))
    shared = {title: len(words & set(re.findall(r"[a-z]+", text.lower()))) for title, text in ARTICLES.items()}
    best = sorted(shared, key=lambda title: (-shared[title], title))
    return [title for title in best if shared[title]][:limit]


def look_up(number: str) -> Order:
    """The order with this number."""
    try:
        return ORDERS[number]
    except KeyError as missing:
        raise OrderNotFoundError(number) from missing


def postage(kind: str) -> float:
    """What sending back costs. Raises `KeyError` for a kind that has no price."""
    return POSTAGE[kind]


def may_be_returned(order: Order) -> bool:
    """Whether the 30 days of the article "Returns" are not over yet."""
    return TODAY - order.delivered <= timedelta(days=30)


def reply(order: Order, accepted: bool, postage_paid: float) -> str:
    """The answer to the customer."""
    if not accepted:
        return f"The {order.item} was delivered on {order.delivered}: the 30 days for sending it back are over."
    return f"Please send the {order.item} back. You get {order.price - postage_paid:.2f} back."


def order_number(question: str) -> str:
    """The number of the order that a question is about; an empty text where it names none."""
    match = re.search(r"\b[A-Z]-\d+\b", question)
    return match[0] if match else ""
