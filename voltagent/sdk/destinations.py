"""From settings to workers: which exporters an SDK has, which of them a spool, and which SDKs share them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from voltagent import settings
from voltagent.core.process import exit_hook
from voltagent.core.span import Phase, Span
from voltagent.delivery.processing import Processor
from voltagent.delivery.sender import Workers
from voltagent.errors import ValidationError
from voltagent.exporters import Exporter
from voltagent.exporters.building import build_exporter

if TYPE_CHECKING:
    import httpx

    from voltagent.storage.spool.spool import Spool


def named_and_given(exporter: object) -> tuple[object, list[Exporter]]:
    """Return the names of exporters, for the settings, and the exporter objects in the argument ``exporter``."""
    if exporter is None or isinstance(exporter, str) or not exporter:
        return exporter, []  # an empty list is the settings' to refuse
    items = list(cast("list[Any]", exporter)) if isinstance(exporter, list | tuple) else [cast("Any", exporter)]
    given = [item for item in items if callable(getattr(item, "export", None))]
    names = [item for item in items if item not in given]
    for name in names:
        if not isinstance(name, str):
            wanted = "a name, several separated by commas, or an exporter"
            raise ValidationError(f"exporter must be {wanted}, got {type(name).__name__}")
    return names or None, given


# Settings that concern what is recorded, or who says so, and not the sending of it.
_OF_RECORDING: Final = frozenset(("capture_input", "capture_output", "debug", "enabled", "environment", "instrument",
                                  "origin", "prices", "quiet", "sample_rate", "service_name", "warnings"))  # fmt: skip


class _Identity:
    """Compares an object by identity, and keeps it alive so that its identity stays its own."""

    __slots__ = ("_object",)

    def __init__(self, given: object) -> None:
        self._object = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other._object is self._object

    def __hash__(self) -> int:
        return id(self._object)


def workers_key(
    with_settings: settings.Settings, names: Sequence[str], given: Sequence[Exporter], client: object, redact: object
) -> Hashable:
    """Return what SDKs must have in common to share workers: equal settings, and the same objects and functions."""
    values = tuple(
        (field.name, _hashable(getattr(with_settings, field.name)))
        for field in fields(with_settings)
        if field.name not in _OF_RECORDING
    )
    network = settings.network_environment() if client is None else ()
    return values, tuple(names), tuple(map(_Identity, given)), _Identity(client), _redact_key(redact), network


def _redact_key(redact: object) -> Hashable:
    """Return what distinguishes two ``redact`` options: the key names, or else the identity of the object."""
    if type(redact) in (list, tuple, set, frozenset):
        keys = tuple(cast("Iterable[object]", redact))
        if all(isinstance(key, str) for key in keys):
            return keys
    return _Identity(redact)


def _hashable(value: Any) -> Hashable:
    """Return a value that is equal for equal settings and can be a key of a dictionary."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return tuple(sorted((name, _hashable(item)) for name, item in items))
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(_hashable(getattr(value, field.name)) for field in fields(value))
    return cast("Hashable", value)


def _spools(with_settings: settings.Settings, names: Sequence[str]) -> list[Spool | None]:
    """Return the spool of each named destination, ``None`` if it is to have none: the local store needs none."""
    names = [name for name in names if name != "none"]
    if with_settings.spool is None:
        return [None] * len(names)
    from voltagent.storage.spool.destination import destinations
    from voltagent.storage.spool.spool import Spool

    folder, limit = with_settings.spool, int(with_settings.spool_size * 2**20)
    known = destinations(with_settings)
    return [Spool(folder, known[name], max_bytes=limit) if name in known else None for name in names]


def stored_spans(path: Path) -> Callable[[str], list[Span]]:
    """Return what reads the spans of a trace from the local store."""

    def spans(trace_id: str) -> list[Span]:
        """Return the stored spans of a trace; none if the store is missing or cannot be read."""
        from voltagent.storage.file import StoreError
        from voltagent.storage.traces.store import Store

        try:
            with Store(path) as store:
                events = list(store.events(trace_id))
        except StoreError:  # there is none yet, or none that can be read
            return []
        return [span for phase, span, _ in events if phase in (Phase.START, Phase.POINT)]

    return spans


def through(client: object) -> httpx.BaseTransport:
    """Return a transport that sends with a client of the user's."""
    from voltagent.exporters import http

    return http.through(client)


def make_workers(
    with_settings: settings.Settings,
    transport: httpx.BaseTransport | None,
    given: Sequence[Exporter],
    names: Sequence[str],
    process: Processor,
) -> Workers:
    """Make the sender with one worker for each exporter, passed or named by the settings."""
    with exit_hook.imports_kept():
        built = [build_exporter(name, with_settings, transport) for name in names if name != "none"]
    return Workers(
        [*given, *built],
        process=process,
        flush_interval=with_settings.flush_interval,
        auto_flush=with_settings.auto_flush,
        timeout=with_settings.timeout,
        max_retries=with_settings.max_retries,
        retry_delay=with_settings.retry_delay,
        spools=[*(None for _ in given), *_spools(with_settings, names)],
    )
