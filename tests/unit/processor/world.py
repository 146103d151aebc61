"""One order with its customers, its merchant, their provider and its processors, in a time that passes when it is told.

Everything that happens here can happen in the field, and is told by name, so that a test reads as a story.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.order.events import OrderEvent
from app.domain.order.evolve import evolve as evolve_order
from app.domain.order.model import Cancel as CancelOrder
from app.domain.order.model import NotPlaced, OrderCommand, OrderState, Pending, Place, Placed, StartPayment
from app.domain.payment.events import ActionRequired, PaymentEvent, PaymentInitiated, RedirectMethod
from app.domain.payment.evolve import evolve as evolve_payment
from app.domain.payment.model import (
    Authorized,
    Capture,
    Existing,
    Initiate,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RecordReport,
)
from app.domain.payment.next_action import Policy
from app.domain.refusals import Refusal
from app.eventstore.codec import Cause, decode, new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, Kind, transact
from app.processor.orders import OrderPump
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.registry import ProviderRegistry
from tests.support.builders import PRICE, START, initiated, placed
from tests.support.remembering_store import RememberingStore
from tests.support.virtual_processor import Clock, VirtualProcessor
from tests.unit.domain.payment.model_provider import Fate, ModelProvider, Temper
from tests.unit.processor.model_adapter import SESSION_LIFE, ModelAdapter, Moment

T = TypeVar("T")
Event = TypeVar("Event")
State = TypeVar("State")

Acts = Literal["approves", "pays", "leaves", "hesitates"]

ORDER = "ord_1"
PERFORMER = Performer(Vault(SecretStr("a secret key of at least 32 characters")), lambda _: "https://pay.test/return")
MOST_TURNS = 10_000


@dataclass
class Told(Generic[Event, State]):
    """A stream as it was written; `states[n]` is what its first n events came to."""

    kind: Kind[Any, Any, Any]
    evolve: Callable[[State, Event], State]
    states: list[State]
    events: list[Event] = field(default_factory=list)

    def after(self, store: RememberingStore, entity_id: str) -> "Told[Event, State]":
        """The same, with what was written since."""
        for recorded in store.events(self.kind.stream(entity_id))[len(self.events) :]:
            self.events.append(decode(recorded, self.kind.events))
            self.states.append(self.evolve(self.states[-1], self.events[-1]))
        return self


@dataclass
class World:
    """`through` is what stands between the processors and the store.

    `notices_are_lost`: no webhook ever arrives, and a customer acts only where one can: asked to, and while the session
    at the provider lasts. Then whatever the provider did is to be found by asking. `merchant_takes`: what becomes of a
    hold that stands still with no deadline. `sessions_stay`: as of the model provider.
    """

    policy: Policy = field(default_factory=Policy)
    notices_are_lost: bool = False
    merchant_takes: bool = False
    sessions_stay: bool = False
    through: Callable[["World", RememberingStore], Any] = lambda _, store: store
    clock: Clock = field(default_factory=lambda: Clock(START))
    store: RememberingStore = field(default_factory=RememberingStore)
    working: list[asyncio.Task[None]] = field(default_factory=list)
    """Processors that went to sleep over what they do."""

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.provider = ModelAdapter(self.clock)
        self.processors = VirtualProcessor(
            self.store, self._pump, self.clock, self._people, lambda store: self.through(self, store)
        )
        self._order: Told[OrderEvent, OrderState] = Told(ORDERS, evolve_order, [NotPlaced()])
        self._payments: dict[str, Told[PaymentEvent, PaymentState]] = {}

    def _pump(self, store: EventStore) -> Pump:
        return Pump(store, ProviderRegistry({"model": self.provider}), PERFORMER, self.clock, self.policy)

    def end(self) -> None:
        """Leave nothing behind."""
        self.stop()
        self.loop.close()

    # What merchants and customers do

    def place(self, temper: Temper, *, within: int | None, pay_within: int | None, manual: bool = False) -> None:
        """Place the order, to be paid within so many seconds, and by this payment within so many of its own."""
        terms = placed(expires_at=self.seconds_from_now(within))
        self.tell_order(Place(terms, self._payment(temper, terms.expires_at, pay_within, manual=manual)))

    def try_again(
        self, temper: Temper, *, pay_within: int | None, manual: bool = False, begun: bool = False
    ) -> str | None:
        """Try another payment; None where none may be tried. `begun`: the gateway lives long enough to begin it."""
        payment = self._payment(temper, self.placed.terms.expires_at, pay_within, manual=manual)
        if not self.tell_order(StartPayment(payment, self.clock.now)):
            del self.books[payment.payment_id]
            return None
        if begun:
            self.tell(payment.payment_id, Initiate(payment))
        return payment.payment_id

    def _payment(
        self, temper: Temper, deadline: datetime | None, pay_within: int | None, *, manual: bool
    ) -> PaymentInitiated:
        payment_id = f"pay_{len(self.books) + 1}"
        self.books[payment_id] = ModelProvider(temper, PRICE, sessions_stay=self.sessions_stay)
        method = RedirectMethod(provider="model")
        # Nobody may pay for longer than the order can be paid.
        deadlines = [each for each in (self.seconds_from_now(pay_within), deadline) if each]
        return initiated(
            payment_id=payment_id,
            method=method,
            order_id=ORDER,
            manual=manual,
            expires_at=min(deadlines, default=None),
            at=self.clock.now,
        )

    def cancel(self) -> bool:
        """Call the order off; whether it could be."""
        return self.tell_order(CancelOrder(self.clock.now))

    def customer(self, payment_id: str, acts: Acts, *, heard_at_once: bool = False) -> None:
        """The customer of a payment acts at the provider, who may tell at once."""
        asked = any(isinstance(event, ActionRequired) for event in self.history(payment_id).events)
        if self.notices_are_lost and not (asked and self.clock.now < self.terms(payment_id).at + SESSION_LIFE):
            return
        told = len(self.books[payment_id].notices)
        self.books[payment_id].customer(acts)
        if heard_at_once and len(self.books[payment_id].notices) > told:
            self.notice(payment_id, told)

    def notice(self, payment_id: str, number: int) -> None:
        """A webhook arrives."""
        if not self.notices_are_lost:
            operation, report, refund_id = self.books[payment_id].notices[number]
            self.tell(payment_id, RecordReport(operation, report, self.clock.now, refund_id))

    def tell_order(self, command: OrderCommand) -> bool:
        """Whether it changed anything."""
        return self.run(self.carry_out(ORDERS, ORDER, command))

    def tell(self, payment_id: str, command: PaymentCommand) -> bool:
        """Whether it changed anything."""
        return self.run(self.carry_out(PAYMENTS, payment_id, command))

    async def carry_out(self, kind: Kind[Any, Any, Any], entity_id: str, command: object) -> bool:
        """Whether a command changed anything; it may be refused."""
        with suppress(Refusal):
            return bool((await transact(self.store, kind, entity_id, command, new_cause(entity_id))).appended)
        return False

    # What processors do

    def next_call(
        self, fate: Fate = Fate.ANSWERED, *, calls: int = 1, refuses: bool = False, falls_asleep: Moment | None = None
    ) -> None:
        """What becomes of the next call to the provider, or of some of them."""
        self.provider.fate, self.provider.calls = fate, calls
        self.provider.refuses, self.provider.falls_asleep = refuses, falls_asleep

    def hear(self, number: int, *, again: bool = False) -> None:
        """A processor hears of one thing that was written; `again`: and it is told once more later."""
        event = self.store.heard[number]
        if not again:
            del self.store.heard[number]
        self.work(self.processors.react(event))

    def hear_everything(self) -> None:
        """Processors hear of everything, and of what comes of it."""
        self.work(self.processors.work())

    def sweep(self) -> None:
        """The sweep comes by."""
        self.work(self.processors.sweep())

    def look_after(self, payment_id: str) -> None:
        """A processor looks at one payment, and not at its order."""
        self.work(self._looks(self._pump(self.processors.between).run, payment_id))

    def look_after_order(self) -> None:
        """A processor looks at the order."""
        self.work(self.looks_after_order())

    async def looks_after_order(self) -> None:
        await self._looks(OrderPump(self.processors.between, self.clock).run, ORDER)

    async def _looks(self, run: Callable[[str, Cause], Awaitable[bool]], entity_id: str) -> None:
        await run(entity_id, new_cause(entity_id))

    def catch_up(self) -> None:
        """Everything is done that can be done now: what is due, and what comes of it."""
        written = -1
        while not self.provider.asleep and len(self.store.everything) > written:
            written = len(self.store.everything)
            self.hear_everything()
            self.sweep()
            self.hear_everything()

    def wake(self, number: int) -> None:
        """A processor that fell asleep goes on."""
        self.provider.asleep.pop(number).set_result(None)
        self.run(self._until_done_or_asleep())

    def stop(self) -> None:
        """Every processor is stopped."""
        for task in self.working:
            task.cancel()
        self.run(_gathered(self.working))
        self.working.clear()
        self.provider.asleep.clear()

    def work(self, what: Coroutine[Any, Any, None]) -> None:
        """Have a processor do something until it has done it, or falls asleep over it."""
        self.working.append(self.loop.create_task(what))
        self.run(self._until_done_or_asleep())

    async def _until_done_or_asleep(self) -> None:
        for _ in range(MOST_TURNS):
            if len(self._still_working()) <= len(self.provider.asleep):
                return
            await asyncio.sleep(0)
        raise AssertionError("a processor neither ends nor sleeps")

    def _still_working(self) -> list[asyncio.Task[None]]:
        for task in self.working:
            if task.done():
                task.result()
        self.working = [task for task in self.working if not task.done()]
        return self.working

    def come_to_rest(self) -> None:
        """Everybody does their work, and whatever was still on its way arrives."""
        self.next_call()
        self.run(self.processors.rest())
        while self.provider.asleep:
            self.wake(0)
        self.run(self.processors.rest())
        for payment_id, books in self.books.items():
            for number in range(len(books.notices)):
                self.notice(payment_id, number)
        self.run(self.processors.rest())

    async def _people(self) -> bool:
        """A hold with no deadline stands still until somebody decides what is to become of it."""
        order = self.order
        if not isinstance(order, Pending) or order.under_way is None or order.terms.expires_at:
            return False
        payment_id = order.under_way.payment_id
        state = self.state(payment_id)
        if not isinstance(state, Authorized):
            return False
        if self.merchant_takes and not state.refused_voids:
            await transact(self.store, PAYMENTS, payment_id, Capture(self.clock.now), new_cause(payment_id))
        else:
            await transact(self.store, ORDERS, ORDER, CancelOrder(self.clock.now), new_cause(ORDER))
        return True

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)

    # Where everything stands

    @property
    def books(self) -> dict[str, ModelProvider]:
        """The provider's, by payment."""
        return self.provider.books

    @property
    def quiet(self) -> bool:
        """Whether processors have heard of everything and finished what came of it."""
        return not (self.store.heard or self.provider.asleep or self.working)

    @property
    def order_history(self) -> Told[OrderEvent, OrderState]:
        return self._order.after(self.store, ORDER)

    @property
    def order(self) -> OrderState:
        return self.order_history.states[-1]

    @property
    def placed(self) -> Placed:
        order = self.order
        assert not isinstance(order, NotPlaced)
        return order

    def history(self, payment_id: str) -> Told[PaymentEvent, PaymentState]:
        told = self._payments.setdefault(payment_id, Told(PAYMENTS, evolve_payment, [NotInitiated()]))
        return told.after(self.store, payment_id)

    def state(self, payment_id: str) -> PaymentState:
        return self.history(payment_id).states[-1]

    def existing(self, payment_id: str) -> Existing:
        state = self.state(payment_id)
        assert not isinstance(state, NotInitiated)
        return state

    def terms(self, payment_id: str) -> PaymentInitiated:
        """How a payment begins, whether or not it has."""
        terms = next(each.terms for each in self.placed.attempts if each.payment_id == payment_id)
        assert terms
        return terms

    def deadlines(self) -> list[datetime]:
        """When something of this world ends by itself."""
        of_payments = [self.terms(payment_id).expires_at for payment_id in self.books]
        return sorted({each for each in (self.placed.terms.expires_at, *of_payments) if each})

    def pass_seconds(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def seconds_from_now(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.clock.now + timedelta(seconds=seconds)


async def _gathered(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
