"""From settings to exporters: a function for each destination that the settings can name.

Each exporter is imported when it is first named: ``import voltagent`` must not pay for httpx or sqlite3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from voltagent import settings
from voltagent.exporters import Exporter

if TYPE_CHECKING:
    import httpx

    from voltagent.exporters.otlp import OtlpExporter
    from voltagent.exporters.rest import RestExporter


def build_exporter(
    name: str, with_settings: settings.Settings, transport: httpx.BaseTransport | None = None
) -> Exporter:
    """Return the destination of this name (``auto``, ``rest``, ``otlp`` or ``local``), as the settings describe it."""
    return _BUILDERS[name](with_settings, transport)


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


def _local(with_settings: settings.Settings, _: httpx.BaseTransport | None) -> Exporter:
    from voltagent.exporters.local import LocalExporter

    return LocalExporter(with_settings.local_path)


_BUILDERS: Final[Mapping[str, Callable[[settings.Settings, httpx.BaseTransport | None], Exporter]]] = MappingProxyType(
    {"auto": _auto, "rest": _rest, "otlp": _named_otlp, "local": _local}
)
