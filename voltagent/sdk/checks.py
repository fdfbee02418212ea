"""Checks of the arguments of an SDK, and warnings about its settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from voltagent import settings
from voltagent.core.guard import warn
from voltagent.core.hints import caller_place, give_hint
from voltagent.errors import ValidationError
from voltagent.tracing.sampling import Sampler, Sampling

_MOST_WARNINGS: Final = 100
_SERIALIZERS: Final = "serializers must be a mapping of types to functions, such as {Money: str}"
_YEAR: Final = 365 * 86_400  # seconds; the system's clocks take no number of any size
_warned: Final[set[str]] = set()  # each warning once per process, however many SDKs it makes


def warn_about_setting(warning: str) -> None:
    """Log a warning, once per process."""
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
    if not isinstance(given, Mapping):
        raise ValidationError(f"{_SERIALIZERS}, got {type(given).__name__}")
    found: Mapping[Any, Any] = given  # pyright: ignore[reportUnknownVariableType]
    for key in found:
        if not isinstance(key, type):
            raise ValidationError(f"{_SERIALIZERS}, got a key of type {type(key).__name__}")
        if not callable(found[key]):
            raise ValidationError(f"{_SERIALIZERS}, got {type(found[key]).__name__} for {key.__name__}")
    return found


def checked_transport(given: object) -> None:
    """Validate the argument ``transport``."""
    if given is not None and not callable(getattr(given, "handle_request", None)):
        raise ValidationError(f"transport must be an httpx.BaseTransport, got {type(given).__name__}")


def checked_wait(timeout: Any) -> float | None:
    """Validate how many seconds to wait at most; ``None`` means the default. A year is as good as for ever."""
    if timeout is None:
        return None
    try:
        seconds = math.nan if isinstance(timeout, bool | str | bytes) else float(min(timeout, _YEAR))
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if math.isnan(seconds):
        shown = "nan" if isinstance(timeout, float) else type(timeout).__name__
        raise ValidationError(f"timeout must be a number of seconds, got {shown}")
    return seconds


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
    """Validate an argument that is a bool or missing."""
    if not isinstance(value, bool | None):
        raise ValidationError(f"{name} must be True or False, got {type(value).__name__}")
    return value


def common_metadata(with_settings: settings.Settings) -> dict[str, str]:
    """Return what the settings add to the metadata of every trace."""
    pairs = (("environment", with_settings.environment), ("service_name", with_settings.service_name))
    return {name: value for name, value in pairs if value}
