"""Work in other processes is recorded under the operation that handed it over, for every start method."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.history_api import HistoryAPI
from tests.helpers.program import run_script
from voltagent.storage.traces.store import Store

METHODS = multiprocessing.get_all_start_methods()

PROGRAM = """
    import asyncio, multiprocessing, os, sys
    from concurrent.futures import ProcessPoolExecutor

    import voltagent
    from voltagent import agent, bind, tool

    @tool
    def step(form, number=0):
        return os.getpid()

    @tool
    def other(form): ...

    def plain(form):
        return step(form)

    def work(method, hand_over):
        processes = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=processes) as pool:
            used = {pool.submit(hand_over(step), "submit").result(), *pool.map(hand_over(step), ["map"])}

            async def in_loop():
                return await asyncio.get_running_loop().run_in_executor(pool, hand_over(plain), "run_in_executor")

            used.add(asyncio.run(in_loop()))
        with processes.Pool(1) as pool:
            used |= {
                pool.apply(hand_over(step), ("apply",)),
                *pool.map(hand_over(step), ["pool map"]),
                *pool.starmap(hand_over(step), [("starmap", 1)]),
                *pool.imap(hand_over(step), ["imap"]),
                *pool.imap_unordered(hand_over(step), ["imap_unordered"]),
                pool.apply_async(hand_over(plain), ("apply_async",)).get(),
            }
            pool.close()
            pool.join()  # leaving the block would end the worker
        process = processes.Process(target=hand_over(step), args=("process",))
        process.start()
        process.join()
        assert os.getpid() not in used

    if __name__ == "__main__":
        method, how = sys.argv[1:3]
        with voltagent.VoltAgentSDK(exporter="local", instrument=how == "instrument", environment="test"):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as kept:
                agent(name="first")(lambda: kept.submit(bind(plain) if how == "bind" else plain, "kept").result())()
                agent(name="above")(work)(method, bind if how == "bind" else lambda function: function)
                kept.submit(bind(other), "none").result()
"""
FORMS = {
    "submit", "map", "run_in_executor", "apply", "pool map", "starmap", "imap", "imap_unordered", "apply_async",
    "process",
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["bind", "instrument"])
def test_work_in_processes_keeps_its_parent(how: str, method: str, tmp_path: Path) -> None:
    done = run_script(PROGRAM, tmp_path, method, how)
    assert (done.returncode, done.stderr) == (0, "")
    traces = read(tmp_path / "voltagent" / "traces.db")
    assert set(traces) == {"first", "above", "other"}
    assert children(traces["above"], "above") == FORMS
    assert children(traces["first"], "first") == {"kept"}
    assert [one.kind for one in traces["other"]] == ["tool"]


def read(path: Path) -> dict[str, list[Any]]:
    store = Store(path)
    try:
        return {trace.agent_id: store.operations(trace.id) for trace in store.traces()}
    finally:
        store.close()


def children(operations: list[Any], name: str) -> set[str]:
    """The first argument of the tools below the agent of this name."""
    (above,) = [one for one in operations if one.name == name]
    return {one.input["form"] for one in operations if one.parent_id == above.id and one.kind == "tool"}


KEYS = {"public_key": "pk_one", "secret_key": "sk_two"}
REMOTE = """
    import multiprocessing, sys

    import voltagent
    from voltagent import agent, bind, tool

    @tool
    def step(): ...

    @agent
    def above(method):
        processes = multiprocessing.get_context(method)
        for _ in range(2):
            process = processes.Process(target=bind(step))
            process.start()
            process.join()

    if __name__ == "__main__":
        method, url, public, secret = sys.argv[1:]
        with voltagent.VoltAgentSDK(base_url=url, public_key=public, secret_key=secret, exporter="rest"):
            above(method)
"""
NOTHING = "nothing is recorded to 'rest' in this process: set VOLTAGENT_PUBLIC_KEY and VOLTAGENT_SECRET_KEY"


@pytest.mark.parametrize("method", [method for method in METHODS if method != "fork"])
def test_a_process_has_the_destination_of_its_parent_and_keys_of_its_own(method: str, tmp_path: Path) -> None:
    with HistoryAPI() as api:
        keys = {f"VOLTAGENT_{name.upper()}": key for name, key in KEYS.items()}
        done = run_script(REMOTE, tmp_path, method, api.url, *KEYS.values(), **keys)
        assert (done.returncode, done.stderr) == (0, "")
        requests = [one.json for one in api.requests if one.path == "/history-events"]
        (above,) = [one for one in requests if one["event_name"] == "agent:start"]
        starts = [one for one in requests if one["event_name"] == "tool:start"]
        assert [(one["history_id"], one["parent_event_id"]) for one in starts] == [
            (above["history_id"], above["id"])
        ] * 2


def test_a_process_without_keys_says_once_that_it_records_nothing(tmp_path: Path) -> None:
    with HistoryAPI() as api:
        done = run_script(REMOTE, tmp_path, "spawn", api.url, *KEYS.values())
        assert done.returncode == 0
        assert done.stderr.count(NOTHING) == 2  # two processes, each once
        assert {one.json["event_type"] for one in api.requests if one.path == "/history-events"} == {"agent"}


TOKENS = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor

    import voltagent
    from voltagent import agent, bind, llm, tool

    @llm
    def call(): return {"model": "m", "usage": {"prompt_tokens": 10, "completion_tokens": 8, "cost": 0.25}}

    @agent
    def sub(): call()

    @tool
    def through(pool): pool.submit(bind(call)).result()

    @agent
    def inner(processes):
        call()
        with ProcessPoolExecutor(1, mp_context=processes) as pool:
            pool.submit(bind(call)).result()
            through(pool)
            pool.submit(bind(sub)).result()

    @agent
    def outer(processes):
        inner(processes)
        process = processes.Process(target=bind(call))
        process.start()
        process.join()

    if __name__ == "__main__":
        with voltagent.VoltAgentSDK(exporter="local"):
            outer(multiprocessing.get_context(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_tokens_of_processes_are_in_the_sums_of_agents_and_trace(method: str, tmp_path: Path) -> None:
    done = run_script(TOKENS, tmp_path, method)
    assert (done.returncode, done.stderr) == (0, "")
    store = Store(tmp_path / "voltagent" / "traces.db")
    (listed,) = store.traces()
    trace = store.trace(listed.id)
    agents = {one.name: one.usage for one in store.operations(listed.id) if one.kind == "agent"}
    (total,) = store.rows("SELECT total_tokens, cost FROM totals")
    store.close()
    assert trace is not None
    assert tuple(total) == (90, 1.25)
    for found in (listed, trace):
        assert (found.usage or {})["total_tokens"] == 90
        assert (found.usage or {})["cost"] == 1.25
    assert {name: (usage or {}).get("total_tokens") for name, usage in agents.items()} == {
        "outer": 18, "inner": 54, "sub": 18,
    }  # fmt: skip
