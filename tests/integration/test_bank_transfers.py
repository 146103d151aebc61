"""Payments by bank transfer of which no notice ever comes: what has arrived is found by asking, each transfer once."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.domain.money import Money
from app.domain.payment.events import MoneyToReturn, PaymentInitiated, QrAction, QrMethod
from app.domain.payment.model import AwaitingCustomer, Captured, Expired, PaymentState
from app.domain.payment.next_action import Policy
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load
from app.laptop.sandbox.vietqr.account import environment
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.registry import ProviderRegistry, open_providers
from app.providers.vietqr.qr import parse
from app.settings import Settings
from tests.integration.payments import new_id, write
from tests.integration.ways import VAULT
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox

PRICE = Money(200_000, "VND")
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("bank")) as process:
        yield process


@pytest.fixture
async def providers(bank: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProviderRegistry]:
    for name, value in environment(bank.url).items():
        monkeypatch.setenv(name, value)
    async with open_providers(Settings(providers=["vietqr"]), lambda: datetime.now(UTC)) as registry:
        yield registry


@dataclass
class Story:
    """One payment, pumped by hand."""

    store: EventStore
    providers: ProviderRegistry
    bank: SandboxProcess
    payment_id: str = field(default_factory=new_id)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def begin(self) -> None:
        """Ten minutes to pay."""
        terms = PaymentInitiated(
            payment_id=self.payment_id,
            merchant_id="acme",
            idempotency_key=self.payment_id,
            fingerprint="f",
            amount=PRICE.amount,
            currency=PRICE.currency,
            method=QrMethod(provider="vietqr"),
            expires_at=self.now + 10 * MINUTE,
            at=self.now,
        )
        await write(self.store, self.payment_id, [terms])

    async def pumped(self, after: timedelta = MINUTE) -> PaymentState:
        self.now += after
        performer = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")
        pump = Pump(self.store, self.providers, performer, lambda: self.now, Policy())
        await pump.run(self.payment_id, new_cause(self.payment_id))
        return (await load(self.store, PAYMENTS, self.payment_id)).state

    async def pay(self, payload: str, amount: int) -> None:
        told = {"payload": payload, "amount": str(amount), "feed": "none"}
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as app:
            assert (await app.post(f"{self.bank.url}/vietqr/bank", data=told)).status_code == 303

    async def to_return(self) -> list[tuple[str, int]]:
        events = (await load(self.store, PAYMENTS, self.payment_id)).events
        return [(event.reason, event.amount) for event in events if isinstance(event, MoneyToReturn)]


@pytest.fixture
async def story(store: EventStore, providers: ProviderRegistry, bank: SandboxProcess) -> Story:
    begun = Story(store, providers, bank)
    await begun.begin()
    return begun


def code_of(state: PaymentState) -> str:
    assert isinstance(state, AwaitingCustomer)
    assert isinstance(state.action, QrAction)
    return state.action.payload


async def test_after_a_part_the_rest_is_asked_for_and_several_transfers_add_up(story: Story) -> None:
    first = code_of(await story.pumped())
    await story.pay(first, 120_000)
    rest = code_of(await story.pumped())
    assert parse(rest).amount == 80_000

    for amount in (30_000, 60_000):
        await story.pay(rest, amount)
    state = await story.pumped()
    assert isinstance(state, Captured)
    assert [transfer.amount for transfer in state.transfers] == [120_000, 30_000, 60_000]
    assert await story.to_return() == [("SURPLUS", 10_000)]


async def test_the_whole_price_that_comes_after_the_deadline_is_accepted(story: Story) -> None:
    shown = code_of(await story.pumped())
    assert isinstance(await story.pumped(10 * MINUTE), Expired)
    await story.pay(shown, PRICE.amount)
    assert isinstance(await story.pumped(), Captured)


async def test_after_a_day_nobody_asks_any_more(story: Story) -> None:
    shown = code_of(await story.pumped())
    assert isinstance(await story.pumped(10 * MINUTE), Expired)
    state = await story.pumped(timedelta(days=1))
    assert isinstance(state, Expired)
    assert state.session is None
    await story.pay(shown, PRICE.amount)
    assert await story.pumped() == state
