"""What the simulator refuses, on the wire; and its events as the connector's reader and Stripe's library see them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from app.domain.reports import Authorized, Captured, Refunded
from app.laptop.sandbox.server import SandboxOptions, serve
from app.laptop.sandbox.stripe.protocol import SECRET_KEY, WEBHOOK_SECRET
from app.providers.notices import Notice, RawNotice
from app.providers.stripe.notices import StripeNotices
from app.providers.stripe.settings import StripeSettings
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

FORM = {"amount": "4200", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
HELD = {**FORM, "capture_method": "manual", "metadata[payment_id]": "pay_1"}
INTENTS = "/stripe/v1/payment_intents"
Told = tuple[dict[str, str], bytes]


@pytest.fixture
def http(shared: SandboxProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.url, auth=(SECRET_KEY, ""), trust_env=False, verify=NO_CERTIFICATES) as client:
        yield client


@pytest.mark.parametrize(
    "authorization", [None, "Bearer sk_test_of_another", "Basic ???", "Digest x", "Bearer", "Basic OnNrX3Rlc3Q="]
)
def test_without_the_right_key_it_answers_401(shared: SandboxProcess, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.post(f"{shared.url}{INTENTS}", data=FORM, headers=headers, trust_env=False, verify=NO_CERTIFICATES)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_key_may_come_as_bearer_or_as_user_name(http: httpx.Client) -> None:
    assert http.post(INTENTS, data=FORM).status_code == 200
    bearer = {"Authorization": f"Bearer {SECRET_KEY}"}
    assert http.post(INTENTS, data=FORM, headers=bearer, auth=httpx.Auth()).status_code == 200


def test_json_is_not_what_it_reads(http: httpx.Client) -> None:
    answer = http.post(INTENTS, json={"amount": 4200, "currency": "eur"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "-1"},
        {"amount": "42.00"},
        {"amount": "0"},
        {"amount": "100000000"},
        {"currency": "EUR"},
        {"payment_method_types[0]": "card"},  # of another version
        {"payment_method": "pm_nobody_knows"},
        {"payment_method": "4242424242424242"},
        {"payment_method": "pm_card_authenticationRequired"},  # with nowhere to come back to
    ],
)
def test_what_is_wrong_with_a_parameter_is_not_kept_under_the_key(http: httpx.Client, changes: dict[str, str]) -> None:
    key = {"Idempotency-Key": f"key-{changes}"}
    refused = http.post(INTENTS, data=FORM | changes, headers=key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert http.post(INTENTS, data=FORM, headers=key).status_code == 200


def test_the_first_answer_is_kept_for_a_key(http: httpx.Client) -> None:
    key = {"Idempotency-Key": "key-of-a-decline"}
    declined = FORM | {"payment_method": "pm_card_chargeDeclined"}
    first, second = (http.post(INTENTS, data=declined, headers=key) for _ in range(2))
    assert first.status_code == second.status_code == 402
    assert first.json() == second.json()
    assert (first.headers.get("idempotent-replayed"), second.headers["idempotent-replayed"]) == (None, "true")
    assert http.post(INTENTS, data=FORM, headers=key).json()["error"]["type"] == "idempotency_error"


@pytest.mark.parametrize("decision", ["", "perhaps"])
def test_the_page_wants_a_decision(http: httpx.Client, decision: str) -> None:
    waits = FORM | {"payment_method": "pm_card_authenticationRequired", "return_url": "https://shop.test"}
    page = http.post(INTENTS, data=waits).json()["next_action"]["redirect_to_url"]["url"]
    assert http.post(page, data={"decision": decision}).status_code == 400
    assert "script" not in http.get(page).text
    assert http.get("/stripe/3ds/pi_nobody_knows").status_code == 404


async def test_every_step_is_told_by_a_signed_event(tmp_path: Path) -> None:
    told: asyncio.Queue[Told] = asyncio.Queue()
    async with _listening(told) as notices_url, _sandbox(tmp_path, notices_url) as client:
        intent = (await client.post(INTENTS, data=HELD)).json()
        await client.post(f"{INTENTS}/{intent['id']}/capture", data={"amount_to_capture": "4200"})
        back = {"payment_intent": intent["id"], "metadata[payment_id]": "pay_1", "metadata[refund_key]": "pay_1.r.1"}
        await client.post("/stripe/v1/refunds", data=back)
        notices = [await _read(await asyncio.wait_for(told.get(), 10)) for _ in range(3)]
    kinds = {type(notice.report) for notice in notices}
    assert kinds == {Authorized, Captured, Refunded}
    assert len({notice.event_id for notice in notices}) == 3


async def _read(told: Told) -> Notice:
    """The notice, once both have believed it."""
    headers, body = told
    stripe.Webhook.construct_event(body, headers["stripe-signature"], WEBHOOK_SECRET)
    settings: Any = {"secret_key": SECRET_KEY, "webhook_secrets": [WEBHOOK_SECRET]}
    raw = RawNotice("POST", b"", headers, body, datetime.now(UTC))
    [notice] = await StripeNotices(StripeSettings(**settings)).read(raw)
    return notice


@asynccontextmanager
async def _sandbox(folder: Path, notices_url: str) -> AsyncIterator[httpx.AsyncClient]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    options = SandboxOptions(folder, port=0, notices_url=notices_url)
    serving = asyncio.create_task(serve(options, ready=port.set_result))
    try:
        url = f"http://127.0.0.1:{await port}"
        async with httpx.AsyncClient(
            base_url=url, auth=(SECRET_KEY, ""), trust_env=False, verify=NO_CERTIFICATES
        ) as client:
            yield client
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@asynccontextmanager
async def _listening(told: asyncio.Queue[Told]) -> AsyncIterator[str]:
    """An address whose requests end up in `told`."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head) if name}
        told.put_nowait((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
