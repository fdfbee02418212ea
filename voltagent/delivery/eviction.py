"""Make space in a buffer, or empty it: what is dropped without having been sent."""

from __future__ import annotations

from voltagent.core.span import Span
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.waiting_trace import REMEMBERED


def evict(buffer: Buffer, spared: Span) -> bool:
    """Drop the oldest unsent trace except that of ``spared``; return whether there was one."""
    identifier = next((one for one in buffer.unsent if one != spared.trace.id), None)
    return identifier is not None and drop_unsent(buffer, identifier, "queue_full")


def drop_unsent(buffer: Buffer, identifier: int | str, reason: str) -> bool:
    """Drop all events of a trace, those still to come as well, unless one may have been sent; whether they were."""
    trace = buffer.traces.get(identifier)
    if trace is None:
        buffer.losses.remember(identifier, reason)
        return True
    if identifier not in buffer.unsent:
        return False
    number = len(trace.events)
    # no call from here on, so that it is dropped and counted, or neither
    account, events = trace.account, trace.events
    trace.events = []
    buffer.count -= number
    buffer.size -= trace.size
    account.outcomes[reason] += number
    buffer.losses.reasons[identifier] = reason
    buffer.evicted += events
    buffer.done += events
    buffer.over += (identifier,)
    del buffer.unsent[identifier], buffer.traces[identifier]
    if identifier in buffer.ready:
        del buffer.ready[identifier]
    if len(buffer.losses.reasons) > REMEMBERED:
        buffer.losses.reasons.popitem(last=False)
    return True


def drop_waiting(buffer: Buffer, reason: str, account: Account | None = None) -> int:
    """Drop all waiting events (of one account); return their number."""
    number = 0
    for trace in list(buffer.traces.values()):
        if account is None or trace.is_of(account):
            number += buffer.drop_events(trace, reason, account)
            trace.tries = None
            buffer.close_if_over(trace)
    return number
