"""From settings to destinations: which exporters an SDK has, and which of them a spool.

Each exporter is imported when it is first named: `import voltagent` must not pay for httpx or sqlite3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from voltagent import settings
from voltagent.core.span import Phase, Span
from voltagent.exporters import Exporter

if TYPE_CHECKING:
    import httpx

    from voltagent.exporters.otlp import OtlpExporter
    from voltagent.exporters.rest import RestExporter
    from voltagent.storage.spool.spool import Spool


def named_and_given(exporter: object) -> tuple[object, list[Exporter]]:
    """Exporter names (for the settings) and exporter objects, apart."""
    if exporter is None or isinstance(exporter, str) or not exporter:
        return exporter, []  # an empty list is the settings' to refuse
    items = list(cast("list[Any]", exporter)) if isinstance(exporter, list | tuple) else [cast("Any", exporter)]
    given = [item for item in items if callable(getattr(item, "export", None))]
    names = [item for item in items if item not in given]
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


def _rest(
    with_settings: settings.Settings, transport: httpx.BaseTransport | None, *, may_move: bool = False
) -> RestExporter:
    """Make the REST exporter from the settings."""
    from voltagent.exporters.rest import RestExporter

    return RestExporter(
        with_settings.base_url,
        with_settings.public_key or "",
        with_settings.secret_key or "",
        headers=with_settings.headers,
        timeout=with_settings.timeout,
        transport=transport,
        may_move=may_move,
    )


def _otlp(given: settings.Otlp, transport: httpx.BaseTransport | None) -> OtlpExporter:
    """Make the OTLP exporter from its settings."""
    from voltagent.exporters.otlp import OtlpExporter

    return OtlpExporter(
        given.endpoint,
        headers=given.headers,
        protocol=cast("Any", given.protocol),  # the settings have checked these two
        compression=cast("Any", given.compression),
        timeout=given.timeout,
        resource=given.resource,
        profiles=given.profiles,
        certificate=given.certificate,
        client_certificate=given.client_certificate,
        client_key=given.client_key,
        transport=transport,
    )


def _named_otlp(with_settings: settings.Settings, transport: httpx.BaseTransport | None) -> Exporter:
    return _otlp(cast("settings.Otlp", with_settings.otlp), transport)


def _auto(with_settings: settings.Settings, transport: httpx.BaseTransport | None) -> Exporter:
    from voltagent.exporters.auto import AutoExporter

    rest = _rest(with_settings, transport, may_move=True)
    return AutoExporter(rest, _otlp(cast("settings.Otlp", with_settings.platform_otlp), transport))


def spools(with_settings: settings.Settings, names: Sequence[str]) -> list[Spool | None]:
    """For each of the named destinations its spool, if it is to have one: the local store needs none."""
    names = [name for name in names if name != "none"]
    if with_settings.spool is None:
        return [None] * len(names)
    from voltagent.storage.spool.destination import destinations
    from voltagent.storage.spool.spool import Spool

    folder, limit = with_settings.spool, int(with_settings.spool_size * 2**20)
    known = destinations(with_settings)
    return [Spool(folder, known[name], max_bytes=limit) if name in known else None for name in names]


def _local(with_settings: settings.Settings, _: httpx.BaseTransport | None) -> Exporter:
    from voltagent.exporters.local import LocalExporter

    return LocalExporter(with_settings.local_path)


def stored_spans(path: Path) -> Callable[[str], list[Span]]:
    """Return what reads the spans of a trace from the local store."""

    def spans(trace_id: str) -> list[Span]:
        """Return the stored spans of a trace; none if the store is missing or cannot be read."""
        from voltagent.storage.file import StoreError
        from voltagent.storage.traces.store import Store

        try:
            with Store(path) as store:
                return [span for phase, span, _ in store.events(trace_id) if phase in (Phase.START, Phase.POINT)]
        except StoreError:  # there is none yet, or none that can be read
            return []

    return spans


_BUILDERS: Final[Mapping[str, Callable[[settings.Settings, httpx.BaseTransport | None], Exporter]]] = MappingProxyType(
    {"auto": _auto, "rest": _rest, "otlp": _named_otlp, "local": _local}
)


def build_exporter(
    name: str, with_settings: settings.Settings, transport: httpx.BaseTransport | None = None
) -> Exporter:
    """Return the destination of this name (``auto``, ``rest``, ``otlp`` or ``local``), as the settings describe it."""
    return _BUILDERS[name](with_settings, transport)


def through(client: object) -> httpx.BaseTransport:
    from voltagent.exporters import http

    return http.through(client)
