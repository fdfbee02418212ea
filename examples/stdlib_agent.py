"""An agent that answers questions about Python's standard library, and is recorded while it does.

    python examples/stdlib_agent.py "How do I shuffle a list?" "How do I wrap a long paragraph?"

It retrieves from the docstrings installed on this machine, checks what it found by asking this Python, and streams
its answers. No key, no network and no language model: every sentence it gives is from the documentation. Where your
agent calls a model, `write` is the place to look at.
"""

from __future__ import annotations

import asyncio
import doctest
import inspect
import platform
import pydoc
import sys
import tokenize
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from stdlib_index import Hit, Index, first_sentence

from voltagent import VoltAgentSDK, agent, current, current_agent, memory, retriever, tool, trace

QUESTIONS = [
    "Which function finds close matches of a misspelt word?",
    "How do I compute the greatest common divisor?",
    "How do I count the most common elements of a list?",
]
# Modules whose documented examples only compute: running them writes no file and asks for no input.
COMPUTING = frozenset(("collections", "decimal", "difflib", "fractions", "itertools", "math", "statistics", "string"))

notes: dict[str, str] = {}


class WrittenInCError(LookupError):
    """There is no Python source to look at."""


@dataclass
class Finding:
    """What the researcher hands to the writer."""

    question: str
    name: str
    call: str
    summary: str
    size: str
    example: str | None
    related: list[str]


# Retriever and tools.


@cache
def index() -> Index:
    """The index, built once, at the first question."""
    return Index()


@retriever(name="docstrings", metadata={"ranking": "BM25"})
async def search(question: str, limit: int = 3) -> list[Hit]:
    """The documented names that fit the question best."""
    return await asyncio.to_thread(index().search, question, limit)


@tool
def signature(name: str) -> str:
    """How a function is called. Raises `ValueError` for one that does not say."""
    return f"{name}{inspect.signature(find(name))}"


@tool
def source_lines(name: str) -> int:
    """How many lines of Python a function has. Raises `WrittenInCError` where it has none."""
    try:
        return len(inspect.getsourcelines(find(name))[0])
    except TypeError as refused:
        raise WrittenInCError(f"{name} has no Python source") from refused


@tool
def run_examples(name: str) -> dict[str, Any]:
    """Run the examples in a docstring, and count those that did not give what the documentation says."""
    module = import_module(module_of(name))
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(find(name)) or "", vars(module).copy(), name, None, 0)
    if not test.examples or module.__name__ not in COMPUTING:
        return {"ran": 0, "failed": 0, "first": None}
    result = doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None)
    shown = next((one for one in test.examples if one.want), None)
    first = f">>> {shown.source}{shown.want}".rstrip() if shown else None
    return {"ran": result.attempted, "failed": result.failed, "first": first}


def find(name: str) -> Any:
    """The object with this dotted name."""
    thing = pydoc.locate(name)
    if thing is None:
        raise LookupError(f"this Python has no {name}")
    return thing


def module_of(name: str) -> str:
    """The module part of a dotted name."""
    while name not in sys.modules:
        name = name.rpartition(".")[0]
    return name


def call_of(name: str) -> str:
    """How a function is called, or at least that it can be."""
    try:
        return signature(name)
    except ValueError:
        return f"{name}(...)"


def size_of(name: str) -> str:
    """How big a function is. The tool fails for C code, and that is an answer too."""
    try:
        return f"{source_lines(name)} lines of Python"
    except WrittenInCError:
        return "Written in C"
    except (OSError, tokenize.TokenError):  # no source file is installed, or it is not the one that was compiled
        return "Its source is not to be had here"


# A memory.


@memory(name="notes")
def remember(question: str, name: str) -> None:
    """Note which name answered a question."""
    notes[question] = name


@memory(name="notes", operation="read")
def recall() -> dict[str, str]:
    """Everything noted in this run."""
    return dict(notes)


# Agents.


@agent(name="fact-checker", instructions="Believe nothing that this Python does not confirm.")
async def check(name: str) -> str | None:
    """An example of the name that was run and gave what its documentation says, if there is one."""
    examples = run_examples(name)
    current_agent().record(metadata={"examples_run": examples["ran"]})
    return examples["first"] if examples["ran"] and not examples["failed"] else None


@agent(name="researcher", instructions="Find the one function that answers the question.")
async def research(question: str) -> Finding | None:
    """What the standard library has for a question."""
    hits = await search(question)
    if not hits:
        return None
    best, *others = hits
    call, how_big, example = await asyncio.gather(
        asyncio.to_thread(call_of, best.name), asyncio.to_thread(size_of, best.name), check(best.name)
    )
    remember(question, best.name)
    return Finding(question, best.name, call, best.summary, how_big, example, [hit.name for hit in others])


@agent(name="writer", instructions="Say what it does, how it is called and what was checked. Nothing else.")
async def write(finding: Finding) -> AsyncIterator[str]:
    """The answer, line by line."""
    lines = [finding.call, finding.summary, f"{finding.size}. Related: {', '.join(finding.related) or 'nothing'}."]
    if finding.example:
        lines += ["An example from its documentation, which was run just now:", finding.example]
    for line in lines:
        yield line
        await asyncio.sleep(0)
    # No model, so no model's tokens: a token is a word here. A model's own counts go in the same place.
    read, written = (len(text.split()) for text in (inspect.getdoc(find(finding.name)) or "", " ".join(lines)))
    current_agent().record(
        usage={"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    )


@trace(agent_id="stdlib-guide", tags=["demo", "offline"], metadata={"python": platform.python_version()})
async def guide(questions: list[str]) -> list[str]:
    """Research all questions at once, then answer them one by one. Gives the names that were found."""
    findings = await asyncio.gather(*(research(question) for question in questions))
    for question, finding in zip(questions, findings, strict=True):
        print(f"\n{question}")
        if finding is None:
            print("    Nothing in the index fits. Try words that its documentation would use.")
            continue
        async for text in write(finding):
            print(indented(text), flush=True)
    noted = recall()
    current().record(metadata={"answered": len(noted)})
    return sorted(noted.values())


def indented(text: str) -> str:
    """Four spaces before every line."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def main() -> None:
    """Answer the questions of the command line, or three of our own."""
    with VoltAgentSDK():
        names = asyncio.run(guide(sys.argv[1:] or QUESTIONS))
    print("\nIn short:", *(f"{name}: {first_sentence(pydoc.getdoc(find(name)))}" for name in names), sep="\n    ")
    print("\nSee what was recorded: voltagent show")


if __name__ == "__main__":
    main()
