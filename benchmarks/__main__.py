"""``python -m benchmarks``: what recording costs here, beside a floor and the peers, in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.environments import CACHE
from benchmarks.measures import DELIVERY, MEASURES, Effort, Run
from benchmarks.table import render
from benchmarks.targets import verdicts

NAMES = tuple(contestant.name for contestant in CONTESTANTS)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; 1 where ``--check`` found a target missed."""
    options = _options().parse_args(arguments)
    names, measures = _chosen(options.only)
    rounds = options.rounds or (3 if options.quick else 9)
    effort = Effort.quick(rounds) if options.quick else Effort(rounds)
    run = Run(names, measures, effort, lambda line: print(line, file=sys.stderr, flush=True))
    load = _load()
    run.go()
    document = {
        "about": {**machine(), "rounds": rounds, "quick": options.quick, "load": [load, _load()]},
        "packages": run.about,
        "results": run.results,
        "growth": run.growth,
        "skipped": run.skipped,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    found = [verdict for verdict in verdicts(document) if options.check or verdict.holds is not None]
    print("\n\n".join(filter(None, (render(document), "\n".join(["targets", *map(str, found)]) if found else ""))))
    return int(options.check and any(verdict.holds is False for verdict in found))


def machine() -> dict[str, Any]:
    """When and on what class of machine: nothing that names it."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _load() -> float | None:
    """How busy the machine is otherwise: a run beside other work is no run to quote."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        default="",
        metavar="A,B",
        help="contestants or measures, separated by semicolons or commas; a part of a contestant's name will do. "
        "'delivery' stands for the targets of delivery. "
        f"Contestants: {'; '.join(NAMES)}. Measures: {', '.join(MEASURES)}",
    )
    parser.add_argument("--rounds", type=int, help="how often each measure is taken (default 9, quick 3)")
    parser.add_argument("--json", type=Path, default=CACHE / "results.json", help="where the figures are written")
    parser.add_argument("--quick", action="store_true", help="small bursts and little patience: a look, no measurement")
    parser.add_argument(
        "--check", action="store_true", help="exit status 1 where a target is missed; those not measured are listed"
    )
    return parser


def _chosen(only: str) -> tuple[list[str], list[str]]:
    """The contestants and the measures that are meant; all of them where none is named."""
    names: list[str] = []
    measures: list[str] = []
    for word in filter(None, (part.strip() for part in only.replace(";", ",").split(","))):
        if word == "delivery":
            names.extend(DELIVERY[0])
            measures.extend(DELIVERY[1])
            continue
        if word in MEASURES:
            measures.append(word)
            continue
        matching = [word] if word in NAMES else [name for name in NAMES if word in name]
        if not matching:
            raise SystemExit(f"--only: {word!r} is neither a contestant nor a measure")
        names.extend(matching)
    return names or list(NAMES), measures or list(MEASURES)


if __name__ == "__main__":
    sys.exit(main())
