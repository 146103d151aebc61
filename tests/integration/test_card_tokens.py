"""A card's token is kept, sealed, as long as its payment needs it, and then no file has it any more."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from rich.console import Console

from app.access.model import MerchantCaller
from app.access.vault import Vault
from app.domain.ids import MerchantId, PaymentId, payment_id_for
from app.domain.payment.events import CardMethod, PaymentEvent, PaymentInitiated, TokenErased
from app.domain.payment.model import NotInitiated, PaymentStatus, status_of
from app.domain.payment.next_action import Policy
from app.domain.refusals import IdempotencyKeyReused
from app.eventstore import esdb
from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, EventStore
from app.eventstore.tokens import sealed_token_in, token_stream
from app.eventstore.transact import PAYMENTS, load
from app.gateway.inflight import InFlight
from app.gateway.offers import ReturnOrigins
from app.gateway.payments import PaymentCommands
from app.gateway.requests import CancelRequest, InitiateRequest, InvalidRequest, parse
from app.inspecting import timeline
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.breaker import OpenCircuits
from app.providers.registry import ProviderRegistry, open_providers
from app.settings import Settings
from tests.integration.payments import new_id
from tests.support.eventstore_process import EventStoreProcess
from tests.support.sandbox_process import SandboxProcess, running_sandbox

VAULT = Vault(SecretStr("a secret key of at least 32 characters"))
CALLER = MerchantCaller(MerchantId("acme"))
WAYS_TO_END = ["success", "held", "decline", "cancel", "expiry"]
ENDS = {
    "success": PaymentStatus.SUCCEEDED,
    "held": PaymentStatus.AUTHORIZED,
    "decline": PaymentStatus.FAILED,
    "cancel": PaymentStatus.CANCELLED,
    "expiry": PaymentStatus.EXPIRED,
}


@dataclass
class Till:
    """A gateway's commands and a processor, on one event store."""

    store: EventStore
    providers: ProviderRegistry
    redis: Redis
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    @property
    def commands(self) -> PaymentCommands:
        origins, circuits = ReturnOrigins({}, open=True), OpenCircuits(self.redis)
        return PaymentCommands(self.store, VAULT, self.providers, lambda: self.now, InFlight(), origins, circuits)

    async def initiate(self, token: str = "tok_success", **changes: Any) -> str:
        given = {
            "idempotencyKey": new_id(),
            "amount": 4200,
            "currency": "EUR",
            "method": {"card": {"token": token}},
            **changes,
        }
        return (await self.commands.initiate(CALLER, parse(InitiateRequest, given))).payment.id

    async def pump(self, payment_id: str, store: Any = None) -> None:
        performer = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")
        pump = Pump(store or self.store, self.providers, performer, lambda: self.now, Policy())
        await pump.run(payment_id, new_cause(payment_id))

    async def begin(self, way: str) -> str:
        """A payment of which a pump makes an end, in its way."""
        if way == "decline":
            return await self.initiate("tok_decline")
        if way == "expiry":
            payment_id = await self.initiate(expiresIn=60)
            self.now += timedelta(seconds=61)
            return payment_id
        payment_id = await self.initiate(capture="MANUAL" if way == "held" else "AUTOMATIC")
        if way == "cancel":
            await self.commands.cancel(CALLER, parse(CancelRequest, {"paymentId": payment_id}))
        return payment_id

    async def events(self, payment_id: str) -> tuple[PaymentEvent, ...]:
        return (await load(self.store, PAYMENTS, payment_id)).events

    async def status(self, payment_id: str) -> PaymentStatus:
        state = (await load(self.store, PAYMENTS, payment_id)).state
        assert not isinstance(state, NotInitiated)
        return status_of(state)

    async def sealed(self, payment_id: str) -> str | None:
        """The token of a payment as it is kept."""
        first = (await self.events(payment_id))[0]
        assert isinstance(first, PaymentInitiated)
        assert isinstance(first.method, CardMethod)
        assert first.method.sealed_token == ""
        assert first.method.token_stream is not None
        return await sealed_token_in(self.store, first.method.token_stream)

    async def kept(self, payment_id: str, token: str) -> bool:
        """Whether a token is kept under a payment, be it the payment's own or not."""
        return await sealed_token_in(self.store, stream_of(payment_id, token)) is not None


def stream_of(payment_id: str, token: str) -> str:
    return token_stream(PaymentId(payment_id), VAULT.digest(SecretStr(token), PaymentId(payment_id)))


@dataclass
class StoppingStore:
    """The event store; whoever erases is stopped just after it, or just before."""

    store: EventStore
    erases_first: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def erase(self, stream: str) -> None:
        if self.erases_first:
            await self.store.erase(stream)
        raise asyncio.CancelledError


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as process:
        yield process


@pytest.fixture
async def till_at(sandbox: SandboxProcess, redis: Redis) -> AsyncIterator[Callable[[EventStore], Till]]:
    async with open_providers(Settings(sandbox_url=sandbox.url), lambda: datetime.now(UTC)) as providers:
        yield lambda store: Till(store, providers, redis)


@pytest.fixture
def till(store: EventStore, till_at: Callable[[EventStore], Till]) -> Till:
    return till_at(store)


async def test_when_a_payment_does_not_need_its_token_any_more_no_file_has_it(
    own_server: EventStoreProcess, till_at: Callable[[EventStore], Till]
) -> None:
    async with AsyncExitStack() as stack:
        till = till_at(await stack.enter_async_context(esdb.connect(own_server.uri)))
        payments = {way: await till.begin(way) for way in WAYS_TO_END}
        waiting = await till.initiate("tok_authenticate")
        sealed = {way: await till.sealed(payment_id) for way, payment_id in payments.items()}
        assert all(text and holds(own_server.data, text) for text in sealed.values())
        for payment_id in (*payments.values(), waiting):
            await till.pump(payment_id)
        for way, payment_id in payments.items():
            assert await till.status(payment_id) is ENDS[way]
            assert isinstance((await till.events(payment_id))[-1], TokenErased)
            assert await till.sealed(payment_id) is None
        assert await till.status(waiting) is PaymentStatus.REQUIRES_ACTION
        still_needed = await till.sealed(waiting)
        check_point(own_server.data)
        assert not any(text and holds(own_server.data, text) for text in sealed.values())
        assert still_needed
        assert holds(own_server.data, still_needed)


def holds(folder: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in folder.iterdir() if file.is_file())


def check_point(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "events.sqlite3")) as connection:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy


@pytest.mark.parametrize("way", WAYS_TO_END)
@pytest.mark.parametrize("erases_first", [True, False])
async def test_a_processor_that_stops_while_it_erases_is_followed_by_one_that_does(
    till: Till, way: str, erases_first: bool
) -> None:
    payment_id = await till.begin(way)
    with pytest.raises(asyncio.CancelledError):
        await till.pump(payment_id, StoppingStore(till.store, erases_first))
    assert not any(isinstance(event, TokenErased) for event in await till.events(payment_id))
    await till.pump(payment_id)
    await till.pump(payment_id)
    assert [type(event) for event in await till.events(payment_id)].count(TokenErased) == 1
    assert await till.sealed(payment_id) is None
    assert await till.status(payment_id) is ENDS[way]


async def test_a_request_repeated_does_not_bring_back_a_token_that_was_erased(till: Till) -> None:
    key = new_id()
    payment_id = await till.initiate(idempotencyKey=key)
    kept = await till.sealed(payment_id)
    assert await till.initiate(idempotencyKey=key) == payment_id
    assert await till.sealed(payment_id) == kept
    await till.pump(payment_id)
    assert await till.initiate(idempotencyKey=key) == payment_id
    assert await till.sealed(payment_id) is None
    assert await till.status(payment_id) is PaymentStatus.SUCCEEDED


async def test_a_conflicting_request_leaves_no_token_of_its_own_and_takes_none_away(till: Till) -> None:
    key = new_id()
    payment_id = await till.initiate("tok_success", idempotencyKey=key)
    for token, amount in (("tok_decline", 4200), ("tok_success", 1)):
        with pytest.raises(IdempotencyKeyReused):
            await till.initiate(token, idempotencyKey=key, amount=amount)
    assert not await till.kept(payment_id, "tok_decline")
    assert await till.kept(payment_id, "tok_success")
    await till.pump(payment_id)
    assert await till.status(payment_id) is PaymentStatus.SUCCEEDED


async def test_of_many_requests_at_once_with_one_key_only_the_accepted_ones_token_is_kept(till: Till) -> None:
    key, tokens = new_id(), [f"tok_{number}" for number in range(8)]
    answers = await asyncio.gather(
        *(till.initiate(token, idempotencyKey=key) for token in tokens), return_exceptions=True
    )
    (payment_id,) = [answer for answer in answers if isinstance(answer, str)]
    kept = [await till.kept(payment_id, token) for token in tokens]
    assert kept == [isinstance(answer, str) for answer in answers]


async def test_a_payment_from_before_tokens_had_streams_is_carried_out_and_a_repeat_keeps_no_token(till: Till) -> None:
    key = new_id()
    model = await till.initiate(idempotencyKey=new_id())
    (first,) = await till.events(model)
    assert isinstance(first, PaymentInitiated)
    payment_id = payment_id_for(CALLER.merchant_id, key)
    method = CardMethod(provider="sandbox", sealed_token=VAULT.seal(SecretStr("tok_success")))
    old = first.model_copy(update={"payment_id": payment_id, "idempotency_key": key, "method": method})
    stream = PAYMENTS.stream(payment_id)
    await till.store.append(stream, encode(stream, NO_STREAM, [old], new_cause(payment_id)), expected=NO_STREAM)
    assert await till.initiate(idempotencyKey=key) == payment_id
    assert not await till.kept(payment_id, "tok_success")
    await till.pump(payment_id)
    assert await till.status(payment_id) is PaymentStatus.SUCCEEDED
    assert not any(isinstance(event, TokenErased) for event in await till.events(payment_id))


async def test_a_token_that_was_erased_before_there_was_a_payment_is_refused_by_its_field(till: Till) -> None:
    key = new_id()
    payment_id = payment_id_for(CALLER.merchant_id, key)
    await till.store.erase(stream_of(payment_id, "tok_success"))
    with pytest.raises(InvalidRequest) as refused:
        await till.initiate(idempotencyKey=key)
    assert [problem.field for problem in refused.value.problems] == ["method.card.token"]
    assert await till.events(payment_id) == ()


async def test_the_timeline_of_a_payment_shows_no_token(till: Till) -> None:
    payment_id = await till.initiate()
    sealed = await till.sealed(payment_id)
    await till.pump(payment_id)
    printed = StringIO()
    Console(file=printed, width=2000).print(await timeline(till.store, payment_id))
    assert "TokenErased" in printed.getvalue()
    assert sealed
    for secret in ("tok_success", sealed, stream_of(payment_id, "tok_success").rpartition(f"{payment_id}-")[2]):
        assert secret not in printed.getvalue()
