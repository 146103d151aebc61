"""Every payment comes to its right end with at most one charge, wherever its processor stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, CardMethod, PaymentInitiated
from app.domain.payment.model import (
    AwaitingCustomer,
    Cancel,
    Capture,
    Failed,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    PaymentStatus,
    RefundMoney,
    status_of,
)
from app.domain.payment.next_action import Policy, next_action
from app.eventstore import esdb
from app.eventstore.codec import new_cause
from app.eventstore.port import NO_STREAM, EventStore, NewEvent, RecordedEvent
from app.eventstore.tokens import keep
from app.eventstore.transact import PAYMENTS, load, transact
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.processor.service import Processor
from app.providers.port import PaymentProvider, ProviderUnreachable
from app.providers.registry import ProviderRegistry, open_providers
from app.redisio import open_redis
from app.settings import Settings
from app.wiring.shared import utc_now
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from tests.integration.payments import new_id, write
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox
from tests.support.valkey_process import ValkeyProcess, valkey_process
from tests.support.waiting import eventually

PRICE = Money(4200, "EUR")
SLOW_SECONDS = 0.1
PROVIDER_SECONDS = 0.4
PATIENT_SECONDS = 20.0
"""For a provider that always answers, however busy the machine is."""
POLICY = Policy(call_timeout=timedelta(seconds=20), customer_poll=timedelta(seconds=2), authorization_attempts=2)
SOME_TIME = timedelta(seconds=11)
"""A few of these, and an unanswered call counts as unknown and its absence as conclusive."""
VAULT = Vault(SecretStr("a secret key of at least 32 characters"))
PERFORMER = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")

T = TypeVar("T")
Movements = list[tuple[str, int]]
HELD: Movements = [("authorize", PRICE.amount)]
TAKEN: Movements = [*HELD, ("capture", PRICE.amount)]

OUTCOMES: dict[str, tuple[PaymentStatus, Movements]] = {
    "tok_success": (PaymentStatus.SUCCEEDED, TAKEN),
    "tok_slow": (PaymentStatus.SUCCEEDED, TAKEN),
    "tok_flaky": (PaymentStatus.SUCCEEDED, TAKEN),
    "tok_timeout": (PaymentStatus.SUCCEEDED, TAKEN),
    "tok_timeout_before": (PaymentStatus.FAILED, []),
    "tok_decline": (PaymentStatus.FAILED, []),
    "tok_insufficient_funds": (PaymentStatus.FAILED, []),
}
FAILURES = {
    "tok_timeout_before": "provider_timeout",
    "tok_decline": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
}


class Clock:
    """Time passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class QuickClock:
    """Time passes `speed` times as fast as it does."""

    def __init__(self, speed: int) -> None:
        self._begun = datetime.now(UTC)
        self._speed = speed

    def __call__(self) -> datetime:
        now = datetime.now(UTC)
        return self._begun + (now - self._begun) * self._speed


class Fuse:
    """Cancels whoever comes by as the n-th, before or after what it came for is done."""

    def __init__(self, blows_at: int | None = None, when: Literal["before", "after"] = "before") -> None:
        self.passed = 0
        self._blows_at = blows_at
        self._when = when

    async def __call__(self, work: Callable[[], Awaitable[T]]) -> T:
        number, self.passed = self.passed, self.passed + 1
        if number == self._blows_at and self._when == "before":
            raise asyncio.CancelledError
        answer = await work()
        if number == self._blows_at:
            raise asyncio.CancelledError
        return answer


@dataclass
class FusedStore:
    """The event store, behind a fuse."""

    store: EventStore
    fuse: Fuse

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        await self.fuse(lambda: self.store.append(stream, events, expected=expected))

    async def erase(self, stream: str) -> None:
        await self.fuse(lambda: self.store.erase(stream))

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        return await self.fuse(lambda: self.store.read(stream, after=after))


@dataclass
class WatchedProvider:
    """The provider, behind a fuse; remembers what it was asked."""

    provider: PaymentProvider
    fuse: Fuse
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.provider, name)
        if name not in {"authorize", "capture", "void", "refund", "look_up"}:
            return found

        async def call(request: Any) -> Any:
            self.asked.append(name)
            return await self.fuse(lambda: found(request))

        return call


@dataclass
class Desk:
    """What it takes to bring payments forward by hand."""

    store: EventStore
    provider: PaymentProvider
    sandbox: SandboxProcess
    clock: Clock = field(default_factory=Clock)
    policy: Policy = POLICY

    async def initiate(self, token: str, **changes: Any) -> str:
        payment_id = new_id()
        stream = f"token-{payment_id}-digest"
        await keep(self.store, stream, VAULT.seal(SecretStr(token)), new_cause(payment_id))
        method = CardMethod(provider="sandbox", token_stream=stream)
        await write(self.store, payment_id, [terms(payment_id, "-", self.clock(), method=method, **changes)])
        return payment_id

    def pump(self, fuse: Fuse | None = None, provider: Any = None) -> Pump:
        fuse = fuse or Fuse()
        asked = provider or WatchedProvider(self.provider, fuse)
        store: Any = FusedStore(self.store, fuse)
        return Pump(store, ProviderRegistry({"sandbox": asked}), PERFORMER, self.clock, self.policy)

    async def run(self, payment_id: str) -> PaymentState:
        await self.pump().run(payment_id, new_cause(payment_id))
        return await self.state(payment_id)

    async def settle(self, payment_id: str) -> PaymentState:
        """Pump, and let time pass, until nothing is left to do."""
        for _ in range(20):
            with suppress(ProviderUnreachable):
                state = await self.run(payment_id)
                if next_action(state, self.clock(), self.policy) is None:
                    assert await self.store.read(f"token-{payment_id}-digest") == []
                    return state
            self.clock.advance(SOME_TIME)
        raise AssertionError(f"{payment_id} does not come to an end")

    async def command(self, payment_id: str, command: PaymentCommand) -> None:
        await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id))

    async def state(self, payment_id: str) -> PaymentState:
        return (await load(self.store, PAYMENTS, payment_id)).state

    def movements(self, payment_id: str) -> Movements:
        return [(movement["operation"], movement["amount"]) for movement in self.sandbox.ledger(payment_id)]


def terms(payment_id: str, token: str, at: datetime, **changes: Any) -> PaymentInitiated:
    fields: dict[str, Any] = {
        "payment_id": payment_id,
        "merchant_id": "acme",
        "idempotency_key": payment_id,
        "fingerprint": "f",
        "amount": PRICE.amount,
        "currency": PRICE.currency,
        "method": CardMethod(provider="sandbox", sealed_token=VAULT.seal(SecretStr(token))),
        "at": at,
    }
    return PaymentInitiated(**{**fields, **changes})


def status(state: PaymentState) -> PaymentStatus:
    assert not isinstance(state, NotInitiated)
    return status_of(state)


def assert_outcome(token: str, state: PaymentState, movements: Movements) -> None:
    assert (status(state), movements) == OUTCOMES[token]
    if isinstance(state, Failed):
        assert state.code == FAILURES[token]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), slow_seconds=SLOW_SECONDS) as process:
        yield process


@asynccontextmanager
async def reaching(sandbox: SandboxProcess, seconds: float = PROVIDER_SECONDS) -> AsyncIterator[PaymentProvider]:
    async with open_providers(Settings(sandbox_url=sandbox.url, provider_timeout=seconds), utc_now) as registry:
        provider = registry.get("sandbox")
        assert provider is not None
        yield provider


@pytest.fixture
async def desk(store: EventStore, sandbox: SandboxProcess) -> AsyncIterator[Desk]:
    async with reaching(sandbox) as provider:
        yield Desk(store, provider, sandbox)


@pytest.fixture
async def patient_desk(store: EventStore, sandbox: SandboxProcess) -> AsyncIterator[Desk]:
    async with reaching(sandbox, PATIENT_SECONDS) as provider:
        yield Desk(store, provider, sandbox)


class TestOnePayment:
    @pytest.mark.parametrize("token", OUTCOMES)
    async def test_it_ends_as_its_token_says(self, desk: Desk, token: str) -> None:
        payment_id = await desk.initiate(token)
        state = await desk.settle(payment_id)
        assert_outcome(token, state, desk.movements(payment_id))

    async def test_a_customer_who_approves_pays(self, desk: Desk) -> None:
        payment_id = await desk.initiate("tok_authenticate")
        state = await desk.run(payment_id)
        assert isinstance(state, AwaitingCustomer)
        assert desk.movements(payment_id) == []
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
            await browser.post(state.action.url, data={"decision": "approve"})  # type: ignore[union-attr]
        assert status(await desk.settle(payment_id)) is PaymentStatus.SUCCEEDED
        assert desk.movements(payment_id) == TAKEN

    async def test_a_customer_who_declines_does_not(self, desk: Desk) -> None:
        payment_id = await desk.initiate("tok_authenticate")
        state = await desk.run(payment_id)
        assert isinstance(state, AwaitingCustomer)
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
            await browser.post(state.action.url, data={"decision": "decline"})  # type: ignore[union-attr]
        assert status(await desk.settle(payment_id)) is PaymentStatus.FAILED
        assert desk.movements(payment_id) == []

    async def test_a_customer_who_never_comes_lets_it_expire(self, desk: Desk) -> None:
        deadline = desk.clock() + timedelta(minutes=2)
        payment_id = await desk.initiate("tok_authenticate", expires_at=deadline)
        assert status(await desk.settle(payment_id)) is PaymentStatus.EXPIRED
        assert desk.clock() >= deadline
        assert desk.movements(payment_id) == []

    async def test_a_deadline_that_has_passed_calls_nobody(self, desk: Desk) -> None:
        payment_id = await desk.initiate("tok_success", expires_at=desk.clock())
        assert status(await desk.run(payment_id)) is PaymentStatus.EXPIRED
        assert desk.movements(payment_id) == []


class TestCommands:
    @pytest.fixture
    async def held(self, desk: Desk) -> str:
        payment_id = await desk.initiate("tok_success", capture=CaptureMode.MANUAL)
        assert status(await desk.settle(payment_id)) is PaymentStatus.AUTHORIZED
        assert desk.movements(payment_id) == HELD
        return payment_id

    @pytest.mark.parametrize("amount", [None, 1200])
    async def test_held_money_is_taken_when_the_merchant_says_so(
        self, desk: Desk, held: str, amount: int | None
    ) -> None:
        await desk.command(held, Capture(desk.clock(), amount))
        assert status(await desk.settle(held)) is PaymentStatus.SUCCEEDED
        assert ("capture", amount or PRICE.amount) in desk.movements(held)

    async def test_held_money_is_released_when_the_merchant_says_so(self, desk: Desk, held: str) -> None:
        await desk.command(held, Cancel(desk.clock()))
        assert status(await desk.settle(held)) is PaymentStatus.CANCELLED
        assert desk.movements(held) == [*HELD, ("void", PRICE.amount)]

    async def test_money_goes_back_in_parts_until_all_of_it_has(self, desk: Desk) -> None:
        payment_id = await desk.initiate("tok_success")
        await desk.settle(payment_id)
        await desk.command(payment_id, RefundMoney("ref_1", desk.clock(), 1200))
        assert status(await desk.settle(payment_id)) is PaymentStatus.PARTIALLY_REFUNDED
        await desk.command(payment_id, RefundMoney("ref_2", desk.clock()))
        assert status(await desk.settle(payment_id)) is PaymentStatus.REFUNDED
        assert desk.movements(payment_id) == [*TAKEN, ("refund", 1200), ("refund", 3000)]


class TestCrashes:
    """A processor may stop at any await; whoever pumps next comes to the same end."""

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("token", ["tok_success", "tok_decline", "tok_flaky"])
    async def test_wherever_it_stops_the_payment_ends_as_it_would_have(
        self, patient_desk: Desk, token: str, when: Literal["before", "after"]
    ) -> None:
        stops = await self._stops(patient_desk, await patient_desk.initiate(token))
        assert stops >= 4
        for stop in range(stops):
            payment_id = await patient_desk.initiate(token)
            with pytest.raises(asyncio.CancelledError):
                await patient_desk.pump(Fuse(stop, when)).run(payment_id, new_cause(payment_id))
            assert_outcome(token, await patient_desk.settle(payment_id), patient_desk.movements(payment_id))

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("command", ["capture", "void", "refund"])
    async def test_so_does_a_command(self, patient_desk: Desk, command: str, when: Literal["before", "after"]) -> None:
        stops = await self._stops(patient_desk, await self._commanded(patient_desk, command))
        assert stops >= 4
        for stop in range(stops):
            payment_id = await self._commanded(patient_desk, command)
            with pytest.raises(asyncio.CancelledError):
                await patient_desk.pump(Fuse(stop, when)).run(payment_id, new_cause(payment_id))
            await patient_desk.settle(payment_id)
            before = HELD if command != "refund" else TAKEN
            assert patient_desk.movements(payment_id) == [*before, (command, PRICE.amount)]

    async def test_it_may_stop_again_and_again(self, patient_desk: Desk) -> None:
        patient_desk.policy = replace(POLICY, authorization_attempts=10)
        payment_id = await patient_desk.initiate("tok_success")
        for stop in range(1, 7):
            with suppress(asyncio.CancelledError):
                await patient_desk.pump(Fuse(stop, "after")).run(payment_id, new_cause(payment_id))
            patient_desk.clock.advance(SOME_TIME)
        assert_outcome("tok_success", await patient_desk.settle(payment_id), patient_desk.movements(payment_id))

    async def _stops(self, patient_desk: Desk, payment_id: str) -> int:
        fuse = Fuse()
        await patient_desk.pump(fuse).run(payment_id, new_cause(payment_id))
        return fuse.passed

    async def _commanded(self, patient_desk: Desk, command: str) -> str:
        capture = CaptureMode.AUTOMATIC if command == "refund" else CaptureMode.MANUAL
        payment_id = await patient_desk.initiate("tok_success", capture=capture)
        await patient_desk.settle(payment_id)
        commands: dict[str, PaymentCommand] = {
            "capture": Capture(patient_desk.clock()),
            "void": Cancel(patient_desk.clock()),
            "refund": RefundMoney("ref_1", patient_desk.clock()),
        }
        await patient_desk.command(payment_id, commands[command])
        return payment_id


class TestSeveralAtOnce:
    async def test_of_many_who_pump_one_payment_one_calls_the_provider(self, desk: Desk) -> None:
        """Even when their clocks agree to the microsecond."""
        payment_id = await desk.initiate("tok_success")
        provider = WatchedProvider(desk.provider, Fuse())
        pump = desk.pump(provider=provider)
        await asyncio.gather(*(pump.run(payment_id, new_cause(payment_id)) for _ in range(8)))
        assert_outcome("tok_success", await desk.settle(payment_id), desk.movements(payment_id))
        assert sorted(provider.asked) == ["authorize", "capture"]

    async def test_the_silence_about_an_old_call_says_nothing_of_the_next(self, desk: Desk) -> None:
        """Two ask about a lost call; the second to hear "no trace" must not undo the first one's new call."""
        desk.policy = replace(POLICY, authorization_attempts=10)
        payment_id = await desk.initiate("tok_success")
        with pytest.raises(asyncio.CancelledError):
            await desk.pump(Fuse(3)).run(payment_id, new_cause(payment_id))
        desk.clock.advance(POLICY.call_timeout + SOME_TIME)

        first, second = _Gate(desk.provider), _Gate(desk.provider)
        slow = asyncio.create_task(desk.pump(provider=first).run(payment_id, new_cause(payment_id)))
        await first.reached("look_up")
        quick = asyncio.create_task(desk.pump(provider=second).run(payment_id, new_cause(payment_id)))
        await second.reached("look_up")
        second.open("look_up")
        await second.reached("authorize")
        first.open("look_up")
        first.open("authorize")
        await slow
        second.open("authorize")
        second.open("capture")
        await quick
        assert first.asked == ["look_up"]
        assert second.asked == ["look_up", "authorize", "capture"]
        assert_outcome("tok_success", await desk.settle(payment_id), desk.movements(payment_id))


class _Gate:
    """The provider; each of its calls waits until it is let through."""

    def __init__(self, provider: PaymentProvider) -> None:
        self.asked: list[str] = []
        self._provider = provider
        self._reached: dict[str, asyncio.Event] = {}
        self._open: dict[str, asyncio.Event] = {}

    def open(self, name: str) -> None:
        self._open.setdefault(name, asyncio.Event()).set()

    async def reached(self, name: str) -> None:
        async with asyncio.timeout(10):
            await self._reached.setdefault(name, asyncio.Event()).wait()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._provider, name)
        if name in {"name", "capabilities"}:
            return found

        async def call(request: Any) -> Any:
            self.asked.append(name)
            answer = await found(request) if name == "look_up" else None
            self._reached.setdefault(name, asyncio.Event()).set()
            await self._open.setdefault(name, asyncio.Event()).wait()
            return answer if name == "look_up" else await found(request)

        return call


@dataclass
class Office:
    """Projection and processors at work on a store of their own."""

    store: EventStore
    provider: WatchedProvider
    sandbox: SandboxProcess
    clock: QuickClock

    async def initiate(self, token: str) -> str:
        payment_id = new_id()
        await write(self.store, payment_id, [terms(payment_id, token, self.clock())])
        return payment_id

    async def settled(self, payment_id: str) -> PaymentState:
        async def found() -> PaymentState | None:
            state = (await load(self.store, PAYMENTS, payment_id)).state
            over = not isinstance(state, NotInitiated) and status_of(state).final
            return state if over else None

        return await eventually(found, what=f"the end of {payment_id}")

    def movements(self, payment_id: str) -> Movements:
        return [(movement["operation"], movement["amount"]) for movement in self.sandbox.ledger(payment_id)]


@pytest.fixture(scope="module")
def office_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStoreProcess]:
    """A store whose payments are all meant for the sandbox."""
    with EventStoreProcess(tmp_path_factory.mktemp("eventstore")) as process:
        yield process


@pytest.fixture(scope="module")
def office_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    with valkey_process(tmp_path_factory.mktemp("valkey")) as process:
        yield process


@asynccontextmanager
async def opened(
    server: EventStoreProcess,
    valkey: ValkeyProcess,
    sandbox: SandboxProcess,
    processors: int,
    *,
    patient: bool = False,
) -> AsyncIterator[Office]:
    """`patient`: no call is ever taken for lost, so that how often a provider was called tells who called it."""
    seconds, speed = (PATIENT_SECONDS, 1) if patient else (PROVIDER_SECONDS, 40)
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_redis(valkey.url))
        provider = WatchedProvider(await stack.enter_async_context(reaching(sandbox, seconds)), Fuse())
        registry, clock, read_model = ProviderRegistry({"sandbox": provider}), QuickClock(speed), ReadModel(redis)
        stores = [await stack.enter_async_context(esdb.connect(server.uri)) for _ in range(processors + 1)]
        running = [asyncio.create_task(Projection(stores[0], Publisher(redis), POLICY).run())]
        for store in stores[1:]:
            pump = Pump(store, registry, PERFORMER, clock, POLICY)
            processor = Processor(store, read_model, pump, concurrency=8, sweep_seconds=0.05)
            running.append(asyncio.create_task(processor.run()))
        try:
            yield Office(stores[0], provider, sandbox, clock)
        finally:
            for task in running:
                task.cancel()
            ends = await asyncio.gather(*running, return_exceptions=True)
        # Cancelled, and not fallen over on the way.
        assert [type(end) for end in ends] == [asyncio.CancelledError] * len(running)


class TestTheService:
    async def test_every_payment_ends_as_its_token_says(
        self, office_server: EventStoreProcess, office_valkey: ValkeyProcess, sandbox: SandboxProcess
    ) -> None:
        async with opened(office_server, office_valkey, sandbox, processors=1) as office:
            payments = {token: await office.initiate(token) for token in OUTCOMES}
            for token, payment_id in payments.items():
                state = await office.settled(payment_id)
                assert_outcome(token, state, office.movements(payment_id))

    async def test_two_processors_share_the_work_and_charge_once(
        self, office_server: EventStoreProcess, office_valkey: ValkeyProcess, sandbox: SandboxProcess
    ) -> None:
        async with opened(office_server, office_valkey, sandbox, processors=2, patient=True) as office:
            payments = [await office.initiate("tok_success") for _ in range(20)]
            for payment_id in payments:
                assert_outcome("tok_success", await office.settled(payment_id), office.movements(payment_id))
            assert office.provider.asked.count("authorize") == len(payments)
            assert office.provider.asked.count("capture") == len(payments)

    async def test_a_provider_that_is_down_holds_payments_up_and_loses_none(
        self, office_server: EventStoreProcess, office_valkey: ValkeyProcess, tmp_path: Path
    ) -> None:
        with running_sandbox(tmp_path / "sandbox") as sandbox:
            async with opened(office_server, office_valkey, sandbox, processors=1) as office:
                sandbox.kill()
                payments = [await office.initiate("tok_success") for _ in range(3)]
                await eventually(lambda: _asked(office, 3), what="calls that reach nobody")
                await asyncio.to_thread(sandbox.restart)
                for payment_id in payments:
                    assert_outcome("tok_success", await office.settled(payment_id), office.movements(payment_id))

    async def test_what_cannot_be_processed_is_set_aside_and_stops_nothing(
        self, office_server: EventStoreProcess, office_valkey: ValkeyProcess, sandbox: SandboxProcess
    ) -> None:
        async with opened(office_server, office_valkey, sandbox, processors=1) as office:
            garbage = NewEvent(uuid4(), "PaymentInitiated", b"garbage", b"not JSON either")
            await office.store.append(PAYMENTS.stream(new_id()), [garbage], expected=NO_STREAM)
            stranger = CardMethod(provider="sandbox", sealed_token="sealed with another key")
            foreign = CardMethod(provider="nobody", sealed_token="-")
            for method in (stranger, foreign):
                payment_id = new_id()
                await write(office.store, payment_id, [terms(payment_id, "-", office.clock(), method=method)])
            payment_id = await office.initiate("tok_success")
            assert_outcome("tok_success", await office.settled(payment_id), office.movements(payment_id))

    async def test_payments_that_do_not_move_do_not_hold_up_those_behind_them(
        self, own_server: EventStoreProcess, own_valkey: ValkeyProcess, sandbox: SandboxProcess
    ) -> None:
        foreign = CardMethod(provider="nobody", sealed_token="-")
        async with opened(own_server, own_valkey, sandbox, processors=0) as office, open_redis(own_valkey.url) as redis:
            payments = [new_id() for _ in range(40)]
            for payment_id in payments[1:]:
                await write(office.store, payment_id, [terms(payment_id, "-", office.clock(), method=foreign)])
            await write(office.store, payments[0], [terms(payments[0], "tok_success", office.clock())])
            read_model = ReadModel(redis)

            async def all_due() -> bool:
                return set(await read_model.due("payment", office.clock(), at_most=100)) == set(payments)

            await eventually(all_due, what="all of them on the list")
            registry = ProviderRegistry({"sandbox": office.provider})
            pump = Pump(office.store, registry, PERFORMER, office.clock, POLICY)
            category = Processor(office.store, read_model, pump, concurrency=1, sweep_seconds=0.0).payments()
            for _ in range(10):
                await category.sweep()
            state = (await load(office.store, PAYMENTS, payments[0])).state
            assert_outcome("tok_success", state, office.movements(payments[0]))

    async def test_over_a_restart_of_the_event_store_it_goes_on(
        self, own_server: EventStoreProcess, own_valkey: ValkeyProcess, sandbox: SandboxProcess
    ) -> None:
        async with opened(own_server, own_valkey, sandbox, processors=2) as office:
            before = [await office.initiate("tok_slow") for _ in range(5)]
            own_server.kill()
            await asyncio.to_thread(own_server.start)
            after = [await office.initiate("tok_success") for _ in range(5)]
            for payment_id in (*before, *after):
                assert_outcome("tok_success", await office.settled(payment_id), office.movements(payment_id))


async def _asked(office: Office, times: int) -> bool:
    return office.provider.asked.count("authorize") >= times
