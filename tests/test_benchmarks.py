"""The benchmark runs, its floor does what it says, and its verdicts follow from its figures."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks.table import markdown, render
from benchmarks.targets import verdicts

CHILD = Path(program.__file__).with_name("child")


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(CHILD))
    from adapters import Place, floor as module

    module.QUEUE.clear()
    return module, module.Adapter(Place("", ""))


def test_a_tiny_run_of_the_floor_and_ours_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    chosen = "floor, ours local, ours no SDK, sync, nested, tasks, import"
    assert program.main(["--quick", "--rounds", "1", "--only", chosen, "--json", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["skipped"] == {}
    assert set(document["results"]) == {"sync", "nested", "tasks", "import"}
    for workload in ("sync", "nested"):
        cost = document["results"][workload]
        assert all(len(cost[name]["wall"]) == 1 and cost[name]["wall"][0] > 0 for name in ("floor", "ours local"))
        assert cost["ours no SDK"]["cpu"][0] < cost["floor"]["cpu"][0]
    assert document["results"]["tasks"]["ours local"]["delivered"] == [100]
    assert document["packages"]["ours local"]["voltagent"]
    assert document["about"]["python"].endswith(sys.version.split()[0])
    assert str(Path.cwd()) not in path.read_text(encoding="utf-8")
    assert "ours local" in capsys.readouterr().out


def test_a_name_that_is_no_contestant_and_no_measure_is_refused() -> None:
    with pytest.raises(SystemExit, match="nobody"):
        program.main(["--only", "sync, nobody"])


def test_the_floor_records_what_the_library_records(floor: Any) -> None:
    module, adapter = floor

    def inner(city: str, days: int) -> dict[str, Any]:
        return {"city": city, "days": days}

    def outer(question: str) -> Any:
        return decorated("Ankara", days=2)

    decorated = adapter.decorate("tool", inner)
    assert adapter.decorate("agent", outer)("why") == {"city": "Ankara", "days": 2}
    events = list(module.QUEUE)
    assert [event[0] for event in events] == ["start", "start", "end", "end"]
    agent, tool = events[0][1], events[1][1]
    assert agent[1:] == (None, "agent", "outer")
    assert tool[1:] == (agent[0], "tool", "inner")
    assert agent[0] != tool[0]
    assert [json.loads(event[3]) for event in events] == [
        {"question": "why"},
        {"city": "Ankara", "days": 2},
        {"city": "Ankara", "days": 2},
        {"city": "Ankara", "days": 2},
    ]
    assert [event[2] for event in events] == sorted(event[2] for event in events)


def test_the_floor_leaves_nothing_current_in_the_consumer_of_a_generator(floor: Any) -> None:
    module, adapter = floor

    def stream(count: int) -> Any:
        yield from range(count)

    seen = []
    for item in adapter.decorate("tool", stream)(2):
        seen.append((item, module.CURRENT.get()))
    assert seen == [(0, None), (1, None)]
    assert json.loads(module.QUEUE[-1][3]) == [0, 1]


def test_the_floor_records_coroutines_and_async_generators(floor: Any) -> None:
    module, adapter = floor

    async def answer(question: str) -> str:
        return question.upper()

    async def stream(count: int) -> Any:
        for number in range(count):
            yield number

    async def use() -> list[Any]:
        return [
            await adapter.decorate("agent", answer)("a"),
            [item async for item in adapter.decorate("tool", stream)(2)],
        ]

    assert asyncio.run(use()) == ["A", [0, 1]]
    assert [json.loads(event[3]) for event in module.QUEUE] == [{"question": "a"}, "A", {"count": 2}, [0, 1]]


def document(**results: Any) -> dict[str, Any]:
    return {"results": results, "growth": {}, "skipped": {}}


def test_a_target_is_held_by_the_median_of_its_rounds() -> None:
    floor, good, bad = (
        {"wall": rounds, "cpu": rounds} for rounds in ([2.0, 1.9, 9.0], [4.0, 4.4, 30.0], [4.5, 4.5, 1.0])
    )
    for ours, holds in ((good, True), (bad, False)):
        found = verdicts(document(sync={"floor": floor, "ours local": ours}))
        (verdict,) = [verdict for verdict in found if verdict.text == "call / floor"]
        assert verdict.holds is holds, str(verdict)
    assert all(verdict.holds is None for verdict in verdicts(document()))


@pytest.mark.parametrize(("last", "holds"), [(4.1, True), (8.0, False)])
def test_growth_is_held_along_each_axis(last: float, holds: bool) -> None:
    growth = {"queue": {"ours held": [[0, 4.0], [40_000, last]]}}
    found = verdicts({**document(), "growth": growth})
    assert [verdict.holds for verdict in found if "queue length" in verdict.text] == [holds]


@pytest.mark.parametrize(("last", "holds"), [(800.0, True), (2000.0, False)])
def test_a_payload_whose_cost_grows_faster_than_it_does_is_found(last: float, holds: bool) -> None:
    points = [[256, 4.0], [1000, 10.0], [10_000, 82.0], [100_000, last]]
    found = verdicts({**document(), "growth": {"payload": {"ours held": points, "floor": points}}})
    assert [verdict.holds for verdict in found if "from one payload size" in verdict.text] == [holds]


def test_tables_have_a_row_for_each_contestant_and_ratios_to_the_floor() -> None:
    figures = document(sync={"floor": {"wall": [2.0]}, "ours local": {"wall": [3.0, 5.0, 4.0]}})
    assert [line.split() for line in render(figures).splitlines() if line.startswith("ours local")] == [
        ["ours", "local", "4.00"],
        ["ours", "local", "2.00"],
    ]
    assert "| ours local | 4.00 |" in render(figures, markdown)
