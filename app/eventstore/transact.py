"""Load, fold, decide, append; again when another writer came first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args
from uuid import uuid4

from pydantic import BaseModel

from app.domain.contact import decide as contact_decide
from app.domain.contact import evolve as contact_evolve
from app.domain.contact.events import ContactEvent
from app.domain.contact.model import ContactCommand, Contacts
from app.domain.delivery import decide as delivery_decide
from app.domain.delivery import evolve as delivery_evolve
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import DeliveryCommand, DeliveryState
from app.domain.endpoints import decide as endpoints_decide
from app.domain.endpoints import evolve as endpoints_evolve
from app.domain.endpoints.events import EndpointEvent
from app.domain.endpoints.model import EndpointCommand, Endpoints
from app.domain.order import decide as order_decide
from app.domain.order import evolve as order_evolve
from app.domain.order.events import OrderEvent
from app.domain.order.model import OrderCommand, OrderState
from app.domain.payment import decide as payment_decide
from app.domain.payment import evolve as payment_evolve
from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import PaymentCommand, PaymentState
from app.eventstore.codec import Cause, decode, encode
from app.eventstore.port import EventStore, WrongRevision

Event = TypeVar("Event", bound=BaseModel)
Command = TypeVar("Command")
State = TypeVar("State")

_MOST_TRIES = 20


@dataclass(frozen=True)
class Kind(Generic[Event, Command, State]):
    """One kind of stream: its category and the pure functions over it."""

    category: str
    events: Mapping[str, type[Event]]
    fold: Callable[[Sequence[Event]], State]
    decide: Callable[[Command, State], list[Event]]

    def stream(self, entity_id: str) -> str:
        """The stream of one payment or order."""
        return f"{self.category}-{entity_id}"

    def entity_id(self, stream: str) -> str:
        """The id of the payment or order whose stream it is."""
        return stream.removeprefix(f"{self.category}-")


def _by_name(union: Any) -> dict[str, Any]:
    return {kind.__name__: kind for kind in get_args(union)}


PAYMENTS: Kind[PaymentEvent, PaymentCommand, PaymentState] = Kind(
    "payment", _by_name(PaymentEvent), payment_evolve.fold, payment_decide.decide
)
ORDERS: Kind[OrderEvent, OrderCommand, OrderState] = Kind(
    "order", _by_name(OrderEvent), order_evolve.fold, order_decide.decide
)
DELIVERIES: Kind[DeliveryEvent, DeliveryCommand, DeliveryState] = Kind(
    "delivery", _by_name(DeliveryEvent), delivery_evolve.fold, delivery_decide.decide
)
ENDPOINTS: Kind[EndpointEvent, EndpointCommand, Endpoints] = Kind(
    "endpoints", _by_name(EndpointEvent), endpoints_evolve.fold, endpoints_decide.decide
)
CONTACTS: Kind[ContactEvent, ContactCommand, Contacts] = Kind(
    "contacts", _by_name(ContactEvent), contact_evolve.fold, contact_decide.decide
)
"""One stream per payment or order, by its id: whom to tell of it."""


@dataclass(frozen=True)
class History(Generic[Event, State]):
    """All events of one stream and the state they fold to. Event n has revision n."""

    events: tuple[Event, ...]
    state: State

    @property
    def revision(self) -> int:
        """The revision of the last event; `NO_STREAM` when there is none."""
        return len(self.events) - 1


PaymentHistory = History[PaymentEvent, PaymentState]
OrderHistory = History[OrderEvent, OrderState]


@dataclass(frozen=True)
class Outcome(Generic[Event, State]):
    """What a command came to: `appended` is empty when nothing was left to do."""

    history: History[Event, State]
    appended: tuple[Event, ...]


async def load(
    store: EventStore,
    kind: Kind[Event, Command, State],
    entity_id: str,
    *,
    known: History[Event, State] | None = None,
) -> History[Event, State]:
    """The history of one payment or order; empty when there is none. What is `known` of it is not read again.

    Raises `UnreadableEvent` and `StoreUnavailable`.
    """
    before = empty(kind) if known is None else known
    recorded = await store.read(kind.stream(entity_id), after=before.revision)
    if not recorded:
        return before
    events = (*before.events, *(decode(event, kind.events) for event in recorded))
    return History(events, kind.fold(events))


async def transact(
    store: EventStore,
    kind: Kind[Event, Command, State],
    entity_id: str,
    command: Command,
    cause: Cause,
    *,
    known: History[Event, State] | None = None,
) -> Outcome[Event, State]:
    """Carry out `command` on one payment or order and return when the store has acknowledged it.

    `known` saves the first load. Raises the `Refusal`s of `decide`, `StoreUnavailable` (outcome unknown: the same
    command again is safe) and, against writers who always come first, `WrongRevision`.
    """
    history = known if known is not None else await load(store, kind, entity_id)
    # Of two who decide the same, say to call a provider, exactly one must learn that it was the one.
    writer = uuid4().hex
    for tries_left in reversed(range(_MOST_TRIES)):
        decided = tuple(kind.decide(command, history.state))
        if not decided:
            return Outcome(history, ())
        stream = kind.stream(entity_id)
        try:
            events = encode(stream, history.revision, decided, cause, writer=writer)
            await store.append(stream, events, expected=history.revision)
        except WrongRevision:
            if not tries_left:
                raise
            history = await load(store, kind, entity_id)
        else:
            whole = (*history.events, *decided)
            return Outcome(History(whole, kind.fold(whole)), decided)
    raise AssertionError("unreachable")


def empty(kind: Kind[Event, Command, State]) -> History[Event, State]:
    """The history of a stream that is taken not to exist yet."""
    return History((), kind.fold(()))
