"""What processors write is looked at in the moment in which they do: whether it is so, and whether it may be by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import reports
from app.domain.order import events as of_order
from app.domain.payment import events as of_payment
from app.domain.payment import model as payment
from app.domain.payment.events import Operation
from app.eventstore.port import NewEvent
from app.eventstore.transact import ORDERS, PAYMENTS
from tests.support.remembering_store import RememberingStore
from tests.unit.processor.world import World


@dataclass(frozen=True)
class Witness:
    """The store as processors see it; what goes through to it is looked at."""

    world: World
    store: RememberingStore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        await self.store.append(stream, events, expected=expected)
        if any(event.type == of_payment.PaymentExpired.__name__ for event in events):
            payment_expires_in_its_time(self.world, PAYMENTS.entity_id(stream))
        if any(event.type == of_payment.ProviderCallMissing.__name__ for event in events):
            nobody_knows_of_the_call(self.world, PAYMENTS.entity_id(stream))
        if any(event.type == of_order.OrderRejected.__name__ for event in events):
            order_is_rejected_in_its_time(self.world)
        if stream.startswith(ORDERS.category):
            what_was_found_is_so(self.world, len(events))


def payment_expires_in_its_time(world: World, payment_id: str) -> None:
    """Its deadline is behind it, and the provider was asked since then, and said that no customer has paid."""
    history = world.history(payment_id).events
    expired = next(event for event in reversed(history) if isinstance(event, of_payment.PaymentExpired))
    if expired.by_provider:
        return
    actions = [event.at for event in history if isinstance(event, of_payment.ActionRequired)]
    deadline = world.terms(payment_id).expires_at or actions[-1] + world.policy.customer_patience
    assert expired.at >= deadline, f"{payment_id} has expired before its time"
    if actions:
        asked_at, answer = world.provider.said[payment_id]
        assert asked_at >= deadline, f"{payment_id} has expired and nobody asked whether it was paid"
        assert not isinstance(answer, reports.Authorized | reports.Captured), f"{payment_id} has expired and was paid"


def nobody_knows_of_the_call(world: World, payment_id: str) -> None:
    """The provider says so, and can say so by now: else trying again might charge twice, and giving up lose money."""
    missing = next(
        event
        for event in reversed(world.history(payment_id).events)
        if isinstance(event, of_payment.ProviderCallMissing)
    )
    if missing.operation is Operation.AUTHORIZE:
        _, answer = world.provider.said[payment_id]
        assert answer == reports.Missing(conclusive=True), f"{answer} is taken for no trace of {payment_id}"


def what_was_found_is_so(world: World, written: int) -> None:
    """An order is confirmed by money that was taken, and what was returned is not on its way any more."""
    for event in world.order_history.events[-written:]:
        match event:
            case of_order.OrderConfirmed(payment_id=payment_id):
                assert has_money(world.state(payment_id)), f"confirmed by {payment_id}, which has no money"
            case of_order.OrderPaymentReturned(payment_id=payment_id):
                books = world.books[payment_id]
                assert books.taken == books.given_back, f"{payment_id} counts as returned and keeps money"
                assert books.money != "held", f"{payment_id} counts as returned and holds"


def order_is_rejected_in_its_time(world: World) -> None:
    """There is no time left and no payment that has taken money; without a deadline one has failed."""
    rejected = world.order_history.events[-1]
    assert isinstance(rejected, of_order.OrderRejected)
    deadline = world.placed.terms.expires_at
    if deadline:
        assert rejected.at >= deadline, "the order is rejected before its time"
    assert (rejected.reason == "expired") == (deadline is not None)
    for payment_id in world.books:
        assert not has_money(world.state(payment_id)), f"the order is rejected though {payment_id} has money for it"


def has_money(state: payment.PaymentState) -> bool:
    """Whether it has taken what could be an order's."""
    return isinstance(state, payment.Captured) and state.refundable > 0
