"""Make space in a buffer, or empty it: what is dropped or handed over without having been sent."""

from __future__ import annotations

from voltagent.core.span import Span, SpanEvent
from voltagent.delivery.account import Account
from voltagent.delivery.buffer import Buffer
from voltagent.delivery.waiting_trace import REMEMBERED


def give_up(buffer: Buffer) -> list[tuple[SpanEvent, Account]]:
    """Return all waiting events, no longer counted here."""
    found: list[tuple[SpanEvent, Account]] = []
    for trace in list(buffer.traces.values()):
        parked = [event for events in (trace.parked or {}).values() for event in events]
        found += [(event, trace.account_of(event[1])) for event in (*parked, *trace.events)]
        for _, span, _ in parked:
            trace.account_of(span).parked -= 1
        trace.events, trace.parked = [], None
        buffer.remove(trace)
    buffer.ready.clear()
    buffer.unsent.clear()
    for _, account in found:
        account.recorded -= 1
        account.pending -= 1
    buffer.count = buffer.size = 0
    buffer.held = []
    return found


def evict(buffer: Buffer, spared: Span) -> bool:
    """Drop the oldest unsent trace except that of ``spared``; return whether there was one."""
    identifier = next((one for one in buffer.unsent if one != spared.trace.id), None)
    if identifier is None:
        return False
    trace = buffer.unsent[identifier]
    number = len(trace.events)
    # no call from here on, so that it is dropped and counted, or neither
    account, events = trace.account, trace.events
    trace.events = []
    buffer.count -= number
    buffer.size -= trace.size
    buffer.dropped += number
    account.pending -= number
    account.dropped["queue_full"] += number
    buffer.losses.reasons[identifier] = "queue_full"
    buffer.evicted += events
    buffer.over += (identifier,)
    del buffer.unsent[identifier], buffer.traces[identifier]
    if identifier in buffer.ready:
        del buffer.ready[identifier]
    if len(buffer.losses.reasons) > REMEMBERED:
        buffer.losses.reasons.popitem(last=False)
    return True


def drop_unsent(buffer: Buffer, trace_id: int | str, reason: str) -> bool:
    """Drop all events of the trace, those still to come as well, unless one may have been sent; whether they were."""
    trace = buffer.traces.get(trace_id)
    if trace is not None and trace_id not in buffer.unsent:
        return False
    buffer.losses.remember(trace_id, reason)
    if trace is not None:
        buffer.drop_events(trace, reason)
        buffer.remove(trace)
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
