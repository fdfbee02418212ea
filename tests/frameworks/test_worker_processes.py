"""Programs that end their worker processes without an exit hook, as soon as a task is done.

Ray, which has 70 MB, is not among the requirements: its test runs where it is installed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import run_script
from tests.helpers.server import Server

TASKS = 5
JOBS = """
import voltagent

@voltagent.tool
def work(number):
    return number
"""
RQ = f"""
import fakeredis
import rq

import jobs

connection = fakeredis.FakeStrictRedis(server=fakeredis.FakeServer())
queue = rq.Queue(connection=connection)
for number in range({TASKS}):
    queue.enqueue(jobs.work, number)
rq.Worker([queue], connection=connection).work(burst=True, logging_level="WARNING")
"""
RAY = f"""
import ray

import jobs

@ray.remote
class Actor:
    def run(self, number):
        return jobs.work(number)

if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    actor = Actor.remote()
    ray.get([actor.run.remote(number) for number in range({TASKS})])
    ray.shutdown()
"""
POOL = f"""
import multiprocess

import jobs

if __name__ == "__main__":
    with multiprocess.get_context("METHOD").Pool(2) as pool:
        assert pool.map(lambda number: jobs.work(number), range({TASKS})) == list(range({TASKS}))
"""
PROCESSES = f"""
import multiprocess

import jobs

if __name__ == "__main__":
    context = multiprocess.get_context("METHOD")
    started = [context.Process(target=jobs.work, args=(number,)) for number in range({TASKS})]
    for process in started:
        process.start()
    for process in started:
        process.join()
"""
OF_MULTIPROCESS = [
    ("multiprocess", code.replace("METHOD", method))
    for code in (POOL, PROCESSES)
    for method in ("fork", "spawn", "forkserver")
]


@pytest.mark.parametrize(("package", "code"), [("rq", RQ), ("ray", RAY), *OF_MULTIPROCESS])
def test_what_its_workers_record_arrives(package: str, code: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    (tmp_path / "jobs.py").write_text(JOBS)
    with Server() as server:
        settings = {"BASE_URL": server.url, "PUBLIC_KEY": "pk", "SECRET_KEY": "sk"}
        environment = {f"VOLTAGENT_{name}": value for name, value in settings.items()}
        done = run_script(code, tmp_path, timeout=120, PYTHONWARNINGS="ignore", **environment)
    assert done.returncode == 0, done.stderr
    assert [request.line for request in server.requests].count("POST /history") == TASKS
