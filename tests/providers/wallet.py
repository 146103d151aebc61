"""What the tests of wallets share: calls about a payment in đồng whose customer is sent to a page."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import ActionNeeded, ProviderReport
from app.laptop.sandbox.simulators import environment
from app.providers.notices import RawNotice
from app.providers.port import Authorization, CaptureCall, PaymentProvider, PaymentTerms, Query, RefundCall, VoidCall
from app.providers.registry import open_providers
from app.settings import Settings
from app.wiring.shared import utc_now
from tests.providers.builders import INITIATED, terms
from tests.providers.rogue_server import http, raw_server
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

PRICE = Money(200_000, "VND")
PART = Money(50_000, "VND")
PUBLIC_URL = "http://127.0.0.1:1"
"""Nobody listens there: what the simulators send by themselves gets lost."""


@cache
def begun(_: PaymentId) -> datetime:
    """Now, and the same ever after; not every wallet takes a payment that was begun long ago."""
    return datetime.now(UTC)


def dong(amount: int) -> Money:
    return Money(amount, "VND")


def wallet_terms(payment_id: PaymentId, **changes: Any) -> PaymentTerms:
    usual: dict[str, Any] = {"money": PRICE, "method": "redirect", "initiated_at": begun(payment_id)}
    return terms(payment_id, **usual | changes)


def begin(payment_id: PaymentId, **changes: Any) -> Authorization:
    return Authorization(wallet_terms(payment_id, **changes), provider_key(payment_id, Operation.AUTHORIZE))


def take(payment_id: PaymentId, reference: str, money: Money = PRICE, **changes: Any) -> CaptureCall:
    key = provider_key(payment_id, Operation.CAPTURE)
    return CaptureCall(wallet_terms(payment_id, **changes), key, reference, money)


def release(payment_id: PaymentId, reference: str, *, held: bool, **changes: Any) -> VoidCall:
    return VoidCall(wallet_terms(payment_id, **changes), provider_key(payment_id, Operation.VOID), reference, held)


def give_back(
    payment_id: PaymentId, reference: str, money: Money = PRICE, refund_id: str = "1", **changes: Any
) -> RefundCall:
    return RefundCall(wallet_terms(payment_id, **changes), refund_key(payment_id, refund_id), reference, money, PRICE)


def refund_key(payment_id: PaymentId, refund_id: str = "1") -> str:
    return provider_key(payment_id, Operation.REFUND, f"ref_{refund_id:2<32}")


def ask(
    payment_id: PaymentId,
    operation: Operation = Operation.AUTHORIZE,
    *,
    reference: str | None = None,
    conclusive: bool = False,
    refund: Money = PRICE,
    **changes: Any,
) -> Query:
    refunding = operation is Operation.REFUND
    key = refund_key(payment_id) if refunding else provider_key(payment_id, operation)
    asked = wallet_terms(payment_id, **changes)
    return Query(asked, operation, key, reference, conclusive, PRICE, refund if refunding else None)


def new_wallet_payment() -> PaymentId:
    return PaymentId(f"pay_{uuid.uuid4().hex}")


@asynccontextmanager
async def wallet(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch, seconds: float = 5.0
) -> AsyncIterator[PaymentProvider]:
    """A provider pointed at its simulator at `url`."""
    for variable, value in environment(url).items():
        monkeypatch.setenv(variable, value)
    settings = Settings(providers=[name], provider_timeout=seconds, public_url=PUBLIC_URL)
    async with open_providers(settings, utc_now) as registry:
        found = registry.get(name)
        assert found is not None
        yield found


async def press(button: str, needed: ProviderReport) -> str:
    """What the customer's browser does; returns where it is sent next."""
    assert isinstance(needed, ActionNeeded)
    assert isinstance(needed.action, RedirectAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.post(needed.action.url, data={"decision": button})
    assert answer.status_code == 303
    location: str = answer.headers["Location"]
    return location


async def will_fail(sandbox: SandboxProcess, provider: str, call: str, fault: str) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        script = {"provider": provider, "call": call, "fault": fault}
        assert (await client.post(f"{sandbox.url}/faults", json=script)).status_code == 204


def movements(sandbox: SandboxProcess, payment_id: PaymentId) -> list[tuple[str, int]]:
    return [(movement["operation"], movement["amount"]) for movement in sandbox.ledger(payment_id)]


@dataclass(frozen=True)
class Sent:
    """A request as it arrived."""

    line: str
    media_type: str
    body: dict[str, Any]


@asynccontextmanager
async def recorder(sent: list[Sent], answer: object) -> AsyncIterator[str]:
    """A server that takes down what it is sent and gives always the same answer."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        sent.append(Sent(line, headers["content-type"], body))
        writer.write(http(200, json.dumps(answer).encode()))
        await writer.drain()

    async with raw_server(behave) as address:
        yield f"http://{address}"


def raw_notice(body: bytes) -> RawNotice:
    return RawNotice("POST", b"", {"content-type": "application/json"}, body, INITIATED)
