"""``python -m benchmarks.plots RESULTS FOLDER``: what a call costs along each axis of growth, as PNG files.

Needs matplotlib, which ``make bench-plot`` installs; nothing else here does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
import matplotlib.pyplot as plt

# axis -> what it is, its scale, and what is measured
AXES = {
    "payload": ("bytes of JSON in and out", "log", "CPU time of the caller per call, µs"),
    "depth": ("open operations around the call", "log", "CPU time of the caller per call, µs"),
    "threads": ("threads at once", "linear", "wall time per call, µs"),
    "queue": ("events waiting", "linear", "CPU time of the caller per call, µs"),
    "traces": ("other open traces", "symlog", "CPU time of the caller per call, µs"),
}
# One colour per contestant on all pictures, tellable apart without colour by their marks.
STYLES = {"floor": ("#7f7f7f", "s"), "ours held": ("#0072b2", "o"), "OpenTelemetry": ("#d55e00", "^")}
LABELS = {"ours held": "voltagent"}


def main(results: str, folder: str) -> None:
    document = json.loads(Path(results).read_text(encoding="utf-8"))
    for axis, lines in document["growth"].items():
        place = Path(folder) / f"cost-{axis}.png"
        _draw(axis, lines, document["about"], place)
        print(place.name)


def _draw(axis: str, lines: Mapping[str, Sequence[Sequence[float]]], about: Mapping[str, Any], place: Path) -> None:
    what, scale, unit = AXES[axis]
    figure, area = plt.subplots(figsize=(6.4, 4.0), dpi=120)
    for name, points in lines.items():
        color, mark = STYLES[name]
        area.plot(*zip(*points, strict=True), marker=mark, color=color, label=LABELS.get(name, name))
    area.set_xscale(scale)
    if axis in ("payload", "depth", "threads"):
        area.set_yscale("log")  # contestants lie far apart there
        area.margins(y=0.3)
    else:
        area.set_ylim(bottom=0, top=2 * max(cost for points in lines.values() for _, cost in points))
    area.set_xlabel(what)
    area.set_ylabel(unit)
    area.grid(visible=True, which="both", alpha=0.2)
    area.legend(frameon=False)
    area.set_title(f"{about['date']}, {about['python']}, {about['cores']} cores", fontsize=9, color="#555555")
    figure.tight_layout()
    figure.savefig(place, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
