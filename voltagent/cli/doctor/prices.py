"""Report the models in the local store that have no price: their calls are recorded without a cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from voltagent.capture.prices import load_prices
from voltagent.cli.arguments import exists
from voltagent.cli.doctor.finding import Finding
from voltagent.errors import ValidationError
from voltagent.records.reading import open_store
from voltagent.records.statistics import metrics
from voltagent.settings import Settings
from voltagent.storage.file import StoreError

_MOST_NAMED: Final = 20
_UNKNOWN: Final = "unknown"  # what the statistics call a model that is not recorded


def check_prices(in_force: Settings) -> Iterator[Finding]:
    """Report whether the price table is valid, and which recorded models it lacks."""
    try:
        prices = load_prices(in_force.prices, "VOLTAGENT_PRICES")
    except ValidationError as exc:
        advice = "correct the file in VOLTAGENT_PRICES, or unset it"
        yield Finding("wrong", "prices", "file", str(exc), advice)
        return
    models = _recorded_models(in_force.local_path)
    missing = [model for model in models if prices is None or not prices.knows(model)]
    facts = {"missing": missing}
    if missing:
        named = ", ".join(missing[:_MOST_NAMED]) + (" …" if len(missing) > _MOST_NAMED else "")
        text = "no prices are set: calls have no cost for" if prices is None else "no price for"
        advice = "add them to the table in prices (VOLTAGENT_PRICES): see docs/models.md"
        yield Finding("note", "prices", "value", f"{text} {named}", advice, facts)
    elif prices is not None:
        yield Finding("ok", "prices", "value", "every recorded model has a price", facts=facts)


def _recorded_models(path: Path) -> list[str]:
    """Return the models of the calls in the local store, those with the most calls first."""
    if not exists(path):
        return []
    try:
        with open_store(path) as store:
            groups = metrics(store, "model", buckets=1).groups
    except StoreError:  # another check reports it
        return []
    return [group.name for group in groups if group.name != _UNKNOWN]
