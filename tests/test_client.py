"""The low-level client against a real server: what it sends, what it makes of answers, what it keeps to itself."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.helpers.server import Server, answer, hang, reset, unused_port
from voltagent.client import VoltAgentCoreAPI
from voltagent.errors import APIError, TimeoutError, ValidationError, VoltAgentError
from voltagent.types import (
    AddEventRequest,
    CreateHistoryRequest,
    Event,
    EventLevel,
    EventStatus,
    History,
    TimelineEvent,
    TokenUsage,
    TraceStatus,
    UpdateEventRequest,
    UpdateHistoryRequest,
    VoltAgentConfig,
)

SECRET = "sk_live_1f0c5d7e9a"
HISTORY = {"id": "h-1", "agent_id": "a", "status": "working", "from_the_server": 1}
EVENT = {"id": "e-1", "history_id": "h-1", "event_type": "tool", "event_name": "tool:start", "status": "running"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(lambda request: answer(200, EVENT if "events" in request.path else HISTORY)) as running:
        yield running


def config(server: Server | str, **more: Any) -> dict[str, Any]:
    url = server if isinstance(server, str) else server.url
    return {"base_url": url, "public_key": "pk_1", "secret_key": SECRET, "timeout": 10, **more}


Ask = Callable[[VoltAgentCoreAPI, str, Any], Any]


def _sync(api: VoltAgentCoreAPI, method: str, data: Any) -> Any:
    with api:
        return getattr(api, method)(data)


def _async(api: VoltAgentCoreAPI, method: str, data: Any) -> Any:
    async def go() -> Any:
        async with api:
            return await getattr(api, f"{method}_async")(data)

    return asyncio.run(go())


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


CREATE = CreateHistoryRequest(
    id="h-1", agent_id="a", userId="u", input={"q": None, "é": [1.5, "☃"]}, tags=["t"],
    level=EventLevel.WARNING, extra_field=2,
)  # fmt: skip


class TestRequests:
    def test_add_history(self, server: Server, ask: Ask) -> None:
        made = ask(VoltAgentCoreAPI(config(server)), "add_history", CREATE)
        assert isinstance(made, History)
        assert (made.id, made.status, made.from_the_server) == ("h-1", TraceStatus.WORKING, 1)  # type: ignore[attr-defined]
        assert server.requests[0].line == "POST /history"
        assert server.requests[0].json == {
            "id": "h-1", "agent_id": "a", "userId": "u", "status": "working", "input": {"é": [1.5, "☃"], "q": None},
            "tags": ["t"], "level": "WARNING", "extra_field": 2,
        }  # fmt: skip

    def test_update_history(self, server: Server, ask: Ask) -> None:
        data = UpdateHistoryRequest(
            id="h-1", status=TraceStatus.COMPLETED, end_time="t", usage=TokenUsage(prompt_tokens=1)
        )
        made = ask(VoltAgentCoreAPI(config(server)), "update_history", data)
        assert isinstance(made, History)
        assert server.requests[0].line == "PATCH /history/h-1"
        assert server.requests[0].json == {"status": "completed", "end_time": "t", "usage": {"prompt_tokens": 1}}

    def test_add_event_sends_nulls_and_no_id(self, server: Server, ask: Ask) -> None:
        event = TimelineEvent(id="mine", name="tool:start", type="tool", startTime="s", parentEventId="p", unknown=1)  # type: ignore[call-arg]
        event.status = "completed"  # type: ignore[assignment] - not validated on assignment
        made = ask(VoltAgentCoreAPI(config(server)), "add_event", AddEventRequest(history_id="h-1", event=event))
        assert isinstance(made, Event)
        assert server.requests[0].line == "POST /history-events"
        assert server.requests[0].json == {
            "history_id": "h-1", "event_type": "tool", "event_name": "tool:start", "start_time": "s", "end_time": None,
            "status": "completed", "status_message": None, "level": "INFO", "version": None, "parent_event_id": "p",
            "tags": None, "metadata": None, "input": None, "output": None,
        }  # fmt: skip

    def test_update_event(self, server: Server, ask: Ask) -> None:
        data = UpdateEventRequest(id="e-1", status=EventStatus.ERROR, status_message={"message": "no"})
        made = ask(VoltAgentCoreAPI(config(server)), "update_event", data)
        assert isinstance(made, Event)
        assert server.requests[0].line == "PATCH /history-events/e-1"
        assert server.requests[0].json == {"status": "error", "status_message": {"message": "no"}}

    def test_an_update_of_nothing_has_no_body(self, server: Server, ask: Ask) -> None:
        ask(VoltAgentCoreAPI(config(server)), "update_event", UpdateEventRequest(id="e-1"))
        assert server.requests[0].body == b""

    def test_headers(self, server: Server, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
        own = {
            "X-Extra": "1",
            "X-Secret-Key": "mine",
            "content-type": "text/plain",
            "Content-Length": "0",
            "HOST": "evil",
        }
        with caplog.at_level(logging.WARNING, "voltagent"):
            api = VoltAgentCoreAPI(config(server, headers=own))
        assert [record.args for record in caplog.records] == [
            ("X-Secret-Key",), ("content-type",), ("Content-Length",), ("HOST",)
        ]  # fmt: skip
        ask(api, "add_history", CREATE)
        sent = server.requests[0].headers
        assert {name: sent[name] for name in ("content-type", "x-public-key", "x-secret-key", "x-extra", "host")} == {
            "content-type": "application/json", "x-public-key": "pk_1", "x-secret-key": SECRET, "x-extra": "1",
            "host": server.url.removeprefix("http://"),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("identifier", "segment"),
        [("../admin/keys", "..%2Fadmin%2Fkeys"), ("..", "%2E%2E"), (".", "%2E"), ("a?b#c", "a%3Fb%23c"),
         ("ü 1", "%C3%BC%201"), ("%2e%2e", "%252e%252e"), ("//host/x", "%2F%2Fhost%2Fx"), ("a\r\nb", "a%0D%0Ab"),
         ("v1.2", "v1.2")],
    )  # fmt: skip
    def test_an_id_is_one_segment(self, server: Server, ask: Ask, identifier: str, segment: str) -> None:
        ask(VoltAgentCoreAPI(config(server.url + "/base/")), "update_history", UpdateHistoryRequest(id=identifier))
        assert server.requests[0].line == f"PATCH /base/history/{segment}"

    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(identifier=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
    def test_no_id_leaves_its_segment(self, identifier: str) -> None:
        seen: list[httpx.Request] = []

        def handler(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(200, json=EVENT)

        with VoltAgentCoreAPI(config("https://host/base"), transport=httpx.MockTransport(handler)) as api:
            api.update_event(UpdateEventRequest(id=identifier))
        path = seen[0].url.raw_path.decode()
        assert path.startswith("/base/history-events/")
        assert path.count("/") == 3
        assert path.rpartition("/")[2] not in {".", ".."}
        assert not seen[0].url.query
        assert not seen[0].url.fragment


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [(401, {"message": "Unauthorized"}, "Unauthorized"), (500, {"errors": ["x"]}, "An error occurred"),
         (422, {"message": None}, "An error occurred"), (400, {"message": {"code": 1}}, "{'code': 1}"),
         (403, ["no"], "An error occurred"), (403, "plain text in JSON", "plain text in JSON"),
         (404, None, "An error occurred")],
    )  # fmt: skip
    def test_no_is_an_api_error(self, server: Server, ask: Ask, status: int, body: Any, message: str) -> None:
        server.reply = answer(status, body)
        with pytest.raises(APIError) as caught:
            ask(VoltAgentCoreAPI(config(server)), "add_history", CREATE)
        assert str(caught.value) == message
        assert caught.value.status_code == status
        assert caught.value.response_data == (body if isinstance(body, dict) else None)

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [(200, b"<html>", "Invalid JSON response: <html>"), (502, b"Bad Gateway", "Invalid JSON response: Bad Gateway"),
         (204, b"", "Invalid JSON response: "), (302, b"", "Invalid JSON response: "),
         (200, b"\xff\xfe{", "Invalid JSON response: \ufffd\ufffd{"),
         (200, b"[" * 100_000, "Invalid JSON response: " + "[" * 100_000),
         (200, b"[1]", "Invalid JSON response: an object was expected, not list"),
         (201, b"null", "Invalid JSON response: an object was expected, not NoneType")],
    )  # fmt: skip
    def test_what_is_no_json_object_is_an_api_error(
        self, server: Server, ask: Ask, status: int, body: bytes, message: str
    ) -> None:
        server.reply = answer(status, body)
        with pytest.raises(APIError) as caught:
            ask(VoltAgentCoreAPI(config(server)), "add_history", CREATE)
        assert str(caught.value) == message
        assert (caught.value.status_code, caught.value.response_data) == (status, None)

    def test_a_missing_field_is_a_validation_error(self, server: Server, ask: Ask) -> None:
        server.reply = answer(200, {"id": "h-1"})
        with pytest.raises(ValidationError, match=r"(?s)Invalid response data: .*agent_id.*Field required"):
            ask(VoltAgentCoreAPI(config(server)), "add_history", CREATE)

    def test_silence_is_a_timeout(self, server: Server, ask: Ask) -> None:
        server.reply = hang
        with pytest.raises(TimeoutError, match=r"^Request timeout$"):
            ask(VoltAgentCoreAPI(config(server, timeout=0.05)), "add_history", CREATE)

    def test_network_errors_have_status_0(self, server: Server, ask: Ask) -> None:
        server.reply = reset
        for url in (server.url, f"http://127.0.0.1:{unused_port()}", "ftp://x", "no-scheme"):
            with pytest.raises(APIError, match=r"^Network error: .+") as caught:
                ask(VoltAgentCoreAPI(config(url)), "add_history", CREATE)
            assert (caught.value.status_code, caught.value.response_data) == (0, None)


class TestSecret:
    @pytest.mark.parametrize(
        "reply",
        [answer(401, {"message": f"bad key {SECRET}", "sent": [{SECRET: SECRET}]}),
         answer(200, f"<p>{SECRET}".encode()),
         answer(401, b'{"message": "bad key sk_li\\u0076e_1f0c5d7e9a"}'),
         answer(200, {"id": [SECRET], "agent_id": "x"}),
         answer(403, SECRET), b"HTTP/1.1 " + SECRET.encode() + b"\r\n\r\n"],
    )  # fmt: skip
    def test_an_echoed_secret_stays_out_of_the_exception(self, server: Server, ask: Ask, reply: bytes) -> None:
        server.reply = reply
        with pytest.raises(VoltAgentError) as caught:
            ask(VoltAgentCoreAPI(config(server)), "add_history", CREATE)
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert SECRET not in shown + repr(caught.value) + repr(pickle.dumps(caught.value))
        assert "[redacted]" in shown

    def test_a_stand_in_for_a_secret_does_not_maul_the_message(self, server: Server, ask: Ask) -> None:
        server.reply = answer(401, {"message": "your secret key is wrong"})
        with pytest.raises(APIError, match="your secret key is wrong"):
            ask(VoltAgentCoreAPI(config(server, secret_key="secret")), "add_history", CREATE)

    def test_it_is_in_no_repr_and_no_pickle(self, server: Server) -> None:
        with VoltAgentCoreAPI(config(server)) as api:
            shown = [repr(api), repr(api.config), repr(api.headers), repr(vars(api)), repr(api.sync_client.headers)]
            shown += [repr(api.async_client.headers), repr(pickle.dumps(api)), repr(pickle.dumps(api.headers))]
            assert not [text for text in shown if SECRET in text]
            assert api.headers["x-secret-key"] == SECRET

    def test_it_goes_to_the_configured_server_only(self, server: Server) -> None:
        with Server() as other, VoltAgentCoreAPI(config(server)) as api:
            server.reply = answer(307, b"", location=other.url + "/elsewhere")
            api.sync_client.get(server.url, follow_redirects=True)
            api.sync_client.get(other.url)
            assert server.requests[0].headers["x-secret-key"] == SECRET
            assert [request.path for request in other.requests] == ["/elsewhere", "/"]
            assert not [request for request in other.requests if "x-secret-key" in request.headers]

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [({"secret_key": SECRET + "\n"}, "secret_key"), ({"secret_key": SECRET + "é"}, "secret_key"),
         ({"public_key": "p\x00k"}, "public_key"), ({"headers": {"X-Token": "a\r\nX-Other: b"}}, "headers['X-Token']")],
    )  # fmt: skip
    def test_what_no_header_can_hold_is_refused_before_anything_is_sent(
        self, wrong: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(ValidationError) as caught:
            VoltAgentCoreAPI(config("https://x", **wrong))
        assert str(caught.value).startswith(f"{named} contains ")
        assert SECRET not in repr(caught.value)

    def test_a_pickled_client_says_what_it_lacks(self) -> None:
        written = pickle.dumps(VoltAgentCoreAPI(config("https://x")))
        with pytest.raises(ValidationError, match="pickles do not contain the key"):
            pickle.loads(written)


class TestClient:
    def test_attributes(self) -> None:
        api = VoltAgentCoreAPI(VoltAgentConfig(**config("https://x/y//", headers={"X-A": "b"})))
        assert (api.base_url, api.timeout) == ("https://x/y", 10)
        assert api.headers == {
            "Content-Type": "application/json", "x-public-key": "pk_1", "x-secret-key": SECRET, "X-A": "b"
        }  # fmt: skip
        assert isinstance(api.config, VoltAgentConfig)

    @pytest.mark.parametrize(
        "wrong", [{}, {"base_url": "https://x", "public_key": "p"}, config("https://x", timeout="soon")]
    )
    def test_a_wrong_dict_is_refused_as_in_the_older_package(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(pydantic.ValidationError) as caught:
            VoltAgentCoreAPI(wrong)
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("wrong", [5, "https://x", None, VoltAgentConfig])
    def test_what_is_no_config_is_refused_with_what_is_wanted(self, wrong: Any) -> None:
        wanted = f"config must be a VoltAgentConfig or a dict, got {type(wrong).__name__}"
        with pytest.raises(ValidationError, match=wanted):
            VoltAgentCoreAPI(wrong)

    def test_a_closed_client_opens_again(self, server: Server) -> None:
        api = VoltAgentCoreAPI(config(server))
        first = api.sync_client
        assert api.sync_client is first
        api.add_history(CREATE)
        api.close()
        api.close()
        assert first.is_closed
        with api:
            api.add_history(CREATE)
        assert server.connections == 2

    def test_a_closed_async_client_opens_again(self, server: Server) -> None:
        async def go() -> None:
            api = VoltAgentCoreAPI(config(server))
            first = api.async_client
            await asyncio.gather(*(api.add_history_async(CREATE) for _ in range(3)))
            await api.aclose()
            await api.aclose()
            assert first.is_closed
            async with api as entered:
                assert entered is api
                assert (await api.add_history_async(CREATE)).id == "h-1"

        asyncio.run(go())
        assert len(server.requests) == 4

    def test_copies_have_connections_of_their_own(self, server: Server) -> None:
        with VoltAgentCoreAPI(config(server)) as api:
            api.add_history(CREATE)
            for copied in (copy.copy(api), copy.deepcopy(api)):
                with copied:
                    assert copied.sync_client is not api.sync_client
                    assert copied.add_history(CREATE).id == "h-1"

    def test_the_transport_is_used_and_must_fit(self, ask: Ask) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=HISTORY))
        assert ask(VoltAgentCoreAPI(config("https://nowhere"), transport=transport), "add_history", CREATE).id == "h-1"
        blocking = VoltAgentCoreAPI(config("https://nowhere"), transport=httpx.HTTPTransport())
        with pytest.raises(TypeError, match=r"HTTPTransport does not work with asyncio.*httpx\.AsyncBaseTransport"):
            blocking.async_client
