"""`given(events).when(command).then(events)`: how a rule of a decider is written down as a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest

from app.domain.delivery import decide as delivery_decide
from app.domain.delivery import evolve as delivery_evolve
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import DeliveryCommand, DeliveryState, NothingOwed
from app.domain.endpoints import decide as endpoints_decide
from app.domain.endpoints import evolve as endpoints_evolve
from app.domain.endpoints.events import EndpointEvent
from app.domain.endpoints.model import EndpointCommand, Endpoints
from app.domain.order import decide as order_decide
from app.domain.order import evolve as order_evolve
from app.domain.order.events import OrderEvent
from app.domain.order.model import NotPlaced, OrderCommand, OrderState
from app.domain.payment import decide as payment_decide
from app.domain.payment import evolve as payment_evolve
from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import NotInitiated, PaymentCommand, PaymentState
from app.domain.refusals import Refusal

Command = TypeVar("Command")
State = TypeVar("State")
Event = TypeVar("Event")


@dataclass(frozen=True)
class Decider(Generic[Command, State, Event]):
    """The two functions and the state before any event."""

    decide: Callable[[Command, State], list[Event]]
    evolve: Callable[[State, Event], State]
    initial: State

    def given(self, *events: Event) -> "Given[Command, State, Event]":
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return Given(self, events, state)


@dataclass(frozen=True)
class Given(Generic[Command, State, Event]):
    """What has happened, and where that leaves things."""

    decider: Decider[Command, State, Event]
    events: tuple[Event, ...]
    state: State

    def after(self, *commands: Command) -> "Given[Command, State, Event]":
        """What has happened once these commands, too, are carried out."""
        given = self
        for command in commands:
            decided = self.decider.decide(command, given.state)
            given = self.decider.given(*given.events, *decided)
        return given

    def when(self, *commands: Command) -> "When[Command, State, Event]":
        """Carry out the commands; what follows is about the last of them."""
        *earlier, last = commands
        return When(self.after(*earlier), last)


@dataclass(frozen=True)
class When(Generic[Command, State, Event]):
    """A command about to be carried out."""

    given: Given[Command, State, Event]
    command: Command

    def then(self, *events: Event) -> Given[Command, State, Event]:
        """Exactly these events follow, and the state takes them in."""
        decided = self.given.decider.decide(self.command, self.given.state)
        assert decided == list(events)
        return self.given.after(self.command)

    def then_nothing(self) -> Given[Command, State, Event]:
        """No event follows."""
        return self.then()

    def then_refused(self, kind: type[Refusal], **attributes: Any) -> None:
        """The command may not be; the refusal says what it has to."""
        with pytest.raises(kind) as refused:
            self.given.decider.decide(self.command, self.given.state)
        assert {name: getattr(refused.value, name) for name in attributes} == attributes
        assert str(refused.value)
        assert refused.value.code == kind.__name__


PAYMENT: Decider[PaymentCommand, PaymentState, PaymentEvent] = Decider(
    payment_decide.decide, payment_evolve.evolve, NotInitiated()
)
ORDER: Decider[OrderCommand, OrderState, OrderEvent] = Decider(order_decide.decide, order_evolve.evolve, NotPlaced())
DELIVERY: Decider[DeliveryCommand, DeliveryState, DeliveryEvent] = Decider(
    delivery_decide.decide, delivery_evolve.evolve, NothingOwed()
)
ENDPOINTS: Decider[EndpointCommand, Endpoints, EndpointEvent] = Decider(
    endpoints_decide.decide, endpoints_evolve.evolve, Endpoints()
)
