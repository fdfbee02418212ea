"""Decorators, and inside a decorated function a step that is no function: recorded by an explicit `add_tool`.

    python examples/decorators_with_add_tool.py

An agent counts the words in the docstrings of these examples, with SQLite. Reading a file is a function of its own
and is decorated. The query is one line in the middle of another function, so `add_tool` records it. Both get the same
parent, without anything being passed around.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from voltagent import VoltAgentSDK, agent, current_agent, memory, retriever, tool, trace

FOLDER = Path(__file__).parent
_database = sqlite3.connect(":memory:")
_database.execute("create table words (file text, word text)")


@retriever(name="files", metadata={"pattern": "*.py"})
def files() -> list[Path]:
    """The files to read."""
    return sorted(FOLDER.glob("*.py"))


@tool(name="read-words", capture_output=False)  # the words of a whole file need not be recorded
def read_words(path: Path) -> list[str]:
    """The long words in the docstrings of one file."""
    docstrings = re.findall(r'"""(.+?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
    return re.findall(r"[a-z]{5,}", " ".join(docstrings).lower())


@memory(capture_input=["file"])  # of the input, keep the name of the file
def keep(file: str, words: list[str]) -> int:
    """Put the words of a file into the database."""
    _database.executemany("insert into words values (?, ?)", [(file, word) for word in words])
    return len(words)


@agent(name="Counter", instructions="Which words do these examples share?")
def shared_words(limit: int) -> list[str]:
    """The words that stand in most files."""
    for path in files():
        keep(path.name, read_words(path))

    sql = "select word, count(distinct file) from words group by word order by 2 desc, 1 limit ?"
    with current_agent().add_tool({"name": "sql", "input": {"sql": sql, "limit": limit}}) as query:
        rows = _database.execute(sql, (limit,)).fetchall()
        query.success(output={"rows": rows}, metadata={"engine": f"SQLite {sqlite3.sqlite_version}"})

    # Without a block: started and ended by hand, under the same parent.
    by_hand = current_agent().add_tool({"name": "by-hand", "input": {"rows": len(rows)}})
    by_hand.success(output={"ok": True})

    current_agent().record(metadata={"rows": len(rows)})
    return [f"{word} ({count} files)" for word, count in rows]


@trace(agent_id="word-counter", tags=["decorators"], conversation_id=lambda args: f"top-{args['limit']}")
def run(limit: int) -> list[str]:
    """The whole run: the root of the tree."""
    return shared_words(limit)


if __name__ == "__main__":
    with closing(_database), VoltAgentSDK():
        print(*run(limit=5), sep="\n")
    print("\nSee what was recorded: voltagent show -v")
