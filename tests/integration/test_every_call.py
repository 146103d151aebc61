"""No answer to any call, before it took effect and after: the table of docs/when-nobody-answers.md, row by row."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.payment.events import CaptureMode, PaymentInitiated
from app.domain.payment.model import (
    Authorized,
    AwaitingCustomer,
    Cancel,
    Capture,
    Captured,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RefundMoney,
    status_of,
)
from app.domain.payment.next_action import Policy, next_action
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load, transact
from app.laptop.sandbox.simulators import environment
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.port import ProviderUnreachable
from app.providers.registry import ProviderRegistry, open_providers
from app.settings import Settings
from tests.integration.payments import new_id, write
from tests.integration.ways import VAULT, WAYS, Way, movements, pay
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

TABLE = Path(__file__).parents[2] / "docs" / "when-nobody-answers.md"
POLICY = Policy(call_timeout=timedelta(seconds=20))
SOME_TIME = timedelta(seconds=11)
MOST_TURNS = 40


@dataclass(frozen=True)
class Row:
    """One row of the table, and one of its two faults."""

    provider: str
    calls: tuple[str, ...]
    story: str
    fault: str
    status: str
    taken: int
    given_back: int

    def __str__(self) -> str:
        return f"{self.provider}-{'+'.join(self.calls)}-{self.story}-{self.fault}"


def rows() -> Iterator[Row]:
    for line in TABLE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or cells[0] not in WAYS:
            continue
        provider, named, story, before, after, money = cells
        calls = tuple(named.split(" + "))
        # Where one pair of numbers stands, it is that of both faults.
        moved = [tuple(map(int, pair.split(","))) for pair in money.split(";")]
        yield Row(provider, calls, story, "timeout_before", before, *moved[0])
        yield Row(provider, calls, story, "timeout_after", after, *moved[-1])


@pytest.fixture
async def providers(
    row: Row, simulated: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ProviderRegistry]:
    for name, value in environment(simulated.url).items():
        monkeypatch.setitem(os.environ, name, value)
    settings = Settings(providers=[row.provider], sandbox_url=simulated.url, provider_timeout=0.3)
    async with open_providers(settings, lambda: datetime.now(UTC)) as registry:
        yield registry


@dataclass
class Story:
    """One payment, brought forward by hand while time passes in leaps."""

    way: Way
    store: EventStore
    providers: ProviderRegistry
    sandbox: SandboxProcess
    payment_id: str = field(default_factory=new_id)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def begin(self, capture: CaptureMode) -> None:
        terms: dict[str, Any] = {
            "payment_id": self.payment_id,
            "merchant_id": "acme",
            "idempotency_key": self.payment_id,
            "fingerprint": "f",
            "amount": self.way.price.amount,
            "currency": self.way.price.currency,
            "method": self.way.method,
            "capture": capture,
            "at": self.now,
        }
        await write(self.store, self.payment_id, [PaymentInitiated(**terms)])

    async def rest(self) -> PaymentState:
        """Pump, pay as the customer, and let time pass, until nothing is left to do."""
        performer = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")
        pump = Pump(self.store, self.providers, performer, lambda: self.now, POLICY)
        paid = False
        for _ in range(MOST_TURNS):
            with suppress(ProviderUnreachable):
                await pump.run(self.payment_id, new_cause(self.payment_id))
            state = await self.state()
            if next_action(state, self.now, POLICY) is None:
                return state
            if isinstance(state, AwaitingCustomer) and not paid:
                await pay(state, self.sandbox.url)
                paid = True
            self.now += SOME_TIME
        raise AssertionError(f"no rest after {MOST_TURNS} turns: {state}")

    async def command(self, command: PaymentCommand) -> PaymentState:
        await transact(self.store, PAYMENTS, self.payment_id, command, new_cause(self.payment_id))
        return await self.rest()

    async def state(self) -> PaymentState:
        return (await load(self.store, PAYMENTS, self.payment_id)).state

    async def told(self, story: str) -> PaymentState:
        """The whole story."""
        by_hand = story in ("hold", "void")
        await self.begin(CaptureMode.MANUAL if by_hand else CaptureMode.AUTOMATIC)
        state = await self.rest()
        match story:
            case "hold":
                assert isinstance(state, Authorized)
                return await self.command(Capture(self.now))
            case "void":
                assert isinstance(state, Authorized)
                return await self.command(Cancel(self.now))
            case "refund":
                assert isinstance(state, Captured)
                return await self.command(RefundMoney("ref_" + self.payment_id[4:], self.now))
        return state


@pytest.mark.parametrize("row", list(rows()), ids=str)
async def test_no_answer_costs_no_payment_and_charges_nobody_twice(
    row: Row, store: EventStore, providers: ProviderRegistry, simulated: SandboxProcess
) -> None:
    way = WAYS[row.provider]
    story = Story(way, store, providers, simulated)
    async with httpx.AsyncClient(base_url=simulated.url, trust_env=False, verify=NO_CERTIFICATES) as script:
        await script.delete("/faults")
        for call in row.calls:
            told = {"provider": row.provider, "call": call, "fault": row.fault}
            assert (await script.post("/faults", json=told)).status_code == 204
        state = await story.told(row.story)
        left = await script.delete("/faults")
        assert left.headers["faults-left"] == "0", "the fault was never played"
    assert not isinstance(state, NotInitiated)
    assert status_of(state).value == row.status
    moved = movements(simulated.url, way.ledger_reference(story.payment_id))
    price = way.price.amount
    assert [each["amount"] for each in moved if each["operation"] == "capture"] == [price] * row.taken
    assert [each["amount"] for each in moved if each["operation"] == "refund"] == [price] * row.given_back
