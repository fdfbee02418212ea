"""What is recorded about a trace that has lost its parent: the same words for threads, callbacks and processes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from voltagent.core.hints import give_hint

# cause -> how it is called, the fix with {} for the name of the function, and what `instrument` takes for it
CAUSES: Final = {
    "thread": ("a thread", "Thread(target=voltagent.bind({}))", "threading"),
    "timer": ("a timer", "Timer(seconds, voltagent.bind({}))", "threading"),
    "executor": ("a thread pool", "pool.submit(voltagent.bind({}), ...)", "concurrent.futures"),
    "loop": ("an executor of the event loop", "loop.run_in_executor(None, voltagent.bind({}))", "concurrent.futures"),
    "pool": ("a thread pool", "pool.map(voltagent.bind({}), ...)", "multiprocessing"),
    "callback": ("a callback", "future.add_done_callback(voltagent.bind({}))", ""),
    "process": ("a process", "Process(target=voltagent.bind({}))", "multiprocessing"),
    "process pool": ("a process pool", "pool.submit(voltagent.bind({}), ...)", "concurrent.futures"),
    "processes": ("a process pool", "pool.map(voltagent.bind({}), ...)", "multiprocessing"),
    "joblib": ("a process of joblib", "joblib.delayed(voltagent.bind({}))(...)", "concurrent.futures"),
}

SUBMITTED: Final = "handed over at"
WAITS: Final = "the parent waits at"
STANDS: Final = "the parent stands at"
CALLED: Final = "the call is made at"


class ProbableParent(NamedTuple):
    """The operation that a call probably belongs to."""

    name: str
    kind: str
    id: str
    trace_id: str


def mark(parent: ProbableParent, cause: str, function: str, place: str, place_is: str) -> dict[str, Any]:
    """Return the ``lost_parent`` of the metadata of a trace.

    Args:
        parent: the probable parent.
        cause: a key of :data:`CAUSES`.
        function: the name of the operation that was called.
        place: a line of the program.
        place_is: what happens there, one of the constants of this module.
    """
    where, call, name = CAUSES[cause]
    return {
        "probable_parent": parent._asdict(),
        "cause": f"called in {where} without the operation that was current",
        "function": function,
        "place": place,
        "place_is": place_is,
        "fix": f"use {call.format(function)}" + (f' or voltagent.instrument("{name}")' if name else ""),
    }


def report(found: dict[str, Any], cause: str) -> None:
    """Report a mark, once for each place."""
    parent = found["probable_parent"]
    text = (
        f"{found['function']!r} was called in {CAUSES[cause][0]} and started a trace of its own; its parent is "
        f"probably the {parent['kind']} {parent['name']!r} ({found['place_is']} this line)"
    )
    give_hint("lost-parent", found["place"], text, found["fix"])
