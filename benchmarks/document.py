"""``python -m benchmarks.document RESULTS PAGE``: put the figures of a run into a page, between its two marks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.table import markdown, render
from benchmarks.targets import verdicts

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def main(results: str, page: str) -> None:
    document = json.loads(Path(results).read_text(encoding="utf-8"))
    path = Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{figures(document)}\n\n{END}{after}", encoding="utf-8")


def figures(document: dict[str, Any]) -> str:
    """The run as Markdown: where and when, the tables, the targets."""
    about = document["about"]
    found = {f"{name} {version}" for packages in document["packages"].values() for name, version in packages.items()}
    heading = (
        f"{about['date']}, {about['python']}, {about['system']} on {about['machine']}, {about['cores']} cores, "
        f"{about['rounds']} rounds{', quick' if about['quick'] else ''}. {', '.join(sorted(found))}."
    )
    targets = "\n".join(f"- {verdict}" for verdict in verdicts(document))
    return f"{heading}\n\n{render(document, markdown)}\n\nTargets, as ratios in this run:\n\n{targets}"


if __name__ == "__main__":
    main(*sys.argv[1:])
