"""SDKs that the program did not construct: from the environment, or for work that another process handed over."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from voltagent import _debug_log, settings
from voltagent.core import context, stderr
from voltagent.core.guard import is_ours, log_once
from voltagent.sdk.checks import warn_about_setting
from voltagent.sdk.voltagent_sdk import VoltAgentSDK
from voltagent.settings.portable import usable
from voltagent.tracing.recorder import NOTHING, Recorder

# The thread that makes the SDK. Not a lock, which an interrupt between `acquire` and `try` would leave held.
_maker: Final[dict[str, object]] = {}
if hasattr(os, "register_at_fork"):  # in a child, the thread that makes it is in the parent
    os.register_at_fork(after_in_child=_maker.clear)
_kept: Final[list[VoltAgentSDK]] = []  # keeps the SDK of the environment alive


def from_environment(*, always: bool = False) -> VoltAgentSDK | None:
    """Make the SDK for which the environment asks, at the first decorated call; return ``None`` if it asks for none.

    With ``always``, make a default one then. Invalid settings are logged once and nothing is recorded, because the
    caller has made no mistake.
    """

    def make() -> VoltAgentSDK | None:
        stderr.set_quiet(settings.quiet_is_wanted())
        if not (always or settings.names_destination()):
            for warning in settings.misspelt_variables():
                warn_about_setting(warning)
            _debug_log.log_that_nothing_is_recorded()
            return None
        return _make_from("nothing is recorded, because of the environment: %s", {})

    return _make_once(make)


def recorder_for(destination: Mapping[str, Any] | None) -> Recorder:
    """Return the recorder for work that another process handed over.

    That is the live recorder of this process, else one with the settings of the other process, else one from the
    environment, else one that records nothing.
    """
    live: Recorder | None = context.recorder_here()
    if live is None and destination is not None:
        _make_once(lambda: _make_for(destination))
        live = context.recorder_here()
    return live or context.default_recorder() or NOTHING


def _make_for(destination: Mapping[str, Any]) -> VoltAgentSDK | None:
    arguments, reports = usable(dict(destination))
    for report in reports:
        log_once(f"handover:{report}", logging.WARNING, "%s", report, aloud=True)
    made = _make_from("nothing is recorded in this process, with the settings of its parent: %s", arguments)
    if made is None:
        context.switch_off()
    return made


def _make_once(make: Callable[[], VoltAgentSDK | None]) -> VoltAgentSDK | None:
    """Make an SDK, unless the program has one or another thread is making it."""
    me = object()
    try:
        if _maker.setdefault("maker", me) is not me:
            return None  # being made by another thread, or re-entrantly by this one: this call is not recorded
        if context.ENVIRONMENT not in context.ACTIVE:
            return None
        try:
            sdk = make()
        finally:
            context.environment_was_read()
        if sdk is not None:
            _kept.append(sdk)
        return sdk
    finally:
        if _maker.get("maker") is me:
            _maker.clear()


def _make_from(wrong: str, arguments: Mapping[str, Any]) -> VoltAgentSDK | None:
    try:
        return VoltAgentSDK(**arguments)
    except BaseException as exc:  # the settings are wrong, not the program: log it and stay off
        if not is_ours(exc):
            raise
        log_once(f"environment:{exc}", logging.WARNING, wrong, exc, aloud=True)
        return None
