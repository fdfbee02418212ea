"""SDKs that the program did not construct: from the environment, or for work that another process handed over."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent import settings
from voltagent.core import context
from voltagent.core.guard import guard, is_ours, log_once
from voltagent.core.hints import code_place, give_hint
from voltagent.core.open_operations import MAIN
from voltagent.core.process import one_time_work, stderr
from voltagent.sdk import debug_log
from voltagent.sdk.checks import warn_about_setting
from voltagent.sdk.voltagent_sdk import VoltAgentSDK
from voltagent.settings.portable import usable
from voltagent.storage.hints import save_hints, save_hints_beside, was_given
from voltagent.storage.traces.liveness import is_recording
from voltagent.tracing.recorder import NOTHING, Recorder
from voltagent.tracing.waiting import place_of_orphan

# The thread that makes the SDK. Not a lock, which an interrupt between `acquire` and `try` would leave held.
_maker: Final[dict[str, object]] = {}
if hasattr(os, "register_at_fork"):  # in a child, the thread that makes it is in the parent
    os.register_at_fork(after_in_child=_maker.clear)
_UNRECORDED: Final = "unrecorded-process"  # the name of the hint
_kept: Final[list[VoltAgentSDK]] = []  # keeps the SDK of the environment alive


def from_environment(*, always: bool = False) -> VoltAgentSDK | None:
    """Make the SDK for which the environment asks, at the first decorated call; return ``None`` if it asks for none.

    With ``always``, make a default one then. Invalid settings are logged once and nothing is recorded, because the
    caller has made no mistake.
    """

    def make() -> VoltAgentSDK | None:
        """Make the SDK, or report why the environment gives none; on the thread for one-time work."""
        stderr.set_quiet(settings.quiet_is_wanted())
        destination = context.handed_over_destination()
        if destination is not None:
            return _make_for(destination)
        if not (always or settings.names_destination()):
            for warning in settings.misspelt_variables():
                warn_about_setting(warning)
            debug_log.log_that_nothing_is_recorded()
            with guard:
                _report_unrecorded_process()
            return None
        return _make_from("nothing is recorded, because of the environment: %s", {})

    return make_once(make)


def _report_unrecorded_process() -> None:
    """Report that this process records nothing, if the one that started it records into the usual local store."""
    parent = MAIN.find_parent()
    store = settings.local_path()
    if not parent or not is_recording(store, parent):
        return
    caller = place_of_orphan(one_time_work.caller())
    if caller is None:
        return  # a server, or work that was handed over
    code, line = caller
    program = str(getattr(sys.modules.get("__main__"), "__file__", "?"))
    place = program if code is None else code_place(code, line)
    if was_given(store, _UNRECORDED, place):
        return  # by another worker of the same pool
    save_hints_beside(store, make=False)
    give_hint(
        _UNRECORDED,
        place,
        "a process that has no SDK calls decorated functions, and records nothing, though its parent process records",
        'pass work to it with voltagent.bind(...) or voltagent.instrument("multiprocessing"), or create the SDK early',
    )
    save_hints()


def recorder_for(destination: Mapping[str, Any] | None) -> Recorder:
    """Return the recorder for work that another process handed over.

    That is the live recorder of this process, else one with the settings of the other process, else one from the
    environment, else one that records nothing.
    """
    live: Recorder | None = context.recorder_here()
    if live is None and destination is not None:
        make_once(lambda: _make_for(destination))
        live = context.recorder_here()
    return live or context.default_recorder() or NOTHING


def _make_for(destination: Mapping[str, Any]) -> VoltAgentSDK | None:
    """Make an SDK with the settings of another process; recording is off if they are invalid here."""
    arguments, reports = usable(dict(destination))
    for report in reports:
        log_once(f"handover:{report}", logging.WARNING, "%s", report, aloud=True)
    made = _make_from("nothing is recorded in this process, with the settings of its parent: %s", arguments)
    if made is None:
        context.switch_off()
    return made


def make_once(make: Callable[[], VoltAgentSDK | None]) -> VoltAgentSDK | None:
    """Make an SDK, unless the program has one or another thread is making it."""
    me = object()
    try:
        if _maker.setdefault("maker", me) is not me:
            return None  # being made by another thread, or re-entrantly by this one: this call is not recorded
        if context.ENVIRONMENT not in context.ACTIVE:
            return None
        try:
            sdk = make()
        except BaseException as exc:
            if is_ours(exc):  # else it is an interrupt: the next call tries again
                context.environment_was_read()
            raise
        context.environment_was_read()
        if sdk is not None:
            _kept.append(sdk)
        return sdk
    finally:
        if _maker.get("maker") is me:
            _maker.clear()


def _make_from(wrong: str, arguments: Mapping[str, Any]) -> VoltAgentSDK | None:
    """Make an SDK; if its settings are invalid, log ``wrong`` with the reason and return ``None``."""
    try:
        return VoltAgentSDK(**arguments)
    except BaseException as exc:  # the settings are wrong, not the program: log it and stay off
        if not is_ours(exc):
            raise
        log_once(f"environment:{exc}", logging.WARNING, wrong, exc, aloud=True)
        return None
