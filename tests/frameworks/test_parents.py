"""Requests of real web frameworks are one tree, and work in real pools and queues keeps its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import voltagent
from tests.helpers.serving import asgi_server, wsgi_server
from voltagent import ASGIMiddleware, WSGIMiddleware, tool
from voltagent.storage.traces.store import Store

for needed in ("celery", "django", "fastapi", "flask", "gevent", "joblib", "starlette"):
    __import__(needed)


@tool
def step(name: str) -> str:
    return name


def fastapi_app() -> Any:
    from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI
    from fastapi.responses import StreamingResponse

    def dependency() -> Iterator[int]:
        step("dependency")
        yield 1

    router = APIRouter(prefix="/v1")

    def endpoint(user: str, background: Any, _: int = Depends(dependency)) -> Any:
        step("endpoint")
        background.add_task(step, "background")

        def body() -> Iterator[str]:
            step("stream")
            yield "done"

        return StreamingResponse(body(), background=background)

    endpoint.__annotations__["background"] = BackgroundTasks  # a name that only this function knows
    router.get("/users/{user}")(endpoint)
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(ASGIMiddleware, user=lambda scope: dict(scope["headers"])[b"x-user"].decode())
    return app


def starlette_app() -> Any:
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    async def endpoint(request: Any) -> Any:
        step("endpoint")
        return PlainTextResponse("done", background=BackgroundTask(step, "background"))

    return ASGIMiddleware(Starlette(routes=[Mount("/v1", routes=[Route("/users/{user}", endpoint)])]))


def flask_app() -> Any:
    from flask import Flask, Response

    app = Flask("tested")

    @app.route("/v1/users/<user>")
    def endpoint(user: str) -> Any:
        step("endpoint")

        def body() -> Iterator[str]:
            step("stream")
            yield "done"

        return Response(body())

    app.wsgi_app = WSGIMiddleware(app.wsgi_app, user=lambda environ: environ["HTTP_X_USER"])  # type: ignore[method-assign]
    return app


def django_urls() -> None:
    """Configure Django once, with this module as its table of routes."""
    import django
    from django.conf import settings
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import include, path

    if settings.configured:
        return
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this test", LOGGING_CONFIG=None)
    django.setup()

    def endpoint(_: Any, user: str) -> Any:
        step(f"endpoint {user}")

        def body() -> Iterator[str]:
            step("stream")
            yield "done"

        return StreamingHttpResponse(body())

    async def async_endpoint(_: Any, user: str) -> Any:
        step(f"endpoint {user}")

        async def body() -> AsyncIterator[str]:
            step("stream")
            yield "done"

        return StreamingHttpResponse(body())

    def failing(_: Any) -> Any:
        step("endpoint")
        raise LookupError

    below = [path("users/<str:user>", endpoint), path("async/<str:user>", async_endpoint)]
    globals()["urlpatterns"] = [
        path("v1/", include(below)),
        path("fails", failing),
        path("done", lambda _: HttpResponse("done")),
    ]


def django_asgi() -> Any:
    django_urls()
    from django.core.asgi import get_asgi_application

    return ASGIMiddleware(get_asgi_application(), exclude="/done")


def django_wsgi() -> Any:
    django_urls()
    from django.core.wsgi import get_wsgi_application

    return WSGIMiddleware(get_wsgi_application(), exclude="/done")


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize(("serve", "make"), [(asgi_server, django_asgi), (wsgi_server, django_wsgi)])
def test_requests_of_django_are_trees_named_after_the_route(serve: Any, make: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    expected = {"v1/users/ann": 200, "v1/async/ann": 200, "fails": 500, "missing": 404, "done": 200}
    with voltagent.VoltAgentSDK(exporter="local", local_path=path), serve(make()) as url:
        assert {place: httpx.get(f"{url}/{place}").status_code for place in expected} == expected
    steps = ["endpoint ann", "stream"]
    assert sorted(read(path)) == [
        ("GET", [], "completed"),
        ("GET /fails", ["endpoint"], "error"),
        ("GET /v1/async/<str:user>", steps, "completed"),
        ("GET /v1/users/<str:user>", steps, "completed"),
    ]


WEB = {
    "fastapi": (asgi_server, fastapi_app, "{user}", ["dependency", "endpoint", "stream", "background"]),
    "starlette": (asgi_server, starlette_app, "{user}", ["endpoint", "background"]),
    "flask": (wsgi_server, flask_app, "<user>", ["endpoint", "stream"]),
}


@pytest.mark.parametrize("framework", WEB)
def test_a_request_is_one_tree(framework: str, tmp_path: Path) -> None:
    serve, make, parameter, steps = WEB[framework]
    path = tmp_path / "t.db"
    with voltagent.VoltAgentSDK(exporter="local", local_path=path), serve(make()) as url:
        assert httpx.get(f"{url}/v1/users/ann", headers={"x-user": "ann"}).text == "done"
    (trace,) = read(path)
    assert trace[0] == f"GET /v1/users/{parameter}"
    assert trace[1:] == (steps, "completed")


def read(path: Path) -> list[tuple[str, list[str], str]]:
    store = Store(path)
    try:
        return [
            (one.agent_id, [str((operation.input or {}).get("name")) for operation in store.operations(one.id)
                            if operation.kind == "tool"], one.status)
            for one in store.traces()
        ]  # fmt: skip
    finally:
        store.close()


WORK = """
    import sys

    import gevent
    import joblib

    import voltagent
    from voltagent import agent, bind, tool

    @tool
    def step(name): ...

    def plain(name):
        step(name)

    @agent
    def above():
        for backend in ("loky", "threading", "multiprocessing"):
            joblib.Parallel(2, backend=backend)(joblib.delayed(bind(one))(backend) for one in (step, plain))
        gevent.joinall([gevent.spawn(bind(plain), "gevent")])
        gevent.get_hub().threadpool.apply(bind(step), ("gevent",))

    if __name__ == "__main__":
        with voltagent.VoltAgentSDK(exporter="local", local_path=sys.argv[1]):
            above()
"""
QUEUE = """
    import os

    import celery

    from voltagent import agent, bind, tool

    folder = os.environ["QUEUE"]
    app = celery.Celery("queue_of_test", broker="filesystem://", backend=f"file://{folder}")
    app.conf.update(
        broker_transport_options={"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder},
        task_serializer="pickle", accept_content=["pickle", "json"],
    )

    @tool
    def step(name):
        return name

    @app.task
    def run(work, *args):
        return work(*args)

    @agent
    def above():
        return run.delay(bind(step), "celery").get(timeout=50)
"""


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    root = str(Path(voltagent.__file__).parents[1])
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VOLTAGENT_")}
    more = {"HOME": str(folder), "QUEUE": str(folder / "queue"), "PYTHONPATH": os.pathsep.join([root, str(folder)])}
    return subprocess.Popen([sys.executable, *command], cwd=folder, env={**clean, **more, "C_FORCE_ROOT": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip


def test_work_in_joblib_and_gevent_keeps_its_parent(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(textwrap.dedent(WORK))
    program = start(tmp_path, "work.py", "t.db")
    output = program.communicate(timeout=100)[0]
    assert program.returncode == 0, output
    ((name, steps, _),) = read(tmp_path / "t.db")
    assert name == "above"
    assert sorted(steps) == sorted(["loky", "threading", "multiprocessing", "gevent"] * 2)


def test_work_in_celery_keeps_its_parent(tmp_path: Path) -> None:
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue_of_test.py").write_text(textwrap.dedent(QUEUE))
    (tmp_path / "main.py").write_text(
        "import voltagent, queue_of_test\n"
        "with voltagent.VoltAgentSDK(exporter='local', local_path='t.db'):\n"
        "    assert queue_of_test.above() == 'celery'\n"
    )
    worker = start(tmp_path, "-m", "celery", "-A", "queue_of_test", "worker", "-c", "1", "-l", "ERROR")
    try:
        caller = start(tmp_path, "main.py")
        output = caller.communicate(timeout=100)[0]
        assert caller.returncode == 0, output
        until = time.monotonic() + 20
        while read(tmp_path / "t.db") != [("above", ["celery"], "completed")] and time.monotonic() < until:
            time.sleep(0.1)
        assert read(tmp_path / "t.db") == [("above", ["celery"], "completed")]
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
