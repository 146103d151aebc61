"""One order and its payments, brought to their end by hand: the real providers' simulators, the real event store, and
time that passes in leaps."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.domain.order.events import OrderItem, OrderPlaced
from app.domain.order.model import (
    AttemptStatus,
    Cancel,
    NotPlaced,
    OrderCommand,
    OrderStatus,
    Pending,
    Place,
    Placed,
    StartPayment,
)
from app.domain.order.model import status_of as order_status_of
from app.domain.payment.events import (
    ActionRequired,
    CardMethod,
    Method,
    MoneyToReturn,
    Operation,
    PaymentEvent,
    PaymentInitiated,
    RefundFailed,
)
from app.domain.payment.model import (
    AwaitingCustomer,
    Call,
    Captured,
    Existing,
    Initiate,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    PaymentStatus,
    RecordReport,
    status_of,
)
from app.domain.payment.next_action import Policy
from app.domain.refusals import IllegalTransition
from app.eventstore.codec import decode, new_cause
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.tokens import keep
from app.eventstore.transact import ORDERS, PAYMENTS, load, transact
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.registry import ProviderRegistry
from tests.integration.payments import new_id
from tests.integration.ways import VAULT, Way, act
from tests.support.remembering_store import RememberingStore
from tests.support.sandbox_process import SandboxProcess
from tests.support.virtual_processor import Clock, VirtualProcessor

POLICY = Policy(call_timeout=timedelta(seconds=20))
PERFORMER = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")


@dataclass
class Shop:
    """One order. `through` is what stands between the processor and the store."""

    behind: EventStore
    providers: ProviderRegistry
    sandbox: SandboxProcess
    browser: httpx.AsyncClient
    through: Callable[[RememberingStore], Any] = lambda store: store
    order_id: str = field(default_factory=lambda: f"ord_{uuid4().hex}")
    merchant_id: str = "acme"
    clock: Clock = field(default_factory=lambda: Clock(datetime.now(UTC)))
    ways: dict[str, Way] = field(default_factory=dict)
    """How each of the payments is to be paid, by its id."""
    other_ways: list[Way] = field(default_factory=list)
    """How the customer tries again while the order is not paid, one after the other."""
    reluctant: set[str] = field(default_factory=set)
    """Payments whose customer does not act of themselves."""
    cancels_when_asked: bool = False
    """Whether the order is called off as soon as its customer is asked to act."""
    paid: set[str] = field(default_factory=set)
    """Payments whose customer has acted."""
    placed: Callable[["Shop"], Awaitable[None]] | None = None
    """What happens as soon as the order is placed."""

    def __post_init__(self) -> None:
        self.store = RememberingStore(self.behind)
        self.processor = VirtualProcessor(self.store, self._pump, self.clock, self._customers, self.through)

    def _pump(self, store: EventStore) -> Pump:
        return Pump(store, self.providers, PERFORMER, self.clock, POLICY)

    async def place(self, way: Way, *, expires_in: timedelta | None = None, pay_within: timedelta | None = None) -> str:
        """Place the order, to be paid this way; the payment's id.

        As whenever the gateway ends too early, beginning the payment is left to the processor.
        """
        payment = await self._terms(way, pay_within or expires_in)
        price = way.price
        terms = OrderPlaced(
            order_id=self.order_id,
            merchant_id=self.merchant_id,
            idempotency_key=self.order_id,
            fingerprint="f",
            items=(OrderItem(sku="thing", quantity=1, unit_amount=price.amount),),
            total=price.amount,
            currency=price.currency,
            expires_at=self.clock.now + expires_in if expires_in else None,
            at=self.clock.now,
        )
        await self.command(Place(terms, payment))
        if self.placed is not None:
            await self.placed(self)
        return payment.payment_id

    async def _try_again(self) -> bool:
        """Begin another payment if the order wants one."""
        order = await self.order()
        if not self.other_ways or not isinstance(order, Pending) or order.under_way:
            return False
        payment = await self._terms(self.other_ways.pop(0), None)
        await self.command(StartPayment(payment, self.clock.now))
        return True

    async def _terms(self, way: Way, expires_in: timedelta | None) -> PaymentInitiated:
        payment_id = new_id()
        self.ways[payment_id] = way
        return PaymentInitiated(
            payment_id=payment_id,
            merchant_id=self.merchant_id,
            idempotency_key=payment_id,
            fingerprint="f",
            amount=way.price.amount,
            currency=way.price.currency,
            method=await self._method(way, payment_id),
            order_id=self.order_id,
            expires_at=self.clock.now + expires_in if expires_in else None,
            at=self.clock.now,
        )

    async def _method(self, way: Way, payment_id: str) -> Method:
        if not isinstance(way.method, CardMethod):
            return way.method
        stream = f"token-{payment_id}-digest"
        await keep(self.store, stream, way.method.sealed_token, new_cause(payment_id))
        return CardMethod(provider=way.provider, token_stream=stream)

    async def cancel(self) -> bool:
        """Call the order off; whether it could be."""
        with suppress(IllegalTransition):
            await self.command(Cancel(self.clock.now, "changed my mind"))
            return True
        return False

    async def command(self, command: OrderCommand) -> None:
        await transact(self.store, ORDERS, self.order_id, command, new_cause(self.order_id))

    async def tell(self, payment_id: str, command: PaymentCommand) -> None:
        await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id))

    async def rest(self) -> None:
        await self.processor.rest()

    async def _customers(self) -> bool:
        acted = [await self.pay(payment_id) for payment_id in self.ways.keys() - self.paid - self.reluctant]
        return any(acted) or await self._try_again() or await self._cancel_when_asked()

    async def _cancel_when_asked(self) -> bool:
        asked = any(isinstance(self.payment_if_any(payment_id), AwaitingCustomer) for payment_id in self.ways)
        return self.cancels_when_asked and asked and await self.cancel()

    async def pay(self, payment_id: str) -> bool:
        """Who was ever asked to act does so, once, be it too late; whether they did."""
        asked = [event for event in self.history(payment_id) if isinstance(event, ActionRequired)]
        if not asked or payment_id in self.paid:
            return False
        self.paid.add(payment_id)
        await act(asked[0].action, self.sandbox.url, self.browser)
        return True

    async def take_money(self, payment_id: str) -> None:
        """Bring a payment to its capture before anybody looks at the order again."""
        terms = next(each.terms for each in (await self.order()).attempts if each.payment_id == payment_id)
        assert terms
        await self.tell(payment_id, Initiate(terms))
        await self._pump(self.store).run(payment_id, new_cause(payment_id))
        assert isinstance(self.payment(payment_id), Captured)

    async def hear_of(self, payment_id: str) -> None:
        """The provider tells of a payment, as a notice does."""
        provider = self.providers.get(self.ways[payment_id].provider)
        state, made = self.payment(payment_id), Call(Operation.AUTHORIZE, 1, self.clock.now)
        assert provider is not None
        report = await PERFORMER.look_up(provider, state, made, None, conclusive=False)
        await self.tell(payment_id, RecordReport(Operation.AUTHORIZE, report, self.clock.now))

    # What came of it

    async def order(self) -> Placed:
        state = (await load(self.store, ORDERS, self.order_id)).state
        assert not isinstance(state, NotPlaced)
        return state

    async def status(self) -> OrderStatus:
        return order_status_of(await self.order())

    def history(self, payment_id: str) -> list[PaymentEvent]:
        return [decode(event, PAYMENTS.events) for event in self.store.events(PAYMENTS.stream(payment_id))]

    def payment_if_any(self, payment_id: str) -> PaymentState:
        return PAYMENTS.fold(self.history(payment_id))

    def payment(self, payment_id: str) -> Existing:
        state = self.payment_if_any(payment_id)
        assert not isinstance(state, NotInitiated)
        return state

    async def moved(self, payment_id: str) -> dict[str, int]:
        """What moved for a payment by its provider's ledger, in minor units by operation."""
        reference = self.ways[payment_id].ledger_reference(payment_id)
        answer = await self.browser.get(f"{self.sandbox.url}/ledger", params={"reference": reference})
        sums: dict[str, int] = {}
        for movement in answer.raise_for_status().json():
            sums[movement["operation"]] = sums.get(movement["operation"], 0) + movement["amount"]
        return sums

    async def agrees(self) -> None:
        """Nothing waits any more, and the order, its payments and the providers' ledgers say the same."""
        assert self.processor.due_list().first() is None
        order = await self.order()
        assert order_status_of(order).final
        assert {attempt.payment_id for attempt in order.attempts} == self.ways.keys()
        kept = [await self._agrees(attempt.payment_id, attempt.status) for attempt in order.attempts]
        assert kept.count(True) == (order_status_of(order) is OrderStatus.CONFIRMED)
        for stream in (ORDERS.stream(self.order_id), *(PAYMENTS.stream(payment_id) for payment_id in self.ways)):
            assert identities(await self.behind.read(stream)) == identities(self.store.events(stream))
        for payment_id in self.ways:
            assert self.store.events(f"token-{payment_id}-digest") == []

    async def _agrees(self, payment_id: str, attempt: AttemptStatus) -> bool:
        """Whether the payment's money is kept, as it should be."""
        moved, history, price = (
            await self.moved(payment_id),
            self.history(payment_id),
            self.ways[payment_id].price.amount,
        )
        status = status_of(self.payment(payment_id))
        taken, back = moved.get("capture", 0), moved.get("refund", 0)
        by_people = sum(event.amount for event in history if isinstance(event, MoneyToReturn))
        assert taken in (0, price), "charged twice"
        # What was held and not taken is not held any more.
        assert moved.get("authorize", taken) == taken + moved.get("void", 0)
        match attempt:
            case AttemptStatus.PAID:
                assert (status, taken, back, by_people) == (PaymentStatus.SUCCEEDED, price, 0, 0)
                return True
            case AttemptStatus.ENDED:
                assert status in _WITHOUT_MONEY
                assert taken == back + by_people
            case AttemptStatus.RETURNED:
                assert status is PaymentStatus.REFUNDED or status in _WITHOUT_MONEY
                assert taken == back
            case AttemptStatus.STUCK:
                # Nobody but people can give it back, and that is written down.
                assert not self.gives_back(payment_id)
                assert (status, taken, back) == (PaymentStatus.SUCCEEDED, price, 0)
                assert isinstance(history[-1], RefundFailed)
                assert history[-1].code == "refund_by_hand"
            case _:
                raise AssertionError(f"an attempt cannot rest {attempt}")
        return False

    def gives_back(self, payment_id: str) -> bool:
        """Whether the provider of a payment can give money back."""
        provider = self.providers.get(self.ways[payment_id].provider)
        assert provider is not None
        return provider.capabilities.refunds


@dataclass(frozen=True)
class Street:
    """Where shops are opened."""

    store: EventStore
    providers: ProviderRegistry
    sandbox: SandboxProcess
    browser: httpx.AsyncClient

    def shop(self, **given: Any) -> Shop:
        """One more, with an order of its own."""
        return Shop(self.store, self.providers, self.sandbox, self.browser, **given)


def identities(events: Sequence[RecordedEvent]) -> list[tuple[int, str, object]]:
    return [(event.revision, event.type, event.id) for event in events]


_WITHOUT_MONEY = (PaymentStatus.FAILED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)
