"""Checks of the arguments of an SDK, and warnings about its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from voltagent import settings
from voltagent.core.guard import warn
from voltagent.core.hints import caller_place, give_hint
from voltagent.errors import ValidationError
from voltagent.tracing.sampling import Sampler, Sampling

_MOST_WARNINGS: Final = 100
_warned: Final[set[str]] = set()  # each warning once per process, however many SDKs it makes


def warn_about_setting(warning: str) -> None:
    if warning not in _warned and len(_warned) < _MOST_WARNINGS:
        _warned.add(warning)
        warn("%s", warning)


def report_second_sdk() -> None:
    """Hint that another SDK is still open."""
    give_hint(
        "second-sdk",
        caller_place(),
        "another VoltAgentSDK is still open; from now on this one, the newest, records the calls outside any trace",
        "shut down the other one, or choose one with sdk=",
        aloud=False,
    )


def checked_serializers(given: object) -> Mapping[type, Callable[[Any], object]]:
    """Validate the argument ``serializers``."""
    if given is None:
        return {}
    found = cast("Mapping[Any, Any]", given)
    if not isinstance(given, Mapping) or not all(isinstance(key, type) and callable(found[key]) for key in found):
        raise ValidationError("serializers must be a mapping of types to functions, such as {Money: str}")
    return found


def make_sampling(rate: float, sampler: object, keep_errors: object, follow_parent: object) -> Sampling:
    """Validate the options of sampling and return what decides by them."""
    if sampler is not None and not callable(sampler):
        raise ValidationError(f"sampler must be a function of a trace's facts, got {type(sampler).__name__}")
    return Sampling(
        rate,
        cast("Sampler | None", sampler),
        keep_errors=bool(checked_flag("keep_errors", keep_errors)),
        follow_parent=checked_flag("follow_parent", follow_parent) is not False,
    )


def checked_flag(name: str, value: object) -> bool | None:
    if not isinstance(value, bool | None):
        raise ValidationError(f"{name} must be True or False, got {type(value).__name__}")
    return value


def common_metadata(with_settings: settings.Settings) -> dict[str, str]:
    pairs = (("environment", with_settings.environment), ("service_name", with_settings.service_name))
    return {name: value for name, value in pairs if value}
