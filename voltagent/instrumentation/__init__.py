"""Record what clients of models do, and carry the current operation into threads, without a change to the program.

:func:`instrument` patches classes of other packages: those that are imported already at once, all others when they are
imported. Nothing is patched by importing or decorating.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from voltagent.core.naming import nearest
from voltagent.instrumentation import clients, executors, patches
from voltagent.instrumentation.patches import Patch
from voltagent.settings import INSTRUMENTS

_TABLE: Final[dict[str, Sequence[Patch]]] = {**clients.PATCHES, **executors.PATCHES}


def instrument(*names: str) -> None:
    """Record each request that a client of a model makes, and carry the current operation into threads.

    A package that is not installed is left alone. Naming one twice has no further effect.

    Args:
        *names: ``"openai"``, ``"anthropic"``, ``"google-genai"``: each request to a model becomes an operation of kind
            ``llm``. ``"concurrent.futures"``, ``"threading"``, ``"multiprocessing"``: work in threads,
            processes and pools is recorded under the operation that was current where it was submitted or started.
            Without a name: all of them.

    Raises:
        ValueError: a name is unknown; the message lists the known ones.
    """
    for name in names:
        if type(name) is not str or name not in _TABLE:  # pyright: ignore[reportUnnecessaryComparison]
            near = nearest(name, _TABLE) if type(name) is str else None  # pyright: ignore[reportUnnecessaryComparison]
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"cannot instrument {name!r}{hint} (known names: {', '.join(INSTRUMENTS)})")
    for name in names or INSTRUMENTS:
        patches.install(name, _TABLE[name])


def uninstrument() -> None:
    """Undo every :func:`instrument`: restore the classes; packages imported later are not patched."""
    patches.remove_all()
