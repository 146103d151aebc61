"""What is read of an order's payment agrees with the order, although the two are projected apart."""

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from app.access.model import MerchantCaller
from app.domain.ids import MerchantId
from app.domain.order.model import AttemptStatus
from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import PaymentStatus
from app.eventstore.port import EventStore
from app.gateway.queries import Queries
from projections.fold import payment_updates
from projections.names import Topic
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from tests.integration.payments import begun, new_id, refunded, settled, write


async def payment_of(
    store: EventStore, redis: Redis, outcome: AttemptStatus, *, known: int, life: Callable[[str], list[PaymentEvent]]
) -> PaymentStatus:
    """What is answered for a payment of which the read model has only the first `known` events."""
    payment_id = new_id()
    events = life(payment_id)
    await write(store, payment_id, events)
    folded, updates = payment_updates(events[:known])
    assert folded is not None
    writes = Publisher(redis).batch()
    await writes.write(Topic("payment", payment_id), folded.view, updates[-1], None)
    await writes.send()
    caller = MerchantCaller(MerchantId(folded.view.merchant_id))
    view = await Queries(store, ReadModel(redis)).payment_of_order(caller, payment_id, outcome)
    assert view is not None
    return view.status


async def test_the_payment_of_a_paid_order_has_succeeded_even_if_the_read_model_has_not_heard_of_it(
    store: EventStore, redis: Redis
) -> None:
    status = await payment_of(store, redis, AttemptStatus.PAID, known=len(begun("")), life=settled)
    assert status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("outcome", [AttemptStatus.REFUSED, AttemptStatus.RETURNED, AttemptStatus.STUCK])
async def test_money_that_went_back_is_seen_to_have_gone_back(
    store: EventStore, redis: Redis, outcome: AttemptStatus
) -> None:
    status = await payment_of(store, redis, outcome, known=len(settled("")), life=refunded)
    assert status is PaymentStatus.REFUNDED


async def test_while_the_order_knows_of_no_outcome_its_payment_is_as_the_read_model_has_it(
    store: EventStore, redis: Redis
) -> None:
    status = await payment_of(store, redis, AttemptStatus.OPEN, known=len(begun("")), life=settled)
    assert status is PaymentStatus.PROCESSING
