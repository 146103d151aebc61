"""A gateway that stops gives its clients time to move. That they lose nothing by it: see `test_rolling_restart`."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.client import FrontEnd
from tests.support.gateway_process import gateway
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually

WATCH = """subscription($id: ID!, $after: Int) {
  paymentStatus(id: $id, after: $after) { status version previousVersion } }"""


async def subscribe(url: str, payment_id: str, after: int) -> ClientConnection:
    socket = await connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)
    await socket.send('{"type": "connection_init"}')
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    payload = {"query": WATCH, "variables": {"id": payment_id, "after": after}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
    return socket


async def test_live_sockets_are_handed_back_one_after_the_other_with_their_positions(
    stack: Stack, client: FrontEnd, tmp_path: Path
) -> None:
    payment_id = await client.begin("tok_authenticate", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    with gateway(stack, tmp_path, PAYGATE_DRAIN_SECONDS="1") as leaving:
        await leaving.ready()
        sockets = [await subscribe(leaving.websocket_url, payment_id, -1) for _ in range(10)]
        for socket in sockets:
            while json.loads(await socket.recv()).get("payload", {}).get("extensions", {}).get("position") != 2:
                pass
        leaving.process.send_signal(signal.SIGTERM)
        ends = await asyncio.gather(*(last_words(socket) for socket in sockets))
        # uvicorn ends by the signal it was sent, once all is closed.
        assert leaving.process.wait(10) in {0, -signal.SIGTERM}
    assert {code for _, code, _ in ends} == {1012}
    assert all(message == {"type": "ping", "payload": {"positions": {"1": 2}}} for message, _, _ in ends)
    moments = sorted(moment for _, _, moment in ends)
    assert moments[-1] - moments[0] > 0.5


async def last_words(socket: ClientConnection) -> tuple[Any, int | None, float]:
    last: Any = None
    try:
        async for text in socket:
            last = json.loads(text)
    except ConnectionClosed:
        pass
    return last, socket.close_code, asyncio.get_running_loop().time()


async def test_a_draining_gateway_is_not_ready_and_takes_no_new_stream(
    stack: Stack, client: FrontEnd, tmp_path: Path
) -> None:
    payment_id = await client.begin("tok_authenticate", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    with gateway(stack, tmp_path, PAYGATE_DRAIN_SECONDS="60") as leaving:
        await leaving.ready()
        staying = [await subscribe(leaving.websocket_url, payment_id, 2) for _ in range(2)]
        leaving.process.send_signal(signal.SIGTERM)

        async def unready() -> bool:
            return await leaving.health() == 503

        await eventually(unready, what="503 from /health/ready")
        body = {"query": WATCH, "variables": {"id": payment_id}}
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as http:
            answer = await http.post(
                f"http://127.0.0.1:{leaving.port}/graphql", json=body, headers={"accept": "text/event-stream"}
            )
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        for socket in staying:
            await socket.close()


async def test_an_event_stream_that_is_handed_back_does_not_say_it_is_complete(
    stack: Stack, client: FrontEnd, tmp_path: Path
) -> None:
    payment_id = await client.begin("tok_authenticate", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    with gateway(stack, tmp_path, PAYGATE_DRAIN_SECONDS="0") as leaving:
        await leaving.ready()
        body = {"query": WATCH, "variables": {"id": payment_id, "after": -1}}
        received = ""
        async with (
            httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES, timeout=30) as http,
            http.stream(
                "POST", f"http://127.0.0.1:{leaving.port}/graphql", json=body, headers={"accept": "text/event-stream"}
            ) as answer,
        ):
            async for text in answer.aiter_text():
                received += text
                if "id: 2" in received and leaving.process.poll() is None:
                    leaving.process.send_signal(signal.SIGTERM)
        assert "REQUIRES_ACTION" in received
        assert "event: complete" not in received
