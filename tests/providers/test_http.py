"""How every way a request can end is classified, against real sockets that misbehave."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvloop
from structlog.testing import capture_logs

from app.domain.reports import Unknown
from app.providers.answer import Answer
from app.providers.http import LARGEST_ANSWER, ProviderHttp, ProviderRequest, open_http
from app.providers.port import ProviderUnreachable
from tests.providers.rogue_server import (
    TRUNCATED,
    Behaviour,
    answers,
    answers_json,
    hangs_up,
    http,
    in_turn,
    never_answers,
    raw_server,
    resets,
    resetting_at_once,
    rogue_server,
)

SECRET = "tok_never_to_be_seen"
KEY = "key_never_to_be_seen"
ENOUGH_SECONDS = 30.0
SHORT_SECONDS = 0.2
TURNED_AWAY = answers_json(503, {"error": "busy"})


def a_request(path: str = "/v1/charges") -> ProviderRequest:
    def turned_away(answer: Answer) -> bool:
        return answer.status == 503

    return ProviderRequest("POST", path, {"Idempotency-Key": KEY}, {"token": SECRET}, turned_away)


@asynccontextmanager
async def provider_at(
    url: str, seconds: float = ENOUGH_SECONDS, repeat_seconds: float = 2.0
) -> AsyncIterator[ProviderHttp]:
    async with open_http(url) as client:
        yield ProviderHttp(client, "acme", seconds, repeat_seconds)


@pytest.fixture
def closed_port() -> Iterator[socket.socket]:
    """A port nobody listens on and nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def url_of(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


async def test_a_json_object_is_the_answer() -> None:
    async with rogue_server(answers_json(200, {"id": "ch_1"})) as server, provider_at(server.url) as provider:
        assert await provider.send(a_request()) == Answer(200, {"id": "ch_1"})


async def test_a_refusal_with_a_body_is_an_answer_too() -> None:
    async with rogue_server(answers_json(402, {"error": {}})) as server, provider_at(server.url) as provider:
        assert await provider.send(a_request()) == Answer(402, {"error": {}})


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hangs_up, id="hangs up"),
        pytest.param(resets, id="resets"),
        pytest.param(answers(b"\x16\x03\x01 what?"), id="no HTTP"),
        pytest.param(answers(TRUNCATED), id="truncated"),
        pytest.param(answers(http(200, b"<html>ok</html>")), id="no JSON"),
        pytest.param(answers(http(200, b"[" * 100_000)), id="JSON too deep"),
        pytest.param(answers(http(200, b"\xff\xfe{}")), id="no text"),
        pytest.param(answers(http(200, b"{}", "Content-Encoding: gzip")), id="broken encoding"),
        pytest.param(answers(http(200, b'"' + b"x" * LARGEST_ANSWER + b'"')), id="too large"),
        pytest.param(answers_json(200, ["a list"]), id="no object"),
        pytest.param(answers_json(500, {"error": {}}), id="500 with JSON"),
        pytest.param(answers(http(502, b"Bad Gateway")), id="502 of a proxy"),
        pytest.param(answers(http(503, b"maintenance")), id="503 of a proxy"),
        pytest.param(answers_json(504, {"message": "Endpoint request timed out"}), id="504 of a proxy"),
        pytest.param(answers(http(404, b"Not Found")), id="404 of a proxy"),
        pytest.param(answers(http(307, b"{}", "Location: /elsewhere")), id="redirect"),
    ],
)
async def test_what_may_have_been_carried_out_is_unknown_and_not_repeated(behaviour: Behaviour) -> None:
    async with rogue_server(behaviour) as server, provider_at(server.url) as provider:
        assert isinstance(await provider.send(a_request()), Unknown)
        assert server.requests == 1


async def test_no_answer_within_the_time_of_a_call_is_unknown() -> None:
    async with rogue_server(never_answers) as server, provider_at(server.url, SHORT_SECONDS) as provider:
        assert await provider.send(a_request()) == Unknown("no answer within 0.2 s")


async def test_an_answer_that_drips_is_cut_off_by_the_time_of_the_whole_call() -> None:
    async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, b"x" * 10_000)[:-10_000])
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(SHORT_SECONDS / 20)

    async with rogue_server(drips) as server, provider_at(server.url, SHORT_SECONDS) as provider:
        assert await provider.send(a_request()) == Unknown("no answer within 0.2 s")


async def test_a_refused_connection_is_unreachable_after_a_few_tries(closed_port: socket.socket) -> None:
    async with provider_at(url_of(closed_port), repeat_seconds=SHORT_SECONDS) as provider:
        with pytest.raises(ProviderUnreachable, match="acme: not reached"):
            await provider.send(a_request())


async def test_tries_end_with_the_time_of_the_call(closed_port: socket.socket) -> None:
    async with provider_at(url_of(closed_port), SHORT_SECONDS, ENOUGH_SECONDS) as provider:
        with pytest.raises(ProviderUnreachable, match=r"not reached within 0\.2 s"):
            await provider.send(a_request())


async def test_a_provider_that_starts_meanwhile_gets_the_request_once(closed_port: socket.socket) -> None:
    class StartsListeningAfterARefusal(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return await super().handle_async_request(request)
            except httpx.ConnectError:
                refused.set()
                await listening.wait()
                raise

    refused, listening = asyncio.Event(), asyncio.Event()
    transport = StartsListeningAfterARefusal(trust_env=False)
    async with httpx.AsyncClient(base_url=url_of(closed_port), transport=transport) as client:
        sending = asyncio.create_task(ProviderHttp(client, "acme", ENOUGH_SECONDS).send(a_request()))
        await refused.wait()
        async with rogue_server(answers_json(200, {"id": "ch_1"}), closed_port) as server:
            listening.set()
            assert await sending == Answer(200, {"id": "ch_1"})
            assert server.requests == 1


async def test_a_name_nobody_knows_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    async with provider_at("http://provider.invalid", repeat_seconds=SHORT_SECONDS) as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.send(a_request())


async def test_a_server_that_does_not_speak_tls_is_unreachable() -> None:
    plain_http = answers(http(400, b"plain HTTP only"))
    async with raw_server(plain_http) as address, provider_at(f"https://{address}", repeat_seconds=0.1) as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.send(a_request())


async def test_a_connection_that_takes_too_long_is_unreachable() -> None:
    async with raw_server(never_answers) as address, open_http(f"https://{address}", SHORT_SECONDS) as client:
        with pytest.raises(ProviderUnreachable, match=r"not reached \(ConnectTimeout\)"):
            await ProviderHttp(client, "acme", ENOUGH_SECONDS, SHORT_SECONDS).send(a_request())


async def test_a_request_that_was_turned_away_is_repeated() -> None:
    turns = in_turn(TURNED_AWAY, TURNED_AWAY, answers_json(200, {"id": "ch_1"}))
    async with rogue_server(turns) as server, provider_at(server.url) as provider:
        assert await provider.send(a_request()) == Answer(200, {"id": "ch_1"})
        assert server.requests == 3


async def test_a_request_that_is_always_turned_away_was_certainly_not_carried_out() -> None:
    async with rogue_server(TURNED_AWAY) as server, provider_at(server.url, repeat_seconds=SHORT_SECONDS) as provider:
        with pytest.raises(ProviderUnreachable, match="acme: turned the request away with 503"):
            await provider.send(a_request())
        assert server.requests > 1


async def test_no_answer_to_a_repeat_is_unknown() -> None:
    async with rogue_server(in_turn(TURNED_AWAY, hangs_up)) as server, provider_at(server.url) as provider:
        assert isinstance(await provider.send(a_request()), Unknown)
        assert server.requests == 2


async def test_cancellation_passes_through() -> None:
    arrived = asyncio.Event()

    async def arrives(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await never_answers(reader, writer)

    async with rogue_server(arrives) as server, provider_at(server.url) as provider:
        sending = asyncio.create_task(provider.send(a_request()))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rogue_server(answers_json(200, {})) as server:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, "http://127.0.0.1:9")
        async with provider_at(server.url) as provider:
            assert await provider.send(a_request()) == Answer(200, {})


@pytest.mark.parametrize("behaviour", [hangs_up, TURNED_AWAY, answers_json(200, {}), answers(http(500, b""))])
async def test_neither_logs_nor_errors_hold_a_token_or_a_key(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    with capture_logs() as lines:
        async with rogue_server(behaviour) as server, provider_at(server.url, repeat_seconds=SHORT_SECONDS) as provider:
            try:
                said = repr(await provider.send(a_request(f"/v1/operations/{KEY}")))
            except ProviderUnreachable as error:
                said = repr(error)

    said += repr(lines) + caplog.text + repr(a_request())
    assert SECRET not in said
    assert KEY not in said


def test_a_connection_that_ends_as_soon_as_it_stands_is_a_fault_like_any_other_also_under_uvloop() -> None:
    async def meet(url: str) -> object:
        async with provider_at(url, repeat_seconds=SHORT_SECONDS) as provider:
            return await provider.send(a_request())

    async def meet_often(url: str) -> list[object]:
        return await asyncio.gather(*(meet(url) for _ in range(50)), return_exceptions=True)

    with resetting_at_once() as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcomes = runner.run(meet_often(url))
    assert {type(outcome) for outcome in outcomes} <= {Unknown, ProviderUnreachable}
