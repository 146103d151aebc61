"""Our deadline has passed, and the customer pays all the same; no webhook tells of it. The money is found by asking."""

import dataclasses
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.payment.events import PaymentInitiated
from app.domain.payment.model import AwaitingCustomer, Captured, Expired, PaymentState
from app.domain.payment.next_action import Policy
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load
from app.laptop.sandbox.simulators import environment
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.registry import ProviderRegistry, open_providers
from app.settings import Settings
from tests.integration.payments import new_id, write
from tests.integration.ways import VAULT, WAYS, Way, card, movements, pay
from tests.support.sandbox_process import SandboxProcess, running_sandbox

AUTHENTICATED = dataclasses.replace(WAYS["stripe"], method=card("stripe", "pm_card_authenticationRequired"))
# Of PayPal's customers nothing is taken until we say so.
LATE_WAYS = [AUTHENTICATED, *(WAYS[name] for name in ("momo", "zalopay", "vnpay"))]
MINUTE = timedelta(minutes=1)
MOST_TURNS = 8


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Every provider; what it sends by itself arrives nowhere."""
    with running_sandbox(tmp_path_factory.mktemp("late")) as process:
        yield process


@pytest.fixture
async def providers(
    way: Way, simulated: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ProviderRegistry]:
    for name, value in environment(simulated.url).items():
        monkeypatch.setitem(os.environ, name, value)
    settings = Settings(providers=[way.provider], sandbox_url=simulated.url)
    async with open_providers(settings, lambda: datetime.now(UTC)) as registry:
        yield registry


@pytest.mark.parametrize("way", LATE_WAYS, ids=lambda way: way.provider)
async def test_who_pays_after_our_deadline_is_seen_though_nobody_tells_of_it(
    way: Way, store: EventStore, providers: ProviderRegistry, simulated: SandboxProcess
) -> None:
    payment_id, now = new_id(), datetime.now(UTC)
    performer = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")
    pump = Pump(store, providers, performer, lambda: now, Policy())

    async def run() -> PaymentState:
        await pump.run(payment_id, new_cause(payment_id))
        return (await load(store, PAYMENTS, payment_id)).state

    terms = PaymentInitiated(
        payment_id=payment_id,
        merchant_id="acme",
        idempotency_key=payment_id,
        fingerprint="f",
        amount=way.price.amount,
        currency=way.price.currency,
        method=way.method,
        expires_at=now + MINUTE,
        at=now,
    )
    await write(store, payment_id, [terms])
    waiting = await run()
    assert isinstance(waiting, AwaitingCustomer)
    now += 2 * MINUTE
    assert isinstance(await run(), Expired)
    now += MINUTE
    assert isinstance(await run(), Expired), "and nobody has paid yet"
    await pay(waiting, simulated.url)
    for _ in range(MOST_TURNS):
        now += MINUTE
        if isinstance(state := await run(), Captured):
            break
    assert isinstance(state, Captured)
    moved = movements(simulated.url, way.ledger_reference(payment_id))
    assert [each["amount"] for each in moved if each["operation"] == "capture"] == [way.price.amount]
